//! The distributors: each runs a node that joins the block authors, and serves devices.

use crate::{
	account::Account,
	kubo::free_ports,
	process::Process,
	waybill::{text, Log, Waybill},
};
use anyhow::{Context, Result};
use std::{
	path::{Path, PathBuf},
	time::Duration,
};

const START: Duration = Duration::from_secs(60);

/// A distributor.
pub struct Distributor {
	waybill: Waybill,
	account: Account,
	log: PathBuf,
	process: Option<Process>,
}

impl Distributor {
	/// A distributor with a fresh account. `waybill` talks to the distributor's own node.
	pub fn new(waybill: Waybill, account: Account, folder: &Path) -> Self {
		let log = folder.join(format!("{}.log", account.name));
		Self { waybill: waybill.with_log(log.clone()), account, log, process: None }
	}

	/// The distributor's account.
	pub const fn account(&self) -> &Account {
		&self.account
	}

	/// Joins the block authors with the distributor's node.
	pub async fn join(&self) -> Result<()> {
		self.waybill.tell(&self.account.signs(&["collator", "join"])?).await
	}

	/// Begins to serve devices.
	pub async fn start(&mut self, folder: &Path) -> Result<()> {
		let [port] = free_ports()?;
		let (listen, announce) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{port}"));
		let data = folder.join(&self.account.name);
		let arguments = ["distributor", "run", "--listen", &listen, "--announce", &announce, "--data", text(&data)?];
		let command = self.waybill.command(&self.account.signs(&[&["--log", "waybill=info"], &arguments[..]].concat())?);
		let log = self.log.with_extension("run.log");
		let mut process = Process::start(&self.account.name, command, &log, true)?;
		process.line(START).await.context(Log(log))?;
		self.process = Some(process);
		Ok(())
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
