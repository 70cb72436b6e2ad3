//! Tests that the checks of the state find faults in it.

use crate::{mock::*, HoldReason, *};
use frame_support::{
	assert_ok,
	traits::{fungible::MutateHold, tokens::Precision},
};
use sp_runtime::DispatchError;

/// What the checks find after `change` in the state of a bounty with paid, reserved and free
/// devices.
fn finding(change: impl FnOnce()) -> Option<String> {
	new_test_ext().execute_with(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, 0..2);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
		reserve_devices(&BOB, 0, 5..8);
		assert_ok!(PodBounty::do_try_state());
		change();
		PodBounty::do_try_state().err().map(|error| match error {
			DispatchError::Other(message) => message.into(),
			other => format!("{other:?}"),
		})
	})
}

fn bounty(change: impl FnOnce(&mut Bounty<Test>)) -> Option<String> {
	finding(|| Bounties::<Test>::mutate(0, |bounty| change(bounty.as_mut().unwrap())))
}

/// What the checks find after a change of Alice's reservation of device 1.
fn reservation(change: impl FnOnce(&mut Reservation<Test>)) -> Option<String> {
	finding(|| Reservations::<Test>::mutate(0, 0, |reservation| change(reservation.as_mut().unwrap())))
}

fn found(finding: Option<String>, message: &str) {
	assert_eq!(finding.as_deref(), Some(message));
}

#[test]
fn try_state_should_find_wrong_counts() {
	found(bounty(|bounty| bounty.paid += 1), "the bounty counts its paid devices");
	found(bounty(|bounty| bounty.reserved += 1), "the bounty counts its reserved devices");
	found(bounty(|bounty| bounty.paid = 40), "no more devices are paid or reserved than there are");
	found(bounty(|bounty| bounty.count = 0), "no more devices are paid or reserved than there are");
	found(bounty(|bounty| bounty.next_reservation = 1), "reservation ids are handed out in order");
	found(finding(|| NextBounty::<Test>::put(0)), "bounty ids are handed out in order");
}

#[test]
fn try_state_should_find_what_does_not_fit_the_registry() {
	let message = "the registry counts the bounties that rely on a fleet";
	found(finding(|| MockRegistry::set_fleet_users(0, 0)), message);
	found(finding(|| MockRegistry::set_fleet_users(0, 2)), message);
	let closing = finding(|| {
		set_block(101);
		assert_ok!(close(0, 1));
		assert_ok!(PodBounty::do_try_state());
		MockRegistry::set_fleet_users(0, 0);
	});
	found(closing, message);
	found(finding(|| MockRegistry::forget(9, 0)), "a bounty's fleet is registered");
	found(bounty(|bounty| bounty.root[0] ^= 1), "a bounty is for the devices of its fleet");
	found(bounty(|bounty| bounty.count -= 1), "a bounty is for the devices of its fleet");
	found(bounty(|bounty| bounty.fleet = 1), "a bounty is for the devices of its fleet");
}

#[test]
fn try_state_should_find_missing_money() {
	found(bounty(|bounty| bounty.held += 1), "holds are the sums over bounties");
	found(bounty(|bounty| bounty.held -= 1), "every unpaid device can be paid");
	found(bounty(|bounty| bounty.reward += 1), "every unpaid device can be paid");
	found(bounty(|bounty| bounty.closing = Some(0)), "a closing bounty holds nothing");
	found(reservation(|reservation| reservation.deposit += 1), "holds are the sums over bounties");
	found(reservation(|reservation| reservation.distributor = STRANGER), "holds are the sums over bounties");
	let release = |reason: HoldReason, who: AccountId| {
		finding(|| {
			Balances::release(&reason.into(), &who, 1, Precision::Exact).unwrap();
		})
	};
	found(release(HoldReason::Reward, VENDOR), "holds are the sums over bounties");
	found(release(HoldReason::Reservation, BOB), "holds are the sums over bounties");
	let stray = finding(|| Balances::hold(&HoldReason::Reward.into(), &STRANGER, 1).unwrap());
	found(stray, "holds are the sums over bounties");
}

#[test]
fn try_state_should_find_unsound_reservations() {
	found(reservation(|reservation| reservation.slots.clear()), "a standing reservation holds devices");
	found(reservation(|reservation| reservation.reward += 1), "rewards never fall");
	let later = |reservation: &mut Reservation<Test>| reservation.exclusive_until += 1;
	found(reservation(later), "the bounty knows the last exclusive window");
	let moved = |index| reservation(move |reservation| reservation.slots[0].device_index = index);
	found(moved(40), "reserved devices are in the fleet");
	found(moved(2), "a reserved device has its bit set");
	let twice = reservation(|reservation| {
		let slot = reservation.slots[0];
		reservation.slots.try_push(slot).unwrap();
	});
	found(twice, "slots are sorted");
	let shared = finding(|| {
		let slot = Reservations::<Test>::get(0, 0).unwrap().slots[0];
		Reservations::<Test>::mutate(0, 1, |other| other.as_mut().unwrap().slots[0] = slot);
	});
	found(shared, "a device is in one reservation at most");
	let orphan = finding(|| Reservations::<Test>::insert(7, 0, Reservations::<Test>::get(0, 0).unwrap()));
	found(orphan, "reservations belong to a bounty");
}

#[test]
fn try_state_should_find_unsound_bitmaps() {
	let paid = |index| finding(move || PaidPages::<Test>::mutate(0, 0, |page| page.set(index, true)));
	found(paid(1), "no device is paid and reserved");
	found(paid(2), "the bounty counts its paid devices");
	found(paid(40), "no bit is set beyond the fleet");
	let reserved = |index| finding(move || ReservedPages::<Test>::mutate(0, 0, |page| page.set(index, true)));
	found(reserved(0), "no device is paid and reserved");
	found(reserved(2), "the bitmap marks the reserved devices");
	found(reserved(4095), "no bit is set beyond the fleet");
	let mut page = Page::default();
	found(finding(|| PaidPages::<Test>::insert(0, 1, Page::default())), "pages lie within the fleet");
	page.set(0, true);
	found(finding(|| ReservedPages::<Test>::insert(7, 0, page)), "pages belong to a bounty");
	let empty = finding(|| {
		MockRegistry::add_fleet_of(7, 0, &[[7; 32]], PAGE_DEVICES + 1);
		assert_ok!(crate::mock::open(&VENDOR, 0, 7, ED, 101));
		PaidPages::<Test>::insert(1, 1, Page::default());
	});
	found(empty, "empty pages are not stored");
}

#[test]
fn try_state_should_find_unsound_places_among_the_active() {
	let message = "an open bounty is the active one of its release and fleet";
	found(finding(|| ActiveBounties::<Test>::remove(0, 0)), message);
	found(finding(|| ActiveBounties::<Test>::insert(0, 0, 1)), message);
	found(finding(|| ActiveBounties::<Test>::insert(0, 1, 1)), "active bounties exist");
	let message = "active bounties are found by release and fleet";
	found(finding(|| ActiveBounties::<Test>::insert(1, 0, 0)), message);
	found(finding(|| ActiveBounties::<Test>::insert(0, 1, 0)), message);
	let closing = finding(|| {
		set_block(101);
		assert_ok!(close(0, 1));
		ActiveBounties::<Test>::insert(0, 0, 0);
	});
	found(closing, "closing bounties are not active");
}
