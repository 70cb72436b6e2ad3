//! The table of locks: it shows that each lock opens a mask of the content key.
//!
//! A group takes 16 rows: 15 locks and a link. In a lock's row the three permutations are the lock
//! `s = H(r)`, the leaf of mask and lock, and the group's sponge. In a link row the first is the
//! commitment to the key, the second is unconstrained, and the third is the sponge of the list of
//! groups.

use super::row::{block, place, Io, Place, OWN};
#[cfg(feature = "std")]
use super::Step;
use crate::{
	field::{Block, BLOCK, F},
	poseidon::Tag,
};
#[cfg(feature = "std")]
use alloc::vec;
use alloc::vec::Vec;
use p3_air::{AirBuilder, WindowAccess};
use p3_field::PrimeCharacteristicRing;

const LOCK: usize = 0;
const LEAF: usize = 1;
const GROUP: usize = 2;

/// The content key.
const KEY: usize = OWN;
/// The capacity of the list's sponge.
const LIST: usize = KEY + BLOCK;

pub const WIDTH: usize = LIST + BLOCK;
pub const PUBLIC: usize = 2 * BLOCK;

/// Locks in a group.
pub const GROUP_LOCKS: usize = 15;
/// Rows of a group.
pub const GROUP_ROWS: usize = GROUP_LOCKS + 1;

/// The public values of a table of locks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockPublic {
	/// The commitment `C_K` to the content key.
	pub commitment: Block,
	/// The capacity of the list of groups after the last group.
	pub groups: Block,
}

impl LockPublic {
	/// The table's public values, in order.
	pub fn values(&self) -> Vec<F> {
		[self.commitment, self.groups].concat()
	}
}

/// The first capacity of the list of groups.
pub fn list() -> Block {
	Tag::List.capacity(Tag::Group as u32, 0)
}

pub fn eval<AB: AirBuilder<F = F>>(builder: &mut AB) {
	let main = builder.main();
	let (row, next) = (main.current_slice(), main.next_slice());
	let Place { first, link, inner: is_lock, followed, last, .. } = place(builder, GROUP_ROWS);
	let public: Vec<AB::Expr> = builder.public_values().iter().map(|value| (*value).into()).collect();
	let (commitment, end) = (&public[..BLOCK], &public[BLOCK..]);

	let (lock, leaf) = (Io::of(row, LOCK), Io::of(row, LEAF));
	let (group, next_group) = (Io::of(row, GROUP), Io::of(next, GROUP));
	let (key, next_key) = (block(row, KEY), block(next, KEY));
	let (held, next_held) = (block(row, LIST), block(next, LIST));

	// (r, 0, …, 0, tag), or in links (K, 0, …, 0, tag).
	for zero in &lock.input[BLOCK..2 * BLOCK - 1] {
		builder.assert_zero(*zero);
	}
	let tag = is_lock.clone() * Tag::Lock.element() + link.clone() * Tag::Commitment.element();
	builder.assert_eq(lock.input[2 * BLOCK - 1], tag);

	let header = group.capacity();
	let begin = list();
	for index in 0..BLOCK {
		// The key is the same in all rows: the row after the last one is the first.
		builder.assert_eq(next_key[index], key[index]);
		builder.when(link.clone()).assert_eq(lock.input[index], key[index]);
		builder.when(link.clone()).assert_eq(lock.output[index], commitment[index].clone());
		// m + r = K, and the leaf's input is (m, s).
		let mask = leaf.input[index];
		builder.when(is_lock.clone()).assert_eq(mask + lock.input[index], key[index]);
		builder.when(is_lock.clone()).assert_eq(leaf.input[BLOCK + index], lock.output[index]);
		// The group absorbs the leaf, which is fed forward.
		builder.when(is_lock.clone()).assert_eq(group.input[index], leaf.output[index] + mask);
		let expected = if index + 1 == BLOCK { Tag::Group.element() } else { F::ZERO };
		builder.when(first.clone()).assert_eq(header[index], expected);
		builder.when(followed.clone()).assert_eq(next_group.capacity()[index], group.held()[index]);
		// The link absorbs the group's digest into the list.
		builder.when(last.clone()).assert_eq(next_group.rate()[index], group.digest()[index]);
		builder.when(link.clone()).assert_eq(header[index], held[index]);
		builder.when(is_lock.clone()).assert_eq(next_held[index], held[index]);
		builder.when_transition().when(link.clone()).assert_eq(next_held[index], group.held()[index]);
		builder.when_first_row().assert_eq(held[index], begin[index]);
		builder.when_last_row().assert_eq(group.held()[index], end[index].clone());
	}
}

/// The leaf of a mask and its lock: a permutation of both. The mask is fed forward, because the
/// permutation alone could be inverted.
pub fn leaf(mask: &Block, lock: &Block) -> Block {
	let mut state = crate::poseidon::join(mask, lock);
	crate::poseidon::permute(&mut state);
	core::array::from_fn(|index| state[index] + mask[index])
}

/// The digest of a group's leaves.
pub fn group_digest<'a>(leaves: impl IntoIterator<Item = &'a Block>) -> Block {
	crate::poseidon::absorb(Tag::Group.capacity(0, 0), leaves).0
}

/// A filled table of locks.
#[cfg(feature = "std")]
pub struct LockTrace {
	/// The table.
	pub table: p3_matrix::dense::RowMajorMatrix<F>,
	/// Its public values.
	pub public: LockPublic,
	/// The digest of each group.
	pub groups: Vec<Block>,
}

/// Fills a table with the locks of these lock keys: whole groups, whose number is a power of two.
#[cfg(feature = "std")]
pub fn trace(key: &crate::key::Key, lock_keys: &[crate::key::Key], permutations: &crate::lanes::Permutations) -> LockTrace {
	build(key, lock_keys, permutations, |_, _, _, _| ())
}

/// Like `trace`. After every step, `alter` may change the inputs of a row's permutations and the
/// columns beside them.
#[cfg(feature = "std")]
pub(super) fn build(
	key: &crate::key::Key,
	lock_keys: &[crate::key::Key],
	permutations: &crate::lanes::Permutations,
	alter: impl Fn(usize, Step, &mut [crate::poseidon::State; 3], &mut [F]) + Sync,
) -> LockTrace {
	use crate::poseidon::{capacity, join, rate, State};
	use p3_maybe_rayon::prelude::*;
	const BESIDE: usize = WIDTH - OWN;

	let permuted = |mut state: State| {
		permutations.single(&mut state);
		state
	};
	let groups = lock_keys.len() / GROUP_LOCKS;
	let mut inputs = vec![[State::default(); 3]; groups * GROUP_ROWS];
	let mut beside = F::zero_vec(inputs.len() * BESIDE);
	let rows = inputs.par_chunks_mut(GROUP_ROWS).zip(beside.par_chunks_mut(GROUP_ROWS * BESIDE));
	let digests: Vec<Block> = rows
		.zip(lock_keys.par_chunks(GROUP_LOCKS))
		.enumerate()
		.map(|(place, ((rows, beside), lock_keys))| {
			let mut held = Tag::Group.capacity(0, 0);
			let mut digest = Block::default();
			for beside in beside.chunks_exact_mut(BESIDE) {
				beside[..BLOCK].copy_from_slice(key.block());
			}
			for (number, lock_key) in lock_keys.iter().enumerate() {
				let (row, beside) = (&mut rows[number], &mut beside[number * BESIDE..(number + 1) * BESIDE]);
				let at = place * GROUP_ROWS + number;
				row[LOCK] = join(lock_key.block(), &Tag::Lock.capacity(0, 0));
				alter(at, Step::Given, row, beside);
				let mask: Block = core::array::from_fn(|index| beside[index] - row[LOCK][index]);
				row[LEAF] = join(&mask, &rate(&permuted(row[LOCK])));
				alter(at, Step::Derived, row, beside);
				let fed = permuted(row[LEAF]);
				let leaf: Block = core::array::from_fn(|index| fed[index] + row[LEAF][index]);
				row[GROUP] = join(&leaf, &held);
				alter(at, Step::Absorbed, row, beside);
				let output = permuted(row[GROUP]);
				(digest, held) = (rate(&output), capacity(&output));
			}
			digest
		})
		.collect();
	let mut held = list();
	let commitment = join(key.block(), &Tag::Commitment.capacity(0, 0));
	for (group, digest) in digests.iter().enumerate() {
		let rows = group * GROUP_ROWS..(group + 1) * GROUP_ROWS;
		let link = rows.end - 1;
		inputs[link] = [commitment, State::default(), join(digest, &held)];
		for at in rows {
			let beside = &mut beside[at * BESIDE..(at + 1) * BESIDE];
			beside[BLOCK..2 * BLOCK].copy_from_slice(&held);
			alter(at, Step::Listed, &mut inputs[at], beside);
		}
		held = capacity(&permuted(inputs[link][GROUP]));
	}
	let committed = inputs.last().map_or(commitment, |link| link[LOCK]);
	LockTrace {
		table: super::row::trace(&inputs, GROUP_ROWS, &beside),
		public: LockPublic { commitment: rate(&permuted(committed)), groups: held },
		groups: digests,
	}
}
