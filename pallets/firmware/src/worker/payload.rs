//! A payload in memory, for a digest whose computation does not read it in the order in which it
//! arrives.

use alloc::vec::Vec;
use core::{mem, ops::ControlFlow};
use waybill_primitives::Hash32;
use waybill_zkcp::{ChunkDigests, Layout, OutOfRange, ReadAt, SweepError};

/// The size of a piece in bytes. The runtime's allocator gives at most 32 MiB at once, and only
/// powers of two.
const PIECE: usize = 1 << 20;

/// The bytes of a payload. All pieces but the last are full.
pub(super) struct Payload {
	pieces: Vec<Vec<u8>>,
	/// The number of bytes that are still missing.
	missing: u64,
}

impl Payload {
	/// An empty payload that expects `size` bytes.
	pub(super) fn of_size(size: u64) -> Self {
		Self { pieces: Vec::new(), missing: size }
	}

	/// Adds the next bytes and drops those beyond the size.
	pub(super) fn push(&mut self, bytes: &[u8]) {
		let mut rest = bytes.get(..self.missing()).unwrap_or(bytes);
		while !rest.is_empty() {
			if self.pieces.last().is_none_or(|piece| piece.len() >= PIECE) {
				self.pieces.push(Vec::with_capacity(self.missing().min(PIECE)));
			}
			let Some(piece) = self.pieces.last_mut() else { return };
			let (now, later) = rest.split_at(rest.len().min(PIECE.saturating_sub(piece.len())));
			piece.extend_from_slice(now);
			self.missing = self.missing.saturating_sub(u64::try_from(now.len()).unwrap_or(u64::MAX));
			rest = later;
		}
	}

	fn missing(&self) -> usize {
		usize::try_from(self.missing).unwrap_or(usize::MAX)
	}

	/// The digest `U_id` of a payload of `size` bytes under the suite `Zkcp`. It is `None` if the
	/// payload does not have `size` bytes, or more than a payload may have. Every few hundred
	/// kilobytes it calls `go_on`, whose error ends the computation.
	pub(super) fn digest<E>(&self, size: u64, go_on: &mut dyn FnMut() -> Result<(), E>) -> Result<Option<Hash32>, E> {
		let Some(layout) = Layout::new(size).filter(|_| self.missing == 0) else { return Ok(None) };
		let mut stopped = None;
		let mut watch = |_| match go_on() {
			Ok(()) => ControlFlow::Continue(()),
			Err(failure) => {
				stopped = Some(failure);
				ControlFlow::Break(())
			},
		};
		let digests = ChunkDigests::of_payload(self, layout, &mut watch);
		match (digests, stopped) {
			(_, Some(failure)) => Err(failure),
			(Ok(digests), None) => Ok(Some(digests.id())),
			(Err(SweepError::Storage(OutOfRange) | SweepError::NotCanonical { .. } | SweepError::Cancelled), None) => {
				Ok(None)
			},
		}
	}
}

impl ReadAt for Payload {
	type Error = OutOfRange;

	fn read_at(&self, offset: u64, mut buffer: &mut [u8]) -> Result<(), OutOfRange> {
		let offset = usize::try_from(offset).map_err(|_| OutOfRange)?;
		let first = offset.checked_div(PIECE).unwrap_or_default();
		let mut skipped = offset.checked_rem(PIECE).unwrap_or_default();
		for piece in self.pieces.iter().skip(first) {
			let bytes = piece.get(mem::take(&mut skipped)..).unwrap_or_default();
			let count = bytes.len().min(buffer.len());
			let (now, later) = mem::take(&mut buffer).split_at_mut(count);
			now.copy_from_slice(bytes.get(..count).unwrap_or_default());
			buffer = later;
			if buffer.is_empty() {
				break;
			}
		}
		if buffer.is_empty() {
			Ok(())
		} else {
			Err(OutOfRange)
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn bytes(count: usize) -> Vec<u8> {
		(0..count as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
	}

	/// A payload filled with these bytes in blocks of the given size.
	fn payload(bytes: &[u8], block: usize) -> Payload {
		let mut payload = Payload::of_size(bytes.len() as u64);
		bytes.chunks(block).for_each(|block| payload.push(block));
		payload
	}

	fn digest(payload: &Payload, size: u64) -> Option<Hash32> {
		payload.digest(size, &mut || Ok::<_, ()>(())).unwrap()
	}

	#[test]
	fn bytes_should_be_read_anywhere_when_they_came_in_blocks() {
		let bytes = bytes(2 * PIECE + 5);
		for block in [1000, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
			let payload = payload(&bytes, block);
			assert_eq!(payload.pieces.iter().map(Vec::len).collect::<Vec<_>>(), [PIECE, PIECE, 5]);
			for (offset, count) in
				[(0, 0), (0, 1), (PIECE - 1, 2), (PIECE, 1), (3, 2 * PIECE), (2 * PIECE, 5), (2 * PIECE + 5, 0)]
			{
				let mut buffer = vec![0; count];
				assert_eq!(payload.read_at(offset as u64, &mut buffer), Ok(()));
				assert_eq!(buffer, bytes[offset..offset + count]);
			}
			for (offset, count) in [(2 * PIECE as u64, 6), (2 * PIECE as u64 + 5, 1), (4 * PIECE as u64, 1), (u64::MAX, 1)] {
				assert_eq!(payload.read_at(offset, &mut vec![0; count]), Err(OutOfRange));
			}
		}
	}

	#[test]
	fn digest_should_be_that_of_the_bytes_in_one_piece() {
		for size in [1, 4500, PIECE + 1, 5 << 20] {
			let bytes = bytes(size);
			let layout = Layout::new(size as u64).unwrap();
			let expected = ChunkDigests::of_payload(&bytes, layout, &mut waybill_zkcp::unwatched).unwrap().id();
			assert_eq!(digest(&payload(&bytes, 262_144), size as u64), Some(expected));
		}
	}

	#[test]
	fn there_should_be_no_digest_when_bytes_are_missing_or_too_many() {
		let mut payload = Payload::of_size(1000);
		payload.push(&[1; 999]);
		assert_eq!(digest(&payload, 1000), None);
		payload.push(&[1; 5]);
		assert!(digest(&payload, 1000).is_some());
		assert_eq!(digest(&payload, 1001), None);
		assert_eq!(digest(&payload, u64::MAX), None);
	}

	#[test]
	fn digest_should_break_off_when_told_so() {
		for size in [1000, 4 << 20] {
			let payload = payload(&bytes(size), 262_144);
			let mut asked = 0;
			assert_eq!(payload.digest(size as u64, &mut || Err::<(), _>("enough")), Err("enough"));
			let counted = payload.digest(size as u64, &mut || {
				asked += 1;
				Ok::<_, ()>(())
			});
			assert!(counted.unwrap().is_some() && asked > 0);
		}
	}
}
