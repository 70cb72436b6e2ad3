//! False witnesses for tables of data.

use super::{
	super::data::{self, DataChunk, DataTrace},
	*,
};
use crate::{field::pack, layout::CHUNK_BLOCKS, nonce::Nonce};
use std::ops::Range;

const NONCE: Nonce = Nonce([7; 32]);
const STREAM: usize = 0;
const PAYLOAD: usize = 1;
const CIPHERTEXT: usize = 2;
/// Beside a row: how many blocks are left, and whether this one exists.
const LEFT: usize = 2 * BLOCK;
const REAL: usize = LEFT + 1;
/// A row in the middle of the first chunk, and the rows of the second.
const MIDDLE: usize = 5;
const SECOND: usize = CHUNK_ROWS;
/// The number of blocks of the second chunk.
const SHORT: usize = 100;
const LINKS: [usize; 2] = [CHUNK_BLOCKS, SECOND + CHUNK_BLOCKS];

type Change<'a> = dyn Fn(usize, Step, &mut [State; 3], &mut [F]) + Sync + 'a;

fn chunks() -> [DataChunk; 2] {
	let value = |block: usize| pack(&[block as u8; 30]);
	let short = |block: usize| if block < SHORT { value(block + 1) } else { Block::default() };
	[
		DataChunk { index: 4, blocks: CHUNK_BLOCKS, values: (0..CHUNK_BLOCKS).map(value).collect() },
		DataChunk { index: 5, blocks: SHORT, values: (0..CHUNK_BLOCKS).map(short).collect() },
	]
}

fn data_with(alter: impl Fn(usize, Step, &mut [State; 3], &mut [F]) + Sync) -> DataTrace {
	data::build(&chunks(), &key(1), &NONCE, &Permutations::new(), alter)
}

pub fn honest() -> Witness {
	of("nothing", data_with(|_, _, _, _| ()))
}

fn of(what: impl Into<String>, made: DataTrace) -> Witness {
	Witness { what: what.into(), kind: Kind::Data, table: made.table, public: made.public.values() }
}

/// Adds one to the input of a permutation in these rows after a step.
fn added(what: &str, rows: &[usize], step: Step, permutation: usize, element: usize) -> Witness {
	let alter = |at: usize, now: Step, inputs: &mut [State; 3], _: &mut [F]| {
		if now == step && rows.contains(&at) {
			inputs[permutation][element] += F::ONE;
		}
	};
	of(format!("{what}, {element}"), data_with(alter))
}

/// Witnesses in which no chunk is decrypted correctly.
fn of_streams() -> Vec<Witness> {
	let first: Vec<usize> = (0..CHUNK_BLOCKS).collect();
	let rest: Vec<usize> = (MIDDLE..CHUNK_BLOCKS).collect();
	let mut all = vec![
		added("the chunk's number in one block's stream", &[MIDDLE], Step::Given, STREAM, BLOCK),
		added("the chunk's number in the rest's stream", &rest, Step::Given, STREAM, BLOCK),
		added("the chunk's number in the chunk's stream", &first, Step::Given, STREAM, BLOCK),
		added("the chunk's number in the commitments", &LINKS, Step::Listed, STREAM, BLOCK),
		added("the block's number in one block's stream", &[MIDDLE], Step::Given, STREAM, BLOCK + 1),
		added("the block's number in the commitments", &LINKS, Step::Listed, STREAM, BLOCK + 1),
		added("the stream's tag", &[MIDDLE], Step::Given, STREAM, 2 * BLOCK - 1),
		added("the commitments' tag", &LINKS, Step::Listed, STREAM, 2 * BLOCK - 1),
	];
	for element in BLOCK + 2..2 * BLOCK - 1 {
		all.push(added("the nonce in one block's stream", &[MIDDLE], Step::Given, STREAM, element));
		all.push(added("the nonce in the chunk's stream", &first, Step::Given, STREAM, element));
		all.push(added("a nonce in the commitments", &LINKS, Step::Listed, STREAM, element));
	}
	for element in 0..BLOCK {
		all.push(added("the key in one block's stream", &[MIDDLE], Step::Given, STREAM, element));
		all.push(added("the key in the chunk's stream", &first, Step::Given, STREAM, element));
		all.push(added("the key in a commitment", &LINKS[..1], Step::Listed, STREAM, element));
		all.push(added("the key in the commitments", &LINKS, Step::Listed, STREAM, element));
		all.push(added("the block of ciphertext", &[MIDDLE], Step::Absorbed, CIPHERTEXT, element));
		all.push(added("the block of payload", &[MIDDLE], Step::Absorbed, PAYLOAD, element));
		let mut another = data_with(|_, _, _, _| ());
		another.public.commitment[element] += F::ONE;
		all.push(of(format!("another commitment, {element}"), another));
	}
	all
}

/// Witnesses with a wrong number of blocks.
fn of_lengths() -> Vec<Witness> {
	let last = SECOND + SHORT - 1;
	// One block too many is left in these rows, and the header of the chunk that begins there
	// counts one more.
	let announced = |rows: Range<usize>| {
		move |at: usize, step: Step, inputs: &mut [State; 3], beside: &mut [F]| {
			let row = (at, step);
			if rows.contains(&at) && (step == Step::Given || row == (LINKS[0], Step::Listed)) {
				beside[LEFT] += F::ONE;
			}
			if row == (rows.start, Step::Absorbed) {
				inputs[PAYLOAD][BLOCK + 1] += F::ONE;
				inputs[CIPHERTEXT][BLOCK + 1] += F::ONE;
			}
		}
	};
	// A block of zeros that counts `times` times.
	let counts = |row: usize, times: F| {
		move |at: usize, step: Step, inputs: &mut [State; 3], beside: &mut [F]| {
			if (at, step) == (row, Step::Given) {
				beside[REAL] = times;
				inputs[PAYLOAD][..BLOCK].fill(F::ZERO);
			}
		}
	};
	let altered = |what: &str, alter: &Change<'_>| of(what, data_with(alter));
	let mut all = vec![
		altered("a block more, never counted", &announced(0..CHUNK_ROWS)),
		altered("a block more, counted in between", &announced(0..MIDDLE)),
		altered("a block after the end", &counts(last + 1, F::ONE)),
		altered("no last block", &counts(last, F::ZERO)),
		altered("a block that counts twice", &|at, step, inputs, beside| {
			announced(SECOND..last + 1)(at, step, inputs, beside);
			counts(last, F::TWO)(at, step, inputs, beside);
		}),
		altered("a gap before the last block", &|at, step, inputs, beside| {
			counts(last, F::ZERO)(at, step, inputs, beside);
			counts(last + 1, F::ONE)(at, step, inputs, beside);
			if (at, step) == (last + 1, Step::Given) {
				beside[LEFT] = F::ONE;
			}
		}),
		altered("a chunk cut by its last block", &|at, step, inputs, beside| {
			counts(last, F::ZERO)(at, step, inputs, beside);
			if step == Step::Given && (SECOND..=last).contains(&at) {
				beside[LEFT] -= F::ONE;
			}
		}),
		altered("a link that is a block", &|at, step, _, beside| {
			if (at, step) == (LINKS[0], Step::Listed) {
				beside[REAL] = F::ONE;
			}
		}),
	];
	for element in 0..BLOCK {
		all.push(added("payload after the end", &[last + 1], Step::Given, PAYLOAD, element));
		all.push(added("ciphertext after the end", &[last + 1], Step::Absorbed, CIPHERTEXT, element));
	}
	all
}

/// Witnesses with wrong headers, capacities or digests.
fn of_sponges() -> Vec<Witness> {
	let mut all = Vec::new();
	for (name, sponge, list) in [("payload", PAYLOAD, 0), ("ciphertext", CIPHERTEXT, BLOCK)] {
		for element in BLOCK..2 * BLOCK {
			all.push(added(&format!("the header of {name}"), &[SECOND], Step::Absorbed, sponge, element));
			all.push(added(&format!("the capacity of {name}"), &[MIDDLE], Step::Absorbed, sponge, element));
			all.push(added(&format!("the capacity of the list of {name}"), &LINKS[..1], Step::Listed, sponge, element));
		}
		for element in 0..BLOCK {
			all.push(added(&format!("another digest of {name} in the list"), &LINKS[..1], Step::Listed, sponge, element));
			// The columns that hold the list's capacity, and the link's input that must equal them.
			for (what, rows) in [
				("begun otherwise", 0..CHUNK_ROWS),
				("changed in a chunk", MIDDLE..CHUNK_ROWS),
				("changed between chunks", SECOND..2 * CHUNK_ROWS),
			] {
				let alter = |at: usize, step: Step, inputs: &mut [State; 3], beside: &mut [F]| {
					if step == Step::Listed && rows.contains(&at) {
						beside[list + element] += F::ONE;
						if LINKS.contains(&at) {
							inputs[sponge][BLOCK + element] += F::ONE;
						}
					}
				};
				all.push(of(format!("the list of {name} {what}, {element}"), data_with(alter)));
			}
			let mut another = data_with(|_, _, _, _| ());
			let end = if sponge == PAYLOAD { &mut another.public.payload } else { &mut another.public.ciphertext };
			end[element] += F::ONE;
			all.push(of(format!("another end of the list of {name}, {element}"), another));
		}
	}
	all
}

pub fn falsehoods() -> Vec<Witness> {
	[of_streams(), of_lengths(), of_sponges()].into_iter().flatten().collect()
}

#[test]
fn data_should_not_hold_for_what_other_chunks_tell() {
	let told = |chunks: &[DataChunk], secret: u32, nonce: &Nonce| {
		data::build(chunks, &key(secret), nonce, &Permutations::new(), |_, _, _, _| ()).public.values()
	};
	let [first, second] = chunks();
	let mut renamed = first.clone();
	renamed.index = 6;
	let mut short = second.clone();
	short.blocks -= 1;
	short.values[SHORT - 1] = Block::default();
	for (what, public) in [
		("swapped", told(&[second.clone(), first.clone()], 1, &NONCE)),
		("repeated", told(&[first.clone(), first.clone()], 1, &NONCE)),
		("dropped", told(&[first.clone(), DataChunk::filler()], 1, &NONCE)),
		("another number", told(&[renamed, second.clone()], 1, &NONCE)),
		("truncated", told(&[first, short], 1, &NONCE)),
		("another key", told(&chunks(), 2, &NONCE)),
		("another nonce", told(&chunks(), 1, &Nonce([8; 32]))),
	] {
		assert!(!Witness { what: what.into(), public, ..honest() }.taken(), "{what}");
	}
}
