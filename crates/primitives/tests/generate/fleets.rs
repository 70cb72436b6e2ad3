use super::{hex, public};
use hash_db::Hasher;
use serde_json::{json, Value};
use waybill_primitives::{
	fleet::{depth, leaf, verify_members, Blake2b256, FleetTree},
	DeviceKey, Hash32,
};

/// Lower than the usual height, so that caps of small fleets have several nodes.
const CAP_HEIGHT: u32 = 2;

pub fn vectors() -> Value {
	let valid = [1, 2, 3, 5, 8, 25].map(valid);
	json!({ "valid": valid, "invalid": invalid() })
}

fn hashes(hashes: &[Hash32]) -> Vec<String> {
	hashes.iter().map(hex).collect()
}

fn devices(count: u32) -> Vec<DeviceKey> {
	(0..count).map(|index| DeviceKey::Ed25519(public(&format!("device/{index}")))).collect()
}

fn valid(count: u32) -> Value {
	let keys = devices(count);
	let tree = FleetTree::new(&keys);
	let devices: Vec<_> = (0u32..)
		.zip(&keys)
		.map(|(index, key)| {
			let proof = tree.proof(index).expect("the device is in the fleet");
			json!({
				"index": index,
				"key": key.to_string(),
				"leaf": hex(leaf(index, key)),
				"leaf_hash": hex(Blake2b256::hash(&leaf(index, key))),
				"proof": hashes(&proof),
			})
		})
		.collect();
	let height = CAP_HEIGHT.min(depth(count));
	json!({
		"count": count,
		"root": hex(tree.root()),
		"cap_height": height,
		"cap": hashes(tree.cap(height)),
		"devices": devices,
		"multiproofs": multiproofs(&tree, &keys, height),
	})
}

/// Proofs of several devices, with their verdicts.
fn multiproofs(tree: &FleetTree, keys: &[DeviceKey], height: u32) -> Value {
	let count = u32::try_from(keys.len()).expect("the fleets are small");
	let key = |index: u32| usize::try_from(index).ok().and_then(|place| keys.get(place)).copied();
	let case = |height: u32, members: &[(u32, DeviceKey)], proof: &[Hash32], why: &str| {
		let cap = tree.cap(height);
		let node = |place: u32| usize::try_from(place).ok().and_then(|place| cap.get(place)).copied();
		json!({
			"height": height,
			"indices": members.iter().map(|(index, _)| index).collect::<Vec<_>>(),
			"keys": members.iter().map(|(_, key)| key.to_string()).collect::<Vec<_>>(),
			"proof": hashes(proof),
			"verdicts": verify_members::<Blake2b256>(count, height, members, proof, node).ok(),
			"why": why,
		})
	};
	let proof = |height, indices: &[u32]| tree.multiproof(height, indices).expect("the devices are in the fleet");
	let members = |indices: &[u32]| -> Vec<_> { indices.iter().filter_map(|index| Some((*index, key(*index)?))).collect() };
	let all: Vec<u32> = (0..count).collect();
	let some: Vec<u32> = all.iter().copied().filter(|index| index % 5 == 0 || index % 7 == 1).collect();

	let mut cases = vec![
		case(height, &[], &[], "no device"),
		case(height, &members(&all), &proof(height, &all), "all devices"),
		case(depth(count), &members(&some), &proof(depth(count), &some), "up to the root"),
		case(0, &members(&some), &[], "the cap is the leaves"),
	];
	for index in [0, count - 1] {
		cases.push(case(height, &members(&[index]), &proof(height, &[index]), "one device"));
	}
	if let [.., left, right] = some[..] {
		let (pair, fits) = (members(&[left, right]), proof(height, &[left, right]));
		let mut wrong = members(&some);
		wrong[0].1 = DeviceKey::Ed25519(public("nobody"));
		let swapped: Vec<_> = pair.iter().rev().copied().collect();
		cases.extend([
			case(height, &members(&some), &proof(height, &some), "some devices"),
			case(height, &wrong, &proof(height, &some), "a wrong key spoils those under its node of the cap"),
			case(height, &pair, &[&fits[..], &[tree.root()]].concat(), "a hash too many"),
			case(height, &swapped, &fits, "indices that fall"),
			case(height, &[pair[0], pair[0]], &fits, "an index twice"),
			case(height, &[pair[0], (count, pair[1].1)], &fits, "beyond the fleet"),
		]);
		if let [_, short @ ..] = &fits[..] {
			cases.push(case(height, &pair, short, "a hash too few"));
		}
	}
	json!(cases)
}

fn invalid() -> Value {
	let keys = devices(5);
	let tree = FleetTree::new(&keys);
	let root = tree.root();
	let proof = tree.proof(1).expect("the device is in the fleet");
	let case = |count: u32, index: u32, key: DeviceKey, proof: &[[u8; 32]], why: &str| {
		json!({
			"count": count, "root": hex(root), "index": index, "key": key.to_string(),
			"proof": hashes(proof), "why": why,
		})
	};
	let longer = [&proof[..], &[root]].concat();
	json!([
		case(5, 2, keys[1], &proof, "another device's place"),
		case(5, 1, keys[2], &proof, "another device's key"),
		case(5, 5, keys[1], &proof, "beyond the fleet"),
		case(4, 1, keys[1], &proof, "another number of devices"),
		case(0, 0, keys[0], &[], "an empty fleet"),
		case(5, 1, keys[1], &proof[1..], "a proof that is too short"),
		case(5, 1, keys[1], &longer, "a proof that is too long"),
		case(5, 1, keys[1], &[], "no proof"),
		case(1, 0, DeviceKey::Ed25519(root), &[], "the root as a device"),
		case(5, 0, DeviceKey::Ed25519([0; 32]), &tree.proof(0).expect("the device is in the fleet"), "the zero key"),
	])
}
