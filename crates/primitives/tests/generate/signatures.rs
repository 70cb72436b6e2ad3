use super::{genesis, hex, named, public, sign};
use serde_json::{json, Value};
use waybill_primitives::{Digest, ReceiptStatement, Statement, Suite, Verdict, VoteStatement};

pub fn receipt() -> ReceiptStatement<[u8; 32]> {
	ReceiptStatement {
		bounty: 7,
		device_index: 3,
		digest: Digest { suite: Suite::Plain, bytes: named("payload") },
		lock: named("lock/0"),
		distributor: named("distributor"),
		valid_until: 1000,
	}
}

pub fn vectors() -> Value {
	let bytes = receipt().signing_bytes(&genesis());
	let good = sign("alpha", &bytes);
	let case = |key: [u8; 32], signature: [u8; 64], valid: bool, why: &str| json!({ "public": hex(key), "signing_bytes": hex(&bytes), "signature": hex(signature), "valid": valid, "why": why });
	let flipped = |at: usize| {
		let mut signature = good;
		signature[at] ^= 1;
		signature
	};
	let other = |statement: ReceiptStatement<[u8; 32]>, genesis: [u8; 32]| sign("alpha", &statement.signing_bytes(&genesis));
	let vote = VoteStatement { release: 7, round: 3, verdict: Verdict::Available };
	let mut identity = [0; 64];
	identity[0] = 1;
	let mut one = [0; 32];
	one[0] = 1;
	json!([
		case(public("alpha"), good, true, "the device's signature"),
		case(public("beta"), good, false, "another key"),
		case(public("alpha"), flipped(0), false, "one bit of R"),
		case(public("alpha"), flipped(63), false, "one bit of S"),
		case(public("alpha"), malleable(good), false, "S + L: the same signature in another form"),
		case(one, identity, false, "a weak key, under which R = 1, S = 0 fits every message"),
		case(public("alpha"), [0; 64], false, "all zero"),
		case(public("alpha"), other(receipt(), named("other genesis")), false, "signed for another chain"),
		case(
			public("alpha"),
			other(ReceiptStatement { bounty: 8, ..receipt() }, genesis()),
			false,
			"signed for another bounty"
		),
		case(
			public("alpha"),
			other(ReceiptStatement { device_index: 4, ..receipt() }, genesis()),
			false,
			"signed for another place in the fleet"
		),
		case(
			public("alpha"),
			other(ReceiptStatement { distributor: named("other distributor"), ..receipt() }, genesis()),
			false,
			"signed for another distributor"
		),
		case(public("alpha"), sign("alpha", &vote.signing_bytes(&genesis())), false, "signed as another kind of statement"),
	])
}

/// Adds the group's order to S.
fn malleable(signature: [u8; 64]) -> [u8; 64] {
	const ORDER: [u8; 32] = [
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	];
	let mut result = signature;
	let mut carry = 0;
	for (byte, order) in result[32..].iter_mut().zip(ORDER) {
		let sum = u16::from(*byte) + u16::from(order) + carry;
		*byte = sum.to_le_bytes()[0];
		carry = sum >> 8;
	}
	result
}
