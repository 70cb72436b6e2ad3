//! What every command uses.

use crate::{config::Config, error::Result, output::Output, progress::Progress};
use waybill_chain::{ledger::Node, Account, Chain, Patience};
use waybill_daemon::address::shown;
use waybill_ipfs_http::Kubo;

/// Configuration and output, and from them the chain and the account.
#[derive(Clone, Debug)]
pub struct Context {
	/// The configuration.
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

	/// Connects to the node. Commands that keep running use `Patience::Endless`: they outlast a
	/// node's restart.
	pub async fn chain(&self, patience: Patience) -> waybill_chain::Result<Chain> {
		let mut failure = None;
		for node in &self.config.node {
			let _shown = self.progress.spinner(format!("connecting to {}", shown(node)));
			match Chain::connect(node, patience, self.config.genesis.map(|hash| hash.0)).await {
				Ok(chain) => return Ok(chain),
				Err(error) => {
					failure.get_or_insert(error);
				},
			}
		}
		Err(failure.unwrap_or(waybill_chain::Error::Address { address: String::new(), cause: "no node is named".into() }))
	}

	/// The node, for commands that keep running: it may be away when they start.
	pub fn node(&self) -> waybill_chain::Result<Node> {
		Node::at(&self.config.node, self.config.genesis.map(|hash| hash.0))
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
