//! False witnesses for tables of locks.

use super::{
	super::{
		locks::{self, LockTrace},
		GROUP_LOCKS, GROUP_ROWS,
	},
	*,
};
use crate::key::Key;

const LOCK: usize = 0;
const LEAF: usize = 1;
const GROUP: usize = 2;
/// Beside a row: the content key, and the capacity of the list.
const KEY: usize = 0;
const LIST: usize = BLOCK;
/// A row in the middle of the first group, and the rows of the second.
const MIDDLE: usize = 5;
const SECOND: usize = GROUP_ROWS;
const GROUPS: usize = 16;

fn links() -> Vec<usize> {
	(1..=GROUPS).map(|group| group * GROUP_ROWS - 1).collect()
}

fn locks_with(alter: impl Fn(usize, Step, &mut [State; 3], &mut [F]) + Sync) -> LockTrace {
	let lock_keys: Vec<Key> = (0..(GROUPS * GROUP_LOCKS) as u32).map(|index| key(100 + index)).collect();
	locks::build(&key(1), &lock_keys, &Permutations::new(), alter)
}

pub fn honest() -> Witness {
	of("nothing", locks_with(|_, _, _, _| ()))
}

fn of(what: impl Into<String>, made: LockTrace) -> Witness {
	Witness { what: what.into(), kind: Kind::Locks, table: made.table, public: made.public.values() }
}

/// Adds one to the input of a permutation in these rows after a step.
fn added(what: &str, rows: &[usize], step: Step, permutation: usize, element: usize) -> Witness {
	let alter = |at: usize, now: Step, inputs: &mut [State; 3], _: &mut [F]| {
		if now == step && rows.contains(&at) {
			inputs[permutation][element] += F::ONE;
		}
	};
	of(format!("{what}, {element}"), locks_with(alter))
}

pub fn falsehoods() -> Vec<Witness> {
	let links = links();
	let mut all = Vec::new();
	for element in BLOCK..2 * BLOCK {
		all.push(added("a lock of more than its key", &[MIDDLE], Step::Given, LOCK, element));
		all.push(added("commitments of more than their key", &links, Step::Listed, LOCK, element));
		all.push(added("another lock in the leaf", &[MIDDLE], Step::Derived, LEAF, element));
		all.push(added("the group's header", &[SECOND], Step::Absorbed, GROUP, element));
		all.push(added("the group's capacity", &[MIDDLE], Step::Absorbed, GROUP, element));
		all.push(added("the capacity of the list", &links[..1], Step::Listed, GROUP, element));
	}
	for element in 0..BLOCK {
		all.push(added("a mask of another key", &[MIDDLE], Step::Derived, LEAF, element));
		all.push(added("another leaf in the group", &[MIDDLE], Step::Absorbed, GROUP, element));
		all.push(added("another group in the list", &links[..1], Step::Listed, GROUP, element));
		all.push(added("another key's commitments", &links, Step::Listed, LOCK, element));
		let masking_another = |at: usize, step: Step, _: &mut [State; 3], beside: &mut [F]| {
			if step == Step::Given && at < GROUP_LOCKS {
				beside[KEY + element] += F::ONE;
			}
		};
		all.push(of(format!("a group of another key, {element}"), locks_with(masking_another)));
		for (what, rows) in [
			("begun otherwise", 0..GROUP_ROWS),
			("changed in a group", MIDDLE..GROUP_ROWS),
			("changed between groups", SECOND..2 * GROUP_ROWS),
		] {
			let alter = |at: usize, step: Step, inputs: &mut [State; 3], beside: &mut [F]| {
				if step == Step::Listed && rows.contains(&at) {
					beside[LIST + element] += F::ONE;
					if links.contains(&at) {
						inputs[GROUP][BLOCK + element] += F::ONE;
					}
				}
			};
			all.push(of(format!("the list {what}, {element}"), locks_with(alter)));
		}
		let (mut another_key, mut another_end) = (locks_with(|_, _, _, _| ()), locks_with(|_, _, _, _| ()));
		another_key.public.commitment[element] += F::ONE;
		another_end.public.groups[element] += F::ONE;
		all.push(of(format!("another commitment, {element}"), another_key));
		all.push(of(format!("another end of the list, {element}"), another_end));
	}
	all
}
