//! Public keys and signatures of devices and of vendors' release keys.

use alloc::string::String;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::{fmt, str::FromStr};
use scale_info::TypeInfo;

/// A device's public key.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum DeviceKey {
	/// Ed25519 (RFC 8032).
	#[codec(index = 0)]
	Ed25519([u8; 32]),
}

/// A signature by a [`DeviceKey`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum DeviceSignature {
	/// Ed25519 (RFC 8032).
	#[codec(index = 0)]
	Ed25519([u8; 64]),
}

/// A public key that signs a vendor's releases.
pub type ReleaseKey = DeviceKey;
/// A signature by a [`ReleaseKey`].
pub type ReleaseSignature = DeviceSignature;

/// A signature by one key of a vendor's [`KeySet`](crate::KeySet).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct IndexedSignature {
	/// The key's place in the set.
	pub key: u8,
	/// The signature.
	pub signature: ReleaseSignature,
}

/// The y coordinates of the points of small order and their non-canonical encodings, sign bit
/// cleared (as in libsodium's `ge25519_has_small_order`).
const SMALL_ORDER: [[u8; 32]; 7] = [
	little_endian(0, 0, 0),
	little_endian(1, 0, 0),
	[
		0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac,
		0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
	],
	[
		0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53,
		0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
	],
	little_endian(0xec, 0xff, 0x7f),
	little_endian(0xed, 0xff, 0x7f),
	little_endian(0xee, 0xff, 0x7f),
];

const fn little_endian(first: u8, middle: u8, last: u8) -> [u8; 32] {
	let mut bytes = [middle; 32];
	bytes[0] = first;
	bytes[31] = last;
	bytes
}

impl DeviceKey {
	/// Whether anybody could sign for this key: a point of small order, or an encoding that is not
	/// canonical.
	///
	/// Waybill refuses such a key wherever keys come in. A check of a signature by the rules of ZIP
	/// 215 would accept it.
	pub fn is_weak(&self) -> bool {
		match self {
			Self::Ed25519(bytes) => {
				let mut y = *bytes;
				if let Some(last) = y.last_mut() {
					*last &= 0x7f;
				}
				SMALL_ORDER.contains(&y) || !is_canonical(&y)
			},
		}
	}
}

/// Whether a y coordinate (little endian, sign bit cleared) is below `p = 2^255 - 19`.
fn is_canonical(y: &[u8; 32]) -> bool {
	let [first, middle @ .., last] = y;
	*last != 0x7f || *first < 0xed || middle.iter().any(|byte| *byte != 0xff)
}

impl fmt::Display for DeviceKey {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Ed25519(bytes) => write_hex(f, "ed25519:", bytes),
		}
	}
}

impl fmt::Display for DeviceSignature {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Ed25519(bytes) => write_hex(f, "ed25519:", bytes),
		}
	}
}

fn write_hex(f: &mut fmt::Formatter<'_>, prefix: &str, bytes: &[u8]) -> fmt::Result {
	f.write_str(prefix)?;
	bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// The text is not `ed25519:` followed by the key's or the signature's lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyParseError;

impl fmt::Display for KeyParseError {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str("not a key or signature; write `ed25519:` and the hex digits")
	}
}

impl core::error::Error for KeyParseError {}

fn parse_ed25519<const N: usize>(text: &str) -> Result<[u8; N], KeyParseError> {
	let digits = text.strip_prefix("ed25519:").ok_or(KeyParseError)?;
	let canonical = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
	if digits.len() != N.saturating_mul(2) || !digits.bytes().all(canonical) {
		return Err(KeyParseError);
	}
	let mut bytes = [0; N];
	for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
		let pair = core::str::from_utf8(pair).map_err(|_| KeyParseError)?;
		*byte = u8::from_str_radix(pair, 16).map_err(|_| KeyParseError)?;
	}
	Ok(bytes)
}

impl FromStr for DeviceKey {
	type Err = KeyParseError;

	fn from_str(text: &str) -> Result<Self, KeyParseError> {
		parse_ed25519(text).map(Self::Ed25519)
	}
}

impl FromStr for DeviceSignature {
	type Err = KeyParseError;

	fn from_str(text: &str) -> Result<Self, KeyParseError> {
		parse_ed25519(text).map(Self::Ed25519)
	}
}

impl From<DeviceKey> for String {
	fn from(key: DeviceKey) -> Self {
		alloc::format!("{key}")
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use alloc::string::ToString;

	#[test]
	fn text_should_round_trip() {
		let key = DeviceKey::Ed25519([0xab; 32]);
		assert_eq!(key.to_string().parse(), Ok(key));
		let signature = DeviceSignature::Ed25519([0x0c; 64]);
		assert_eq!(signature.to_string().parse(), Ok(signature));
		for text in ["", "ed25519:", "ab", "ed25519:AB", &key.to_string()[1..], &(key.to_string() + "0")] {
			assert_eq!(text.parse::<DeviceKey>(), Err(KeyParseError), "{text}");
		}
		assert_eq!(key.to_string().to_uppercase().parse::<DeviceKey>(), Err(KeyParseError));
	}

	#[test]
	fn weak_keys_should_be_known() {
		assert!(DeviceKey::Ed25519([0; 32]).is_weak());
		for y in SMALL_ORDER {
			for sign in [0, 0x80] {
				let mut bytes = y;
				bytes[31] |= sign;
				assert!(DeviceKey::Ed25519(bytes).is_weak());
				if let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(&bytes) {
					assert!(key.is_weak());
				}
			}
		}
		// p + 3 encodes y = 3 a second time.
		assert!(DeviceKey::Ed25519(little_endian(0xf0, 0xff, 0x7f)).is_weak());
		let real = ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key();
		assert!(!DeviceKey::Ed25519(real.to_bytes()).is_weak());
	}
}
