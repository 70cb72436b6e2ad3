//! The sets of algorithms that a release, its locks and its ciphertexts use.

use crate::{Hash32, Lock, LockKey};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Payload digest, lock hash and cipher of a release, as one version number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Suite {
	/// Digest and lock hash are SHA-256, the cipher is ChaCha20 (RFC 8439). Nothing about the ciphertext can be proved.
	#[codec(index = 0)]
	Plain,
}

impl Suite {
	/// The lock `s = H(r)` of a key.
	pub fn lock(self, key: &LockKey) -> Lock {
		match self {
			Self::Plain => sp_crypto_hashing::sha2_256(key),
		}
	}

	/// Whether `digest` can be the suite's digest of a payload with this SHA-256.
	pub fn digest_fits(self, digest: &Hash32, sha256: &Hash32) -> bool {
		match self {
			Self::Plain => digest == sha256,
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

	#[test]
	fn lock_should_be_sha256_of_the_key() {
		let key = [7; 32];
		assert_eq!(Suite::Plain.lock(&key), sp_crypto_hashing::sha2_256(&key));
		assert_eq!(Suite::Plain.encode(), [0]);
		assert!(Suite::decode(&mut &[1u8][..]).is_err());
	}
}
