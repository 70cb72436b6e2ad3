//! kubo, the IPFS node.

use crate::process::{command, run, Process};
use anyhow::{anyhow, bail, ensure, Context, Result};
use serde_json::{json, Value};
use std::{
	collections::BTreeSet,
	net::Ipv4Addr,
	path::{Path, PathBuf},
	time::Duration,
};
use tokio::{net::TcpStream, time::sleep};

/// The program, folder and ports of a kubo node.
pub struct Kubo {
	program: PathBuf,
	repository: PathBuf,
	log: PathBuf,
	ports: [u16; 3],
}

impl Kubo {
	/// Chooses free ports.
	pub fn new(program: &Path, run: &Path) -> Result<Self> {
		ensure!(program.is_file(), "{} is missing; run `make setup`", program.display());
		Ok(Self { program: program.into(), repository: run.join("ipfs"), log: run.join("kubo.log"), ports: free_ports()? })
	}

	/// The address of its gateway.
	pub fn gateway(&self) -> String {
		format!("http://127.0.0.1:{}", self.ports[0])
	}

	/// The address of its RPC server.
	pub fn api(&self) -> String {
		format!("http://127.0.0.1:{}", self.ports[1])
	}

	/// Initialises a repository with the test profile, only on the loopback interface, and starts
	/// the daemon.
	pub async fn start(&self) -> Result<Process> {
		let mut init = command(&self.program);
		init.env("IPFS_PATH", &self.repository).args(["init", "--profile=test"]);
		let (status, _) = run(init, &self.log).await?;
		ensure!(status.success(), "`ipfs init` failed: {status}; see {}", self.log.display());
		self.configure()?;
		let mut daemon = command(&self.program);
		daemon.env("IPFS_PATH", &self.repository).arg("daemon");
		let mut process = Process::start("kubo", daemon, &self.log.with_extension("daemon.log"), false)?;
		for _ in 0..300 {
			process.check()?;
			// The gateway is the last to listen.
			if TcpStream::connect((Ipv4Addr::LOCALHOST, self.ports[0])).await.is_ok() {
				return Ok(process);
			}
			sleep(Duration::from_millis(200)).await;
		}
		bail!("kubo did not start within a minute; see {}", self.log.display())
	}

	/// Adds a file, and returns its CID.
	pub async fn add(&self, file: &Path) -> Result<String> {
		let mut add = command(&self.program);
		add.env("IPFS_PATH", &self.repository).args(["add", "-Q", "--cid-version=1", "--chunker=size-262144"]).arg(file);
		let (status, output) = run(add, &self.log).await?;
		ensure!(status.success(), "`ipfs add` failed: {status}; see {}", self.log.display());
		Ok(output.trim().to_owned())
	}

	fn configure(&self) -> Result<()> {
		let file = self.repository.join("config");
		let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
		let mut config: Value = serde_json::from_str(&text)?;
		let [gateway, api, swarm] = self.ports.map(|port| format!("/ip4/127.0.0.1/tcp/{port}"));
		config["Addresses"]["Gateway"] = json!(gateway);
		config["Addresses"]["API"] = json!(api);
		config["Addresses"]["Swarm"] = json!([swarm]);
		std::fs::write(&file, serde_json::to_vec_pretty(&config)?)
			.with_context(|| format!("cannot write {}", file.display()))
	}
}

/// Different ports that nobody uses now, outside the range from which outgoing connections get
/// theirs.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
	let mut ports = BTreeSet::new();
	while ports.len() < N {
		ports.insert(portpicker::pick_unused_port().context("no port is free")?);
	}
	ports.into_iter().collect::<Vec<_>>().try_into().map_err(|_| anyhow!("not {N} ports"))
}
