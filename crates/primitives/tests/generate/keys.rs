use super::{hex, named, public};
use codec::Encode;
use serde_json::{json, Value};
use waybill_primitives::DeviceKey;

pub fn vectors() -> Value {
	let valid = ["alpha", "beta", "gamma"].map(|name| {
		let key = DeviceKey::Ed25519(public(name));
		json!({ "seed": hex(named(name)), "public": hex(public(name)), "text": key.to_string(), "scale": hex(key.encode()) })
	});
	json!({ "valid": valid, "weak": weak(), "invalid_text": invalid_text() })
}

fn weak() -> Value {
	let p_plus = |n: u8| {
		let mut y = [0xff; 32];
		(y[0], y[31]) = (0xed + n, 0x7f);
		y
	};
	let y = |n: u8| {
		let mut y = [0; 32];
		y[0] = n;
		y
	};
	let sign = |mut y: [u8; 32]| {
		y[31] |= 0x80;
		y
	};
	let eight = |text: &str| <[u8; 32]>::try_from(hex::decode(text).expect("digits")).expect("32 bytes");
	let cases = [
		("all zero: y = 0, order 4", y(0)),
		("y = 0 with the sign bit", sign(y(0))),
		("y = 1, the neutral element", y(1)),
		("y = 1 with the sign bit", sign(y(1))),
		("order 8", eight("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")),
		("order 8, the other", eight("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")),
		("y = p - 1, order 2", {
			let mut y = [0xff; 32];
			(y[0], y[31]) = (0xec, 0x7f);
			y
		}),
		("y = p, not canonical", p_plus(0)),
		("y = p + 1, not canonical", p_plus(1)),
		("y = p + 3, not canonical", p_plus(3)),
		("y = p + 18 with the sign bit, not canonical", sign(p_plus(18))),
	];
	cases.map(|(why, bytes)| json!({ "public": hex(bytes), "why": why })).to_vec().into()
}

fn invalid_text() -> Value {
	let digits = hex::encode(public("alpha"));
	json!([
		{ "text": "", "why": "empty" },
		{ "text": digits, "why": "no algorithm" },
		{ "text": format!("ed25519:0x{digits}"), "why": "0x" },
		{ "text": format!("ed25519:{}", digits.to_uppercase()), "why": "upper case" },
		{ "text": format!("ed25519:{}", &digits[2..]), "why": "one byte short" },
		{ "text": format!("ed25519:{digits}00"), "why": "one byte more" },
		{ "text": format!("sr25519:{digits}"), "why": "unknown algorithm" },
	])
}
