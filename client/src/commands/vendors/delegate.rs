//! Letting another account publish releases in the vendor's name.

use crate::{
	commands::{Address, Done},
	context::Context,
	error::Result,
};
use serde::Serialize;
use std::fmt;
use subxt::{tx::Payload, utils::MultiAddress};
use waybill_chain::{api, Account, Chain, Included, Patience};

use api::runtime_types::waybill_runtime::{proxy::ProxyType, RuntimeCall};

/// Arguments of `delegate`.
#[derive(clap::Args, Debug)]
pub struct Args {
	/// The account that may publish
	delegate: Address,
	/// Take the permission back
	#[arg(long)]
	revoke: bool,
}

#[derive(Serialize)]
struct DelegateReport {
	vendor: Address,
	delegate: Address,
	allowed: bool,
}

impl fmt::Display for DelegateReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let may = if self.allowed { "may" } else { "may no longer" };
		write!(f, "{} {may} publish releases of {}", self.delegate, self.vendor)
	}
}

/// Gives the permission, or takes it back.
pub async fn run(args: Args, ctx: &Context) -> Result<()> {
	let account = ctx.account()?;
	let chain = ctx.chain(Patience::Brief).await?;
	let shown = ctx.progress.spinner("changing the permission");
	let delegate = MultiAddress::Id(args.delegate.0);
	let proxy = api::transactions().proxy();
	let included = if args.revoke {
		chain
			.submit(&account, &proxy.remove_proxy(delegate, ProxyType::ReleasePublishing, 0), ctx.config.wait.into())
			.await?
	} else {
		chain.submit(&account, &proxy.add_proxy(delegate, ProxyType::ReleasePublishing, 0), ctx.config.wait.into()).await?
	};
	drop(shown);
	let report = DelegateReport { vendor: Address(account.id()), delegate: args.delegate, allowed: !args.revoke };
	ctx.output.report(&Done::new(report, included.receipt()));
	Ok(())
}

/// Sends a call as the signing account, or in the name of another account that allowed it.
pub async fn submit_for<C: Payload>(
	chain: &Chain,
	account: &Account,
	vendor: Option<&Address>,
	call: &C,
	inner: impl FnOnce() -> RuntimeCall,
	ctx: &Context,
) -> Result<Included> {
	let submitted = match vendor {
		None => chain.submit(account, call, ctx.config.wait.into()).await,
		Some(vendor) => {
			let call = api::transactions().proxy().proxy(MultiAddress::Id(vendor.0), None, inner());
			chain.submit(account, &call, ctx.config.wait.into()).await
		},
	};
	Ok(submitted?)
}
