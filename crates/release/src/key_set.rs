//! A vendor's next key set as a file: what the keys of both sets sign, and for which chain.

use crate::{
	error::{Error, Result},
	file::{read_text, write_new, MAX_STATEMENT},
};
use serde::{Deserialize, Serialize};
use std::{fmt, path::Path};
use waybill_chain::{AccountId, Hash};
use waybill_primitives::{DeviceKey, Hash32, KeySet, KeySetStatement};

/// The set of these keys, if it can sign anything.
pub fn key_set(threshold: u8, keys: Vec<DeviceKey>) -> Result<KeySet> {
	let count = keys.len();
	let keys = keys.try_into().map_err(|_| Error::TooManyKeys(count))?;
	let set = KeySet { threshold, keys };
	match set.is_valid() {
		true => Ok(set),
		false => Err(Error::ImpossibleKeySet { threshold, count }),
	}
}

/// A key set's statement and the chain it is for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySetFile {
	genesis: Hash,
	vendor: AccountId,
	key_set_version: u32,
	threshold: u8,
	release_keys: Vec<DeviceKey>,
}

impl KeySetFile {
	/// The set of this version of a vendor.
	pub fn new(genesis: Hash32, vendor: AccountId, version: u32, set: &KeySet) -> Self {
		let (threshold, release_keys) = (set.threshold, set.keys.to_vec());
		Self { genesis: Hash(genesis), vendor, key_set_version: version, threshold, release_keys }
	}

	/// Reads a statement.
	///
	/// # Errors
	/// The file cannot be read, is none, or its set cannot sign anything.
	pub fn read(file: &Path) -> Result<Self> {
		let text = read_text(file, MAX_STATEMENT)?;
		let wrong = |_| Error::NotAStatement { path: file.into(), kind: "a key set's statement" };
		let statement: Self = serde_json::from_str(&text).map_err(wrong)?;
		statement.check_sound(file)?;
		Ok(statement)
	}

	/// Fails if the set, read from this file, cannot sign anything.
	pub(crate) fn check_sound(&self, file: &Path) -> Result<()> {
		match key_set(self.threshold, self.release_keys.clone()) {
			Ok(_) => Ok(()),
			Err(cause) => Err(Error::UnsoundKeySet { path: file.into(), cause: Box::new(cause) }),
		}
	}

	/// Writes it to a new file.
	pub fn write(&self, file: &Path) -> Result<()> {
		write_new(self, file)
	}

	/// What the keys sign.
	pub fn signed(&self) -> KeySetStatement<[u8; 32]> {
		// A set of too many keys is refused where it is read.
		let keys = self.release_keys.clone().try_into().unwrap_or_default();
		let key_set = KeySet { threshold: self.threshold, keys };
		KeySetStatement { vendor: self.vendor.0, version: self.key_set_version, key_set }
	}

	/// The hash of the first block of the chain it is for.
	pub const fn genesis(&self) -> Hash32 {
		self.genesis.0
	}
}

impl fmt::Display for KeySetFile {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let count = self.release_keys.len();
		writeln!(f, "key set {} of {}: {} of {count} must sign", self.key_set_version, self.vendor, self.threshold)?;
		self.release_keys.iter().try_for_each(|key| writeln!(f, "  {key}"))?;
		write!(f, "  chain    {}", self.genesis)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn key(seed: u8) -> DeviceKey {
		DeviceKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes())
	}

	fn example(threshold: u8, keys: Vec<DeviceKey>) -> KeySetFile {
		KeySetFile { genesis: Hash([9; 32]), vendor: AccountId([7; 32]), key_set_version: 2, threshold, release_keys: keys }
	}

	#[test]
	fn key_sets_should_round_trip_through_files() {
		let dir = tempfile::tempdir().unwrap();
		let (file, example) = (dir.path().join("key-set-2.json"), example(2, vec![key(1), key(2)]));
		example.write(&file).unwrap();
		assert_eq!(KeySetFile::read(&file).unwrap(), example);
		let KeySetStatement { vendor, version, key_set } = example.signed();
		assert_eq!((vendor, version, key_set.threshold), ([7; 32], 2, 2));
		assert_eq!(key_set.keys.to_vec(), [key(1), key(2)]);
		assert!(matches!(example.write(&file), Err(Error::Write { .. })));
	}

	#[test]
	fn sets_that_cannot_sign_should_be_refused() {
		let dir = tempfile::tempdir().unwrap();
		assert!(key_set(1, vec![key(1)]).is_ok());
		assert!(key_set(2, vec![key(1), key(2), key(3)]).is_ok());
		let weak = DeviceKey::Ed25519([0; 32]);
		let impossible = [(0, vec![key(1)]), (2, vec![key(1)]), (1, vec![key(1); 2]), (1, vec![weak])];
		for (number, (threshold, keys)) in impossible.into_iter().enumerate() {
			let file = dir.path().join(number.to_string());
			example(threshold, keys.clone()).write(&file).unwrap();
			assert!(matches!(KeySetFile::read(&file), Err(Error::UnsoundKeySet { .. })));
			assert!(matches!(key_set(threshold, keys), Err(Error::ImpossibleKeySet { .. })));
		}
		let many: Vec<_> = (0..17).map(key).collect();
		assert!(matches!(key_set(1, many.clone()), Err(Error::TooManyKeys(17))));
		let file = dir.path().join("many");
		example(1, many).write(&file).unwrap();
		assert!(matches!(KeySetFile::read(&file), Err(Error::UnsoundKeySet { .. })));
	}
}
