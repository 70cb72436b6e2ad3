//! The `waybill` program of vendors, distributors, devices, hubs and collators.

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
use cli::{Cli, Command};
use config::Config;
use context::Context;
use error::{Error, Kind, OrFail, Result};
use output::Output;
use std::{io::IsTerminal, process::ExitCode};
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
	let cli = Cli::parse();
	let output = Output::new(cli.globals.flags().json);
	let done = match runtime(&cli.command) {
		Ok(runtime) => runtime.block_on(run(cli)),
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
fn runtime(command: &Command) -> Result<Runtime> {
	let mut builder = match command {
		Command::Distributor(_) | Command::Hub(_) => Builder::new_multi_thread(),
		_ => Builder::new_current_thread(),
	};
	builder.enable_all().build().or_fail(Kind::Failure, || "cannot start the program's threads")
}

/// Runs the command. A failure comes with whether the configuration asks for JSON.
async fn run(cli: Cli) -> Result<(), (Error, bool)> {
	let config = Config::load(cli.globals.config.as_deref(), &cli.globals.flags()).map_err(|error| (error, false))?;
	let json = config.json;
	start_logging(&config.log).map_err(|error| (error, json))?;
	let ctx = Context::new(config);
	let done = dispatch(cli.command, &ctx).await;
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
