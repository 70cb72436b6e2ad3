//! `waybill device check`

use super::StateArgs;
use crate::{
	context::Context,
	error::{Error, Result},
};
use serde::Serialize;
use std::fmt;
use waybill_chain::{
	ledger::{Ledger, Node, State},
	Patience,
};
use waybill_daemon::clock::Time;
use waybill_device::{check_release, follow_keys, held_back, look, Home, Objection};
use waybill_exchange::Refusal;
use waybill_primitives::{ReleaseId, Version};

/// Arguments.
#[derive(clap::Args, Debug)]
pub struct Args {
	#[command(flatten)]
	state: StateArgs,
	/// The release to check
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
	let ledger = Node::new(ctx.chain(Patience::Brief).await?);
	if ledger.genesis().await? != home.identity.genesis.0 {
		return Err(waybill_device::Error::OtherChain.into());
	}
	// Nothing of this is stored. The device finds it out itself when it runs.
	let mut exchange = home.exchange(ctx.config.device.policy())?;
	let (state, now) = (ledger.newest().await?, Time::now());
	match look(&mut exchange, state.head(), now) {
		Ok(()) => {},
		Err(Refusal::StaleChainView) => {
			let since = home.memory()?.freeze.map_or(Time(state.head().timestamp_ms), |freeze| freeze.since_ms);
			let frozen = held_back(state.head(), since, now);
			return Err(waybill_device::Error::Frozen { frozen, why: None }.into());
		},
		Err(refusal) => return Err(waybill_device::Error::from(refusal).into()),
	}
	follow_keys(&mut exchange, &state, |_| Ok(())).await?;
	let release = state.release(args.release).await?;
	let release = release.ok_or_else(|| Error::not_found(format!("the final chain has no release {}", args.release)))?;
	let version = release.statement.version;
	let installed = match check_release(&mut exchange, &release) {
		Ok(()) => false,
		Err(Objection::Installed) => true,
		Err(Objection::Refused(refusal)) => {
			let words = format!("the device refuses release {} (version {version}): {refusal}", args.release);
			return Err(Error::check(words).named(format!("{refusal:?}")));
		},
	};
	ctx.output.report(&Accepted { release: args.release, version, installed });
	Ok(())
}
