//! `waybill device run`

use super::{gateway, roots, StateArgs};
use crate::{
	commands::until_stopped,
	context::Context,
	error::{Error, Result},
};
use std::{future::pending, path::PathBuf, time::Duration};
use tokio::time::sleep;
use waybill_chain::{ledger::Node, Patience};
use waybill_device::{unreachable, Agent, Home};

/// How long to wait before the clock is read again.
const CLOCK_PAUSE: Duration = Duration::from_secs(2);
/// How long to wait before a full disk is tried again.
const DISK_PAUSE: Duration = Duration::from_secs(10);

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
	/// Also call private and link-local addresses that distributors announced, as in a test; those of
	/// --distributor are always called
	#[arg(long)]
	private_addresses: bool,
	/// A program that makes an image the firmware that runs. Its argument is install, confirm or
	/// rollback; WAYBILL_IMAGE, WAYBILL_VERSION, WAYBILL_RELEASE and WAYBILL_SECURITY_VERSION are in
	/// its environment. Exit status 0 means done, 75 later, 65 that the image is for other devices
	#[arg(long, value_name = "FILE")]
	hook: Option<PathBuf>,
	/// A program that says whether the new version runs and works. Exit status 0 means yes, 75 not
	/// yet; after any other the device goes back to the version before
	#[arg(long, value_name = "FILE")]
	health: Option<PathBuf>,
	/// Keep a new version on trial until `waybill device confirm`
	#[arg(long)]
	manual_confirm: bool,
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Context) -> Result<()> {
	let mut config = args.over(ctx.config.device.clone());
	let folder = args.state.path(ctx);
	config.roots = roots(ctx);
	let gateway = gateway(ctx, &config.roots)?;
	// Only a command without patience ends because no node answers. A trial needs no node.
	let ledger = match args.once && args.timeout.is_none() && Home::read(folder)?.trial()?.is_none() {
		false => ctx.node()?,
		true => match ctx.chain(Patience::Endless).await {
			Ok(chain) => Node::new(chain),
			Err(error) if error.is_unreachable() => {
				return Err(unreachable(&Home::open(folder)?, config.policy(), error.into())?.into())
			},
			Err(error) => return Err(error.into()),
		},
	};
	let (output, stopped) = (ctx.output, until_stopped()?);
	tokio::pin!(stopped);
	let mut agent = loop {
		let tell = Box::new(move |event: &_| output.report(event));
		let agent = Home::open(folder).and_then(|home| Agent::new(ledger.clone(), home, gateway.clone(), &config, tell));
		match agent {
			Err(error) if !args.once && error.is_full_disk() => {
				tracing::error!(%error, pause = ?DISK_PAUSE, "trying again after a pause");
				tokio::select! {
					() = &mut stopped => return Ok(()),
					() = sleep(DISK_PAUSE) => {},
				}
			},
			agent => break agent?,
		}
	};
	let over = async {
		match args.timeout {
			Some(seconds) => sleep(Duration::from_secs(seconds)).await,
			None => pending().await,
		}
	};
	let run = async {
		loop {
			match agent.run(args.once).await {
				// Machines without a battery set their clock after they have started.
				Err(waybill_device::Error::Clock { .. }) if args.timeout.is_some() => sleep(CLOCK_PAUSE).await,
				ended => break ended,
			}
		}
	};
	let ended = tokio::select! {
		ended = run => Some(ended),
		() = over => None,
		() = &mut stopped => Some(Ok(())),
	};
	agent.stop().await;
	match ended {
		Some(ended) => Ok(ended?),
		None => {
			let seconds = args.timeout.unwrap_or_default();
			Err(Error::unreachable(format!("no update within {seconds} s: {}", agent.obstacle())))
		},
	}
}

impl Args {
	fn over(&self, mut config: waybill_device::Config) -> waybill_device::Config {
		config.distributors.extend(self.distributors.iter().cloned());
		config.hook = self.hook.clone().or(config.hook);
		config.health = self.health.clone().or(config.health);
		config.manual_confirm |= self.manual_confirm;
		config.private_addresses |= self.private_addresses;
		config
	}
}
