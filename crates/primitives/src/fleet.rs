//! The Merkle tree over a fleet's devices.
//!
//! The tree is that of the `binary-merkle-tree` crate with BLAKE2b-256. Inner nodes hash 64 bytes;
//! a node without a sibling moves up unchanged. A leaf hashes
//! `SCALE("waybill/leaf/1", index, key)`. That is never 64 bytes long, so no inner node passes for
//! a device. The index is part of the leaf, so a proof holds for one index and one key only.
//!
//! A *cap* is one whole level of the tree, from left to right. The smallest cap is the root itself.
//! The chain stores a fleet's cap, and one [multiproof] up to that level proves a batch of devices.
//! A multiproof holds each hash that the verifier cannot compute itself, once.

use crate::{DeviceIndex, DeviceKey, Hash32};
use alloc::vec::Vec;
use codec::Encode;
use hash_db::Hasher;

const LEAF_DOMAIN: &str = "waybill/leaf/1";

/// The longest proof: the tree's depth for 2^32 devices.
pub const MAX_PROOF_LEN: u32 = 32;

/// The most nodes of a cap.
pub const MAX_CAP_NODES: u32 = 4096;

/// The nodes of one page of a stored cap.
pub const CAP_PAGE_NODES: u32 = 256;

/// The lowest level that can be a [usual](usual_cap_height) cap: one node of 256 bits for 256
/// devices is one bit of state for each device.
const USUAL_CAP_HEIGHT: u32 = 8;

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

/// A hasher for values that are already hashes: it takes their first 8 bytes.
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

/// The number of nodes at `height` above `count` leaves. Levels above the root also have one node.
pub fn level_width(count: u32, height: u32) -> u32 {
	count.div_ceil(1u32.checked_shl(height).unwrap_or(u32::MAX)).max(u32::from(count > 0))
}

/// The height of the root above `count` leaves.
pub fn depth(count: u32) -> u32 {
	count.max(1).checked_next_power_of_two().map_or(MAX_PROOF_LEN, u32::trailing_zeros)
}

/// The height of the level with `nodes` nodes above `count` leaves, if there is one. No two levels
/// are equally wide.
pub fn cap_height(count: u32, nodes: u32) -> Option<u32> {
	(0..=depth(count)).find(|height| nodes > 0 && level_width(count, *height) == nodes)
}

/// The height of the usual cap of a fleet of `count` devices: one node for 256 devices, or for more
/// if that would be more than [`MAX_CAP_NODES`] nodes.
pub fn usual_cap_height(count: u32) -> u32 {
	let fits = |height: &u32| level_width(count, *height) <= MAX_CAP_NODES;
	let highest = depth(count);
	(USUAL_CAP_HEIGHT.min(highest)..=highest).find(fits).unwrap_or(highest)
}

/// The root above a cap; `None` for an empty cap.
pub fn root_of_cap<H: Hasher<Out: AsRef<[u8]>>>(cap: &[H::Out]) -> Option<H::Out> {
	let mut level = cap.to_vec();
	while level.len() > 1 {
		level = level_above::<H>(&level);
	}
	level.pop()
}

fn level_above<H: Hasher<Out: AsRef<[u8]>>>(level: &[H::Out]) -> Vec<H::Out> {
	let parent = |pair: &[H::Out]| match pair {
		[left, right] => Some(inner::<H>(left, right)),
		[single] => Some(*single),
		_ => None,
	};
	level.chunks(2).filter_map(parent).collect()
}

fn inner<H: Hasher<Out: AsRef<[u8]>>>(left: &H::Out, right: &H::Out) -> H::Out {
	H::hash(&[left.as_ref(), right.as_ref()].concat())
}

/// A multiproof cannot belong to these devices: it has more or fewer hashes than they need, or
/// their indices do not rise or are not in the fleet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MalformedProof;

/// For each of `members`, whether its key is the device at its index of the fleet with `count`
/// devices and the given cap.
///
/// The members' indices must rise and be below `count`. `proof` is the [multiproof] for exactly
/// these indices, up to the cap at `height`. `cap` returns the cap's node at a place.
///
/// Members under the same node of the cap are right or wrong together: one wrong key spoils the
/// others. Members under other nodes do not depend on them.
///
/// `H` must hash with BLAKE2b-256; the runtime passes its host function.
///
/// # Errors
/// [`MalformedProof`].
pub fn verify_members<H>(
	count: u32,
	height: u32,
	members: &[(DeviceIndex, DeviceKey)],
	proof: &[H::Out],
	mut cap: impl FnMut(u32) -> Option<H::Out>,
) -> Result<Vec<bool>, MalformedProof>
where
	H: Hasher,
	H::Out: PartialEq + AsRef<[u8]>,
{
	let rise = members.is_sorted_by(|(one, _), (next, _)| one < next);
	if !rise || members.last().is_some_and(|(index, _)| *index >= count) {
		return Err(MalformedProof);
	}
	let node_above = |index: &DeviceIndex| index.checked_shr(height).unwrap_or_default();
	let mut hashes = proof.iter().copied();
	let mut verdicts = Vec::with_capacity(members.len());
	for group in members.chunk_by(|(one, _), (next, _)| node_above(one) == node_above(next)) {
		let mut level: Vec<_> = group.iter().map(|(index, key)| (*index, H::hash(&leaf(*index, key)))).collect();
		for below in 0..height {
			level = climb::<H>(level, level_width(count, below), &mut hashes).ok_or(MalformedProof)?;
		}
		let member = level.first().is_some_and(|(place, node)| cap(*place) == Some(*node));
		verdicts.extend(group.iter().map(|_| member));
	}
	hashes.next().is_none().then_some(verdicts).ok_or(MalformedProof)
}

/// The parents of nodes at rising places on a level of `width` nodes. Siblings that are not among
/// them come from `hashes`, from left to right. `None` if `hashes` ends too early.
fn climb<H: Hasher<Out: AsRef<[u8]>>>(
	level: Vec<(u32, H::Out)>,
	width: u32,
	hashes: &mut impl Iterator<Item = H::Out>,
) -> Option<Vec<(u32, H::Out)>> {
	let mut nodes = level.into_iter().peekable();
	let mut above = Vec::new();
	while let Some((place, node)) = nodes.next() {
		let right = nodes.next_if(|(next, _)| place & 1 == 0 && *next == place | 1);
		let parent = match right {
			Some((_, right)) => inner::<H>(&node, &right),
			None if place ^ 1 >= width => node,
			None if place & 1 == 0 => inner::<H>(&node, &hashes.next()?),
			None => inner::<H>(&hashes.next()?, &node),
		};
		above.push((place >> 1, parent));
	}
	Some(above)
}

/// Combines the proofs of several devices, each up to the root, into one proof up to the cap at
/// `height`. `None` if the indices do not rise or are not below `count`, or if a proof does not
/// have the length for its place.
///
/// The hashes are ordered by the nodes of the cap that have devices below them, from left to right.
/// Under one node they are ordered by level, from the leaves up, and on a level from left to right.
/// Siblings that are themselves above one of the devices are left out.
pub fn multiproof(count: u32, height: u32, proofs: &[(DeviceIndex, Vec<Hash32>)]) -> Option<Vec<Hash32>> {
	let fits = |(index, proof): &(DeviceIndex, Vec<Hash32>)| *index < count && proof.len() == proof_len(*index, count);
	if !proofs.is_sorted_by(|(one, _), (next, _)| one < next) || !proofs.iter().all(fits) {
		return None;
	}
	let node_above = |index: &DeviceIndex| index.checked_shr(height).unwrap_or_default();
	let mut merged = Vec::new();
	for group in proofs.chunk_by(|(one, _), (next, _)| node_above(one) == node_above(next)) {
		// Each entry is a place on the level with devices below it. Devices at one place have the
		// same siblings further up.
		let mut ways: Vec<_> = group.iter().map(|(index, proof)| (*index, proof.iter())).collect();
		for level in 0..height {
			let width = level_width(count, level);
			let places: Vec<_> = ways.iter().map(|(place, _)| *place).collect();
			for (place, siblings) in &mut ways {
				let sibling = (*place ^ 1 < width).then(|| siblings.next()).flatten();
				merged.extend(sibling.filter(|_| places.binary_search(&(*place ^ 1)).is_err()));
				*place >>= 1;
			}
			ways.dedup_by_key(|(place, _)| *place);
		}
	}
	Some(merged)
}

/// All levels of a fleet's tree, for proving many devices.
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
			let above = level_above::<Blake2b256>(&level);
			levels.push(core::mem::replace(&mut level, above));
		}
		levels.push(level);
		Self { levels }
	}

	/// The root; all zero for a fleet without devices.
	pub fn root(&self) -> Hash32 {
		self.levels.last().and_then(|level| level.first()).copied().unwrap_or_default()
	}

	/// The cap at `height`. For every height above the root's, it is the root.
	pub fn cap(&self, height: u32) -> &[Hash32] {
		let place = usize::try_from(height).unwrap_or(usize::MAX).min(self.levels.len().saturating_sub(1));
		self.levels.get(place).map_or(&[], Vec::as_slice)
	}

	/// The [multiproof] of the devices at `indices` up to the cap at `height`. `None` if one is not
	/// in the fleet, or if the indices do not rise.
	pub fn multiproof(&self, height: u32, indices: &[DeviceIndex]) -> Option<Vec<Hash32>> {
		let count = self.levels.first().and_then(|leaves| u32::try_from(leaves.len()).ok())?;
		let proofs: Option<Vec<_>> = indices.iter().map(|index| Some((*index, self.proof(*index)?))).collect();
		multiproof(count, height, &proofs?)
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
	fn levels_should_be_those_of_the_tree() {
		for count in (1..70).chain([127, 128, 129, 1000]) {
			let tree = FleetTree::new(&keys(count));
			let heights = 0..=depth(count);
			assert_eq!(tree.cap(depth(count)), [tree.root()]);
			for height in heights {
				let cap = tree.cap(height);
				assert_eq!(level_width(count, height) as usize, cap.len(), "{count} {height}");
				assert_eq!(cap_height(count, cap.len() as u32), Some(height));
				assert_eq!(root_of_cap::<Blake2b256>(cap), Some(tree.root()));
			}
		}
		assert_eq!((depth(0), depth(1), depth(2), depth(3), depth(u32::MAX)), (0, 0, 1, 2, 32));
		assert_eq!((level_width(0, 0), level_width(1, 32), level_width(u32::MAX, 32), level_width(5, 1)), (0, 1, 1, 3));
		assert_eq!((cap_height(5, 0), cap_height(5, 4), cap_height(5, 6), cap_height(0, 0)), (None, None, None, None));
		assert_eq!(root_of_cap::<Blake2b256>(&[]), None);
	}

	#[test]
	fn usual_caps_should_be_bounded() {
		let nodes = |count| level_width(count, usual_cap_height(count));
		assert_eq!((nodes(1), nodes(25), nodes(256), nodes(257), nodes(10_000)), (1, 1, 1, 2, 40));
		assert_eq!((nodes(1_000_000), usual_cap_height(1_000_000)), (3907, 8));
		assert_eq!((nodes(u32::MAX), usual_cap_height(u32::MAX)), (4096, 20));
	}

	#[test]
	fn multiproof_of_one_device_up_to_the_root_should_be_its_proof() {
		for count in [1, 2, 3, 25, 100] {
			let tree = FleetTree::new(&keys(count));
			for index in 0..count {
				assert_eq!(tree.multiproof(depth(count), &[index]), tree.proof(index));
			}
			assert_eq!(tree.multiproof(0, &[count]), None);
		}
		let tree = FleetTree::new(&keys(25));
		assert_eq!(tree.multiproof(1, &[3, 3]), None);
		assert_eq!(tree.multiproof(1, &[4, 3]), None);
	}

	/// The verdicts on devices that claim these keys.
	fn verdicts(
		tree: &FleetTree,
		count: u32,
		height: u32,
		members: &[(DeviceIndex, DeviceKey)],
		proof: &[Hash32],
	) -> Result<Vec<bool>, MalformedProof> {
		let cap = tree.cap(height);
		verify_members::<Blake2b256>(count, height, members, proof, |place| cap.get(place as usize).copied())
	}

	#[test]
	fn wrong_member_should_spoil_those_under_its_node_alone() {
		let keys = keys(25);
		let tree = FleetTree::new(&keys);
		let mut members: Vec<_> = [0, 3, 4, 5, 20, 24].map(|index| (index, keys[index as usize])).to_vec();
		let proof = tree.multiproof(2, &[0, 3, 4, 5, 20, 24]).unwrap();
		assert_eq!(verdicts(&tree, 25, 2, &members, &proof), Ok(vec![true; 6]));
		members[2].1 = keys[9];
		assert_eq!(verdicts(&tree, 25, 2, &members, &proof), Ok(vec![true, true, false, false, true, true]));
	}

	#[test]
	fn malformed_multiproofs_should_be_refused() {
		let keys = keys(25);
		let tree = FleetTree::new(&keys);
		let at = |indices: &[u32]| indices.iter().map(|index| (*index, keys[*index as usize % 25])).collect::<Vec<_>>();
		let proof = tree.multiproof(2, &[0, 7]).unwrap();
		assert_eq!(verdicts(&tree, 25, 2, &at(&[0, 7]), &proof), Ok(vec![true; 2]));
		assert_eq!(verdicts(&tree, 25, 2, &at(&[0, 7]), &proof[1..]), Err(MalformedProof));
		assert_eq!(verdicts(&tree, 25, 2, &at(&[0, 7]), &[&proof[..], &proof[..1]].concat()), Err(MalformedProof));
		assert_eq!(verdicts(&tree, 25, 2, &at(&[7, 0]), &proof), Err(MalformedProof));
		assert_eq!(verdicts(&tree, 25, 2, &at(&[7, 7]), &proof), Err(MalformedProof));
		assert_eq!(verdicts(&tree, 25, 2, &at(&[0, 25]), &proof), Err(MalformedProof));
		assert_eq!(verdicts(&tree, 25, 2, &[], &[]), Ok(vec![]));
		// An inner node of the tree is not a device: its bytes as a key hash to another leaf.
		let inner = [(0, DeviceKey::Ed25519(tree.cap(1)[0]))];
		assert_eq!(verdicts(&tree, 25, 2, &inner, &tree.multiproof(2, &[0]).unwrap()), Ok(vec![false]));
	}

	proptest::proptest! {
		#[test]
		fn multiproof_should_prove_its_devices_and_no_others(
			count in 1u32..200,
			height in 0u32..9,
			chosen in proptest::collection::btree_set(0u32..200, 0..40),
			wrong: proptest::sample::Index,
		) {
			let keys = keys(count);
			let tree = FleetTree::new(&keys);
			let height = height.min(depth(count));
			let indices: Vec<_> = chosen.into_iter().filter(|index| *index < count).collect();
			let mut members: Vec<_> = indices.iter().map(|index| (*index, keys[*index as usize])).collect();
			let proof = tree.multiproof(height, &indices).unwrap();
			proptest::prop_assert_eq!(verdicts(&tree, count, height, &members, &proof), Ok(vec![true; members.len()]));
			if !members.is_empty() {
				let place = wrong.index(members.len());
				members[place].1 = DeviceKey::Ed25519([1; 32]);
				let spoilt = members[place].0 >> height;
				let expected = members.iter().map(|(index, _)| index >> height != spoilt).collect();
				proptest::prop_assert_eq!(verdicts(&tree, count, height, &members, &proof), Ok(expected));
			}
		}
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
