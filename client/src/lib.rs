//! The programs `waybill`, of vendors, distributors, devices, hubs and collators, and
//! `waybill-device`, which has only a device's commands.

// subxt's errors are large; where they come up, the network is what takes time.
#![allow(clippy::result_large_err)]

mod cli;
mod commands;
mod config;
mod context;
mod error;
mod output;
mod progress;
mod units;

use clap::Parser;
use cli::{AgentCli, Cli, Command, Globals};
use config::Config;
use context::Context;
use error::{Error, Kind, OrFail, Result};
use output::Output;
use std::{future::Future, io::IsTerminal, process::ExitCode};
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::EnvFilter;

/// The program `waybill`.
pub fn main() -> ExitCode {
	let Cli { globals, command } = Cli::parse();
	program(&globals, threads(&command), |ctx| async move { dispatch(command, &ctx).await })
}

/// The program `waybill-device`. Only what it reaches from here becomes part of it.
pub fn device_main() -> ExitCode {
	let AgentCli { globals, command } = AgentCli::parse();
	program(&globals, Builder::new_current_thread(), |ctx| async move { commands::device::run(command, &ctx).await })
}

/// Runs a command to its end, and reports a failure.
fn program<F: Future<Output = Result<()>>>(
	globals: &Globals,
	threads: Builder,
	command: impl FnOnce(Context) -> F,
) -> ExitCode {
	let output = Output::new(globals.flags().json);
	let done = match runtime(threads) {
		Ok(runtime) => runtime.block_on(run(globals, command)),
		Err(error) => Err((error, false)),
	};
	match done {
		Ok(()) => ExitCode::SUCCESS,
		Err((error, json)) => {
			Output::new(output.is_json() || json).failure(&error);
			ExitCode::from(error.kind().exit_code())
		},
	}
}

/// Servers get a multi-threaded runtime; other commands need one thread.
fn threads(command: &Command) -> Builder {
	match command {
		Command::Distributor(_) | Command::Hub(_) => Builder::new_multi_thread(),
		_ => Builder::new_current_thread(),
	}
}

fn runtime(mut builder: Builder) -> Result<Runtime> {
	builder.enable_all().build().or_fail(Kind::Failure, || "cannot start the program's threads")
}

/// Runs the command. A failure comes with whether the configuration asks for JSON.
async fn run<F: Future<Output = Result<()>>>(
	globals: &Globals,
	command: impl FnOnce(Context) -> F,
) -> Result<(), (Error, bool)> {
	let config = Config::load(globals.config.as_deref(), &globals.flags()).map_err(|error| (error, false))?;
	let json = config.json;
	start_logging(&config.log).map_err(|error| (error, json))?;
	let done = command(Context::new(config)).await;
	done.and_then(|()| output::complete()).map_err(|error| (error, json))
}

async fn dispatch(command: Command, ctx: &Context) -> Result<()> {
	match command {
		Command::Key(command) => commands::key::run(command, ctx),
		Command::Account(command) => commands::account::run(command, ctx).await,
		Command::Vendor(command) => commands::vendors::run(command, ctx).await,
		Command::Bounty(command) => commands::bounty::run(command, ctx).await,
		Command::Distributor(args) => commands::distributor::run(args, ctx).await,
		Command::Device(args) => commands::device::run(args, ctx).await,
		Command::Hub(args) => commands::hub::run(args, ctx).await,
		Command::Collator(command) => commands::collator::run(command, ctx).await,
		Command::Query(command) => commands::query::run(command, ctx).await,
	}
}

fn start_logging(filter: &str) -> Result<()> {
	let filter = EnvFilter::try_new(filter)
		.map_err(|error| Error::usage(format!("--log {filter}: {error}; write for example info or waybill=debug")))?;
	let colours = std::io::stderr().is_terminal();
	tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
	Ok(())
}
