//! What every command is given.

use crate::{config::Config, error::Result, output::Output, progress::Progress};
use waybill_chain::{Account, Chain, Patience};
use waybill_ipfs_http::Kubo;

/// Configuration, output, and the way to the chain and to the account.
#[derive(Clone, Debug)]
pub struct Context {
	/// Flags over environment over file over defaults.
	pub config: Config,
	/// Where results go.
	pub output: Output,
	/// Where progress goes.
	pub progress: Progress,
}

impl Context {
	/// A context for this configuration.
	pub fn new(config: Config) -> Self {
		Self { output: Output::new(config.json), progress: Progress::new(config.json), config }
	}

	/// Connects to the node. Commands that run on are `Patience::Endless`: they outlast a node's restart.
	pub async fn chain(&self, patience: Patience) -> waybill_chain::Result<Chain> {
		let _shown = self.progress.spinner(format!("connecting to {}", self.config.node));
		Chain::connect(&self.config.node, patience, self.config.genesis.map(|hash| hash.0)).await
	}

	/// The kubo node that files are added to.
	pub fn kubo(&self) -> Result<Kubo> {
		self.config.kubo()
	}

	/// The account that signs and pays, from `--account` or `--account-file`.
	pub fn account(&self) -> Result<Account> {
		self.config.account()
	}
}
