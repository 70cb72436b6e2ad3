//! The device at work: one step at a time, each on disk before the next.

use super::{
	home::{Home, Memory},
	hook,
	hub::Hub,
	peer,
	peers::{Candidate, Peers},
	report::Event,
	slots::{Installed, Staging},
	view, Config,
};
use crate::error::{Error, Kind, OrFail, Result};
use std::{
	collections::HashMap,
	path::PathBuf,
	time::{Duration, Instant},
};
use tokio::time::timeout;
use waybill_chain::ledger::{Ledger, State};
use waybill_daemon::clock::Time;
use waybill_daemon::{backoff::Backoff, disk};
use waybill_exchange::{DeviceExchange, Fault, Observation, Policy, Refusal, Stage, Terms};
use waybill_ipfs_http::Gateway;
use waybill_primitives::{BlockNumber, Lock};

const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What a step came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
	/// There is more to do at once.
	Again,
	/// Nothing more until the next final block.
	Wait,
	/// Nothing newer than what is installed.
	UpToDate,
	/// A new version is installed.
	Updated(Installed),
}

/// A device at work.
pub struct Agent<L: Ledger> {
	pub(super) ledger: L,
	pub(super) home: Home,
	pub(super) gateway: Gateway,
	pub(super) peers: Peers,
	/// Who checks proofs for this device, if it does not itself.
	pub(super) hub: Option<Hub>,
	pub(super) exchange: DeviceExchange,
	pub(super) memory: Memory,
	/// What was decrypted and waits for the chain's last word.
	pub(super) staged: Option<Staging>,
	/// Whether the distributor has said that it has the receipt.
	pub(super) acknowledged: bool,
	/// Why there is no update yet.
	pub(super) obstacle: Option<String>,
	pub(super) tell: Box<dyn Fn(&Event) + Send + Sync>,
	pub(super) policy: Policy,
	/// When nodes and distributors are asked again for a key, by its lock.
	pub(super) asked: HashMap<Lock, Backoff>,
	/// The time of the newest block that was seen, as it is on the disk.
	pub(super) seen_stored_ms: u64,
	/// Whether the freeze that lasts was said.
	pub(super) frozen_said: bool,
	hook: Option<PathBuf>,
	hook_timeout: Duration,
	hook_backoff: Backoff,
	/// When the disk is written to again that did not hold what was written.
	pub(super) disk_backoff: Backoff,
}

impl<L: Ledger> Agent<L> {
	/// The device in this folder. `tell` is told what happens.
	pub fn new(
		ledger: L,
		home: Home,
		gateway: Gateway,
		config: &Config,
		tell: Box<dyn Fn(&Event) + Send + Sync>,
	) -> Result<Self> {
		if ledger.genesis() != home.identity.genesis {
			return Err(Error::check("the node is one of another chain than the device belongs to; check --node"));
		}
		let policy = config.policy();
		let exchange = home.exchange(policy.clone())?;
		let (memory, seen_stored_ms) = (home.memory()?, exchange.seen().1);
		let peers = Peers::new(peer::client()?, config.distributors.clone())?;
		let hub = Hub::new(config)?;
		let (hook, hook_timeout) = (config.hook.clone(), Duration::from_secs(config.hook_timeout));
		Ok(Self {
			ledger,
			home,
			gateway,
			peers,
			hub,
			exchange,
			memory,
			staged: None,
			acknowledged: false,
			obstacle: None,
			tell,
			policy,
			asked: HashMap::new(),
			seen_stored_ms,
			frozen_said: false,
			hook,
			hook_timeout,
			hook_backoff: Backoff::default(),
			disk_backoff: Backoff::default(),
		})
	}

	/// Works until a new version is installed or there is none, and no hook is due (`once`), or for ever.
	pub async fn run(&mut self, once: bool) -> Result<()> {
		let mut pause = FIRST_PAUSE;
		let mut told = None;
		loop {
			let (at, outcome) = self.try_step().await;
			match outcome {
				Ok(Outcome::Again) => pause = FIRST_PAUSE,
				Ok(Outcome::Updated(_)) if once && self.memory.hook.is_none() => return Ok(()),
				Ok(Outcome::Updated(_)) => {},
				Ok(Outcome::UpToDate) => {
					let installed = self.home.firmware()?;
					let event = Event::UpToDate { installed };
					if told.as_ref() != Some(&event) {
						(self.tell)(&event);
						told = Some(event);
					}
					if once && self.memory.hook.is_none() {
						return Ok(());
					}
					pause = self.wait(at, pause).await;
				},
				Ok(Outcome::Wait) => pause = self.wait(at, pause).await,
				// What no attempt will change.
				Err(error) if matches!(error.kind(), Kind::File | Kind::Usage) => return Err(error),
				Err(error) => {
					tracing::warn!(%error, ?pause, "trying again");
					self.obstacle = Some(error.to_string());
					tokio::time::sleep(pause).await;
					pause = (pause * 2).min(LONGEST_PAUSE);
				},
			}
		}
	}

	/// Why there is no update yet.
	pub fn obstacle(&self) -> &str {
		self.obstacle.as_deref().unwrap_or("the device is still at work")
	}

	/// Waits for a final block after this one, for as long as it counts as recent.
	async fn wait(&mut self, number: BlockNumber, pause: Duration) -> Duration {
		let patience = Duration::from_millis(self.policy.max_view_age_ms);
		match timeout(patience, self.ledger.above(number)).await {
			Ok(Ok(_)) | Err(_) => FIRST_PAUSE,
			Ok(Err(error)) => {
				tracing::warn!(%error, ?pause, "trying again");
				self.obstacle = Some(error.to_string());
				tokio::time::sleep(pause).await;
				(pause * 2).min(LONGEST_PAUSE)
			},
		}
	}

	async fn try_step(&mut self) -> (BlockNumber, Result<Outcome>) {
		match self.newest().await {
			Ok(state) => (state.head().number, self.step(&state).await),
			Err(error) => (0, Err(error)),
		}
	}

	/// Does what comes next.
	pub(super) async fn step(&mut self, state: &L::State) -> Result<Outcome> {
		self.run_hook().await?;
		self.see(state.head())?;
		let stage = self.exchange.stage();
		tracing::debug!(?stage, block = state.head().number, "step");
		match stage {
			Stage::Idle | Stage::AwaitOffer(_) => {
				if self.search_awaited(state).await? {
					return Ok(Outcome::Again);
				}
				self.trade(state).await
			},
			Stage::NeedCiphertext(terms) => {
				let terms = terms.clone();
				self.fetch(state, &terms).await
			},
			Stage::NeedProofs(terms, proofs) => {
				let (terms, proofs) = (terms.clone(), *proofs);
				self.verify(state, &terms, &proofs).await
			},
			Stage::NeedReceipt(terms) => {
				let terms = terms.clone();
				self.sign(state, &terms).await
			},
			Stage::AwaitKey(terms, _) => {
				let terms = terms.clone();
				self.await_key(state, &terms).await
			},
			Stage::NeedDecryption(terms) => {
				let terms = terms.clone();
				self.decrypt(state, &terms).await
			},
			Stage::Ready(terms) => {
				let terms = terms.clone();
				self.install(state, &terms).await
			},
			Stage::Failed(terms, fault) => {
				let terms = terms.clone();
				self.end_with_cheat(&terms, fault)
			},
		}
	}

	/// Notes for ever that the distributor cheated, and drops what was begun with it.
	fn end_with_cheat(&mut self, terms: &Terms, fault: Fault) -> Result<Outcome> {
		let distributor = account(terms);
		let words = format!("{fault:?} (bounty {}, release {})", terms.bounty, terms.release_id);
		tracing::error!(distributor, fault = words, "the distributor cheated; it is not asked again");
		(self.tell)(&Event::Cheated { distributor: distributor.clone(), fault: words.clone() });
		self.memory.cheats.insert(distributor, words);
		self.home.save_memory(&self.memory)?;
		self.exchange.abandon().map_err(refused)?;
		self.save()?;
		Ok(Outcome::Again)
	}

	/// Fetches the ciphertext and checks all of it.
	async fn fetch(&mut self, state: &L::State, terms: &Terms) -> Result<Outcome> {
		let ciphertext = terms.ciphertext;
		let path = self.home.file(&ciphertext.cid)?;
		let is_fresh = !path.exists();
		if is_fresh {
			match self.gateway.fetch_file(&ciphertext.cid, ciphertext.size, &path, |_| ()).await {
				Ok(()) => {},
				Err(error) if error.is_wrong_size() => return self.refuse(state, terms, &error.to_string()).await,
				Err(error) => return self.give_up_fetching(state, terms, error.into()).await,
			}
		}
		let mut check = self.exchange.ciphertext_check().map_err(refused)?;
		let checked = super::install::pieces(&path, |piece| check.update(piece).map_err(Refusal::Ciphertext));
		match checked?.and_then(|()| self.exchange.ciphertext_complete(check)) {
			Ok(()) => {
				self.save()?;
				(self.tell)(&Event::Downloaded { cid: ciphertext.cid, size: ciphertext.size });
				Ok(Outcome::Again)
			},
			Err(refusal) => {
				disk::remove(&path).or_fail(Kind::File, || format!("cannot remove {}", path.display()))?;
				match is_fresh {
					// Each block fitted its CID: what has the offered CID is not what was offered, and never will be.
					true => self.refuse(state, terms, &refusal.to_string()).await,
					// The disk may have changed it since. It is fetched again.
					false => Ok(Outcome::Again),
				}
			},
		}
	}

	/// The distributor's ciphertext cannot be had: somebody else's may.
	pub(super) async fn give_up_fetching(&mut self, state: &L::State, terms: &Terms, error: Error) -> Result<Outcome> {
		if error.kind() == Kind::File {
			return Err(error);
		}
		self.exchange.abandon().map_err(refused)?;
		self.save()?;
		self.pause_distributor(state, terms).await;
		Err(error)
	}

	/// Whether this candidate made the offer that was taken, or is announced by the account that did.
	fn made_offer(&self, candidate: &Candidate, terms: &Terms) -> bool {
		candidate.account.as_ref().is_some_and(|account| account.0 == terms.distributor)
			|| self.memory.offered_by.as_deref() == Some(candidate.peer.url().as_str())
	}

	/// The ways to the distributor that was agreed with.
	async fn ways(&self, state: &L::State, terms: &Terms) -> Vec<Candidate> {
		let announced = state.distributors().await.unwrap_or_default();
		let candidates = self.peers.all(&announced).into_iter();
		candidates.filter(|candidate| self.made_offer(candidate, terms)).collect()
	}

	/// Leaves the distributor alone for a while.
	pub(super) async fn pause_distributor(&mut self, state: &L::State, terms: &Terms) {
		for candidate in self.ways(state, terms).await {
			self.peers.pause(&candidate);
		}
	}

	/// The distributor kept its word.
	pub(super) async fn praise_distributor(&mut self, state: &L::State, terms: &Terms) {
		for candidate in self.ways(state, terms).await {
			self.peers.praise(&candidate);
		}
	}

	/// Signs the receipt, stores it, sends it.
	async fn sign(&mut self, state: &L::State, terms: &Terms) -> Result<Outcome> {
		if !self.follow_keys(state).await? {
			return Ok(Outcome::Wait);
		}
		let view = self.view(state, terms).await?;
		let unsent = match self.exchange.sign_receipt(self.home.key.signing_key(), &view, Time::now().0) {
			Ok(unsent) => unsent,
			Err(refusal) if is_about_time(refusal) => return Err(refused(refusal)),
			Err(refusal) => {
				self.exchange.abandon().map_err(refused)?;
				self.save()?;
				return Err(refused(refusal));
			},
		};
		// The key can be in no block before.
		if self.exchange.awaited().count() == 1 || self.memory.searched == 0 {
			self.memory.searched = view.number;
			self.home.save_memory(&self.memory)?;
		}
		self.home.save_exchange(unsent.state())?;
		(self.tell)(&Event::Signed {
			bounty: terms.bounty,
			distributor: account(terms),
			valid_until: unsent.persisted().valid_until,
		});
		self.acknowledged = false;
		self.send_receipt(state, terms).await;
		Ok(Outcome::Wait)
	}

	/// Sends the receipt, unless the distributor has it.
	async fn send_receipt(&mut self, state: &L::State, terms: &Terms) {
		let Ok(unsent) = self.exchange.receipt() else { return };
		if self.acknowledged || self.home.save_exchange(unsent.state()).is_err() {
			return;
		}
		let receipt = unsent.persisted();
		let announced = state.distributors().await.unwrap_or_default();
		let mut candidates = self.peers.addresses(&announced, |candidate| self.made_offer(candidate, terms));
		candidates.retain(|candidate| candidate.account.is_none() || self.made_offer(candidate, terms));
		for candidate in candidates {
			let made_offer = self.made_offer(&candidate, terms);
			match candidate.peer.receipt(&receipt).await {
				// Only who is to be paid has a reason to keep it.
				Ok(()) if !made_offer => {},
				Ok(()) => {
					self.acknowledged = true;
					self.obstacle = Some("the distributor has the receipt; waiting for the key".into());
					(self.tell)(&Event::Acknowledged { bounty: terms.bounty, distributor: account(terms) });
					return;
				},
				Err(error) => {
					tracing::warn!(distributor = %candidate.peer.url(), %error, "the receipt was not taken");
					if made_offer {
						self.obstacle = Some(format!("the receipt was not taken: {error}"));
					}
				},
			}
		}
	}

	/// Looks how the receipt stands, and for the key once it is public.
	async fn await_key(&mut self, state: &L::State, terms: &Terms) -> Result<Outcome> {
		let view = self.view(state, terms).await?;
		let observation = self.exchange.observe(&view, Time::now().0).map_err(refused)?;
		tracing::debug!(?observation, block = view.number, "receipt");
		match observation {
			Observation::Waiting => {
				self.send_receipt(state, terms).await;
				Ok(Outcome::Wait)
			},
			Observation::Reserved => {
				self.acknowledged = true;
				Ok(Outcome::Wait)
			},
			Observation::Paid => {
				self.save()?;
				Ok(Outcome::Again)
			},
			Observation::Lapsed => {
				self.save()?;
				(self.tell)(&Event::Lapsed { bounty: terms.bounty, distributor: account(terms) });
				self.pause_distributor(state, terms).await;
				Ok(Outcome::Again)
			},
		}
	}

	/// Runs the hook that is due, if it is for what is installed. One that fails stays due, and does not hold up the device: the
	/// next version may bring the cure.
	pub(super) async fn run_hook(&mut self) -> Result<()> {
		let Some(release) = self.memory.hook else { return Ok(()) };
		if !self.hook_backoff.is_due(Instant::now()) {
			return Ok(());
		}
		let installed = self.home.firmware()?;
		if let (Some(installed), Some(hook)) = (installed.filter(|installed| installed.release == release), &self.hook) {
			if let Err(error) = hook::run(hook, &self.home.slots.image(), &installed, self.hook_timeout).await {
				tracing::error!(%error, release, "the hook is still due");
				self.obstacle = Some(error.to_string());
				self.hook_backoff.fail(Instant::now());
				return Ok(());
			}
		}
		self.memory.hook = None;
		self.home.save_memory(&self.memory)
	}

	/// Notes that the hook is due once this release is installed.
	pub(super) fn owe_hook(&mut self, release: u64) -> Result<()> {
		if self.hook.is_some() {
			self.memory.hook = Some(release);
			self.hook_backoff = Backoff::default();
			self.home.save_memory(&self.memory)?;
		}
		Ok(())
	}

	/// What the chain says about what was agreed on.
	pub(super) async fn view(&self, state: &L::State, terms: &Terms) -> Result<waybill_exchange::ChainView> {
		view::of(state, self.home.identity.genesis, terms.release_id, terms.bounty, terms.device_index).await
	}

	/// Stores the exchange, and drops the files that it no longer needs.
	pub(super) fn save(&self) -> Result<()> {
		self.home.save_exchange(&self.exchange.to_bytes())?;
		self.home.keep_files(self.exchange.files())
	}
}

/// The distributor's account, as people write it.
pub(super) fn account(terms: &Terms) -> String {
	waybill_chain::AccountId(terms.distributor).to_string()
}

/// A refusal as a failure.
pub(super) fn refused(refusal: Refusal) -> Error {
	Error::check(refusal).named(format!("{refusal:?}"))
}

/// Whether waiting for a newer block, or setting the clock, is all it takes.
pub(super) const fn is_about_time(refusal: Refusal) -> bool {
	matches!(refusal, Refusal::StaleChainView | Refusal::FutureChainView | Refusal::ChainViewRollback)
}
