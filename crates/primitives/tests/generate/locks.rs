use super::{hex, named};
use codec::Encode;
use serde_json::{json, Value};
use waybill_primitives::{Digest, Hash32, Suite};
use waybill_zkcp::{unwatched, ChunkDigests, Layout};

pub fn vectors() -> Value {
	let payload = b"firmware";
	let sha256 = sp_crypto_hashing::sha2_256(payload);
	let layout = Layout::new(payload.len() as u64).expect("it is short");
	let proven = ChunkDigests::of_payload(&payload[..], layout, &mut unwatched).expect("it is as long as it says").id();
	json!([suite(Suite::Plain, payload, sha256, sha256), suite(Suite::Zkcp, payload, sha256, proven)])
}

fn suite(suite: Suite, payload: &[u8], sha256: Hash32, bytes: Hash32) -> Value {
	// The last number of `beyond` is the order of the field KoalaBear.
	let (mut greatest, mut beyond) = (named("lock/2").map(|byte| byte & 0x3f), named("lock/2").map(|byte| byte & 0x3f));
	greatest[28..].copy_from_slice(&0x7f00_0000_u32.to_le_bytes());
	beyond[28..].copy_from_slice(&0x7f00_0001_u32.to_le_bytes());
	let keys = [[0; 32], [0xff; 32], greatest, beyond, named("lock/0"), named("lock/1")];
	let digest = Digest { suite, bytes };
	json!({
		"suite": format!("{suite:?}"),
		"suite_scale": hex(suite.encode()),
		// The lock is null if the key is not one of the suite.
		"locks": keys.map(|key| json!({ "key": hex(key), "lock": suite.lock(&key).map(hex) })),
		"digest": { "payload": hex(payload), "sha256": hex(sha256), "bytes": hex(digest.bytes), "scale": hex(digest.encode()) },
	})
}
