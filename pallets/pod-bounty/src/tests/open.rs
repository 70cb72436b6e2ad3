//! Opening a bounty.

use crate::{
	mock::{open, *},
	Error, Event, HoldReason, *,
};
use frame_support::assert_ok;
use sp_runtime::{ArithmeticError, TokenError};

#[test]
fn open_should_hold_rewards_and_deposit_when_the_vendor_asks() {
	run(|| {
		assert_ok!(open(&VENDOR, 0, 0, 100, 101));
		let bounty = Bounties::<Test>::get(0).unwrap();
		assert_eq!((bounty.vendor, bounty.release, bounty.fleet), (VENDOR, 0, 0));
		assert_eq!((bounty.root, bounty.count, bounty.digest), (fleet().tree.root(), 40, digest(0)));
		assert_eq!((bounty.reward, bounty.held, bounty.expires_at), (100, 4000, 101));
		assert_eq!((bounty.paid, bounty.reserved, bounty.next_reservation, bounty.closing), (0, 0, 0, None));
		assert_eq!(held(HoldReason::Reward, &VENDOR), 4000);
		let storage = Pallet::<Test>::bounty_footprint(40).size as Balance + 20;
		assert_eq!(held(HoldReason::Storage, &VENDOR), storage);
		assert_eq!(free(&VENDOR), FUNDS - 4000 - storage);
		assert_eq!((ActiveBounties::<Test>::get(0, 0), NextBounty::<Test>::get()), (Some(0), 1));
		assert_eq!(MockRegistry::fleet_users(0), 1);
		let opened = Event::BountyOpened {
			bounty: 0,
			vendor: VENDOR,
			release: 0,
			fleet: 0,
			devices: 40,
			reward: 100,
			expires_at: 101,
		};
		assert_eq!(events(), [opened]);
	});
}

#[test]
fn open_should_keep_bounties_apart_when_there_are_several() {
	run(|| {
		assert_ok!(open(&VENDOR, 0, 0, 100, 101));
		assert_ok!(open(&VENDOR, 1, 0, 50, 60));
		assert_ok!(open(&OTHER_VENDOR, 2, 1, 70, 60));
		assert_eq!(held(HoldReason::Reward, &VENDOR), 6000);
		assert_eq!(held(HoldReason::Reward, &OTHER_VENDOR), 210);
		assert_eq!((MockRegistry::fleet_users(0), MockRegistry::fleet_users(1)), (2, 1));
	});
}

#[test]
fn open_should_be_refused_when_release_or_fleet_do_not_fit() {
	run(|| {
		assert_refused(|| open(&VENDOR, 9, 0, 100, 101), Error::<Test>::UnknownRelease);
		assert_refused(|| open(&OTHER_VENDOR, 0, 0, 100, 101), Error::<Test>::NotVendor);
		assert_refused(|| open(&VENDOR, 0, 9, 100, 101), Error::<Test>::UnknownFleet);
		assert_refused(|| open(&VENDOR, 0, 1, 100, 101), Error::<Test>::WrongModel);
		MockRegistry::add_fleet_of(5, 0, &[[0; 32]], 0);
		assert_refused(|| open(&VENDOR, 0, 5, 100, 101), Error::<Test>::EmptyFleet);
		MockRegistry::set_available(0, false);
		assert_refused(|| open(&VENDOR, 0, 0, 100, 101), Error::<Test>::ReleaseUnavailable);
		MockRegistry::yank(1);
		assert_refused(|| open(&VENDOR, 1, 0, 100, 101), Error::<Test>::ReleaseYanked);
	});
}

#[test]
fn open_should_be_refused_when_one_is_active() {
	run(|| {
		open_default();
		assert_refused(|| open(&VENDOR, 0, 0, 100, 101), Error::<Test>::AlreadyOpen);
		set_block(101);
		assert_refused(|| open(&VENDOR, 0, 0, 100, 201), Error::<Test>::AlreadyOpen);
		assert_ok!(close(0, 1));
		assert_ok!(open(&VENDOR, 0, 0, 100, 201));
		assert_eq!(ActiveBounties::<Test>::get(0, 0), Some(1));
	});
}

#[test]
fn open_should_keep_to_the_limits_of_time_and_reward() {
	run(|| {
		assert_refused(|| open(&VENDOR, 0, 0, ED - 1, 101), Error::<Test>::RewardTooLow);
		assert_refused(|| open(&VENDOR, 0, 0, ED, MIN_DURATION), Error::<Test>::DurationTooShort);
		assert_refused(|| open(&VENDOR, 0, 0, ED, MAX_DURATION + 2), Error::<Test>::DurationTooLong);
		assert_ok!(open(&VENDOR, 0, 0, ED, MIN_DURATION + 1));
		assert_ok!(open(&VENDOR, 1, 0, ED, MAX_DURATION + 1));
		set_block(u32::MAX - 5);
		assert_refused(|| open(&OTHER_VENDOR, 2, 1, ED, u32::MAX - 1), Error::<Test>::DurationTooShort);
		assert_ok!(open(&OTHER_VENDOR, 2, 1, ED, u32::MAX));
	});
}

#[test]
fn open_should_need_a_block_when_the_least_duration_is_zero() {
	run(|| {
		ShortestDuration::set(0);
		assert_refused(|| open(&VENDOR, 0, 0, ED, 0), Error::<Test>::DurationTooShort);
		assert_refused(|| open(&VENDOR, 0, 0, ED, 1), Error::<Test>::DurationTooShort);
		assert_ok!(open(&VENDOR, 0, 0, ED, 2));
		let number = reserve_devices(&ALICE, 0, [0]);
		set_block(2);
		assert_refused(|| close(0, 1), Error::<Test>::ReservationsExclusive);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
		assert_ok!(close(0, 1));
	});
}

#[test]
fn open_should_be_refused_when_the_sum_overflows() {
	run(|| {
		assert_refused(|| open(&VENDOR, 0, 0, Balance::MAX, 101), ArithmeticError::Overflow);
		assert_refused(|| open(&VENDOR, 0, 0, Balance::MAX / 40 + 1, 101), ArithmeticError::Overflow);
	});
}

#[test]
fn open_should_need_every_unit_of_the_holds() {
	run(|| {
		let storage = Pallet::<Test>::bounty_footprint(40).size as Balance + 20;
		let needed = 4000 + storage + ED;
		let (poor, rich) = (account(20), account(21));
		for (who, funds, release) in [(&poor, needed - 1, 10), (&rich, needed, 11)] {
			Balances::force_set_balance(RuntimeOrigin::root(), who.clone(), funds).unwrap();
			MockRegistry::add_release(release, who, 0);
		}
		assert_refused(|| open(&poor, 10, 0, 100, 101), TokenError::FundsUnavailable);
		assert_refused(|| open(&poor, 10, 0, 1_000_000, 101), TokenError::FundsUnavailable);
		assert_ok!(open(&rich, 11, 0, 100, 101));
		assert_eq!(free(&rich), ED);
	});
}

#[test]
fn open_should_store_the_same_for_a_million_devices() {
	run(|| {
		Balances::force_set_balance(RuntimeOrigin::root(), VENDOR, u128::MAX / 2).unwrap();
		MockRegistry::add_fleet_of(7, 0, &[[7; 32]], 1_000_000);
		assert_ok!(open(&VENDOR, 0, 7, 100, 101));
		assert_eq!(held(HoldReason::Reward, &VENDOR), 100_000_000);
		assert_eq!(PaidPages::<Test>::iter().count() + ReservedPages::<Test>::iter().count(), 0);
	});
}

#[test]
fn open_should_hold_the_rewards_of_the_largest_fleet() {
	new_test_ext().execute_with(|| {
		Balances::force_set_balance(RuntimeOrigin::root(), VENDOR, u128::MAX / 2).unwrap();
		MockRegistry::add_fleet_of(7, 0, &[[7; 32]], u32::MAX);
		let reward = u128::from(u64::MAX);
		assert_ok!(open(&VENDOR, 0, 7, reward, 101));
		assert_eq!(held(HoldReason::Reward, &VENDOR), reward * u128::from(u32::MAX));
	});
}
