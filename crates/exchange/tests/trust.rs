//! Rotation of the release keys, as a device follows it.

mod common;

use common::*;
use waybill_exchange::{Refusal, SignatureError, TrustError, TrustedKeys};
use waybill_primitives::{IndexedSignature, KeySetStatement};

const NEXT: u32 = KEY_SET_VERSION + 1;

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

/// The result for a statement that the right keys on both sides signed.
fn signed_well(statement: &KeySetStatement<[u8; 32]>) -> Result<TrustedKeys, TrustError> {
	rotate(statement, &signed_by(statement, &release_keys()), &signed_by(statement, &keys_of(NEXT)))
}

#[test]
fn key_set_should_follow_when_both_thresholds_signed_it() {
	let next = key_set_statement(NEXT);
	assert_eq!(signed_well(&next), Ok(TrustedKeys { version: NEXT, key_set: next.key_set }));
}

#[test]
fn key_set_signed_by_one_side_alone_should_be_refused() {
	let Rotation { statement, by_old, by_new } = next_keys(NEXT);
	let refused = |by_old: &[IndexedSignature], by_new: &[IndexedSignature]| rotate(&statement, by_old, by_new).unwrap_err();
	assert_eq!(refused(&by_old, &[]), TrustError::BelowThreshold);
	assert_eq!(refused(&[], &by_new), TrustError::BelowThreshold);
	assert_eq!(refused(&by_old[..1], &by_new), TrustError::BelowThreshold);
	assert_eq!(refused(&by_old, &by_new[..1]), TrustError::BelowThreshold);
	let bad = TrustError::Signature(SignatureError::BadSignature);
	assert_eq!(refused(&by_new, &by_new), bad);
	assert_eq!(refused(&by_old, &by_old), bad);
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
		let next = KeySetStatement { version, ..key_set_statement(NEXT) };
		assert_eq!(signed_well(&next), Err(error));
	}
}

#[test]
fn key_set_of_another_vendor_or_without_sense_should_be_refused() {
	let other = KeySetStatement { vendor: [0; 32], ..key_set_statement(NEXT) };
	assert_eq!(signed_well(&other), Err(TrustError::ForeignVendor));
	let mut impossible = key_set_statement(NEXT);
	impossible.key_set.threshold = 3;
	assert_eq!(signed_well(&impossible), Err(TrustError::InvalidKeySet));
}

#[test]
fn signatures_for_another_vendor_or_set_should_be_refused() {
	let next = key_set_statement(NEXT);
	let other = KeySetStatement { vendor: [0; 32], ..next.clone() };
	let (by_old, by_new) = (signed_by(&other, &release_keys()), signed_by(&other, &keys_of(NEXT)));
	assert_eq!(rotate(&next, &by_old, &by_new), Err(TrustError::Signature(SignatureError::BadSignature)));
	let mut weaker = next.clone();
	weaker.key_set.threshold = 1;
	let (by_old, by_new) = (signed_by(&next, &release_keys()), signed_by(&next, &keys_of(NEXT)));
	assert_eq!(rotate(&weaker, &by_old, &by_new), Err(TrustError::Signature(SignatureError::BadSignature)));
}

#[test]
fn last_version_should_not_wrap_around() {
	let last = TrustedKeys { version: u32::MAX, key_set: key_set(2) };
	let next = KeySetStatement { version: 0, ..key_set_statement(NEXT) };
	let (by_old, by_new) = (signed_by(&next, &release_keys()), signed_by(&next, &keys_of(NEXT)));
	assert_eq!(last.rotate(&VENDOR, &GENESIS, &next, &by_old, &by_new), Err(TrustError::KeySetRollback));
}

#[test]
fn device_should_follow_every_key_set_that_it_slept_through() {
	let world = World::new();
	let mut device = world.device();
	for version in NEXT..=NEXT + 20 {
		let Rotation { statement, by_old, by_new } = next_keys(version);
		let keys = device.exchange.rotate(&statement, &by_old, &by_new).unwrap();
		assert_eq!((keys.version, &keys.key_set), (version, &statement.key_set));
	}
	let release = world.chain.release.clone();
	assert_eq!(device.exchange.judge(&release), Err(Refusal::KeySetReplaced));
}

#[test]
fn wrong_link_should_change_nothing() {
	let world = World::new();
	let mut device = world.device();
	let before = device.exchange.profile().clone();
	let Rotation { statement, by_old, by_new } = next_keys(NEXT);
	let skipped = next_keys(NEXT + 1);
	let below = Err(Refusal::KeySet(TrustError::BelowThreshold));
	assert_eq!(device.exchange.rotate(&statement, &by_old, &[]).map(drop), below);
	assert_eq!(device.exchange.rotate(&statement, &[], &by_new).map(drop), below);
	assert_eq!(
		device.exchange.rotate(&skipped.statement, &skipped.by_old, &skipped.by_new).map(drop),
		Err(Refusal::KeySet(TrustError::SkippedVersion))
	);
	let own = key_set_statement(KEY_SET_VERSION);
	assert_eq!(device.exchange.rotate(&own, &by_old, &by_new).map(drop), Err(Refusal::KeySet(TrustError::KeySetRollback)));
	assert_eq!(*device.exchange.profile(), before);
	device.exchange.rotate(&statement, &by_old, &by_new).unwrap();
	assert_eq!(
		device.exchange.rotate(&statement, &by_old, &by_new).map(drop),
		Err(Refusal::KeySet(TrustError::KeySetRollback))
	);
}
