//! A distributor inside a program of your own, which ends when Ctrl-C is pressed.
//!
//! `WAYBILL_ACCOUNT` is the secret URI of the account that is paid. It needs some money for fees
//! and deposits. Devices find the distributor by the address that it announces on chain.

use anyhow::{Context, Result};
use std::env;
use waybill_chain::{Account, Amount, Node};
use waybill_distributor::{run, Config, Parts, Reporter};
use waybill_ipfs_http::{Gateway, Kubo};

#[tokio::main]
async fn main() -> Result<()> {
	let uri = env::var("WAYBILL_ACCOUNT").context("set WAYBILL_ACCOUNT to the account's secret URI, such as //Alice")?;
	let account: Account = uri.parse()?;
	// Only what pays: bounties below the least reward are left to others.
	let least: Amount = "0.01".parse().map_err(anyhow::Error::msg)?;
	let config = Config {
		announce: env::var("WAYBILL_ENDPOINT").ok(),
		min_reward: "0.01".into(),
		data: "distributor-data".into(),
		..Config::default()
	};
	config.check()?;
	println!("account {}, at least {least} for a device", account.id());

	let parts = Parts {
		ledger: Node::at(&["ws://127.0.0.1:9944"], None)?,
		account,
		gateway: Gateway::new(&["http://127.0.0.1:8080"])?,
		kubo: Kubo::new(&["http://127.0.0.1:5001"])?,
		config,
		// Prints each payment, and each bounty that it takes up or leaves.
		reporter: Reporter::new(|event| println!("{event}")),
	};
	let stopped = async {
		let _ = tokio::signal::ctrl_c().await;
	};
	Ok(run(parts, |addresses| println!("serving devices on http://{}", addresses.listen), stopped).await?)
}
