//! Byte layouts that clients and later versions rely on.

use crate::{mock::*, HoldReason, *};
use codec::{Decode, Encode, MaxEncodedLen};
use sp_core::H256;
use waybill_primitives::{DeviceKey, DeviceSignature};

#[test]
fn enums_should_keep_their_indices() {
	assert_eq!([HoldReason::Reward, HoldReason::Reservation, HoldReason::Storage].map(|x| x.encode()), [[0], [1], [2]]);
	use ReceiptFault::*;
	let faults = [
		NoSuchDevice,
		ReceiptExpired,
		DuplicateDevice,
		AlreadyPaid,
		AlreadyReserved,
		WrongReservation,
		StillExclusive,
		WeakKey,
		InvalidProof,
		InvalidSignature,
	];
	for (index, fault) in faults.into_iter().enumerate() {
		assert_eq!(fault.encode(), [index as u8]);
	}
	assert_eq!([ClaimFault::NotInReservation.encode(), ClaimFault::WrongKey.encode()], [[0], [1]]);
}

#[test]
fn calls_should_keep_their_indices() {
	let call = |call: Call<Test>| call.encode()[0];
	assert_eq!(call(Call::open { release: 0, fleet: 0, reward: 0, expires_at: 0 }), 0);
	assert_eq!(call(Call::raise { bounty: 0, reward: 0, expires_at: 0 }), 1);
	assert_eq!(call(Call::reserve { bounty: 0, receipts: Default::default() }), 2);
	assert_eq!(call(Call::claim { bounty: 0, reservation: 0, keys: Default::default() }), 3);
	assert_eq!(call(Call::close { bounty: 0, max_pages: 1 }), 4);
	assert_eq!(call(Call::announce { endpoint: Default::default() }), 5);
	assert_eq!(call(Call::withdraw {}), 6);
}

#[test]
fn receipt_should_keep_its_layout() {
	let receipt = Receipt {
		device_index: 1,
		device_key: DeviceKey::Ed25519([2; 32]),
		proof: vec![H256([3; 32])].try_into().unwrap(),
		lock: [4; 32],
		valid_until: 5,
		signature: DeviceSignature::Ed25519([6; 64]),
		replaces: Some(7),
	};
	let mut bytes = vec![1, 0, 0, 0, 0];
	bytes.extend([2; 32]);
	bytes.push(1 << 2);
	bytes.extend([3; 32]);
	bytes.extend([4; 32]);
	bytes.extend([5, 0, 0, 0, 0]);
	bytes.extend([6; 64]);
	bytes.extend([1, 7, 0, 0, 0]);
	assert_eq!(receipt.encode(), bytes);
	assert_eq!(Receipt::decode(&mut &bytes[..]), Ok(receipt));
	assert_eq!(Receipt::max_encoded_len(), 4 + 33 + 1 + 32 * 32 + 32 + 4 + 65 + 5);
}

#[test]
fn reservation_should_take_36_bytes_a_device() {
	run(|| {
		open_default();
		reserve_devices(&ALICE, 0, [0]);
		reserve_devices(&ALICE, 0, 1..11);
		let len = |number| Reservations::<Test>::get(0, number).unwrap().encode().len();
		assert_eq!(len(1) - len(0), 9 * 36);
		// Distributor, reward, deposit, window, length.
		assert_eq!(len(0) - 36, 32 + 16 + 16 + 4 + 1);
	});
}

#[test]
fn pages_should_take_one_bit_a_device() {
	assert_eq!(Page::max_encoded_len() * 8, PAGE_DEVICES as usize);
	assert_eq!(Page::decode(&mut &[0; PAGE_BYTES][..]), Ok(Page::default()));
}
