//! A development node of its own, for the time of a measurement.

use anyhow::{bail, Context, Result};
use std::{path::PathBuf, process::Stdio, time::Duration};
use subxt::rpcs::RpcClient;
use tempfile::TempDir;
use tokio::{
	process::{Child, Command},
	time::{sleep, Instant},
};

/// A running node; stops when dropped.
pub struct Node {
	rpc: RpcClient,
	_process: Child,
	_data: TempDir,
}

/// The chain that it runs.
pub const CHAIN: &str = "dev";
/// How long a node may take to answer.
const START: Duration = Duration::from_secs(60);

impl Node {
	/// Starts a `waybill-node` as the only author, whose off-chain worker uses `gateway`.
	pub async fn start(gateway: &str) -> Result<Self> {
		let data = TempDir::new()?;
		let log = data.path().join("node.log");
		let (rpc_port, p2p_port) = (free_port()?, free_port()?);
		let process = Command::new(binary()?)
			.arg(format!("--{CHAIN}"))
			.args(["--no-prometheus", "--no-telemetry", "--pool-limit", "100000", "--pool-kbytes", "200000"])
			.args(["--rpc-max-request-size", "64", "--ipfs-gateway", gateway])
			.args(["--rpc-port", &rpc_port.to_string(), "--port", &p2p_port.to_string()])
			.arg("--base-path")
			.arg(data.path().join("chain"))
			.stdin(Stdio::null())
			.stdout(Stdio::null())
			.stderr(std::fs::File::create(&log)?)
			.kill_on_drop(true)
			.spawn()
			.context("cannot start waybill-node")?;
		let rpc = connect(&format!("ws://127.0.0.1:{rpc_port}")).await.with_context(|| {
			let text = std::fs::read_to_string(&log).unwrap_or_default();
			let tail: Vec<_> = text.lines().rev().take(20).collect();
			format!(
				"the node does not answer; the end of its log:\n{}",
				tail.into_iter().rev().collect::<Vec<_>>().join("\n")
			)
		})?;
		Ok(Self { rpc, _process: process, _data: data })
	}

	/// The connection.
	pub fn rpc(&self) -> &RpcClient {
		&self.rpc
	}
}

async fn connect(url: &str) -> Result<RpcClient> {
	let deadline = Instant::now() + START;
	loop {
		match RpcClient::from_insecure_url(url).await {
			Ok(client) => return Ok(client),
			Err(error) if Instant::now() > deadline => bail!("{url}: {error}"),
			Err(_) => sleep(Duration::from_millis(200)).await,
		}
	}
}

/// The node's program, which is built into the same folder as this one.
fn binary() -> Result<PathBuf> {
	let path = std::env::current_exe()?.with_file_name("waybill-node");
	if path.is_file() {
		Ok(path)
	} else {
		bail!("{} is missing; run `make build`", path.display())
	}
}

fn free_port() -> Result<u16> {
	portpicker::pick_unused_port().context("no port is free")
}
