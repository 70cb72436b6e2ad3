//! The sets of algorithms that a release, its locks and its ciphertexts use.

use crate::{Hash32, Lock, LockKey};
use alloc::string::ToString;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::{fmt, str::FromStr};
use scale_info::TypeInfo;

/// Payload digest, lock hash and cipher of a release, as one version number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Suite {
	/// Digest and lock hash are SHA-256, the cipher is ChaCha20 (RFC 8439). Nothing about the
	/// ciphertext can be proved.
	#[codec(index = 0)]
	Plain,
	/// Digest, lock hash and cipher are those of `waybill-zkcp`: Poseidon over the field KoalaBear.
	/// A distributor can prove that the ciphertext decrypts to the payload.
	#[codec(index = 1)]
	Zkcp,
}

impl fmt::Display for Suite {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::Plain => "plain",
			Self::Zkcp => "zkcp",
		})
	}
}

impl FromStr for Suite {
	type Err = UnknownSuite;

	fn from_str(name: &str) -> Result<Self, UnknownSuite> {
		[Self::Plain, Self::Zkcp].into_iter().find(|suite| suite.to_string() == name).ok_or(UnknownSuite)
	}
}

/// A text names no suite.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a suite; write plain or zkcp")]
pub struct UnknownSuite;

impl Suite {
	/// The lock `s = H(r)` of a key. `None` if these bytes are not a key of the suite, so they open
	/// no lock.
	///
	/// Under [`Self::Plain`] any bytes are a key. Under [`Self::Zkcp`] a key is eight numbers of
	/// four bytes, little endian, each below the field's order.
	pub fn lock(self, key: &LockKey) -> Option<Lock> {
		match self {
			Self::Plain => Some(sp_crypto_hashing::sha2_256(key)),
			Self::Zkcp => waybill_zkcp::lock(key),
		}
	}

	/// Whether `digest` can be the suite's digest of a payload with this SHA-256.
	///
	/// Under [`Self::Zkcp`] it returns true: only someone who has the payload can compare.
	pub fn digest_fits(self, digest: &Hash32, sha256: &Hash32) -> bool {
		match self {
			Self::Plain => digest == sha256,
			Self::Zkcp => true,
		}
	}
}

/// The digest `U_id` of a payload, under the suite that the exchange of it uses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Digest {
	/// The algorithms.
	pub suite: Suite,
	/// The digest by the suite's hash.
	pub bytes: Hash32,
}

#[cfg(test)]
mod tests {
	use super::*;
	use hex_literal::hex;

	#[test]
	fn names_should_round_trip() {
		for (suite, name) in [(Suite::Plain, "plain"), (Suite::Zkcp, "zkcp")] {
			assert_eq!((suite.to_string().as_str(), name.parse()), (name, Ok(suite)));
		}
		assert_eq!("Plain".parse::<Suite>(), Err(UnknownSuite));
	}

	/// The order of KoalaBear, `2^31 − 2^24 + 1`.
	const ORDER: u32 = 0x7f00_0001;

	/// A key of these numbers.
	fn key_of(numbers: [u32; 8]) -> LockKey {
		let mut key = [0; 32];
		for (bytes, number) in key.chunks_exact_mut(4).zip(numbers) {
			bytes.copy_from_slice(&number.to_le_bytes());
		}
		key
	}

	#[test]
	fn plain_lock_should_be_sha256_of_the_key() {
		let key = [7; 32];
		assert_eq!(Suite::Plain.lock(&key), Some(sp_crypto_hashing::sha2_256(&key)));
		assert!(Suite::Plain.lock(&[0xff; 32]).is_some());
	}

	#[test]
	fn zkcp_lock_should_be_pinned() {
		for (numbers, lock) in [
			([0; 8], hex!("3e90da0558205f0cd67c981301a7756981bc561694b27a4ae398857dbece4705")),
			([0, 1, 2, 3, 4, 5, 6, 7], hex!("3f419b49dafce214b230c932c989e74a0fe19d438bd06a6eeab53b3a77361b22")),
			([ORDER - 1; 8], hex!("f4563e61244e82784aa9720cead43657390e906715eefb2af534346f5045393f")),
		] {
			assert_eq!(Suite::Zkcp.lock(&key_of(numbers)), Some(lock));
		}
	}

	#[test]
	fn zkcp_lock_should_be_none_when_a_number_is_not_below_the_order() {
		let numbers = [0, 1, 2, 3, 4, 5, 6, 7];
		for place in 0..8 {
			for raised in [ORDER + numbers[place], ORDER, u32::MAX] {
				let mut other = numbers;
				other[place] = raised;
				assert_eq!(Suite::Zkcp.lock(&key_of(other)), None);
			}
		}
	}

	#[test]
	fn digest_should_fit_when_it_is_the_sha256_or_cannot_be_compared() {
		assert!(Suite::Plain.digest_fits(&[1; 32], &[1; 32]));
		assert!(!Suite::Plain.digest_fits(&[2; 32], &[1; 32]));
		assert!(Suite::Zkcp.digest_fits(&[2; 32], &[1; 32]));
	}

	#[test]
	fn suites_should_keep_their_numbers() {
		let digest = |suite| Digest { suite, bytes: [3; 32] };
		for (suite, number) in [(Suite::Plain, 0), (Suite::Zkcp, 1)] {
			assert_eq!(suite.encode(), [number]);
			assert_eq!(Suite::decode(&mut &[number][..]), Ok(suite));
			assert_eq!(digest(suite).encode(), [&[number][..], &[3; 32]].concat());
		}
		assert!(Suite::decode(&mut &[2u8][..]).is_err());
		assert_eq!((Suite::max_encoded_len(), Digest::max_encoded_len()), (1, 33));
	}
}
