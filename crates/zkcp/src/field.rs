//! KoalaBear elements, blocks of eight of them, and their bytes.

use p3_field::{PrimeCharacteristicRing, PrimeField32};
use p3_koala_bear::KoalaBear;

/// An element of the field, `p = 2^31 − 2^24 + 1`.
pub type F = KoalaBear;

/// Elements in a block: the rate of the sponges, and the length of keys, locks and digests.
pub const BLOCK: usize = 8;
/// Bytes of payload that a block holds, 30 bits an element.
pub const PLAIN_BYTES: usize = 30;
/// Bytes of a block of ciphertext, a key, a lock or a digest, four an element.
pub const BLOCK_BYTES: usize = 32;

const BITS: u32 = 30;
const MASK: u64 = (1 << BITS) - 1;

/// Eight elements.
pub type Block = [F; BLOCK];

/// Packs payload bytes, little endian; missing bytes count as zero.
pub fn pack(bytes: &[u8]) -> Block {
	debug_assert!(bytes.len() <= PLAIN_BYTES);
	let mut padded = [0; PLAIN_BYTES];
	padded[..bytes.len()].copy_from_slice(bytes);
	let mut block = Block::default();
	let (mut pending, mut bits, mut at) = (0u64, 0u32, 0);
	for element in &mut block {
		while bits < BITS {
			pending |= u64::from(padded[at]) << bits;
			bits += 8;
			at += 1;
		}
		*element = F::from_u32((pending & MASK) as u32);
		pending >>= BITS;
		bits -= BITS;
	}
	block
}

/// The payload bytes of a block; none if an element has more than 30 bits.
pub fn unpack(block: &Block) -> Option<[u8; PLAIN_BYTES]> {
	let mut bytes = [0; PLAIN_BYTES];
	let (mut pending, mut bits, mut at) = (0u64, 0u32, 0);
	for element in block {
		let value = u64::from(element.as_canonical_u32());
		if value > MASK {
			return None;
		}
		pending |= value << bits;
		bits += BITS;
		while bits >= 8 {
			bytes[at] = (pending & 0xff) as u8;
			pending >>= 8;
			bits -= 8;
			at += 1;
		}
	}
	Some(bytes)
}

/// The canonical bytes of a block: each element in four bytes, little endian.
pub fn to_bytes(block: &Block) -> [u8; BLOCK_BYTES] {
	let mut bytes = [0; BLOCK_BYTES];
	for (chunk, element) in bytes.chunks_exact_mut(4).zip(block) {
		chunk.copy_from_slice(&element.as_canonical_u32().to_le_bytes());
	}
	bytes
}

/// A block from its canonical bytes; none if a number is not below `p`.
pub fn from_bytes(bytes: &[u8; BLOCK_BYTES]) -> Option<Block> {
	let mut block = Block::default();
	for (element, chunk) in block.iter_mut().zip(bytes.chunks_exact(4)) {
		let value = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
		if value >= F::ORDER_U32 {
			return None;
		}
		*element = F::from_u32(value);
	}
	Some(block)
}
