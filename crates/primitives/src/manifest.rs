//! A fleet's manifest: the keys of all its devices, in the order of their indices, as IPFS holds
//! it.
//!
//! The bytes are the SCALE encoding of `Vec<DeviceKey>`. Trust a manifest only after its Merkle
//! root was compared with the fleet's.

use crate::{fleet::FleetTree, DeviceIndex, DeviceKey, Hash32};
use alloc::{collections::BTreeMap, vec::Vec};
use codec::{Compact, DecodeAll, Encode};

/// The length of a device's key in a manifest.
const KEY_LEN: u64 = 33;

/// Why a list of keys is not a fleet's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ManifestError {
	/// The bytes are not a list of keys.
	#[error("the fleet's manifest is damaged")]
	Malformed,
	/// There are more or fewer keys than the fleet has devices.
	#[error("the fleet's manifest has {found} keys, expected {expected}")]
	Count {
		/// How many there are.
		found: usize,
		/// How many there must be.
		expected: u32,
	},
	/// The root over the keys is not the fleet's.
	#[error("the fleet's manifest lists other devices than the registered fleet")]
	Root,
	/// Anybody could sign for a key.
	#[error("key {0} of the fleet (counted from 0) is weak: anybody could sign for it; replace it")]
	Weak(usize),
	/// Two devices have one key.
	#[error("key {0} of the fleet (counted from 0) is a repetition; list each device once")]
	Duplicate(usize),
}

/// The devices of a fleet, with the tree that proves their places.
#[derive(Clone, Debug)]
pub struct Manifest {
	keys: Vec<DeviceKey>,
	places: BTreeMap<DeviceKey, DeviceIndex>,
	tree: FleetTree,
}

impl Manifest {
	/// The manifest over these keys, for a new fleet. No key may be weak or repeated.
	pub fn new(keys: Vec<DeviceKey>) -> Result<Self, ManifestError> {
		if let Some(place) = keys.iter().position(DeviceKey::is_weak) {
			return Err(ManifestError::Weak(place));
		}
		let manifest = Self::over(keys);
		let stands_first = |(place, key)| manifest.places.get(key) == Some(&place);
		match (0..).zip(&manifest.keys).find(|pair| !stands_first(*pair)) {
			Some((place, _)) => Err(ManifestError::Duplicate(place as usize)),
			None => Ok(manifest),
		}
	}

	fn over(keys: Vec<DeviceKey>) -> Self {
		let mut places = BTreeMap::new();
		for (place, key) in (0..).zip(&keys) {
			places.entry(*key).or_insert(place);
		}
		let tree = FleetTree::new(&keys);
		Self { keys, places, tree }
	}

	/// Reads the manifest of the fleet with this root and number of devices. It does not look for
	/// weak or repeated keys: the vendor answers for these.
	pub fn decode(bytes: &[u8], root: &Hash32, count: u32) -> Result<Self, ManifestError> {
		let keys = Vec::<DeviceKey>::decode_all(&mut &*bytes).map_err(|_| ManifestError::Malformed)?;
		if u32::try_from(keys.len()) != Ok(count) {
			return Err(ManifestError::Count { found: keys.len(), expected: count });
		}
		let manifest = Self::over(keys);
		match manifest.root() == *root {
			true => Ok(manifest),
			false => Err(ManifestError::Root),
		}
	}

	/// The bytes to put into IPFS.
	pub fn encode(&self) -> Vec<u8> {
		self.keys.encode()
	}

	/// The length in bytes of a manifest of `count` keys.
	pub fn size(count: u32) -> u64 {
		Compact(count).encoded_size() as u64 + KEY_LEN * u64::from(count)
	}

	/// The Merkle root.
	pub fn root(&self) -> Hash32 {
		self.tree.root()
	}

	/// The number of devices.
	pub fn count(&self) -> u32 {
		u32::try_from(self.keys.len()).unwrap_or(u32::MAX)
	}

	/// The nodes at `height` above the devices, from left to right.
	pub fn cap(&self, height: u32) -> &[Hash32] {
		self.tree.cap(height)
	}

	/// The place of a key.
	pub fn index(&self, key: &DeviceKey) -> Option<DeviceIndex> {
		self.places.get(key).copied()
	}

	/// The proof that a device is at its place.
	pub fn proof(&self, index: DeviceIndex) -> Option<Vec<Hash32>> {
		self.tree.proof(index)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use ed25519_dalek::SigningKey;

	fn keys(count: u8) -> Vec<DeviceKey> {
		let key = |seed| DeviceKey::Ed25519(SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes());
		(0..count).map(key).collect()
	}

	#[test]
	fn manifest_should_round_trip() {
		for count in [1, 25, 63, 64, 100] {
			let manifest = Manifest::new(keys(count)).unwrap();
			let bytes = manifest.encode();
			assert_eq!(bytes.len() as u64, Manifest::size(count.into()));
			let read = Manifest::decode(&bytes, &manifest.root(), count.into()).unwrap();
			assert_eq!(read.count(), u32::from(count));
			assert_eq!(read.index(&keys(count)[count as usize - 1]), Some(u32::from(count) - 1));
			assert_eq!(read.proof(0), manifest.proof(0));
			assert_eq!(read.proof(count.into()), None);
		}
	}

	#[test]
	fn another_fleet_should_be_refused() {
		let manifest = Manifest::new(keys(5)).unwrap();
		let (bytes, root) = (manifest.encode(), manifest.root());
		let refusal = |bytes: &[u8], root, count| Manifest::decode(bytes, root, count).err();
		assert_eq!(refusal(&bytes, &[1; 32], 5), Some(ManifestError::Root));
		assert_eq!(refusal(&bytes, &root, 6), Some(ManifestError::Count { found: 5, expected: 6 }));
		assert_eq!(refusal(&bytes[1..], &root, 5), Some(ManifestError::Malformed));
		assert_eq!(refusal(&[&bytes[..], &[0]].concat(), &root, 5), Some(ManifestError::Malformed));
		assert_eq!(refusal(&[], &root, 5), Some(ManifestError::Malformed));
	}

	#[test]
	fn weak_and_repeated_keys_should_be_refused_in_a_new_fleet() {
		let mut list = keys(3);
		list.push(list[1]);
		assert_eq!(Manifest::new(list.clone()).err(), Some(ManifestError::Duplicate(3)));
		list[2] = DeviceKey::Ed25519([0; 32]);
		assert_eq!(Manifest::new(list).err(), Some(ManifestError::Weak(2)));
	}
}
