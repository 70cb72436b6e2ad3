use super::{hex, named};
use codec::Encode;
use serde_json::{json, Value};
use waybill_primitives::{Cid, Codec, Multihash};

pub fn vectors() -> Value {
	let blocks: [&[u8]; 3] = [b"", b"hello", &[0x5a; 1000]];
	let mut valid = Vec::new();
	for block in blocks {
		for codec in [Codec::Raw, Codec::DagPb] {
			for hash in [
				Multihash::Sha2_256(sp_crypto_hashing::sha2_256(block)),
				Multihash::Blake2b256(sp_crypto_hashing::blake2_256(block)),
			] {
				let cid = Cid { codec, hash };
				valid.push(json!({
					"block": hex(block),
					"codec": match codec { Codec::Raw => "raw", Codec::DagPb => "dag-pb" },
					"hash": match hash { Multihash::Sha2_256(_) => "sha2-256", Multihash::Blake2b256(_) => "blake2b-256" },
					"digest": hex(hash.digest()),
					"text": cid.to_string(),
					"binary": hex(cid.to_bytes()),
					"scale": hex(cid.encode()),
				}));
			}
		}
	}
	json!({ "valid": valid, "invalid_text": invalid_text(), "invalid_binary": invalid_binary() })
}

fn invalid_text() -> Value {
	json!([
		{ "text": "", "error": "Malformed", "why": "empty" },
		{ "text": "hello", "error": "Malformed", "why": "no CID" },
		{ "text": "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n", "error": "UnsupportedVersion", "why": "CIDv0" },
		{
			"text": "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua",
			"error": "UnsupportedCodec",
			"why": "dag-cbor",
		},
	])
}

fn invalid_binary() -> Value {
	let digest = named("digest");
	let good = Cid { codec: Codec::Raw, hash: Multihash::Sha2_256(digest) }.to_bytes();
	let case =
		|bytes: &[&[u8]], error: &str, why: &str| json!({ "binary": hex(bytes.concat()), "error": error, "why": why });
	json!([
		case(&[], "Malformed", "empty"),
		case(&[&good[..35]], "Malformed", "one byte short"),
		case(&[&good, &[0]], "TrailingBytes", "one byte more"),
		case(&[&[0x01, 0x71, 0x12, 0x20], &digest], "UnsupportedCodec", "dag-cbor"),
		case(&[&[0x01, 0x55, 0x1e, 0x20], &digest], "UnsupportedHash", "blake3"),
		case(&[&[0x01, 0x55, 0x00, 0x05], b"hello"], "UnsupportedHash", "the identity hash"),
		case(&[&[0x01, 0x55, 0x12, 0x14], &digest[..20]], "UnsupportedHash", "a truncated digest"),
		case(&[&[0x81, 0x00], &good[1..]], "Malformed", "the version in two bytes"),
	])
}
