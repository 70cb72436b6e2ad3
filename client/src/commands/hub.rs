//! `waybill hub …`

use super::{server::ServerArgs, until_stopped};
use crate::{
	context::Context,
	error::{Error, Result},
};
use clap::Subcommand;
use serde::Serialize;
use std::{fmt, net::SocketAddr, path::PathBuf};
use waybill_daemon::Listening;
use waybill_hub::{Parts, Reporter};
use waybill_keys::StatementKey;
use waybill_primitives::DeviceKey;

/// Arguments.
#[derive(clap::Args, Debug)]
pub struct Args {
	#[command(subcommand)]
	command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
	/// Check proofs for devices that are too small to check them; runs until it is stopped
	///
	/// A device that names this hub, by its address and its public key, signs receipts on the hub's
	/// word: run it yourself, for your own devices. It needs an IPFS gateway (--gateway) and a key
	/// of `waybill key generate`, but no chain. Every question may fetch and check a whole
	/// ciphertext, so let only the devices reach it.
	Run(RunArgs),
}

#[derive(clap::Args, Debug)]
struct RunArgs {
	/// Where to serve devices [default: 127.0.0.1:4190]
	#[arg(long, value_name = "ADDRESS:PORT")]
	listen: Option<SocketAddr>,
	#[command(flatten)]
	server: ServerArgs,
	/// The file with the key that signs verdicts
	#[arg(long, value_name = "FILE")]
	key: Option<PathBuf>,
	/// The folder for files while they are checked [default: waybill-hub]
	#[arg(long, value_name = "FOLDER")]
	data: Option<PathBuf>,
	/// The largest payload whose proofs to check, in bytes [default: 256 MiB]
	#[arg(long, value_name = "BYTES")]
	max_payload: Option<u64>,
	/// How many questions to work on at once; each takes up to 1.3 times the largest payload on
	/// disk [default: 2]
	#[arg(long, value_name = "QUESTIONS")]
	jobs: Option<usize>,
}

/// A hub is ready.
#[derive(Serialize)]
struct Serving {
	event: &'static str,
	#[serde(flatten)]
	addresses: Listening,
	#[serde(skip)]
	scheme: &'static str,
	public_key: DeviceKey,
}

impl fmt::Display for Serving {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let Listening { listen, status } = self.addresses;
		write!(f, "checking proofs on {}://{listen} with the key {}", self.scheme, self.public_key)?;
		match status {
			Some(status) => write!(f, "; metrics on http://{status}"),
			None => Ok(()),
		}
	}
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Context) -> Result<()> {
	match args.command {
		Command::Run(args) => serve(args, ctx).await,
	}
}

async fn serve(args: RunArgs, ctx: &Context) -> Result<()> {
	let config = args.over(ctx.config.hub.clone());
	config.check()?;
	let file = config
		.key
		.as_ref()
		.ok_or_else(|| Error::usage("no key to sign verdicts with; give --key (make one with `waybill key generate`)"))?;
	let (key, gateway) = (StatementKey::from_file(file)?, ctx.config.gateway()?);
	let (output, public_key) = (ctx.output, key.public());
	let scheme = if config.tls_certificate.is_some() { "https" } else { "http" };
	let ready = move |addresses| output.report(&Serving { event: "serving", addresses, scheme, public_key });
	let reporter = Reporter::new(move |event| output.report(event));
	Ok(waybill_hub::run(Parts { gateway, key, config, reporter }, ready, until_stopped()?).await?)
}

impl RunArgs {
	fn over(self, mut config: waybill_hub::Config) -> waybill_hub::Config {
		let Self { listen, server, key, data, max_payload, jobs } = self;
		config.listen = listen.unwrap_or(config.listen);
		server.over(&mut config.status_listen, &mut config.tls_certificate, &mut config.tls_key);
		config.key = key.or(config.key);
		config.data = data.unwrap_or(config.data);
		config.max_payload = max_payload.unwrap_or(config.max_payload);
		config.jobs = jobs.unwrap_or(config.jobs);
		config
	}
}
