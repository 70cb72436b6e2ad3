//! `waybill device check`

use super::StateArgs;
use crate::{
	chain::Patience,
	context::Context,
	device::{check_release, Home, Verdict},
	error::{Error, Result},
};
use serde::Serialize;
use std::fmt;
use waybill_primitives::{ReleaseId, Version};

/// Arguments.
#[derive(clap::Args, Debug)]
pub struct Args {
	#[command(flatten)]
	state: StateArgs,
	/// The release that somebody offers
	#[arg(long, value_name = "ID")]
	release: ReleaseId,
}

#[derive(Serialize)]
struct Accepted {
	release: ReleaseId,
	version: Version,
	installed: bool,
}

impl fmt::Display for Accepted {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let words = if self.installed { "is installed" } else { "may be installed" };
		write!(f, "release {} (version {}) {words}", self.release, self.version)
	}
}

/// Runs the command.
pub async fn run(args: &Args, ctx: &Context) -> Result<()> {
	let home = Home::read(args.state.path(ctx))?;
	let chain = ctx.chain(Patience::Brief).await?;
	if chain.genesis() != home.identity.genesis {
		return Err(Error::check("the node is one of another chain than the device belongs to; check --node"));
	}
	let release = chain.finalized().await?.release(args.release).await?;
	let release = release.ok_or_else(|| Error::not_found(format!("the final chain has no release {}", args.release)))?;
	let version = release.statement.version;
	let installed = match check_release(&home.profile()?, &release) {
		Ok(()) => false,
		Err(Verdict::Installed) => true,
		Err(Verdict::Refused(refusal)) => {
			let words = format!("the device refuses release {} (version {version}): {refusal}", args.release);
			return Err(Error::check(words).named(format!("{refusal:?}")));
		},
	};
	ctx.output.report(&Accepted { release: args.release, version, installed });
	Ok(())
}
