//! A running network.

use crate::Definition;
use anyhow::{anyhow, Context, Result};
use serde::Serialize;
use std::path::PathBuf;
use zombienet_sdk::{LocalFileSystem, NetworkConfigExt, NetworkNode};

/// A running network. Dropping it kills its nodes; [`Network::stop`] also waits for them to end.
pub struct Network {
	inner: zombienet_sdk::Network<LocalFileSystem>,
}

/// A node's addresses and files.
#[derive(Clone, Debug, Serialize)]
pub struct NodeInfo {
	/// Its name in the definition.
	pub name: String,
	/// The address of its RPC server.
	pub ws: String,
	/// Where it serves its metrics.
	pub metrics: String,
	/// The id of its process.
	pub pid: u32,
	/// Its folder.
	pub folder: PathBuf,
	/// Its log.
	pub log: PathBuf,
}

impl Network {
	/// Spawns a network and waits until all nodes answer.
	pub async fn spawn(definition: &Definition) -> Result<Self> {
		let definition = definition.clone().with_ports()?;
		let inner = definition.config()?.spawn_native().await.context("the network did not start")?;
		Ok(Self { inner })
	}

	/// The folder that holds the nodes' files.
	pub fn folder(&self) -> PathBuf {
		self.inner.base_dir().map(PathBuf::from).unwrap_or_default()
	}

	/// The nodes, in the order of the definition.
	pub fn nodes(&self) -> Result<Vec<NodeInfo>> {
		self.inner.relaychain().nodes().into_iter().map(info).collect()
	}

	/// A node by its name.
	pub fn node(&self, name: &str) -> Result<NodeInfo> {
		info(self.inner.get_node(name)?)
	}

	/// Whether a node's process is running.
	pub fn runs(&self, name: &str) -> Result<bool> {
		let pid = self.node(name)?.pid;
		// A killed process stays in the process table as a zombie until its parent waits for it.
		let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
		let state = status.rsplit(") ").next().and_then(|rest| rest.chars().next());
		Ok(state.is_some_and(|state| !matches!(state, 'Z' | 'X')))
	}

	/// The SDK's own handle to a node.
	pub fn handle(&self, name: &str) -> Result<&NetworkNode> {
		self.inner.get_node(name)
	}

	/// Kills a node's process with SIGKILL, as abruptly as a power cut.
	pub fn kill(&self, name: &str) -> Result<()> {
		let pid = self.node(name)?.pid;
		let status = std::process::Command::new("sh").args(["-c", &format!("kill -s KILL {pid}")]).status()?;
		status.success().then_some(()).with_context(|| format!("cannot kill {name} (process {pid})"))
	}

	/// Starts a node again with its existing files.
	pub async fn restart(&self, name: &str) -> Result<()> {
		self.inner.get_node(name)?.restart(None).await
	}

	/// Kills all nodes and waits for them to end.
	pub async fn stop(self) -> Result<()> {
		self.inner.destroy().await.map_err(|error| anyhow!("the network did not stop: {error}"))
	}
}

fn info(node: &NetworkNode) -> Result<NodeInfo> {
	// The SDK gives the process id and the metrics only in the data that it writes to zombie.json.
	let value = serde_json::to_value(node)?;
	let metrics = value["prometheus_uri"].as_str().with_context(|| format!("{} has no metrics", node.name()))?;
	let pid = value["inner"]["process_handle"].as_u64().and_then(|pid| u32::try_from(pid).ok());
	let folder = node.base_dir().clone();
	Ok(NodeInfo {
		name: node.name().into(),
		ws: node.ws_uri().into(),
		metrics: metrics.into(),
		pid: pid.with_context(|| format!("{} is not running", node.name()))?,
		log: folder.join(format!("{}.log", node.name())),
		folder,
	})
}
