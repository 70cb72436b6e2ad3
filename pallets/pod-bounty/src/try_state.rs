//! The invariants of the pallet's storage.

use crate::{bitmap::Page, page_count, pallet::*, BalanceOf, Bounty, PAGE_DEVICES};
use alloc::collections::{BTreeMap, BTreeSet};
use frame_support::{ensure, traits::fungible::InspectHold};
use sp_runtime::{
	traits::{CheckedAdd, Zero},
	ArithmeticError, DispatchError, DispatchResult,
};
use waybill_primitives::{BountyId, DeviceIndex, FleetId, Registry};

type Sums<T> = BTreeMap<<T as frame_system::Config>::AccountId, BalanceOf<T>>;

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the storage.
	pub(crate) fn do_try_state() -> DispatchResult {
		let (mut rewards, mut deposits) = (Sums::<T>::new(), Sums::<T>::new());
		let mut users = BTreeMap::<FleetId, u32>::new();
		for (id, bounty) in Bounties::<T>::iter() {
			ensure!(id < NextBounty::<T>::get(), "bounty ids are handed out in order");
			let count = users.entry(bounty.fleet).or_default();
			*count = count.saturating_add(1);
			Self::add(&mut rewards, &bounty.vendor, bounty.held)?;
			Self::check_money(&bounty)?;
			Self::check_fleet(&bounty)?;
			Self::check_reservations(id, &bounty, &mut deposits)?;
			if bounty.closing.is_none() {
				Self::check_bitmaps(id, &bounty)?;
				let active = ActiveBounties::<T>::get(bounty.release, bounty.fleet);
				ensure!(active == Some(id), "an open bounty is the active one of its release and fleet");
			}
		}
		for (fleet, count) in users {
			ensure!(T::Registry::users(fleet) == Some(count), "the registry counts the bounties that rely on a fleet");
		}
		Self::check_holds(HoldReason::Reward, rewards)?;
		Self::check_holds(HoldReason::Reservation, deposits)?;
		Self::check_orphans()
	}

	fn check_money(bounty: &Bounty<T>) -> DispatchResult {
		let taken = bounty.paid.checked_add(bounty.reserved).ok_or(ArithmeticError::Overflow)?;
		ensure!(bounty.count > 0 && taken <= bounty.count, "no more devices are paid or reserved than there are");
		if bounty.closing.is_some() {
			ensure!(bounty.held.is_zero(), "a closing bounty holds nothing");
		} else {
			ensure!(bounty.held >= Self::times(bounty.reward, bounty.unpaid())?, "every unpaid device can be paid");
		}
		Ok(())
	}

	fn check_fleet(bounty: &Bounty<T>) -> DispatchResult {
		let fleet = T::Registry::fleet(bounty.fleet).ok_or("a bounty's fleet is registered")?;
		let fits = fleet.root == bounty.root && fleet.count == bounty.count;
		ensure!(fits, "a bounty is for the devices of its fleet");
		Ok(())
	}

	fn check_reservations(id: BountyId, bounty: &Bounty<T>, deposits: &mut Sums<T>) -> DispatchResult {
		let mut devices = BTreeSet::<DeviceIndex>::new();
		for (number, reservation) in Reservations::<T>::iter_prefix(id) {
			ensure!(number < bounty.next_reservation, "reservation ids are handed out in order");
			ensure!(!reservation.slots.is_empty(), "a standing reservation holds devices");
			ensure!(reservation.slots.is_sorted_by(|a, b| a.device_index < b.device_index), "slots are sorted");
			ensure!(reservation.exclusive_until <= bounty.exclusive_until, "the bounty knows the last exclusive window");
			ensure!(reservation.reward <= bounty.reward, "rewards never fall");
			let slots = u32::try_from(reservation.slots.len()).map_err(|_| ArithmeticError::Overflow)?;
			Self::add(deposits, &reservation.distributor, Self::times(reservation.deposit, slots)?)?;
			for slot in &reservation.slots {
				ensure!(slot.device_index < bounty.count, "reserved devices are in the fleet");
				ensure!(devices.insert(slot.device_index), "a device is in one reservation at most");
				let marked = ReservedPages::<T>::get(id, crate::page_of(slot.device_index)).contains(slot.device_index);
				ensure!(marked || bounty.closing.is_some(), "a reserved device has its bit set");
			}
		}
		ensure!(devices.len() == bounty.reserved as usize, "the bounty counts its reserved devices");
		Ok(())
	}

	fn check_bitmaps(id: BountyId, bounty: &Bounty<T>) -> DispatchResult {
		let (mut paid, mut reserved) = (0u32, 0u32);
		for number in 0..page_count(bounty.count) {
			let (paid_page, reserved_page) = (PaidPages::<T>::get(id, number), ReservedPages::<T>::get(id, number));
			paid = paid.saturating_add(paid_page.count());
			reserved = reserved.saturating_add(reserved_page.count());
			let both =
				paid_page.as_bytes().iter().zip(reserved_page.as_bytes()).any(|(paid, reserved)| paid & reserved != 0);
			ensure!(!both, "no device is paid and reserved");
			let beyond = |page: &Page| {
				let first = number.saturating_mul(PAGE_DEVICES);
				(bounty.count..first.saturating_add(PAGE_DEVICES)).any(|index| page.contains(index))
			};
			let last = number.saturating_add(1) == page_count(bounty.count);
			ensure!(!last || !(beyond(&paid_page) || beyond(&reserved_page)), "no bit is set beyond the fleet");
		}
		ensure!(paid == bounty.paid, "the bounty counts its paid devices");
		ensure!(reserved == bounty.reserved, "the bitmap marks the reserved devices");
		Ok(())
	}

	/// Checks that every account's hold is the sum over its bounties or reservations. Vendors and
	/// distributors that have none left must hold nothing.
	fn check_holds(reason: HoldReason, sums: Sums<T>) -> DispatchResult {
		let reason = reason.into();
		for who in frame_system::Account::<T>::iter_keys() {
			let expected = sums.get(&who).copied().unwrap_or_else(Zero::zero);
			ensure!(T::Currency::balance_on_hold(&reason, &who) == expected, "holds are the sums over bounties");
		}
		for (who, expected) in sums {
			ensure!(T::Currency::balance_on_hold(&reason, &who) == expected, "holds are the sums over bounties");
		}
		Ok(())
	}

	fn check_orphans() -> DispatchResult {
		let pages = PaidPages::<T>::iter().chain(ReservedPages::<T>::iter());
		for (id, number, page) in pages {
			let bounty = Bounties::<T>::get(id).ok_or("pages belong to a bounty")?;
			ensure!(number < page_count(bounty.count), "pages lie within the fleet");
			ensure!(!page.is_empty(), "empty pages are not stored");
		}
		for (id, _) in Reservations::<T>::iter_keys() {
			ensure!(Bounties::<T>::contains_key(id), "reservations belong to a bounty");
		}
		for (release, fleet, id) in ActiveBounties::<T>::iter() {
			let bounty = Bounties::<T>::get(id).ok_or("active bounties exist")?;
			ensure!(bounty.release == release && bounty.fleet == fleet, "active bounties are found by release and fleet");
			ensure!(bounty.closing.is_none(), "closing bounties are not active");
		}
		Ok(())
	}

	fn add(sums: &mut Sums<T>, who: &T::AccountId, amount: BalanceOf<T>) -> Result<(), DispatchError> {
		let sum = sums.entry(who.clone()).or_insert_with(Zero::zero);
		*sum = sum.checked_add(&amount).ok_or(ArithmeticError::Overflow)?;
		Ok(())
	}
}
