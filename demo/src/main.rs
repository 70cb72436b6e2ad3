//! `waybill-demo`: the whole story on one machine, from registration to refund: a network, a
//! vendor, two honest distributors, one that cheats, and 25 devices.

mod account;
mod audit;
mod authors;
mod chain;
mod cheat;
mod console;
mod devices;
mod distributors;
mod firmware;
mod kubo;
mod network;
mod process;
mod story;
mod summary;
mod vendor;
mod waybill;

use anyhow::{ensure, Context, Result};
use clap::Parser;
use console::Console;
use std::{
	path::{Path, PathBuf},
	process::ExitCode,
	time::{SystemTime, UNIX_EPOCH},
};
use tokio::signal::unix::{signal, SignalKind};
use waybill::Log;
use waybill_cpu as _;

const TAIL: usize = 25;

/// Shows a firmware update from its publication to the refund, with real nodes, real IPFS, and a
/// real process for each device
///
/// The exit code is 0 if everything held.
#[derive(Parser, Debug)]
#[command(name = "waybill-demo", version)]
struct Args {
	/// Leave the network running afterwards, so that you can look at it
	#[arg(long)]
	keep: bool,
	/// Folder for all files of the run [default: a new folder in the system's folder for temporary
	/// files]
	#[arg(long, value_name = "DIR")]
	folder: Option<PathBuf>,
	/// Folder that the set-up scripts filled [default: ~/.cache/waybill]
	#[arg(long, value_name = "DIR", env = "WAYBILL_CACHE")]
	cache: Option<PathBuf>,
	/// Folder of the programs waybill, waybill-node and waybill-zombienet [default: this program's]
	#[arg(long, value_name = "DIR")]
	programs: Option<PathBuf>,
}

impl Args {
	/// The size of the fleet.
	const DEVICES: usize = 25;

	fn cache(&self) -> Result<PathBuf> {
		match &self.cache {
			Some(folder) => Ok(folder.clone()),
			None => {
				Ok(PathBuf::from(std::env::var_os("HOME").context("HOME is not set; use --cache")?).join(".cache/waybill"))
			},
		}
	}

	fn kubo(&self) -> Result<PathBuf> {
		Ok(self.cache()?.join("bin/ipfs"))
	}

	fn firmware(&self) -> Result<PathBuf> {
		Ok(self.cache()?.join("firmware"))
	}

	fn program(&self, name: &str) -> Result<PathBuf> {
		let folder = match &self.programs {
			Some(folder) => folder.clone(),
			None => std::env::current_exe()?.parent().map(Path::to_path_buf).unwrap_or_default(),
		};
		let file = folder.join(name);
		ensure!(file.is_file(), "{} is missing: build it first (`make build`)", file.display());
		Ok(file)
	}

	fn run_folder(&self) -> Result<PathBuf> {
		let folder = match &self.folder {
			Some(folder) => folder.clone(),
			None => {
				let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
				std::env::temp_dir().join(format!("waybill-demo-{now}-{}", std::process::id()))
			},
		};
		std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
		let empty = std::fs::read_dir(&folder)?.next().is_none();
		ensure!(empty, "{} is not empty; choose another folder", folder.display());
		Ok(folder.canonicalize()?)
	}
}

#[tokio::main]
async fn main() -> ExitCode {
	match run(&Args::parse()).await {
		Ok(true) => ExitCode::SUCCESS,
		Ok(false) => ExitCode::FAILURE,
		Err(error) => {
			eprintln!();
			if let Some(Log(log)) = error.downcast_ref::<Log>() {
				eprintln!("--- the end of {}\n{}\n---", log.display(), process::tail(log, TAIL));
			}
			let words: Vec<_> = error.chain().map(ToString::to_string).filter(|words| !words.is_empty()).collect();
			eprintln!("error: {}", words.join(": "));
			ExitCode::FAILURE
		},
	}
}

/// Whether everything held.
async fn run(args: &Args) -> Result<bool> {
	let (console, folder) = (Console::new(), args.run_folder()?);
	console.line(format!("all files and logs of this run are in {}", folder.display()));
	// Children have process groups of their own, so only this program gets Ctrl-C. Dropping the
	// story kills them.
	let (text, holds, running) = tokio::select! {
		told = story::tell(args, &console, &folder) => told?,
		() = interrupted()? => {
			console.line("interrupted; everything is stopped");
			return Ok(false);
		},
	};
	println!("{text}");
	if args.keep {
		let node = &running.network.node("alice")?.ws;
		console.heading("The network keeps running. Look at it in polkadot.js Apps:");
		console.line(format!("  https://polkadot.js.org/apps/?rpc={node}"));
		for node in running.network.nodes() {
			console.line(format!("  {:<8} {} (process {}, log {})", node.name, node.ws, node.pid, node.log.display()));
			console.line(format!("           metrics at {}", node.metrics));
		}
		for (name, url) in running.services() {
			console.line(format!("  {name:<14} {url}"));
		}
		console.line("Press Ctrl-C to end it");
		interrupted()?.await;
	}
	running.stop().await;
	Ok(holds)
}

/// Returns on SIGINT, SIGTERM or SIGHUP.
fn interrupted() -> Result<impl std::future::Future<Output = ()>> {
	let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
	let mut hangup = signal(SignalKind::hangup())?;
	Ok(async move {
		tokio::select! {
			_ = interrupt.recv() => {},
			_ = terminate.recv() => {},
			_ = hangup.recv() => {},
		}
	})
}
