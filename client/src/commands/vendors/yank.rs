//! Yanking a release.

use super::{reason::Reason, signature::Sources};
use crate::{
	commands::{query::yank_name, Done},
	context::Context,
	error::{Error, Result},
};
use serde::Serialize;
use std::fmt;
use subxt::utils::Static;
use waybill_chain::{
	api,
	runtime::{text, wrapped},
	Patience,
};
use waybill_primitives::{ReleaseId, Yank, YankStatement};

/// Arguments of `yank`.
#[derive(clap::Args, Debug)]
pub struct Args {
	/// The release
	release: ReleaseId,
	/// Why
	#[arg(long, value_enum)]
	reason: Reason,
	/// A page that says more; only with the vendor's own account
	#[arg(long, value_name = "URL", conflicts_with_all = ["keys", "signatures"])]
	advisory: Option<String>,
	/// Release keys; with enough of them any account can yank the release, for example when the
	/// vendor's account is lost
	#[command(flatten)]
	sources: Sources,
}

#[derive(Serialize)]
struct YankReport {
	release: ReleaseId,
	reason: &'static str,
}

impl fmt::Display for YankReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "release {} is yanked ({}); reservations that stand are still paid", self.release, self.reason)
	}
}

/// Yanks a release.
pub async fn run(args: Args, ctx: &Context) -> Result<()> {
	let (release, reason) = (args.release, Yank::from(args.reason));
	let account = ctx.account()?;
	let chain = ctx.chain(Patience::Brief).await?;
	let shown = ctx.progress.spinner("yanking the release");
	let included = if args.sources.is_empty() {
		let call = api::transactions().firmware().yank_release(release, Static(reason), args.advisory.as_deref().map(text));
		chain.submit(&account, &call, ctx.config.wait.into()).await?
	} else {
		let unknown = || Error::not_found(format!("there is no release {release}"));
		let view = chain.best().await?;
		let vendor = view.release(release).await?.ok_or_else(unknown)?.vendor;
		let key_set = view.vendor(&vendor).await?.ok_or_else(unknown)?.key_set;
		let signatures = args.sources.gather(&YankStatement { release, reason }, &chain.genesis(), &key_set)?;
		let call = api::transactions().firmware().yank_release_signed(release, Static(reason), wrapped(signatures));
		chain.submit(&account, &call, ctx.config.wait.into()).await?
	};
	drop(shown);
	ctx.output.report(&Done::new(YankReport { release, reason: yank_name(reason) }, included.receipt()));
	Ok(())
}
