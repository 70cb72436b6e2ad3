//! The distributors: each runs a node that joins the block authors, and serves devices.

use crate::{
	account::Account,
	kubo::free_ports,
	process::Process,
	waybill::{text, Log, Waybill},
};
use anyhow::{anyhow, Context, Result};
use serde::Deserialize;
use std::{
	path::{Path, PathBuf},
	time::Duration,
};
use tokio::time::{sleep, Instant};

const START: Duration = Duration::from_secs(60);
/// How long a distributor may take to prove what it serves.
const PROVING: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(300);

/// A distributor.
pub struct Distributor {
	waybill: Waybill,
	account: Account,
	log: PathBuf,
	process: Option<Process>,
	/// Its address for devices.
	url: String,
	/// Its address for operators.
	operators: String,
}

/// What proving cost a distributor.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Proved {
	/// Seconds for the proof that the ciphertext decrypts to the payload.
	pub data_seconds: f64,
	/// Seconds for the proof of the locks.
	pub lock_seconds: f64,
	/// Bytes of both proofs.
	pub bytes: u64,
}

#[derive(Deserialize)]
struct Status {
	bounties: Vec<BountyStatus>,
}

#[derive(Deserialize)]
struct BountyStatus {
	bounty: u64,
	proved: Option<Proved>,
}

impl Distributor {
	/// A distributor with a fresh account. `waybill` talks to the distributor's own node.
	pub fn new(waybill: Waybill, account: Account, folder: &Path) -> Self {
		let log = folder.join(format!("{}.log", account.name));
		let (url, operators) = (String::new(), String::new());
		Self { waybill: waybill.with_log(log.clone()), account, log, process: None, url, operators }
	}

	/// The distributor's account.
	pub const fn account(&self) -> &Account {
		&self.account
	}

	/// Its address, once it has started.
	pub fn url(&self) -> &str {
		&self.url
	}

	/// Joins the block authors with the distributor's node.
	pub async fn join(&self) -> Result<()> {
		self.waybill.tell(&self.account.signs(&["collator", "join"])?).await
	}

	/// Starts to serve devices.
	pub async fn start(&mut self, folder: &Path) -> Result<()> {
		let [port, operators] = free_ports()?;
		let operators = format!("127.0.0.1:{operators}");
		let (listen, announce) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{port}"));
		let data = folder.join(&self.account.name);
		let addresses = ["--listen", &listen, "--status-listen", &operators, "--announce", &announce];
		let arguments = [&["--log", "waybill=info", "distributor", "run"], &addresses[..], &["--data", text(&data)?]];
		let command = self.waybill.command(&self.account.signs(&arguments.concat())?);
		let log = self.log.with_extension("run.log");
		let mut process = Process::start(&self.account.name, command, &log, true)?;
		process.line(START).await.context(Log(log))?;
		self.process = Some(process);
		(self.url, self.operators) = (announce, format!("http://{operators}"));
		Ok(())
	}

	/// Waits until the distributor has proved what it serves under a bounty.
	pub async fn proved(&self, bounty: u64) -> Result<Proved> {
		let deadline = Instant::now() + PROVING;
		loop {
			let status: Status = self.waybill.ask(&["distributor", "status", "--url", &self.operators]).await?;
			let status = status.bounties.into_iter().find(|status| status.bounty == bounty);
			if let Some(proved) = status.and_then(|status| status.proved) {
				return Ok(proved);
			}
			if Instant::now() > deadline {
				return Err(anyhow!("{} has proved nothing in {} s", self.account.name, PROVING.as_secs()))
					.context(Log(self.log.with_extension("run.log")));
			}
			sleep(POLL).await;
		}
	}

	/// Fails if it has ended.
	pub fn check(&mut self) -> Result<()> {
		let log = self.log.with_extension("run.log");
		self.process.as_mut().map_or(Ok(()), Process::check).context(Log(log))
	}

	/// Stops serving.
	pub async fn stop(&mut self) {
		if let Some(process) = self.process.take() {
			process.stop().await;
		}
	}
}
