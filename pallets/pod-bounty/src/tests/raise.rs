//! Raising a bounty.

use crate::{mock::*, Error, Event, HoldReason, *};
use frame_support::assert_ok;
use sp_runtime::{ArithmeticError, TokenError};

#[test]
fn raise_should_hold_the_difference_for_every_unpaid_device() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, 0..10);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, 0..4)));
		assert_eq!(Bounties::<Test>::get(0).unwrap().held, 3600);
		assert_ok!(raise(&VENDOR, 0, 130, 101));
		let bounty = Bounties::<Test>::get(0).unwrap();
		assert_eq!((bounty.reward, bounty.held, bounty.expires_at), (130, 36 * 130, 101));
		assert_eq!(held(HoldReason::Reward, &VENDOR), 36 * 130);
		assert_eq!(events().last(), Some(&Event::BountyRaised { bounty: 0, reward: 130, expires_at: 101 }));
	});
}

#[test]
fn raise_should_leave_standing_reservations_at_their_reward() {
	run(|| {
		open_default();
		let old = reserve_devices(&ALICE, 0, [0, 1]);
		assert_ok!(raise(&VENDOR, 0, 130, 101));
		let new = reserve_devices(&ALICE, 0, [2]);
		let before = free(&ALICE);
		assert_ok!(claim(&ALICE, 0, old, keys(&ALICE, [0, 1])));
		assert_eq!(free(&ALICE) - before, 200 + 2 * ReservationDeposit::get());
		assert_ok!(claim(&ALICE, 0, new, keys(&ALICE, [2])));
		assert_eq!(free(&ALICE) - before, 330 + 3 * ReservationDeposit::get());
	});
}

#[test]
fn raise_should_cover_the_replacement_of_reservations_made_before() {
	run(|| {
		open_default();
		reserve_devices(&ALICE, 0, 0..32);
		reserve_devices(&ALICE, 0, 32..40);
		assert_ok!(raise(&VENDOR, 0, 250, 101));
		set_block(1 + ExclusiveWindow::get());
		let again = |indices: core::ops::Range<u32>, old| {
			let mut receipts = fleet().receipts(0, indices.clone(), &BOB);
			receipts.iter_mut().for_each(|receipt| receipt.replaces = Some(old));
			assert_ok!(reserve(&BOB, 0, receipts));
			assert_ok!(claim(&BOB, 0, 2 + old, keys(&BOB, indices)));
		};
		again(0..32, 0);
		again(32..40, 1);
		let bounty = Bounties::<Test>::get(0).unwrap();
		assert_eq!((bounty.paid, bounty.held), (40, 0));
		assert_eq!(free(&BOB), FUNDS + 40 * 250);
	});
}

#[test]
fn raise_should_use_what_older_rewards_left_over() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, 0..20);
		assert_ok!(raise(&VENDOR, 0, 200, 101));
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, 0..20)));
		// 2000 were saved, and 20 devices are left.
		assert_eq!(Bounties::<Test>::get(0).unwrap().held, 6000);
		assert_ok!(raise(&VENDOR, 0, 250, 101));
		assert_eq!(Bounties::<Test>::get(0).unwrap().held, 6000);
		assert_ok!(raise(&VENDOR, 0, 301, 101));
		assert_eq!(Bounties::<Test>::get(0).unwrap().held, 6020);
		assert_eq!(held(HoldReason::Reward, &VENDOR), 6020);
	});
}

#[test]
fn raise_should_extend_the_time_without_money() {
	run(|| {
		open_default();
		assert_ok!(raise(&VENDOR, 0, 100, 102));
		assert_eq!(held(HoldReason::Reward, &VENDOR), 4000);
		set_block(101);
		reserve_devices(&ALICE, 0, [0]);
		assert_refused(|| raise(&VENDOR, 0, 100, 102 + MAX_DURATION), Error::<Test>::DurationTooLong);
		assert_ok!(raise(&VENDOR, 0, 100, 101 + MAX_DURATION));
	});
}

#[test]
fn raise_should_be_refused_when_anything_falls_or_nothing_rises() {
	run(|| {
		open_default();
		assert_refused(|| raise(&VENDOR, 0, 99, 101), Error::<Test>::CannotReduce);
		assert_refused(|| raise(&VENDOR, 0, 99, 201), Error::<Test>::CannotReduce);
		assert_refused(|| raise(&VENDOR, 0, 100, 100), Error::<Test>::CannotReduce);
		assert_refused(|| raise(&VENDOR, 0, 200, 100), Error::<Test>::CannotReduce);
		assert_refused(|| raise(&VENDOR, 0, 100, 101), Error::<Test>::NothingRaised);
	});
}

#[test]
fn raise_should_be_refused_when_not_the_vendor_or_not_open() {
	run(|| {
		assert_refused(|| raise(&VENDOR, 0, 200, 101), Error::<Test>::UnknownBounty);
		open_default();
		assert_refused(|| raise(&OTHER_VENDOR, 0, 200, 101), Error::<Test>::NotVendor);
		set_block(101);
		assert_refused(|| raise(&VENDOR, 0, 200, 201), Error::<Test>::Expired);
		reserve_and_close();
		assert_refused(|| raise(&VENDOR, 1, 200, 301), Error::<Test>::Closing);
	});
}

/// Leaves bounty 1 closing, with a reservation still to be removed.
fn reserve_and_close() {
	assert_ok!(crate::mock::open(&VENDOR, 1, 0, 100, 201));
	reserve_devices(&ALICE, 1, [0]);
	reserve_devices(&ALICE, 1, [1]);
	set_block(201);
	assert_ok!(close(1, 1));
}

#[test]
fn raise_should_be_refused_when_the_release_is_yanked_or_all_are_paid() {
	run(|| {
		open_default();
		MockRegistry::yank(0);
		assert_refused(|| raise(&VENDOR, 0, 200, 101), Error::<Test>::ReleaseYanked);
		assert_ok!(crate::mock::open(&OTHER_VENDOR, 2, 1, 100, 101));
		let receipts = other_fleet().receipts(1, 0..3, &ALICE);
		assert_ok!(reserve(&ALICE, 1, receipts));
		assert_ok!(claim(&ALICE, 1, 0, keys(&ALICE, 0..3)));
		assert_refused(|| raise(&OTHER_VENDOR, 1, 200, 101), Error::<Test>::FullyPaid);
	});
}

#[test]
fn raise_should_be_refused_when_the_money_is_missing() {
	run(|| {
		open_default();
		assert_refused(|| raise(&VENDOR, 0, Balance::MAX, 101), ArithmeticError::Overflow);
		assert_refused(|| raise(&VENDOR, 0, FUNDS, 101), TokenError::FundsUnavailable);
	});
}
