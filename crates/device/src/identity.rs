//! Who a device is and whom it trusts: its key file and `device.toml`, both made in the factory.
//!
//! The device itself updates the vendor's key set in `device.toml` as it follows the vendor's keys.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;
use waybill_chain::types::{AccountId, Hash};
use waybill_daemon::disk::{self, failed};
use waybill_keys::StatementKey;
use waybill_primitives::{DeviceIndex, FleetId, KeySet, ModelId, ReleaseKey, Version};

const KEY_FILE: &str = "device.key";
const IDENTITY_FILE: &str = "device.toml";
/// The second copy of the identity. The device writes its identity when it follows the vendor's
/// keys, so a damaged one must not end it.
const COPY_FILE: &str = "device.toml.copy";

/// What a device is and whom it trusts. Fields that a newer version of this program has written are
/// ignored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Identity {
	/// The hash of the chain's first block.
	pub genesis: Hash,
	/// The vendor's account.
	pub vendor: AccountId,
	/// The model.
	pub model: ModelId,
	/// The device's place in the fleet that it was made in. Distributors may serve it in other
	/// fleets, too: each offer proves its place.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub place: Option<Place>,
	/// What was installed in the factory. The device never installs anything older.
	#[serde(default)]
	pub factory: Factory,
	/// The keys that sign the vendor's releases.
	pub key_set: StoredKeySet,
}

/// A place in a fleet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Place {
	/// The fleet.
	pub fleet: FleetId,
	/// The device's index in it.
	pub index: DeviceIndex,
}

/// The firmware that a device left the factory with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Factory {
	/// Its version.
	pub version: Version,
	/// Its security version.
	pub security_version: u32,
}

/// The vendor's key set that a device trusts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoredKeySet {
	/// Its version.
	pub version: u32,
	/// How many different keys must sign.
	pub threshold: u8,
	/// The keys.
	pub keys: Vec<ReleaseKey>,
}

impl StoredKeySet {
	/// The set of this version, as the chain has it.
	pub fn new(version: u32, set: &KeySet) -> Self {
		Self { version, threshold: set.threshold, keys: set.keys.to_vec() }
	}

	/// Whether both have the same keys and threshold.
	pub fn is_same(&self, other: &Self) -> bool {
		let has_all = |set: &Self, of: &Self| of.keys.iter().all(|key| set.keys.contains(key));
		self.threshold == other.threshold && has_all(self, other) && has_all(other, self)
	}

	/// The set without its version.
	pub fn key_set(&self) -> Result<KeySet> {
		let keys = self.keys.clone().try_into().ok();
		let set = keys.map(|keys| KeySet { threshold: self.threshold, keys }).filter(KeySet::is_valid);
		set.ok_or(Error::NoKeySet)
	}
}

impl Identity {
	/// Whether `next` may replace this identity.
	///
	/// # Errors
	/// It has another chain, vendor or model, an older key set, or an older factory firmware.
	pub fn may_become(&self, next: &Self) -> Result<()> {
		let same = self.genesis == next.genesis && self.vendor == next.vendor && self.model == next.model;
		let order = |factory: Factory| (factory.security_version, factory.version);
		match () {
			() if !same => {
				Err(Error::OtherDevice("the device belongs to another chain, vendor or model; provision a new one"))
			},
			// The same keys under a lower version: a node lied about the version before.
			() if next.key_set.version < self.key_set.version && !self.key_set.is_same(&next.key_set) => {
				Err(Error::OtherDevice("the device trusts a newer key set"))
			},
			() if order(next.factory) < order(self.factory) => {
				Err(Error::OtherDevice("the device left the factory with a newer firmware"))
			},
			() => Ok(()),
		}
	}

	/// Reads the identity from the state folder.
	pub fn load(state: &Path) -> Result<Self> {
		Self::find(state)?.ok_or_else(|| Error::NotBound(state.into()))
	}

	/// Reads the identity from the state folder; `None` if the device is not bound. If the file is
	/// damaged, this reads its second copy.
	pub fn find(state: &Path) -> Result<Option<Self>> {
		let damaged = match Self::read(&state.join(IDENTITY_FILE)) {
			Err(error @ Error::Damaged { .. }) => error,
			read => return read,
		};
		match Self::read(&state.join(COPY_FILE)) {
			Ok(Some(copy)) => {
				tracing::error!(error = %damaged, "using the second copy, {COPY_FILE}");
				Ok(Some(copy))
			},
			_ => Err(damaged),
		}
	}

	fn read(path: &Path) -> Result<Option<Self>> {
		let Some(bytes) = disk::read(path).map_err(failed("read", path))? else { return Ok(None) };
		let text = String::from_utf8(bytes).map_err(|error| error.to_string());
		let identity = text.and_then(|text| toml::from_str(&text).map_err(|error| error.to_string()));
		identity.map(Some).map_err(|cause| Error::Damaged { path: path.into(), cause })
	}

	/// Writes the identity to the state folder, twice.
	pub fn save(&self, state: &Path) -> Result<()> {
		let file = state.join(IDENTITY_FILE);
		let text = toml::to_string(self).map_err(|error| Error::Damaged { path: file.clone(), cause: error.to_string() })?;
		for path in [file, state.join(COPY_FILE)] {
			disk::write(&path, text.as_bytes()).map_err(failed("write", &path))?;
		}
		Ok(())
	}
}

/// Makes a device's state folder with a new key.
pub fn provision(state: &Path) -> Result<StatementKey> {
	disk::folder(state).map_err(failed("make the folder", state))?;
	Ok(StatementKey::generate(&state.join(KEY_FILE))?)
}

/// The key in a device's state folder.
pub fn key(state: &Path) -> Result<StatementKey> {
	Ok(StatementKey::from_file(&state.join(KEY_FILE))?)
}

#[cfg(test)]
mod tests {
	use super::*;

	fn identity(key: ReleaseKey) -> Identity {
		Identity {
			genesis: Hash([0xab; 32]),
			vendor: AccountId([7; 32]),
			model: 1,
			place: Some(Place { fleet: 2, index: 3 }),
			factory: Factory { version: Version::new(1, 2, 3), security_version: 4 },
			key_set: StoredKeySet { version: 1, threshold: 1, keys: vec![key] },
		}
	}

	#[test]
	fn identity_should_round_trip_through_its_file() {
		let folder = tempfile::tempdir().unwrap();
		assert_eq!(Identity::find(folder.path()).unwrap(), None);
		assert!(matches!(Identity::load(folder.path()).unwrap_err(), Error::NotBound(_)));
		let identity = identity(ReleaseKey::Ed25519([9; 32]));
		identity.save(folder.path()).unwrap();
		assert_eq!(Identity::load(folder.path()).unwrap(), identity);
	}

	#[test]
	fn hashes_should_be_read_without_0x_too() {
		let folder = tempfile::tempdir().unwrap();
		let identity = identity(ReleaseKey::Ed25519([9; 32]));
		identity.save(folder.path()).unwrap();
		let file = folder.path().join(IDENTITY_FILE);
		let text = std::fs::read_to_string(&file).unwrap();
		assert!(text.contains("\"0xabab"));
		std::fs::write(&file, text.replace("\"0xabab", "\"abab")).unwrap();
		assert_eq!(Identity::load(folder.path()).unwrap(), identity);
	}

	#[test]
	fn damaged_identity_should_be_read_from_its_copy_and_be_refused_without_one() {
		let folder = tempfile::tempdir().unwrap();
		let identity = identity(ReleaseKey::Ed25519([9; 32]));
		for text in ["", "genesis = 1", "[", "\u{0}"] {
			identity.save(folder.path()).unwrap();
			std::fs::write(folder.path().join(IDENTITY_FILE), text).unwrap();
			assert_eq!(Identity::load(folder.path()).unwrap(), identity);
			std::fs::write(folder.path().join(COPY_FILE), text).unwrap();
			let error = Identity::load(folder.path()).unwrap_err();
			assert!(matches!(&error, Error::Damaged { path, .. } if path.ends_with(IDENTITY_FILE)), "{text}");
		}
	}

	#[test]
	fn identity_of_a_newer_version_should_be_read() {
		let folder = tempfile::tempdir().unwrap();
		let identity = identity(ReleaseKey::Ed25519([9; 32]));
		identity.save(folder.path()).unwrap();
		let file = folder.path().join(IDENTITY_FILE);
		let text = format!("invented = 7\n{}", std::fs::read_to_string(&file).unwrap());
		std::fs::write(&file, text).unwrap();
		assert_eq!(Identity::load(folder.path()).unwrap(), identity);
	}

	#[test]
	fn provisioning_should_make_one_key_and_never_another() {
		let folder = tempfile::tempdir().unwrap();
		let state = folder.path().join("devices/000");
		let made = provision(&state).unwrap().public();
		assert_eq!(key(&state).unwrap().public(), made);
		assert!(provision(&state).unwrap_err().is_local());
		assert_eq!(key(&state).unwrap().public(), made);
	}

	#[test]
	fn key_sets_that_cannot_sign_should_be_refused() {
		let folder = tempfile::tempdir().unwrap();
		let key = provision(folder.path()).unwrap().public();
		assert!(identity(key).key_set.key_set().is_ok());
		assert!(identity(ReleaseKey::Ed25519([0; 32])).key_set.key_set().is_err());
		assert!(StoredKeySet { version: 1, threshold: 2, keys: vec![key] }.key_set().is_err());
	}
}
