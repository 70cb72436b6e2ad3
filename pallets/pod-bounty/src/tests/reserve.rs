//! Reserving devices.

use crate::{members::cap_pages_touched, mock::*, reserve::BatchSize, Error, Event, HoldReason, ReceiptFault, *};
use frame_support::{assert_ok, BoundedVec};
use sp_core::H256;
use sp_runtime::TokenError;
use waybill_primitives::{DeviceKey, DeviceSignature, Registry};

#[test]
fn reserve_should_hold_the_deposit_and_fix_the_reward() {
	run(|| {
		open_default();
		set_block(5);
		assert_ok!(reserve(&ALICE, 0, fleet().receipts(0, [3, 7, 39], &ALICE)));
		let reservation = Reservations::<Test>::get(0, 0).unwrap();
		assert_eq!((&reservation.distributor, reservation.reward, reservation.deposit), (&ALICE, 100, 5));
		assert_eq!(reservation.exclusive_until, 15);
		let slots: Vec<_> = reservation.slots.iter().map(|slot| slot.device_index).collect();
		assert_eq!(slots, [3, 7, 39]);
		let bounty = Bounties::<Test>::get(0).unwrap();
		assert_eq!((bounty.reserved, bounty.next_reservation, bounty.exclusive_until), (3, 1, 15));
		assert_eq!(held(HoldReason::Reservation, &ALICE), 15);
		let page = ReservedPages::<Test>::get(0, 0);
		assert!(page.count() == 3 && [3, 7, 39].iter().all(|index| page.contains(*index)));
		let reserved =
			Event::Reserved { bounty: 0, reservation: 0, distributor: ALICE, devices: 3, reward: 100, exclusive_until: 15 };
		assert_eq!(events().last(), Some(&reserved));
	});
}

#[test]
fn reserve_should_take_a_full_batch() {
	run(|| {
		open_default();
		reserve_devices(&ALICE, 0, 0..32);
		assert_eq!(Reservations::<Test>::get(0, 0).unwrap().slots.len(), 32);
		let too_many = fleet().receipts(0, 0..33, &ALICE);
		assert!(BoundedVec::<SubmittedReceipt, MaxBatch>::try_from(too_many).is_err());
	});
}

#[test]
fn reserve_should_skip_bad_receipts_and_name_their_faults() {
	run(|| {
		open_default();
		let first = reserve_devices(&BOB, 0, [0, 1]);
		assert_ok!(claim(&BOB, 0, first, keys(&BOB, [0])));
		set_block(5);
		let good = |index| fleet().receipt(0, index, &ALICE);
		let mut outside = good(2);
		outside.device_index = 40;
		let mut unknown = good(1);
		unknown.replaces = Some(77);
		let expired = fleet().receipt_until(0, 3, &ALICE, 4);
		let mut unheld = good(4);
		unheld.replaces = Some(first);
		let mut weak = good(8);
		weak.device_key = DeviceKey::Ed25519([0; 32]);
		let mut stranger = good(12);
		stranger.device_key = fleet().key(13);
		let mut forged = good(17);
		forged.signature = DeviceSignature::Ed25519([1; 64]);
		let batch =
			vec![good(0), outside, unknown, expired, good(3), unheld, weak, stranger, good(16), forged, good(16), good(18)];
		let before = events().len();
		assert_ok!(reserve(&ALICE, 0, batch));
		let rejected: Vec<_> = events()
			.into_iter()
			.skip(before)
			.filter_map(|event| match event {
				Event::ReceiptRejected { bounty: 0, device_index, reason } => Some((device_index, reason)),
				_ => None,
			})
			.collect();
		use ReceiptFault::*;
		let expected = [
			(0, AlreadyPaid),
			(40, NoSuchDevice),
			(1, WrongReservation),
			(3, ReceiptExpired),
			(3, OutOfOrder),
			(4, WrongReservation),
			(8, WeakKey),
			(12, InvalidProof),
			(17, InvalidSignature),
			(16, OutOfOrder),
		];
		assert_eq!(rejected, expected);
		let slots: Vec<_> = Reservations::<Test>::get(0, 1).unwrap().slots.iter().map(|slot| slot.device_index).collect();
		assert_eq!(slots, [16, 18]);
		assert_eq!(held(HoldReason::Reservation, &ALICE), 10);
	});
}

#[test]
fn reserve_should_fail_with_the_first_fault_when_none_is_good() {
	run(|| {
		open_default();
		let first = reserve_devices(&BOB, 0, [0, 1]);
		assert_ok!(claim(&BOB, 0, first, keys(&BOB, [0])));
		let good = |index| fleet().receipt(0, index, &ALICE);
		let one = |receipt: SubmittedReceipt, error: Error<Test>| {
			assert_refused(|| reserve(&ALICE, 0, vec![receipt.clone()]), error);
		};
		let with = |index, change: &dyn Fn(&mut SubmittedReceipt)| {
			let mut receipt = good(index);
			change(&mut receipt);
			receipt
		};
		one(with(2, &|r| r.device_index = 40), Error::NoSuchDevice);
		one(with(2, &|r| r.device_index = u32::MAX), Error::NoSuchDevice);
		one(fleet().receipt_until(0, 2, &ALICE, 0), Error::ReceiptExpired);
		one(good(0), Error::AlreadyPaid);
		one(with(0, &|r| r.replaces = Some(first)), Error::AlreadyPaid);
		one(good(1), Error::AlreadyReserved);
		one(with(1, &|r| r.replaces = Some(9)), Error::WrongReservation);
		one(with(2, &|r| r.replaces = Some(first)), Error::WrongReservation);
		one(with(1, &|r| r.replaces = Some(first)), Error::StillExclusive);
		one(with(2, &|r| r.device_key = DeviceKey::Ed25519([0; 32])), Error::WeakKey);
		one(with(2, &|r| r.device_key = fleet().key(3)), Error::InvalidProof);
		one(with(2, &|r| r.lock = [0; 32]), Error::InvalidSignature);
		// The first fault is the one reported.
		let batch = vec![good(0), with(2, &|r| r.lock = [0; 32])];
		assert_refused(|| reserve(&ALICE, 0, batch), Error::<Test>::AlreadyPaid);
	});
}

#[test]
fn reserve_should_read_each_page_of_the_cap_once() {
	run(|| {
		// A cap of 300 nodes on two pages: the leaves of the devices themselves.
		let wide = Fleet::with_cap(7, 300, 0);
		MockRegistry::add_fleet(7, 0, &wide);
		assert_ok!(crate::mock::open(&VENDOR, 0, 7, 100, 101));
		CapReads::take();
		assert_ok!(reserve(&ALICE, 0, wide.receipts(0, [0, 1, 255, 256, 299], &ALICE)));
		assert_eq!(CapReads::take(), [0, 1]);
		assert_ok!(reserve(&ALICE, 0, wide.receipts(0, [270, 280], &ALICE)));
		assert_eq!(CapReads::take(), [1]);
	});
}

#[test]
fn reserve_should_take_the_root_alone_as_a_cap() {
	run(|| {
		let plain = Fleet::with_cap(7, 11, 32);
		MockRegistry::add_fleet(7, 0, &plain);
		assert_ok!(crate::mock::open(&VENDOR, 0, 7, 100, 101));
		assert_eq!(MockRegistry::fleet(7).map(|fleet| fleet.cap_height), Some(4));
		assert_ok!(reserve(&ALICE, 0, plain.receipts(0, [0, 1, 7, 10], &ALICE)));
	});
}

#[test]
fn reserve_should_be_refused_when_the_fleet_is_unknown() {
	run(|| {
		open_default();
		MockRegistry::forget(9, 0);
		assert_refused(|| reserve_with(&ALICE, 0, fleet().receipts(0, [0], &ALICE), vec![]), Error::<Test>::UnknownFleet);
		MockRegistry::add_fleet(0, 0, fleet());
	});
}

#[test]
fn reserve_should_be_refused_when_the_bounty_takes_none() {
	run(|| {
		let receipt = |index| fleet().receipts(0, [index], &ALICE);
		assert_refused(|| reserve(&ALICE, 0, receipt(0)), Error::<Test>::UnknownBounty);
		open_default();
		assert_refused(|| reserve(&ALICE, 0, vec![]), Error::<Test>::EmptyBatch);
		reserve_devices(&ALICE, 0, [0]);
		reserve_devices(&ALICE, 0, [1]);
		set_block(101);
		assert_refused(|| reserve(&ALICE, 0, receipt(2)), Error::<Test>::Expired);
		assert_ok!(close(0, 1));
		assert_refused(|| reserve(&ALICE, 0, receipt(2)), Error::<Test>::Closing);
	});
}

#[test]
fn reserve_should_work_until_the_block_before_expiry() {
	run(|| {
		open_default();
		set_block(100);
		reserve_devices(&ALICE, 0, [0]);
	});
}

#[test]
fn reserve_should_take_a_receipt_until_its_last_block() {
	run(|| {
		open_default();
		let receipt = |index| vec![fleet().receipt_until(0, index, &ALICE, 50)];
		set_block(50);
		assert_ok!(reserve(&ALICE, 0, receipt(0)));
		set_block(51);
		assert_refused(|| reserve(&ALICE, 0, receipt(1)), Error::<Test>::ReceiptExpired);
	});
}

#[test]
fn reserve_should_be_refused_when_the_release_is_yanked_but_not_when_unavailable() {
	run(|| {
		open_default();
		MockRegistry::set_available(0, false);
		reserve_devices(&ALICE, 0, [0]);
		MockRegistry::yank(0);
		assert_refused(|| reserve(&ALICE, 0, fleet().receipts(0, [1], &ALICE)), Error::<Test>::ReleaseYanked);
	});
}

#[test]
fn reserve_should_need_the_deposit() {
	run(|| {
		open_default();
		let poor = account(20);
		Balances::force_set_balance(RuntimeOrigin::root(), poor.clone(), ED + 9).unwrap();
		let receipts = |indices: &[u32]| fleet().receipts(0, indices.iter().copied(), &poor);
		assert_refused(|| reserve(&poor, 0, receipts(&[0, 1])), TokenError::FundsUnavailable);
		assert_ok!(reserve(&poor, 0, receipts(&[0])));
		let unborn = account(21);
		let receipts = fleet().receipts(0, [1], &unborn);
		assert_refused(|| reserve(&unborn, 0, receipts), TokenError::FundsUnavailable);
	});
}

#[test]
fn reserve_should_be_refused_when_the_account_cannot_take_the_payment() {
	run(|| {
		open_default();
		let full = account(20);
		let account_data = pallet_balances::AccountData { free: Balance::MAX - 99, ..Default::default() };
		frame_system::Account::<Test>::mutate(&full, |info| {
			info.data = account_data;
			info.providers = 1;
		});
		let receipts = fleet().receipts(0, [0], &full);
		assert_refused(|| reserve(&full, 0, receipts), Error::<Test>::PayeeBlocked);
	});
}

#[test]
fn reserve_should_be_refused_when_reservation_ids_run_out() {
	run(|| {
		open_default();
		Bounties::<Test>::mutate(0, |bounty| bounty.as_mut().unwrap().next_reservation = u32::MAX);
		let receipts = fleet().receipts(0, [0], &ALICE);
		assert_refused(|| reserve(&ALICE, 0, receipts), Error::<Test>::TooManyReservations);
	});
}

#[test]
fn replacement_should_burn_the_deposit_of_the_loser() {
	run(|| {
		open_default();
		let old = reserve_devices(&ALICE, 0, 0..5);
		set_block(10);
		let mut receipts = fleet().receipts(0, [1, 3, 20], &BOB);
		receipts[0].replaces = Some(old);
		receipts[1].replaces = Some(old);
		// One block too early, only the free device is reserved.
		let early = receipts.clone();
		frame_support::storage::with_transaction(|| {
			assert_ok!(reserve(&BOB, 0, early));
			assert_eq!(Reservations::<Test>::get(0, 1).unwrap().slots.len(), 1);
			sp_runtime::TransactionOutcome::Rollback(Ok::<_, sp_runtime::DispatchError>(()))
		})
		.unwrap();

		set_block(11);
		let issuance = Balances::total_issuance();
		assert_ok!(reserve(&BOB, 0, receipts));
		let slots = |number| -> Vec<_> {
			Reservations::<Test>::get(0, number).unwrap().slots.iter().map(|slot| slot.device_index).collect()
		};
		assert_eq!((slots(0), slots(1)), (vec![0, 2, 4], vec![1, 3, 20]));
		assert_eq!(held(HoldReason::Reservation, &ALICE), 15);
		assert_eq!(held(HoldReason::Reservation, &BOB), 15);
		assert_eq!(issuance - Balances::total_issuance(), 10);
		assert_eq!(Bounties::<Test>::get(0).unwrap().reserved, 6);
		let replaced =
			Event::SlotsReplaced { bounty: 0, reservation: 0, distributor: ALICE, replaced_by: 1, devices: 2, burnt: 10 };
		assert!(events().contains(&replaced));
		// The reservation's other devices are still paid, the replaced one is not.
		assert_refused(|| claim(&ALICE, 0, 0, keys(&ALICE, [1])), Error::<Test>::NotInReservation);
		assert_ok!(claim(&ALICE, 0, 0, keys(&ALICE, [0, 2, 4])));
		assert_ok!(claim(&BOB, 0, 1, keys(&BOB, [1, 3, 20])));
	});
}

#[test]
fn replacement_should_remove_a_reservation_that_lost_every_device() {
	run(|| {
		open_default();
		let old = [reserve_devices(&ALICE, 0, [0]), reserve_devices(&ALICE, 0, [1]), reserve_devices(&ALICE, 0, [2, 3])];
		set_block(11);
		let mut receipts = fleet().receipts(0, 0..3, &BOB);
		receipts.iter_mut().zip(old).for_each(|(receipt, old)| receipt.replaces = Some(old));
		assert_ok!(reserve(&BOB, 0, receipts));
		assert_eq!((Reservations::<Test>::get(0, 0), Reservations::<Test>::get(0, 1)), (None, None));
		assert_eq!(Reservations::<Test>::get(0, 2).unwrap().slots.len(), 1);
		assert_refused(|| claim(&ALICE, 0, 0, keys(&ALICE, [0])), Error::<Test>::UnknownReservation);
	});
}

#[test]
fn replacement_of_ones_own_reservation_should_cost_the_deposit_too() {
	run(|| {
		open_default();
		let old = reserve_devices(&ALICE, 0, [0]);
		set_block(11);
		// The receipt that made the reservation makes another one, as long as it is valid.
		let mut receipts = fleet().receipts(0, [0], &ALICE);
		receipts[0].replaces = Some(old);
		assert_ok!(reserve(&ALICE, 0, receipts));
		assert_eq!((held(HoldReason::Reservation, &ALICE), free(&ALICE)), (5, FUNDS - 10));
	});
}

#[test]
fn rejected_replacement_should_leave_the_reservation_alone() {
	run(|| {
		open_default();
		let old = reserve_devices(&ALICE, 0, [0]);
		set_block(11);
		let mut receipts = fleet().receipts(0, [0, 1], &BOB);
		receipts[0].replaces = Some(old);
		receipts[0].signature = DeviceSignature::Ed25519([1; 64]);
		assert_ok!(reserve(&BOB, 0, receipts));
		assert_eq!(held(HoldReason::Reservation, &ALICE), 5);
		assert_ok!(claim(&ALICE, 0, old, keys(&ALICE, [0])));
	});
}

#[test]
fn deposit_should_be_that_of_the_block_of_the_reservation() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0, 1]);
		ReservationDeposit::set(50);
		reserve_devices(&ALICE, 0, [2]);
		assert_eq!(held(HoldReason::Reservation, &ALICE), 60);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0, 1])));
		assert_eq!(held(HoldReason::Reservation, &ALICE), 50);
	});
}

#[test]
fn weight_of_reserve_should_count_all_that_it_depends_on() {
	run(|| {
		open_default();
		let mut receipts = fleet().receipts(0, 0..4, &ALICE);
		receipts[0].replaces = Some(0);
		receipts[2].device_index = 300;
		receipts[3].device_index = 5000;
		let weight = Pallet::<Test>::weight_of_reserve(&receipts, &[H256::zero(); 7]);
		let size = BatchSize { devices: 4, hashes: 7, cap_pages: 3, pages: 2, replaced: 1 };
		assert_eq!(weight, Pallet::<Test>::weight_of_batch(size));
		let one_more = [
			BatchSize { devices: 5, ..size },
			BatchSize { hashes: 8, ..size },
			BatchSize { cap_pages: 4, ..size },
			BatchSize { pages: 3, ..size },
			BatchSize { replaced: 2, ..size },
		];
		let weighs_more = |size| Pallet::<Test>::weight_of_batch(size).ref_time() > weight.ref_time();
		assert!(one_more.into_iter().all(weighs_more));
	});
}

#[test]
fn cap_pages_should_be_bounded_for_any_cap() {
	assert_eq!(cap_pages_touched([]), 0);
	assert_eq!(cap_pages_touched(0..256), 1);
	assert_eq!(cap_pages_touched([0, 255, 256, 1000, 2000]), 4);
	assert_eq!(cap_pages_touched((0..512).map(|device| device * 8_000_000)), 16);
	// The number of pages read never exceeds the bound, whatever the height of the cap.
	let indices = [0u32, 300, 301, 5_000, 100_000, 4_000_000, u32::MAX];
	for height in 0..32 {
		let pages = indices.map(|index| (index >> height) / 256);
		assert!(crate::bitmap::runs(pages.into_iter()).min(16) <= cap_pages_touched(indices));
	}
}

#[test]
fn exclusive_window_should_be_clamped_when_the_parameter_is_too_small_or_too_large() {
	run(|| {
		open_default();
		ExclusiveWindow::set(0);
		let number = reserve_devices(&ALICE, 0, [0]);
		assert_eq!(Reservations::<Test>::get(0, number).unwrap().exclusive_until, 1 + LEAST_EXCLUSIVE_WINDOW);
		let mut receipt = fleet().receipt(0, 0, &BOB);
		receipt.replaces = Some(number);
		set_block(LEAST_EXCLUSIVE_WINDOW);
		assert_refused(|| reserve(&BOB, 0, vec![receipt]), Error::<Test>::StillExclusive);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
		ExclusiveWindow::set(u32::MAX);
		let number = reserve_devices(&ALICE, 0, [1]);
		let exclusive_until = LEAST_EXCLUSIVE_WINDOW + MAX_EXCLUSIVE_WINDOW;
		assert_eq!(Reservations::<Test>::get(0, number).unwrap().exclusive_until, exclusive_until);
		// In the end the vendor gets its money back.
		set_block(exclusive_until - 1);
		assert_refused(|| close(0, 1), Error::<Test>::ReservationsExclusive);
		set_block(exclusive_until);
		assert_ok!(close(0, 1));
		assert_eq!(held(HoldReason::Reward, &VENDOR), 0);
	});
}
