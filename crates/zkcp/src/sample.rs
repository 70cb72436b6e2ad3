//! The sample of an extended payload's chunks that is proved.

use alloc::{collections::BTreeSet, vec::Vec};
use sha2::{Digest, Sha256};

/// Chunks in a sample. If more chunks are bad than the code can repair, a sample avoids all of them
/// with probability at most `0.83^320 = 2^-86`. A sample fills one table and a quarter of another.
pub const SAMPLE: usize = 320;
/// Bits of work that each try at a sample costs a prover.
pub const WORK: u32 = 20;

/// The chunks that are proved.
pub struct Sample {
	/// Their indices, in order.
	pub chunks: Vec<u32>,
}

impl Sample {
	/// Draws the sample of `total` chunks that `work` gives for a statement; `None` if `work` is
	/// not enough.
	pub fn draw(statement: &[u8; 32], work: u64, total: u32) -> Option<Self> {
		let seed = seed(statement, work);
		if u32::from_be_bytes([seed[0], seed[1], seed[2], seed[3]]).leading_zeros() < WORK {
			return None;
		}
		let mut chunks = BTreeSet::new();
		let mut counter = 0u64;
		while chunks.len() < SAMPLE.min(total as usize) {
			let mut hash = Sha256::new_with_prefix(b"waybill/zkcp/draw");
			hash.update(seed);
			hash.update(counter.to_le_bytes());
			let drawn: [u8; 32] = hash.finalize().into();
			// 64 bits for a number of at most 21 bits: the remainder's bias is below 2^-43.
			for number in drawn.as_chunks::<8>().0 {
				if chunks.len() < SAMPLE {
					chunks.insert((u64::from_le_bytes(*number) % u64::from(total)) as u32);
				}
			}
			counter += 1;
		}
		Some(Self { chunks: chunks.into_iter().collect() })
	}

	/// Searches for work that is enough.
	#[cfg(feature = "std")]
	pub fn search(statement: &[u8; 32]) -> u64 {
		use p3_maybe_rayon::prelude::*;
		(0..u64::MAX)
			.into_par_iter()
			.find_any(|work| {
				let seed = seed(statement, *work);
				u32::from_be_bytes([seed[0], seed[1], seed[2], seed[3]]).leading_zeros() >= WORK
			})
			.unwrap_or_default()
	}
}

fn seed(statement: &[u8; 32], work: u64) -> [u8; 32] {
	let mut hash = Sha256::new_with_prefix(b"waybill/zkcp/sample");
	hash.update(statement);
	hash.update(work.to_le_bytes());
	hash.finalize().into()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn sample_should_need_work_and_follow_from_it() {
		let work = Sample::search(&[1; 32]);
		let drawn = Sample::draw(&[1; 32], work, 1_327).unwrap().chunks;
		assert_eq!(drawn.len(), SAMPLE);
		assert!(drawn.is_sorted() && drawn[SAMPLE - 1] < 1_327);
		assert_eq!(Sample::draw(&[1; 32], work, 1_327).unwrap().chunks, drawn);
		assert!(Sample::draw(&[2; 32], work, 1_327).is_none());
		let other = (0..).find(|other| *other != work && Sample::draw(&[1; 32], *other, 1_327).is_some()).unwrap();
		assert_ne!(Sample::draw(&[1; 32], other, 1_327).unwrap().chunks, drawn);
	}
}
