//! From receipts to money: batches are reserved, and once that is final, claimed.
//!
//! The final chain is what decides how far each exchange has come; the store only says what was promised. So a restart at any point,
//! or a transaction that went astray, is found out by looking again.

mod claim;
mod recover;
mod reserve;
mod window;

pub use window::{Margins, CLAIMS_STOP};

use super::{
	horizon::Horizon,
	store::{Fate, Store},
};
use crate::error::{Error, Result};
use std::{
	collections::{BTreeMap, BTreeSet, HashMap, HashSet},
	sync::Arc,
	time::{Duration, Instant},
};
use tokio::task::JoinSet;
use waybill_chain::{
	ledger::{Batch, Payee, State},
	types::Reservation,
	Account, Amount,
};
use waybill_exchange::{Progress, Session, Submission};
use waybill_primitives::{BlockNumber, BountyId, DeviceIndex, ReservationId};

const FIRST_PAUSE: Duration = Duration::from_secs(3);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How batches are made.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
	/// How many receipts make a batch that does not wait.
	pub max_batch: usize,
	/// How long a receipt waits for others.
	pub max_delay: Duration,
	/// What the chain's block time makes of the times around the end of an exclusive window.
	pub margins: Margins,
	/// How many blocks before the end of its exclusive window a reservation is claimed late.
	pub late_margin: BlockNumber,
	/// Whether a reservation is claimed when others may take its devices in the same block.
	pub claim_late: bool,
	/// The tip of a claim, in percent of its reward.
	pub claim_tip_percent: u8,
	/// How old the newest final block may be.
	pub max_block_age: Duration,
}

impl Rules {
	/// The tip of a claim with so many devices.
	pub(super) fn tip(&self, reward: Amount, devices: usize) -> Amount {
		let (all, percent) = (reward.0.saturating_mul(devices as u128), u128::from(self.claim_tip_percent));
		let (hundredths, rest) = (all / 100, all % 100);
		Amount(hundredths.saturating_mul(percent).saturating_add(rest * percent / 100))
	}
}

/// A transaction that has come to its end.
#[derive(Debug)]
enum Finished {
	Reserve {
		bounty: BountyId,
		devices: Vec<DeviceIndex>,
		result: waybill_chain::Result<(ReservationId, Batch)>,
	},
	Claim {
		bounty: BountyId,
		reservation: ReservationId,
		devices: Vec<DeviceIndex>,
		/// Whether no claim of this reservation was sent before whose end is not known.
		is_first: bool,
		result: waybill_chain::Result<Batch>,
	},
}

/// After a transaction that failed.
#[derive(Debug)]
struct Pause {
	until: Instant,
	length: Duration,
	/// Whether nothing ends it early.
	strict: bool,
}

/// Takes receipts to their money.
pub struct Settler<L: Payee> {
	ledger: L,
	account: Account,
	store: Store,
	rules: Rules,
	/// When each receipt was first seen here.
	seen: HashMap<(BountyId, DeviceIndex), Instant>,
	/// The reservation that each receipt was last found to wait for.
	holders: HashMap<(BountyId, DeviceIndex), ReservationId>,
	reserving: HashSet<BountyId>,
	claiming: HashSet<(BountyId, ReservationId)>,
	horizon: Horizon,
	/// For each bounty before it reserves again, and for each reservation before it is claimed again.
	pauses: HashMap<(BountyId, Option<ReservationId>), Pause>,
	/// The newest block that was searched for each claim whose end was not seen.
	searched: HashMap<(BountyId, ReservationId), BlockNumber>,
	running: JoinSet<Finished>,
	/// Until this block, transactions from before the start are waited for.
	quiet_until: Option<BlockNumber>,
}

impl<L: Payee> Settler<L> {
	/// Settles what is in the store.
	pub fn new(ledger: L, account: Account, store: Store, rules: Rules) -> Self {
		let horizon = Horizon::new(store.clone(), rules.max_block_age);
		Self {
			horizon,
			ledger,
			account,
			store,
			rules,
			seen: HashMap::new(),
			reserving: HashSet::new(),
			claiming: HashSet::new(),
			holders: HashMap::new(),
			pauses: HashMap::new(),
			searched: HashMap::new(),
			running: JoinSet::new(),
			quiet_until: None,
		}
	}

	/// Looks at every bounty with unsettled receipts and sends what is due. `trouble` is told what is wrong with each.
	pub async fn settle(&mut self, state: &Arc<L::State>, mut trouble: impl FnMut(BountyId, Option<String>)) -> Result<()> {
		if !self.admits(state)? {
			return Ok(());
		}
		let quiet = self.is_quiet(state.head().number).await?;
		let mut unsettled = BTreeSet::new();
		unsettled.extend(self.store.unsettled()?);
		unsettled.extend(self.store.claimed()?);
		for bounty in unsettled {
			if let Err(error) = self.settle_bounty(&**state, bounty, quiet).await {
				tracing::warn!(bounty, %error, "cannot settle");
				trouble(bounty, Some(error.to_string()));
			}
		}
		Ok(())
	}

	/// Whether a state may be acted on.
	pub fn admits(&mut self, state: &L::State) -> Result<bool> {
		self.horizon.admits(state.head())
	}

	/// Whether what was sent before the start may still get into the chain: to send it again would only cost fees, so just what cannot
	/// wait is sent.
	async fn is_quiet(&mut self, head: BlockNumber) -> Result<bool> {
		let until = *self.quiet_until.get_or_insert(head.saturating_add(self.rules.margins.patience));
		if head < until && self.ledger.is_pending(&self.account).await? {
			tracing::debug!("transactions from before the start are not final yet");
			return Ok(true);
		}
		self.quiet_until = Some(0);
		Ok(false)
	}

	/// Waits until a transaction has come to its end, and notes what became of it.
	pub async fn finish(&mut self, mut trouble: impl FnMut(BountyId, Option<String>)) -> Result<()> {
		let Some(Ok(finished)) = self.running.join_next().await else { return Ok(()) };
		let (bounty, of, too_late, outcome) = match finished {
			Finished::Reserve { bounty, devices, result } => {
				self.reserving.remove(&bounty);
				let taken = |(reservation, batch)| self.reserved(bounty, reservation, &devices, &batch);
				(bounty, None, false, result.map_err(Error::from).and_then(taken))
			},
			Finished::Claim { bounty, reservation, devices, is_first, result } => {
				self.claiming.remove(&(bounty, reservation));
				let of = Some(reservation);
				let too_late = matches!(result, Err(waybill_chain::Error::TooLate { .. }));
				if is_first && too_late {
					// No key has left.
					let held = |index| devices.contains(&index).then_some(Fate::Held);
					self.store.settle_claim(bounty, reservation, held)?;
				}
				let taken = |batch| self.claimed(bounty, reservation, &devices, &batch);
				(bounty, of, too_late, result.map_err(Error::from).and_then(taken))
			},
		};
		match outcome {
			Ok(()) => {
				if of.is_some() {
					self.pauses.remove(&(bounty, of));
					self.pauses.remove(&(bounty, None));
				}
				trouble(bounty, None);
			},
			Err(error) => {
				let length = self.pause(bounty, of, too_late);
				tracing::warn!(bounty, %error, ?length, "a transaction failed; trying again after a pause");
				trouble(bounty, Some(error.to_string()));
			},
		}
		Ok(())
	}

	/// Begins a pause, twice as long as the one before it. Reserving has its ones ended by a claim alone: what is reserved and never
	/// claimed costs a deposit each time.
	fn pause(&mut self, bounty: BountyId, of: Option<ReservationId>, strict: bool) -> Duration {
		let before = self.pauses.get(&(bounty, of));
		let length = before.map_or(FIRST_PAUSE, |pause| (pause.length * 2).min(LONGEST_PAUSE));
		self.pauses.insert((bounty, of), Pause { until: Instant::now() + length, length, strict });
		length
	}

	fn is_paused(&self, bounty: BountyId, of: Option<ReservationId>, is_urgent: bool) -> bool {
		let lasts = |pause: &Pause| pause.until > Instant::now() && (pause.strict || !is_urgent);
		self.pauses.get(&(bounty, of)).is_some_and(lasts)
	}

	/// Whether a transaction is under way.
	pub fn is_busy(&self) -> bool {
		!self.running.is_empty()
	}

	async fn settle_bounty(&mut self, state: &L::State, bounty: BountyId, quiet: bool) -> Result<()> {
		// Once closing starts, nothing can be reserved or claimed, even if reservations still stand: keys would be shown for nothing.
		let found = state.bounty(bounty).await?.filter(|found| !found.closing);
		for (reservation, claim) in self.store.claims(bounty)? {
			if !self.claiming.contains(&(bounty, reservation)) {
				self.recover_claim(state, bounty, reservation, &claim, found.is_some()).await?;
			}
		}
		let sessions = self.store.unsettled_sessions(bounty)?;
		let mut reservations: BTreeMap<ReservationId, Vec<&Session>> = BTreeMap::new();
		for session in &sessions {
			if let Progress::Reserved(_, reservation) = session.progress() {
				reservations.entry(*reservation).or_default().push(session);
			}
		}
		reservations.retain(|reservation, _| !self.claiming.contains(&(bounty, *reservation)));
		let signed: Vec<Submission> = sessions.iter().filter_map(Session::submission).collect();
		let Some(found) = found else {
			let reserved = reservations.values().flatten().map(|session| session.device_index());
			let devices: Vec<_> = signed.iter().map(|one| one.device_index).chain(reserved).collect();
			if !devices.is_empty() {
				tracing::warn!(bounty, ?devices, "the bounty has ended before these devices were claimed");
			}
			self.forget(bounty, &devices);
			self.pauses.retain(|(of, _), _| *of != bounty);
			self.searched.retain(|(of, _), _| *of != bounty);
			return self.store.update(bounty, &devices, Session::lapsed);
		};
		for (reservation, sessions) in reservations {
			self.claim(state, &found, reservation, &sessions, quiet).await?;
		}
		if signed.is_empty() || self.reserving.contains(&bounty) {
			return Ok(());
		}
		self.reserve(state, &found, signed, quiet).await
	}

	fn forget(&mut self, bounty: BountyId, devices: &[DeviceIndex]) {
		for device in devices {
			self.seen.remove(&(bounty, *device));
			self.holders.remove(&(bounty, *device));
		}
	}

	async fn standing(&self, state: &L::State, bounty: BountyId, id: ReservationId) -> Result<Option<Reservation>> {
		let found = state.reservation(bounty, id).await?;
		Ok(found.filter(|found| found.distributor == self.account.id()))
	}
}
