//! Several chunks side by side, one in each lane of the processor's vectors.

use crate::{
	field::{Block, BLOCK, F},
	key::Key,
	nonce::{Nonce, NONCE_ELEMENTS},
	poseidon::{capacity, join, rate, State, Tag},
};
use p3_field::{Field, PackedValue, PrimeCharacteristicRing};
use p3_koala_bear::{default_koalabear_poseidon1_16, Poseidon1KoalaBear};
use p3_symmetric::Permutation;

/// A vector of elements.
pub type Lanes = <F as Field>::Packing;

/// Elements in a vector.
pub const WIDTH: usize = <Lanes as PackedValue>::WIDTH;

/// The permutation with precomputed tables, for code that needs it often.
#[derive(Clone)]
pub struct Permutations(Poseidon1KoalaBear<16>);

impl Permutations {
	/// Makes the tables.
	pub fn new() -> Self {
		Self(default_koalabear_poseidon1_16())
	}

	/// One permutation of every lane.
	pub fn permute(&self, state: &mut State<Lanes>) {
		self.0.permute_mut(state);
	}

	/// One permutation.
	#[cfg(feature = "std")]
	pub fn single(&self, state: &mut State) {
		self.0.permute_mut(state);
	}
}

/// The key stream of a key and a nonce.
pub struct Stream<'a> {
	permutations: &'a Permutations,
	key: &'a Key,
	nonce: [F; NONCE_ELEMENTS],
}

impl<'a> Stream<'a> {
	/// The stream.
	pub fn new(permutations: &'a Permutations, key: &'a Key, nonce: &Nonce) -> Self {
		Self { permutations, key, nonce: nonce.elements() }
	}

	/// The permutation's input for a block of a chunk.
	pub fn input(&self, chunk: F, block: usize) -> State {
		stream_input(self.key.block(), chunk, F::from_usize(block), &self.nonce)
	}

	/// The stream at one block of these chunks.
	pub fn lanes(&self, chunks: Lanes, block: usize) -> [Lanes; BLOCK] {
		let mut state = self.input(F::ZERO, block).map(Lanes::from);
		state[BLOCK] = chunks;
		self.permutations.permute(&mut state);
		rate(&state)
	}
}

/// The input of the key stream: `(K, chunk, block, nonce, tag)`.
pub fn stream_input(key: &Block, chunk: F, block: F, nonce: &[F; NONCE_ELEMENTS]) -> State {
	let mut state = join(key, &Tag::Stream.capacity(0, 0));
	state[BLOCK] = chunk;
	state[BLOCK + 1] = block;
	state[BLOCK + 2..BLOCK + 2 + NONCE_ELEMENTS].copy_from_slice(nonce);
	state
}

/// The sponges over chunks that stand side by side.
#[derive(Clone, Copy)]
pub struct Sponges {
	state: State<Lanes>,
}

impl Sponges {
	/// Begins the digests of chunks. `chunks` holds their indices, `blocks` their numbers of
	/// blocks.
	pub fn new(tag: Tag, chunks: Lanes, blocks: Lanes) -> Self {
		let mut held = tag.capacity(0, 0).map(Lanes::from);
		(held[0], held[1]) = (chunks, blocks);
		Self { state: join(&[Lanes::ZERO; BLOCK], &held) }
	}

	/// Absorbs a block into each.
	pub fn absorb(&mut self, permutations: &Permutations, blocks: &[Lanes; BLOCK]) {
		self.state = join(blocks, &capacity(&self.state));
		permutations.permute(&mut self.state);
	}

	/// The digest of the chunk in a lane.
	pub fn digest(&self, lane: usize) -> Block {
		core::array::from_fn(|index| self.state[index].as_slice()[lane])
	}
}

impl Default for Permutations {
	fn default() -> Self {
		Self::new()
	}
}

/// Numbers that count up from `first`, one in each lane.
pub fn count(first: u32) -> Lanes {
	Lanes::from_fn(|lane| F::from_u32(first.wrapping_add(lane as u32)))
}
