//! Pins storage, calls and events byte for byte: clients, nodes and later versions rely on them.

use crate::{mock::*, *};
use codec::{Decode, Encode};
use hex_literal::hex;
use sp_io::hashing::{blake2_128, twox_128, twox_64};
use waybill_primitives::{
	Cid, Codec, Digest, IndexedSignature, KeySet, Multihash, ReleaseKey, ReleaseSignature, ReleaseStatement, Suite, Verdict,
	Version, Yank,
};

type Ticket = <Test as Config>::Consideration;

fn ticket(amount: u64) -> Ticket {
	Ticket::decode(&mut &amount.encode()[..]).unwrap()
}

fn cid() -> Cid {
	Cid { codec: Codec::DagPb, hash: Multihash::Sha2_256([0xcc; 32]) }
}

fn signatures(count: u8) -> Signatures {
	let signature = |key| IndexedSignature { key, signature: ReleaseSignature::Ed25519([0xa0 + key; 64]) };
	(0..count).map(signature).collect::<Vec<_>>().try_into().unwrap()
}

fn key_set() -> KeySet {
	KeySet { threshold: 2, keys: [0x11, 0x22].map(|byte| ReleaseKey::Ed25519([byte; 32])).to_vec().try_into().unwrap() }
}

fn rotation() -> Rotation<Test> {
	Rotation { old_signatures: signatures(1), new_signatures: signatures(0), submitter: 3, ticket: ticket(4) }
}

const KEY_SET: &[u8] = &hex!(
	"02 08"
	"00 1111111111111111111111111111111111111111111111111111111111111111"
	"00 2222222222222222222222222222222222222222222222222222222222222222"
);
const ONE_SIGNATURE: &[u8] = &hex!(
	"04 00 00"
	"a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0"
	"a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0"
);
const ROTATION_REST: &[u8] = &hex!("00 0300000000000000 0400000000000000");

/// Asserts that the value encodes to these bytes and that they decode to the value.
fn assert_pinned<V: Encode + Decode + PartialEq + std::fmt::Debug>(value: V, bytes: &[u8]) {
	assert_eq!(value.encode(), bytes);
	assert_eq!(V::decode(&mut &bytes[..]), Ok(value));
}

#[test]
fn vendor_should_keep_its_layout() {
	let metadata = VendorMetadata { name: text("A"), url: text(""), security_contact: text("c@d") };
	let vendor = Vendor::<Test> { metadata, key_set_version: 2, ticket: ticket(7) };
	assert_pinned(vendor, &hex!("04 41 00 0c 634064 02000000 0700000000000000"));
}

#[test]
fn key_sets_should_keep_their_layout() {
	assert_pinned(key_set(), KEY_SET);
	assert_pinned(rotation(), &[ONE_SIGNATURE, ROTATION_REST].concat());
	let pending = PendingKeySet { key_set: key_set(), effective_at: 0x0102, rotation: rotation() };
	assert_pinned(pending, &[KEY_SET, &hex!("02010000"), ONE_SIGNATURE, ROTATION_REST].concat());
	assert_pinned(VetoedKeySet::<Test> { submitter: 5, ticket: ticket(6) }, &hex!("0500000000000000 0600000000000000"));
}

#[test]
fn model_should_keep_its_layout() {
	let model = Model::<Test> { vendor: 1, name: text("M"), security_version: 9, ticket: ticket(2) };
	assert_pinned(model, &hex!("0100000000000000 04 4d 09000000 0200000000000000"));
}

#[test]
fn fleet_should_keep_its_layout() {
	let fleet = Fleet::<Test> {
		model: 1,
		root: [0xbb; 32],
		count: 0x10000,
		cap_height: 8,
		manifest: cid(),
		users: 2,
		ticket: ticket(3),
	};
	let bytes = hex!(
		"0100000000000000"
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
		"00000100"
		"08"
		"01 00 cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
		"02000000"
		"0300000000000000"
	);
	assert_pinned(fleet, &bytes);
}

#[test]
fn release_should_keep_its_layout() {
	let statement = ReleaseStatement {
		model: 1,
		version: Version::new(2, 3, 4),
		security_version: 5,
		payload: cid(),
		size: 6,
		sha256: [0xdd; 32],
		digest: Digest { suite: Suite::Plain, bytes: [0xee; 32] },
	};
	let release = |statement| Release::<Test> {
		vendor: 7,
		statement,
		key_set_version: 8,
		advisory: Some(text("u")),
		published_at: 9,
		state: ReleaseState::Yanked,
		yank: Some(Yank::Compromised),
		ticket: ticket(10),
	};
	let mut bytes = hex!(
		"0700000000000000"
		"0100000000000000 02000000 03000000 04000000 05000000"
		"01 00 cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
		"0600000000000000"
		"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
		"00 eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
		"08000000 01 04 75 09000000 03 01 02 0a00000000000000"
	);
	assert_pinned(release(statement.clone()), &bytes);
	let proven = Digest { suite: Suite::Zkcp, ..statement.digest };
	bytes[8 + 24 + 34 + 8 + 32] = 1;
	assert_pinned(release(ReleaseStatement { digest: proven, ..statement }), &bytes);
	assert_pinned(signatures(1), ONE_SIGNATURE);
}

#[test]
fn round_should_keep_its_layout() {
	let attester = AttesterId::from(sp_core::sr25519::Public::from_raw([0xff; 32]));
	let votes = vec![Vote { attester, verdict: Verdict::Mismatch }].try_into().unwrap();
	let round = Round::<Test> { number: 1, opened_at: 2, decided_at: Some(3), votes };
	let bytes = hex!(
		"01000000 02000000 01 03000000"
		"04 ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff 02"
	);
	assert_pinned(round, &bytes);
}

#[test]
fn enums_should_keep_their_indices() {
	use ReleaseState::*;
	assert_eq!([Pending, Available, Unavailable, Yanked].map(|state| state.encode()), [[0], [1], [2], [3]]);
	assert_eq!([Yank::Faulty, Yank::Vulnerable, Yank::Compromised].map(|yank| yank.encode()), [[0], [1], [2]]);
	let verdicts = [Verdict::Available, Verdict::Unreachable, Verdict::Mismatch];
	assert_eq!(verdicts.map(|verdict| verdict.encode()), [[0], [1], [2]]);
	assert_eq!(HoldReason::Storage.encode(), [0]);
}

#[test]
fn storage_should_keep_its_keys() {
	/// A key hashed by BLAKE2b-128, or by XXH64, with the key itself behind the hash.
	fn blake2(bytes: impl Encode) -> Vec<u8> {
		[&blake2_128(&bytes.encode())[..], &bytes.encode()].concat()
	}
	fn twox(bytes: impl Encode) -> Vec<u8> {
		[&twox_64(&bytes.encode())[..], &bytes.encode()].concat()
	}
	fn assert_key(real: impl AsRef<[u8]>, item: &str, keys: &[Vec<u8>]) {
		let expected = [&twox_128(b"Firmware")[..], &twox_128(item.as_bytes()), &keys.concat()].concat();
		assert_eq!(real.as_ref(), expected, "{item}");
	}
	let (who, id, version) = (1u64, 2u64, Version::new(1, 2, 3));
	assert_key(Vendors::<Test>::hashed_key_for(who), "Vendors", &[blake2(who)]);
	assert_key(KeySets::<Test>::hashed_key_for(who, 4), "KeySets", &[blake2(who), twox(4u32)]);
	assert_key(KeySetSignatures::<Test>::hashed_key_for(who, 4), "KeySetSignatures", &[blake2(who), twox(4u32)]);
	assert_key(PendingKeySets::<Test>::hashed_key_for(who), "PendingKeySets", &[blake2(who)]);
	let vetoed = VetoedKeySets::<Test>::hashed_key_for(who, [5; 32]);
	assert_key(vetoed, "VetoedKeySets", &[blake2(who), vec![5; 32]]);
	assert_key(NextModelId::<Test>::hashed_key(), "NextModelId", &[]);
	assert_key(Models::<Test>::hashed_key_for(id), "Models", &[twox(id)]);
	assert_key(NextFleetId::<Test>::hashed_key(), "NextFleetId", &[]);
	assert_key(Fleets::<Test>::hashed_key_for(id), "Fleets", &[twox(id)]);
	assert_key(FleetIds::<Test>::hashed_key_for(id, 6), "FleetIds", &[twox(id), twox(6u64)]);
	assert_key(FleetCaps::<Test>::hashed_key_for(id, 7), "FleetCaps", &[twox(id), twox(7u32)]);
	assert_key(NextReleaseId::<Test>::hashed_key(), "NextReleaseId", &[]);
	assert_key(Releases::<Test>::hashed_key_for(id), "Releases", &[twox(id)]);
	assert_key(ReleaseIds::<Test>::hashed_key_for(id, version), "ReleaseIds", &[twox(id), blake2(version)]);
	assert_key(ReleaseSignatures::<Test>::hashed_key_for(id), "ReleaseSignatures", &[twox(id)]);
	assert_key(Rounds::<Test>::hashed_key_for(id), "Rounds", &[twox(id)]);
	assert_key(Attesters::<Test>::hashed_key(), "Attesters", &[]);
}

#[test]
fn storage_should_hold_nothing_that_is_not_pinned() {
	use frame_support::traits::{StorageInfo, StorageInfoTrait};
	let names: Vec<String> = Firmware::storage_info()
		.into_iter()
		.map(|StorageInfo { storage_name, .. }| String::from_utf8(storage_name).unwrap())
		.collect();
	let pinned = [
		"Vendors",
		"KeySets",
		"KeySetSignatures",
		"PendingKeySets",
		"VetoedKeySets",
		"NextModelId",
		"Models",
		"NextFleetId",
		"Fleets",
		"FleetIds",
		"FleetCaps",
		"NextReleaseId",
		"Releases",
		"ReleaseIds",
		"ReleaseSignatures",
		"Rounds",
		"Attesters",
	];
	assert_eq!(names, pinned);
}

#[test]
fn calls_should_keep_their_indices() {
	use scale_info::TypeInfo;
	let scale_info::TypeDef::Variant(calls) = Call::<Test>::type_info().type_def else { panic!("calls are variants") };
	let names: Vec<_> = calls.variants.iter().map(|call| (call.index, call.name)).collect();
	let pinned = [
		"register_vendor",
		"update_vendor",
		"register_model",
		"register_fleet",
		"remove_fleet",
		"publish_release",
		"yank_release",
		"yank_release_signed",
		"attest",
		"rotate_key_set",
		"veto_key_set",
		"adopt_key_set",
		"resign_release",
	];
	assert_eq!(names, (0..).zip(pinned).collect::<Vec<_>>());
}
