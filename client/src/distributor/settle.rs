//! From receipts to money: batches are reserved, and once that is final, claimed.
//!
//! The final chain is what decides how far each exchange has come; the store only says what was promised. So a restart at any point,
//! or a transaction that went astray, is found out by looking again.

use super::{
	batch::batch,
	horizon::Horizon,
	store::{Claim, Store},
};
use crate::{
	chain::types::{Bounty, Event, Reservation},
	error::{Error, Result},
	keys::Account,
	ledger::{Batch, Payee, State},
	units::Amount,
};
use std::{
	collections::{BTreeMap, BTreeSet, HashMap, HashSet},
	sync::Arc,
	time::{Duration, Instant},
};
use tokio::task::JoinSet;
use waybill_exchange::{Progress, Session, Submission};
use waybill_primitives::{BlockNumber, BountyId, DeviceIndex, ReservationId};

/// For so many blocks a transaction from before a restart may still get into one.
const PATIENCE: BlockNumber = 64;
/// A reservation that is sent this late may come too late for the receipt.
const RECEIPT_MARGIN: BlockNumber = 2;
const FIRST_PAUSE: Duration = Duration::from_secs(3);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// The most blocks that are searched for what became of a claim.
const SEARCH: BlockNumber = 1_024;
/// The chain's reasons that say no more than where the slot stands: by the state of that block, the receipt may be reserved yet, or be
/// reserved for this distributor already.
const UNDECIDED: [&str; 3] = ["AlreadyReserved", "WrongReservation", "StillExclusive"];

/// How batches are made.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
	/// How many receipts make a batch that does not wait.
	pub max_batch: usize,
	/// How long a receipt waits for others.
	pub max_delay: Duration,
	/// How many blocks before the end of its exclusive window a reservation is claimed late.
	pub late_margin: BlockNumber,
	/// How old the newest final block may be.
	pub max_block_age: Duration,
}

/// A transaction that has come to its end.
#[derive(Debug)]
enum Finished {
	Reserve { bounty: BountyId, devices: Vec<DeviceIndex>, result: Result<(ReservationId, Batch)> },
	Claim { bounty: BountyId, reservation: ReservationId, devices: Vec<DeviceIndex>, result: Result<Batch> },
}

/// A bounty whose last transaction failed.
#[derive(Debug)]
struct Pause {
	until: Instant,
	length: Duration,
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
	pauses: HashMap<BountyId, Pause>,
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
			if self.pauses.get(&bounty).is_some_and(|pause| pause.until > Instant::now()) {
				continue;
			}
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
		let until = *self.quiet_until.get_or_insert(head.saturating_add(PATIENCE));
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
		let (bounty, outcome) = match finished {
			Finished::Reserve { bounty, devices, result } => {
				self.reserving.remove(&bounty);
				(bounty, result.and_then(|(reservation, batch)| self.reserved(bounty, reservation, &devices, &batch)))
			},
			Finished::Claim { bounty, reservation, devices, result } => {
				self.claiming.remove(&(bounty, reservation));
				(bounty, result.and_then(|batch| self.claimed(bounty, reservation, &devices, &batch)))
			},
		};
		match outcome {
			Ok(()) => {
				self.pauses.remove(&bounty);
				trouble(bounty, None);
			},
			Err(error) => {
				let length = self.pauses.get(&bounty).map_or(FIRST_PAUSE, |pause| (pause.length * 2).min(LONGEST_PAUSE));
				tracing::warn!(bounty, %error, ?length, "a transaction failed; trying again after a pause");
				trouble(bounty, Some(error.to_string()));
				self.pauses.insert(bounty, Pause { until: Instant::now() + length, length });
			},
		}
		Ok(())
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
			return self.store.update(bounty, &devices, Session::lapsed);
		};
		for (reservation, sessions) in reservations {
			self.claim(state, bounty, reservation, &sessions, quiet).await?;
		}
		if signed.is_empty() || self.reserving.contains(&bounty) {
			return Ok(());
		}
		self.reserve(state, &found, signed, quiet).await
	}

	/// Reserves what is due.
	async fn reserve(&mut self, state: &L::State, bounty: &Bounty, signed: Vec<Submission>, quiet: bool) -> Result<()> {
		let head = state.head().number;
		if !self.is_due(head, bounty, &signed, quiet) {
			return Ok(());
		}
		let mut standing = HashMap::new();
		let (mut receipts, mut lapsed) = (Vec::new(), Vec::new());
		for one in signed {
			if receipts.len() >= self.rules.max_batch {
				break;
			}
			let place = self.place(state, &mut standing, &one).await?;
			match decide(head, bounty, &one, &self.account.id().0, place) {
				Decision::Reserve { replaces } => receipts.push((one, replaces)),
				Decision::Ours(reservation) => {
					self.store.update(bounty.id, &[one.device_index], |session| session.reserved(reservation))?;
				},
				Decision::Wait => {},
				Decision::Lapse => lapsed.push(one.device_index),
			}
		}
		if !lapsed.is_empty() {
			tracing::warn!(bounty = bounty.id, devices = ?lapsed, "receipts that can no longer be reserved");
			self.forget(bounty.id, &lapsed);
			self.store.update(bounty.id, &lapsed, Session::lapsed)?;
		}
		if receipts.is_empty() {
			return Ok(());
		}
		let devices: Vec<_> = receipts.iter().map(|(one, _)| one.device_index).collect();
		let unknown = || Error::not_found(format!("the chain has no fleet {}", bounty.fleet));
		let fleet = state.fleet(bounty.fleet).await?.ok_or_else(unknown)?;
		let foreign = || Error::check(format!("the stored proofs are not of fleet {}", fleet.id));
		let receipts = batch(&fleet, receipts).ok_or_else(foreign)?;
		tracing::info!(bounty = bounty.id, devices = devices.len(), "reserving");
		let (ledger, account, bounty) = (self.ledger.clone(), self.account.clone(), bounty.id);
		self.reserving.insert(bounty);
		self.running.spawn(async move {
			let result = ledger.reserve(&account, bounty, receipts).await;
			Finished::Reserve { bounty, devices, result }
		});
		Ok(())
	}

	/// Whether the batch is full, or has waited long enough, or cannot wait; in quiet times only the last.
	fn is_due(&mut self, head: BlockNumber, bounty: &Bounty, signed: &[Submission], quiet: bool) -> bool {
		let now = Instant::now();
		let is_urgent = |until: BlockNumber| until.saturating_sub(head) <= RECEIPT_MARGIN + 3;
		let (mut due, mut urgent) = (signed.len() >= self.rules.max_batch, is_urgent(bounty.expires_at));
		for one in signed {
			let first = *self.seen.entry((bounty.id, one.device_index)).or_insert(now);
			due |= now.duration_since(first) >= self.rules.max_delay;
			urgent |= is_urgent(one.valid_until);
		}
		urgent || (due && !quiet)
	}

	/// Where a device stands. To find the reservation that holds it costs the node a search; while that one is known and stands, it is read
	/// instead, once for a batch.
	async fn place(
		&mut self,
		state: &L::State,
		standing: &mut HashMap<ReservationId, Option<Reservation>>,
		one: &Submission,
	) -> Result<Place> {
		let (bounty, index) = (one.bounty, one.device_index);
		if let Some(id) = self.holders.get(&(bounty, index)) {
			if let Some(place) = held(state, standing, bounty, index, *id).await? {
				return Ok(place);
			}
			self.holders.remove(&(bounty, index));
		}
		let status = state.device_status(bounty, index).await?;
		let status = status.ok_or_else(|| Error::not_found(format!("bounty {bounty} has no device {index}")))?;
		let id = match status.reserved {
			_ if status.paid => return Ok(Place::Paid),
			Some(id) => id,
			None => return Ok(Place::Open),
		};
		let found = held(state, standing, bounty, index, id).await?;
		if found.is_some() {
			self.holders.insert((bounty, index), id);
		}
		Ok(found.unwrap_or(Place::Open))
	}

	fn forget(&mut self, bounty: BountyId, devices: &[DeviceIndex]) {
		for device in devices {
			self.seen.remove(&(bounty, *device));
			self.holders.remove(&(bounty, *device));
		}
	}

	/// A reservation is final.
	fn reserved(
		&mut self,
		bounty: BountyId,
		reservation: ReservationId,
		devices: &[DeviceIndex],
		batch: &Batch,
	) -> Result<()> {
		self.horizon.raise(batch.block)?;
		self.forget(bounty, devices);
		let rejected: BTreeMap<_, _> = batch.rejected.iter().map(|(device, why)| (*device, why)).collect();
		let (mut refused, held): (Vec<_>, Vec<_>) = devices.iter().partition(|device| rejected.contains_key(device));
		refused.retain(|device| rejected.get(device).is_some_and(|why| !UNDECIDED.contains(&why.as_str())));
		self.store.update(bounty, &held, |session| session.reserved(reservation))?;
		self.store.update(bounty, &refused, Session::lapsed)?;
		self.store.add_fee(bounty, batch.fee)?;
		if !rejected.is_empty() {
			tracing::warn!(bounty, ?rejected, "the chain did not take these receipts");
		}
		tracing::info!(bounty, reservation, devices = held.len(), block = batch.block, "reserved");
		Ok(())
	}

	/// Claims a reservation that stands in a final block.
	///
	/// That is done even at the end of its exclusive window and after it, as long as the slots stand. Others may take them in the very block
	/// of the claim, and then the keys are public for nothing; but not to claim would lose reward and deposit for certain, and a key opens
	/// the content to that one device only.
	async fn claim(
		&mut self,
		state: &L::State,
		bounty: BountyId,
		reservation: ReservationId,
		sessions: &[&Session],
		quiet: bool,
	) -> Result<()> {
		let standing = self.standing(state, bounty, reservation).await?;
		let holds = |session: &Session| {
			let slot = (session.device_index(), *session.lock());
			standing.as_ref().is_some_and(|standing| standing.slots.contains(&slot))
		};
		let (held, gone): (Vec<&Session>, Vec<&Session>) = sessions.iter().partition(|session| holds(session));
		if !gone.is_empty() {
			let devices: Vec<_> = gone.iter().map(|session| session.device_index()).collect();
			tracing::warn!(bounty, reservation, ?devices, "reserved devices were taken over before they were claimed");
			self.store.update(bounty, &devices, Session::lapsed)?;
		}
		let Some(standing) = standing else { return Ok(()) };
		let keys: Vec<_> =
			held.iter().filter_map(|session| session.claim_key()).map(|(_, index, key)| (index, key)).collect();
		if keys.is_empty() {
			return Ok(());
		}
		let (head, exclusive_until) = (state.head().number, standing.exclusive_until);
		match head.saturating_add(self.rules.late_margin) >= exclusive_until {
			true => tracing::warn!(bounty, reservation, exclusive_until, "claiming late: others may be faster"),
			false if quiet => return Ok(()),
			false => {},
		}
		let devices: Vec<_> = keys.iter().map(|(index, _)| *index).collect();
		let claim = Claim { reward: standing.reward.0, devices: devices.clone(), first: head, last: head };
		self.store.begin_claim(bounty, reservation, &claim)?;
		tracing::info!(bounty, reservation, devices = devices.len(), "claiming");
		let (ledger, account) = (self.ledger.clone(), self.account.clone());
		self.claiming.insert((bounty, reservation));
		self.running.spawn(async move {
			let result = ledger.claim(&account, bounty, reservation, keys).await;
			Finished::Claim { bounty, reservation, devices, result }
		});
		Ok(())
	}

	/// A claim is final.
	fn claimed(
		&mut self,
		bounty: BountyId,
		reservation: ReservationId,
		devices: &[DeviceIndex],
		batch: &Batch,
	) -> Result<()> {
		self.horizon.raise(batch.block)?;
		let rejected: BTreeMap<_, _> = batch.rejected.iter().map(|(device, why)| (*device, why)).collect();
		let paid: Vec<_> = devices.iter().filter(|device| !rejected.contains_key(device)).copied().collect();
		let earned = self.store.settle_claim(bounty, reservation, &paid, false)?.unwrap_or(Amount(0));
		self.store.add_fee(bounty, batch.fee)?;
		if !rejected.is_empty() {
			tracing::warn!(bounty, ?rejected, "the chain did not pay for these devices");
		}
		tracing::info!(bounty, reservation, devices = paid.len(), %earned, block = batch.block, "paid");
		Ok(())
	}

	/// A claim whose end was not seen, as the program was stopped: did it get into the chain?
	async fn recover_claim(
		&mut self,
		state: &L::State,
		bounty: BountyId,
		reservation: ReservationId,
		claim: &Claim,
		open: bool,
	) -> Result<()> {
		let (mut paid, mut complete) = (Vec::new(), true);
		if open {
			if self.standing(state, bounty, reservation).await?.is_some() {
				// It did not, or not yet: it is claimed again.
				return Ok(());
			}
			for index in &claim.devices {
				if state.device_status(bounty, *index).await?.is_some_and(|status| status.paid) {
					paid.push(*index);
				}
			}
		} else {
			// The state no longer tells who was paid.
			(paid, complete) = self.revealed(state.head().number, bounty, claim).await?;
		}
		let earned = self.store.settle_claim(bounty, reservation, &paid, !complete)?.unwrap_or(Amount(0));
		tracing::info!(bounty, reservation, devices = paid.len(), %earned, "paid before the restart");
		if !complete && paid.len() < claim.devices.len() {
			tracing::warn!(
				bounty,
				reservation,
				"the node no longer has the blocks that tell whether the other devices were paid"
			);
		}
		Ok(())
	}

	/// The devices of a claim that were paid, by the events of the blocks that it can have got into; and whether these were all there.
	async fn revealed(&self, head: BlockNumber, bounty: BountyId, claim: &Claim) -> Result<(Vec<DeviceIndex>, bool)> {
		let end = head.min(claim.last.saturating_add(PATIENCE + 1));
		let start = claim.first.max(end.saturating_sub(SEARCH));
		let (mut paid, mut complete) = (Vec::new(), start == claim.first);
		for number in start..=end {
			if paid.len() == claim.devices.len() {
				break;
			}
			let Some(events) = self.ledger.events(number).await? else {
				complete = false;
				continue;
			};
			for event in events {
				match event {
					Event::KeyRevealed { bounty: of, device_index, distributor, .. }
						if of == bounty && distributor == self.account.id() && claim.devices.contains(&device_index) =>
					{
						paid.push(device_index);
					},
					_ => {},
				}
			}
		}
		Ok((paid, complete))
	}

	async fn standing(&self, state: &L::State, bounty: BountyId, id: ReservationId) -> Result<Option<Reservation>> {
		let found = state.reservation(bounty, id).await?;
		Ok(found.filter(|found| found.distributor == self.account.id()))
	}
}

/// Where a device stands on the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Place {
	Open,
	Paid,
	Reserved { id: ReservationId, distributor: [u8; 32], lock: [u8; 32], exclusive_until: BlockNumber },
}

/// What becomes of a receipt.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Decision {
	Reserve {
		replaces: Option<ReservationId>,
	},
	/// It is reserved already: the transaction's end was not seen.
	Ours(ReservationId),
	/// Another's reservation may lapse.
	Wait,
	Lapse,
}

/// A device's place in this reservation, if it has one.
async fn held<S: State>(
	state: &S,
	standing: &mut HashMap<ReservationId, Option<Reservation>>,
	bounty: BountyId,
	index: DeviceIndex,
	id: ReservationId,
) -> Result<Option<Place>> {
	if let std::collections::hash_map::Entry::Vacant(e) = standing.entry(id) {
		e.insert(state.reservation(bounty, id).await?);
	}
	let Some(found) = standing.get(&id).and_then(Option::as_ref) else { return Ok(None) };
	let lock = found.slots.iter().find(|(device, _)| *device == index).map(|slot| slot.1);
	let (distributor, exclusive_until) = (found.distributor.0, found.exclusive_until);
	Ok(lock.map(|lock| Place::Reserved { id, distributor, lock, exclusive_until }))
}

fn decide(head: BlockNumber, bounty: &Bounty, one: &Submission, account: &[u8; 32], place: Place) -> Decision {
	let over = one.valid_until <= head || bounty.expires_at <= head.saturating_add(1);
	match place {
		Place::Paid => Decision::Lapse,
		Place::Reserved { id, distributor, lock, .. } if distributor == *account && lock == one.lock => Decision::Ours(id),
		_ if over => Decision::Lapse,
		Place::Open => Decision::Reserve { replaces: None },
		Place::Reserved { id, exclusive_until, .. } if exclusive_until <= head => Decision::Reserve { replaces: Some(id) },
		Place::Reserved { .. } => Decision::Wait,
	}
}
