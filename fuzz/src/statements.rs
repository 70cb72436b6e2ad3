//! Signed statements and lists of keys in SCALE, keys and versions as text, and the check of a key
//! set's signatures.

use codec::{Decode, DecodeAll, Encode, MaxEncodedLen};
use ed25519_dalek::{SigningKey, VerifyingKey};
use std::{collections::BTreeSet, fmt::Debug, str::FromStr, sync::LazyLock};
use waybill_exchange::{sign, Signer, TrustedKeys};
use waybill_primitives::{
	DeviceKey, DeviceSignature, HelloStatement, IndexedSignature, KeySet, KeySetStatement, ReceiptStatement,
	ReleaseStatement, Statement, Version, VoteStatement, Yank, YankStatement,
};

type AccountId = [u8; 32];

const GENESIS: [u8; 32] = [0x67; 32];

/// The vendor's release keys.
static KEYS: LazyLock<Vec<SigningKey>> = LazyLock::new(|| (0..8).map(|seed| SigningKey::from_bytes(&[seed; 32])).collect());

/// Reads the bytes as each kind of statement, list, text and signed statement.
pub fn run(data: &[u8]) {
	statement::<HelloStatement<AccountId>>(data);
	statement::<ReceiptStatement<AccountId>>(data);
	statement::<KeySetStatement<AccountId>>(data);
	statement::<YankStatement>(data);
	statement::<VoteStatement>(data);
	if let Some(release) = statement::<ReleaseStatement>(data) {
		assert!(data.len() <= ReleaseStatement::max_encoded_len());
		assert_eq!(release.payload.to_string().parse(), Ok(release.payload));
	}
	if let Some(set) = scale::<KeySet>(data) {
		assert!(data.len() <= KeySet::max_encoded_len());
		assert_eq!(set.is_valid(), is_valid(&set));
	}
	// A fleet's manifest.
	if let Some(keys) = scale::<Vec<DeviceKey>>(data) {
		keys.iter().for_each(weakness);
	}
	if let Ok(text) = std::str::from_utf8(data) {
		read_text::<Version>(text);
		read_text::<DeviceKey>(text);
		read_text::<DeviceSignature>(text);
	}
	if let Ok(case) = Signed::decode(&mut &*data) {
		signed(&case);
	}
}

/// Checks that a value has only one SCALE form.
fn scale<T: Decode + Encode>(data: &[u8]) -> Option<T> {
	let value = T::decode_all(&mut &*data).ok()?;
	assert_eq!(value.encode(), data);
	Some(value)
}

/// Checks that the signed bytes begin with the domain and the chain and end with the statement.
fn statement<S: Statement + Decode>(data: &[u8]) -> Option<S> {
	let statement = scale::<S>(data)?;
	let bytes = statement.signing_bytes(&GENESIS);
	assert!(bytes.starts_with(&S::DOMAIN.encode()) && bytes.ends_with(&[&GENESIS, data].concat()));
	Some(statement)
}

/// Checks that a value has only one text.
fn read_text<T: FromStr + ToString>(text: &str) {
	if let Ok(value) = text.parse::<T>() {
		assert_eq!(value.to_string(), text);
	}
}

/// [`KeySet::is_valid`], implemented differently.
fn is_valid(set: &KeySet) -> bool {
	set.keys.iter().for_each(weakness);
	let different: BTreeSet<_> = set.keys.iter().collect();
	let strong = set.keys.iter().all(|key| !key.is_weak());
	strong && different.len() == set.keys.len() && (1..=set.keys.len()).contains(&usize::from(set.threshold))
}

/// Checks that a key is weak exactly if its point has small order or its encoding is not canonical.
/// Keys that are not points are not checked.
fn weakness(key: &DeviceKey) {
	let DeviceKey::Ed25519(bytes) = key;
	if let Ok(point) = VerifyingKey::from_bytes(bytes) {
		let canonical = point.to_edwards().compress().to_bytes() == *bytes;
		assert_eq!(key.is_weak(), point.is_weak() || !canonical, "{key}");
	}
}

/// A withdrawal with signatures by some of a key set's keys.
#[derive(Decode)]
struct Signed {
	threshold: u8,
	/// The numbers of the set's keys.
	keys: Vec<u8>,
	release: u64,
	signatures: Vec<Signature>,
}

#[derive(Decode, Debug)]
struct Signature {
	/// The key's place in the set, as claimed.
	place: u8,
	/// The number of the key that signs.
	signer: u8,
	/// Whether the key signs another release's withdrawal.
	other: bool,
}

/// Checks that signatures carry a statement exactly if at least the threshold of different keys
/// signed it and no signature is wrong.
fn signed(case: &Signed) {
	let key = |number: u8| &KEYS[usize::from(number) % KEYS.len()];
	let keys: Vec<_> = case.keys.iter().map(|number| key(*number).public()).collect();
	let Ok(keys) = keys.try_into() else { return };
	let trusted = TrustedKeys { version: 1, key_set: KeySet { threshold: case.threshold, keys } };
	let cases: Vec<_> = case.signatures.iter().take(20).collect();
	let signatures: Vec<_> = cases
		.iter()
		.map(|one| {
			let release = if one.other { case.release.wrapping_add(1) } else { case.release };
			let statement = YankStatement { release, reason: Yank::Faulty };
			IndexedSignature { key: one.place, signature: sign(key(one.signer), &statement, &GENESIS) }
		})
		.collect();

	let places: BTreeSet<_> = cases.iter().map(|one| one.place).collect();
	let right = |one: &&Signature| {
		let place = trusted.key_set.keys.get(usize::from(one.place));
		!one.other && place == Some(&key(one.signer).public())
	};
	let enough = places.len() == cases.len() && cases.len() >= usize::from(case.threshold);
	let expected = is_valid(&trusted.key_set) && enough && cases.iter().all(right);
	let statement = YankStatement { release: case.release, reason: Yank::Faulty };
	assert_eq!(trusted.verify(&statement, &GENESIS, &signatures).is_ok(), expected, "{cases:?}");
}
