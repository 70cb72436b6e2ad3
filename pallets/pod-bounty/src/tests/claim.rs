//! Claims: paying for revealed keys.

use crate::{mock::*, ClaimFault, Error, Event, HoldReason, *};
use frame_support::{
	assert_ok,
	traits::{
		fungible::{Mutate, MutateFreeze},
		LockableCurrency, ReservableCurrency, WithdrawReasons,
	},
};
use sp_runtime::traits::Dispatchable;
use waybill_primitives::view::revealed_key_index;

#[test]
fn claim_should_pay_the_batch_and_reveal_the_keys() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [3, 7]);
		let before = events().len();
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [7, 3])));
		assert_eq!(free(&ALICE), FUNDS + 200);
		assert_eq!(held(HoldReason::Reservation, &ALICE), 0);
		assert_eq!(held(HoldReason::Reward, &VENDOR), 3800);
		let bounty = Bounties::<Test>::get(0).unwrap();
		assert_eq!((bounty.held, bounty.paid, bounty.reserved), (3800, 2, 0));
		assert!(PaidPages::<Test>::get(0, 0).contains(3) && PaidPages::<Test>::get(0, 0).contains(7));
		assert!(!ReservedPages::<Test>::contains_key(0, 0) && !Reservations::<Test>::contains_key(0, number));
		let revealed = |device_index| Event::KeyRevealed {
			bounty: 0,
			device_index,
			key: lock_key(&ALICE, device_index),
			distributor: ALICE,
		};
		let paid = Event::Paid { bounty: 0, distributor: ALICE, devices: 2, amount: 200 };
		assert_eq!(events()[before..], [revealed(7), revealed(3), paid]);
	});
}

#[test]
fn claim_should_pay_for_keys_of_field_elements_when_the_release_is_proven() {
	run(|| {
		let bounty = open_proven();
		let number = reserve_devices(&ALICE, bounty, [3, 7, 9]);
		// The right key, another device's key, and bytes that are no key of the suite.
		let batch = vec![(3, lock_key(&ALICE, 3)), (7, lock_key(&ALICE, 9)), (9, [0xff; 32])];
		let before = events().len();
		assert_ok!(claim(&ALICE, bounty, number, batch));
		assert_eq!(free(&ALICE), FUNDS + 100 - 10);
		let revealed = Event::KeyRevealed { bounty, device_index: 3, key: lock_key(&ALICE, 3), distributor: ALICE };
		let wrong = |device_index| Event::ClaimRejected { bounty, device_index, reason: ClaimFault::WrongKey };
		let paid = |devices, amount| Event::Paid { bounty, distributor: ALICE, devices, amount };
		assert_eq!(events()[before..], [revealed, wrong(7), wrong(9), paid(1, 100)]);
		assert_ok!(claim(&ALICE, bounty, number, keys(&ALICE, [7, 9])));
		assert_eq!(events().last(), Some(&paid(2, 200)));
		assert_eq!(free(&ALICE), FUNDS + 300);
		assert_eq!(held(HoldReason::Reservation, &ALICE), 0);
	});
}

#[test]
fn claim_should_move_the_money_once_for_a_batch() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, 0..25);
		System::reset_events();
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, 0..25)));
		let transfers = System::events()
			.into_iter()
			.filter(|record| {
				matches!(record.event, RuntimeEvent::Balances(pallet_balances::Event::TransferOnHold { amount: 2500, .. }))
			})
			.count();
		assert_eq!(transfers, 1);
	});
}

#[test]
fn claim_should_work_in_parts() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, 0..4);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [1, 2])));
		assert_eq!(Reservations::<Test>::get(0, number).unwrap().slots.len(), 2);
		assert_eq!(held(HoldReason::Reservation, &ALICE), 10);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0, 3])));
		assert_eq!(free(&ALICE), FUNDS + 400);
		assert_refused(|| claim(&ALICE, 0, number, keys(&ALICE, [0])), Error::<Test>::UnknownReservation);
	});
}

#[test]
fn claim_should_skip_bad_keys_and_name_their_faults() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, 0..3);
		let batch = vec![
			(0, lock_key(&ALICE, 1)),
			(9, lock_key(&ALICE, 9)),
			(1, lock_key(&ALICE, 1)),
			(1, lock_key(&ALICE, 1)),
			(u32::MAX, [0; 32]),
		];
		assert_ok!(claim(&ALICE, 0, number, batch));
		let rejected: Vec<_> = events()
			.into_iter()
			.filter_map(|event| match event {
				Event::ClaimRejected { bounty: 0, device_index, reason } => Some((device_index, reason)),
				_ => None,
			})
			.collect();
		use ClaimFault::*;
		assert_eq!(rejected, [(0, WrongKey), (9, NotInReservation), (1, NotInReservation), (u32::MAX, NotInReservation)]);
		assert_eq!(free(&ALICE), FUNDS + 100 - 10);
		// The device whose key was wrong can still be claimed.
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
	});
}

#[test]
fn claim_should_be_refused_when_nothing_is_to_be_paid() {
	run(|| {
		assert_refused(|| claim(&ALICE, 0, 0, keys(&ALICE, [0])), Error::<Test>::UnknownBounty);
		open_default();
		assert_refused(|| claim(&ALICE, 0, 0, keys(&ALICE, [0])), Error::<Test>::UnknownReservation);
		let number = reserve_devices(&ALICE, 0, [0, 1]);
		assert_refused(|| claim(&ALICE, 0, number, vec![]), Error::<Test>::EmptyBatch);
		assert_refused(|| claim(&BOB, 0, number, keys(&ALICE, [0])), Error::<Test>::NotDistributor);
		assert_refused(|| claim(&ALICE, 0, number, vec![(0, [0; 32])]), Error::<Test>::WrongKey);
		assert_refused(|| claim(&ALICE, 0, number, keys(&ALICE, [2])), Error::<Test>::NotInReservation);
		let both = vec![(2, [0; 32]), (0, [0; 32])];
		assert_refused(|| claim(&ALICE, 0, number, both), Error::<Test>::NotInReservation);
		set_block(101);
		assert_ok!(crate::mock::open(&VENDOR, 1, 0, 100, 201));
		assert_ok!(close(0, 1));
		assert_refused(|| claim(&ALICE, 0, number, keys(&ALICE, [0])), Error::<Test>::Closing);
	});
}

#[test]
fn claim_should_be_paid_when_lapsed_expired_yanked_and_unavailable() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0, 1]);
		MockRegistry::set_available(0, false);
		MockRegistry::yank(0);
		set_block(5000);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0, 1])));
		assert_eq!(free(&ALICE), FUNDS + 200);
	});
}

#[test]
fn claim_should_pay_the_last_device_and_leave_nothing_on_hold() {
	run(|| {
		open_default();
		for indices in [0..32, 32..40] {
			let number = reserve_devices(&ALICE, 0, indices.clone());
			assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, indices)));
		}
		let bounty = Bounties::<Test>::get(0).unwrap();
		assert_eq!((bounty.paid, bounty.held), (40, 0));
		assert_eq!(held(HoldReason::Reward, &VENDOR), 0);
		assert_eq!(free(&ALICE), FUNDS + 4000);
	});
}

#[test]
fn claim_should_pay_a_distributor_that_has_the_existential_deposit_alone() {
	run(|| {
		open_default();
		let newcomer = account(20);
		Balances::force_set_balance(RuntimeOrigin::root(), newcomer.clone(), ED + 5).unwrap();
		assert_ok!(reserve(&newcomer, 0, fleet().receipts(0, [0], &newcomer)));
		assert_eq!(free(&newcomer), ED);
		assert_ok!(claim(&newcomer, 0, 0, keys(&newcomer, [0])));
		assert_eq!(free(&newcomer), ED + 5 + 100);
	});
}

#[test]
fn claim_should_pay_a_distributor_without_free_money() {
	run(|| {
		assert_ok!(crate::mock::open(&VENDOR, 0, 0, ED, 101));
		// Something else keeps the account in existence, so the deposit can take all its money.
		let bare = account(20);
		System::inc_providers(&bare);
		Balances::force_set_balance(RuntimeOrigin::root(), bare.clone(), ED).unwrap();
		ReservationDeposit::set(ED);
		assert_ok!(reserve(&bare, 0, fleet().receipts(0, [0], &bare)));
		assert_eq!(free(&bare), 0);
		assert_ok!(claim(&bare, 0, 0, keys(&bare, [0])));
		assert_eq!(free(&bare), 2 * ED);
	});
}

#[test]
fn claim_should_pay_a_distributor_that_sent_its_money_away() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0]);
		let leave = pallet_balances::Call::<Test>::transfer_all { dest: STRANGER, keep_alive: false };
		assert_ok!(RuntimeCall::Balances(leave).dispatch(RuntimeOrigin::signed(ALICE)));
		// The deposit keeps the account alive.
		assert_eq!(free(&ALICE), ED);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
		assert_eq!(free(&ALICE), ED + 100 + 5);
	});
}

#[test]
fn claim_should_pay_a_distributor_whose_account_is_reserved_locked_and_frozen() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0]);
		Balances::set_lock(*b"stranger", &ALICE, Balance::MAX, WithdrawReasons::all());
		assert_ok!(Balances::set_freeze(&1, &ALICE, Balance::MAX));
		assert_ok!(Balances::reserve(&ALICE, free(&ALICE) - ED));
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
		assert_eq!(free(&ALICE), ED + 100 + 5);
	});
}

#[test]
fn claim_should_be_paid_when_accounts_take_no_more_consumers() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0]);
		for who in [ALICE, VENDOR] {
			while System::inc_consumers(&who).is_ok() {}
		}
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
		assert_eq!(free(&ALICE), FUNDS + 100);
	});
}

#[test]
fn claim_should_be_paid_when_an_account_has_all_the_money_there_can_be() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0]);
		// The issuance, which includes the reward, bounds what can be minted.
		let room = Balance::MAX - Balances::total_issuance();
		assert_ok!(Balances::mint_into(&ALICE, room));
		assert!(Balances::mint_into(&ALICE, 1).is_err());
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
		assert_eq!(free(&ALICE), FUNDS + room + 100);
	});
}

#[test]
fn claim_should_be_paid_when_the_parameters_have_changed() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0]);
		assert_ok!(raise(&VENDOR, 0, 200, 300));
		MinReward::set(10_000);
		ReservationDeposit::set(Balance::MAX);
		ExclusiveWindow::set(u32::MAX);
		ShortestDuration::set(u32::MAX);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
		assert_eq!(free(&ALICE), FUNDS + 100);
	});
}

#[test]
fn claim_should_ask_nothing_of_the_registry() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0]);
		MockRegistry::forget(0, 0);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
		assert_eq!(MockRegistry::fleet_users(0), 1);
		MockRegistry::add_fleet(0, 0, fleet());
	});
}

#[test]
fn claim_should_be_paid_to_one_distributor_when_another_claims_too() {
	run(|| {
		open_default();
		let (first, second) = (reserve_devices(&ALICE, 0, [0]), reserve_devices(&BOB, 0, [1]));
		assert_refused(|| claim(&BOB, 0, first, keys(&ALICE, [0])), Error::<Test>::NotDistributor);
		assert_refused(|| claim(&VENDOR, 0, first, keys(&ALICE, [0])), Error::<Test>::NotDistributor);
		assert_ok!(claim(&BOB, 0, second, keys(&BOB, [1])));
		assert_ok!(claim(&ALICE, 0, first, keys(&ALICE, [0])));
		assert_refused(|| claim(&ALICE, 0, first, keys(&ALICE, [0])), Error::<Test>::UnknownReservation);
		assert_eq!((free(&ALICE), free(&BOB)), (FUNDS + 100, FUNDS + 100));
	});
}

#[test]
fn claim_should_be_paid_by_a_vendor_whose_account_others_keep_alive() {
	run(|| {
		// All of the vendor's money is on hold for the reward.
		let (bare, lone) = (account(20), Fleet::new(5, 1));
		MockRegistry::add_fleet(5, 0, &lone);
		MockRegistry::add_release(5, &bare, 0);
		StorageBase::set(0);
		StorageByte::set(0);
		System::inc_providers(&bare);
		Balances::force_set_balance(RuntimeOrigin::root(), bare.clone(), 2 * ED).unwrap();
		assert_ok!(crate::mock::open(&bare, 5, 5, 2 * ED, 101));
		assert_eq!(free(&bare), 0);
		assert_ok!(reserve(&ALICE, 0, lone.receipts(0, [0], &ALICE)));
		// The last provider cannot go while the reward is on hold.
		assert!(System::dec_providers(&bare).is_err());
		assert_ok!(claim(&ALICE, 0, 0, keys(&ALICE, [0])));
		assert_eq!((free(&ALICE), Balances::total_balance(&bare)), (FUNDS + 2 * ED, 0));
	});
}

#[test]
fn claim_should_keep_the_keys_in_the_off_chain_index() {
	let mut ext = new_test_ext();
	ext.execute_with(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0, 1]);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [1])));
	});
	ext.persist_offchain_overlay();
	let db = ext.offchain_db();
	let stored = |index| db.get(&revealed_key_index(0, index));
	assert_eq!(stored(0), None);
	assert_eq!(stored(1), Some(lock_key(&ALICE, 1).to_vec()));
}

#[test]
fn weight_of_claim_should_count_devices_and_pages() {
	let batch = [(0, [0; 32]), (1, [0; 32]), (4096, [0; 32])];
	type Weights = <Test as Config>::WeightInfo;
	assert_eq!(Pallet::<Test>::weight_of_claim(&batch), Weights::claim(3).saturating_add(Weights::mark_paid(2)));
}
