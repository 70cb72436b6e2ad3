//! The update agent: one step at a time, each on disk before the next.

use crate::{
	config::Config,
	context::{account, Context, Outcome},
	courier::Courier,
	error::{Error, Result},
	fetch::fetch_ciphertext,
	freshness::Watch,
	home::Home,
	hub::Hub,
	install::Installer,
	report::Event,
	search::Search,
	trade::{trade, wanted},
	update::Order,
	verify::verify,
};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use waybill_chain::ledger::{Ledger, State};
use waybill_exchange::{Fault, Stage, Terms};
use waybill_ipfs_http::Gateway;
use waybill_primitives::BlockNumber;

const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often a device that waits looks for an order.
const LOOK: Duration = Duration::from_secs(1);

/// What is called with each event of a device.
pub type Tell = Box<dyn Fn(&Event) + Send + Sync>;

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
	/// The failure that was logged last. A lasting one is logged once.
	logged: Option<String>,
}

impl<L: Ledger> Agent<L> {
	/// The device in this folder. It calls `tell` with each event.
	///
	/// # Errors
	/// The configuration makes no sense, the hook or the health check cannot be run, or the folder
	/// is damaged.
	pub fn new(ledger: L, home: Home, gateway: Gateway, config: &Config, tell: Tell) -> Result<Self> {
		let mut context = Context::new(home, gateway, config, tell)?;
		Ok(Self {
			ledger,
			hub: Hub::new(config)?,
			watch: Watch::new(context.exchange.seen().1),
			search: Search::default(),
			courier: Courier::default(),
			installer: Installer::open(&mut context, config)?,
			logged: None,
			context,
		})
	}

	/// Runs for ever, whatever goes wrong; with `once`, until a new version has proven itself or there
	/// is none.
	///
	/// # Errors
	/// Only with `once`: errors that no further attempt can change (see [`Error::is_permanent`]), those
	/// of the disk, [`Error::Clock`], [`Error::Hook`], [`Error::NoRoom`], [`Error::RolledBack`] and
	/// [`Error::Skipped`].
	pub async fn run(&mut self, once: bool) -> Result<()> {
		let mut pause = FIRST_PAUSE;
		let mut told = None;
		loop {
			let (at, outcome) = self.next().await;
			let news = match &outcome {
				Ok(Outcome::UpToDate) => self.context.home.firmware().ok().map(|installed| Event::UpToDate { installed }),
				Ok(Outcome::Skipped(skipped)) => Some(Event::from(*skipped)),
				_ => None,
			};
			if news.is_some() && told != news {
				news.iter().for_each(|event| self.context.reporter.tell(event));
				told = news;
			}
			match outcome {
				Ok(Outcome::Updated(_) | Outcome::UpToDate) if once => return Ok(()),
				Ok(Outcome::RolledBack(update)) if once => return Err(Error::RolledBack(Box::new(update))),
				Ok(Outcome::Skipped(skipped)) if once => return Err(Error::Skipped(skipped)),
				Ok(Outcome::Again | Outcome::Updated(_) | Outcome::RolledBack(_)) => {
					pause = FIRST_PAUSE;
					self.logged = None;
				},
				Ok(Outcome::UpToDate | Outcome::Skipped(_) | Outcome::Wait) => pause = self.wait(at, pause).await,
				Err(error) if once && (error.is_permanent() || error.is_local() || error.needs_a_person()) => {
					self.context.reporter.hindered_by(&error);
					return Err(error);
				},
				Err(error) => {
					if error.is_local() {
						// What could not be written is to be done again.
						let _ = self.context.start_over();
					}
					pause = self.rest(error, pause).await;
				},
			}
		}
	}

	/// Ends what runs: a hook or a health check gets a few seconds, and is then ended with all its
	/// children. The next start carries on.
	pub async fn stop(&mut self) {
		self.installer.stop(&mut self.context).await;
	}

	/// What is in the way of an update.
	pub fn obstacle(&self) -> &str {
		self.context.reporter.obstacle().unwrap_or("the device is still at work")
	}

	/// How far the exchange with a distributor is.
	pub fn stage(&self) -> Stage<'_> {
		self.context.exchange.stage()
	}

	/// Waits for a final block after this one, at most as long as a block counts as recent. An order
	/// and a trial end the wait, too.
	async fn wait(&mut self, number: BlockNumber, pause: Duration) -> Duration {
		let patience = match self.installer.is_trying() {
			true => self.installer.due_in(),
			false => Duration::from_millis(self.context.policy.max_view_age_ms),
		};
		let waited = tokio::select! {
			block = self.ledger.above(number) => block.map(drop),
			() = ordered(&self.context, patience) => Ok(()),
		};
		match waited {
			Ok(()) => FIRST_PAUSE,
			Err(error) => self.rest(error.into(), pause).await,
		}
	}

	/// Rests after a failure. Returns how long the next rest would be.
	async fn rest(&mut self, error: Error, pause: Duration) -> Duration {
		let said = error.to_string();
		match self.logged.as_ref() == Some(&said) {
			true => tracing::debug!(%error, ?pause, "trying again"),
			false => tracing::warn!(%error, ?pause, "trying again"),
		}
		self.logged = Some(said);
		self.context.reporter.hindered_by(error);
		// An order that is there already could not be carried out, so it does not end the rest.
		match self.context.home.is_ordered() {
			true => sleep(pause).await,
			false => ordered(&self.context, pause).await,
		}
		(pause * 2).min(LONGEST_PAUSE)
	}

	/// Does what comes next, by the state at the newest final block. Returns that block's number,
	/// or 0 if there is none. A trial goes on without a block.
	pub async fn next(&mut self) -> (BlockNumber, Result<Outcome>) {
		if let Some(outcome) = self.installer.tend(&mut self.context).await.transpose() {
			return (0, outcome);
		}
		match self.newest().await {
			Ok(state) => (state.head().number, self.step_by(&state).await),
			// The trial is what the device waits for.
			Err(error) if self.installer.is_trying() => {
				tracing::debug!(%error, "no block during a trial");
				ordered(&self.context, self.installer.due_in()).await;
				(0, Ok(Outcome::Again))
			},
			Err(error) => (0, Err(error)),
		}
	}

	/// The state at the newest final block.
	async fn newest(&mut self) -> Result<L::State> {
		let newest = async {
			let genesis = self.ledger.genesis().await?;
			match genesis == self.context.home.identity.genesis.0 {
				true => Ok(self.ledger.newest().await?),
				false => Err(Error::OtherChain),
			}
		};
		match newest.await {
			Err(error) => Err(self.watch.unseen(&mut self.context, error)?),
			state => state,
		}
	}

	/// Does the next step, by the state at one final block.
	///
	/// Every step is on the disk before this returns. After a power cut the next start carries on
	/// from there.
	pub async fn step(&mut self, state: &L::State) -> Result<Outcome> {
		match self.installer.tend(&mut self.context).await? {
			Some(outcome) => Ok(outcome),
			None => self.step_by(state).await,
		}
	}

	async fn step_by(&mut self, state: &L::State) -> Result<Outcome> {
		let Self { ledger, context, hub, watch, search, courier, installer, logged: _ } = self;
		watch.see(context, state.head())?;
		if installer.is_trying() {
			return installer.review(context, state).await;
		}
		let stage = context.exchange.stage();
		tracing::debug!(?stage, block = state.head().number, "step");
		match stage {
			Stage::Idle | Stage::AwaitOffer(_) => {
				if search.run(context, ledger, state).await? {
					return Ok(Outcome::Again);
				}
				match wanted(context, state).await? {
					Ok(release) if installer.take_back(context, &release)? => Ok(Outcome::Again),
					Ok(release) => trade(context, ledger, state, &release).await,
					Err(outcome) => Ok(outcome),
				}
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
				installer.check_hooks()?;
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

/// Waits this long, or until somebody asks something of the device.
async fn ordered(context: &Context, patience: Duration) {
	let looked = async {
		while !context.home.is_ordered() {
			sleep(LOOK).await;
		}
	};
	let _ = timeout(patience, looked).await;
}

/// Carries out an order on a device whose agent does not run: goes on with its trial until that
/// ends, or waits for something.
///
/// # Errors
/// The order makes no sense now, the configuration makes no sense, or the folder is damaged.
pub async fn obey(home: Home, order: &Order, gateway: Gateway, config: &Config, tell: Tell) -> Result<()> {
	order.check(&home)?;
	home.leave_order(order)?;
	// The agent's flags may have named the programs.
	let programs = home.memory()?.programs;
	let hook = config.hook.clone().or(programs.hook);
	let config = &Config { hook, health: config.health.clone().or(programs.health), ..config.clone() };
	let mut context = Context::new(home, gateway, config, tell)?;
	let mut installer = Installer::open(&mut context, config)?;
	while installer.tend(&mut context).await? == Some(Outcome::Again) {}
	Ok(())
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
