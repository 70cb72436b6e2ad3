//! False witnesses whose permutations all hold: which constraints they break, and that the verifier
//! refuses proofs of them.

mod data;
mod locks;
mod places;

use super::{Kind, Step, Table, CHUNK_ROWS, GROUP_ROWS};
use crate::{
	field::{Block, BLOCK, F},
	key::tests::key,
	lanes::Permutations,
	poseidon::State,
	stark::{prove, verify, Filled, Shape},
};
use p3_air::{check_all_constraints, Air, AirBuilder, BaseAir, DebugConstraintBuilder};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;
use std::{
	collections::BTreeSet,
	panic::{catch_unwind, AssertUnwindSafe},
};

const FIRST: [u8; 32] = [1; 32];

/// A filled table with its public values, and what is false about it.
#[derive(Clone)]
struct Witness {
	what: String,
	kind: Kind,
	table: RowMajorMatrix<F>,
	public: Vec<F>,
}

impl Witness {
	/// The constraints that it breaks, by their number among the table's.
	fn broken(&self) -> BTreeSet<usize> {
		let table = Table::all([self.kind]).remove(0);
		broken(&table, &self.table, &self.public).0
	}

	/// Whether the verifier accepts a proof of it.
	fn taken(self) -> bool {
		let Self { kind, table: trace, public, .. } = self;
		let shape = vec![Shape { kind, rows: trace.values.len() / trace.width, public: public.clone() }];
		// With debug assertions, Plonky3 panics if a constraint does not hold.
		let proof = catch_unwind(AssertUnwindSafe(|| prove(&FIRST, &[Filled { kind, trace, public }]).unwrap()));
		proof.is_ok_and(|proof| verify(&FIRST, shape, &proof))
	}
}

/// The constraints that a filled table breaks, and how many there are.
fn broken(
	air: &impl for<'a> Air<DebugConstraintBuilder<'a, F>>,
	table: &RowMajorMatrix<F>,
	public: &[F],
) -> (BTreeSet<usize>, usize) {
	let report = check_all_constraints(air, table, public, None);
	(report.failures.iter().map(|failure| failure.constraint).collect(), report.total_constraints_per_row)
}

/// The first constraints of every table: the permutations, and the rows' places.
struct Beginning(super::row::Permutation);

impl BaseAir<F> for Beginning {
	fn width(&self) -> usize {
		super::row::OWN
	}
}

impl<AB: AirBuilder<F = F>> Air<AB> for Beginning {
	fn eval(&self, builder: &mut AB) {
		super::row::eval(&self.0, builder);
		super::row::place(builder, 2);
	}
}

#[test]
fn true_tables_should_hold() {
	for honest in [data::honest(), locks::honest()] {
		assert_eq!(honest.broken(), BTreeSet::new());
		assert!(honest.taken());
	}
}

#[test]
fn false_tables_should_break_each_constraint_alone() {
	let beginning = Beginning(super::row::permutation());
	for (honest, falsehoods) in [(data::honest(), data::falsehoods()), (locks::honest(), locks::falsehoods())] {
		let (_, shared) = broken(&beginning, &honest.table, &[]);
		let (_, all) = broken(&Table::all([honest.kind])[0], &honest.table, &honest.public);
		let mut alone = BTreeSet::new();
		for falsehood in falsehoods {
			let broken = falsehood.broken();
			assert!(!broken.is_empty(), "{}", falsehood.what);
			assert!(
				broken.iter().all(|constraint| *constraint >= shared),
				"{}: its permutations do not hold",
				falsehood.what
			);
			if broken.len() == 1 {
				alone.extend(broken);
			}
		}
		// Every constraint is needed: without it, one of these falsehoods would be accepted.
		let missing: Vec<_> = (shared..all).filter(|constraint| !alone.contains(constraint)).collect();
		assert_eq!(missing, [], "{:?}: constraints {shared} to {all}", honest.kind);
	}
}

#[test]
fn proofs_of_false_tables_should_be_refused() {
	for falsehoods in [data::falsehoods(), locks::falsehoods()] {
		let mut tried = BTreeSet::new();
		for falsehood in falsehoods {
			let (kind, what) = (falsehood.kind, falsehood.what.clone());
			// One element of each falsehood is enough.
			let name = what.split(',').next().unwrap_or_default().to_owned();
			if tried.insert(name) {
				assert!(!falsehood.taken(), "{kind:?}: {what}");
			}
		}
		assert!(tried.len() > 10);
	}
}

#[test]
fn tables_should_not_hold_when_any_cell_is_changed() {
	let mut next = 12_345u64;
	let mut random = |below: usize| {
		next = next.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
		((next >> 33) as usize) % below
	};
	for (honest, period) in [(data::honest(), CHUNK_ROWS), (locks::honest(), GROUP_ROWS)] {
		let width = honest.table.width;
		let anywhere: Vec<_> = (0..2_000).map(|_| random(honest.table.values.len())).collect();
		// The columns beside the permutations, in rows where something begins or ends.
		let rows = [0, 1, period - 2, period - 1, period, honest.table.values.len() / width - 1];
		let beside = rows.iter().flat_map(|row| (super::row::EXTRA..width).map(move |column| row * width + column));
		for cell in anywhere.into_iter().chain(beside) {
			let mut false_one = honest.clone();
			false_one.table.values[cell] += F::ONE;
			assert!(!false_one.broken().is_empty(), "{:?}: row {}, column {}", honest.kind, cell / width, cell % width);
		}
	}
}

#[test]
fn proofs_should_not_hold_when_the_table_is_of_another_size() {
	let Witness { kind, table, public, .. } = data::honest();
	let proof = prove(&FIRST, &[Filled { kind, trace: table, public: public.clone() }]).unwrap();
	let shape = |kind, rows| vec![Shape { kind, rows, public: public.clone() }];
	assert!(verify(&FIRST, shape(kind, 256), &proof));
	assert!(!verify(&FIRST, shape(kind, 128), &proof));
	assert!(!verify(&FIRST, shape(kind, 512), &proof));
	assert!(!verify(&[2; 32], shape(kind, 256), &proof));
	assert!(!verify(&FIRST, shape(Kind::Locks, 256), &proof));
	assert!(!verify(&FIRST, vec![], &proof));
}
