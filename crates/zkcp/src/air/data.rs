//! The table of data: it shows that chunks of ciphertext decrypt to chunks of payload.
//!
//! A chunk takes 128 rows: 127 blocks and a link. In a block's row the three permutations are the
//! key stream, the payload's sponge and the ciphertext's sponge. In a link row they are the
//! commitment to the key and the sponges of the two lists, which absorb the digests of the chunk.

#[cfg(feature = "std")]
use super::Step;
use super::{
	row::{block, place, Io, Place, OWN},
	CHUNK_ROWS,
};
#[cfg(feature = "std")]
use crate::layout::CHUNK_BLOCKS;
use crate::{
	field::{Block, BLOCK, F},
	nonce::{Nonce, NONCE_ELEMENTS},
	poseidon::Tag,
};
#[cfg(feature = "std")]
use alloc::vec;
use alloc::vec::Vec;
use p3_air::{AirBuilder, WindowAccess};
use p3_field::PrimeCharacteristicRing;

const STREAM: usize = 0;
const PAYLOAD: usize = 1;
const CIPHERTEXT: usize = 2;

/// The capacities of the lists' sponges.
const PAYLOAD_LIST: usize = OWN;
const CIPHERTEXT_LIST: usize = PAYLOAD_LIST + BLOCK;
/// The number of the chunk's blocks from this row on.
const LEFT: usize = CIPHERTEXT_LIST + BLOCK;
/// Whether the block exists.
const REAL: usize = LEFT + 1;

pub const WIDTH: usize = REAL + 1;
pub const PUBLIC: usize = 3 * BLOCK + NONCE_ELEMENTS;

/// The public values of a table of data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataPublic {
	/// The commitment `C_K` to the content key.
	pub commitment: Block,
	/// The nonce.
	pub nonce: Nonce,
	/// The capacity of the payload's list after the last chunk.
	pub payload: Block,
	/// The capacity of the ciphertext's list after the last chunk.
	pub ciphertext: Block,
}

impl DataPublic {
	/// The table's public values, in order.
	pub fn values(&self) -> Vec<F> {
		[&self.commitment[..], &self.payload, &self.ciphertext, &self.nonce.elements()].concat()
	}
}

/// The index of the chunks that fill up a table. No payload is long enough to have a chunk with
/// this index.
pub const FILLER: u32 = (1 << 30) - 1;

/// A chunk of the extended payload.
#[cfg(feature = "std")]
#[derive(Clone, Debug)]
pub struct DataChunk {
	/// Its index.
	pub index: u32,
	/// The number of its blocks that exist.
	pub blocks: usize,
	/// Its blocks; those that do not exist are zero.
	pub values: Vec<Block>,
}

#[cfg(feature = "std")]
impl DataChunk {
	/// A chunk that fills up a table.
	pub fn filler() -> Self {
		Self { index: FILLER, blocks: 0, values: vec![Block::default(); CHUNK_BLOCKS] }
	}
}

/// The first capacity of the list of payload chunks, or of ciphertext chunks.
pub fn list_of(content: Tag) -> Block {
	Tag::List.capacity(content as u32, 0)
}

pub fn eval<AB: AirBuilder<F = F>>(builder: &mut AB) {
	let main = builder.main();
	let (row, next) = (main.current_slice(), main.next_slice());
	let Place { number, first, link, inner: is_block, followed, last } = place(builder, CHUNK_ROWS);
	let public: Vec<AB::Expr> = builder.public_values().iter().map(|value| (*value).into()).collect();
	let (commitment, lists) = (&public[..BLOCK], [&public[BLOCK..2 * BLOCK], &public[2 * BLOCK..3 * BLOCK]]);
	let nonce = &public[3 * BLOCK..];

	let (stream, next_stream) = (Io::of(row, STREAM), Io::of(next, STREAM));
	let (chunk, left, real): (AB::Var, AB::Var, AB::Var) = (stream.input[BLOCK], row[LEFT], row[REAL]);

	// The key is the same in all rows: the row after the last one is the first.
	for (index, commitment) in commitment.iter().enumerate() {
		builder.assert_eq(next_stream.input[index], stream.input[index]);
		builder.when(link.clone()).assert_eq(stream.output[index], commitment.clone());
	}
	// (K, chunk, block, nonce, tag), or in links (K, 0, …, 0, tag).
	builder.when(link.clone()).assert_zero(chunk);
	builder.when(followed.clone()).assert_eq(next_stream.input[BLOCK], chunk);
	builder.assert_eq(stream.input[BLOCK + 1], is_block.clone() * number);
	for (index, element) in nonce.iter().enumerate() {
		builder.assert_eq(stream.input[BLOCK + 2 + index], is_block.clone() * element.clone());
	}
	let tag = is_block.clone() * Tag::Stream.element() + link.clone() * Tag::Commitment.element();
	builder.assert_eq(stream.input[2 * BLOCK - 1], tag);

	// The chunk's first blocks exist, as many as its header says.
	builder.assert_bool(real);
	builder.when(link.clone()).assert_zero(real);
	builder.when(followed.clone()).assert_zero((AB::Expr::ONE - real) * next[REAL]);
	builder.when(is_block.clone()).assert_eq(next[LEFT], left - real);
	builder.when(link.clone()).assert_zero(left);

	let (payload, ciphertext) = (Io::of(row, PAYLOAD), Io::of(row, CIPHERTEXT));
	for index in 0..BLOCK {
		let (u, c, key) = (payload.input[index], ciphertext.input[index], stream.output[index]);
		builder.when(is_block.clone()).assert_zero((AB::Expr::ONE - real) * u);
		builder.when(is_block.clone()).assert_zero(c - (u + key) * real);
	}

	for (sponge, tag, list, end) in
		[(PAYLOAD, Tag::Payload, PAYLOAD_LIST, lists[0]), (CIPHERTEXT, Tag::Ciphertext, CIPHERTEXT_LIST, lists[1])]
	{
		let (now, after) = (Io::of(row, sponge), Io::of(next, sponge));
		let (held, next_held) = (block(row, list), block(next, list));
		let header = now.capacity();
		builder.when(first.clone()).assert_eq(header[0], chunk);
		builder.when(first.clone()).assert_eq(header[1], left);
		for zero in &header[2..BLOCK - 1] {
			builder.when(first.clone()).assert_zero(*zero);
		}
		builder.when(first.clone()).assert_eq(header[BLOCK - 1], tag.element());
		let begin = list_of(tag);
		for index in 0..BLOCK {
			builder.when(followed.clone()).assert_eq(after.capacity()[index], now.held()[index]);
			// The link absorbs the chunk's digest into the list.
			builder.when(last.clone()).assert_eq(after.rate()[index], now.digest()[index]);
			builder.when(link.clone()).assert_eq(now.capacity()[index], held[index]);
			builder.when(is_block.clone()).assert_eq(next_held[index], held[index]);
			builder.when_transition().when(link.clone()).assert_eq(next_held[index], now.held()[index]);
			builder.when_first_row().assert_eq(held[index], begin[index]);
			builder.when_last_row().assert_eq(now.held()[index], end[index].clone());
		}
	}
}

/// A filled table of data.
#[cfg(feature = "std")]
pub struct DataTrace {
	/// The table.
	pub table: p3_matrix::dense::RowMajorMatrix<F>,
	/// Its public values.
	pub public: DataPublic,
	/// The digests of each chunk of payload and of ciphertext.
	pub digests: Vec<[Block; 2]>,
}

/// Fills a table with these chunks; their number is a power of two.
#[cfg(feature = "std")]
pub fn trace(
	chunks: &[DataChunk],
	key: &crate::key::Key,
	nonce: &Nonce,
	permutations: &crate::lanes::Permutations,
) -> DataTrace {
	build(chunks, key, nonce, permutations, |_, _, _, _| ())
}

/// Like `trace`. After every step, `alter` may change the inputs of a row's permutations and the
/// columns beside them.
#[cfg(feature = "std")]
pub(super) fn build(
	chunks: &[DataChunk],
	key: &crate::key::Key,
	nonce: &Nonce,
	permutations: &crate::lanes::Permutations,
	alter: impl Fn(usize, Step, &mut [crate::poseidon::State; 3], &mut [F]) + Sync,
) -> DataTrace {
	use crate::poseidon::{capacity, join, rate, State};
	use p3_maybe_rayon::prelude::*;
	const BESIDE: usize = WIDTH - OWN;
	const LEFT_BESIDE: usize = LEFT - OWN;
	const REAL_BESIDE: usize = REAL - OWN;

	let stream = crate::lanes::Stream::new(permutations, key, nonce);
	let permuted = |mut state: State| {
		permutations.single(&mut state);
		state
	};
	let mut inputs = vec![[State::default(); 3]; chunks.len() * CHUNK_ROWS];
	let mut beside = F::zero_vec(inputs.len() * BESIDE);
	let rows = inputs.par_chunks_mut(CHUNK_ROWS).zip(beside.par_chunks_mut(CHUNK_ROWS * BESIDE));
	let digests: Vec<[Block; 2]> = rows
		.zip(chunks)
		.enumerate()
		.map(|(place, ((rows, beside), chunk))| {
			let mut held = [Tag::Payload, Tag::Ciphertext].map(|tag| tag.capacity(chunk.index, chunk.blocks as u32));
			let mut digests = [Block::default(); 2];
			for (number, (row, beside)) in rows.iter_mut().zip(beside.chunks_exact_mut(BESIDE)).enumerate() {
				if number == CHUNK_BLOCKS {
					break;
				}
				let at = place * CHUNK_ROWS + number;
				row[STREAM] = stream.input(F::from_u32(chunk.index), number);
				row[PAYLOAD] = join(&chunk.values[number], &held[0]);
				beside[LEFT_BESIDE] = F::from_usize(chunk.blocks.saturating_sub(number));
				beside[REAL_BESIDE] = F::from_bool(number < chunk.blocks);
				alter(at, Step::Given, row, beside);
				let real = beside[REAL_BESIDE];
				let mut c = Block::default();
				if real != F::ZERO {
					let (u, key) = (rate(&row[PAYLOAD]), rate(&permuted(row[STREAM])));
					c = core::array::from_fn(|index| (u[index] + key[index]) * real);
				}
				row[CIPHERTEXT] = join(&c, &held[1]);
				alter(at, Step::Absorbed, row, beside);
				let outputs = [permuted(row[PAYLOAD]), permuted(row[CIPHERTEXT])];
				held = [capacity(&outputs[0]), capacity(&outputs[1])];
				digests = [rate(&outputs[0]), rate(&outputs[1])];
			}
			digests
		})
		.collect();
	let mut lists = [list_of(Tag::Payload), list_of(Tag::Ciphertext)];
	let commitment = join(key.block(), &Tag::Commitment.capacity(0, 0));
	for (chunk, digests) in digests.iter().enumerate() {
		let rows = chunk * CHUNK_ROWS..(chunk + 1) * CHUNK_ROWS;
		let link = rows.end - 1;
		inputs[link] = [commitment, join(&digests[0], &lists[0]), join(&digests[1], &lists[1])];
		for at in rows {
			let beside = &mut beside[at * BESIDE..(at + 1) * BESIDE];
			beside[..BLOCK].copy_from_slice(&lists[0]);
			beside[BLOCK..2 * BLOCK].copy_from_slice(&lists[1]);
			alter(at, Step::Listed, &mut inputs[at], beside);
		}
		lists = [capacity(&permuted(inputs[link][PAYLOAD])), capacity(&permuted(inputs[link][CIPHERTEXT]))];
	}
	let committed = inputs.last().map_or(commitment, |link| link[STREAM]);
	let public =
		DataPublic { commitment: rate(&permuted(committed)), nonce: *nonce, payload: lists[0], ciphertext: lists[1] };
	DataTrace { table: super::row::trace(&inputs, CHUNK_ROWS, &beside), public, digests }
}
