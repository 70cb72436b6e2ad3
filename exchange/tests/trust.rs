//! Rotation of the release keys, as a device follows it.

mod common;

use common::*;
use ed25519_dalek::SigningKey;
use waybill_exchange::{sign, IndexedSignature, SignatureError, Signer, TrustError, TrustedKeys};
use waybill_primitives::{DeviceKey, KeySet, KeySetStatement};

fn new_keys() -> [SigningKey; 2] {
	[key(1100), key(1101)]
}

fn statement(version: u32) -> KeySetStatement<[u8; 32]> {
	let keys: Vec<DeviceKey> = new_keys().iter().map(Signer::public).collect();
	KeySetStatement { vendor: VENDOR, version, key_set: KeySet { threshold: 2, keys: keys.try_into().unwrap() } }
}

fn signed(statement: &KeySetStatement<[u8; 32]>, keys: &[SigningKey]) -> Vec<IndexedSignature> {
	(0u8..).zip(keys).map(|(key, signer)| IndexedSignature { key, signature: sign(signer, statement, &GENESIS) }).collect()
}

fn old() -> TrustedKeys {
	TrustedKeys { version: KEY_SET_VERSION, key_set: key_set(2) }
}

fn rotate(
	statement: &KeySetStatement<[u8; 32]>,
	old_signatures: &[IndexedSignature],
	new_signatures: &[IndexedSignature],
) -> Result<TrustedKeys, TrustError> {
	old().rotate(&VENDOR, &GENESIS, statement, old_signatures, new_signatures)
}

#[test]
fn key_set_should_follow_when_both_thresholds_signed_it() {
	let next = statement(KEY_SET_VERSION + 1);
	let by_old = signed(&next, &release_keys()[..2]);
	let rotated = rotate(&next, &by_old, &signed(&next, &new_keys())).unwrap();
	assert_eq!(rotated, TrustedKeys { version: KEY_SET_VERSION + 1, key_set: next.key_set });
}

#[test]
fn key_set_signed_by_one_side_alone_should_be_refused() {
	let next = statement(KEY_SET_VERSION + 1);
	let (by_old, by_new) = (signed(&next, &release_keys()[..2]), signed(&next, &new_keys()));
	assert_eq!(rotate(&next, &by_old, &[]), Err(TrustError::BelowThreshold));
	assert_eq!(rotate(&next, &[], &by_new), Err(TrustError::BelowThreshold));
	assert_eq!(rotate(&next, &by_old[..1], &by_new), Err(TrustError::BelowThreshold));
	assert_eq!(rotate(&next, &by_old, &by_new[..1]), Err(TrustError::BelowThreshold));
	let bad = Err(TrustError::Signature(SignatureError::BadSignature));
	assert_eq!(rotate(&next, &by_new, &by_new), bad);
	assert_eq!(rotate(&next, &by_old, &by_old), bad);
}

#[test]
fn key_set_of_any_but_the_next_version_should_be_refused() {
	for (version, error) in [
		(0, TrustError::KeySetRollback),
		(KEY_SET_VERSION - 1, TrustError::KeySetRollback),
		(KEY_SET_VERSION, TrustError::KeySetRollback),
		(KEY_SET_VERSION + 2, TrustError::SkippedVersion),
		(u32::MAX, TrustError::SkippedVersion),
	] {
		let next = statement(version);
		assert_eq!(rotate(&next, &signed(&next, &release_keys()[..2]), &signed(&next, &new_keys())), Err(error));
	}
}

#[test]
fn key_set_of_another_vendor_or_without_sense_should_be_refused() {
	let mut next = statement(KEY_SET_VERSION + 1);
	next.vendor = [0; 32];
	assert_eq!(
		rotate(&next, &signed(&next, &release_keys()[..2]), &signed(&next, &new_keys())),
		Err(TrustError::ForeignVendor)
	);
	let mut next = statement(KEY_SET_VERSION + 1);
	next.key_set.threshold = 3;
	assert_eq!(
		rotate(&next, &signed(&next, &release_keys()[..2]), &signed(&next, &new_keys())),
		Err(TrustError::InvalidKeySet)
	);
}

#[test]
fn last_version_should_not_wrap_around() {
	let last = TrustedKeys { version: u32::MAX, key_set: key_set(2) };
	let next = statement(0);
	let result = last.rotate(&VENDOR, &GENESIS, &next, &signed(&next, &release_keys()[..2]), &signed(&next, &new_keys()));
	assert_eq!(result, Err(TrustError::KeySetRollback));
}
