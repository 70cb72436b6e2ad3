//! Which receipts are reserved, and when.

use super::{window::safe_until, Finished, Rules, Settler};
use crate::{
	distributor::batch::batch,
	error::{Error, Result},
};
use std::{
	collections::{BTreeMap, HashMap},
	time::Instant,
};
use waybill_chain::{
	ledger::{Batch, Payee, State},
	types::{Bounty, ReleaseState, Reservation},
};
use waybill_exchange::{Session, Submission};
use waybill_primitives::{BlockNumber, BountyId, DeviceIndex, ReservationId};

/// The chain's reasons that say no more than where the slot stands: by the state of that block, the receipt may be reserved yet, or be
/// reserved for this distributor already.
const UNDECIDED: [&str; 3] = ["AlreadyReserved", "WrongReservation", "StillExclusive"];

impl<L: Payee> Settler<L> {
	/// Reserves what is due.
	pub(super) async fn reserve(
		&mut self,
		state: &L::State,
		bounty: &Bounty,
		signed: Vec<Submission>,
		quiet: bool,
	) -> Result<()> {
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
			match decide(head, bounty, yanked, &self.rules, &one, &self.account.id().0, place) {
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
		let is_urgent = |until: BlockNumber| until.saturating_sub(head) <= self.rules.margins.urgent;
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

	/// A reservation is final.
	pub(super) fn reserved(
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

fn decide(
	head: BlockNumber,
	bounty: &Bounty,
	yanked: bool,
	rules: &Rules,
	one: &Submission,
	account: &[u8; 32],
	place: Place,
) -> Decision {
	let over = yanked || one.valid_until <= head || bounty.expires_at <= head.saturating_add(1);
	let can_claim = |until| rules.claim_late || !rules.margins.is_missed(head, safe_until(head, bounty, yanked, until));
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
