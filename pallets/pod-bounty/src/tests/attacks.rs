//! What the escrow must withstand.

use crate::{mock::*, Error, HoldReason, *};
use frame_support::{
	assert_ok,
	storage::with_transaction,
	traits::{fungible::MutateFreeze, LockableCurrency, ReservableCurrency, WithdrawReasons},
};
use sp_core::{Pair, H256};
use sp_runtime::{DispatchError, TransactionOutcome};
use waybill_primitives::{DeviceKey, DeviceSignature, ReceiptStatement, Statement, Suite};

fn refused(receipt: Receipt, error: Error<Test>) {
	assert_refused(|| reserve(&ALICE, 0, vec![receipt]), error);
}

/// A statement as Alice's honest receipt for device 0 of bounty 0 has it.
fn statement() -> ReceiptStatement<AccountId> {
	ReceiptStatement {
		bounty: 0,
		device_index: 0,
		digest: digest(0),
		lock: Suite::Plain.lock(&lock_key(&ALICE, 0)),
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
		let own_key = Receipt { device_key: DeviceKey::Ed25519(stranger.public().0), signature, ..good.clone() };
		// A key of one's own, with a device's proof, none, the root, or an inner node.
		refused(own_key.clone(), Error::InvalidProof);
		refused(Receipt { proof: Default::default(), ..own_key.clone() }, Error::InvalidProof);
		refused(Receipt { proof: vec![H256(root)].try_into().unwrap(), ..own_key.clone() }, Error::InvalidProof);
		// The root, and an inner node, as a key, with the proof that would lead from there.
		let as_key = |key, proof: Vec<H256>| Receipt {
			device_key: DeviceKey::Ed25519(key),
			proof: proof.try_into().unwrap(),
			..good.clone()
		};
		refused(as_key(root, vec![]), Error::InvalidProof);
		let sibling = fleet().proof(0)[0];
		refused(as_key(sibling.0, fleet().proof(0)[1..].to_vec()), Error::InvalidProof);
		// The zero key, and the point of order one.
		refused(as_key([0; 32], good.proof.to_vec()), Error::WeakKey);
		let mut one = [0; 32];
		one[0] = 1;
		refused(as_key(one, good.proof.to_vec()), Error::WeakKey);
		// An index beyond the fleet that leads to the same place in a deeper tree.
		refused(Receipt { device_index: 40, ..good.clone() }, Error::NoSuchDevice);
		refused(Receipt { device_index: 1 << 31, ..good.clone() }, Error::NoSuchDevice);
		// A proof that is too long.
		let longer = [&good.proof[..], &[H256(root)]].concat().try_into().unwrap();
		refused(Receipt { proof: longer, ..good }, Error::InvalidProof);
	});
}

#[test]
fn lone_device_should_not_be_anyone() {
	run(|| {
		let lone = Fleet::new(5, 1);
		MockRegistry::add_fleet(5, 0, &lone);
		assert_ok!(crate::mock::open(&VENDOR, 0, 5, 100, 101));
		let good = lone.receipt(0, 0, &ALICE);
		assert!(good.proof.is_empty());
		let other = Fleet::new(6, 1);
		refused(other.receipt(0, 0, &ALICE), Error::InvalidProof);
		refused(Receipt { device_key: DeviceKey::Ed25519(lone.tree.root()), ..good.clone() }, Error::InvalidProof);
		assert_ok!(reserve(&ALICE, 0, vec![good]));
	});
}

#[test]
fn signature_should_hold_for_one_statement_alone() {
	run(|| {
		open_default();
		let good = fleet().receipt(0, 0, &ALICE);
		let signed =
			|statement: ReceiptStatement<AccountId>| Receipt { signature: fleet().sign(0, &statement), ..good.clone() };
		refused(signed(ReceiptStatement { bounty: 1, ..statement() }), Error::InvalidSignature);
		refused(signed(ReceiptStatement { device_index: 1, ..statement() }), Error::InvalidSignature);
		refused(signed(ReceiptStatement { digest: digest(1), ..statement() }), Error::InvalidSignature);
		refused(signed(ReceiptStatement { lock: [0; 32], ..statement() }), Error::InvalidSignature);
		refused(signed(ReceiptStatement { distributor: BOB, ..statement() }), Error::InvalidSignature);
		refused(signed(ReceiptStatement { valid_until: 7, ..statement() }), Error::InvalidSignature);
		let elsewhere = fleet().pairs[0].sign(&statement().signing_bytes(&[1; 32]));
		refused(Receipt { signature: DeviceSignature::Ed25519(elsewhere.0), ..good.clone() }, Error::InvalidSignature);
		// One device's signature for another.
		refused(Receipt { signature: good.signature, ..fleet().receipt(0, 1, &ALICE) }, Error::InvalidSignature);
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
		// Nor can the device be made to sign for the copier while the reservation stands.
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
		// One block earlier the window protects the claim from closing.
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
		// All of it locked, frozen and reserved as far as it goes.
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
		// On the other branch the reservation gets another id; the claim of the first branch does not hit Bob's.
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
		// The lock itself is no key to it.
		let lock = Suite::Plain.lock(&lock_key(&ALICE, 0));
		assert_refused(|| claim(&ALICE, 0, number, vec![(0, lock)]), Error::<Test>::WrongKey);
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
