use super::{hex, named};
use codec::Encode;
use serde_json::{json, Value};
use waybill_primitives::{Digest, Suite};

pub fn vectors() -> Value {
	let keys = [[0; 32], [0xff; 32], named("lock/0"), named("lock/1")];
	let payload = b"firmware";
	let sha256 = sp_crypto_hashing::sha2_256(payload);
	let digest = Digest { suite: Suite::Plain, bytes: sha256 };
	json!([{
		"suite": "Plain",
		"suite_scale": hex(Suite::Plain.encode()),
		"locks": keys.map(|key| json!({ "key": hex(key), "lock": hex(Suite::Plain.lock(&key)) })),
		"digest": { "payload": hex(payload), "sha256": hex(sha256), "bytes": hex(digest.bytes), "scale": hex(digest.encode()) },
	}])
}
