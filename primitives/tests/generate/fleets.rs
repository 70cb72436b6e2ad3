use super::{hex, public};
use hash_db::Hasher;
use serde_json::{json, Value};
use waybill_primitives::{
	fleet::{leaf, Blake2b256, FleetTree},
	DeviceKey,
};

pub fn vectors() -> Value {
	let valid = [1, 2, 3, 5, 8, 25].map(valid);
	json!({ "valid": valid, "invalid": invalid() })
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
				"proof": proof.iter().map(hex).collect::<Vec<_>>(),
			})
		})
		.collect();
	json!({ "count": count, "root": hex(tree.root()), "devices": devices })
}

fn invalid() -> Value {
	let keys = devices(5);
	let tree = FleetTree::new(&keys);
	let root = tree.root();
	let proof = tree.proof(1).expect("the device is in the fleet");
	let case = |count: u32, index: u32, key: DeviceKey, proof: &[[u8; 32]], why: &str| {
		json!({
			"count": count, "root": hex(root), "index": index, "key": key.to_string(),
			"proof": proof.iter().map(hex).collect::<Vec<_>>(), "why": why,
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
