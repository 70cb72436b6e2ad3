//! Tests of real nodes in one network: who authors, who finalises, and what a crash costs.
//!
//! It needs the programs `waybill-node` and `waybill`, built in the same profile. It looks for them
//! beside this test, or at WAYBILL_NODE_PROGRAM and WAYBILL_PROGRAM.

mod chain;

use anyhow::{bail, ensure, Context, Result};
use chain::{wait, Chain, Key};
use serde_json::Value;
use std::{
	collections::BTreeSet,
	io::{Read, Write},
	net::TcpStream,
	path::{Path, PathBuf},
	process::Command,
};
use waybill_zombienet::{Definition, Network, NodeInfo};

const APPOINTED: [&str; 2] = ["alice", "bob"];
/// The nodes of distributors. Once they have joined, they are the majority of the authors.
const DISTRIBUTORS: [&str; 3] = ["charlie", "dave", "ferdie"];
const ALL: [&str; 5] = ["alice", "bob", "charlie", "dave", "ferdie"];

/// An account without money at first. Its public key is 32 times the byte 7.
const PAYEE: &str = "5CDvHBym6RLoxTdX9MS1acpaDbNxaFagqM5LpBiFGjWT6o1n";
const PAYMENT: &str = "12";
const TWO_PAYMENTS: &str = "24";
const UNIT: u128 = 1_000_000_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn network_should_author_and_finalise_when_nodes_join_crash_and_leave() -> Result<()> {
	let folder = tempfile::tempdir()?;
	let definition = Definition::local()?.with_another("dave", "ferdie")?;
	let definition = definition.with_node(&program("WAYBILL_NODE_PROGRAM", "waybill-node")?)?;
	let network = Network::spawn(&definition.with_folder(folder.path())?).await?;
	let outcome = live(&network).await;
	if outcome.is_err() {
		for node in network.nodes()? {
			println!("--- {}\n{}", node.name, tail(&node.log));
		}
	}
	network.stop().await?;
	outcome
}

async fn live(network: &Network) -> Result<()> {
	appointed_nodes_should_author_and_finalise(network).await?;
	every_node_should_serve_its_metrics_where_the_report_says(network)?;
	distributors_should_author_without_a_vote_when_they_joined(network).await?;
	nothing_should_be_lost_when_a_node_is_killed_and_comes_back(network).await?;
	finality_should_go_on_when_all_bonded_authors_stop(network).await
}

async fn appointed_nodes_should_author_and_finalise(network: &Network) -> Result<()> {
	println!("the appointed nodes author and finalise");
	for name in ALL {
		connect(network, name).await?.wait_finalized(8, 120).await?;
	}
	let alice = connect(network, "alice").await?;
	for height in 1..=8 {
		let hash = alice.hash(height).await?;
		for name in &ALL[1..] {
			ensure!(connect(network, name).await?.hash(height).await? == hash, "{name} has another block {height}");
		}
	}
	let authors = authors(network, &alice, 1..=8).await?;
	ensure!(authors == names(&APPOINTED), "the authors are {authors:?}");
	ensure!(voters(network).await? == names(&APPOINTED), "nodes other than the appointed ones vote in finality");
	Ok(())
}

fn every_node_should_serve_its_metrics_where_the_report_says(network: &Network) -> Result<()> {
	println!("the metrics of every node");
	for NodeInfo { name, metrics, .. } in network.nodes()? {
		let (address, path) = metrics.trim_start_matches("http://").split_once('/').context(metrics.clone())?;
		let mut connection = TcpStream::connect(address).context(metrics.clone())?;
		write!(connection, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
		let mut answer = String::new();
		connection.read_to_string(&mut answer)?;
		ensure!(answer.contains("substrate_block_height"), "{name} has no metrics at {metrics}: {answer}");
	}
	Ok(())
}

async fn distributors_should_author_without_a_vote_when_they_joined(network: &Network) -> Result<()> {
	println!("the distributors join the authors");
	let alice = connect(network, "alice").await?;
	for name in DISTRIBUTORS {
		join(network, name)?;
	}
	let from = alice.finalized().await?;
	wait("all nodes should author", 240, || async {
		let to = alice.finalized().await?;
		Ok((authors(network, &alice, from..=to).await? == names(&ALL)).then_some(()))
	})
	.await?;
	ensure!(voters(network).await? == names(&APPOINTED), "a bonded author votes in finality");
	Ok(())
}

async fn nothing_should_be_lost_when_a_node_is_killed_and_comes_back(network: &Network) -> Result<()> {
	println!("bob is killed and comes back");
	let alice = connect(network, "alice").await?;
	let before = connect(network, "bob").await?.best().await?;
	alice.wait_best(before, 30).await?;
	let mut known = Vec::new();
	for height in 0..=before {
		known.push(alice.hash(height).await?);
	}
	network.kill("bob")?;
	let (killed, stopped) = (alice.slot_now().await?, alice.best().await?);
	// One of two voters is gone. Blocks go on and take transactions; finality waits.
	transfer(network, "alice", "in-block")?;
	alice.wait_best(stopped + 6, 90).await?;
	let (best, waiting) = (alice.best().await?, alice.finalized().await?);
	ensure!(alice.slot(waiting).await? <= killed, "block {waiting} became final with one of two voters");
	network.restart("bob").await?;
	let bob = connect(network, "bob").await?;
	bob.wait_best(best, 90).await?;
	for chain in [&alice, &bob] {
		chain.wait_finalized(best, 120).await?;
		for (height, hash) in known.iter().enumerate() {
			ensure!(chain.hash(u32::try_from(height)?).await? == *hash, "block {height} is another one now");
		}
	}
	ensure!(balance(network, "bob")? == PAYMENT, "bob lacks the transfer that was made while it was down");
	let from = bob.finalized().await?;
	wait("bob should author again", 90, || async {
		let to = alice.finalized().await?;
		Ok(authors(network, &alice, from + 1..=to).await?.contains("bob").then_some(()))
	})
	.await
}

async fn finality_should_go_on_when_all_bonded_authors_stop(network: &Network) -> Result<()> {
	println!("all bonded authors, the majority, stop and come back");
	let alice = connect(network, "alice").await?;
	for name in DISTRIBUTORS {
		network.kill(name)?;
	}
	let (killed, stopped) = (alice.slot_now().await?, alice.best().await?);
	transfer(network, "bob", "finalized")?;
	alice.wait_finalized(connect(network, "bob").await?.finalized().await?, 120).await?;
	ensure!(balance(network, "alice")? == TWO_PAYMENTS, "the transfer was not made while the bonded authors were down");
	for name in APPOINTED {
		connect(network, name).await?.wait_finalized(stopped + 6, 120).await?;
	}
	// Blocks that they authored before may have reached alice later.
	let mut later = Vec::new();
	for height in stopped + 1..=stopped + 6 {
		if alice.slot(height).await? > killed {
			later.push(height);
		}
	}
	let authors = authors(network, &alice, later.into_iter()).await?;
	ensure!(authors == names(&APPOINTED), "{authors:?} author though only the appointed nodes run");
	for name in DISTRIBUTORS {
		network.restart(name).await?;
		let chain = connect(network, name).await?;
		chain.wait_finalized(stopped + 6, 120).await?;
		ensure!(chain.hash(stopped + 6).await? == alice.hash(stopped + 6).await?, "{name} is on another chain");
	}
	Ok(())
}

/// Makes a distributor's node join the authors.
fn join(network: &Network, name: &str) -> Result<()> {
	let mut account = name.to_string();
	account[..1].make_ascii_uppercase();
	waybill(network, name, &["--account", &format!("//{account}"), "collator", "join"]).map(drop)
}

/// Sends money to the payee through a node, and waits until the transfer is in a block, or final.
fn transfer(network: &Network, name: &str, until: &str) -> Result<()> {
	let arguments = ["--account", "//Eve", "--wait", until, "account", "transfer", PAYEE, PAYMENT];
	waybill(network, name, &arguments).map(drop)
}

/// The payee's balance in UNIT, as reported by a node.
fn balance(network: &Network, name: &str) -> Result<String> {
	let report: Value = serde_json::from_str(&waybill(network, name, &["--json", "account", "balance", PAYEE])?)?;
	let planck: u128 = report["free"].as_str().context("no balance")?.parse()?;
	Ok((planck / UNIT).to_string())
}

/// Runs the program that distributors use.
fn waybill(network: &Network, name: &str, arguments: &[&str]) -> Result<String> {
	let mut command = Command::new(program("WAYBILL_PROGRAM", "waybill")?);
	let output = command.args(["--node", &network.node(name)?.ws]).args(arguments).output()?;
	let errors = String::from_utf8_lossy(&output.stderr);
	ensure!(output.status.success(), "`waybill {}` at {name}: {errors}", arguments.join(" "));
	Ok(String::from_utf8(output.stdout)?)
}

/// The nodes that authored these blocks.
async fn authors(network: &Network, chain: &Chain, heights: impl Iterator<Item = u32>) -> Result<BTreeSet<String>> {
	let mut keys = BTreeSet::new();
	for height in heights {
		keys.insert(chain.author(height).await?);
	}
	holders(network, keys, "aura").await
}

/// The nodes that vote in finality.
async fn voters(network: &Network) -> Result<BTreeSet<String>> {
	let keys = connect(network, "alice").await?.voters().await?;
	let count = keys.len();
	let holders = holders(network, keys, "gran").await?;
	ensure!(holders.len() == count, "{count} voters, but only {holders:?} hold their keys");
	Ok(holders)
}

/// The running nodes that hold these keys.
async fn holders(network: &Network, keys: impl IntoIterator<Item = Key>, sort: &str) -> Result<BTreeSet<String>> {
	let mut chains = Vec::new();
	for name in ALL {
		if network.runs(name)? {
			chains.push((name, connect(network, name).await?));
		}
	}
	let mut holders = BTreeSet::new();
	'keys: for key in keys {
		for (name, chain) in &chains {
			if chain.holds(&key, sort).await? {
				holders.insert(name.to_string());
				continue 'keys;
			}
		}
		bail!("no running node holds the key {key:02x?}");
	}
	Ok(holders)
}

async fn connect(network: &Network, name: &str) -> Result<Chain> {
	Chain::connect(network.handle(name)?).await
}

fn names(names: &[&str]) -> BTreeSet<String> {
	names.iter().map(|name| name.to_string()).collect()
}

fn program(variable: &str, name: &str) -> Result<PathBuf> {
	let file = match std::env::var_os(variable) {
		Some(file) => PathBuf::from(file),
		// This test is target/<profile>/deps/network-<hash>.
		None => std::env::current_exe()?.ancestors().nth(2).context("this test has no folder")?.join(name),
	};
	ensure!(file.is_file(), "{} is missing: build it first, or set {variable}", file.display());
	Ok(file)
}

fn tail(log: &Path) -> String {
	let text = std::fs::read_to_string(log).unwrap_or_default();
	let lines: Vec<_> = text.lines().collect();
	lines[lines.len().saturating_sub(30)..].join("\n")
}
