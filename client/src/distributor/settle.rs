//! From receipts to money: batches are reserved, and once that is final, claimed.
//!
//! The final chain is what decides how far each exchange has come; the store only says what was promised. So a restart at any point,
//! or a transaction that went astray, is found out by looking again.

use super::{
	batch::batch,
	horizon::Horizon,
	store::{Claim, Fate, Store},
};
use crate::{
	chain::{
		types::{Bounty, Event, ReleaseState, Reservation},
		Terms, TOO_LATE,
	},
	error::{Error, Kind, Result},
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
use waybill_primitives::{BlockNumber, BountyId, DeviceIndex, LockKey, ReservationId};

/// For so many blocks a transaction from before a restart may still get into one.
const PATIENCE: BlockNumber = 64;
/// A reservation that is sent this late may come too late for the receipt.
const RECEIPT_MARGIN: BlockNumber = 2;
/// A transaction that is sent gets into one of so many next blocks.
const INCLUSION: BlockNumber = 2;
/// In so many last blocks of its exclusive window a reservation is not claimed: the newest block is ahead of the newest final one by two
/// blocks, and the claim has to get into one, too.
pub const LAST_BLOCKS: BlockNumber = 2 + INCLUSION;
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
		result: Result<(ReservationId, Batch)>,
	},
	Claim {
		bounty: BountyId,
		reservation: ReservationId,
		devices: Vec<DeviceIndex>,
		/// Whether no claim of this reservation was sent before whose end is not known.
		is_first: bool,
		result: Result<Batch>,
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

/// The blocks that a claim can be in.
#[derive(Clone, Copy, Debug)]
struct Search {
	start: BlockNumber,
	end: BlockNumber,
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
		let (bounty, of, outcome) = match finished {
			Finished::Reserve { bounty, devices, result } => {
				self.reserving.remove(&bounty);
				(bounty, None, result.and_then(|(reservation, batch)| self.reserved(bounty, reservation, &devices, &batch)))
			},
			Finished::Claim { bounty, reservation, devices, is_first, result } => {
				self.claiming.remove(&(bounty, reservation));
				let of = Some(reservation);
				if is_first && result.as_ref().is_err_and(is_too_late) {
					// No key has left.
					let held = |index| devices.contains(&index).then_some(Fate::Held);
					self.store.settle_claim(bounty, reservation, held)?;
				}
				(bounty, of, result.and_then(|batch| self.claimed(bounty, reservation, &devices, &batch)))
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
				let length = self.pause(bounty, of, is_too_late(&error));
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

	/// Reserves what is due.
	async fn reserve(&mut self, state: &L::State, bounty: &Bounty, signed: Vec<Submission>, quiet: bool) -> Result<()> {
		let head = state.head().number;
		if !self.is_due(head, bounty, &signed, quiet) {
			return Ok(());
		}
		let yanked = state.release(bounty.release).await?.is_some_and(|release| release.state == ReleaseState::Yanked);
		let mut standing = HashMap::new();
		let (mut receipts, mut lapsed) = (Vec::new(), Vec::new());
		for one in signed {
			if receipts.len() >= self.rules.max_batch {
				break;
			}
			let place = self.place(state, &mut standing, &one).await?;
			match decide(head, bounty, yanked, self.rules.claim_late, &one, &self.account.id().0, place) {
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
		if receipts.is_empty() || self.is_paused(bounty.id, None, false) {
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

	/// Claims a reservation that stands in a final block, if the claim gets into a block in its exclusive window: after that others may take
	/// the devices in the very block of the claim, and the keys would be public for nothing. What was not claimed in time is reserved
	/// again, in its place, unless the rules say otherwise.
	async fn claim(
		&mut self,
		state: &L::State,
		found: &Bounty,
		reservation: ReservationId,
		sessions: &[&Session],
		quiet: bool,
	) -> Result<()> {
		let bounty = found.id;
		let standing = self.standing(state, bounty, reservation).await?;
		let holds = |session: &Session| {
			let slot = (session.device_index(), *session.lock());
			standing.as_ref().is_some_and(|standing| standing.slots.contains(&slot))
		};
		let (held, mut gone): (Vec<&Session>, Vec<&Session>) = sessions.iter().partition(|session| holds(session));
		// Those of a claim whose end was not seen may have been paid.
		let claims = self.store.claims(bounty)?.into_iter().filter(|(of, _)| *of == reservation);
		let open: HashSet<_> = claims.flat_map(|(_, claim)| claim.devices).collect();
		gone.retain(|session| !open.contains(&session.device_index()));
		if !gone.is_empty() {
			let devices: Vec<_> = gone.iter().map(|session| session.device_index()).collect();
			tracing::warn!(bounty, reservation, ?devices, "reserved devices were taken over before they were claimed");
			self.store.update(bounty, &devices, Session::lapsed)?;
		}
		let Some(standing) = standing else {
			self.pauses.remove(&(bounty, Some(reservation)));
			return Ok(());
		};
		let keys: Vec<_> =
			held.iter().filter_map(|session| session.claim_key()).map(|(_, index, key)| (index, key)).collect();
		if keys.is_empty() {
			return Ok(());
		}
		let (head, mut until) = (state.head().number, standing.exclusive_until);
		if is_missed(head, until) {
			let yanked = state.release(found.release).await?.is_some_and(|release| release.state == ReleaseState::Yanked);
			until = safe_until(head, found, yanked, until);
		}
		let late = head.saturating_add(self.rules.late_margin) >= until;
		if is_missed(head, until) && !self.rules.claim_late {
			// The keys of a claim whose end was not seen may be public.
			let devices: Vec<_> = keys.iter().map(|(index, _)| *index).filter(|index| !open.contains(index)).collect();
			if !devices.is_empty() {
				tracing::warn!(bounty, reservation, ?devices, until, "too late to claim: to be reserved again");
				self.pause(bounty, None, false);
			}
			return self.store.update(bounty, &devices, Session::missed);
		}
		if quiet && !late || self.is_paused(bounty, Some(reservation), late && head < until) {
			return Ok(());
		}
		if late {
			tracing::warn!(bounty, reservation, until, "claiming late");
		}
		let devices: Vec<_> = keys.iter().map(|(index, _)| *index).collect();
		let mut latest = head.saturating_add(PATIENCE);
		if !self.rules.claim_late {
			latest = latest.min(until.saturating_sub(INCLUSION + 1));
		}
		let terms = Terms { tip: self.rules.tip(standing.reward, keys.len()), latest: Some(latest) };
		let claim = Claim { reward: standing.reward.0, devices: devices.clone(), first: head, last: latest };
		let is_first = self.store.begin_claim(bounty, reservation, &claim)?;
		tracing::info!(bounty, reservation, devices = devices.len(), tip = %terms.tip, "claiming");
		let (ledger, account) = (self.ledger.clone(), self.account.clone());
		self.claiming.insert((bounty, reservation));
		self.running.spawn(async move {
			let result = ledger.claim(&account, bounty, reservation, keys, terms).await;
			Finished::Claim { bounty, reservation, devices, is_first, result }
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
		// Paid or not, the keys are in a block.
		let fate = |device: DeviceIndex| match rejected.contains_key(&device) {
			false => Fate::Paid,
			true => Fate::Shown,
		};
		let sent = |device| devices.contains(&device).then(|| fate(device));
		let earned = self.store.settle_claim(bounty, reservation, sent)?.unwrap_or(Amount(0));
		self.store.add_fee(bounty, batch.fee)?;
		if !rejected.is_empty() {
			tracing::warn!(bounty, ?rejected, "the chain did not pay for these devices");
		}
		let paid = devices.iter().filter(|device| !rejected.contains_key(device)).count();
		tracing::info!(bounty, reservation, devices = paid, %earned, block = batch.block, "paid");
		Ok(())
	}

	/// A claim whose end was not seen: did it get into the chain?
	///
	/// The devices that its reservation still holds are claimed again. Of the others those were paid to this distributor whose events say
	/// so: another may have taken the rest over, and have been paid. These wait for as long as the claim can get into a block, as their
	/// keys may become public yet.
	async fn recover_claim(
		&mut self,
		state: &L::State,
		bounty: BountyId,
		reservation: ReservationId,
		claim: &Claim,
		open: bool,
	) -> Result<()> {
		let standing = if open { self.standing(state, bounty, reservation).await? } else { None };
		let stands = |index: &DeviceIndex| standing.iter().flat_map(|found| &found.slots).any(|slot| slot.0 == *index);
		let (held, gone): (Vec<_>, Vec<_>) = claim.devices.iter().partition(|index| stands(index));
		let (key, head) = ((bounty, reservation), state.head().number);
		let end = claim.last.saturating_add(PATIENCE + 1);
		let over = !open || head > end;
		if gone.is_empty() && !over {
			return Ok(());
		}
		let start = match self.searched.get(&key) {
			Some(before) if !over => before.saturating_add(1),
			_ => claim.first,
		};
		let blocks = Search { start: start.max(head.min(end).saturating_sub(SEARCH)), end: head.min(end) };
		let (paid, complete) = self.revealed(blocks, bounty, &gone).await?;
		let mut fates: BTreeMap<_, _> = paid.into_iter().map(|index| (index, Fate::Paid)).collect();
		if over {
			let rest = gone.into_iter().filter(|index| !fates.contains_key(index)).collect();
			let complete = complete && blocks.start == claim.first;
			fates.extend(self.unpaid(state, blocks, bounty, rest, open, complete).await?);
			fates.extend(held.into_iter().map(|index| (index, Fate::Held)));
			self.searched.remove(&key);
		} else {
			self.searched.insert(key, blocks.end);
		}
		if fates.is_empty() {
			return Ok(());
		}
		let earned = self.store.settle_claim(bounty, reservation, |index| fates.get(&index).copied())?;
		let count = |of| fates.values().filter(|fate| **fate == of).count();
		let (devices, unknown, earned) = (count(Fate::Paid), count(Fate::Unknown), earned.unwrap_or(Amount(0)));
		if devices > 0 {
			tracing::info!(bounty, reservation, devices, %earned, "paid by a claim whose end was not seen");
		}
		if count(Fate::Shown) + count(Fate::Lapsed) > 0 {
			tracing::warn!(bounty, reservation, ?fates, "not all devices of a claim were paid");
		}
		if unknown > 0 {
			tracing::warn!(
				bounty,
				reservation,
				unknown,
				"the node no longer has the blocks that tell whether these were paid"
			);
		}
		Ok(())
	}

	/// The devices that were paid, to this distributor, by the events of these blocks; and whether these were all there.
	async fn revealed(&self, blocks: Search, bounty: BountyId, devices: &[DeviceIndex]) -> Result<(Vec<DeviceIndex>, bool)> {
		let (mut paid, mut complete) = (Vec::new(), true);
		for number in blocks.start..=blocks.end {
			if paid.len() == devices.len() {
				break;
			}
			let events = match self.ledger.events(number).await {
				Err(error) if error.kind() == Kind::NotFound => None,
				events => events?,
			};
			let Some(events) = events else {
				complete = false;
				continue;
			};
			for event in events {
				match event {
					Event::KeyRevealed { bounty: of, device_index, distributor, .. }
						if of == bounty && distributor == self.account.id() && devices.contains(&device_index) =>
					{
						paid.push(device_index);
					},
					_ => {},
				}
			}
		}
		Ok((paid, complete))
	}

	/// What became of devices whose pay is in none of these blocks; `complete` is whether all of them could be read.
	async fn unpaid(
		&self,
		state: &L::State,
		blocks: Search,
		bounty: BountyId,
		devices: Vec<DeviceIndex>,
		open: bool,
		complete: bool,
	) -> Result<Vec<(DeviceIndex, Fate)>> {
		let shown = self.shown(blocks, bounty, &devices).await?;
		let mut fates = Vec::new();
		for index in devices {
			let unpaid = complete || open && state.device_status(bounty, index).await?.is_some_and(|status| !status.paid);
			let fate = match unpaid {
				false => Fate::Unknown,
				true if shown.contains(&index) => Fate::Shown,
				true => Fate::Lapsed,
			};
			fates.push((index, fate));
		}
		Ok(fates)
	}

	/// The devices whose keys are in the extrinsics of these blocks, which the chain may have refused.
	async fn shown(&self, blocks: Search, bounty: BountyId, devices: &[DeviceIndex]) -> Result<HashSet<DeviceIndex>> {
		let (mut keys, mut shown) = (HashMap::new(), HashSet::new());
		for index in devices {
			let session = self.store.session(bounty, *index)?;
			keys.extend(session.and_then(|session| session.claim_key()).map(|(_, index, key)| (key, index)));
		}
		for number in blocks.start..=blocks.end {
			if shown.len() == keys.len() {
				break;
			}
			let extrinsics = match self.ledger.extrinsics(number).await {
				Err(error) if error.kind() == Kind::NotFound => continue,
				extrinsics => extrinsics?,
			};
			for bytes in extrinsics {
				shown.extend(bytes.windows(size_of::<LockKey>()).filter_map(|part| keys.get(part)));
			}
		}
		Ok(shown)
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
	/// The reservation that holds it may lapse.
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

/// Whether it is too late to claim a reservation safely.
const fn is_missed(head: BlockNumber, exclusive_until: BlockNumber) -> bool {
	head.saturating_add(LAST_BLOCKS) >= exclusive_until
}

/// The first block in which devices of a reservation with this exclusive window may be lost. Where nobody can reserve any more, closing
/// alone ends a reservation.
fn safe_until(head: BlockNumber, bounty: &Bounty, yanked: bool, exclusive_until: BlockNumber) -> BlockNumber {
	match yanked || head.max(exclusive_until) >= bounty.expires_at {
		true => bounty.expires_at.max(bounty.exclusive_until).max(exclusive_until),
		false => exclusive_until,
	}
}

/// Whether nothing was sent.
fn is_too_late(error: &Error) -> bool {
	error.name() == Some(TOO_LATE)
}

fn decide(
	head: BlockNumber,
	bounty: &Bounty,
	yanked: bool,
	claim_late: bool,
	one: &Submission,
	account: &[u8; 32],
	place: Place,
) -> Decision {
	let over = yanked || one.valid_until <= head || bounty.expires_at <= head.saturating_add(1);
	let can_claim = |until| claim_late || !is_missed(head, safe_until(head, bounty, yanked, until));
	match place {
		Place::Paid => Decision::Lapse,
		Place::Reserved { id, distributor, lock, exclusive_until }
			if distributor == *account && lock == one.lock && can_claim(exclusive_until) =>
		{
			Decision::Ours(id)
		},
		_ if over => Decision::Lapse,
		Place::Open => Decision::Reserve { replaces: None },
		Place::Reserved { id, exclusive_until, .. } if exclusive_until <= head => Decision::Reserve { replaces: Some(id) },
		Place::Reserved { .. } => Decision::Wait,
	}
}
