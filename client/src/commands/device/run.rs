//! `waybill device run`

use super::StateArgs;
use crate::{
	context::Context,
	error::{Error, Result},
};
use std::{path::PathBuf, time::Duration};
use tokio::time::timeout;
use waybill_chain::{ledger::Node, Patience};
use waybill_device::{unreachable, Agent, Home};

/// Arguments.
#[derive(clap::Args, Debug)]
pub struct Args {
	#[command(flatten)]
	state: StateArgs,
	/// End when a new version is installed, or when there is none
	#[arg(long)]
	once: bool,
	/// With --once: give up after this many seconds (exit code 4); the next start carries on
	#[arg(long, value_name = "SECONDS", requires = "once")]
	timeout: Option<u64>,
	/// The HTTP address of a distributor to ask besides those that the chain knows; may be given
	/// several times
	#[arg(long = "distributor", value_name = "URL")]
	distributors: Vec<String>,
	/// A program to run when a new version is installed; WAYBILL_IMAGE, WAYBILL_VERSION,
	/// WAYBILL_RELEASE and WAYBILL_SECURITY_VERSION are in its environment
	#[arg(long, value_name = "FILE")]
	hook: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Context) -> Result<()> {
	let config = args.over(ctx.config.device.clone());
	let home = Home::open(args.state.path(ctx))?;
	let gateway = ctx.config.gateway()?;
	let ledger = match ctx.chain(Patience::Endless).await {
		Ok(chain) => Node::new(chain),
		Err(error) if error.is_unreachable() => return Err(unreachable(&home, config.policy(), error.into())?.into()),
		Err(error) => return Err(error.into()),
	};
	let output = ctx.output;
	let mut agent = Agent::new(ledger, home, gateway, &config, Box::new(move |event| output.report(event)))?;
	let Some(seconds) = args.timeout else { return Ok(agent.run(args.once).await?) };
	match timeout(Duration::from_secs(seconds), agent.run(args.once)).await {
		Ok(result) => Ok(result?),
		Err(_) => Err(Error::unreachable(format!("no update within {seconds} s: {}", agent.obstacle()))),
	}
}

impl Args {
	fn over(&self, mut config: waybill_device::Config) -> waybill_device::Config {
		config.distributors.extend(self.distributors.iter().cloned());
		config.hook = self.hook.clone().or(config.hook);
		config
	}
}
