//! Closing a bounty.

use crate::{mock::*, Error, Event, HoldReason, *};
use frame_support::{assert_ok, dispatch::GetDispatchInfo};
use sp_runtime::traits::Dispatchable;

#[test]
fn close_should_refund_and_remove_everything_when_expired() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, 0..3);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, 0..3)));
		set_block(101);
		let before = events().len();
		assert_ok!(close(0, 1));
		assert_eq!(free(&VENDOR), FUNDS - 300);
		assert_eq!((held(HoldReason::Reward, &VENDOR), held(HoldReason::Storage, &VENDOR)), (0, 0));
		assert_eq!(
			events()[before..],
			[Event::BountyClosing { bounty: 0, refunded: 3700 }, Event::BountyClosed { bounty: 0 }]
		);
		assert_eq!(Bounties::<Test>::iter().count() + PaidPages::<Test>::iter().count(), 0);
		assert_eq!(ReservedPages::<Test>::iter().count() + Reservations::<Test>::iter().count(), 0);
		assert_eq!((ActiveBounties::<Test>::get(0, 0), MockRegistry::fleet_users(0)), (None, 0));
		assert_refused(|| close(0, 1), Error::<Test>::UnknownBounty);
	});
}

#[test]
fn close_should_be_refused_before_expiry_and_the_last_exclusive_window() {
	run(|| {
		assert_refused(|| close(0, 1), Error::<Test>::UnknownBounty);
		open_default();
		assert_refused(|| close(0, 0), Error::<Test>::TooFewPages);
		set_block(100);
		reserve_devices(&ALICE, 0, [0]);
		assert_refused(|| close(0, 1), Error::<Test>::NotExpired);
		set_block(101);
		assert_refused(|| close(0, 1), Error::<Test>::ReservationsExclusive);
		set_block(109);
		assert_refused(|| close(0, 1), Error::<Test>::ReservationsExclusive);
		set_block(110);
		assert_ok!(close(0, 1));
	});
}

#[test]
fn close_should_not_wait_for_windows_of_reservations_that_are_claimed() {
	run(|| {
		open_default();
		set_block(100);
		let number = reserve_devices(&ALICE, 0, [0]);
		set_block(101);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
		assert_ok!(close(0, 1));
	});
}

#[test]
fn close_should_work_at_once_when_all_devices_are_paid() {
	run(|| {
		assert_ok!(crate::mock::open(&OTHER_VENDOR, 2, 1, 100, 101));
		assert_ok!(reserve(&ALICE, 0, other_fleet().receipts(0, 0..3, &ALICE)));
		assert_ok!(claim(&ALICE, 0, 0, keys(&ALICE, 0..2)));
		assert_refused(|| close(0, 1), Error::<Test>::NotExpired);
		assert_ok!(claim(&ALICE, 0, 0, keys(&ALICE, [2])));
		assert_ok!(close(0, 1));
		assert_eq!(free(&OTHER_VENDOR), FUNDS - 300);
		assert!(events().contains(&Event::BountyClosing { bounty: 0, refunded: 0 }));
	});
}

#[test]
fn close_should_refund_what_older_rewards_left_over() {
	run(|| {
		assert_ok!(crate::mock::open(&OTHER_VENDOR, 2, 1, 100, 101));
		assert_ok!(reserve(&ALICE, 0, other_fleet().receipts(0, 0..3, &ALICE)));
		assert_ok!(raise(&OTHER_VENDOR, 0, 150, 101));
		assert_ok!(claim(&ALICE, 0, 0, keys(&ALICE, 0..3)));
		assert_eq!(held(HoldReason::Reward, &OTHER_VENDOR), 150);
		assert_ok!(close(0, 1));
		assert_eq!(free(&OTHER_VENDOR), FUNDS - 300);
	});
}

#[test]
fn close_should_burn_the_deposits_of_unclaimed_reservations() {
	run(|| {
		open_default();
		reserve_devices(&ALICE, 0, 0..3);
		reserve_devices(&BOB, 0, 3..5);
		set_block(101);
		let issuance = Balances::total_issuance();
		let before = events().len();
		assert_ok!(close(0, 10));
		assert_eq!(issuance - Balances::total_issuance(), 25);
		assert_eq!((free(&ALICE), free(&BOB)), (FUNDS - 15, FUNDS - 10));
		assert_eq!(held(HoldReason::Reservation, &ALICE) + held(HoldReason::Reservation, &BOB), 0);
		assert_eq!(free(&VENDOR), FUNDS);
		let events = events()[before..].to_vec();
		assert_eq!(events[0], Event::BountyClosing { bounty: 0, refunded: 4000 });
		let burnt = |reservation, distributor, amount| Event::DepositBurnt { bounty: 0, reservation, distributor, amount };
		assert!(events.contains(&burnt(0, ALICE, 15)) && events.contains(&burnt(1, BOB, 10)));
		assert_eq!(events[3..], [Event::BountyClosed { bounty: 0 }]);
	});
}

#[test]
fn close_should_proceed_in_bounded_steps() {
	run(|| {
		open_default();
		(0..4).for_each(|index| {
			reserve_devices(&ALICE, 0, [index]);
		});
		set_block(101);
		assert_ok!(close(0, 2));
		assert_eq!((free(&VENDOR) + held(HoldReason::Storage, &VENDOR), held(HoldReason::Reward, &VENDOR)), (FUNDS, 0));
		assert_eq!(Reservations::<Test>::iter().count(), 2);
		assert_eq!(held(HoldReason::Reservation, &ALICE), 10);
		PodBounty::do_try_state().unwrap();
		assert_ok!(close(0, 2));
		assert_eq!(Reservations::<Test>::iter().count(), 0);
		assert!(Bounties::<Test>::contains_key(0));
		PodBounty::do_try_state().unwrap();
		assert_ok!(close(0, 1));
		assert!(!Bounties::<Test>::contains_key(0));
		let closings = events().iter().filter(|event| matches!(event, Event::BountyClosing { .. })).count();
		assert_eq!(closings, 1);
	});
}

#[test]
fn close_should_step_through_the_pages_of_a_large_fleet() {
	run(|| {
		// Three pages. The devices are marked as a claim would mark them, because no tree of this
		// size is needed here.
		MockRegistry::add_fleet_of(7, 0, &[[7; 32]], 2 * PAGE_DEVICES + 1);
		assert_ok!(crate::mock::open(&VENDOR, 0, 7, ED, 101));
		for page in 0..3 {
			PaidPages::<Test>::mutate(0, page, |bits| bits.set(page * PAGE_DEVICES, true));
		}
		Bounties::<Test>::mutate(0, |bounty| bounty.as_mut().unwrap().paid = 3);
		PodBounty::do_try_state().unwrap();
		set_block(101);
		for left in [2, 1] {
			assert_ok!(close(0, 1));
			assert_eq!(PaidPages::<Test>::iter().count(), left);
			assert_eq!(Bounties::<Test>::get(0).unwrap().closing, Some(3 - left as u32));
			PodBounty::do_try_state().unwrap();
		}
		assert_ok!(close(0, u32::MAX));
		assert_eq!(PaidPages::<Test>::iter().count() + Bounties::<Test>::iter().count(), 0);
		assert_eq!((free(&VENDOR), MockRegistry::fleet_users(7)), (FUNDS, 0));
	});
}

/// A vendor whose account others keep in existence. It has three units of free money and a bounty
/// for one device, which is reserved.
fn vendor_without_free_money(deposit: Balance) -> AccountId {
	let bare = account(20);
	let lone = Fleet::new(5, 1);
	MockRegistry::add_fleet(5, 0, &lone);
	MockRegistry::add_release(5, &bare, 0);
	System::inc_providers(&bare);
	System::inc_providers(&bare);
	Balances::force_set_balance(RuntimeOrigin::root(), bare.clone(), ED + 3 + deposit).unwrap();
	assert_ok!(crate::mock::open(&bare, 5, 5, ED, 101));
	assert_ok!(reserve(&ALICE, 0, lone.receipts(0, [0], &ALICE)));
	bare
}

#[test]
fn close_should_burn_what_an_account_without_free_money_cannot_take_back() {
	run(|| {
		StorageBase::set(ED - 1);
		StorageByte::set(0);
		let vendor = vendor_without_free_money(ED - 1);
		// Three units more than the reservation costs.
		assert_ok!(raise(&vendor, 0, ED + 3, 101));
		assert_eq!(free(&vendor), 0);
		assert_ok!(claim(&ALICE, 0, 0, keys(&ALICE, [0])));
		assert_eq!((held(HoldReason::Reward, &vendor), held(HoldReason::Storage, &vendor)), (3, ED - 1));
		let issuance = Balances::total_issuance();
		assert_ok!(close(0, 1));
		assert!(events().contains(&Event::BountyClosing { bounty: 0, refunded: 0 }));
		assert!(!Bounties::<Test>::contains_key(0));
		assert_eq!((held(HoldReason::Reward, &vendor), held(HoldReason::Storage, &vendor), free(&vendor)), (0, 0, 0));
		assert_eq!(issuance - Balances::total_issuance(), ED + 2);
	});
}

#[test]
fn close_should_refund_an_account_without_free_money_as_soon_as_it_can_take_it() {
	run(|| {
		StorageBase::set(ED);
		StorageByte::set(0);
		let vendor = vendor_without_free_money(ED);
		assert_ok!(raise(&vendor, 0, ED + 3, 101));
		assert_eq!(free(&vendor), 0);
		set_block(101);
		let issuance = Balances::total_issuance();
		assert_ok!(close(0, 5));
		assert_eq!(free(&vendor), 2 * ED + 3);
		assert_eq!(issuance - Balances::total_issuance(), ReservationDeposit::get());
	});
}

#[test]
fn close_should_burn_deposits_of_accounts_without_free_money() {
	run(|| {
		open_default();
		let bare = account(20);
		System::inc_providers(&bare);
		Balances::force_set_balance(RuntimeOrigin::root(), bare.clone(), ED).unwrap();
		reserve_devices(&bare, 0, [0, 1]);
		assert_eq!(free(&bare), 0);
		set_block(101);
		assert_ok!(close(0, 5));
		assert_eq!(Balances::total_balance(&bare), 0);
	});
}

#[test]
fn close_should_return_the_weight_it_did_not_need() {
	run(|| {
		open_default();
		reserve_devices(&ALICE, 0, [0]);
		set_block(101);
		let call = RuntimeCall::PodBounty(Call::close { bounty: 0, max_pages: 50 });
		let charged = call.get_dispatch_info().call_weight;
		type Weights = <Test as Config>::WeightInfo;
		assert_eq!(charged, Weights::close(50, 0));
		let info = call.dispatch(RuntimeOrigin::signed(STRANGER)).unwrap();
		assert_eq!(info.actual_weight, Some(Weights::close(1, 1)));
		assert!(Weights::close(1, 1).ref_time() < charged.ref_time());
	});
}

#[test]
fn close_should_be_refused_when_it_may_remove_too_little() {
	run(|| {
		open_default();
		(0..4).for_each(|index| {
			reserve_devices(&ALICE, 0, [index]);
		});
		set_block(101);
		MinClosePages::set(3);
		for max in [0, 1, 2] {
			assert_refused(|| close(0, max), Error::<Test>::TooFewPages);
		}
		assert_ok!(close(0, 3));
		// The minimum holds for later calls too, even if less is left.
		assert_refused(|| close(0, 2), Error::<Test>::TooFewPages);
		assert_ok!(close(0, 3));
		assert!(!Bounties::<Test>::contains_key(0));
		// Zero is too few, whatever the configuration says.
		MinClosePages::set(0);
		assert_refused(|| close(0, 0), Error::<Test>::TooFewPages);
	});
}
