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

/// Who sends a call: the signing account for itself, or in the name of a vendor that allowed it.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
	/// Who signs and pays.
	pub account: &'a Account,
	/// The vendor, if it is another account.
	pub vendor: Option<&'a Address>,
}

impl Sender<'_> {
	/// Fails if the chain would refuse the call. `inner` is the same call.
	pub async fn rehearse<C: Payload>(&self, chain: &Chain, call: &C, inner: impl FnOnce() -> RuntimeCall) -> Result<()> {
		let refused = match self.vendor {
			None => chain.rehearse(self.account, call).await,
			Some(vendor) => chain.rehearse(self.account, &proxied(vendor, inner())).await,
		};
		Ok(refused?)
	}

	/// Sends the call. `inner` is the same call.
	pub async fn submit<C: Payload>(
		&self,
		chain: &Chain,
		call: &C,
		inner: impl FnOnce() -> RuntimeCall,
		ctx: &Context,
	) -> Result<Included> {
		let until = ctx.config.wait.into();
		let submitted = match self.vendor {
			None => chain.submit(self.account, call, until).await,
			Some(vendor) => chain.submit(self.account, &proxied(vendor, inner()), until).await,
		};
		Ok(submitted?)
	}
}

fn proxied(vendor: &Address, call: RuntimeCall) -> impl Payload {
	api::transactions().proxy().proxy(MultiAddress::Id(vendor.0), None, call)
}
