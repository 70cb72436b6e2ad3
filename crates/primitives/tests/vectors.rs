//! The pinned test vectors: that the files are what the generator writes, and that the crate does
//! what the files say.

mod generate;

use codec::{Decode, Encode};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::Value;
use std::{fmt::Debug, str::FromStr};
use waybill_primitives::{
	fleet::{cap_height, leaf, root_of_cap, verify, verify_members, Blake2b256, FleetTree},
	Cid, DeviceKey, HelloStatement, KeySetStatement, ReceiptStatement, ReleaseStatement, Statement, Suite, VoteStatement,
	YankStatement,
};

fn file(name: &str) -> String {
	// Tests run in their package's folder.
	let path = std::path::Path::new("vectors").join(name);
	std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(name: &str) -> Value {
	serde_json::from_str(&file(name)).unwrap()
}

fn list(value: &Value) -> &[Value] {
	value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
	value.as_str().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
	hex::decode(text(value).strip_prefix("0x").unwrap()).unwrap()
}

fn hash(value: &Value) -> [u8; 32] {
	bytes(value).try_into().unwrap()
}

fn number(value: &Value) -> u32 {
	value.as_u64().unwrap().try_into().unwrap()
}

fn parse<T: FromStr<Err: Debug>>(value: &Value) -> T {
	text(value).parse().unwrap()
}

#[test]
fn files_should_be_what_the_generator_writes() {
	for (name, expected) in generate::all() {
		assert_eq!(file(name), expected, "{name} differs: run `cargo run --example vectors -p waybill-primitives`");
	}
}

#[test]
fn cids_should_be_read_and_refused_as_the_vectors_say() {
	let vectors = json("cids.json");
	for vector in list(&vectors["valid"]) {
		let cid: Cid = parse(&vector["text"]);
		assert_eq!(cid.to_string(), text(&vector["text"]));
		assert_eq!(Cid::from_bytes(&bytes(&vector["binary"])), Ok(cid));
		assert_eq!(Cid::decode(&mut &bytes(&vector["scale"])[..]), Ok(cid));
		assert!(cid.matches(&bytes(&vector["block"])));
		assert_eq!(cid.hash.digest()[..], bytes(&vector["digest"]));
	}
	for vector in list(&vectors["invalid_text"]) {
		let error = text(&vector["text"]).parse::<Cid>().unwrap_err();
		assert_eq!(format!("{error:?}"), text(&vector["error"]), "{vector}");
	}
	for vector in list(&vectors["invalid_binary"]) {
		let error = Cid::from_bytes(&bytes(&vector["binary"])).unwrap_err();
		assert_eq!(format!("{error:?}"), text(&vector["error"]), "{vector}");
	}
}

#[test]
fn keys_should_be_read_and_refused_as_the_vectors_say() {
	let vectors = json("keys.json");
	for vector in list(&vectors["valid"]) {
		let key: DeviceKey = parse(&vector["text"]);
		let secret = ed25519_dalek::SigningKey::from_bytes(&hash(&vector["seed"]));
		assert_eq!(key, DeviceKey::Ed25519(secret.verifying_key().to_bytes()));
		assert_eq!(key, DeviceKey::Ed25519(hash(&vector["public"])));
		assert_eq!(key.encode(), bytes(&vector["scale"]));
		assert!(!key.is_weak());
	}
	for vector in list(&vectors["weak"]) {
		assert!(DeviceKey::Ed25519(hash(&vector["public"])).is_weak(), "{vector}");
	}
	for vector in list(&vectors["invalid_text"]) {
		assert!(text(&vector["text"]).parse::<DeviceKey>().is_err(), "{vector}");
	}
}

#[test]
fn fleets_should_prove_their_devices_and_no_others() {
	let vectors = json("fleets.json");
	let proof = |value: &Value| list(value).iter().map(hash).collect::<Vec<_>>();
	for fleet in list(&vectors["valid"]) {
		let (root, count) = (hash(&fleet["root"]), number(&fleet["count"]));
		let devices = list(&fleet["devices"]);
		let keys: Vec<DeviceKey> = devices.iter().map(|device| parse(&device["key"])).collect();
		assert_eq!(FleetTree::new(&keys).root(), root);
		for device in devices {
			let (index, key) = (number(&device["index"]), parse(&device["key"]));
			assert_eq!(leaf(index, &key), bytes(&device["leaf"]));
			assert_eq!(sp_crypto_hashing::blake2_256(&leaf(index, &key)), hash(&device["leaf_hash"]));
			assert!(verify::<Blake2b256>(&root, count, index, &key, &proof(&device["proof"])));
		}
		let (tree, cap) = (FleetTree::new(&keys), proof(&fleet["cap"]));
		assert_eq!(cap_height(count, cap.len() as u32), Some(number(&fleet["cap_height"])));
		assert_eq!(root_of_cap::<Blake2b256>(&cap), Some(root));
		for case in list(&fleet["multiproofs"]) {
			let (height, proof) = (number(&case["height"]), proof(&case["proof"]));
			let members = list(&case["indices"]).iter().map(number).zip(list(&case["keys"]).iter().map(parse));
			let node = |place: u32| tree.cap(height).get(place as usize).copied();
			let verdicts = verify_members::<Blake2b256>(count, height, &members.collect::<Vec<_>>(), &proof, node).ok();
			let expected = case["verdicts"].as_array().map(|all| all.iter().map(|one| one.as_bool().unwrap()).collect());
			assert_eq!(verdicts, expected, "{case}");
		}
	}
	for case in list(&vectors["invalid"]) {
		let (root, count, index) = (hash(&case["root"]), number(&case["count"]), number(&case["index"]));
		assert!(!verify::<Blake2b256>(&root, count, index, &parse(&case["key"]), &proof(&case["proof"])), "{case}");
	}
}

#[test]
fn locks_should_be_the_hashes_of_their_keys() {
	for suite in list(&json("locks.json")) {
		let one = Suite::decode(&mut &bytes(&suite["suite_scale"])[..]).unwrap();
		assert_eq!(format!("{one:?}"), text(&suite["suite"]));
		for lock in list(&suite["locks"]) {
			let expected = (!lock["lock"].is_null()).then(|| hash(&lock["lock"]));
			assert_eq!(one.lock(&hash(&lock["key"])), expected);
		}
		let digest = &suite["digest"];
		assert_eq!(sp_crypto_hashing::sha2_256(&bytes(&digest["payload"])), hash(&digest["sha256"]));
		assert!(one.digest_fits(&hash(&digest["bytes"]), &hash(&digest["sha256"])));
		let scale = waybill_primitives::Digest { suite: one, bytes: hash(&digest["bytes"]) }.encode();
		assert_eq!(scale, bytes(&digest["scale"]));
	}
}

#[test]
fn signatures_should_hold_as_the_vectors_say() {
	for case in list(&json("signatures.json")) {
		let key = DeviceKey::Ed25519(hash(&case["public"]));
		let signature = Signature::from_bytes(&bytes(&case["signature"]).try_into().unwrap());
		let holds = VerifyingKey::from_bytes(&hash(&case["public"]))
			.is_ok_and(|key| key.verify_strict(&bytes(&case["signing_bytes"]), &signature).is_ok());
		assert_eq!(holds && !key.is_weak(), case["valid"].as_bool().unwrap(), "{case}");
	}
}

#[test]
fn statements_should_decode_and_be_signed_as_the_vectors_say() {
	fn check<S: Statement + Decode>(vector: &Value, genesis: &[u8; 32]) {
		let statement = S::decode(&mut &bytes(&vector["scale"])[..]).unwrap();
		assert_eq!(statement.encode(), bytes(&vector["scale"]));
		assert_eq!(statement.signing_bytes(genesis), bytes(&vector["signing_bytes"]));
		assert_eq!(S::DOMAIN, text(&vector["domain"]));
		if let Some(signature) = vector["signature"].as_object() {
			let key = VerifyingKey::from_bytes(&hash(&signature["public"])).unwrap();
			let signature = Signature::from_bytes(&bytes(&signature["signature"]).try_into().unwrap());
			key.verify_strict(&bytes(&vector["signing_bytes"]), &signature).unwrap();
		}
	}
	let vectors = json("statements.json");
	let genesis = hash(&vectors["genesis"]);
	for vector in list(&vectors["statements"]) {
		match text(&vector["name"]) {
			"hello" => check::<HelloStatement<[u8; 32]>>(vector, &genesis),
			"receipt" => check::<ReceiptStatement<[u8; 32]>>(vector, &genesis),
			"release" => check::<ReleaseStatement>(vector, &genesis),
			"key_set" => check::<KeySetStatement<[u8; 32]>>(vector, &genesis),
			"yank" => check::<YankStatement>(vector, &genesis),
			"vote" => check::<VoteStatement>(vector, &genesis),
			other => panic!("no statement is called {other}"),
		}
	}
}
