//! Encryption and decryption of payloads.

use crate::{
	code::{Code, Repair},
	digest::{ChunkDigests, Content},
	field::{unpack, BLOCK, F, PLAIN_BYTES},
	key::Key,
	lanes::{Permutations, Stream},
	layout::{Layout, CHUNK_BLOCKS},
	nonce::Nonce,
	poseidon::Tag,
	progress::{tell, Cancelled, Phase, Watch},
	storage::{ReadAt, WriteAt},
	sweep::{column_step, decrypted_tile, encrypt_chunks, Digests, SweepError, TILE_CHUNKS},
};
use alloc::vec::Vec;
use core::fmt;

#[cfg(test)]
mod tests;

/// Bytes of a tile during repair. Decoding takes several times as much memory, on a device.
const REPAIR_BYTES: usize = 2 << 20;

/// Encrypts a payload and returns the digests of the ciphertext's chunks. The key must not be used
/// with any other nonce.
///
/// If the payload is extended ([`Layout::is_extended`]), the chunks that the code adds are
/// encrypted, too.
pub fn encrypt<R: ReadAt + ?Sized, W: WriteAt, E: From<R::Error> + From<W::Error>>(
	payload: &R,
	layout: Layout,
	key: &Key,
	nonce: &Nonce,
	output: &mut W,
	watch: Watch<'_>,
) -> Result<ChunkDigests, SweepError<E>> {
	let leaves = encrypt_chunks(payload, &layout, key, nonce, output, watch)?;
	Ok(ChunkDigests::from_leaves(Content::Ciphertext, layout, leaves))
}

/// Why a ciphertext was not decrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecryptError<E> {
	/// It could not be read, or the payload could not be written.
	Storage(E),
	/// The ciphertext holds a number that is not an element of the field.
	NotCanonical {
		/// The chunk.
		chunk: u32,
	},
	/// More chunks do not decrypt to the payload's than the code can repair. If a proof was checked
	/// before, then the key is wrong, or the ciphertext is not the one that was proved.
	Wrong {
		/// The number of the payload's own chunks that are wrong.
		chunks: u32,
	},
	/// It was cancelled.
	Cancelled,
}

impl<E> From<SweepError<E>> for DecryptError<E> {
	fn from(error: SweepError<E>) -> Self {
		match error {
			SweepError::Storage(error) => Self::Storage(error),
			SweepError::NotCanonical { chunk } => Self::NotCanonical { chunk },
			SweepError::Cancelled => Self::Cancelled,
		}
	}
}

impl<E> From<Cancelled> for DecryptError<E> {
	fn from(_: Cancelled) -> Self {
		Self::Cancelled
	}
}

impl<E: fmt::Display> fmt::Display for DecryptError<E> {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Storage(error) => error.fmt(f),
			Self::NotCanonical { chunk } => write!(f, "chunk {chunk} of the ciphertext is not canonical"),
			Self::Wrong { chunks } => write!(f, "{chunks} chunks of the ciphertext do not decrypt to the payload"),
			Self::Cancelled => Cancelled.fmt(f),
		}
	}
}

impl<E: fmt::Display + fmt::Debug> core::error::Error for DecryptError<E> {}

/// Decrypts a ciphertext to the payload whose chunks have these digests. It repairs wrong chunks as
/// far as the code can.
///
/// After an error `output` does not hold the payload.
pub fn decrypt<R: ReadAt + ?Sized, W: WriteAt, E: From<R::Error> + From<W::Error>>(
	ciphertext: &R,
	payload: &ChunkDigests,
	key: &Key,
	nonce: &Nonce,
	output: &mut W,
	watch: Watch<'_>,
) -> Result<(), DecryptError<E>> {
	let decryption = Decryption::new(ciphertext, payload, key, nonce);
	let own = payload.layout().chunks() as usize;
	let wrong = decryption.chunks(0, own, watch, |chunk, row| write_chunk(payload.layout(), chunk, 0, row, output))?;
	if wrong.is_empty() {
		return Ok(());
	}
	decryption.repair(wrong, output, watch)
}

struct Decryption<'a, R: ?Sized> {
	ciphertext: &'a R,
	payload: &'a ChunkDigests,
	permutations: Permutations,
	key: &'a Key,
	nonce: &'a Nonce,
}

impl<'a, R: ReadAt + ?Sized> Decryption<'a, R> {
	fn new(ciphertext: &'a R, payload: &'a ChunkDigests, key: &'a Key, nonce: &'a Nonce) -> Self {
		Self { ciphertext, payload, permutations: Permutations::new(), key, nonce }
	}

	/// Decrypts the chunks `first..end`, passes each right one to `each`, and returns the wrong
	/// ones. A chunk for which `each` returns false counts as wrong.
	fn chunks<E: From<R::Error>>(
		&self,
		first: usize,
		end: usize,
		watch: Watch<'_>,
		mut each: impl FnMut(usize, &[F]) -> Result<bool, E>,
	) -> Result<Vec<usize>, DecryptError<E>> {
		let layout = self.payload.layout();
		let stream = Stream::new(&self.permutations, self.key, self.nonce);
		let mut wrong = Vec::new();
		for start in (first..end).step_by(TILE_CHUNKS) {
			tell(watch, Phase::Chunks, start as u64, u64::from(layout.total()))?;
			let chunks = start..end.min(start + TILE_CHUNKS);
			let tile = decrypted_tile(self.ciphertext, layout, &stream, chunks, 0..CHUNK_BLOCKS)
				.map_err(|error| DecryptError::from(error.map(E::from)))?;
			let mut digests = Digests::new(&self.permutations, layout, Tag::Payload);
			digests.absorb(&tile);
			let rows = tile.values.chunks_exact(tile.width()).zip(digests.leaves());
			for (chunk, (row, digest)) in tile.chunks.clone().zip(rows) {
				let is_right = self.payload.leaves().get(chunk) == Some(digest);
				if !is_right || !each(chunk, row).map_err(DecryptError::Storage)? {
					wrong.push(chunk);
				}
			}
		}
		Ok(wrong)
	}

	/// Recovers the payload's own wrong chunks from all right ones, the code's included.
	fn repair<W: WriteAt, E: From<R::Error> + From<W::Error>>(
		&self,
		mut wrong: Vec<usize>,
		output: &mut W,
		watch: Watch<'_>,
	) -> Result<(), DecryptError<E>> {
		let layout = self.payload.layout();
		let (own, total) = (layout.chunks() as usize, layout.total() as usize);
		let lost = DecryptError::Wrong { chunks: wrong.len() as u32 };
		if wrong.len() > total - own {
			return Err(lost);
		}
		wrong.extend(self.chunks(own, total, watch, |_, _| Ok(true))?);
		let repair = Repair::new(Code::new(layout), &wrong).ok_or(lost)?;
		wrong.retain(|chunk| *chunk < own);
		let stream = Stream::new(&self.permutations, self.key, self.nonce);
		let step = column_step(layout, REPAIR_BYTES);
		for start in (0..CHUNK_BLOCKS).step_by(step) {
			tell(watch, Phase::Chunks, (total * start / CHUNK_BLOCKS) as u64, total as u64)?;
			let blocks = start..CHUNK_BLOCKS.min(start + step);
			let tile = decrypted_tile(self.ciphertext, layout, &stream, 0..total, blocks)
				.map_err(|error| DecryptError::from(error.map(E::from)))?;
			let found = repair.rows(&tile.values, tile.width());
			for (chunk, row) in wrong.iter().zip(found.chunks_exact(tile.width())) {
				if !write_chunk::<W, E>(layout, *chunk, start, row, output).map_err(DecryptError::Storage)? {
					return Err(lost_chunk(&wrong));
				}
			}
		}
		Ok(())
	}
}

fn lost_chunk<E>(wrong: &[usize]) -> DecryptError<E> {
	DecryptError::Wrong { chunks: wrong.len() as u32 }
}

/// Writes blocks of a payload chunk, from `first_block` on. Returns false if an element has more
/// than 30 bits, so the blocks are not payload bytes.
fn write_chunk<W: WriteAt, E: From<W::Error>>(
	layout: &Layout,
	chunk: usize,
	first_block: usize,
	row: &[F],
	output: &mut W,
) -> Result<bool, E> {
	let mut bytes = Vec::with_capacity(row.len() / BLOCK * PLAIN_BYTES);
	for block in row.as_chunks::<BLOCK>().0 {
		let Some(plain) = unpack(block) else { return Ok(false) };
		bytes.extend_from_slice(&plain);
	}
	let start = Layout::payload_offset(chunk, first_block);
	let there = layout.length().saturating_sub(start).min(bytes.len() as u64) as usize;
	if there > 0 {
		output.write_at(start, &bytes[..there])?;
	}
	Ok(true)
}
