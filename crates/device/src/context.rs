//! What every step of a device uses: its folder, the distributors it knows, the gateway, and the
//! reporter.

use crate::{
	config::Config,
	endpoint::Candidate,
	error::{Error, Result},
	failures::Failing,
	home::{Home, Memory},
	peers::Peers,
	report::{Event, Reporter},
	slots::Firmware,
	update::{LastUpdate, Skipped},
};
use std::time::Duration;
use waybill_chain::{exchange_view, ledger::State, AccountId};
use waybill_exchange::{ChainView, DeviceExchange, Policy, Refusal, Terms};
use waybill_ipfs_http::Gateway;

/// How long to fetch before the device looks at the chain again: longer than a gateway that finds
/// nothing can stay silent in all attempts.
const SLICE: Duration = Duration::from_secs(180);

/// The result of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
	/// There is more to do at once.
	Again,
	/// There is nothing more to do until the next final block.
	Wait,
	/// There is nothing newer than the installed version.
	UpToDate,
	/// A new version is installed and has proven itself.
	Updated(Firmware),
	/// A new version did not prove itself, or was left by hand.
	RolledBack(LastUpdate),
	/// The newest version did not prove itself before. The device waits for another.
	Skipped(Skipped),
}

/// What every step uses.
pub(crate) struct Context {
	pub home: Home,
	pub exchange: DeviceExchange,
	pub memory: Memory,
	pub policy: Policy,
	/// How many bytes of the disk to leave free.
	pub min_free: u64,
	/// How long to fetch before the device looks at the chain again.
	pub slice: Duration,
	pub peers: Peers,
	pub gateway: Gateway,
	pub reporter: Reporter,
}

impl Context {
	/// What a device in this folder uses.
	pub fn new(home: Home, gateway: Gateway, config: &Config, tell: Box<dyn Fn(&Event) + Send + Sync>) -> Result<Self> {
		let (policy, memory, trial, known_peers) = (config.policy(), home.memory()?, home.trial()?, home.peers()?);
		let known = trial.into_iter().flat_map(|trial| [Some(trial.firmware), trial.before]).flatten();
		home.slots.repair(&memory.installed.clone().into_iter().chain(known).collect::<Vec<_>>())?;
		Ok(Self {
			exchange: home.exchange(policy.clone())?,
			memory,
			home,
			policy,
			min_free: config.min_free,
			slice: SLICE,
			peers: Peers::new(&config.roots, config.distributors.clone(), config.private_addresses, known_peers)?,
			gateway,
			reporter: Reporter::new(tell),
		})
	}

	/// Stores the exchange, and drops the files that it no longer needs.
	pub fn save(&mut self) -> Result<()> {
		// Kept twice: a damaged file must not bring old releases back.
		let least = self.exchange.least_security_version();
		if least > self.memory.least_security_version {
			self.memory.least_security_version = least;
			self.remember()?;
		}
		self.home.save_exchange(&self.exchange.to_bytes())?;
		self.home.keep_files(self.exchange.files())
	}

	/// Stores the device's memory.
	pub fn remember(&self) -> Result<()> {
		self.home.save_memory(&self.memory)
	}

	/// Ends the exchange with a distributor.
	pub fn abandon(&mut self) -> Result<()> {
		self.exchange.abandon()?;
		self.save()
	}

	/// Goes back to the exchange as it is stored.
	pub fn start_over(&mut self) -> Result<Outcome> {
		self.exchange = self.home.exchange(self.policy.clone())?;
		Ok(Outcome::Again)
	}

	/// What the chain says about the agreed terms.
	pub async fn view<S: State>(&self, state: &S, terms: &Terms) -> Result<ChainView> {
		let genesis = self.home.identity.genesis.0;
		Ok(exchange_view::chain_view(state, genesis, terms.release_id, terms.bounty, terms.device_index).await?)
	}

	/// Whether this candidate made the offer that was taken, or is announced by the account that
	/// did.
	pub fn made_offer(&self, candidate: &Candidate, terms: &Terms) -> bool {
		candidate.account.is_some_and(|account| account.0 == terms.distributor)
			|| self.memory.offered_by.as_deref() == Some(candidate.peer.url().as_str())
	}

	/// The addresses of the distributor of these terms.
	async fn ways<S: State>(&self, state: &S, terms: &Terms) -> Vec<Candidate> {
		let announced = state.distributors().await.unwrap_or_default();
		let candidates = self.peers.all(&announced).into_iter();
		candidates.filter(|candidate| self.made_offer(candidate, terms)).collect()
	}

	/// Leaves the distributor alone for a while.
	pub async fn pause_distributor<S: State>(&mut self, state: &S, terms: &Terms, failing: Failing) {
		for candidate in self.ways(state, terms).await {
			self.peers.pause(&candidate, failing);
		}
		self.remember_peers();
	}

	/// Stores what the device knows of distributors, if it is time. It goes on without.
	pub fn remember_peers(&mut self) {
		if let Some(record) = self.peers.due() {
			if let Err(error) = self.home.save_peers(&record) {
				tracing::warn!(%error, "what the device knows of distributors is not on the disk");
			}
		}
	}

	/// Notes that the distributor kept its word, which ends its pauses.
	pub async fn praise_distributor<S: State>(&mut self, state: &S, terms: &Terms) {
		for candidate in self.ways(state, terms).await {
			self.peers.praise(&candidate);
		}
		self.remember_peers();
	}

	/// Gives up a distributor whose files cannot be fetched; another distributor's may be. A fault of
	/// the device's own disk, or of its gateway, keeps the exchange.
	pub async fn give_up_fetching<S: State, T>(&mut self, state: &S, terms: &Terms, error: Error) -> Result<T> {
		if !error.is_local() && !error.blames_gateway() {
			self.abandon()?;
			self.pause_distributor(state, terms, Failing::Silent).await;
		}
		Err(error)
	}

	/// Drops an offer whose ciphertext or proofs are wrong, and leaves its distributor alone for a
	/// while.
	///
	/// The device does not call it a cheat: nothing is lost, and anyone on the network path could
	/// have forged the offer.
	pub async fn refuse<S: State>(&mut self, state: &S, terms: &Terms, why: &str) -> Result<Outcome> {
		tracing::error!(distributor = account(terms), why, "no receipt is signed");
		self.reporter.tell(&Event::Refused { distributor: account(terms), why: why.to_owned() });
		self.reporter.hindered_by(why);
		self.abandon()?;
		self.pause_distributor(state, terms, Failing::Silent).await;
		Ok(Outcome::Again)
	}
}

/// The distributor's account, as people write it.
pub(crate) fn account(terms: &Terms) -> String {
	AccountId(terms.distributor).to_string()
}

/// Whether the refusal goes away by waiting for a newer block, or by setting the clock.
pub(crate) const fn is_about_time(refusal: Refusal) -> bool {
	matches!(refusal, Refusal::StaleChainView | Refusal::FutureChainView | Refusal::ChainViewRollback)
}
