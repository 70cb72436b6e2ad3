//! Checks devices' signatures.

use sp_core::ed25519;
use waybill_primitives::{DeviceKey, DeviceSignature};

/// The order of Ed25519's base point, little endian.
const ORDER: [u8; 32] = [
	0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Whether the signature's scalar `s` is reduced (RFC 8032, 5.1.7). Only one form of a signature
/// is.
fn is_canonical(signature: &[u8; 64]) -> bool {
	let scalar = signature.iter().skip(32);
	scalar.rev().lt(ORDER.iter().rev())
}

/// Whether `signature` over `message` is by `key`. A weak key is refused.
pub(crate) fn verify(key: &DeviceKey, message: &[u8], signature: &DeviceSignature) -> bool {
	match (key, signature) {
		(DeviceKey::Ed25519(key), DeviceSignature::Ed25519(signature)) => {
			is_canonical(signature)
				&& sp_io::crypto::ed25519_verify(
					&ed25519::Signature::from_raw(*signature),
					message,
					&ed25519::Public::from_raw(*key),
				)
		},
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use sp_core::Pair;

	#[test]
	fn scalar_should_be_below_the_order() {
		let with_scalar = |scalar: [u8; 32]| {
			let mut signature = [0xff; 64];
			signature[32..].copy_from_slice(&scalar);
			is_canonical(&signature)
		};
		let mut below = ORDER;
		below[0] -= 1;
		let mut above = ORDER;
		above[0] += 1;
		assert!(with_scalar([0; 32]) && with_scalar(below));
		assert!(!with_scalar(ORDER) && !with_scalar(above) && !with_scalar([0xff; 32]));
	}

	#[test]
	fn signature_should_hold_in_one_form_alone() {
		let pair = ed25519::Pair::from_seed(&[7; 32]);
		let key = DeviceKey::Ed25519(pair.public().0);
		let signature = pair.sign(b"message").0;
		assert!(verify(&key, b"message", &DeviceSignature::Ed25519(signature)));
		assert!(!verify(&key, b"massage", &DeviceSignature::Ed25519(signature)));

		// The scalar plus the order: the same point equation in another encoding.
		let mut malleated = signature;
		let mut carry = 0u16;
		for (byte, order) in malleated[32..].iter_mut().zip(ORDER) {
			carry += u16::from(*byte) + u16::from(order);
			*byte = carry as u8;
			carry >>= 8;
		}
		assert!(!verify(&key, b"message", &DeviceSignature::Ed25519(malleated)));
	}
}
