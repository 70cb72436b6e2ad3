//! Poseidon over KoalaBear, width 16: 8 full and 20 partial rounds, x³, the constants of the
//! reference script.
//!
//! A state is eight elements of rate, then eight of capacity. Sponges overwrite the rate.

use crate::field::{Block, BLOCK, F};
use p3_field::PrimeCharacteristicRing;
use p3_koala_bear::{
	MdsMatrixKoalaBear, KOALABEAR_POSEIDON1_RC_16, KOALABEAR_POSEIDON_HALF_FULL_ROUNDS, KOALABEAR_POSEIDON_PARTIAL_ROUNDS_16,
};
use p3_symmetric::Permutation;

/// Elements of a state.
pub const WIDTH: usize = 2 * BLOCK;

/// A state.
pub type State<T = F> = [T; WIDTH];

/// The purpose of a permutation. It is the last element of its input, or of a sponge's first
/// capacity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Tag {
	/// The lock `s` of a lock key `r`.
	Lock = 0x6c6f_636b,
	/// The commitment `C_K` to a content key.
	Commitment = 0x636f_6d6d,
	/// The key stream.
	Stream = 0x7374_726d,
	/// The digest of a chunk of payload.
	Payload = 0x7061_796c,
	/// The digest of a chunk of ciphertext.
	Ciphertext = 0x6369_7068,
	/// The digest of a group of locks.
	#[cfg(feature = "verify")]
	Group = 0x6772_7570,
	/// The digests of a table's chunks of payload or of ciphertext, or of its groups.
	#[cfg(feature = "verify")]
	List = 0x6c69_7374,
}

impl Tag {
	/// The tag as an element.
	pub const fn element(self) -> F {
		F::new(self as u32)
	}

	/// A first capacity: two numbers and the tag.
	pub fn capacity(self, first: u32, second: u32) -> Block {
		let mut capacity = Block::default();
		capacity[0] = F::from_u32(first);
		capacity[1] = F::from_u32(second);
		capacity[BLOCK - 1] = self.element();
		capacity
	}

	/// The first half of the permutation of a block under this tag.
	pub fn hash(self, block: &Block) -> Block {
		let mut state = join(block, &self.capacity(0, 0));
		permute(&mut state);
		rate(&state)
	}
}

/// A state of a rate and a capacity.
pub fn join<T: Copy>(rate: &[T; BLOCK], capacity: &[T; BLOCK]) -> State<T> {
	core::array::from_fn(|index| if index < BLOCK { rate[index] } else { capacity[index - BLOCK] })
}

/// The first half of a state.
pub fn rate<T: Copy>(state: &State<T>) -> [T; BLOCK] {
	core::array::from_fn(|index| state[index])
}

/// The second half of a state.
pub fn capacity<T: Copy>(state: &State<T>) -> [T; BLOCK] {
	core::array::from_fn(|index| state[BLOCK + index])
}

/// Absorbs blocks into a sponge, and returns its digest and capacity.
#[cfg(feature = "verify")]
pub fn absorb<'a>(mut held: Block, blocks: impl IntoIterator<Item = &'a Block>) -> (Block, Block) {
	let mut digest = Block::default();
	for block in blocks {
		let mut state = join(block, &held);
		permute(&mut state);
		(digest, held) = (rate(&state), capacity(&state));
	}
	(digest, held)
}

/// One permutation, in its textbook form. It needs no precomputed tables, which cost as much as
/// five hundred permutations.
pub fn permute(state: &mut State) {
	let mds = MdsMatrixKoalaBear::default();
	let first = KOALABEAR_POSEIDON_HALF_FULL_ROUNDS;
	let partial = first..first + KOALABEAR_POSEIDON_PARTIAL_ROUNDS_16;
	for (round, constants) in KOALABEAR_POSEIDON1_RC_16.iter().enumerate() {
		for (element, constant) in state.iter_mut().zip(constants) {
			*element += *constant;
		}
		let boxed = if partial.contains(&round) { 1 } else { WIDTH };
		for element in state.iter_mut().take(boxed) {
			*element = element.cube();
		}
		mds.permute_mut(state);
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use p3_field::PrimeField32;
	use p3_koala_bear::default_koalabear_poseidon1_16;

	#[test]
	fn permutation_should_be_the_librarys() {
		let library = default_koalabear_poseidon1_16();
		let mut state = State::default();
		for _ in 0..100 {
			let expected = library.permute(state);
			permute(&mut state);
			assert_eq!(state, expected);
		}
	}

	#[test]
	fn permutation_should_be_pinned() {
		// The reference implementation's output for 0, 1, …, 15. Plonky3 tests the same values.
		let mut state: State = core::array::from_fn(F::from_usize);
		permute(&mut state);
		let pinned: Vec<_> = state[..4].iter().map(|element| element.as_canonical_u32()).collect();
		assert_eq!(pinned, PINNED);
	}

	const PINNED: [u32; 4] = [610_090_613, 935_319_874, 1_893_335_292, 796_792_199];
}
