//! Proofs of membership: single proofs, multiproofs up to a cap, and anything that claims to be
//! one.

use codec::{Decode, DecodeAll};
use std::{collections::BTreeSet, sync::LazyLock};
use waybill_primitives::{
	fleet::{
		cap_height, depth, level_width, multiproof, proof_len, root_of_cap, usual_cap_height, verify, verify_members,
		Blake2b256, FleetTree, MalformedProof, MAX_CAP_NODES, MAX_PROOF_LEN,
	},
	DeviceKey, Hash32,
};

/// The sizes of fleets whose trees are complete, odd at some level, or a single node.
const COUNTS: [u16; 12] = [1, 2, 3, 5, 8, 25, 64, 100, 129, 257, 600, 1023];

struct Fleet {
	keys: Vec<DeviceKey>,
	tree: FleetTree,
}

static FLEETS: LazyLock<Vec<Fleet>> = LazyLock::new(|| {
	let key = |index: u16| DeviceKey::Ed25519(sha256(&index.to_le_bytes()));
	let fleet = |count: u16| {
		let keys: Vec<_> = (0..count).map(key).collect();
		Fleet { tree: FleetTree::new(&keys), keys }
	};
	COUNTS.into_iter().map(fleet).collect()
});

fn sha256(bytes: &[u8]) -> Hash32 {
	use sha2::Digest;
	sha2::Sha256::digest(bytes).into()
}

/// Some devices of a fleet, and the alterations before they are verified.
#[derive(Decode, Debug)]
struct Batch {
	fleet: u8,
	height: u8,
	indices: Vec<u16>,
	/// Whether the indices are sorted and repeats removed.
	ordered: bool,
	/// The places of members that claim another device's key.
	impostors: Vec<u8>,
	alterations: Vec<Alteration>,
}

#[derive(Decode, Debug)]
enum Alteration {
	Flip { at: u16, bit: u8 },
	Remove { at: u16 },
	Insert { at: u16, hash: Hash32 },
	Swap { one: u16, other: u16 },
}

/// A proof that is made up.
#[derive(Decode, Debug)]
struct Claim {
	count: u32,
	height: u8,
	members: Vec<(u32, DeviceKey)>,
	proof: Vec<Hash32>,
	cap: Vec<Hash32>,
}

/// Reads the bytes as a batch of a real fleet, and as a claim about any fleet.
pub fn run(data: &[u8]) {
	if let Some((kind, rest)) = data.split_first() {
		match kind % 2 {
			0 => Batch::decode(&mut &*rest).map(batch).unwrap_or_default(),
			_ => Claim::decode_all(&mut &*rest).map(claim).unwrap_or_default(),
		}
	}
}

/// Checks that an honest multiproof proves its devices. An altered one must prove nobody outside
/// the fleet, and not all of its devices.
fn batch(mut batch: Batch) {
	let Fleet { keys, tree } = &FLEETS[usize::from(batch.fleet) % FLEETS.len()];
	let count = keys.len() as u32;
	let height = u32::from(batch.height) % (depth(count) + 1);
	batch.indices.truncate(64);
	if batch.ordered {
		batch.indices =
			batch.indices.iter().map(|index| index % keys.len() as u16).collect::<BTreeSet<_>>().into_iter().collect();
	}
	let indices: Vec<u32> = batch.indices.iter().copied().map(u32::from).collect();

	let singles: Option<Vec<_>> = indices.iter().map(|index| Some((*index, tree.proof(*index)?))).collect();
	let honest = tree.multiproof(height, &indices);
	assert_eq!(honest, singles.as_ref().and_then(|singles| multiproof(count, height, singles)));
	let rise = indices.windows(2).all(|pair| pair[0] < pair[1]);
	assert_eq!(honest.is_some(), rise && singles.is_some());
	let (Some(honest), Some(singles)) = (honest, singles) else {
		let members: Vec<_> = indices.iter().map(|index| (*index, keys[0])).collect();
		return assert_eq!(verdicts(tree, count, height, &members, &[]), Err(MalformedProof));
	};
	for (index, proof) in &singles {
		assert!(verify::<Blake2b256>(&tree.root(), count, *index, &keys[*index as usize], proof));
	}
	let mut members: Vec<_> = indices.iter().map(|index| (*index, keys[*index as usize])).collect();
	assert_eq!(verdicts(tree, count, height, &members, &honest), Ok(vec![true; members.len()]));

	for place in &batch.impostors {
		let places = members.len();
		if let Some((_, key)) = members.get_mut(usize::from(*place) % places.max(1)) {
			*key = DeviceKey::Ed25519([*place; 32]);
		}
	}
	let mut proof = honest.clone();
	batch.alterations.iter().take(8).for_each(|alteration| alter(&mut proof, alteration));
	let result = verdicts(tree, count, height, &members, &proof);
	assert_eq!(result.is_err(), proof.len() != honest.len());
	for ((index, key), member) in members.iter().zip(result.clone().unwrap_or_default()) {
		assert!(!member || keys[*index as usize] == *key, "an impostor at {index} is a member");
	}
	let untouched = proof == honest && members.iter().all(|(index, key)| keys[*index as usize] == *key);
	assert_eq!(result.is_ok_and(|verdicts| verdicts.iter().all(|member| *member)), untouched);
}

fn alter(proof: &mut Vec<Hash32>, alteration: &Alteration) {
	let len = proof.len();
	let place = |at: &u16| usize::from(*at) % len.max(1);
	match alteration {
		Alteration::Insert { at, hash } => proof.insert(usize::from(*at) % (len + 1), *hash),
		_ if len == 0 => {},
		Alteration::Flip { at, bit } => proof[place(at)][usize::from(bit / 8)] ^= 1 << (bit % 8),
		Alteration::Remove { at } => {
			proof.remove(place(at));
		},
		Alteration::Swap { one, other } => proof.swap(place(one), place(other)),
	}
}

fn verdicts(
	tree: &FleetTree,
	count: u32,
	height: u32,
	members: &[(u32, DeviceKey)],
	proof: &[Hash32],
) -> Result<Vec<bool>, MalformedProof> {
	let cap = tree.cap(height);
	verify_members::<Blake2b256>(count, height, members, proof, |place| cap.get(place as usize).copied())
}

/// Verifies any claim about any fleet. Work must be bounded, nothing may panic, and both ways to
/// verify must agree on a single device.
fn claim(claim: Claim) {
	let Claim { count, height, members, proof, cap } = claim;
	assert!(depth(count) <= MAX_PROOF_LEN);
	assert!(level_width(count, usual_cap_height(count)) <= MAX_CAP_NODES);
	if let Some(height) = cap_height(count, cap.len() as u32) {
		assert_eq!(level_width(count, height) as usize, cap.len());
		assert!(root_of_cap::<Blake2b256>(&cap).is_some());
	}
	for (index, key) in &members {
		assert!(proof_len(*index, count) <= MAX_PROOF_LEN as usize);
		let root = cap.first().copied().unwrap_or_default();
		let alone = verify_members::<Blake2b256>(count, depth(count), &[(*index, *key)], &proof, |_| Some(root));
		assert_eq!(alone == Ok(vec![true]), verify::<Blake2b256>(&root, count, *index, key, &proof));
	}
	// A cap on the chain is a level of the tree.
	let height = u32::from(height) % (depth(count) + 1);
	let verdicts = verify_members::<Blake2b256>(count, height, &members, &proof, |place| cap.get(place as usize).copied());
	assert!(verdicts.is_err() || verdicts.is_ok_and(|verdicts| verdicts.len() == members.len()));
}
