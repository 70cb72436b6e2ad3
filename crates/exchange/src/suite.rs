//! What each suite of algorithms does, in one place.

use crate::{Evidence, Secret};
use chacha20::{
	cipher::{KeyIvInit, StreamCipher},
	ChaCha20,
};
use codec::Encode;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use waybill_primitives::{Hash32, Suite};
use waybill_zkcp::{Key, Layout};

const COMMITMENT_DOMAIN: &str = "waybill/key-commitment/1";

/// What the exchange asks of a suite, beyond its lock hash and digest in [`Suite`].
pub trait Algorithms {
	/// The length of the ciphertext of a payload of `size` bytes; `None` if the suite cannot
	/// encrypt that much.
	fn ciphertext_size(self, size: u64) -> Option<u64>;

	/// Draws a key of the suite.
	fn draw<R: CryptoRng>(self, rng: &mut R) -> Secret;

	/// The commitment `C_K` to a content key; `None` if that is no key.
	fn commitment(self, nonce: &Hash32, key: &Secret) -> Option<Hash32>;

	/// The mask `m` with which a lock key `r` gives the content key `K`; `None` if one of them is
	/// no key.
	fn mask(self, content_key: &Secret, lock_key: &Secret) -> Option<Secret>;

	/// The content key `K` of mask `m` and lock key `r`; `None` if one of them is no key.
	fn combine(self, mask: &Secret, lock_key: &Secret) -> Option<Secret>;

	/// Whether a device can have proof, before it signs, that the key will open the ciphertext.
	fn has_proofs(self) -> bool;

	/// Whether the suite takes evidence of this kind and shape.
	fn accepts(self, evidence: &Evidence) -> bool;
}

/// ChaCha20 (RFC 8439) has a block counter of 32 bits.
const PLAIN_LIMIT: u64 = 64 << 32;

impl Algorithms for Suite {
	fn ciphertext_size(self, size: u64) -> Option<u64> {
		match self {
			Self::Plain => (size < PLAIN_LIMIT).then_some(size),
			Self::Zkcp => Layout::new(size).map(|layout| layout.ciphertext_length()),
		}
	}

	fn draw<R: CryptoRng>(self, rng: &mut R) -> Secret {
		match self {
			Self::Plain => Secret::random(rng),
			Self::Zkcp => Secret::new(Key::generate(|| rng.next_u32()).to_bytes()),
		}
	}

	fn commitment(self, nonce: &Hash32, key: &Secret) -> Option<Hash32> {
		match self {
			Self::Plain => {
				let mut hasher = Sha256::new();
				hasher.update((COMMITMENT_DOMAIN, nonce).encode());
				hasher.update(key.expose());
				Some(hasher.finalize().into())
			},
			Self::Zkcp => Key::from_bytes(key.expose()).map(|key| key.commitment()),
		}
	}

	fn mask(self, content_key: &Secret, lock_key: &Secret) -> Option<Secret> {
		match self {
			Self::Plain => Some(content_key.xor(lock_key)),
			Self::Zkcp => {
				let (content_key, lock_key) = (Key::from_bytes(content_key.expose())?, Key::from_bytes(lock_key.expose())?);
				Some(Secret::new(content_key.mask(&lock_key).to_bytes()))
			},
		}
	}

	fn combine(self, mask: &Secret, lock_key: &Secret) -> Option<Secret> {
		match self {
			Self::Plain => Some(mask.xor(lock_key)),
			Self::Zkcp => {
				let (mask, lock_key) = (Key::from_bytes(mask.expose())?, Key::from_bytes(lock_key.expose())?);
				Some(Secret::new(mask.unmask(&lock_key).to_bytes()))
			},
		}
	}

	fn has_proofs(self) -> bool {
		match self {
			Self::Plain => false,
			Self::Zkcp => true,
		}
	}

	fn accepts(self, evidence: &Evidence) -> bool {
		match (self, evidence) {
			(Self::Plain, Evidence::Unproven) => true,
			(Self::Zkcp, Evidence::Proven(_, place)) => place.proved().is_some(),
			(Self::Plain, Evidence::Proven(..)) | (Self::Zkcp, Evidence::Unproven) => false,
		}
	}
}

/// The state of the cipher of [`Suite::Plain`].
pub(crate) struct Cipher(ChaCha20);

impl Cipher {
	/// Starts at the first byte. ChaCha20 takes the first 12 bytes of the nonce, and its counter
	/// starts at 0.
	pub(crate) fn new(key: &Secret, nonce: &Hash32) -> Self {
		let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = *nonce;
		Self(ChaCha20::new(key.expose().into(), &[a, b, c, d, e, f, g, h, i, j, k, l].into()))
	}

	/// Encrypts or decrypts the next bytes in place; `false` when the key stream is used up.
	#[must_use]
	pub(crate) fn apply(&mut self, bytes: &mut [u8]) -> bool {
		self.0.try_apply_keystream(bytes).is_ok()
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
		assert!(Cipher::new(&Secret::new([0; 32]), &[0; 32]).apply(&mut bytes));
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
		for suite in [Suite::Plain, Suite::Zkcp] {
			let mask = suite.mask(&key, &lock_key).unwrap();
			assert_eq!(suite.combine(&mask, &lock_key), Some(key.clone()));
			assert_ne!(suite.combine(&mask, &Secret::new([3; 32])), Some(key.clone()));
		}
	}

	#[test]
	fn bytes_that_are_no_key_should_be_refused() {
		let (key, none) = (Secret::new([1; 32]), Secret::new([0xff; 32]));
		assert!(Suite::Plain.commitment(&[0; 32], &none).is_some() && Suite::Zkcp.commitment(&[0; 32], &key).is_some());
		assert_eq!(Suite::Zkcp.commitment(&[0; 32], &none), None);
		for (one, other) in [(&key, &none), (&none, &key)] {
			assert_eq!(Suite::Zkcp.mask(one, other), None);
			assert_eq!(Suite::Zkcp.combine(one, other), None);
		}
	}

	#[test]
	fn payloads_beyond_the_counter_should_be_refused() {
		assert_eq!(Suite::Plain.ciphertext_size(PLAIN_LIMIT - 1), Some(PLAIN_LIMIT - 1));
		assert_eq!(Suite::Plain.ciphertext_size(PLAIN_LIMIT), None);
	}

	#[test]
	fn commitment_should_bind_nonce_and_key() {
		let commit = |nonce, key| Suite::Plain.commitment(&[nonce; 32], &Secret::new([key; 32])).unwrap();
		assert_eq!(commit(1, 1), commit(1, 1));
		assert_ne!(commit(1, 1), commit(2, 1));
		assert_ne!(commit(1, 1), commit(1, 2));
	}
}
