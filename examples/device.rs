//! The update agent inside a program of your own: the device in the folder `waybill-device`, which
//! `waybill device provision` made and `waybill device bind` bound.
//!
//! The loop asks the agent for one step at a time. Between two steps the program does what else the
//! device is for, and it may end at any time: each step is on the disk before it returns.

use anyhow::Result;
use std::{env, path::Path, time::Duration};
use tokio::time::{sleep, timeout};
use waybill_chain::{Ledger, Node};
use waybill_device::{Agent, Config, Home, Outcome};
use waybill_ipfs_http::Gateway;

/// How long the program waits for a new final block before it does something else.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
	let folder = env::args().nth(1).unwrap_or_else(|| "waybill-device".into());
	let home = Home::open(Path::new(&folder))?;
	let ledger = Node::at(&["ws://127.0.0.1:9944"], None)?;
	let gateway = Gateway::new(&["http://127.0.0.1:8080"])?;
	// Here everybody runs on this machine, the distributors, too.
	let config = Config { private_addresses: true, ..Config::default() };
	let tell = Box::new(|event: &_| println!("{event}"));
	let mut agent = Agent::new(ledger.clone(), home, gateway, &config, tell)?;

	loop {
		// Without an answer from the node this fails, too: the agent remembers since when.
		let (block, outcome) = agent.next().await;
		match outcome {
			Ok(Outcome::Again) => {},
			Ok(Outcome::Updated(firmware)) => println!("version {} has proven itself", firmware.version),
			Ok(Outcome::RolledBack(update)) => println!("version {}: {}", update.version, update.outcome),
			Ok(Outcome::Wait | Outcome::UpToDate | Outcome::Skipped(_)) => {
				let _ = timeout(PATIENCE, ledger.above(block)).await;
			},
			// Somebody has to repair the disk or the configuration.
			Err(error) if error.is_permanent() => return Err(error.into()),
			Err(error) => {
				eprintln!("{error}; trying again");
				sleep(PATIENCE).await;
			},
		}
	}
}
