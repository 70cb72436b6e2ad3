//! Replacing: taking devices from lapsed reservations.

use crate::{pallet::*, BalanceOf, ReceiptFault, Reservation, LOG_TARGET};
use alloc::collections::{btree_map::Entry, BTreeMap};
use frame_support::{
	ensure,
	traits::{
		fungible::MutateHold,
		tokens::{Fortitude, Precision},
	},
};
use sp_runtime::{traits::Zero, DispatchError};
use waybill_primitives::{BlockNumber, BountyId, DeviceIndex, ReservationId};

/// The reservations that may lose devices to a batch, each read and written at most once.
pub(crate) struct Replacements<T: Config> {
	bounty: BountyId,
	now: BlockNumber,
	loaded: BTreeMap<ReservationId, Loaded<T>>,
}

struct Loaded<T: Config> {
	reservation: Reservation<T>,
	lost: u32,
}

impl<T: Config> Replacements<T> {
	/// Starts without reading anything.
	pub(crate) fn new(bounty: BountyId, now: BlockNumber) -> Self {
		Self { bounty, now, loaded: BTreeMap::new() }
	}

	/// Whether the device can be taken from the reservation.
	pub(crate) fn check(&mut self, number: ReservationId, index: DeviceIndex) -> Result<(), ReceiptFault> {
		let loaded = match self.loaded.entry(number) {
			Entry::Occupied(entry) => entry.into_mut(),
			Entry::Vacant(entry) => {
				let reservation = Reservations::<T>::get(self.bounty, number).ok_or(ReceiptFault::WrongReservation)?;
				entry.insert(Loaded { reservation, lost: 0 })
			},
		};
		ensure!(loaded.reservation.holds(index), ReceiptFault::WrongReservation);
		ensure!(self.now >= loaded.reservation.exclusive_until, ReceiptFault::StillExclusive);
		Ok(())
	}

	/// Takes a device that [`Self::check`] has allowed.
	pub(crate) fn take(&mut self, number: ReservationId, index: DeviceIndex) {
		if let Some(loaded) = self.loaded.get_mut(&number) {
			loaded.reservation.slots.retain(|slot| slot.device_index != index);
			loaded.lost = loaded.lost.saturating_add(1);
		}
	}

	/// Writes the reservations that lost devices, burns the deposits for these devices, and returns
	/// their number.
	pub(crate) fn settle(self, replaced_by: ReservationId) -> Result<u32, DispatchError> {
		let bounty = self.bounty;
		let mut devices = 0u32;
		for (number, Loaded { reservation, lost }) in self.loaded {
			if lost == 0 {
				continue;
			}
			devices = devices.saturating_add(lost);
			let distributor = reservation.distributor.clone();
			let burnt = Pallet::<T>::burn_deposit(&distributor, Pallet::<T>::times(reservation.deposit, lost)?)?;
			if reservation.slots.is_empty() {
				Reservations::<T>::remove(bounty, number);
			} else {
				Reservations::<T>::insert(bounty, number, reservation);
			}
			Pallet::<T>::deposit_event(Event::SlotsReplaced {
				bounty,
				reservation: number,
				distributor,
				replaced_by,
				devices: lost,
				burnt,
			});
		}
		Ok(devices)
	}
}

impl<T: Config> Pallet<T> {
	/// Burns a distributor's deposit and returns the amount burnt.
	pub(crate) fn burn_deposit(distributor: &T::AccountId, amount: BalanceOf<T>) -> Result<BalanceOf<T>, DispatchError> {
		if amount.is_zero() {
			return Ok(amount);
		}
		let reason = HoldReason::Reservation.into();
		let burnt = T::Currency::burn_held(&reason, distributor, amount, Precision::BestEffort, Fortitude::Force)?;
		if burnt != amount {
			log::error!(target: LOG_TARGET, "a reservation's deposit is not on hold");
		}
		Ok(burnt)
	}
}

impl<T: Config> Reservation<T> {
	/// Whether the device is one of those not claimed yet.
	pub(crate) fn holds(&self, index: DeviceIndex) -> bool {
		self.slots.binary_search_by_key(&index, |slot| slot.device_index).is_ok()
	}
}
