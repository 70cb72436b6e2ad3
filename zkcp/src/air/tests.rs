//! False witnesses whose permutations all hold, each proved as if it were true.

use super::{
	data::{self, DataChunk, DataTrace},
	locks::{self, LockTrace},
	Kind, CHUNK_ROWS, GROUP_LOCKS, GROUP_ROWS,
};
use crate::{
	field::{pack, Block, BLOCK, F},
	key::{tests::key, Key},
	lanes::Permutations,
	layout::CHUNK_BLOCKS,
	nonce::Nonce,
	poseidon::State,
	stark::{prove, verify, Filled, Shape},
};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;
use std::panic::{catch_unwind, AssertUnwindSafe};

const FIRST: [u8; 32] = [1; 32];
const NONCE: Nonce = Nonce([7; 32]);
const STREAM: usize = 0;
const PAYLOAD: usize = 1;
const CIPHERTEXT: usize = 2;
const LOCK: usize = 0;
const LEAF: usize = 1;
const GROUP: usize = 2;
/// Beside a row of data: how many blocks are left, and whether this one exists.
const LEFT: usize = 2 * BLOCK;
const REAL: usize = LEFT + 1;
/// The chunk that ends early has so many blocks.
const SHORT: usize = 100;

/// Whether a table is taken for what it tells.
fn holds(kind: Kind, trace: RowMajorMatrix<F>, public: Vec<F>) -> bool {
	let rows = trace.values.len() / trace.width;
	let shape = vec![Shape { kind, rows, public: public.clone() }];
	// With debug assertions the library already panics where a constraint does not hold.
	let proof = catch_unwind(AssertUnwindSafe(|| prove(&FIRST, &[Filled { kind, trace, public }]).unwrap()));
	proof.is_ok_and(|proof| verify(&FIRST, shape, &proof))
}

fn chunks() -> [DataChunk; 2] {
	let value = |block: usize| pack(&[block as u8; 30]);
	let short = |block: usize| if block < SHORT { value(block + 1) } else { Block::default() };
	[
		DataChunk { index: 4, blocks: CHUNK_BLOCKS, values: (0..CHUNK_BLOCKS).map(value).collect() },
		DataChunk { index: 5, blocks: SHORT, values: (0..CHUNK_BLOCKS).map(short).collect() },
	]
}

fn data_with(alter: impl Fn(usize, &mut [State; 3], &mut [F]) + Sync) -> DataTrace {
	data::build(&chunks(), &key(1), &NONCE, &Permutations::new(), alter)
}

/// Whether the altered table is taken for what it tells itself.
fn data_holds(alter: impl Fn(usize, &mut [State; 3], &mut [F]) + Sync) -> bool {
	let made = data_with(alter);
	holds(Kind::Data, made.table, made.public.values())
}

fn lock_keys() -> Vec<Key> {
	(0..16 * GROUP_LOCKS as u32).map(|index| key(100 + index)).collect()
}

fn locks_with(alter: impl Fn(usize, &mut [State; 3], &mut [F]) + Sync) -> LockTrace {
	locks::build(&key(1), &lock_keys(), &Permutations::new(), alter)
}

fn locks_hold(alter: impl Fn(usize, &mut [State; 3], &mut [F]) + Sync) -> bool {
	let made = locks_with(alter);
	holds(Kind::Locks, made.table, made.public.values())
}

#[test]
fn true_tables_should_hold() {
	assert!(data_holds(|_, _, _| ()));
	assert!(locks_hold(|_, _, _| ()));
}

#[test]
fn data_should_not_hold_when_one_permutation_is_of_something_else() {
	// The last block but one of the first chunk, and the first of the second.
	for row in [CHUNK_BLOCKS - 2, CHUNK_ROWS] {
		for (what, permutation, element) in [
			("the key", STREAM, 3),
			("the chunk", STREAM, BLOCK),
			("the block", STREAM, BLOCK + 1),
			("the nonce", STREAM, BLOCK + 4),
			("the tag", STREAM, 2 * BLOCK - 1),
			("the payload's block", PAYLOAD, 2),
			("the ciphertext's block", CIPHERTEXT, 2),
			("the payload's capacity", PAYLOAD, BLOCK),
			("the ciphertext's capacity", CIPHERTEXT, 2 * BLOCK - 1),
		] {
			let altered = |at: usize, inputs: &mut [State; 3], _: &mut [F]| {
				if at == row {
					inputs[permutation][element] += F::ONE;
				}
			};
			assert!(!data_holds(altered), "{what} in row {row}");
		}
	}
}

#[test]
fn data_should_not_hold_when_a_whole_chunk_is_of_something_else() {
	for (what, permutation, element) in
		[("the key", STREAM, 0), ("the chunk", STREAM, BLOCK), ("the nonce", STREAM, BLOCK + 2)]
	{
		let altered = |at: usize, inputs: &mut [State; 3], _: &mut [F]| {
			if at < CHUNK_BLOCKS {
				inputs[permutation][element] += F::ONE;
			}
		};
		assert!(!data_holds(altered), "{what}");
	}
}

#[test]
fn data_should_not_hold_when_a_link_lies() {
	for link in [CHUNK_BLOCKS, CHUNK_ROWS + CHUNK_BLOCKS] {
		for (what, permutation, element) in [
			("another key's commitment", STREAM, 0),
			("the commitment's tag", STREAM, 2 * BLOCK - 1),
			("the commitment with a number", STREAM, BLOCK),
			("another chunk of payload", PAYLOAD, 0),
			("another chunk of ciphertext", CIPHERTEXT, 7),
			("another list of payload", PAYLOAD, BLOCK),
			("another list of ciphertext", CIPHERTEXT, 2 * BLOCK - 1),
		] {
			let altered = |at: usize, inputs: &mut [State; 3], _: &mut [F]| {
				if at == link {
					inputs[permutation][element] += F::ONE;
				}
			};
			assert!(!data_holds(altered), "{what} in row {link}");
		}
	}
}

#[test]
fn data_should_not_hold_when_the_length_lies() {
	let second = CHUNK_ROWS;
	// The last block is said not to exist, with and without its count.
	for counts in [false, true] {
		let altered = move |at: usize, _: &mut [State; 3], beside: &mut [F]| {
			if at == second + SHORT - 1 {
				beside[REAL] = F::ZERO;
			}
			if counts && (second..second + SHORT).contains(&at) {
				beside[LEFT] -= F::ONE;
			}
		};
		assert!(!data_holds(altered), "{counts}");
	}
	// A block that does not exist is said to, with and without its count.
	for counts in [false, true] {
		let altered = move |at: usize, _: &mut [State; 3], beside: &mut [F]| {
			if at == second + SHORT {
				beside[REAL] = F::ONE;
			}
			if counts && (second..=second + SHORT).contains(&at) {
				beside[LEFT] += F::ONE;
			}
		};
		assert!(!data_holds(altered), "{counts}");
	}
	// Another block than the last does not exist: the count is right.
	let altered = |at: usize, _: &mut [State; 3], beside: &mut [F]| {
		if at == second + 10 {
			beside[REAL] = F::ZERO;
		}
		if at == second + SHORT {
			beside[REAL] = F::ONE;
		}
		if (second + 11..=second + SHORT).contains(&at) {
			beside[LEFT] += F::ONE;
		}
	};
	assert!(!data_holds(altered));
	// Something stands after the end.
	let altered = |at: usize, inputs: &mut [State; 3], _: &mut [F]| {
		if at == second + SHORT {
			inputs[PAYLOAD][0] = F::ONE;
			inputs[CIPHERTEXT][0] = F::ONE;
		}
	};
	assert!(!data_holds(altered));
}

#[test]
fn data_should_not_hold_for_what_other_chunks_tell() {
	let other = |chunks: &[DataChunk]| data::build(chunks, &key(1), &NONCE, &Permutations::new(), |_, _, _| ()).public;
	let [first, second] = chunks();
	let mut renamed = first.clone();
	renamed.index = 6;
	let mut short = second.clone();
	short.blocks -= 1;
	short.values[SHORT - 1] = Block::default();
	let public = [
		("swapped", other(&[second.clone(), first.clone()])),
		("repeated", other(&[first.clone(), first.clone()])),
		("dropped", other(&[first.clone(), DataChunk::filler()])),
		("another number", other(&[renamed, second.clone()])),
		("truncated", other(&[first, short])),
		("another key", data::build(&chunks(), &key(2), &NONCE, &Permutations::new(), |_, _, _| ()).public),
		("another nonce", data::build(&chunks(), &key(1), &Nonce([8; 32]), &Permutations::new(), |_, _, _| ()).public),
	];
	for (what, public) in public {
		assert!(!holds(Kind::Data, data_with(|_, _, _| ()).table, public.values()), "{what}");
	}
}

#[test]
fn locks_should_not_hold_when_one_permutation_is_of_something_else() {
	for row in [0, GROUP_LOCKS - 1, GROUP_ROWS] {
		for (what, permutation, element) in [
			("the lock key", LOCK, 0),
			("the lock's input", LOCK, BLOCK),
			("the lock's tag", LOCK, 2 * BLOCK - 1),
			("the mask", LEAF, 3),
			("the leaf's lock", LEAF, BLOCK + 3),
			("the absorbed leaf", GROUP, 5),
			("the group's capacity", GROUP, BLOCK),
			("the group's tag", GROUP, 2 * BLOCK - 1),
		] {
			let altered = |at: usize, inputs: &mut [State; 3], _: &mut [F]| {
				if at == row {
					inputs[permutation][element] += F::ONE;
				}
			};
			assert!(!locks_hold(altered), "{what} in row {row}");
		}
	}
}

#[test]
fn locks_should_not_hold_when_a_link_lies() {
	for link in [GROUP_LOCKS, 15 * GROUP_ROWS + GROUP_LOCKS] {
		for (what, permutation, element) in
			[("another key's commitment", LOCK, 1), ("another group", GROUP, 0), ("another list", GROUP, BLOCK)]
		{
			let altered = |at: usize, inputs: &mut [State; 3], _: &mut [F]| {
				if at == link {
					inputs[permutation][element] += F::ONE;
				}
			};
			assert!(!locks_hold(altered), "{what} in row {link}");
		}
	}
}

#[test]
fn locks_should_not_hold_for_another_key() {
	// The locks mask one key, the links commit to another, in the same columns or in others.
	let other = locks::build(&key(2), &lock_keys(), &Permutations::new(), |_, _, _| ());
	let made = locks_with(|_, _, _| ());
	let mut public = made.public.clone();
	public.commitment = other.public.commitment;
	assert!(!holds(Kind::Locks, made.table, public.values()));
	for columns in [false, true] {
		let altered = |at: usize, inputs: &mut [State; 3], beside: &mut [F]| {
			if at % GROUP_ROWS == GROUP_LOCKS {
				inputs[LOCK][..BLOCK].copy_from_slice(key(2).block());
				if columns {
					beside[..BLOCK].copy_from_slice(key(2).block());
				}
			}
		};
		let made = locks_with(altered);
		assert!(!holds(Kind::Locks, made.table, public.values()), "{columns}");
	}
}

#[test]
fn tables_should_not_hold_when_any_cell_is_changed() {
	let mut next = 12_345u64;
	let mut random = |below: usize| {
		next = next.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
		((next >> 33) as usize) % below
	};
	let (data, locks) = (data_with(|_, _, _| ()), locks_with(|_, _, _| ()));
	for _ in 0..40 {
		for (kind, table, public) in
			[(Kind::Data, &data.table, data.public.values()), (Kind::Locks, &locks.table, locks.public.values())]
		{
			let mut table = table.clone();
			let cell = random(table.values.len());
			table.values[cell] += F::ONE;
			let (row, column) = (cell / table.width, cell % table.width);
			assert!(!holds(kind, table, public), "{kind:?}: row {row}, column {column}");
		}
	}
	// The columns beside the permutations, in the rows where something begins or ends.
	for (kind, table, public, period) in [
		(Kind::Data, &data.table, data.public.values(), CHUNK_ROWS),
		(Kind::Locks, &locks.table, locks.public.values(), GROUP_ROWS),
	] {
		for row in [0, period - 2, period - 1, period] {
			for column in super::row::EXTRA..table.width {
				if column % 3 == row % 3 {
					let mut table = table.clone();
					let cell = row * table.width + column;
					table.values[cell] += F::ONE;
					assert!(!holds(kind, table, public.clone()), "{kind:?}: row {row}, column {column}");
				}
			}
		}
	}
}

#[test]
fn proofs_should_not_hold_when_the_table_is_of_another_size() {
	let made = data_with(|_, _, _| ());
	let filled = [Filled { kind: Kind::Data, trace: made.table, public: made.public.values() }];
	let proof = prove(&FIRST, &filled).unwrap();
	let shape = |rows| vec![Shape { kind: Kind::Data, rows, public: made.public.values() }];
	assert!(verify(&FIRST, shape(256), &proof));
	assert!(!verify(&FIRST, shape(128), &proof));
	assert!(!verify(&FIRST, shape(512), &proof));
	assert!(!verify(&[2; 32], shape(256), &proof));
	assert!(!verify(&FIRST, vec![Shape { kind: Kind::Locks, rows: 256, public: made.public.values() }], &proof));
	assert!(!verify(&FIRST, vec![], &proof));
}
