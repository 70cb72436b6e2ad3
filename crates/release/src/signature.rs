//! Signatures by release keys: made without a network, read, checked, and put in the order of a key
//! set.

use crate::{
	error::{Error, Result},
	file::{read_text, MAX_STATEMENT},
	key_set::KeySetFile,
	statement::StatementFile,
};
use serde::{Deserialize, Serialize};
use std::{fmt, path::Path};
use waybill_chain::Hash;
use waybill_exchange::verify;
use waybill_keys::StatementKey;
use waybill_primitives::{DeviceKey, DeviceSignature, Hash32, IndexedSignature, KeySet, KeySetStatement, Statement};

/// The longest file with signatures, in bytes.
const MAX_SIGNATURES: u64 = 65_536;

/// A signature and the key that made it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Signed {
	/// The key.
	pub key: DeviceKey,
	/// Its signature.
	pub signature: DeviceSignature,
}

/// What a signing machine hands back, as JSON or as lines of a key and a signature.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignatureFile {
	genesis: Hash,
	signatures: Vec<Signed>,
}

impl SignatureFile {
	/// Signs a statement with all of these keys, for the chain with this genesis hash.
	pub fn new(keys: &[StatementKey], statement: &impl Statement, genesis: Hash32) -> Self {
		let signatures = keys.iter().map(|key| sign(key, statement, &genesis)).collect();
		Self { genesis: Hash(genesis), signatures }
	}

	/// Reads the signatures of a file in either form.
	pub fn read(file: &Path) -> Result<Vec<Signed>> {
		parse(&read_text(file, MAX_SIGNATURES)?).ok_or_else(|| Error::NotSignatures(file.into()))
	}
}

impl fmt::Display for SignatureFile {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		self.signatures.iter().try_for_each(|signed| writeln!(f, "{} {}", signed.key, signed.signature))
	}
}

fn parse(text: &str) -> Option<Vec<Signed>> {
	if text.trim_start().starts_with('{') {
		return serde_json::from_str::<SignatureFile>(text).ok().map(|file| file.signatures);
	}
	let line = |line: &str| {
		let (key, signature) = line.split_once(' ')?;
		Some(Signed { key: key.parse().ok()?, signature: signature.trim().parse().ok()? })
	};
	text.lines().filter(|text| !text.trim().is_empty()).map(line).collect()
}

/// The signature of one key.
pub fn sign(key: &StatementKey, statement: &impl Statement, genesis: &Hash32) -> Signed {
	Signed { key: key.public(), signature: key.sign(statement, genesis) }
}

/// A file that release keys sign.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum Document {
	/// A release.
	Release(StatementFile),
	/// A vendor's next key set.
	KeySet(KeySetFile),
}

impl Document {
	/// Reads a statement of either kind.
	///
	/// # Errors
	/// The file cannot be read, is none, or makes no sense.
	pub fn read(file: &Path) -> Result<Self> {
		let text = read_text(file, MAX_STATEMENT)?;
		let wrong = |_| Error::NotAStatement { path: file.into(), kind: "a statement" };
		let document: Self = serde_json::from_str(&text).map_err(wrong)?;
		match &document {
			Self::Release(release) => release.check_sound(file)?,
			Self::KeySet(key_set) => key_set.check_sound(file)?,
		}
		Ok(document)
	}

	/// The hash of the first block of the chain it is for.
	pub const fn genesis(&self) -> Hash32 {
		match self {
			Self::Release(release) => release.genesis(),
			Self::KeySet(key_set) => key_set.genesis(),
		}
	}

	/// Signs it with all of these keys.
	pub fn sign(&self, keys: &[StatementKey]) -> SignatureFile {
		match self {
			Self::Release(release) => SignatureFile::new(keys, &release.signed(), release.genesis()),
			Self::KeySet(key_set) => SignatureFile::new(keys, &key_set.signed(), key_set.genesis()),
		}
	}
}

impl fmt::Display for Document {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Release(release) => release.fmt(f),
			Self::KeySet(key_set) => key_set.fmt(f),
		}
	}
}

/// Puts signatures over a statement in the places of the vendor's key set.
///
/// # Errors
/// What the chain would refuse: a stranger's key, a wrong signature, too few.
pub fn gather(
	signed: &[Signed],
	statement: &impl Statement,
	genesis: &Hash32,
	key_set: &KeySet,
) -> Result<Vec<IndexedSignature>> {
	check(signed, statement, genesis, &[key_set])?;
	place(signed, key_set, "the vendor's key set")
}

/// Puts signatures over a vendor's next key set in the places of the current set, and in the places
/// of the next. A key that is in both signs once.
///
/// # Errors
/// As those of [`gather`].
pub fn gather_rotation(
	signed: &[Signed],
	statement: &KeySetStatement<[u8; 32]>,
	genesis: &Hash32,
	current: &KeySet,
) -> Result<(Vec<IndexedSignature>, Vec<IndexedSignature>)> {
	let next = &statement.key_set;
	check(signed, statement, genesis, &[current, next])?;
	Ok((place(signed, current, "the current key set")?, place(signed, next, "the new key set")?))
}

/// Checks that each signature is over this statement and by a key of one of these sets.
fn check(signed: &[Signed], statement: &impl Statement, genesis: &Hash32, sets: &[&KeySet]) -> Result<()> {
	for Signed { key, signature } in signed {
		if !sets.iter().any(|set| set.keys.contains(key)) {
			return Err(Error::Stranger(*key));
		}
		verify(key, statement, genesis, signature).map_err(|_| Error::BadSignature(*key))?;
	}
	Ok(())
}

/// The signatures by keys of this set, one for each key, in the set's order.
fn place(signed: &[Signed], key_set: &KeySet, whose: &'static str) -> Result<Vec<IndexedSignature>> {
	let by = |key: &DeviceKey| signed.iter().find(|signed| signed.key == *key).map(|signed| signed.signature);
	let placed = (0..).zip(&key_set.keys).filter_map(|(place, key)| {
		let signature = by(key)?;
		Some(IndexedSignature { key: place, signature })
	});
	let placed: Vec<_> = placed.collect();
	let (have, need) = (placed.len(), usize::from(key_set.threshold));
	match have < need {
		true => Err(Error::TooFew { have, need, whose }),
		false => Ok(placed),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use waybill_primitives::{Yank, YankStatement};

	const GENESIS: Hash32 = [3; 32];

	fn statement() -> YankStatement {
		YankStatement { release: 5, reason: Yank::Vulnerable }
	}

	fn keys(count: usize, threshold: u8) -> (Vec<StatementKey>, KeySet) {
		let dir = tempfile::tempdir().unwrap();
		let keys: Vec<_> = (0..count).map(|i| StatementKey::generate(&dir.path().join(i.to_string())).unwrap()).collect();
		let publics: Vec<_> = keys.iter().map(StatementKey::public).collect();
		(keys, KeySet { threshold, keys: publics.try_into().unwrap() })
	}

	#[test]
	fn both_forms_of_signatures_should_be_read() {
		let (keys, _) = keys(3, 2);
		let file = SignatureFile::new(&keys, &statement(), GENESIS);
		assert_eq!(parse(&file.to_string()).unwrap(), file.signatures);
		assert_eq!(parse(&serde_json::to_string(&file).unwrap()).unwrap(), file.signatures);
		for text in ["nonsense", "a b", "{}", "{\"signatures\":1}"] {
			assert!(parse(text).is_none(), "{text}");
		}
	}

	#[test]
	fn signatures_should_be_placed_and_counted() {
		let (three, set) = keys(3, 2);
		let signed = SignatureFile::new(&three, &statement(), GENESIS).signatures;
		let placed = gather(&[signed[2], signed[0]], &statement(), &GENESIS, &set).unwrap();
		assert_eq!(placed.iter().map(|signed| signed.key).collect::<Vec<_>>(), [0, 2]);
		let refusal = |signed: &[Signed], genesis| gather(signed, &statement(), genesis, &set).unwrap_err();
		assert!(matches!(refusal(&[signed[0], signed[0]], &GENESIS), Error::TooFew { have: 1, need: 2, .. }));
		assert!(matches!(refusal(&signed, &[4; 32]), Error::BadSignature(_)));
		let (strangers, _) = keys(3, 2);
		let stranger = SignatureFile::new(&strangers, &statement(), GENESIS).signatures;
		assert!(matches!(refusal(&stranger, &GENESIS), Error::Stranger(_)));
	}

	#[test]
	fn rotations_should_need_both_thresholds_and_count_a_kept_key_twice() {
		let (all, _) = keys(4, 1);
		let publics: Vec<_> = all.iter().map(StatementKey::public).collect();
		let set =
			|places: [usize; 3]| KeySet { threshold: 2, keys: places.map(|at| publics[at]).to_vec().try_into().unwrap() };
		let (current, next) = (set([0, 1, 2]), set([2, 3, 0]));
		let statement = KeySetStatement { vendor: [7; 32], version: 2, key_set: next };
		let rotation = |places: &[usize]| {
			let signed: Vec<_> = places.iter().map(|at| sign(&all[*at], &statement, &GENESIS)).collect();
			gather_rotation(&signed, &statement, &GENESIS, &current)
		};
		let places = |signed: &[IndexedSignature]| signed.iter().map(|signed| signed.key).collect::<Vec<_>>();
		let (old, new) = rotation(&[0, 2]).unwrap();
		assert_eq!((places(&old), places(&new)), (vec![0, 2], vec![0, 2]));
		let whose = |places: &[usize]| match rotation(places) {
			Err(Error::TooFew { whose, .. }) => whose,
			other => panic!("{other:?}"),
		};
		assert_eq!(whose(&[2, 3]), "the current key set");
		assert_eq!(whose(&[1, 2]), "the new key set");
	}
}
