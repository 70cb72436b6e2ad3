//! Where devices stand on the chain, read as cheaply as possible.

use crate::error::{Error, Result};
use std::collections::{hash_map::Entry, HashMap};
use waybill_chain::{ledger::State, types::Reservation};
use waybill_primitives::{BlockNumber, BountyId, DeviceIndex, Lock, ReservationId};

/// Where a device stands on the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
	/// Nobody has reserved it.
	Open,
	/// Its delivery is paid.
	Paid,
	/// A reservation holds it.
	Reserved {
		/// The reservation.
		id: ReservationId,
		/// The reservation's distributor.
		distributor: [u8; 32],
		/// The device's lock in it.
		lock: Lock,
		/// The first block in which others can take the device.
		exclusive_until: BlockNumber,
	},
}

/// For each receipt, the reservation that last held its device.
///
/// Finding the reservation that holds a device costs the node a search. While the known one stands,
/// reading it is enough, once for a batch.
#[derive(Debug, Default)]
pub struct Places {
	holders: HashMap<(BountyId, DeviceIndex), ReservationId>,
}

/// The reservations of one bounty that were already read at one state.
#[derive(Debug, Default)]
pub struct Standing(HashMap<ReservationId, Option<Reservation>>);

impl Places {
	/// Where the device of a receipt stands.
	pub async fn find<S: State>(
		&mut self,
		state: &S,
		standing: &mut Standing,
		bounty: BountyId,
		index: DeviceIndex,
	) -> Result<Place> {
		if let Some(id) = self.holders.get(&(bounty, index)) {
			if let Some(place) = standing.place(state, bounty, index, *id).await? {
				return Ok(place);
			}
			self.forget(bounty, index);
		}
		let status = state.device_status(bounty, index).await?.ok_or(Error::NoDevice { bounty, index })?;
		let id = match status.reserved {
			_ if status.paid => return Ok(Place::Paid),
			Some(id) => id,
			None => return Ok(Place::Open),
		};
		let found = standing.place(state, bounty, index, id).await?;
		if found.is_some() {
			self.holders.insert((bounty, index), id);
		}
		Ok(found.unwrap_or(Place::Open))
	}

	/// Forgets the reservation that a receipt waited for.
	pub fn forget(&mut self, bounty: BountyId, index: DeviceIndex) {
		self.holders.remove(&(bounty, index));
	}
}

impl Standing {
	/// A device's place in this reservation, if it has one.
	async fn place<S: State>(
		&mut self,
		state: &S,
		bounty: BountyId,
		index: DeviceIndex,
		id: ReservationId,
	) -> Result<Option<Place>> {
		let found = match self.0.entry(id) {
			Entry::Occupied(read) => read.into_mut(),
			Entry::Vacant(unread) => unread.insert(state.reservation(bounty, id).await?),
		};
		let Some(found) = found else { return Ok(None) };
		let (distributor, exclusive_until) = (found.distributor.0, found.exclusive_until);
		let held = found.slots.iter().find(|slot| slot.device_index == index);
		Ok(held.map(|held| Place::Reserved { id, distributor, lock: held.lock, exclusive_until }))
	}
}
