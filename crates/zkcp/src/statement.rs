//! The statement of a proof of data, and the first hash of its transcripts.

use crate::{
	air::{CHUNK_ROWS, FILLER},
	layout::Layout,
	nonce::Nonce,
	parameters::PARAMETERS,
	sample::Sample,
	stark::MIN_ROWS,
	tables::{MOST_BESIDE, MOST_CHUNKS},
	SUITE,
};
use alloc::vec::Vec;
use sha2::{Digest, Sha256};

/// The statement of a proof of data. Under this nonce and the key that `commitment` commits to, the
/// ciphertext with the digest `ciphertext` decrypts to the payload with the digest `payload`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Statement {
	/// The payload's shape.
	pub layout: Layout,
	/// The nonce, a hash of everything that the ciphertext is for.
	pub nonce: Nonce,
	/// `U_id`.
	pub payload: [u8; 32],
	/// `C_id`.
	pub ciphertext: [u8; 32],
	/// `C_K`.
	pub commitment: [u8; 32],
}

impl Statement {
	/// The hash of the whole statement and of every parameter.
	pub(crate) fn hash(&self) -> [u8; 32] {
		let mut hash = Sha256::new_with_prefix(b"waybill/zkcp/data");
		hash.update([SUITE]);
		hash.update(PARAMETERS);
		hash.update(self.nonce.0);
		hash.update(self.payload);
		hash.update(self.ciphertext);
		hash.update(self.commitment);
		hash.update(self.layout.length().to_le_bytes());
		hash.update(self.layout.chunks().to_le_bytes());
		hash.update(self.layout.total().to_le_bytes());
		hash.finalize().into()
	}

	/// The proofs that the statement takes with this work. `None` if the work is not enough for a
	/// sample, or is not zero although all chunks are proved.
	pub(crate) fn parts(&self, work: u64) -> Option<Vec<Part>> {
		let hash = self.hash();
		let chunks: Vec<u32> = if self.layout.is_extended() {
			Sample::draw(&hash, work, self.layout.total())?.chunks
		} else if work == 0 {
			(0..self.layout.total()).collect()
		} else {
			return None;
		};
		let mut parts = Vec::new();
		let mut rest = chunks.as_slice();
		while !rest.is_empty() {
			let (most, rest_of_all) = rest.split_at(rest.len().min(MOST_CHUNKS));
			let mut tables = alloc::vec![most.to_vec()];
			rest = rest_of_all;
			// A small rest gets a second table in this proof, which is shorter than a proof of its
			// own.
			if !rest.is_empty() && rest.len() <= MOST_BESIDE {
				tables.push(core::mem::take(&mut rest).to_vec());
			}
			let mut first = Sha256::new_with_prefix(b"waybill/zkcp/part");
			first.update(hash);
			first.update(work.to_le_bytes());
			first.update((parts.len() as u64).to_le_bytes());
			parts.push(Part { first: first.finalize().into(), tables });
		}
		Some(parts)
	}
}

/// One of the proofs of a statement.
pub struct Part {
	/// The first bytes of its transcript.
	pub first: [u8; 32],
	/// The chunks in each of its tables.
	pub tables: Vec<Vec<u32>>,
}

/// The number of chunks that a table has room for if it holds `chunks`.
pub const fn room(chunks: usize) -> usize {
	let room = chunks.next_power_of_two();
	if room * CHUNK_ROWS < MIN_ROWS {
		MIN_ROWS / CHUNK_ROWS
	} else {
		room
	}
}

const _: () = assert!(crate::layout::MAX_LENGTH / (crate::layout::CHUNK_BYTES as u64) * 2 < FILLER as u64);
