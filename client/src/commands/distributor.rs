//! `waybill distributor …`

use crate::{
	commands::{server::ServerArgs, until_stopped, Done},
	context::Context,
	error::{Error, Kind, OrFail, Result},
};
use clap::Subcommand;
use serde::Serialize;
use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};
use waybill_chain::Patience;
use waybill_daemon::{address::shown, cause, Listening};
use waybill_distributor::{restore_store, Parts, Reporter, Status};
use waybill_primitives::ModelId;

const STATUS_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_STATUS: usize = 16 * 1024 * 1024;

/// Arguments.
#[derive(clap::Args, Debug)]
pub struct Args {
	#[command(subcommand)]
	command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
	/// Follow the chain, serve its open bounties, and be paid; runs until it is stopped
	///
	/// Needs a chain node (--node), an IPFS gateway (--gateway), a kubo node for the ciphertexts
	/// (--kubo), and an account with some funds for fees and deposits (--account-file). You can
	/// stop and start it at any time.
	Run(Box<RunArgs>),
	/// Show the state of a running distributor
	Status(StatusArgs),
	/// Take over what an older copy of the store has and this one has lost
	///
	/// A damaged store needs no person: `waybill distributor run` replaces it. This is for a lost
	/// disk. A copy must not simply be put back, as it would give out keys again that others have.
	Restore(RestoreArgs),
	/// Withdraw the address that was announced on chain; its deposit comes back
	Withdraw,
}

#[derive(clap::Args, Debug)]
struct RunArgs {
	/// Where to serve devices [default: 127.0.0.1:4180]
	#[arg(long, value_name = "ADDRESS:PORT")]
	listen: Option<SocketAddr>,
	#[command(flatten)]
	server: ServerArgs,
	/// The HTTP address to announce on chain, at which devices reach it [default: announce none]
	#[arg(long, value_name = "URL")]
	announce: Option<String>,
	/// The folder for keys, receipts and files [default: waybill-distributor]
	#[arg(long, value_name = "FOLDER")]
	data: Option<PathBuf>,
	/// Serve only this model; may be given several times
	#[arg(long = "model", value_name = "ID")]
	models: Vec<ModelId>,
	/// The least reward for a device, in UNIT [default: 0]
	#[arg(long, value_name = "UNIT")]
	min_reward: Option<String>,
	/// The largest payload to serve, in bytes [default: 1 GiB]
	#[arg(long, value_name = "BYTES")]
	max_payload: Option<u64>,
	/// How many devices share a content key; a device that gives it away costs at most this many
	/// rewards [default: 64]
	#[arg(long, value_name = "DEVICES")]
	epoch_size: Option<u32>,
	/// How many receipts to reserve at once [default: 256]
	#[arg(long, value_name = "RECEIPTS")]
	max_batch: Option<u32>,
	/// How many seconds a receipt waits for others [default: 6]
	#[arg(long, value_name = "SECONDS")]
	max_delay: Option<u64>,
}

#[derive(clap::Args, Debug)]
struct RestoreArgs {
	/// The copy of distributor.redb
	copy: PathBuf,
	/// The folder for keys, receipts and files [default: waybill-distributor]
	#[arg(long, value_name = "FOLDER")]
	data: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
struct StatusArgs {
	/// The distributor's address for operators, such as http://127.0.0.1:4181
	/// [default: the configured one]
	#[arg(long, value_name = "URL")]
	url: Option<String>,
}

/// A distributor is ready.
#[derive(Serialize)]
struct Serving {
	event: &'static str,
	account: String,
	#[serde(flatten)]
	addresses: Listening,
	#[serde(skip)]
	scheme: &'static str,
	endpoint: Option<String>,
}

impl fmt::Display for Serving {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "serving on {}://{} for account {}", self.scheme, self.addresses.listen, self.account)?;
		if let Some(endpoint) = &self.endpoint {
			write!(f, ", announced as {endpoint}")?;
		}
		match self.addresses.status {
			Some(status) => write!(f, "; status and metrics on http://{status}"),
			None => Ok(()),
		}
	}
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Context) -> Result<()> {
	match args.command {
		Command::Run(args) => serve(*args, ctx).await,
		Command::Status(args) => status(args, ctx).await,
		Command::Restore(args) => {
			let data = args.data.unwrap_or_else(|| ctx.config.distributor.data.clone());
			ctx.output.report(&restore_store(&data, &args.copy)?);
			Ok(())
		},
		Command::Withdraw => withdraw(ctx).await,
	}
}

async fn serve(args: RunArgs, ctx: &Context) -> Result<()> {
	let config = args.over(ctx.config.distributor.clone());
	config.check()?;
	let account = ctx.account()?;
	let (gateway, kubo) = (ctx.config.gateway()?, ctx.config.kubo()?);
	let ledger = ctx.node()?;
	let (output, id, endpoint) = (ctx.output, account.id().to_string(), config.announce.clone());
	let scheme = if config.tls_certificate.is_some() { "https" } else { "http" };
	let ready = move |addresses| output.report(&Serving { event: "serving", account: id, addresses, scheme, endpoint });
	let reporter = Reporter::new(move |event| output.report(event));
	let parts = Parts { ledger, account, gateway, kubo, config, reporter };
	Ok(waybill_distributor::run(parts, ready, until_stopped()?).await?)
}

impl RunArgs {
	fn over(self, mut config: waybill_distributor::Config) -> waybill_distributor::Config {
		let Self { listen, server, announce, data, models, min_reward, max_payload, .. } = self;
		let Self { epoch_size, max_batch, max_delay, .. } = self;
		config.listen = listen.unwrap_or(config.listen);
		server.over(&mut config.status_listen, &mut config.tls_certificate, &mut config.tls_key);
		config.announce = announce.or(config.announce);
		config.data = data.unwrap_or(config.data);
		if !models.is_empty() {
			config.models = models;
		}
		config.min_reward = min_reward.unwrap_or(config.min_reward);
		config.max_payload = max_payload.unwrap_or(config.max_payload);
		config.epoch_size = epoch_size.unwrap_or(config.epoch_size);
		config.max_batch = max_batch.unwrap_or(config.max_batch);
		config.max_delay = max_delay.unwrap_or(config.max_delay);
		config
	}
}

/// The address is no longer announced.
#[derive(Serialize)]
struct Withdrawn {
	account: String,
}

impl fmt::Display for Withdrawn {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "{} is no longer announced", self.account)
	}
}

async fn withdraw(ctx: &Context) -> Result<()> {
	let account = ctx.account()?;
	let chain = ctx.chain(Patience::Brief).await?;
	let shown = ctx.progress.spinner("taking the announcement back");
	let included = chain.withdraw(&account, ctx.config.wait.into()).await?;
	drop(shown);
	ctx.output.report(&Done::new(Withdrawn { account: account.id().to_string() }, included.receipt()));
	Ok(())
}

async fn status(args: StatusArgs, ctx: &Context) -> Result<()> {
	let config = &ctx.config.distributor;
	let configured = config.status_listen.address(config.listen).map(|address| format!("http://{address}"));
	let url = args.url.or(configured).ok_or_else(|| Error::usage("status_listen is off; give --url"))?;
	let target = format!("{}/status", url.trim_end_matches('/'));
	let url = shown(&url);
	let unreachable = |error: reqwest::Error| {
		Error::unreachable(format!("no distributor answers at {url}: {}; start it, or check --url", cause(&error)))
	};
	let http = ctx
		.config
		.roots()?
		.client()
		.timeout(STATUS_TIMEOUT)
		.build()
		.or_fail(Kind::Failure, || "cannot start an HTTP client")?;
	let mut response = http.get(&target).send().await.map_err(unreachable)?;
	if !response.status().is_success() {
		let status = response.status();
		let words = "check --url: the status is at the distributor's address for operators";
		return Err(Error::unreachable(format!("{url} answered HTTP {status}; {words}")));
	}
	let mut body = Vec::new();
	while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
		body.extend_from_slice(&chunk);
		if body.len() > MAX_STATUS {
			return Err(Error::unreachable(format!("{url} answered more than a distributor does; check --url")));
		}
	}
	let status: Status = serde_json::from_slice(&body)
		.or_fail(Kind::Unreachable, || format!("{url} does not answer as a distributor does; check --url"))?;
	ctx.output.report(&status);
	Ok(())
}
