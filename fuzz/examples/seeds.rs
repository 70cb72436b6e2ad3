//! Writes the first inputs of the targets: real messages, states, CIDs, proofs and DAGs, and
//! actions of accounts on a chain.
//!
//! Usage: `cargo run --no-default-features --example seeds -- DIRECTORY`. Each target gets a folder
//! in the directory.

#[path = "../../crates/ipfs/tests/dag/common.rs"]
#[allow(dead_code, reason = "each program uses its part")]
mod dag;
#[path = "../../crates/exchange/tests/common/mod.rs"]
mod exchange;

use codec::Encode;
use exchange::{World, BOUNTY, GENESIS, NOW, NUMBER};
use std::{
	fs,
	path::{Path, PathBuf},
};
use waybill_exchange::{DeviceExchange, Message, Policy, Rejection, RejectionMessage, RevealedKey, Session, Signer};
use waybill_primitives::{Cid, Codec, DeviceKey, HelloStatement, KeySetStatement, Multihash, Version, Yank, YankStatement};

/// The names of files, with their bytes.
type Seeds = Vec<(&'static str, Vec<u8>)>;

fn main() {
	let directory = PathBuf::from(std::env::args().nth(1).expect("usage: seeds DIRECTORY"));
	let targets = [
		("cbor", cbor()),
		("cid", cids()),
		("dag", dags()),
		("fleet_proof", fleet_proofs()),
		("runtime", chains()),
		("statements", statements()),
		("zkcp", zkcp()),
	];
	for (target, seeds) in targets {
		write(&directory.join(target), seeds);
	}
}

fn write(folder: &Path, seeds: Seeds) {
	fs::create_dir_all(folder).expect("the directory can be written");
	for (name, bytes) in seeds {
		fs::write(folder.join(name), bytes).expect("the directory can be written");
	}
}

/// Alterations that the target makes in a proof: the path to a part, and what happens to it.
fn zkcp() -> Seeds {
	let nothing = (None::<u8>, None::<(u8, u8)>);
	let one = |locks: bool, path: &[u16], what: &[u8]| {
		let alteration = [path.to_vec().encode(), what.to_vec()].concat();
		[&[2, u8::from(locks), 4][..], &alteration, &nothing.encode()].concat()
	};
	let statement = |locks: bool, bit: (u8, u8)| (2u8, locks, Vec::<u8>::new(), None::<u8>, Some(bit)).encode();
	vec![
		("data", (2u8, false, Vec::<u8>::new(), nothing).encode()),
		("locks", (2u8, true, Vec::<u8>::new(), nothing).encode()),
		("data-element", one(false, &[2, 0, 3, 3, 1, 0, 5, 0, 9], &[1, 0, 3])),
		("data-no-masks", one(false, &[2, 0, 0, 3], &[7])),
		("data-fewer-queries", one(false, &[2, 0, 3, 3, 1, 0], &[3, 9, 0])),
		("data-two-parts", one(false, &[2], &[6, 0, 0, 0])),
		("data-size", one(false, &[2, 0, 5, 0], &[2, 64, 0, 0, 0, 0, 0, 0, 0])),
		("locks-swapped", one(true, &[0], &[5, 1, 0, 2, 0])),
		("locks-node", one(true, &[1, 3, 3, 2, 1, 1, 7], &[0, 1, 1])),
		("data-nonce", statement(false, (40, 1))),
		("locks-commitment", statement(true, (40, 1))),
		("raw", vec![0, 1, 0, 0]),
		("raw-locks", vec![1, 1, 0, 0]),
	]
}

/// Every message of one exchange, and every state that device and distributor store along the way.
fn cbor() -> Seeds {
	let world = World::new();
	let (mut device, mut server) = (world.device(), world.server(1));
	let mut chain = world.chain.clone();
	let stored = |device: &exchange::Device| device.exchange.to_bytes().to_vec();
	let mut seeds: Seeds = vec![("device-idle", stored(&device)), ("epoch", server.epoch.to_cbor())];
	seeds.push(("invite", server.distributor.invite(NOW, &mut server.rng).to_cbor()));
	let hello = device.hello(&mut server, BOUNTY).expect("a device greets");
	seeds.extend([("hello", hello.to_cbor()), ("device-greeted", stored(&device))]);
	let offer = server.open(&hello, &world, 2).expect("a device is served");
	let session = |server: &mut exchange::Server| server.session().to_bytes().to_vec();
	seeds.extend([("offer", offer.to_cbor()), ("session-offered", session(&mut server))]);
	device.exchange.offer(&offer, &chain.view(), NOW).expect("the offer is good");
	seeds.push(("device-fetching", stored(&device)));
	device.fetch(&server.ciphertext).expect("the ciphertext is the offered one");
	seeds.push(("device-holding", stored(&device)));
	let receipt = device.exchange.sign_receipt(&device.signer, &chain.view(), NOW).expect("it is signed").persisted();
	seeds.extend([("receipt", receipt.to_cbor()), ("device-signed", stored(&device))]);
	let _ = server.session().receipt(&receipt, NUMBER, 5).expect("it is taken").persisted();
	seeds.push(("session-signed", session(&mut server)));
	server.session().reserved(3).expect("it is reserved");
	seeds.push(("session-reserved", session(&mut server)));
	let mut again = Session::restore(&server.session().to_bytes()).expect("it is its own state");
	again.revealed().expect("it is claimed");
	seeds.push(("session-revealed", again.to_bytes().to_vec()));
	let (_, _, key) = server.session().claim_key().expect("it is reserved");
	device.exchange.key(&key).expect("the key fits");
	seeds.push(("device-keyed", stored(&device)));
	device.decrypt(&server).expect("it decrypts");
	seeds.push(("device-ready", stored(&device)));
	seeds.push(("revealed-key", RevealedKey::new(BOUNTY, 2, key).to_cbor()));
	seeds.push(("rejection", RejectionMessage::from(Rejection::EpochFull).to_cbor()));

	// A receipt that lapsed, and whose key may still come.
	let (mut device, mut server) = (world.device(), world.server(2));
	device.until_signed(&world, &mut server);
	chain.advance(200);
	device.exchange.observe(&chain.view(), chain.timestamp_ms).expect("it lapsed");
	seeds.push(("device-lapsed", stored(&device)));
	let restored = DeviceExchange::restore(world.profile(), Policy::default(), device.signer.public(), &stored(&device));
	assert!(restored.is_ok());
	seeds
}

fn cids() -> Seeds {
	let blake2b = Cid { codec: Codec::DagPb, hash: Multihash::Blake2b256([7; 32]) };
	let raw = Cid::raw(b"hello");
	vec![
		("raw", raw.to_bytes()),
		("blake2b", blake2b.to_bytes()),
		("raw-scale", raw.encode()),
		("blake2b-scale", blake2b.encode()),
		("raw-text", raw.to_string().into()),
		("base16-text", format!("f{}", hex::encode(raw.to_bytes())).into()),
		("version-0-text", b"QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n".to_vec()),
	]
}

/// Blocks as kubo makes them, and cases for the target.
fn dags() -> Seeds {
	let mut store = dag::Store::default();
	let leaf = store.file(Some(b"leaf"), &[]);
	let part = store.raw(b"part of a file");
	let root = store.file(None, &[leaf, part]);
	let link = |back: u8| (back, 0i8, None::<Vec<u8>>);
	let raw = |bytes: &[u8]| (0u8, bytes).encode();
	let node = |data: Option<&[u8]>, packed: bool, links: Vec<(u8, i8, Option<Vec<u8>>)>| {
		(2u8, 2u8, data, packed, links, None::<u8>).encode()
	};
	let case = |blocks: &[Vec<u8>]| {
		let count = codec::Compact(blocks.len() as u32);
		[(None::<u64>, 16u8, 64u8, count).encode(), blocks.concat()].concat()
	};
	vec![
		("leaf-block", store.get(leaf.cid).to_vec()),
		("root-block", store.get(root.cid).to_vec()),
		("single", case(&[raw(b"a file")])),
		("two-leaves", case(&[raw(b"one"), raw(b"other"), node(None, false, vec![link(1), link(0)])])),
		("packed", case(&[raw(b"one"), raw(b"other"), node(None, true, vec![link(1), link(0)])])),
		("own-bytes", case(&[raw(b"one"), node(Some(b"first"), false, vec![link(0)])])),
		(
			"shared",
			case(&[
				raw(b"one"),
				node(None, false, vec![link(0), link(0)]),
				node(None, false, vec![link(0), link(0)]),
				node(None, true, vec![link(0), link(0), link(2)]),
			]),
		),
		("wrong-size", case(&[raw(b"one"), node(None, false, vec![(0, 1, None)])])),
		("other-cid", case(&[raw(b"one"), node(None, false, vec![(0, 0, Some(Cid::raw(b"two").to_bytes()))])])),
	]
}

fn fleet_proofs() -> Seeds {
	let batch = |fleet: u8, height: u8, indices: &[u16], impostors: &[u8], alterations: Vec<u8>| {
		[(0u8, fleet, height, indices, true, impostors).encode(), alterations].concat()
	};
	let key = DeviceKey::Ed25519([7; 32]);
	vec![
		("one", batch(0, 0, &[0], &[], vec![0])),
		("root", batch(5, 5, &[3], &[], vec![0])),
		("several", batch(7, 4, &[0, 1, 17, 40, 99], &[], vec![0])),
		("large", batch(11, 8, &[0, 255, 256, 511, 1000, 1022], &[], vec![0])),
		("impostor", batch(9, 3, &[5, 6, 250, 256], &[1], vec![0])),
		("flipped", batch(6, 6, &[5, 60], &[], [vec![4], (0u8, 1u16, 9u8).encode()].concat())),
		("shortened", batch(8, 4, &[5, 60], &[], [vec![4], (1u8, 1u16).encode()].concat())),
		("lengthened", batch(8, 4, &[5, 60], &[], [vec![4], (2u8, 1u16, [9u8; 32]).encode()].concat())),
		("swapped", batch(8, 4, &[5, 60], &[], [vec![4], (3u8, 0u16, 1u16).encode()].concat())),
		("claim", (1u8, 5u32, 1u8, vec![(0u32, key), (4, key)], vec![[1u8; 32]; 2], vec![[2u8; 32]; 3]).encode()),
		("claim-of-one", (1u8, 1u32, 0u8, vec![(0u32, key)], Vec::<[u8; 32]>::new(), vec![[2u8; 32]]).encode()),
	]
}

fn statements() -> Seeds {
	let world = World::new();
	let set = exchange::key_set(2);
	let hello =
		HelloStatement { distributor: [1u8; 32], distributor_nonce: [2; 32], device_nonce: [3; 32], exchange_key: [4; 32] };
	let keys: Vec<DeviceKey> = world.devices.iter().map(Signer::public).collect();
	let next = KeySetStatement { vendor: [7u8; 32], version: 2, key_set: set.clone() };
	let signed = |threshold: u8, signatures: &[(u8, u8, bool)]| (threshold, vec![1u8, 2, 3], 5u64, signatures).encode();
	vec![
		("hello", hello.encode()),
		("release", world.release.encode()),
		("key-set", set.encode()),
		("next-key-set", next.encode()),
		("yank", YankStatement { release: 1, reason: Yank::Vulnerable }.encode()),
		("manifest", keys.encode()),
		("version-text", Version::new(1, 20, 3).to_string().into()),
		("key-text", keys[0].to_string().into()),
		("signed", signed(2, &[(0, 1, false), (2, 3, false)])),
		("signed-too-few", signed(2, &[(0, 1, false)])),
		("signed-twice", signed(2, &[(0, 1, false), (0, 1, false)])),
		("signed-other", signed(2, &[(0, 1, false), (1, 2, true)])),
		("signing-bytes", waybill_primitives::Statement::signing_bytes(&next, &GENESIS)),
	]
}

/// Steps for the `runtime` target, which is not compiled here. A step is a number of blocks, the
/// account, and the action's number and fields.
fn chains() -> Seeds {
	const VENDOR: u8 = 2;
	const DAVE: u8 = 3;
	const EVE: u8 = 4;
	const POOR: u8 = 6;
	let step = |lapse: u8, who: u8, kind: u8, fields: &[u8]| [&[lapse, who, kind], fields].concat();
	let transfer_all = |who, to| step(0, who, 2, &[to]);
	let attest = |lapse, release, attester, verdict| step(lapse, 0, 10, &[release, 0, attester, verdict, 0]);
	let rotate = |lapse, set| step(lapse, EVE, 11, &[VENDOR, set, 0b011, 0b011, 0]);
	let open = |lapse, who, release, fleet| step(lapse, who, 15, &[release, fleet, 10, 40]);
	let reserve = |lapse, who, bounty: u8, devices: u16, replaces: Option<u8>, flaw: u8| {
		step(lapse, who, 17, &(bounty, 0u16, devices, 0u8, replaces, flaw).encode())
	};
	let claim = |lapse, bounty: u8, reservation: u8, slots: u16, wrong: u16| {
		step(lapse, 0, 18, &(bounty, reservation, slots, wrong, false).encode())
	};
	let close = |lapse, bounty| step(lapse, EVE, 19, &[bounty, 1]);
	let flawed = (128..140).map(|flaw| reserve(1, DAVE, 0, 0x0707, None, flaw)).collect::<Vec<_>>();
	vec![
		("delivery", [reserve(1, DAVE, 0, 0xffff, None, 0), claim(2, 0, 0, 0xffff, 0)].concat()),
		(
			"replacement",
			[
				reserve(1, DAVE, 0, 0x00ff, None, 0),
				claim(1, 0, 0, 0x0003, 0x0002),
				reserve(12, EVE, 0, 0x0ff0, Some(0), 0),
				claim(1, 0, 0, 0xffff, 0),
				claim(0, 0, 1, 0xffff, 0x0001),
			]
			.concat(),
		),
		("flaws", flawed.concat()),
		("unclaimed", [reserve(1, DAVE, 0, 0xffff, None, 0), close(255, 0), close(1, 0), close(1, 0)].concat()),
		("poor-payee", [transfer_all(POOR, EVE), reserve(1, POOR, 0, 1, None, 0), step(0, DAVE, 1, &[POOR, 100])].concat()),
		(
			"yank",
			[
				reserve(1, DAVE, 0, 0x000f, None, 0),
				step(1, EVE, 9, &[0, 0b110]),
				reserve(1, EVE, 0, 0x00f0, None, 0),
				claim(0, 0, 0, 0x000f, 0),
				step(1, VENDOR, 8, &[1]),
			]
			.concat(),
		),
		("rotation", [rotate(1, 18), step(6, EVE, 13, &[VENDOR]), step(1, VENDOR, 14, &[0, 0b101]), rotate(1, 11)].concat()),
		("veto", [rotate(1, 18), step(1, VENDOR, 12, &[]), rotate(1, 18), rotate(1, 19)].concat()),
		(
			"next-release",
			[
				step(1, VENDOR, 7, &[0, 9, 2, 0b011]),
				attest(1, 2, 0, 0),
				attest(1, 2, 1, 0),
				open(1, VENDOR, 2, 1),
				step(1, VENDOR, 16, &[1, 20, 5]),
				reserve(1, EVE, 1, 0x00ff, None, 0),
				claim(1, 1, 0, 0x00ff, 0),
			]
			.concat(),
		),
		(
			"other-vendor",
			[
				step(1, EVE, 3, &[9]),
				step(0, EVE, 4, &[]),
				step(0, EVE, 5, &[1, 2, 1, 0]),
				step(1, EVE, 7, &[1, 1, 1, 0b001]),
				attest(1, 2, 0, 0),
				attest(0, 2, 1, 0),
				open(1, EVE, 2, 2),
				reserve(1, DAVE, 1, 0x001f, None, 0),
				claim(1, 1, 0, 0x001f, 0),
				close(1, 1),
				close(1, 1),
				step(1, EVE, 6, &[2]),
			]
			.concat(),
		),
		("unavailable", [attest(1, 1, 0, 1), attest(0, 1, 1, 2), attest(120, 1, 0, 0), attest(0, 1, 1, 0)].concat()),
		(
			"collator",
			[
				step(1, DAVE, 22, &[DAVE]),
				step(0, DAVE, 23, &[]),
				step(9, DAVE, 20, &[12]),
				step(10, DAVE, 21, &[]),
				step(10, DAVE, 24, &[]),
			]
			.concat(),
		),
		// `utility.batch` with two `system.remark` calls, in SCALE.
		("any-call", step(1, EVE, 0, &[30, 0, 8, 0, 0, 4, 1, 0, 0, 4, 2])),
	]
}
