//! `waybill-zombienet`: runs a network of several nodes on this machine.

use anyhow::Result;
use clap::Parser;
use std::{
	future::Future,
	io::{IsTerminal, Read, Write},
	path::PathBuf,
	process::ExitCode,
};
use tokio::{
	signal::unix::{signal, SignalKind},
	sync::oneshot,
};
use tracing_subscriber::EnvFilter;
use waybill_cpu as _;
use waybill_zombienet::{Definition, Network};

/// Runs a network of several nodes on this machine.
///
/// Once all nodes answer, prints one line of JSON with their names, addresses and processes. Runs
/// until standard input is closed or SIGINT or SIGTERM arrives, and then stops all nodes.
#[derive(Parser, Debug)]
#[command(name = "waybill-zombienet", version)]
struct Args {
	/// Network definition in zombienet's TOML [default: four nodes, as in zombienet/local.toml]
	#[arg(value_name = "FILE")]
	definition: Option<PathBuf>,
	/// Node program [default: the definition's, which is waybill-node in PATH]
	#[arg(long, value_name = "FILE", env = "WAYBILL_NODE_PROGRAM")]
	node_program: Option<PathBuf>,
	/// Folder for the nodes' files, kept afterwards [default: a new folder in the folder for
	/// temporary files]
	#[arg(long, value_name = "DIR")]
	folder: Option<PathBuf>,
	/// IPFS gateway from which the nodes' off-chain workers fetch [default: the definition's]
	#[arg(long, value_name = "URL")]
	ipfs_gateway: Option<String>,
	/// What to log to standard error: error, warn, info, debug, trace, or a filter
	#[arg(long, value_name = "FILTER", default_value = "error")]
	log: String,
}

#[tokio::main]
async fn main() -> ExitCode {
	match run(Args::parse()).await {
		Ok(()) => ExitCode::SUCCESS,
		Err(error) => {
			eprintln!("error: {error:#}");
			ExitCode::FAILURE
		},
	}
}

async fn run(args: Args) -> Result<()> {
	tracing_subscriber::fmt()
		.with_env_filter(EnvFilter::try_new(&args.log)?)
		.with_ansi(std::io::stderr().is_terminal())
		.with_writer(std::io::stderr)
		.init();
	let definition = definition(&args)?;
	// Listen before any node starts: an early signal must not leave nodes behind.
	let end = end()?;
	tokio::pin!(end);
	let network = tokio::select! {
		network = Network::spawn(&definition) => network?,
		() = &mut end => return Ok(()),
	};
	let report = serde_json::json!({ "folder": network.folder(), "nodes": network.nodes()? });
	writeln!(std::io::stdout(), "{report}")?;
	end.await;
	network.stop().await
}

fn definition(args: &Args) -> Result<Definition> {
	let mut definition = match &args.definition {
		Some(file) => Definition::read(file)?,
		None => Definition::local()?,
	};
	if let Some(program) = &args.node_program {
		definition = definition.with_node(program)?;
	}
	if let Some(folder) = &args.folder {
		definition = definition.with_folder(folder)?;
	}
	if let Some(url) = &args.ipfs_gateway {
		definition = definition.with_gateway(url);
	}
	Ok(definition)
}

/// Completes when standard input is closed, or on SIGINT or SIGTERM.
fn end() -> Result<impl Future<Output = ()>> {
	let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
	let (sender, closed) = oneshot::channel::<()>();
	// A thread of its own, which ends with the process. The async runtime would wait for a pending
	// read.
	std::thread::spawn(move || {
		let (mut input, mut buffer) = (std::io::stdin(), [0; 256]);
		while matches!(input.read(&mut buffer), Ok(read) if read > 0) {}
		drop(sender);
	});
	Ok(async move {
		tokio::select! {
			_ = closed => {},
			_ = interrupt.recv() => {},
			_ = terminate.recv() => {},
		}
	})
}
