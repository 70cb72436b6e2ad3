//! Attacks that the escrow must withstand.

use crate::{mock::*, Error, Event, HoldReason, *};
use frame_support::{
	assert_ok,
	storage::with_transaction,
	traits::{fungible::MutateFreeze, Get, LockableCurrency, ReservableCurrency, WithdrawReasons},
	BoundedVec,
};
use sp_core::{Pair, H256};
use sp_runtime::{traits::Dispatchable, DispatchError, TransactionOutcome};
use waybill_primitives::{DeviceKey, DeviceSignature, ReceiptStatement, Statement};

fn refused(receipt: SubmittedReceipt, error: Error<Test>) {
	assert_refused(|| reserve(&ALICE, 0, vec![receipt]), error);
}

fn refused_with(receipt: &SubmittedReceipt, proof: &[H256], error: Error<Test>) {
	assert_refused(|| reserve_with(&ALICE, 0, vec![receipt.clone()], proof.to_vec()), error);
}

/// The statement of Alice's honest receipt for device 0 of bounty 0.
fn statement() -> ReceiptStatement<AccountId> {
	ReceiptStatement {
		bounty: 0,
		device_index: 0,
		digest: digest(0),
		lock: lock(0, &lock_key(&ALICE, 0)),
		distributor: ALICE,
		valid_until: u32::MAX,
	}
}

#[test]
fn strangers_should_not_pass_for_devices() {
	run(|| {
		open_default();
		let good = fleet().receipt(0, 0, &ALICE);
		let root = fleet().tree.root();
		let stranger = sp_core::ed25519::Pair::from_seed(&[99; 32]);
		let genesis = System::block_hash(0).0;
		let signature = DeviceSignature::Ed25519(stranger.sign(&statement().signing_bytes(&genesis)).0);
		let own_key = SubmittedReceipt { device_key: DeviceKey::Ed25519(stranger.public().0), signature, ..good.clone() };
		let proof = fleet().proof(&[0]);
		assert_eq!(proof.len(), 2);
		// A key of the attacker's own, with a device's proof, none, the root, or nodes of the tree.
		refused_with(&own_key, &proof, Error::InvalidProof);
		refused_with(&own_key, &[], Error::MalformedProof);
		refused_with(&own_key, &[H256(root)], Error::MalformedProof);
		refused_with(&own_key, &[H256(root), H256(root)], Error::InvalidProof);
		refused_with(&own_key, &[H256(fleet().tree.cap(1)[0]), H256(fleet().cap()[0])], Error::InvalidProof);
		// The root, a node of the cap, an inner node and a sibling's leaf as keys, each with the
		// proof that would lead up from there.
		let as_key = |key| SubmittedReceipt { device_key: DeviceKey::Ed25519(key), ..good.clone() };
		for key in [root, fleet().cap()[0], fleet().tree.cap(1)[0], fleet().tree.cap(0)[1], fleet().tree.cap(0)[0]] {
			refused_with(&as_key(key), &[], Error::MalformedProof);
			refused_with(&as_key(key), &proof[1..], Error::MalformedProof);
			refused_with(&as_key(key), &proof, Error::InvalidProof);
		}
		// The zero key and the point of order one.
		refused_with(&as_key([0; 32]), &proof, Error::WeakKey);
		let mut one = [0; 32];
		one[0] = 1;
		refused_with(&as_key(one), &proof, Error::WeakKey);
		// An index beyond the fleet that leads to the same place in a deeper tree.
		refused(SubmittedReceipt { device_index: 40, ..good.clone() }, Error::NoSuchDevice);
		refused(SubmittedReceipt { device_index: 1 << 31, ..good.clone() }, Error::NoSuchDevice);
		refused_with(&SubmittedReceipt { device_index: 40, ..good }, &proof, Error::MalformedProof);
	});
}

#[test]
fn device_should_be_proved_at_its_own_place_alone() {
	run(|| {
		open_default();
		// Device 5, with its own valid proof, at the places of other devices: under its node of the
		// cap and under another.
		for place in [4, 6, 1] {
			let statement = ReceiptStatement { device_index: place, ..statement() };
			let receipt = SubmittedReceipt {
				device_index: place,
				device_key: fleet().key(5),
				signature: fleet().sign(5, &statement),
				..fleet().receipt(0, 5, &ALICE)
			};
			refused_with(&receipt, &fleet().proof(&[5]), Error::InvalidProof);
			refused_with(&receipt, &fleet().proof(&[place]), Error::InvalidProof);
		}
	});
}

#[test]
fn device_of_another_fleet_should_be_refused() {
	run(|| {
		let other = Fleet::new(6, 40);
		MockRegistry::add_fleet(6, 0, &other);
		open_default();
		assert_ok!(crate::mock::open(&VENDOR, 0, 6, 100, 101));
		// Signed for this bounty and valid in its own fleet, with a proof up to that fleet's cap.
		refused_with(&other.receipt(0, 0, &ALICE), &other.proof(&[0]), Error::InvalidProof);
		refused_with(&other.receipt(0, 0, &ALICE), &fleet().proof(&[0]), Error::InvalidProof);
		assert_ok!(reserve(&ALICE, 1, other.receipts(1, [0], &ALICE)));
	});
}

/// The devices of a reservation.
fn devices_of(number: u32) -> Vec<u32> {
	Reservations::<Test>::get(0, number).unwrap().slots.iter().map(|slot| slot.device_index).collect()
}

/// The receipts rejected so far, with their faults.
fn rejected() -> Vec<(u32, ReceiptFault)> {
	let fault = |event| match event {
		Event::ReceiptRejected { device_index, reason, .. } => Some((device_index, reason)),
		_ => None,
	};
	events().into_iter().filter_map(fault).collect()
}

#[test]
fn wrong_key_should_spoil_those_under_its_node_of_the_cap_alone() {
	run(|| {
		open_default();
		let mut receipts = fleet().receipts(0, [0, 3, 4, 5, 8, 39], &ALICE);
		receipts[2].device_key = fleet().key(9);
		assert_ok!(reserve(&ALICE, 0, receipts.clone()));
		assert_eq!(devices_of(0), [0, 3, 8, 39]);
		assert_eq!(rejected(), [(4, ReceiptFault::InvalidProof), (5, ReceiptFault::InvalidProof)]);
		// The honest receipt can be sent again without the other.
		assert_ok!(reserve(&ALICE, 0, vec![receipts[3].clone()]));
	});
}

#[test]
fn wrong_hash_should_spoil_those_under_its_node_of_the_cap_alone() {
	run(|| {
		open_default();
		let receipts = fleet().receipts(0, [0, 4, 8], &ALICE);
		let mut proof = proof_of(0, &receipts);
		assert_eq!(proof.len(), 6);
		proof[2] = proof[0];
		assert_ok!(reserve_with(&ALICE, 0, receipts, proof));
		assert_eq!((devices_of(0), rejected()), (vec![0, 8], vec![(4, ReceiptFault::InvalidProof)]));
	});
}

#[test]
fn receipt_that_is_rejected_should_keep_its_part_in_the_proof() {
	run(|| {
		open_default();
		// One expired, one forged and one good receipt under one node of the cap.
		let mut receipts = fleet().receipts(0, [4, 5, 6], &ALICE);
		receipts[0] = fleet().receipt_until(0, 4, &ALICE, 0);
		receipts[1].signature = DeviceSignature::Ed25519([1; 64]);
		assert_ok!(reserve(&ALICE, 0, receipts.clone()));
		assert_eq!(devices_of(0), [6]);
		// The proof of only the good one has a hash too many.
		assert_refused(|| reserve_with(&ALICE, 0, receipts, fleet().proof(&[6])), Error::<Test>::MalformedProof);
	});
}

#[test]
fn device_should_be_taken_once_from_a_batch() {
	run(|| {
		open_default();
		let receipts = fleet().receipts(0, [1, 1, 2, 0, 2, 3], &ALICE);
		assert_ok!(reserve(&ALICE, 0, receipts));
		assert_eq!(devices_of(0), [1, 2, 3]);
		let out_of_order = [1, 0, 2].map(|device| (device, ReceiptFault::OutOfOrder));
		assert_eq!(rejected(), out_of_order);
		assert_eq!(held(HoldReason::Reservation, &ALICE), 15);
		assert_ok!(claim(&ALICE, 0, 0, keys(&ALICE, [1, 1, 2, 3])));
		assert_eq!(free(&ALICE), FUNDS + 300);
	});
}

#[test]
fn receipts_of_devices_out_of_range_should_have_no_part_in_the_proof() {
	run(|| {
		open_default();
		let mut receipts = fleet().receipts(0, [1, 2, 3, 7, 8], &ALICE);
		receipts[1].device_index = u32::MAX;
		receipts[3].device_index = 40;
		assert_ok!(reserve(&ALICE, 0, receipts));
		assert_eq!(devices_of(0), [1, 3, 8]);
		assert_eq!(rejected(), [(u32::MAX, ReceiptFault::NoSuchDevice), (40, ReceiptFault::NoSuchDevice)]);
		// A batch of nothing else has an empty proof.
		let outside = SubmittedReceipt { device_index: 40, ..fleet().receipt(0, 9, &ALICE) };
		refused_with(&outside, &[], Error::NoSuchDevice);
		refused_with(&outside, &[H256::zero()], Error::MalformedProof);
	});
}

#[test]
fn proof_with_more_or_fewer_hashes_should_be_refused() {
	run(|| {
		open_default();
		let receipts = fleet().receipts(0, [1, 2, 9, 39], &ALICE);
		let proof = proof_of(0, &receipts);
		let with = |proof: &[H256]| reserve_with(&ALICE, 0, receipts.clone(), proof.to_vec());
		for len in 0..proof.len() {
			assert_refused(|| with(&proof[..len]), Error::<Test>::MalformedProof);
		}
		assert_refused(|| with(&[&proof[..], &[H256::zero()]].concat()), Error::<Test>::MalformedProof);
		let most = MaxProof::<Test>::get() as usize;
		assert_refused(|| with(&vec![H256::zero(); most]), Error::<Test>::MalformedProof);
		assert!(BoundedVec::<H256, MaxProof<Test>>::try_from(vec![H256::zero(); most + 1]).is_err());
		assert_ok!(with(&proof));
	});
}

#[test]
fn batch_at_the_size_limit_should_lose_its_bad_members_alone() {
	run(|| {
		open_default();
		let mut receipts = fleet().receipts(0, 8..40, &ALICE);
		assert_eq!(receipts.len() as u32, MaxBatch::get());
		receipts[0].signature = DeviceSignature::Ed25519([1; 64]);
		receipts[31].device_key = fleet().key(0);
		assert_ok!(reserve(&ALICE, 0, receipts));
		assert_eq!(devices_of(0), (9..36).collect::<Vec<_>>());
		assert_ok!(claim(&ALICE, 0, 0, keys(&ALICE, 8..40)));
		assert_eq!(free(&ALICE), FUNDS + 2700);
	});
}

#[test]
fn lone_device_should_not_be_anyone() {
	run(|| {
		let lone = Fleet::new(5, 1);
		MockRegistry::add_fleet(5, 0, &lone);
		assert_ok!(crate::mock::open(&VENDOR, 0, 5, 100, 101));
		let good = lone.receipt(0, 0, &ALICE);
		assert_eq!(lone.proof(&[0]), []);
		let other = Fleet::new(6, 1);
		refused(other.receipt(0, 0, &ALICE), Error::InvalidProof);
		refused(SubmittedReceipt { device_key: DeviceKey::Ed25519(lone.tree.root()), ..good.clone() }, Error::InvalidProof);
		assert_ok!(reserve(&ALICE, 0, vec![good]));
	});
}

#[test]
fn signature_should_hold_for_one_statement_alone() {
	run(|| {
		open_default();
		let good = fleet().receipt(0, 0, &ALICE);
		let signed = |statement: ReceiptStatement<AccountId>| SubmittedReceipt {
			signature: fleet().sign(0, &statement),
			..good.clone()
		};
		refused(signed(ReceiptStatement { bounty: 1, ..statement() }), Error::InvalidSignature);
		refused(signed(ReceiptStatement { device_index: 1, ..statement() }), Error::InvalidSignature);
		refused(signed(ReceiptStatement { digest: digest(1), ..statement() }), Error::InvalidSignature);
		refused(signed(ReceiptStatement { lock: [0; 32], ..statement() }), Error::InvalidSignature);
		refused(signed(ReceiptStatement { distributor: BOB, ..statement() }), Error::InvalidSignature);
		refused(signed(ReceiptStatement { valid_until: 7, ..statement() }), Error::InvalidSignature);
		let elsewhere = fleet().pairs[0].sign(&statement().signing_bytes(&[1; 32]));
		refused(
			SubmittedReceipt { signature: DeviceSignature::Ed25519(elsewhere.0), ..good.clone() },
			Error::InvalidSignature,
		);
		// One device's signature for another device.
		refused(SubmittedReceipt { signature: good.signature, ..fleet().receipt(0, 1, &ALICE) }, Error::InvalidSignature);
		assert_ok!(reserve(&ALICE, 0, vec![signed(statement())]));
	});
}

#[test]
fn receipt_should_not_be_used_for_another_bounty_of_the_same_fleet() {
	run(|| {
		open_default();
		assert_ok!(crate::mock::open(&VENDOR, 1, 0, 100, 101));
		let receipts = fleet().receipts(0, [0], &ALICE);
		assert_refused(|| reserve(&ALICE, 1, receipts), Error::<Test>::InvalidSignature);
	});
}

#[test]
fn receipt_should_not_be_used_twice_when_a_bounty_is_opened_again() {
	run(|| {
		open_default();
		let receipt = fleet().receipt(0, 0, &ALICE);
		set_block(101);
		assert_ok!(close(0, 1));
		assert_ok!(crate::mock::open(&VENDOR, 0, 0, 100, 201));
		assert_refused(|| reserve(&ALICE, 0, vec![receipt.clone()]), Error::<Test>::UnknownBounty);
		assert_refused(|| reserve(&ALICE, 1, vec![receipt]), Error::<Test>::InvalidSignature);
	});
}

#[test]
fn malleated_signature_should_be_refused() {
	run(|| {
		open_default();
		let mut receipt = fleet().receipt(0, 0, &ALICE);
		let order = hex_literal::hex!("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
		let DeviceSignature::Ed25519(bytes) = &mut receipt.signature;
		let mut carry = 0u16;
		for (byte, order) in bytes[32..].iter_mut().zip(order) {
			carry += u16::from(*byte) + u16::from(order);
			*byte = carry as u8;
			carry >>= 8;
		}
		refused(receipt, Error::InvalidSignature);
	});
}

#[test]
fn copied_reservation_should_lock_nothing_for_the_copier() {
	run(|| {
		open_default();
		let receipts = fleet().receipts(0, 0..3, &ALICE);
		assert_refused(|| reserve(&BOB, 0, receipts.clone()), Error::<Test>::InvalidSignature);
		assert_ok!(reserve(&ALICE, 0, receipts));
	});
}

#[test]
fn copied_claim_should_pay_nobody_else() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0]);
		let seen = keys(&ALICE, [0]);
		assert_refused(|| claim(&BOB, 0, number, seen.clone()), Error::<Test>::NotDistributor);
		// Another reservation does not help either: it cannot take the key.
		let own = reserve_devices(&BOB, 0, [1]);
		assert_refused(|| claim(&BOB, 0, own, seen.clone()), Error::<Test>::NotInReservation);
		let moved = vec![(1, seen[0].1)];
		assert_refused(|| claim(&BOB, 0, own, moved), Error::<Test>::WrongKey);
		// A receipt that the device signs for the copier is refused while the reservation stands.
		assert_refused(|| reserve(&BOB, 0, fleet().receipts(0, [0], &BOB)), Error::<Test>::AlreadyReserved);
		assert_ok!(claim(&ALICE, 0, number, seen));
	});
}

#[test]
fn second_distributor_of_a_device_should_learn_it_before_its_key_is_public() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0]);
		assert_refused(|| reserve(&BOB, 0, fleet().receipts(0, [0], &BOB)), Error::<Test>::AlreadyReserved);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
		assert_refused(|| reserve(&BOB, 0, fleet().receipts(0, [0], &BOB)), Error::<Test>::AlreadyPaid);
	});
}

#[test]
fn device_should_be_paid_once() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0, 1]);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
		assert_refused(|| claim(&ALICE, 0, number, keys(&ALICE, [0])), Error::<Test>::NotInReservation);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [1, 1, 1])));
		assert_eq!(free(&ALICE), FUNDS + 200);
	});
}

#[test]
fn claim_and_close_should_meet_in_both_orders_in_the_block_of_expiry() {
	run(|| {
		open_default();
		set_block(91);
		let number = reserve_devices(&ALICE, 0, [0]);
		set_block(101);
		let rolled_back = |test: &dyn Fn()| {
			with_transaction(|| {
				test();
				TransactionOutcome::Rollback(Ok::<_, DispatchError>(()))
			})
			.unwrap();
		};
		rolled_back(&|| {
			assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
			assert_ok!(close(0, 1));
			assert_eq!((free(&ALICE), free(&VENDOR)), (FUNDS + 100, FUNDS - 100));
		});
		rolled_back(&|| {
			assert_ok!(close(0, 2));
			assert_refused(|| claim(&ALICE, 0, number, keys(&ALICE, [0])), Error::<Test>::UnknownBounty);
			assert_eq!((free(&ALICE), free(&VENDOR)), (FUNDS - 5, FUNDS));
		});
		// One block earlier the window still protects the claim from closing.
		set_block(100);
		assert_refused(|| close(0, 1), Error::<Test>::NotExpired);
	});
}

#[test]
fn reservation_of_the_last_block_should_keep_its_window() {
	run(|| {
		open_default();
		set_block(100);
		let number = reserve_devices(&ALICE, 0, [0]);
		for block in [101, 105, 109] {
			set_block(block);
			assert_refused(|| close(0, 1), Error::<Test>::ReservationsExclusive);
		}
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
	});
}

#[test]
fn device_that_signs_for_many_should_not_shorten_a_window() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0]);
		for block in 1..11 {
			set_block(block);
			let mut receipt = fleet().receipt(0, 0, &BOB);
			receipt.replaces = Some(number);
			assert_refused(|| reserve(&BOB, 0, vec![receipt]), Error::<Test>::StillExclusive);
		}
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
	});
}

#[test]
fn raised_time_should_not_matter_to_who_reserves_and_never_claims() {
	run(|| {
		open_default();
		reserve_devices(&ALICE, 0, 0..10);
		assert_ok!(raise(&VENDOR, 0, 100, 500));
		set_block(11);
		let mut receipts = fleet().receipts(0, 0..10, &BOB);
		receipts.iter_mut().for_each(|receipt| receipt.replaces = Some(0));
		assert_ok!(reserve(&BOB, 0, receipts));
		assert_ok!(claim(&BOB, 0, 1, keys(&BOB, 0..10)));
		assert_eq!((free(&ALICE), free(&BOB)), (FUNDS - 50, FUNDS + 1000));
	});
}

#[test]
fn yank_should_not_touch_exchanges_in_flight() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0]);
		MockRegistry::yank(0);
		assert_refused(|| reserve(&BOB, 0, fleet().receipts(0, [1], &BOB)), Error::<Test>::ReleaseYanked);
		set_block(11);
		let mut receipt = fleet().receipt(0, 0, &BOB);
		receipt.replaces = Some(number);
		assert_refused(|| reserve(&BOB, 0, vec![receipt]), Error::<Test>::ReleaseYanked);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
		set_block(101);
		assert_ok!(close(0, 1));
	});
}

#[test]
fn other_claims_on_the_vendors_money_should_not_stop_a_payment() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0, 1]);
		// All its money is locked, frozen and reserved as far as possible.
		Balances::set_lock(*b"stranger", &VENDOR, Balance::MAX, WithdrawReasons::all());
		assert_ok!(Balances::set_freeze(&1, &VENDOR, Balance::MAX));
		assert_ok!(Balances::reserve(&VENDOR, free(&VENDOR) - ED));
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [1])));
		assert_eq!(free(&ALICE), FUNDS + 200);
		set_block(101);
		let before = free(&VENDOR);
		assert_ok!(close(0, 1));
		assert!(free(&VENDOR) >= before + 3800);
	});
}

#[test]
fn freezes_of_the_distributor_should_not_stop_its_payment() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0]);
		assert_ok!(Balances::set_freeze(&1, &ALICE, Balance::MAX));
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0])));
		assert_eq!(free(&ALICE), FUNDS + 100);
	});
}

#[test]
fn vendors_other_bounty_should_not_be_spent() {
	run(|| {
		open_default();
		assert_ok!(crate::mock::open(&VENDOR, 1, 0, 50, 101));
		let number = reserve_devices(&ALICE, 0, 0..32);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, 0..32)));
		let number = reserve_devices(&ALICE, 0, 32..40);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, 32..40)));
		assert_eq!(held(HoldReason::Reward, &VENDOR), 2000);
		assert_eq!(Bounties::<Test>::get(1).unwrap().held, 2000);
	});
}

#[test]
fn vendor_should_gain_nothing_by_delivering_to_itself() {
	run(|| {
		open_default();
		let number = reserve_devices(&VENDOR, 0, 0..5);
		assert_ok!(claim(&VENDOR, 0, number, keys(&VENDOR, 0..5)));
		reserve_devices(&VENDOR, 0, 5..8);
		set_block(101);
		assert_ok!(close(0, 5));
		assert_eq!(free(&VENDOR), FUNDS - 15);
		assert_eq!(Balances::total_issuance(), 5 * FUNDS - 15);
	});
}

#[test]
fn reorganisation_between_reserve_and_claim_should_leave_the_receipt_good() {
	run(|| {
		open_default();
		let receipts = fleet().receipts(0, [0], &ALICE);
		with_transaction(|| {
			assert_ok!(reserve(&ALICE, 0, receipts.clone()));
			TransactionOutcome::Rollback(Ok::<_, DispatchError>(()))
		})
		.unwrap();
		assert_refused(|| claim(&ALICE, 0, 0, keys(&ALICE, [0])), Error::<Test>::UnknownReservation);
		reserve_devices(&BOB, 0, [1]);
		// On the other branch the reservation has another id. The claim of the first branch does
		// not affect Bob's.
		assert_refused(|| claim(&ALICE, 0, 0, keys(&ALICE, [0])), Error::<Test>::NotDistributor);
		assert_ok!(reserve(&ALICE, 0, receipts));
		assert_ok!(claim(&ALICE, 0, 1, keys(&ALICE, [0])));
	});
}

#[test]
fn locks_should_be_compared_as_a_whole() {
	run(|| {
		open_default();
		let number = reserve_devices(&ALICE, 0, [0]);
		for byte in 0..32 {
			let mut key = lock_key(&ALICE, 0);
			key[byte] ^= 1;
			assert_refused(|| claim(&ALICE, 0, number, vec![(0, key)]), Error::<Test>::WrongKey);
		}
		// The lock itself does not open it.
		let lock = lock(0, &lock_key(&ALICE, 0));
		assert_refused(|| claim(&ALICE, 0, number, vec![(0, lock)]), Error::<Test>::WrongKey);
	});
}

#[test]
fn key_of_another_form_should_be_wrong_when_the_lock_is_of_field_elements() {
	run(|| {
		let bounty = open_proven();
		let number = reserve_devices(&ALICE, bounty, [0]);
		let right = lock_key(&ALICE, 0);
		// The same elements modulo the field's order, 2^31 − 2^24 + 1, in different bytes.
		for place in (0..32).step_by(4) {
			let mut key = right;
			let element = u32::from_le_bytes(key[place..place + 4].try_into().unwrap());
			key[place..place + 4].copy_from_slice(&(element + 0x7f00_0001).to_le_bytes());
			assert_refused(|| claim(&ALICE, bounty, number, vec![(0, key)]), Error::<Test>::WrongKey);
		}
		assert_refused(|| claim(&ALICE, bounty, number, vec![(0, [0xff; 32])]), Error::<Test>::WrongKey);
		assert_ok!(claim(&ALICE, bounty, number, vec![(0, right)]));
	});
}

#[test]
fn lock_of_another_suite_should_not_be_opened() {
	run(|| {
		let (plain, proven) = (open_default(), open_proven());
		let key = lock_key(&ALICE, 0);
		for (bounty, other) in [(plain, proven), (proven, plain)] {
			let receipt = fleet().receipt_with(bounty, 0, &ALICE, lock(other, &key), u32::MAX);
			assert_ok!(reserve(&ALICE, bounty, vec![receipt]));
			assert_refused(|| claim(&ALICE, bounty, 0, vec![(0, key)]), Error::<Test>::WrongKey);
		}
	});
}

#[test]
fn reservation_of_one_bounty_should_not_be_claimed_in_another() {
	run(|| {
		open_default();
		assert_ok!(crate::mock::open(&VENDOR, 1, 0, 5000, 101));
		let number = reserve_devices(&ALICE, 0, [0]);
		assert_refused(|| claim(&ALICE, 1, number, keys(&ALICE, [0])), Error::<Test>::UnknownReservation);
	});
}

#[test]
fn one_device_and_a_remainder_should_settle_to_the_unit() {
	run(|| {
		let lone = Fleet::new(5, 1);
		MockRegistry::add_fleet(5, 0, &lone);
		assert_ok!(crate::mock::open(&VENDOR, 0, 5, ED, 101));
		assert_ok!(raise(&VENDOR, 0, ED + 1, 101));
		assert_ok!(reserve(&ALICE, 0, vec![lone.receipt(0, 0, &ALICE)]));
		assert_ok!(raise(&VENDOR, 0, ED + 7, 101));
		assert_ok!(claim(&ALICE, 0, 0, keys(&ALICE, [0])));
		assert_ok!(close(0, 1));
		assert_eq!((free(&VENDOR), free(&ALICE)), (FUNDS - ED - 1, FUNDS + ED + 1));
	});
}

#[test]
fn identifiers_should_be_compared_as_a_whole() {
	run(|| {
		open_default();
		let good = fleet().receipt(0, 0, &ALICE);
		let proof = fleet().proof(&[0]);
		// Each byte of the key, the hashes, the lock and the signature matters.
		for byte in 0..32 {
			let DeviceKey::Ed25519(mut key) = good.device_key;
			key[byte] ^= 1;
			refused_with(
				&SubmittedReceipt { device_key: DeviceKey::Ed25519(key), ..good.clone() },
				&proof,
				Error::InvalidProof,
			);
			for place in 0..proof.len() {
				let mut proof = proof.clone();
				proof[place].0[byte] ^= 1;
				refused_with(&good, &proof, Error::InvalidProof);
			}
			let mut lock = good.lock;
			lock[byte] ^= 1;
			refused(SubmittedReceipt { lock, ..good.clone() }, Error::InvalidSignature);
		}
		for byte in 0..64 {
			let DeviceSignature::Ed25519(mut signature) = good.signature;
			signature[byte] ^= 1;
			refused(
				SubmittedReceipt { signature: DeviceSignature::Ed25519(signature), ..good.clone() },
				Error::InvalidSignature,
			);
		}
		// Each byte of the account that is to be paid matters.
		for byte in 0..32 {
			let mut account: [u8; 32] = ALICE.into();
			account[byte] ^= 1;
			let account = AccountId::from(account);
			let _ = Balances::force_set_balance(RuntimeOrigin::root(), account.clone(), FUNDS);
			assert_refused(|| reserve(&account, 0, vec![good.clone()]), Error::<Test>::InvalidSignature);
		}
		// Ids that share their low 32 bits.
		assert_refused(|| reserve(&ALICE, 1 << 32, vec![good.clone()]), Error::<Test>::UnknownBounty);
		let high = |statement| SubmittedReceipt { signature: fleet().sign(0, &statement), ..good.clone() };
		refused(high(ReceiptStatement { bounty: 1 << 32, ..statement() }), Error::InvalidSignature);
		assert_ok!(reserve(&ALICE, 0, vec![good]));
	});
}

#[test]
fn key_should_not_be_public_when_nothing_is_left_to_pay_it() {
	run(|| {
		// Every reservation is covered when it is made, so no sequence of them promises more than
		// is on hold.
		open_default();
		reserve_devices(&ALICE, 0, 0..32);
		reserve_devices(&BOB, 0, 32..40);
		assert_eq!(held(HoldReason::Reward, &VENDOR), 4000);
		assert_refused(|| reserve(&BOB, 0, fleet().receipts(0, [0], &BOB)), Error::<Test>::AlreadyReserved);
		// The vendor cannot take the money back, spend it, or have the bounty closed.
		assert_refused(|| close(0, 1), Error::<Test>::NotExpired);
		let all = free(&VENDOR);
		let transfer = pallet_balances::Call::<Test>::transfer_allow_death { dest: STRANGER, value: all + 1 };
		assert!(RuntimeCall::Balances(transfer).dispatch(RuntimeOrigin::signed(VENDOR)).is_err());
		let transfer = pallet_balances::Call::<Test>::transfer_all { dest: STRANGER, keep_alive: false };
		assert_ok!(RuntimeCall::Balances(transfer).dispatch(RuntimeOrigin::signed(VENDOR)));
		assert_eq!(free(&VENDOR), ED);
		assert_ok!(claim(&ALICE, 0, 0, keys(&ALICE, 0..32)));
		assert_ok!(claim(&BOB, 0, 1, keys(&BOB, 32..40)));
		assert_eq!((free(&ALICE), free(&BOB)), (FUNDS + 3200, FUNDS + 800));
	});
}

#[test]
fn receipt_should_not_be_kept_for_later() {
	run(|| {
		open_default();
		let receipt = fleet().receipt_until(0, 0, &ALICE, 20);
		set_block(21);
		refused(receipt, Error::ReceiptExpired);
	});
}

#[test]
fn distributor_that_never_claims_should_pay_for_it_and_lose_the_device() {
	run(|| {
		open_default();
		for round in 0..3u32 {
			let block = 1 + round * ExclusiveWindow::get();
			set_block(block);
			let mut receipt = fleet().receipt(0, 0, &ALICE);
			receipt.replaces = round.checked_sub(1);
			assert_ok!(reserve(&ALICE, 0, vec![receipt]));
			assert_eq!(free(&ALICE), FUNDS - ReservationDeposit::get() * Balance::from(round + 1));
		}
		set_block(31);
		let mut receipt = fleet().receipt(0, 0, &BOB);
		receipt.replaces = Some(2);
		assert_ok!(reserve(&BOB, 0, vec![receipt]));
		assert_ok!(claim(&BOB, 0, 3, keys(&BOB, [0])));
		assert_eq!((free(&ALICE), free(&BOB)), (FUNDS - 15, FUNDS + 100));
	});
}

#[test]
fn vendor_should_pay_for_every_byte_that_it_fills() {
	run(|| {
		// A vendor that is its own distributor pays deposits in proportion to what it stores, and
		// in advance.
		let page =
			Pallet::<Test>::bounty_footprint(PAGE_DEVICES + 1).size - Pallet::<Test>::bounty_footprint(PAGE_DEVICES).size;
		assert!(page >= 2 * PAGE_BYTES as u64);
		open_default();
		reserve_devices(&VENDOR, 0, 0..32);
		assert_eq!(held(HoldReason::Reservation, &VENDOR), 32 * ReservationDeposit::get());
		// The weight of a batch grows with its size.
		let receipts = fleet().receipts(0, 0..32, &VENDOR);
		let weight =
			|receipts: &[SubmittedReceipt], proof: &[H256]| Pallet::<Test>::weight_of_reserve(receipts, proof).ref_time();
		assert!(weight(&receipts, &[]) > weight(&receipts[..31], &[]));
		assert!(weight(&receipts, &[H256::zero(); 2]) > weight(&receipts, &[H256::zero(); 1]));
	});
}
