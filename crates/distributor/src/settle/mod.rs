//! Turns receipts into money: reserves them in batches and, once that is final, claims.
//!
//! The final chain decides how far each exchange has come. The store only says what was promised.
//! So looking at the chain again resolves whatever a restart or a lost transaction left open.

mod claim;
mod context;
mod pauses;
mod places;
mod quiet;
mod recover;
mod reserve;
mod rules;
mod window;

pub use rules::Rules;
pub use window::Margins;

use crate::{
	error::{Error, Result},
	horizon::Horizon,
	insight::Insight,
	report::Reporter,
	store::{Fate, Store},
	tally::{Tally, Tries},
};
use claim::Claims;
use context::Context;
use quiet::Quiet;
use recover::Recovery;
use reserve::Reservations;
use std::{
	collections::{BTreeMap, BTreeSet, HashSet},
	sync::Arc,
	time::Duration,
};
use waybill_chain::{
	ledger::{Payee, State},
	Account,
};
use waybill_exchange::{Session, SessionStage, Submission};
use waybill_primitives::{BountyId, DeviceIndex, ReservationId};

/// A transaction that failed, and the pause before it is sent again.
struct Setback {
	error: Box<Error>,
	pause: Duration,
}

/// Turns receipts into money.
pub struct Settler<L: Payee> {
	context: Context<L>,
	horizon: Horizon,
	quiet: Quiet,
	reservations: Reservations,
	claims: Claims,
	recovery: Recovery,
	insight: Option<Arc<Insight>>,
	/// Whether the receipts from before the start are known.
	is_started: bool,
}

impl<L: Payee> Settler<L> {
	/// A settler of everything in the store.
	pub fn new(ledger: L, account: Account, store: Store, rules: Rules) -> Self {
		Self {
			horizon: Horizon::new(store.clone(), rules.max_block_age),
			context: Context { ledger, account, store, rules, reporter: Reporter::default() },
			quiet: Quiet::default(),
			reservations: Reservations::default(),
			claims: Claims::default(),
			recovery: Recovery::default(),
			insight: None,
			is_started: false,
		}
	}

	/// The same settler, which reports what it does, and counts it.
	pub fn watched(mut self, insight: Arc<Insight>) -> Self {
		self.context.reporter = insight.reporter.clone();
		self.insight = Some(insight);
		self
	}

	/// The receipts in the store that wait to be reserved.
	fn signed(&self) -> Result<HashSet<(BountyId, DeviceIndex)>> {
		let mut signed = HashSet::new();
		for bounty in self.context.store.unsettled()? {
			let sessions = self.context.store.unsettled_sessions(bounty)?;
			let waiting = sessions.iter().filter_map(Session::submission);
			signed.extend(waiting.map(|one| (bounty, one.receipt.device_index)));
		}
		Ok(signed)
	}

	/// Looks at every bounty with unsettled receipts, and sends what is due. Calls `trouble` with
	/// what is wrong with each bounty.
	pub async fn settle(&mut self, state: &Arc<L::State>, mut trouble: impl FnMut(BountyId, Option<String>)) -> Result<()> {
		if !self.admits(state)? {
			return Ok(());
		}
		if !self.is_started {
			self.reservations = Reservations::with(self.signed()?);
			self.is_started = true;
		}
		let quiet = self.quiet.holds(&self.context, state.head().number).await?;
		let mut unsettled = BTreeSet::new();
		unsettled.extend(self.context.store.unsettled()?);
		unsettled.extend(self.context.store.claimed()?);
		for bounty in unsettled {
			let settled = self.settle_bounty(&**state, bounty, quiet).await;
			if let Err(error) = &settled {
				if error.is_unreachable() {
					// Each question would wait for its answer.
					tracing::warn!(bounty, %error, "cannot settle; will go on with the next block");
					break;
				}
			}
			if let Err(error) = settled {
				tracing::warn!(bounty, %error, "cannot settle");
				trouble(bounty, Some(error.to_string()));
			}
		}
		Ok(())
	}

	/// Whether the distributor may act on a state. If so, it refuses older ones from now on.
	pub fn admits(&mut self, state: &L::State) -> Result<bool> {
		self.horizon.admits(state.head())
	}

	/// Whether a transaction is under way.
	pub fn is_busy(&self) -> bool {
		self.reservations.is_busy() || self.claims.is_busy()
	}

	/// Waits until a transaction ends, and notes its outcome. Calls `trouble` with what is wrong
	/// with its bounty.
	pub async fn finish(&mut self, mut trouble: impl FnMut(BountyId, Option<String>)) -> Result<()> {
		let (bounty, outcome) = tokio::select! {
			Some(ended) = self.reservations.ended() => {
				let (bounty, outcome) = (ended.bounty, self.reserved(ended));
				self.count(|tally| &tally.reservations, outcome.is_ok());
				(bounty, outcome)
			},
			Some(ended) = self.claims.ended() => {
				let (bounty, outcome) = (ended.bounty, self.claimed(ended)?);
				self.count(|tally| &tally.claims, outcome.is_ok());
				(bounty, outcome)
			},
			else => return Ok(()),
		};
		match outcome {
			Ok(()) => trouble(bounty, None),
			Err(Setback { error, pause }) => {
				tracing::warn!(bounty, %error, length = ?pause, "a transaction failed; will retry after a pause");
				trouble(bounty, Some(error.to_string()));
			},
		}
		Ok(())
	}

	fn count(&self, of: fn(&Tally) -> &Tries, is_done: bool) {
		if let Some(insight) = &self.insight {
			of(&insight.tally).note(is_done);
		}
	}

	fn reserved(&mut self, ended: reserve::Ended) -> Result<(), Setback> {
		let reserve::Ended { bounty, devices, result } = ended;
		let noted = result.map_err(Error::from).and_then(|(reservation, batch)| {
			self.horizon.raise(batch.block.number)?;
			self.reservations.note(&self.context, bounty, reservation, &devices, &batch)
		});
		noted.map_err(|error| Setback { error: error.into(), pause: self.reservations.pause(bounty) })
	}

	fn claimed(&mut self, ended: claim::Ended) -> Result<Result<(), Setback>> {
		let store = &self.context.store;
		if ended.is_unsent() {
			let held = |index| ended.devices.contains(&index).then_some(Fate::Held);
			store.settle_claim(ended.bounty, ended.reservation, held)?;
		}
		let noted = match &ended.result {
			Ok(batch) => {
				self.horizon.raise(batch.block.number).and_then(|()| self.claims.note(&self.context, &ended, batch))
			},
			Err(error) => Err(error.clone().into()),
		};
		Ok(match noted {
			Ok(()) => {
				self.reservations.resume(ended.bounty);
				Ok(())
			},
			Err(error) => Err(Setback { error: error.into(), pause: self.claims.pause(&ended) }),
		})
	}

	async fn settle_bounty(&mut self, state: &L::State, bounty: BountyId, quiet: bool) -> Result<()> {
		let Self { context, reservations, claims, recovery, .. } = self;
		// Once closing starts, the chain takes no reservation and no claim, even if reservations
		// still stand. A claim would show keys for nothing.
		let found = state.bounty(bounty).await?.filter(|found| !found.closing);
		for (reservation, claim) in context.store.claims(bounty)? {
			if !claims.is_under_way(bounty, reservation) {
				recovery.recover(context, state, bounty, reservation, &claim, found.is_some()).await?;
			}
		}
		let sessions = context.store.unsettled_sessions(bounty)?;
		let mut reserved: BTreeMap<ReservationId, Vec<&Session>> = BTreeMap::new();
		for session in &sessions {
			if let SessionStage::Reserved(_, reservation) = session.progress() {
				reserved.entry(*reservation).or_default().push(session);
			}
		}
		reserved.retain(|reservation, _| !claims.is_under_way(bounty, *reservation));
		let signed: Vec<Submission> = sessions.iter().filter_map(Session::submission).collect();
		let Some(found) = found else {
			let reserved = reserved.values().flatten().map(|session| session.device_index());
			let devices: Vec<_> = signed.iter().map(|one| one.receipt.device_index).chain(reserved).collect();
			return self.give_up(bounty, &devices);
		};
		for (reservation, sessions) in reserved {
			let missed = claims.claim(context, state, &found, reservation, &sessions, quiet).await?;
			if !missed.is_empty() {
				reservations.pause(bounty);
				context.store.update(bounty, &missed, Session::missed)?;
			}
		}
		reservations.reserve(context, state, &found, signed, quiet).await
	}

	/// Gives up the receipts of a bounty that has ended.
	fn give_up(&mut self, bounty: BountyId, devices: &[DeviceIndex]) -> Result<()> {
		if !devices.is_empty() {
			tracing::warn!(bounty, ?devices, "the bounty ended before these devices were claimed");
		}
		self.reservations.forget(bounty, devices);
		self.reservations.resume(bounty);
		self.claims.forget(bounty);
		self.recovery.forget(bounty);
		self.context.store.update(bounty, devices, Session::lapsed)
	}
}
