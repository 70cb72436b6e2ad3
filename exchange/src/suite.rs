//! What each suite of algorithms does, in one place.
//!
//! A suite with a proof brings its own arms here: another cipher, another lock hash (in
//! [`Suite::lock`]), another way to combine mask and key, and the evidence it takes.

use crate::{Evidence, Secret};
use chacha20::{
	cipher::{KeyIvInit, StreamCipher},
	ChaCha20,
};
use codec::Encode;
use sha2::{Digest, Sha256};
use waybill_primitives::{Hash32, Suite};

const COMMITMENT_DOMAIN: &str = "waybill/key-commitment/1";

/// What the exchange asks of a suite, beyond its lock hash and digest in [`Suite`].
pub trait Algorithms {
	/// The length of the ciphertext of a payload of `size` bytes; `None` if the suite cannot encrypt that much.
	fn ciphertext_size(self, size: u64) -> Option<u64>;

	/// The commitment `C_K` to a content key.
	fn commitment(self, nonce: &Hash32, key: &Secret) -> Hash32;

	/// The mask `m` with which a lock key `r` gives the content key `K`.
	fn mask(self, content_key: &Secret, lock_key: &Secret) -> Secret;

	/// The content key `K` of mask `m` and lock key `r`.
	fn combine(self, mask: &Secret, lock_key: &Secret) -> Secret;

	/// Whether the suite takes this kind of evidence.
	fn accepts(self, evidence: &Evidence) -> bool;
}

/// ChaCha20 (RFC 8439) has a block counter of 32 bits.
const PLAIN_LIMIT: u64 = 64 << 32;

impl Algorithms for Suite {
	fn ciphertext_size(self, size: u64) -> Option<u64> {
		match self {
			Self::Plain => (size < PLAIN_LIMIT).then_some(size),
			Self::Zkcp => None,
		}
	}

	fn commitment(self, nonce: &Hash32, key: &Secret) -> Hash32 {
		match self {
			Self::Plain | Self::Zkcp => {
				let mut hasher = Sha256::new();
				hasher.update((COMMITMENT_DOMAIN, nonce).encode());
				hasher.update(key.expose());
				hasher.finalize().into()
			},
		}
	}

	fn mask(self, content_key: &Secret, lock_key: &Secret) -> Secret {
		match self {
			Self::Plain | Self::Zkcp => content_key.xor(lock_key),
		}
	}

	fn combine(self, mask: &Secret, lock_key: &Secret) -> Secret {
		match self {
			Self::Plain | Self::Zkcp => mask.xor(lock_key),
		}
	}

	fn accepts(self, evidence: &Evidence) -> bool {
		match (self, evidence) {
			(Self::Plain, Evidence::Unproven) => true,
			(Self::Zkcp, Evidence::Unproven) => false,
		}
	}
}

/// The state of a suite's cipher.
pub(crate) enum Cipher {
	/// Encrypts and decrypts alike.
	Plain(ChaCha20),
}

impl Cipher {
	/// Starts at the first byte; `None` if the suite has no cipher here. Of the nonce, ChaCha20 takes the first 12 bytes; its counter
	/// starts at 0.
	pub(crate) fn new(suite: Suite, key: &Secret, nonce: &Hash32) -> Option<Self> {
		match suite {
			Suite::Plain => {
				let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = *nonce;
				Some(Self::Plain(ChaCha20::new(key.expose().into(), &[a, b, c, d, e, f, g, h, i, j, k, l].into())))
			},
			Suite::Zkcp => None,
		}
	}

	/// Works on the next bytes in place; `false` when the key stream is used up.
	#[must_use]
	pub(crate) fn apply(&mut self, bytes: &mut [u8]) -> bool {
		match self {
			Self::Plain(cipher) => cipher.try_apply_keystream(bytes).is_ok(),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use hex_literal::hex;

	#[test]
	fn plain_should_be_chacha20_of_rfc_8439_when_the_counter_is_0() {
		// RFC 8439, appendix A.1, test vector 1.
		let mut bytes = [0; 64];
		assert!(Cipher::new(Suite::Plain, &Secret::new([0; 32]), &[0; 32]).unwrap().apply(&mut bytes));
		assert_eq!(
			bytes,
			hex!(
				"76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
				"da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
			)
		);
	}

	#[test]
	fn mask_and_lock_key_should_give_the_content_key() {
		let (key, lock_key) = (Secret::new([1; 32]), Secret::new([2; 32]));
		let mask = Suite::Plain.mask(&key, &lock_key);
		assert_eq!(Suite::Plain.combine(&mask, &lock_key), key);
		assert_ne!(Suite::Plain.combine(&mask, &Secret::new([3; 32])), key);
	}

	#[test]
	fn payloads_beyond_the_counter_should_be_refused() {
		assert_eq!(Suite::Plain.ciphertext_size(PLAIN_LIMIT - 1), Some(PLAIN_LIMIT - 1));
		assert_eq!(Suite::Plain.ciphertext_size(PLAIN_LIMIT), None);
	}

	#[test]
	fn commitment_should_bind_nonce_and_key() {
		let commit = |nonce, key| Suite::Plain.commitment(&[nonce; 32], &Secret::new([key; 32]));
		assert_eq!(commit(1, 1), commit(1, 1));
		assert_ne!(commit(1, 1), commit(2, 1));
		assert_ne!(commit(1, 1), commit(1, 2));
	}
}
