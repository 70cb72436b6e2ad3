//! The network, run by `waybill-zombienet`.

use crate::process::{command, Process};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::{
	path::{Path, PathBuf},
	time::Duration,
};

const START: Duration = Duration::from_secs(240);

/// The running nodes.
pub struct Network {
	process: Process,
	nodes: Vec<Node>,
}

/// A node.
#[derive(Clone, Debug, Deserialize)]
pub struct Node {
	/// Its name.
	pub name: String,
	/// The address of its RPC server.
	pub ws: String,
	/// Where it serves its metrics.
	pub metrics: String,
	/// Its process.
	pub pid: u32,
	/// Its log.
	pub log: PathBuf,
}

#[derive(Deserialize)]
struct Report {
	nodes: Vec<Node>,
}

impl Network {
	/// Starts the nodes and waits until they answer.
	pub async fn start(program: &Path, node: &Path, gateway: &str, run: &Path) -> Result<Self> {
		let mut command = command(program);
		command.arg("--node-program").arg(node).arg("--folder").arg(run.join("network"));
		command.args(["--ipfs-gateway", gateway, "--log", "info"]);
		let mut process = Process::start("the network", command, &run.join("network.log"), true)?;
		let line = process.line(START).await?;
		let report: Report = serde_json::from_str(&line).with_context(|| format!("not a report: {line}"))?;
		Ok(Self { process, nodes: report.nodes })
	}

	/// A node by its name.
	pub fn node(&self, name: &str) -> Result<&Node> {
		self.nodes.iter().find(|node| node.name == name).with_context(|| format!("the network has no node {name}"))
	}

	/// All nodes.
	pub fn nodes(&self) -> &[Node] {
		&self.nodes
	}

	/// Fails if the network has ended.
	pub fn check(&mut self) -> Result<()> {
		self.process.check()
	}

	/// Stops the nodes.
	pub async fn stop(self) {
		self.process.stop().await;
	}
}
