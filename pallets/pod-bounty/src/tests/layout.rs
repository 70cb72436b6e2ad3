//! Byte layouts that clients and later versions rely on.

use crate::{mock::*, Error, Event, HoldReason, *};
use codec::{Decode, Encode, MaxEncodedLen};
use frame_support::assert_ok;
use sp_core::H256;
use waybill_primitives::{view::revealed_key_index, DeviceKey, DeviceSignature, Digest, ReceiptStatement, Statement, Suite};

#[test]
fn enums_should_keep_their_indices() {
	assert_eq!([HoldReason::Reward, HoldReason::Reservation, HoldReason::Storage].map(|x| x.encode()), [[0], [1], [2]]);
	use ReceiptFault::*;
	let faults = [
		NoSuchDevice,
		ReceiptExpired,
		OutOfOrder,
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
	assert_eq!(call(Call::reserve { bounty: 0, receipts: Default::default(), proof: Default::default() }), 2);
	assert_eq!(call(Call::claim { bounty: 0, reservation: 0, keys: Default::default() }), 3);
	assert_eq!(call(Call::close { bounty: 0, max_pages: 1 }), 4);
	assert_eq!(call(Call::announce { endpoint: Default::default() }), 5);
	assert_eq!(call(Call::withdraw {}), 6);
}

#[test]
fn receipt_should_keep_its_layout() {
	let receipt = SubmittedReceipt {
		device_index: 1,
		device_key: DeviceKey::Ed25519([2; 32]),
		lock: [4; 32],
		valid_until: 5,
		signature: DeviceSignature::Ed25519([6; 64]),
		replaces: Some(7),
	};
	let mut bytes = vec![1, 0, 0, 0, 0];
	bytes.extend([2; 32]);
	bytes.extend([4; 32]);
	bytes.extend([5, 0, 0, 0, 0]);
	bytes.extend([6; 64]);
	bytes.extend([1, 7, 0, 0, 0]);
	assert_eq!(receipt.encode(), bytes);
	assert_eq!(SubmittedReceipt::decode(&mut &bytes[..]), Ok(receipt.clone()));
	assert_eq!(SubmittedReceipt::max_encoded_len(), 4 + 33 + 32 + 4 + 65 + 5);
	let call = Call::<Test>::reserve {
		bounty: 8,
		receipts: vec![receipt].try_into().unwrap(),
		proof: vec![H256([3; 32])].try_into().unwrap(),
	};
	let expected = [&[2, 8, 0, 0, 0, 0, 0, 0, 0, 1 << 2], &bytes[..], &[1 << 2], &[3; 32]].concat();
	assert_eq!(call.encode(), expected);
}

#[test]
fn claim_should_keep_its_layout() {
	let call = Call::<Test>::claim { bounty: 8, reservation: 9, keys: vec![(1, [2; 32])].try_into().unwrap() };
	let expected = [&[3, 8, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1 << 2, 1, 0, 0, 0][..], &[2; 32]].concat();
	assert_eq!(call.encode(), expected);
}

#[test]
fn signed_receipt_should_keep_its_layout() {
	for (suite, number) in [(Suite::Plain, 0), (Suite::Zkcp, 1)] {
		let statement = ReceiptStatement {
			bounty: 1,
			device_index: 2,
			digest: Digest { suite, bytes: [3; 32] },
			lock: [4; 32],
			distributor: account(5),
			valid_until: 6,
		};
		let mut bytes = vec![17 << 2];
		bytes.extend(b"waybill/receipt/1");
		bytes.extend([9; 32]);
		bytes.extend([1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, number]);
		bytes.extend([[3; 32], [4; 32], [5; 32]].concat());
		bytes.extend([6, 0, 0, 0]);
		assert_eq!(statement.signing_bytes(&[9; 32]), bytes);
	}
}

#[test]
fn bounty_should_keep_its_layout() {
	new_test_ext().execute_with(|| {
		open_default();
		Bounties::<Test>::mutate(0, |bounty| {
			let bounty = bounty.as_mut().unwrap();
			(bounty.release, bounty.fleet, bounty.root) = (1, 2, [3; 32]);
			(bounty.count, bounty.reward, bounty.expires_at, bounty.held) = (4, 5, 6, 7);
			(bounty.paid, bounty.reserved, bounty.exclusive_until, bounty.next_reservation) = (8, 9, 10, 11);
			bounty.closing = Some(12);
		});
		let bounty = Bounties::<Test>::take(0).unwrap();
		let mut bytes = VENDOR.encode();
		bytes.extend((1u64, 2u64).encode());
		bytes.extend([3; 32]);
		bytes.extend(4u32.encode());
		// The digest: its suite and its bytes.
		bytes.push(0);
		bytes.extend([1; 32]);
		bytes.extend((5u128, 6u32, 7u128, 8u32, 9u32, 10u32, 11u32).encode());
		let deposit = Pallet::<Test>::bounty_footprint(40).size as Balance + 20;
		bytes.extend((deposit, Some(12u32)).encode());
		assert_eq!(bounty.encode(), bytes);
		assert_eq!(Bounty::<Test>::decode(&mut &bytes[..]), Ok(bounty));
		assert_eq!(Bounty::<Test>::max_encoded_len(), bytes.len());
	});
}

#[test]
fn reservation_should_keep_its_layout() {
	let reservation = Reservation::<Test> {
		distributor: account(1),
		reward: 2,
		deposit: 3,
		exclusive_until: 4,
		slots: vec![ReservedSlot { device_index: 5, lock: [6; 32] }].try_into().unwrap(),
	};
	let mut bytes = vec![1; 32];
	bytes.extend((2u128, 3u128, 4u32).encode());
	bytes.extend([1 << 2, 5, 0, 0, 0]);
	bytes.extend([6; 32]);
	assert_eq!(reservation.encode(), bytes);
	assert_eq!(Reservation::<Test>::decode(&mut &bytes[..]), Ok(reservation));
}

#[test]
fn announcement_should_keep_its_layout() {
	run(|| {
		assert_ok!(send(&ALICE, Call::announce { endpoint: b"ab".to_vec().try_into().unwrap() }));
		let announcement = Distributors::<Test>::get(ALICE).unwrap();
		let deposit = Pallet::<Test>::announcement_footprint().size as Balance + 20;
		assert_eq!(announcement.encode(), (b"ab".to_vec(), deposit).encode());
	});
}

#[test]
fn storage_should_keep_its_prefixes_and_hashers() {
	let prefix = |item: &str| [sp_io::hashing::twox_128(b"PodBounty"), sp_io::hashing::twox_128(item.as_bytes())].concat();
	let twox = |key: Vec<u8>| [&sp_io::hashing::twox_64(&key)[..], &key].concat();
	let blake = |key: Vec<u8>| [&sp_io::hashing::blake2_128(&key)[..], &key].concat();
	let double = |item, first: Vec<u8>, second: Vec<u8>| [prefix(item), twox(first), twox(second)].concat();
	let (id, page) = (7u64, 8u32);
	assert_eq!(NextBounty::<Test>::hashed_key().to_vec(), prefix("NextBounty"));
	assert_eq!(Bounties::<Test>::hashed_key_for(id), [prefix("Bounties"), twox(id.encode())].concat());
	assert_eq!(ActiveBounties::<Test>::hashed_key_for(id, 9u64), double("ActiveBounties", id.encode(), 9u64.encode()));
	assert_eq!(PaidPages::<Test>::hashed_key_for(id, page), double("PaidPages", id.encode(), page.encode()));
	assert_eq!(ReservedPages::<Test>::hashed_key_for(id, page), double("ReservedPages", id.encode(), page.encode()));
	assert_eq!(Reservations::<Test>::hashed_key_for(id, page), double("Reservations", id.encode(), page.encode()));
	assert_eq!(Distributors::<Test>::hashed_key_for(ALICE), [prefix("Distributors"), blake(ALICE.encode())].concat());
	assert_eq!(STORAGE_VERSION, 1);
}

#[test]
fn revealed_keys_should_keep_their_index() {
	let mut index = vec![22 << 2];
	index.extend(b"waybill/revealed-key/1");
	index.extend([1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]);
	assert_eq!(revealed_key_index(1, 2), index);
}

#[test]
fn events_should_keep_their_layouts() {
	let bytes = |event: Event<Test>| event.encode();
	let (bounty, reservation, devices, burnt) = (1, 2, 3, 4);
	let starts = |event, index: u8| {
		let bytes = bytes(event);
		assert_eq!(bytes[..2], [index, 1]);
	};
	let opened = Event::BountyOpened { bounty, vendor: ALICE, release: 5, fleet: 6, devices, reward: 7, expires_at: 8 };
	assert_eq!(bytes(opened), (0u8, (1u64, ALICE, 5u64, 6u64, 3u32, 7u128, 8u32)).encode());
	starts(Event::BountyRaised { bounty, reward: 0, expires_at: 0 }, 1);
	let reserved = Event::Reserved { bounty, reservation, distributor: ALICE, devices, reward: 7, exclusive_until: 8 };
	assert_eq!(bytes(reserved), (2u8, (1u64, 2u32, ALICE, 3u32, 7u128, 8u32)).encode());
	let rejected = Event::ReceiptRejected { bounty, device_index: 9, reason: ReceiptFault::InvalidProof };
	assert_eq!(bytes(rejected), (3u8, 1u64, 9u32, 8u8).encode());
	starts(Event::SlotsReplaced { bounty, reservation, distributor: ALICE, replaced_by: 3, devices, burnt }, 4);
	let revealed = Event::KeyRevealed { bounty, device_index: 9, key: [7; 32], distributor: ALICE };
	assert_eq!(bytes(revealed), (5u8, 1u64, 9u32, [7u8; 32], ALICE).encode());
	let rejected = Event::ClaimRejected { bounty, device_index: 9, reason: ClaimFault::WrongKey };
	assert_eq!(bytes(rejected), (6u8, 1u64, 9u32, 1u8).encode());
	starts(Event::Paid { bounty, distributor: ALICE, devices, amount: 4 }, 7);
	starts(Event::BountyClosing { bounty, refunded: 4 }, 8);
	starts(Event::DepositBurnt { bounty, reservation, distributor: ALICE, amount: 4 }, 9);
	starts(Event::BountyClosed { bounty }, 10);
	assert_eq!(bytes(Event::DistributorAnnounced { distributor: ALICE, endpoint: Default::default() })[0], 11);
	assert_eq!(bytes(Event::DistributorWithdrawn { distributor: ALICE })[0], 12);
}

#[test]
fn errors_should_keep_their_indices() {
	use Error::*;
	let errors: [Error<Test>; 39] = [
		UnknownRelease,
		UnknownFleet,
		UnknownBounty,
		UnknownReservation,
		NotVendor,
		NotDistributor,
		WrongModel,
		ReleaseUnavailable,
		ReleaseYanked,
		EmptyFleet,
		AlreadyOpen,
		RewardTooLow,
		DurationTooShort,
		DurationTooLong,
		CannotReduce,
		NothingRaised,
		FullyPaid,
		Expired,
		Closing,
		NotExpired,
		ReservationsExclusive,
		EmptyBatch,
		TooManyReservations,
		PayeeBlocked,
		NoSuchDevice,
		ReceiptExpired,
		OutOfOrder,
		AlreadyPaid,
		AlreadyReserved,
		WrongReservation,
		StillExclusive,
		WeakKey,
		InvalidProof,
		InvalidSignature,
		NotInReservation,
		WrongKey,
		InvalidEndpoint,
		NotAnnounced,
		MalformedProof,
	];
	for (index, error) in errors.into_iter().enumerate() {
		assert_eq!(error.encode(), [index as u8]);
	}
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
