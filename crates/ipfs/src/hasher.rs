//! Size and SHA-256 of a file that comes in pieces.

use sha2::{Digest, Sha256};
use waybill_primitives::Hash32;

/// Size and hash of a whole file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checksum {
	/// Its length in bytes.
	pub size: u64,
	/// Its SHA-256.
	pub sha256: Hash32,
}

/// Computes [`Checksum`] piece by piece.
#[derive(Clone, Debug, Default)]
pub struct ContentHasher {
	size: u64,
	sha256: Sha256,
}

impl ContentHasher {
	/// Starts with an empty file.
	pub fn new() -> Self {
		Self::default()
	}

	/// Adds the file's next bytes.
	pub fn update(&mut self, bytes: &[u8]) {
		self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
		self.sha256.update(bytes);
	}

	/// Size and hash of what was added.
	pub fn finish(self) -> Checksum {
		Checksum { size: self.size, sha256: self.sha256.finalize().into() }
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use hex_literal::hex;

	#[test]
	fn pieces_should_hash_as_one() {
		let mut hasher = ContentHasher::new();
		hasher.update(b"a");
		hasher.update(b"");
		hasher.update(b"bc");
		let sha256 = hex!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
		assert_eq!(hasher.finish(), Checksum { size: 3, sha256 });
	}
}
