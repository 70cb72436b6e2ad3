//! How a payload is cut into chunks and blocks.

use crate::field::{BLOCK_BYTES, PLAIN_BYTES};

/// Blocks in a chunk. With one more row that links it to the other chunks, a chunk takes 128 rows
/// of a table.
pub const CHUNK_BLOCKS: usize = 127;
/// Bytes of payload in a chunk.
pub const CHUNK_BYTES: usize = CHUNK_BLOCKS * PLAIN_BYTES;
/// Bytes of ciphertext in a chunk.
pub const CHUNK_CIPHERTEXT: usize = CHUNK_BLOCKS * BLOCK_BYTES;
/// The longest payload: 4 GiB.
pub const MAX_LENGTH: u64 = 1 << 32;
/// Payloads of at least this length are extended by a code, and only a sample of their chunks is
/// proved: 4 MiB.
pub const SAMPLED_FROM: u64 = 4 << 20;

/// The payload's own share of the chunks of an extended payload, in percent.
pub const RATE_PERCENT: u64 = 83;

/// The shape of a payload. Everything follows from its length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
	length: u64,
	chunks: u32,
	total: u32,
}

impl Layout {
	/// The shape of a payload of `length` bytes; none beyond [`MAX_LENGTH`].
	pub fn new(length: u64) -> Option<Self> {
		if length > MAX_LENGTH {
			return None;
		}
		let chunks = length.div_ceil(CHUNK_BYTES as u64).max(1);
		let parity = if length < SAMPLED_FROM { 0 } else { (chunks * (100 - RATE_PERCENT)).div_ceil(RATE_PERCENT) };
		Some(Self { length, chunks: u32::try_from(chunks).ok()?, total: u32::try_from(chunks + parity).ok()? })
	}

	/// Like [`Self::new`], without the chunks that the code adds. It is for measurements: no
	/// release has this shape, and a verifier must use [`Self::new`].
	pub fn chunked(length: u64) -> Option<Self> {
		Self::new(length).map(|layout| Self { total: layout.chunks, ..layout })
	}

	/// Bytes of payload.
	pub const fn length(&self) -> u64 {
		self.length
	}

	/// `k`: the payload's own chunks, at least one.
	pub const fn chunks(&self) -> u32 {
		self.chunks
	}

	/// `n`: all chunks, with those that the code adds.
	pub const fn total(&self) -> u32 {
		self.total
	}

	/// Whether the chunks are extended by the code, and a sample of them is proved.
	pub const fn is_extended(&self) -> bool {
		self.total > self.chunks
	}

	/// The number of blocks of this chunk that exist.
	pub fn blocks(&self, chunk: u32) -> usize {
		if chunk + 1 != self.chunks {
			return CHUNK_BLOCKS;
		}
		let before = u64::from(chunk) * CHUNK_BYTES as u64;
		((self.length - before).div_ceil(PLAIN_BYTES as u64)) as usize
	}

	/// Where a block's bytes begin in the payload.
	pub(crate) const fn payload_offset(chunk: usize, block: usize) -> u64 {
		chunk as u64 * CHUNK_BYTES as u64 + (block * PLAIN_BYTES) as u64
	}

	/// Where a block's bytes begin in the ciphertext.
	pub(crate) const fn ciphertext_offset(chunk: usize, block: usize) -> u64 {
		chunk as u64 * CHUNK_CIPHERTEXT as u64 + (block * BLOCK_BYTES) as u64
	}

	/// Bytes of ciphertext.
	pub fn ciphertext_length(&self) -> u64 {
		if self.is_extended() {
			u64::from(self.total) * CHUNK_CIPHERTEXT as u64
		} else {
			self.length.div_ceil(PLAIN_BYTES as u64) * BLOCK_BYTES as u64
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn shapes_should_follow_from_the_length() {
		let shape = |length| {
			let layout = Layout::new(length).unwrap();
			(layout.chunks(), layout.total(), layout.blocks(layout.chunks() - 1), layout.ciphertext_length())
		};
		assert_eq!(shape(0), (1, 1, 0, 0));
		assert_eq!(shape(1), (1, 1, 1, 32));
		assert_eq!(shape(30), (1, 1, 1, 32));
		assert_eq!(shape(31), (1, 1, 2, 64));
		assert_eq!(shape(3_810), (1, 1, 127, 4_064));
		assert_eq!(shape(3_811), (2, 2, 1, 4_096));
		assert_eq!(shape(SAMPLED_FROM - 1), (1_101, 1_101, 111, 4_473_952));
		assert_eq!(shape(SAMPLED_FROM), (1_101, 1_327, 111, 1_327 * 4_064));
		assert_eq!(shape(32 << 20), (8_807, 10_611, 120, 10_611 * 4_064));
		assert_eq!(shape(MAX_LENGTH), (1_127_289, 1_358_180, 1, 1_358_180 * 4_064));
		assert_eq!(Layout::new(MAX_LENGTH + 1), None);
	}

	#[test]
	fn chunked_shape_should_be_another_when_the_payload_is_long() {
		let chunked = Layout::chunked(SAMPLED_FROM).unwrap();
		assert!(!chunked.is_extended());
		assert_eq!(chunked.ciphertext_length(), 4_473_952);
		assert_ne!(Some(chunked), Layout::new(SAMPLED_FROM));
		assert_eq!(Layout::chunked(SAMPLED_FROM - 1), Layout::new(SAMPLED_FROM - 1));
		assert_eq!(Layout::chunked(MAX_LENGTH + 1), None);
	}

	#[test]
	fn code_should_fit_its_domain() {
		for length in [SAMPLED_FROM, 32 << 20, 1 << 30, MAX_LENGTH] {
			let layout = Layout::new(length).unwrap();
			let (own, total) = (u64::from(layout.chunks()), u64::from(layout.total()));
			assert!(own * 100 <= total * RATE_PERCENT);
			assert!(total - own <= own.next_power_of_two());
		}
	}
}
