//! `waybill device …`

mod bind;
mod check;
mod order;
mod provision;
mod run;
mod status;
mod trust;

use crate::{
	context::Context,
	error::{Error, Result},
};
use clap::Subcommand;
use std::path::{Path, PathBuf};
use waybill_daemon::roots::Roots;
use waybill_device::Order;
use waybill_ipfs_http::Gateway;

/// Arguments.
#[derive(clap::Args, Debug)]
pub struct Args {
	#[command(subcommand)]
	command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
	/// Make a device's state folder with a new key, and print the public key; needs no chain
	///
	/// The vendor registers the fleet with a list of these keys (`waybill vendor fleet`). Then
	/// `waybill device bind` tells the device what it is and whom it trusts.
	Provision(provision::Args),
	/// Tell devices what they are and whom they trust: chain, vendor, release keys, model, fleet,
	/// and their places in it
	Bind(bind::Args),
	/// Look for a newer release, get it from a distributor and install it; runs until it is stopped
	Run(run::Args),
	/// Show what is installed, what is on trial, and what is under way
	Status(StateArgs),
	/// Keep the new version that is on trial
	Confirm(StateArgs),
	/// Go back to the version before
	///
	/// A version on trial is left at once. A confirmed one is left if the version before has the
	/// same security version. The device does not install the release again by itself.
	Rollback(StateArgs),
	/// Let the device try releases again that did not prove themselves
	Retry(StateArgs),
	/// Say whether the device would take a release; exit code 7 if it refuses
	Check(check::Args),
}

/// Names a device.
#[derive(clap::Args, Debug)]
pub struct StateArgs {
	/// The device's state folder [default: waybill-device]
	#[arg(long, value_name = "FOLDER")]
	state: Option<PathBuf>,
}

impl StateArgs {
	fn path<'a>(&'a self, ctx: &'a Context) -> &'a Path {
		self.state.as_deref().unwrap_or(&ctx.config.device.state)
	}
}

/// The authorities that a device trusts. A file that a new image lacks must not keep the device from
/// going back.
fn roots(ctx: &Context) -> Roots {
	ctx.config.roots().unwrap_or_else(|error| {
		tracing::error!(%error, "trusting only the authorities of the operating system");
		Roots::default()
	})
}

/// The IPFS gateways, for a device that trusts these authorities.
fn gateway(ctx: &Context, roots: &Roots) -> Result<Gateway> {
	Gateway::trusting(&ctx.config.gateway, roots).map_err(|error| Error::from(error).context("--gateway"))
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Context) -> Result<()> {
	match args.command {
		Command::Provision(args) => provision::run(&args, ctx),
		Command::Bind(args) => bind::run(args, ctx).await,
		Command::Run(args) => run::run(args, ctx).await,
		Command::Status(args) => status::run(&args, ctx),
		Command::Confirm(args) => order::run(&args, ctx, Order::confirm).await,
		Command::Rollback(args) => order::run(&args, ctx, Order::rollback).await,
		Command::Retry(args) => order::run(&args, ctx, |_| Ok(Order::Retry)).await,
		Command::Check(args) => check::run(&args, ctx).await,
	}
}
