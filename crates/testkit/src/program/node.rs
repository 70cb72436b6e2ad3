//! A development node.

use super::{built, free_port};
use serde_json::Value;
use std::{
	fs::File,
	path::{Path, PathBuf},
	process::{Child, Command, Stdio},
	thread::sleep,
	time::{Duration, Instant},
};
use tempfile::TempDir;
use waybill_chain::AccountId;

const WITHOUT_FINALITY: &[&str] = &["--no-grandpa"];
/// Several nodes that start at once compile their runtime side by side.
const START: Duration = Duration::from_secs(300);

/// A `waybill-node --dev`, with Alice as its only collator. It stops when this value is dropped.
pub struct Node {
	process: Child,
	folder: TempDir,
	port: u16,
	gateway: String,
	/// The port of its metrics.
	metrics: Option<u16>,
	/// A file with the authorities that it trusts, instead of the machine's.
	authorities: Option<PathBuf>,
}

impl Node {
	/// Starts a new chain whose off-chain workers use the gateway at this address. Commas separate
	/// several.
	pub fn start(gateway: &str) -> Self {
		Self::start_with(gateway, None, None, &[])
	}

	/// Like the function above, but the node authors blocks and none becomes final.
	pub fn start_without_finality(gateway: &str) -> Self {
		Self::start_with(gateway, None, None, WITHOUT_FINALITY)
	}

	/// Like [`Self::start`], but the node tells its metrics.
	pub fn with_metrics(gateway: &str) -> Self {
		Self::start_with(gateway, Some(free_port()), None, &[])
	}

	/// Like [`Self::start`], but the node trusts the authorities in this file.
	pub fn trusting(gateway: &str, authorities: PathBuf) -> Self {
		Self::start_with(gateway, None, Some(authorities), &[])
	}

	fn start_with(gateway: &str, metrics: Option<u16>, authorities: Option<PathBuf>, args: &[&str]) -> Self {
		let (folder, gateway) = (tempfile::tempdir().unwrap(), gateway.to_owned());
		let process = spawn(folder.path(), 0, &gateway, metrics, authorities.as_deref(), args);
		let mut node = Self { process, folder, port: 0, gateway, metrics, authorities };
		node.port = node.listening(1);
		node
	}

	/// The RPC address.
	pub fn url(&self) -> String {
		format!("ws://127.0.0.1:{}", self.port)
	}

	/// The address of its metrics.
	pub fn metrics(&self) -> String {
		format!("http://127.0.0.1:{}/metrics", self.metrics.unwrap())
	}

	/// Ends the process at once.
	pub fn kill(&mut self) {
		let _ = self.process.kill();
		let _ = self.process.wait();
	}

	/// Starts the same chain again, at the same address.
	pub fn restart(&mut self) {
		self.restart_with(&[]);
	}

	/// Like the function above, but the node authors blocks and none becomes final.
	pub fn restart_without_finality(&mut self) {
		self.restart_with(WITHOUT_FINALITY);
	}

	fn restart_with(&mut self, args: &[&str]) {
		self.kill();
		let before = ports(&whole_log(self.folder.path())).len();
		self.process = spawn(self.folder.path(), self.port, &self.gateway, self.metrics, self.authorities.as_deref(), args);
		assert_eq!(self.listening(before + 1), self.port, "another program took the node's port");
	}

	/// How many transactions of an account are in the newest block and those before, final or not.
	pub fn transactions(&self, account: &AccountId) -> u32 {
		let params = serde_json::json!(["AccountNonceApi_account_nonce", format!("0x{}", hex::encode(account))]);
		let request = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "state_call", "params": params });
		let answer = async {
			let url = format!("http://127.0.0.1:{}", self.port);
			reqwest::Client::new().post(url).json(&request).send().await.unwrap().json::<Value>().await.unwrap()
		};
		let answer = tokio::runtime::Runtime::new().unwrap().block_on(answer);
		let nonce = hex::decode(answer["result"].as_str().unwrap().trim_start_matches("0x")).unwrap();
		u32::from_le_bytes(nonce.try_into().unwrap())
	}

	/// The port on which the node's RPC listens, after the node has logged it for the `count`th
	/// time.
	fn listening(&mut self, count: usize) -> u16 {
		let started = Instant::now();
		loop {
			let log = whole_log(self.folder.path());
			if let Some(port) = ports(&log).get(count - 1) {
				return *port;
			}
			let ended = self.process.try_wait().unwrap().is_some();
			assert!(!ended && started.elapsed() < START, "the node did not start:\n{log}");
			sleep(Duration::from_millis(100));
		}
	}
}

impl Drop for Node {
	fn drop(&mut self) {
		self.kill();
		if std::thread::panicking() {
			eprintln!("the node's log:\n{}", log_of(self.folder.path()));
		}
	}
}

fn spawn(folder: &Path, port: u16, gateway: &str, metrics: Option<u16>, authorities: Option<&Path>, args: &[&str]) -> Child {
	let metrics = metrics.map_or_else(|| "--no-prometheus".into(), |port| format!("--prometheus-port={port}"));
	let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
	let mut command = Command::new(built("waybill-node"));
	if let Some(file) = authorities {
		command.env("SSL_CERT_FILE", file);
	}
	command
		.args(["--dev", "--no-mdns", &metrics, "--no-telemetry", "--base-path"])
		.arg(folder.join("chain"))
		.args(["--rpc-port", &port.to_string(), "--listen-addr", "/ip4/127.0.0.1/tcp/0"])
		.args(["--ipfs-gateway", gateway])
		.args(args)
		.stdin(Stdio::null())
		.stdout(log.try_clone().unwrap())
		.stderr(log)
		.spawn()
		.unwrap()
}

/// The ports that a log names as the RPC's, from the first start to the last.
fn ports(log: &str) -> Vec<u16> {
	let after = log.split("Running JSON-RPC server: addr=127.0.0.1:").skip(1);
	after.filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()).collect()
}

fn whole_log(folder: &Path) -> String {
	String::from_utf8_lossy(&std::fs::read(folder.join("log")).unwrap_or_default()).into_owned()
}

/// The end of the node's log.
fn log_of(folder: &Path) -> String {
	let log = whole_log(folder);
	let lines: Vec<_> = log.lines().collect();
	lines[lines.len().saturating_sub(60)..].join("\n")
}
