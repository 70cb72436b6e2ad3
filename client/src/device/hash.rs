//! Hashes in files: `0x` and hex digits.

use serde::{de::Error, Deserialize, Deserializer, Serializer};
use waybill_primitives::Hash32;

/// Writes a hash.
pub fn serialize<S: Serializer>(hash: &Hash32, serializer: S) -> Result<S::Ok, S::Error> {
	serializer.collect_str(&format_args!("0x{}", hex::encode(hash)))
}

/// Reads a hash.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash32, D::Error> {
	let text = String::deserialize(deserializer)?;
	let mut hash = Hash32::default();
	let digits = text.strip_prefix("0x").unwrap_or(&text);
	hex::decode_to_slice(digits, &mut hash).map_err(|_| D::Error::custom("not 0x and 64 hex digits"))?;
	Ok(hash)
}
