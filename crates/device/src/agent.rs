//! The update agent: one step at a time, each on disk before the next.

use crate::{
	config::Config,
	context::{account, Context, Outcome},
	courier::Courier,
	error::{Error, Result},
	fetch::fetch_ciphertext,
	freshness::Watch,
	home::Home,
	hook::Hook,
	http,
	hub::Hub,
	install::Installer,
	peers::Peers,
	report::{Event, Reporter},
	search::Search,
	trade::trade,
	verify::verify,
};
use std::time::Duration;
use tokio::time::timeout;
use waybill_chain::ledger::{Ledger, State};
use waybill_exchange::{Fault, Stage, Terms};
use waybill_ipfs_http::Gateway;
use waybill_primitives::BlockNumber;

const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A device that updates itself.
pub struct Agent<L: Ledger> {
	ledger: L,
	pub(crate) context: Context,
	/// The hub that checks proofs for this device. Without one the device checks them itself.
	hub: Option<Hub>,
	watch: Watch,
	search: Search,
	courier: Courier,
	installer: Installer,
}

impl<L: Ledger> Agent<L> {
	/// The device in this folder. It calls `tell` with each event.
	///
	/// # Errors
	/// The ledger is of another chain, the configuration makes no sense, or the folder is damaged.
	pub fn new(
		ledger: L,
		home: Home,
		gateway: Gateway,
		config: &Config,
		tell: Box<dyn Fn(&Event) + Send + Sync>,
	) -> Result<Self> {
		if ledger.genesis() != home.identity.genesis.0 {
			return Err(Error::OtherChain);
		}
		let policy = config.policy();
		let exchange = home.exchange(policy.clone())?;
		let watch = Watch::new(exchange.seen().1);
		let context = Context {
			memory: home.memory()?,
			home,
			exchange,
			policy,
			peers: Peers::new(http::client()?, config.distributors.clone())?,
			gateway,
			reporter: Reporter::new(tell),
		};
		Ok(Self {
			ledger,
			context,
			hub: Hub::new(config)?,
			watch,
			search: Search::default(),
			courier: Courier::default(),
			installer: Installer::new(Hook::new(config.hook.clone(), Duration::from_secs(config.hook_timeout))),
		})
	}

	/// Runs for ever; with `once`, until a new version is installed or there is none, and no hook
	/// is due.
	///
	/// # Errors
	/// Only errors that no further attempt can change: see [`Error::is_permanent`].
	pub async fn run(&mut self, once: bool) -> Result<()> {
		let mut pause = FIRST_PAUSE;
		let mut told = None;
		loop {
			let (at, outcome) = self.next().await;
			match outcome {
				Ok(Outcome::Again) => pause = FIRST_PAUSE,
				Ok(Outcome::Updated(_)) if once && self.context.memory.hook.is_none() => return Ok(()),
				Ok(Outcome::Updated(_)) => {},
				Ok(Outcome::UpToDate) => {
					let event = Event::UpToDate { installed: self.context.home.firmware()? };
					if told.as_ref() != Some(&event) {
						self.context.reporter.tell(&event);
						told = Some(event);
					}
					if once && self.context.memory.hook.is_none() {
						return Ok(());
					}
					pause = self.wait(at, pause).await;
				},
				Ok(Outcome::Wait) => pause = self.wait(at, pause).await,
				Err(error) if error.is_permanent() => return Err(error),
				Err(error) => pause = self.rest(error, pause).await,
			}
		}
	}

	/// What is in the way of an update.
	pub fn obstacle(&self) -> &str {
		self.context.reporter.obstacle().unwrap_or("the device is still at work")
	}

	/// How far the exchange with a distributor is.
	pub fn stage(&self) -> Stage<'_> {
		self.context.exchange.stage()
	}

	/// Waits for a final block after this one, at most as long as a block counts as recent.
	async fn wait(&mut self, number: BlockNumber, pause: Duration) -> Duration {
		let patience = Duration::from_millis(self.context.policy.max_view_age_ms);
		match timeout(patience, self.ledger.above(number)).await {
			Ok(Ok(_)) | Err(_) => FIRST_PAUSE,
			Ok(Err(error)) => self.rest(error.into(), pause).await,
		}
	}

	/// Rests after a failure. Returns how long the next rest would be.
	async fn rest(&mut self, error: Error, pause: Duration) -> Duration {
		tracing::warn!(%error, ?pause, "trying again");
		self.context.reporter.hindered_by(error);
		tokio::time::sleep(pause).await;
		(pause * 2).min(LONGEST_PAUSE)
	}

	/// Does what comes next, by the state at the newest final block. Returns that block's number,
	/// or 0 if there is none.
	pub async fn next(&mut self) -> (BlockNumber, Result<Outcome>) {
		match self.newest().await {
			Ok(state) => (state.head().number, self.step(&state).await),
			Err(error) => (0, Err(error)),
		}
	}

	/// The state at the newest final block.
	async fn newest(&mut self) -> Result<L::State> {
		match self.ledger.newest().await {
			Ok(state) => Ok(state),
			Err(error) => Err(self.watch.unseen(&mut self.context, error.into())?),
		}
	}

	/// Does the next step, by the state at one final block.
	///
	/// Every step is on the disk before this returns. After a power cut the next start carries on
	/// from there.
	pub async fn step(&mut self, state: &L::State) -> Result<Outcome> {
		let Self { ledger, context, hub, watch, search, courier, installer } = self;
		installer.run_hook(context).await?;
		watch.see(context, state.head())?;
		let stage = context.exchange.stage();
		tracing::debug!(?stage, block = state.head().number, "step");
		match stage {
			Stage::Idle | Stage::AwaitOffer(_) => {
				if search.run(context, ledger, state).await? {
					return Ok(Outcome::Again);
				}
				trade(context, ledger, state).await
			},
			Stage::NeedCiphertext(terms) => {
				let terms = terms.clone();
				fetch_ciphertext(context, state, &terms).await
			},
			Stage::NeedProofs(terms, proofs) => {
				let (terms, proofs) = (terms.clone(), *proofs);
				verify(context, hub.as_ref(), state, &terms, &proofs).await
			},
			Stage::NeedReceipt(terms) => {
				let terms = terms.clone();
				courier.sign(context, state, &terms).await
			},
			Stage::AwaitKey(terms, _) => {
				let terms = terms.clone();
				courier.watch(context, state, &terms).await
			},
			Stage::NeedDecryption(terms) => {
				let terms = terms.clone();
				installer.decrypt(context, state, &terms).await
			},
			Stage::Ready(terms) => {
				let terms = terms.clone();
				installer.install(context, state, &terms).await
			},
			Stage::Failed(terms, fault) => {
				let terms = terms.clone();
				end_with_cheat(context, &terms, fault)
			},
		}
	}
}

/// Remembers that the distributor cheated, and drops the exchange with it.
fn end_with_cheat(context: &mut Context, terms: &Terms, fault: Fault) -> Result<Outcome> {
	let distributor = account(terms);
	let words = format!("{fault:?} (bounty {}, release {})", terms.bounty, terms.release_id);
	tracing::error!(distributor, fault = words, "the distributor cheated; the device will not ask it again");
	context.reporter.tell(&Event::Cheated { distributor: distributor.clone(), fault: words.clone() });
	context.memory.cheats.insert(distributor, words);
	context.remember()?;
	context.abandon()?;
	Ok(Outcome::Again)
}
