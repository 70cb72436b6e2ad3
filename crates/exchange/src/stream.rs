//! Bytes that arrive piece by piece and must have a known length and SHA-256.

use core::fmt;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use waybill_primitives::Hash32;

/// Checks the length and the SHA-256 of bytes that pass by.
#[derive(Clone, Debug)]
pub struct StreamCheck {
	size: u64,
	sha256: Hash32,
	seen: u64,
	hasher: Sha256,
}

impl StreamCheck {
	/// Expects `size` bytes with this SHA-256.
	pub fn new(size: u64, sha256: Hash32) -> Self {
		Self { size, sha256, seen: 0, hasher: Sha256::new() }
	}

	/// Takes the next bytes; fails as soon as there are too many.
	pub fn update(&mut self, bytes: &[u8]) -> Result<(), StreamError> {
		let more = u64::try_from(bytes.len()).map_err(|_| StreamError::TooLong)?;
		let seen = self.seen.checked_add(more).filter(|seen| *seen <= self.size).ok_or(StreamError::TooLong)?;
		self.hasher.update(bytes);
		self.seen = seen;
		Ok(())
	}

	/// How many bytes have passed.
	pub const fn seen(&self) -> u64 {
		self.seen
	}

	/// Checks that all bytes have passed, and that they were the right ones.
	pub fn finish(self) -> Result<(), StreamError> {
		if self.seen != self.size {
			return Err(StreamError::TooShort);
		}
		let sha256: Hash32 = self.hasher.finalize().into();
		if bool::from(sha256.ct_eq(&self.sha256)) {
			Ok(())
		} else {
			Err(StreamError::HashMismatch)
		}
	}

	pub(crate) fn expects(&self, size: u64, sha256: &Hash32) -> bool {
		self.size == size && self.sha256 == *sha256
	}
}

/// How bytes differ from what was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamError {
	/// More bytes than announced.
	TooLong,
	/// Fewer bytes than announced.
	TooShort,
	/// Other bytes than announced.
	HashMismatch,
}

impl fmt::Display for StreamError {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::TooLong => "more bytes than announced",
			Self::TooShort => "fewer bytes than announced",
			Self::HashMismatch => "other bytes than announced",
		})
	}
}

impl core::error::Error for StreamError {}

#[cfg(test)]
mod tests {
	use super::*;

	fn check(parts: &[&[u8]]) -> Result<(), StreamError> {
		let mut check = StreamCheck::new(5, Sha256::digest(b"hello").into());
		parts.iter().try_for_each(|part| check.update(part))?;
		check.finish()
	}

	#[test]
	fn exact_bytes_should_pass() {
		assert_eq!(check(&[b"hello"]), Ok(()));
		assert_eq!(check(&[b"he", b"", b"llo"]), Ok(()));
	}

	#[test]
	fn other_bytes_should_be_named() {
		assert_eq!(check(&[b"hell"]), Err(StreamError::TooShort));
		assert_eq!(check(&[b"hello", b"!"]), Err(StreamError::TooLong));
		assert_eq!(check(&[b"hullo"]), Err(StreamError::HashMismatch));
	}
}
