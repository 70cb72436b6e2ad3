//! Content keys: one encrypts the payload for all devices of an epoch.

use crate::{
	suite::{Algorithms, Cipher},
	AccountId, Secret, StreamError,
};
use alloc::vec::Vec;
use codec::Encode;
use core::fmt;
use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};
use waybill_primitives::{BountyId, Digest, Hash32, Lock, Suite};

const NONCE_DOMAIN: &str = "waybill/content/1";

/// What a content key is for. The hash of it is the cipher's nonce, which the device computes
/// itself.
#[derive(Clone, PartialEq, Eq, Debug, Encode)]
pub struct ContentContext {
	/// The hash of the chain's first block.
	pub genesis: Hash32,
	/// The bounty.
	pub bounty: BountyId,
	/// The distributor.
	pub distributor: AccountId,
	/// The payload's digest.
	pub digest: Digest,
	/// Counts the distributor's content keys for the bounty.
	pub epoch: u32,
}

impl ContentContext {
	/// `SHA-256(SCALE(domain) ++ SCALE(context))`.
	pub fn nonce(&self) -> Hash32 {
		Sha256::digest((NONCE_DOMAIN, self).encode()).into()
	}
}

/// The key `K` under which a payload is encrypted, with its nonce.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContentKey {
	suite: Suite,
	key: Secret,
	nonce: Hash32,
	commitment: Hash32,
}

impl ContentKey {
	/// Draws a fresh key for this context; `None` only if the random numbers fail.
	///
	/// Do not draw two keys for one context. That would use one nonce with two keys, and the second
	/// would contradict the commitment that devices were given.
	pub fn generate<R: CryptoRng>(context: &ContentContext, rng: &mut R) -> Option<Self> {
		Self::restore(context, context.digest.suite.draw(rng))
	}

	/// A key drawn before for this context; `None` if these bytes are no key of the suite.
	pub fn restore(context: &ContentContext, key: Secret) -> Option<Self> {
		let (suite, nonce) = (context.digest.suite, context.nonce());
		let commitment = suite.commitment(&nonce, &key)?;
		Some(Self { suite, key, nonce, commitment })
	}

	/// The secret itself, to be stored.
	pub const fn secret(&self) -> &Secret {
		&self.key
	}

	/// The commitment `C_K`.
	pub const fn commitment(&self) -> Hash32 {
		self.commitment
	}

	/// Key and nonce as the proofs take them; `None` under a suite without proofs.
	pub fn provable(&self) -> Option<(waybill_zkcp::Key, waybill_zkcp::Nonce)> {
		match self.suite {
			Suite::Plain => None,
			Suite::Zkcp => Some((waybill_zkcp::Key::from_bytes(self.key.expose())?, waybill_zkcp::Nonce(self.nonce))),
		}
	}

	/// Encrypts a payload of `size` bytes piece by piece. `None` if the suite cannot encrypt that
	/// much, or does not encrypt piece by piece.
	pub fn encryptor(&self, size: u64) -> Option<Encryptor> {
		self.stream(size).map(Encryptor)
	}

	/// Decrypts the ciphertext of a payload of `size` bytes piece by piece. `None` if the suite
	/// cannot encrypt that much, or does not encrypt piece by piece.
	pub fn decryptor(&self, size: u64) -> Option<Decryptor> {
		self.stream(size).map(Decryptor)
	}

	fn stream(&self, size: u64) -> Option<Stream> {
		match self.suite {
			Suite::Plain => {
				self.suite.ciphertext_size(size)?;
				Some(Stream { cipher: Cipher::new(&self.key, &self.nonce), left: size })
			},
			Suite::Zkcp => None,
		}
	}

	/// The share of the device with this lock key; `None` if the key is not one of the suite.
	pub fn share(&self, lock_key: Secret) -> Option<LockSecrets> {
		let (mask, lock) = (self.suite.mask(&self.key, &lock_key)?, self.suite.lock(lock_key.expose())?);
		Some(LockSecrets { mask, lock, key: lock_key })
	}

	/// The content key of a device's mask and lock key; `None` if one of them is no key of the
	/// suite.
	pub fn combine(context: &ContentContext, mask: &Secret, lock_key: &Secret) -> Option<Self> {
		Self::restore(context, context.digest.suite.combine(mask, lock_key)?)
	}
}

/// One device's share: lock key `r`, mask `m` and lock `s = H(r)`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockSecrets {
	/// The lock key `r`, which the claim reveals.
	pub key: Secret,
	/// The mask `m`, which only the device receives.
	pub mask: Secret,
	/// The lock `s`.
	pub lock: Lock,
}

/// Encrypts a payload piece by piece.
#[derive(Debug)]
pub struct Encryptor(Stream);

impl Encryptor {
	/// Encrypts the next bytes and appends what is ready to `output`.
	pub fn update(&mut self, payload: &[u8], output: &mut Vec<u8>) -> Result<(), StreamError> {
		self.0.update(payload, output)
	}

	/// Appends what is left; fails if the payload was shorter than announced.
	pub fn finish(self, _output: &mut Vec<u8>) -> Result<(), StreamError> {
		self.0.finish()
	}
}

/// Decrypts a ciphertext piece by piece.
#[derive(Debug)]
pub struct Decryptor(Stream);

impl Decryptor {
	/// Decrypts the next bytes and appends what is ready to `output`.
	pub fn update(&mut self, ciphertext: &[u8], output: &mut Vec<u8>) -> Result<(), StreamError> {
		self.0.update(ciphertext, output)
	}

	/// Appends what is left; fails if the ciphertext was shorter than announced.
	pub fn finish(self, _output: &mut Vec<u8>) -> Result<(), StreamError> {
		self.0.finish()
	}
}

/// A stream cipher at work on a known number of bytes.
struct Stream {
	cipher: Cipher,
	left: u64,
}

impl Stream {
	fn update(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<(), StreamError> {
		let taken = u64::try_from(input.len()).map_err(|_| StreamError::TooLong)?;
		self.left = self.left.checked_sub(taken).ok_or(StreamError::TooLong)?;
		let start = output.len();
		output.extend_from_slice(input);
		let fresh = output.get_mut(start..).unwrap_or_default();
		if self.cipher.apply(fresh) {
			Ok(())
		} else {
			output.truncate(start);
			Err(StreamError::TooLong)
		}
	}

	fn finish(self) -> Result<(), StreamError> {
		if self.left == 0 {
			Ok(())
		} else {
			Err(StreamError::TooShort)
		}
	}
}

impl fmt::Debug for Stream {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str("Stream(..)")
	}
}
