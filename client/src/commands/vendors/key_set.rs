//! A vendor's next key set as a file: what the keys of both sets sign, and for which chain.

use super::{register::key_set, statement::write_new};
use crate::{
	commands::read_text,
	error::{Error, Kind, OrFail, Result},
};
use serde::{Deserialize, Serialize};
use std::{fmt, path::Path};
use waybill_chain::{AccountId, Hash};
use waybill_primitives::{DeviceKey, Hash32, KeySet, KeySetStatement};

const MAX_FILE: u64 = 16_384;

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

	/// Reads a statement that `keys prepare` wrote.
	pub fn read(file: &Path) -> Result<Self> {
		let text = read_text(file, MAX_FILE)?;
		let statement: Self = serde_json::from_str(&text)
			.or_fail(Kind::File, || format!("{} is not a statement of `waybill vendor keys prepare`", file.display()))?;
		statement.is_sound().map_err(|error| error.context(file.display()))?;
		Ok(statement)
	}

	/// Fails if the set cannot sign anything.
	pub fn is_sound(&self) -> Result<()> {
		key_set(self.threshold, self.release_keys.clone()).map_err(Error::file)?;
		Ok(())
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

	/// The chain it is for.
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
		assert_eq!(example.write(&file).unwrap_err().kind(), Kind::File);
	}

	#[test]
	fn sets_that_cannot_sign_should_be_refused() {
		let dir = tempfile::tempdir().unwrap();
		let sets = [(0, vec![key(1)]), (2, vec![key(1)]), (1, vec![key(1); 2]), (1, (0..17).map(key).collect())];
		for (number, (threshold, keys)) in sets.into_iter().enumerate() {
			let file = dir.path().join(number.to_string());
			example(threshold, keys).write(&file).unwrap();
			assert_eq!(KeySetFile::read(&file).unwrap_err().kind(), Kind::File);
		}
	}
}
