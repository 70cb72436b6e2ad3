//! Claims: paying for revealed keys.

use crate::{
	bitmap::{pages_touched, Pages},
	pallet::*,
	ClaimFault, WeightInfo, LOG_TARGET,
};
use alloc::collections::BTreeMap;
use frame_support::{
	ensure,
	traits::{
		fungible::MutateHold,
		tokens::{Fortitude, Precision, Restriction},
	},
	weights::Weight,
	BoundedVec,
};
use sp_runtime::{
	traits::{CheckedSub, Zero},
	ArithmeticError, DispatchResult,
};
use waybill_primitives::{view::revealed_key_index, BountyId, DeviceIndex, LockKey, ReservationId};

impl<T: Config> Pallet<T> {
	pub(crate) fn weight_of_claim(keys: &[(DeviceIndex, LockKey)]) -> Weight {
		let devices = u32::try_from(keys.len()).unwrap_or(u32::MAX);
		let pages = pages_touched(keys.iter().map(|(index, _)| *index));
		T::WeightInfo::claim(devices).saturating_add(T::WeightInfo::mark_paid(pages))
	}

	/// Pays for the right keys. Once one key was found right, nothing here fails for a reason
	/// outside the caller's control:
	///
	/// - `held` covers the reward of every standing reservation.
	/// - The payee can receive it. Balances never exceed the issuance, of which the reward is a
	///   part, and a reward is not below the existential deposit.
	/// - The vendor's account pays by force.
	/// - The payee then has free money, so its deposit can be returned to it.
	pub(crate) fn do_claim(
		who: T::AccountId,
		id: BountyId,
		number: ReservationId,
		keys: BoundedVec<(DeviceIndex, LockKey), T::MaxBatch>,
	) -> DispatchResult {
		ensure!(!keys.is_empty(), Error::<T>::EmptyBatch);
		let mut bounty = Bounties::<T>::get(id).ok_or(Error::<T>::UnknownBounty)?;
		ensure!(bounty.closing.is_none(), Error::<T>::Closing);
		let mut reservation = Reservations::<T>::get(id, number).ok_or(Error::<T>::UnknownReservation)?;
		ensure!(reservation.distributor == who, Error::<T>::NotDistributor);

		let mut locks: BTreeMap<_, _> = reservation.slots.iter().map(|slot| (slot.device_index, slot.lock)).collect();
		let mut paid = Pages::<PaidPages<T>>::new(id);
		let mut reserved = Pages::<ReservedPages<T>>::new(id);
		let (mut devices, mut first_fault) = (0u32, None);
		for (device_index, key) in keys {
			let fault = match locks.get(&device_index) {
				None => Some(ClaimFault::NotInReservation),
				Some(lock) if bounty.digest.suite.lock(&key) != Some(*lock) => Some(ClaimFault::WrongKey),
				Some(_) => None,
			};
			if let Some(reason) = fault {
				first_fault.get_or_insert(reason);
				Self::deposit_event(Event::ClaimRejected { bounty: id, device_index, reason });
				continue;
			}
			locks.remove(&device_index);
			paid.set(device_index, true);
			reserved.set(device_index, false);
			devices = devices.saturating_add(1);
			sp_io::offchain_index::set(&revealed_key_index(id, device_index), &key);
			Self::deposit_event(Event::KeyRevealed { bounty: id, device_index, key, distributor: who.clone() });
		}
		if devices == 0 {
			return Err(first_fault.map_or(Error::<T>::EmptyBatch, Error::<T>::from).into());
		}
		paid.store();
		reserved.store();

		let amount = Self::times(reservation.reward, devices)?;
		bounty.held = bounty.held.checked_sub(&amount).ok_or(ArithmeticError::Underflow)?;
		bounty.paid = bounty.paid.saturating_add(devices);
		bounty.reserved = bounty.reserved.saturating_sub(devices);
		// By force: a freeze on the vendor's money must not stop a payment.
		T::Currency::transfer_on_hold(
			&HoldReason::Reward.into(),
			&bounty.vendor,
			&who,
			amount,
			Precision::Exact,
			Restriction::Free,
			Fortitude::Force,
		)?;
		Bounties::<T>::insert(id, bounty);
		Self::return_deposit(&who, Self::times(reservation.deposit, devices)?)?;
		reservation.slots.retain(|slot| locks.contains_key(&slot.device_index));
		if reservation.slots.is_empty() {
			Reservations::<T>::remove(id, number);
		} else {
			Reservations::<T>::insert(id, number, reservation);
		}
		Self::deposit_event(Event::Paid { bounty: id, distributor: who, devices, amount });
		Ok(())
	}

	/// Returns the deposit for the claimed devices.
	fn return_deposit(distributor: &T::AccountId, amount: crate::BalanceOf<T>) -> DispatchResult {
		if amount.is_zero() {
			return Ok(());
		}
		let returned = T::Currency::release(&HoldReason::Reservation.into(), distributor, amount, Precision::BestEffort)?;
		if returned != amount {
			log::error!(target: LOG_TARGET, "a reservation's deposit is not on hold");
		}
		Ok(())
	}
}
