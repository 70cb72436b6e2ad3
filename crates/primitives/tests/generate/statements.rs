use super::{genesis, hex, named, public, sign, signatures};
use serde_json::{json, Value};
use waybill_primitives::{
	Cid, Codec, DeviceKey, Digest, HelloStatement, KeySet, KeySetStatement, Multihash, ReleaseStatement, Statement, Suite,
	Verdict, Version, VoteStatement, Yank, YankStatement,
};

pub fn vectors() -> Value {
	json!({ "genesis": hex(genesis()), "statements": [hello(), receipt(), release(), key_set(), yank(), vote()] })
}

/// `signer` names the seed of the ed25519 key. Attesters sign votes with sr25519, whose signatures
/// are not deterministic.
fn vector<S: Statement>(name: &str, fields: Value, statement: &S, signer: Option<&str>) -> Value {
	let bytes = statement.signing_bytes(&genesis());
	json!({
		"name": name,
		"domain": S::DOMAIN,
		"fields": fields,
		"scale": hex(statement.encode()),
		"signing_bytes": hex(&bytes),
		"signature": signer.map(|signer| json!({
			"seed": hex(named(signer)),
			"public": hex(public(signer)),
			"signature": hex(sign(signer, &bytes)),
		})),
	})
}

fn hello() -> Value {
	let statement = HelloStatement {
		distributor: named("distributor"),
		distributor_nonce: named("nonce/distributor"),
		device_nonce: named("nonce/device"),
		exchange_key: named("exchange key"),
	};
	let fields = json!({
		"distributor": hex(statement.distributor),
		"distributor_nonce": hex(statement.distributor_nonce),
		"device_nonce": hex(statement.device_nonce),
		"exchange_key": hex(statement.exchange_key),
	});
	vector("hello", fields, &statement, Some("alpha"))
}

fn receipt() -> Value {
	let statement = signatures::receipt();
	let fields = json!({
		"bounty": statement.bounty.to_string(),
		"device_index": statement.device_index,
		"digest": { "suite": "Plain", "bytes": hex(statement.digest.bytes) },
		"lock": hex(statement.lock),
		"distributor": hex(statement.distributor),
		"valid_until": statement.valid_until,
	});
	vector("receipt", fields, &statement, Some("alpha"))
}

fn release() -> Value {
	let sha256 = named("payload");
	let payload = Cid { codec: Codec::DagPb, hash: Multihash::Sha2_256(named("root block")) };
	let statement = ReleaseStatement {
		model: 2,
		version: Version::new(1, 20, 3),
		security_version: 4,
		payload,
		size: 5_000_000_000,
		sha256,
		digest: Digest { suite: Suite::Plain, bytes: sha256 },
	};
	let fields = json!({
		"model": statement.model.to_string(),
		"version": statement.version.to_string(),
		"security_version": statement.security_version,
		"payload": payload.to_string(),
		"size": statement.size.to_string(),
		"sha256": hex(sha256),
		"digest": { "suite": "Plain", "bytes": hex(sha256) },
	});
	vector("release", fields, &statement, Some("release key"))
}

fn key_set() -> Value {
	let keys: Vec<_> = ["release key", "beta", "gamma"].map(|name| DeviceKey::Ed25519(public(name))).to_vec();
	let statement = KeySetStatement {
		vendor: named("vendor"),
		version: 2,
		key_set: KeySet { threshold: 2, keys: keys.clone().try_into().expect("three keys") },
	};
	let fields = json!({
		"vendor": hex(statement.vendor),
		"version": statement.version,
		"key_set": { "threshold": 2, "keys": keys.iter().map(ToString::to_string).collect::<Vec<_>>() },
	});
	vector("key_set", fields, &statement, Some("release key"))
}

fn yank() -> Value {
	let statement = YankStatement { release: 9, reason: Yank::Vulnerable };
	vector("yank", json!({ "release": "9", "reason": "Vulnerable" }), &statement, Some("release key"))
}

fn vote() -> Value {
	let statement = VoteStatement { release: 9, round: 5, verdict: Verdict::Mismatch };
	vector("vote", json!({ "release": "9", "round": 5, "verdict": "Mismatch" }), &statement, None)
}
