//! Runs over the chunks of payloads and ciphertexts: encrypts and hashes them, several side by
//! side.
//!
//! Memory is bounded: a run holds one tile, and one sponge for each of its chunks.

use crate::{
	code::Code,
	field::{from_bytes, pack, to_bytes, Block, BLOCK, BLOCK_BYTES, F, PLAIN_BYTES},
	lanes::{count, Lanes, Permutations, Sponges, Stream, WIDTH},
	layout::{Layout, CHUNK_BLOCKS, CHUNK_BYTES, CHUNK_CIPHERTEXT},
	poseidon::Tag,
	progress::{tell, Cancelled, Phase, Watch},
	storage::{ReadAt, WriteAt},
};
use alloc::{vec, vec::Vec};
use core::{fmt, ops::Range};
use p3_field::{PackedValue, PrimeCharacteristicRing};
use p3_maybe_rayon::prelude::*;

/// Chunks in a tile of a payload that is not extended.
pub const TILE_CHUNKS: usize = 512;
/// The least and the most bytes of a tile of an extended payload. Between them, a tile is an eighth
/// of the payload. Each tile is one run over the file.
const TILE_BYTES: (u64, u64) = (16 << 20, 128 << 20);

/// Why a run over the chunks ended early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SweepError<E> {
	/// It could not read or write.
	Storage(E),
	/// A ciphertext holds a number that is not an element of the field.
	NotCanonical {
		/// The chunk.
		chunk: u32,
	},
	/// It was cancelled.
	Cancelled,
}

impl<E> From<Cancelled> for SweepError<E> {
	fn from(_: Cancelled) -> Self {
		Self::Cancelled
	}
}

impl<E: fmt::Display> fmt::Display for SweepError<E> {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Storage(error) => error.fmt(f),
			Self::NotCanonical { chunk } => write!(f, "chunk {chunk} of the ciphertext is not canonical"),
			Self::Cancelled => Cancelled.fmt(f),
		}
	}
}

impl<E: fmt::Display + fmt::Debug> core::error::Error for SweepError<E> {}

/// Some blocks of some chunks, row by row.
pub struct Tile {
	/// The chunks.
	pub chunks: Range<usize>,
	/// The blocks of each.
	pub blocks: Range<usize>,
	/// Their elements.
	pub values: Vec<F>,
}

impl Tile {
	/// Elements of a row.
	pub fn width(&self) -> usize {
		self.blocks.len() * BLOCK
	}

	/// Whether these are the chunks' last blocks.
	fn is_last(&self) -> bool {
		self.blocks.end == CHUNK_BLOCKS
	}
}

/// Reads blocks of a chunk of payload; those after its end are zero.
fn read_payload<R: ReadAt + ?Sized>(
	payload: &R,
	layout: &Layout,
	chunk: usize,
	blocks: &Range<usize>,
	row: &mut [F],
) -> Result<(), R::Error> {
	let mut bytes = [0; CHUNK_BYTES];
	let start = Layout::payload_offset(chunk, blocks.start);
	let wanted = blocks.len() * PLAIN_BYTES;
	let there = layout.length().saturating_sub(start).min(wanted as u64) as usize;
	payload.read_at(start, &mut bytes[..there])?;
	for (block, bytes) in row.chunks_exact_mut(BLOCK).zip(bytes[..wanted].chunks_exact(PLAIN_BYTES)) {
		block.copy_from_slice(&pack(bytes));
	}
	Ok(())
}

/// Runs over the extended payload tile by tile. Every chunk's blocks come in order.
fn payload_tiles<R: ReadAt + ?Sized, E>(
	payload: &R,
	layout: &Layout,
	map: impl Fn(R::Error) -> E,
	watch: Watch<'_>,
	mut each: impl FnMut(Tile) -> Result<(), SweepError<E>>,
) -> Result<(), SweepError<E>> {
	let (chunks, total) = (layout.chunks() as usize, layout.total() as usize);
	let fill = |tile: &mut Tile| -> Result<(), SweepError<E>> {
		let width = tile.width();
		for (chunk, row) in tile.chunks.clone().zip(tile.values.chunks_exact_mut(width)) {
			read_payload(payload, layout, chunk, &tile.blocks, row).map_err(|error| SweepError::Storage(map(error)))?;
		}
		Ok(())
	};
	if !layout.is_extended() {
		for start in (0..chunks).step_by(TILE_CHUNKS) {
			tell(watch, Phase::Chunks, start as u64, chunks as u64)?;
			let range = start..chunks.min(start + TILE_CHUNKS);
			let values = vec![F::ZERO; range.len() * CHUNK_BLOCKS * BLOCK];
			let mut tile = Tile { chunks: range, blocks: 0..CHUNK_BLOCKS, values };
			fill(&mut tile)?;
			each(tile)?;
		}
		return Ok(());
	}
	let code = Code::new(layout);
	let (least, most) = TILE_BYTES;
	let step = column_step(layout, (layout.length() / 8).clamp(least, most) as usize);
	for start in (0..CHUNK_BLOCKS).step_by(step) {
		tell(watch, Phase::Chunks, (total * start / CHUNK_BLOCKS) as u64, total as u64)?;
		let blocks = start..CHUNK_BLOCKS.min(start + step);
		let values = vec![F::ZERO; chunks * blocks.len() * BLOCK];
		let mut tile = Tile { chunks: 0..chunks, blocks, values };
		fill(&mut tile)?;
		let width = tile.width();
		code.extend(&mut tile.values, width);
		tile.chunks.end = total;
		each(tile)?;
	}
	Ok(())
}

/// The digests of chunks, while they are being made.
pub struct Digests<'a> {
	permutations: &'a Permutations,
	layout: &'a Layout,
	tag: Tag,
	open: Vec<Sponges>,
	leaves: Vec<Block>,
}

impl<'a> Digests<'a> {
	/// Begins without any digest.
	pub fn new(permutations: &'a Permutations, layout: &'a Layout, tag: Tag) -> Self {
		Self { permutations, layout, tag, open: Vec::new(), leaves: Vec::with_capacity(layout.total() as usize) }
	}

	/// Absorbs the next tile. Tiles are either whole chunks in order, or the next blocks of all
	/// chunks.
	pub fn absorb(&mut self, tile: &Tile) {
		if tile.blocks.start == 0 {
			self.open = tile.chunks.clone().step_by(WIDTH).map(|first| sponges(self.layout, self.tag, first)).collect();
		}
		let (width, permutations) = (tile.width(), self.permutations);
		let rows = tile.values.par_chunks(width * WIDTH);
		self.open.par_iter_mut().zip(rows).for_each(|(sponges, rows)| {
			for block in 0..width / BLOCK {
				sponges.absorb(permutations, &gather(rows, width, block));
			}
		});
		if tile.is_last() {
			for (sponges, first) in self.open.iter().zip(tile.chunks.clone().step_by(WIDTH)) {
				self.leaves.extend((0..WIDTH.min(tile.chunks.end - first)).map(|lane| sponges.digest(lane)));
			}
		}
	}
}

impl Digests<'_> {
	/// The digests that are complete.
	pub fn leaves(&self) -> &[Block] {
		&self.leaves
	}
}

fn sponges(layout: &Layout, tag: Tag, first: usize) -> Sponges {
	let first = first as u32;
	let blocks = Lanes::from_fn(|lane| F::from_usize(layout.blocks(first.wrapping_add(lane as u32))));
	Sponges::new(tag, count(first), blocks)
}

/// A block of several rows, one row in each lane.
fn gather(rows: &[F], width: usize, block: usize) -> [Lanes; BLOCK] {
	core::array::from_fn(|index| {
		Lanes::from_fn(|lane| rows.get(lane * width + block * BLOCK + index).copied().unwrap_or_default())
	})
}

/// Combines the blocks of a tile that exist with the key stream.
fn add_stream(layout: &Layout, stream: &Stream<'_>, tile: &mut Tile, combine: impl Fn(&mut F, F) + Sync) {
	let (width, first_block, first_chunk) = (tile.width(), tile.blocks.start, tile.chunks.start);
	tile.values.par_chunks_mut(width * WIDTH).enumerate().for_each(|(group, rows)| {
		let first = (first_chunk + group * WIDTH) as u32;
		let chunks = count(first);
		let real: [usize; WIDTH] = core::array::from_fn(|lane| layout.blocks(first + lane as u32));
		for block in 0..width / BLOCK {
			let key = stream.lanes(chunks, first_block + block);
			for (lane, row) in rows.chunks_exact_mut(width).enumerate() {
				if first_block + block < real[lane] {
					for (value, key) in row[block * BLOCK..(block + 1) * BLOCK].iter_mut().zip(&key) {
						combine(value, key.as_slice()[lane]);
					}
				}
			}
		}
	});
}

fn write_tile<W: WriteAt>(layout: &Layout, tile: &Tile, output: &mut W) -> Result<(), W::Error> {
	let mut bytes = Vec::with_capacity(tile.blocks.len() * BLOCK_BYTES);
	for (chunk, row) in tile.chunks.clone().zip(tile.values.chunks_exact(tile.width())) {
		bytes.clear();
		for block in row.as_chunks::<BLOCK>().0 {
			bytes.extend_from_slice(&to_bytes(block));
		}
		let start = Layout::ciphertext_offset(chunk, tile.blocks.start);
		let there = layout.ciphertext_length().saturating_sub(start).min(bytes.len() as u64) as usize;
		if there > 0 {
			output.write_at(start, &bytes[..there])?;
		}
	}
	Ok(())
}

/// The digests of the chunks of the extended payload.
pub fn payload_leaves<R: ReadAt + ?Sized>(
	payload: &R,
	layout: &Layout,
	watch: Watch<'_>,
) -> Result<Vec<Block>, SweepError<R::Error>> {
	let permutations = Permutations::new();
	let mut digests = Digests::new(&permutations, layout, Tag::Payload);
	payload_tiles(
		payload,
		layout,
		|error| error,
		watch,
		|tile| {
			digests.absorb(&tile);
			Ok(())
		},
	)?;
	Ok(digests.leaves)
}

/// Encrypts the extended payload, and returns the digests of the ciphertext's chunks.
pub fn encrypt_chunks<R: ReadAt + ?Sized, W: WriteAt, E: From<R::Error> + From<W::Error>>(
	payload: &R,
	layout: &Layout,
	key: &crate::key::Key,
	nonce: &crate::nonce::Nonce,
	output: &mut W,
	watch: Watch<'_>,
) -> Result<Vec<Block>, SweepError<E>> {
	let permutations = Permutations::new();
	let stream = Stream::new(&permutations, key, nonce);
	let mut digests = Digests::new(&permutations, layout, Tag::Ciphertext);
	payload_tiles(payload, layout, E::from, watch, |mut tile| {
		add_stream(layout, &stream, &mut tile, |value, key| *value += key);
		digests.absorb(&tile);
		write_tile(layout, &tile, output).map_err(|error| SweepError::Storage(E::from(error)))
	})?;
	Ok(digests.leaves)
}

/// Reads blocks of a chunk of ciphertext; those after its end are zero.
fn read_ciphertext<R: ReadAt + ?Sized>(
	ciphertext: &R,
	layout: &Layout,
	chunk: usize,
	blocks: &Range<usize>,
	row: &mut [F],
) -> Result<(), SweepError<R::Error>> {
	let mut bytes = [0; CHUNK_CIPHERTEXT];
	let start = Layout::ciphertext_offset(chunk, blocks.start);
	let there = layout.ciphertext_length().saturating_sub(start).min((blocks.len() * BLOCK_BYTES) as u64) as usize;
	ciphertext.read_at(start, &mut bytes[..there]).map_err(SweepError::Storage)?;
	for (block, bytes) in row.chunks_exact_mut(BLOCK).zip(bytes.as_chunks::<BLOCK_BYTES>().0) {
		block.copy_from_slice(&from_bytes(bytes).ok_or(SweepError::NotCanonical { chunk: chunk as u32 })?);
	}
	Ok(())
}

/// Reads blocks of chunks of ciphertext.
fn ciphertext_tile<R: ReadAt + ?Sized>(
	ciphertext: &R,
	layout: &Layout,
	chunks: Range<usize>,
	blocks: Range<usize>,
) -> Result<Tile, SweepError<R::Error>> {
	let mut values = vec![F::ZERO; chunks.len() * blocks.len() * BLOCK];
	for (chunk, row) in chunks.clone().zip(values.chunks_exact_mut(blocks.len() * BLOCK)) {
		read_ciphertext(ciphertext, layout, chunk, &blocks, row)?;
	}
	Ok(Tile { chunks, blocks, values })
}

/// Reads and decrypts blocks of chunks.
pub fn decrypted_tile<R: ReadAt + ?Sized>(
	ciphertext: &R,
	layout: &Layout,
	stream: &Stream<'_>,
	chunks: Range<usize>,
	blocks: Range<usize>,
) -> Result<Tile, SweepError<R::Error>> {
	let mut tile = ciphertext_tile(ciphertext, layout, chunks, blocks)?;
	add_stream(layout, stream, &mut tile, |value, key| *value -= key);
	Ok(tile)
}

/// The number of blocks of each chunk that fit a tile of `bytes` bytes.
pub fn column_step(layout: &Layout, bytes: usize) -> usize {
	(bytes / (Code::new(layout).size() * BLOCK_BYTES)).clamp(1, CHUNK_BLOCKS)
}

/// The digests of a ciphertext's chunks.
pub fn ciphertext_leaves<R: ReadAt + ?Sized>(
	ciphertext: &R,
	layout: &Layout,
	watch: Watch<'_>,
) -> Result<Vec<Block>, SweepError<R::Error>> {
	let permutations = Permutations::new();
	let mut digests = Digests::new(&permutations, layout, Tag::Ciphertext);
	let total = layout.total() as usize;
	for start in (0..total).step_by(TILE_CHUNKS) {
		tell(watch, Phase::Chunks, start as u64, total as u64)?;
		let chunks = start..total.min(start + TILE_CHUNKS);
		digests.absorb(&ciphertext_tile(ciphertext, layout, chunks, 0..CHUNK_BLOCKS)?);
	}
	Ok(digests.leaves)
}

impl<E> SweepError<E> {
	/// Converts the storage's error.
	pub fn map<O>(self, map: impl FnOnce(E) -> O) -> SweepError<O> {
		match self {
			Self::Storage(error) => SweepError::Storage(map(error)),
			Self::NotCanonical { chunk } => SweepError::NotCanonical { chunk },
			Self::Cancelled => SweepError::Cancelled,
		}
	}
}
