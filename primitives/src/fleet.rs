//! The Merkle tree over a fleet's devices.
//!
//! The tree is that of the `binary-merkle-tree` crate with BLAKE2b-256: inner nodes hash 64 bytes, a node without a sibling moves up
//! unchanged. A leaf hashes `SCALE("waybill/leaf/1", index, key)`, which is never 64 bytes long, so that no inner node can be
//! passed off as a device. The place of a leaf is part of it: a proof holds for one index and one key alone.

use crate::{DeviceIndex, DeviceKey, Hash32};
use alloc::vec::Vec;
use codec::Encode;
use hash_db::Hasher;

const LEAF_DOMAIN: &str = "waybill/leaf/1";

/// The longest proof: the tree's depth for 2^32 devices.
pub const MAX_PROOF_LEN: u32 = 32;

/// BLAKE2b-256 for use where no host function is at hand.
#[derive(Debug)]
pub struct Blake2b256;

impl Hasher for Blake2b256 {
	type Out = Hash32;
	type StdHasher = NoStdHasher;
	const LENGTH: usize = 32;

	fn hash(bytes: &[u8]) -> Hash32 {
		sp_crypto_hashing::blake2_256(bytes)
	}
}

/// Takes the first 8 bytes of what is already a hash.
#[derive(Default, Debug)]
pub struct NoStdHasher(u64);

impl core::hash::Hasher for NoStdHasher {
	fn finish(&self) -> u64 {
		self.0
	}

	fn write(&mut self, bytes: &[u8]) {
		if let Some(Ok(first)) = bytes.get(..8).map(<[u8; 8]>::try_from) {
			self.0 = u64::from_le_bytes(first);
		}
	}
}

/// The bytes whose hash is the leaf of the device `key` at `index`.
pub fn leaf(index: DeviceIndex, key: &DeviceKey) -> Vec<u8> {
	(LEAF_DOMAIN, index, key).encode()
}

/// Whether `key` is the device at `index` of the fleet with this `root` and `count`.
///
/// `H` must hash with BLAKE2b-256; the runtime passes its host function.
pub fn verify<H>(root: &H::Out, count: u32, index: DeviceIndex, key: &DeviceKey, proof: &[H::Out]) -> bool
where
	H: Hasher,
	H::Out: PartialEq + AsRef<[u8]>,
{
	if index >= count || proof.len() != proof_len(index, count) {
		return false;
	}
	let leaf = leaf(index, key);
	binary_merkle_tree::verify_proof::<H, _, _>(root, proof.iter().copied(), count, index, &leaf)
}

/// The number of hashes that prove the leaf at `index` among `count` leaves.
pub fn proof_len(index: DeviceIndex, count: u32) -> usize {
	let (mut place, mut width, mut len) = (index, count, 0);
	while width > 1 {
		// The last node of an odd level has no sibling.
		if place ^ 1 < width {
			len += 1;
		}
		place >>= 1;
		width = width.div_ceil(2);
	}
	len
}

/// All levels of a fleet's tree, for who proves many devices.
#[derive(Clone, Debug)]
pub struct FleetTree {
	levels: Vec<Vec<Hash32>>,
}

impl FleetTree {
	/// Builds the tree over `keys`, in the order of their indices.
	pub fn new(keys: &[DeviceKey]) -> Self {
		let leaves = (0u32..).zip(keys).map(|(index, key)| Blake2b256::hash(&leaf(index, key)));
		let mut level: Vec<Hash32> = leaves.collect();
		let mut levels = Vec::new();
		while level.len() > 1 {
			let above = level
				.chunks(2)
				.map(|pair| match pair {
					[left, right] => Blake2b256::hash(&[*left, *right].concat()),
					[single] => *single,
					_ => Hash32::default(),
				})
				.collect();
			levels.push(core::mem::replace(&mut level, above));
		}
		levels.push(level);
		Self { levels }
	}

	/// The root; all zero for a fleet without devices.
	pub fn root(&self) -> Hash32 {
		self.levels.last().and_then(|level| level.first()).copied().unwrap_or_default()
	}

	/// The proof of the device at `index`, if there is one.
	pub fn proof(&self, index: DeviceIndex) -> Option<Vec<Hash32>> {
		let mut place = usize::try_from(index).ok()?;
		self.levels.first()?.get(place)?;
		let mut proof = Vec::new();
		for level in &self.levels {
			proof.extend((level.len() > 1).then(|| level.get(place ^ 1)).flatten());
			place >>= 1;
		}
		Some(proof)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn keys(count: u32) -> Vec<DeviceKey> {
		(0..count).map(|i| DeviceKey::Ed25519(Blake2b256::hash(&i.to_le_bytes()))).collect()
	}

	#[test]
	fn tree_should_agree_with_binary_merkle_tree() {
		for count in (1..70).chain([127, 128, 129, 1000]) {
			let keys = keys(count);
			let tree = FleetTree::new(&keys);
			let leaves: Vec<_> = (0u32..).zip(&keys).map(|(i, key)| leaf(i, key)).collect();
			assert_eq!(tree.root(), binary_merkle_tree::merkle_root::<Blake2b256, _>(leaves));
			for (index, key) in (0u32..).zip(&keys) {
				let proof = tree.proof(index).unwrap();
				assert_eq!(proof.len(), proof_len(index, count));
				assert!(verify::<Blake2b256>(&tree.root(), count, index, key, &proof));
			}
			assert_eq!(tree.proof(count), None);
		}
	}

	#[test]
	fn proof_should_hold_for_one_device_alone() {
		let keys = keys(25);
		let tree = FleetTree::new(&keys);
		let (root, proof) = (tree.root(), tree.proof(7).unwrap());
		let check =
			|root, count, index, key: &DeviceKey, proof: &[Hash32]| verify::<Blake2b256>(root, count, index, key, proof);
		assert!(check(&root, 25, 7, &keys[7], &proof));
		assert!(!check(&root, 25, 6, &keys[7], &proof));
		assert!(!check(&root, 25, 7, &keys[6], &proof));
		assert!(!check(&root, 25, 25, &keys[7], &proof));
		assert!(!check(&root, 25, 7, &keys[7], &proof[1..]));
		assert!(!check(&root, 25, 7, &keys[7], &[&proof[..], &[root]].concat()));
		assert!(!check(&[0; 32], 25, 7, &keys[7], &proof));
		assert!(!check(&root, 0, 0, &keys[0], &[]));
	}

	#[test]
	fn root_as_leaf_with_an_empty_proof_should_be_refused() {
		let keys = keys(2);
		let root = FleetTree::new(&keys).root();
		assert!(!verify::<Blake2b256>(&root, 1, 0, &DeviceKey::Ed25519(root), &[]));
		assert!(!verify::<Blake2b256>(&root, 2, 0, &DeviceKey::Ed25519(root), &[]));
	}

	#[test]
	fn leaves_should_never_be_as_long_as_inner_nodes() {
		assert_ne!(leaf(0, &DeviceKey::Ed25519([0; 32])).len(), 64);
	}

	#[test]
	fn empty_and_single_fleets_should_have_roots() {
		assert_eq!(FleetTree::new(&[]).root(), [0; 32]);
		let one = keys(1);
		assert_eq!(FleetTree::new(&one).root(), Blake2b256::hash(&leaf(0, &one[0])));
		assert_eq!(FleetTree::new(&one).proof(0), Some(Vec::new()));
	}

	proptest::proptest! {
		#[test]
		fn proof_length_should_be_bounded(index: u32, count: u32) {
			proptest::prop_assert!(proof_len(index, count) <= MAX_PROOF_LEN as usize);
		}
	}
}
