//! Closing a bounty.

use crate::{page_count, pallet::*, BalanceOf, Bounty, WeightInfo, LOG_TARGET};
use alloc::vec::Vec;
use frame_support::{
	dispatch::DispatchResultWithPostInfo,
	ensure,
	traits::{
		fungible::{Inspect, MutateHold},
		tokens::{DepositConsequence, Fortitude, Precision, Provenance},
		Consideration, Get,
	},
	weights::Weight,
};
use sp_runtime::{traits::Zero, DispatchError, DispatchResult};
use waybill_primitives::{BountyId, Registry};

impl<T: Config> Pallet<T> {
	/// The highest cost of a call: all its pieces are of the more expensive kind.
	pub(crate) fn weight_of_close(max_pages: u32) -> Weight {
		T::WeightInfo::close(max_pages, 0).max(T::WeightInfo::close(0, max_pages))
	}

	pub(crate) fn do_close(id: BountyId, max_pages: u32) -> DispatchResultWithPostInfo {
		ensure!(max_pages >= T::MinClosePages::get().max(1), Error::<T>::TooFewPages);
		let mut bounty = Bounties::<T>::get(id).ok_or(Error::<T>::UnknownBounty)?;
		let mut page = match bounty.closing {
			Some(page) => page,
			None => {
				Self::start_closing(id, &mut bounty)?;
				0
			},
		};

		let removed = Self::remove_reservations(id, &mut bounty, max_pages)?;
		let first_page = page;
		let pages = page_count(bounty.count);
		while page < pages && removed.saturating_add(page.saturating_sub(first_page)) < max_pages {
			PaidPages::<T>::remove(id, page);
			ReservedPages::<T>::remove(id, page);
			page = page.saturating_add(1);
		}

		// The pages come last, so no reservation is left once they are gone.
		if page == pages {
			Self::finish_closing(id, bounty);
		} else {
			bounty.closing = Some(page);
			Bounties::<T>::insert(id, bounty);
		}
		Ok(Some(T::WeightInfo::close(removed, page.saturating_sub(first_page))).into())
	}

	/// Returns the rest of the money to the vendor. From here on nothing can be reserved or
	/// claimed.
	fn start_closing(id: BountyId, bounty: &mut Bounty<T>) -> DispatchResult {
		let now = Self::now();
		if bounty.unpaid() > 0 {
			ensure!(now >= bounty.expires_at, Error::<T>::NotExpired);
			ensure!(bounty.reserved == 0 || now >= bounty.exclusive_until, Error::<T>::ReservationsExclusive);
		}
		let refunded = Self::refund(&bounty.vendor, core::mem::take(&mut bounty.held))?;
		bounty.closing = Some(0);
		ActiveBounties::<T>::remove(bounty.release, bounty.fleet);
		Self::deposit_event(Event::BountyClosing { bounty: id, refunded });
		Ok(())
	}

	/// Gives `held` back to the vendor and returns the amount. If the account has no free money and
	/// `held` is less than the existential deposit, it is burnt: the account cannot keep it.
	fn refund(vendor: &T::AccountId, held: BalanceOf<T>) -> Result<BalanceOf<T>, DispatchError> {
		if held.is_zero() {
			return Ok(held);
		}
		let reason = HoldReason::Reward.into();
		if T::Currency::can_deposit(vendor, held, Provenance::Extant) != DepositConsequence::Success {
			T::Currency::burn_held(&reason, vendor, held, Precision::BestEffort, Fortitude::Force)?;
			return Ok(Zero::zero());
		}
		let refunded = T::Currency::release(&reason, vendor, held, Precision::BestEffort)?;
		if refunded != held {
			log::error!(target: LOG_TARGET, "a bounty's rewards are not on hold");
		}
		Ok(refunded)
	}

	/// Removes up to `limit` reservations, burns their deposits and returns the number removed.
	///
	/// To find one, the storage steps over all that were removed in this block: see
	/// [`Config::MinClosePages`]. If no device is reserved, there is nothing to find.
	fn remove_reservations(id: BountyId, bounty: &mut Bounty<T>, limit: u32) -> Result<u32, DispatchError> {
		if bounty.reserved == 0 {
			return Ok(0);
		}
		let limit = usize::try_from(limit).unwrap_or(usize::MAX);
		let standing: Vec<_> = Reservations::<T>::iter_prefix(id)
			.take(limit)
			.map(|(number, reservation)| {
				let devices = u32::try_from(reservation.slots.len()).unwrap_or(u32::MAX);
				(number, reservation.distributor, reservation.deposit, devices)
			})
			.collect();
		let mut removed = 0u32;
		for (number, distributor, deposit, devices) in standing {
			Reservations::<T>::remove(id, number);
			bounty.reserved = bounty.reserved.saturating_sub(devices);
			let amount = Self::burn_deposit(&distributor, Self::times(deposit, devices)?)?;
			Self::deposit_event(Event::DepositBurnt { bounty: id, reservation: number, distributor, amount });
			removed = removed.saturating_add(1);
		}
		Ok(removed)
	}

	/// Removes the bounty itself. A deposit that the vendor's account cannot take back is burnt.
	fn finish_closing(id: BountyId, bounty: Bounty<T>) {
		Bounties::<T>::remove(id);
		T::Registry::fleet_released(bounty.fleet);
		if bounty.ticket.clone().drop(&bounty.vendor).is_err() {
			bounty.ticket.burn(&bounty.vendor);
		}
		Self::deposit_event(Event::BountyClosed { bounty: id });
	}
}
