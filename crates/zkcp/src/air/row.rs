//! What all tables share: three permutations in each row, and the row's place.

use crate::{
	field::{BLOCK, F},
	poseidon::State,
};
use core::borrow::Borrow;
use p3_air::{Air, AirBuilder, WindowAccess};
use p3_field::PrimeCharacteristicRing;
use p3_koala_bear::{
	MDSKoalaBearData, KOALABEAR_POSEIDON1_RC_16, KOALABEAR_POSEIDON_HALF_FULL_ROUNDS, KOALABEAR_POSEIDON_PARTIAL_ROUNDS_16,
	KOALABEAR_S_BOX_DEGREE,
};
use p3_poseidon1::Poseidon1Constants;
use p3_poseidon1_air::{num_cols, Poseidon1Air, Poseidon1Cols};
use p3_uni_stark::SubAirBuilder;

const HALF: usize = KOALABEAR_POSEIDON_HALF_FULL_ROUNDS;
const PARTIAL: usize = KOALABEAR_POSEIDON_PARTIAL_ROUNDS_16;

/// The constraints of a permutation.
pub type Permutation = Poseidon1Air<F, 16, KOALABEAR_S_BOX_DEGREE, 0, HALF, PARTIAL>;
type Columns<T> = Poseidon1Cols<T, 16, KOALABEAR_S_BOX_DEGREE, 0, HALF, PARTIAL>;

/// Permutations in a row.
pub const PERMUTATIONS: usize = 3;
/// Columns of a permutation.
const COLUMNS: usize = num_cols::<16, KOALABEAR_S_BOX_DEGREE, 0, HALF, PARTIAL>();
/// The first column after the permutations.
pub const EXTRA: usize = PERMUTATIONS * COLUMNS;

fn constants() -> Poseidon1Constants<F, 16> {
	Poseidon1Constants {
		rounds_f: 2 * HALF,
		rounds_p: PARTIAL,
		mds_circ_col: <MDSKoalaBearData as p3_monty_31::MDSUtils>::MATRIX_CIRC_MDS_16_COL,
		round_constants: KOALABEAR_POSEIDON1_RC_16.to_vec(),
	}
}

/// The constraints of a permutation.
pub fn permutation() -> Permutation {
	let (full, partial) = constants().to_optimized();
	Permutation::new(full, partial)
}

/// Constrains the columns of each of the row's permutations.
pub fn eval<AB: AirBuilder<F = F>>(permutation: &Permutation, builder: &mut AB) {
	for index in 0..PERMUTATIONS {
		let columns = index * COLUMNS..(index + 1) * COLUMNS;
		permutation.eval(&mut SubAirBuilder::<AB, Permutation, AB::Var>::new(builder, columns));
	}
}

/// One permutation of a row: its input and its output.
pub struct Io<T> {
	/// The input.
	pub input: State<T>,
	/// The output.
	pub output: State<T>,
}

impl<T: Copy> Io<T> {
	/// The permutation with this index.
	pub fn of(row: &[T], index: usize) -> Self {
		let columns: &Columns<T> = row[index * COLUMNS..(index + 1) * COLUMNS].borrow();
		Self { input: columns.inputs, output: columns.ending_full_rounds[HALF - 1].post }
	}

	/// The input's rate.
	pub fn rate(&self) -> [T; BLOCK] {
		crate::poseidon::rate(&self.input)
	}

	/// The input's capacity.
	pub fn capacity(&self) -> [T; BLOCK] {
		crate::poseidon::capacity(&self.input)
	}

	/// The output's first half.
	pub fn digest(&self) -> [T; BLOCK] {
		crate::poseidon::rate(&self.output)
	}

	/// The output's second half.
	pub fn held(&self) -> [T; BLOCK] {
		crate::poseidon::capacity(&self.output)
	}
}

/// The row's number within its period, whether it is the link (the last row of the period), and
/// whether it is the first row.
const NUMBER: usize = EXTRA;
const LINK: usize = NUMBER + 1;
const FIRST: usize = LINK + 1;
/// The first of the columns that a kind of table adds.
pub const OWN: usize = FIRST + 1;

/// The place of a row within its period. Flags are one or zero.
pub struct Place<E> {
	/// The row's number.
	pub number: E,
	/// Whether it is the first.
	pub first: E,
	/// Whether it is the link, which is the last row.
	pub link: E,
	/// Whether it is not the link.
	pub inner: E,
	/// Whether neither this row nor the next is the link.
	pub followed: E,
	/// Whether the next row is the link.
	pub last: E,
}

/// Constrains the columns that say where a row is within this period.
///
/// Numbers rise from zero until a link, a link has the last number, and the table ends with a link.
/// These columns can therefore be filled in one way only.
///
/// They are ordinary columns instead of Plonky3's periodic ones, whose degrees cost a verifier 30
/// ms.
pub fn place<AB: AirBuilder<F = F>>(builder: &mut AB, period: usize) -> Place<AB::Expr> {
	let main = builder.main();
	let (row, next) = (main.current_slice(), main.next_slice());
	let link: AB::Expr = row[LINK].into();
	let inner = AB::Expr::ONE - link.clone();
	let last: AB::Expr = next[LINK].into();
	builder.when_first_row().assert_zero(row[NUMBER]);
	builder.when_last_row().assert_one(row[LINK]);
	builder.assert_bool(row[LINK]);
	builder.when(link.clone()).assert_eq(row[NUMBER], AB::Expr::from(F::from_usize(period - 1)));
	builder.when(link.clone()).assert_zero(next[NUMBER]);
	builder.when(inner.clone()).assert_eq(next[NUMBER], row[NUMBER] + AB::Expr::ONE);
	builder.assert_eq(next[FIRST], row[LINK]);
	Place { number: row[NUMBER].into(), first: row[FIRST].into(), followed: inner.clone() - last.clone(), inner, link, last }
}

/// A block that starts at a column.
pub fn block<T: Copy>(row: &[T], start: usize) -> [T; BLOCK] {
	core::array::from_fn(|index| row[start + index])
}

/// Fills a table. `inputs` are those of the three permutations of each row, and `own` are the
/// columns that the kind of table adds. Rows repeat with this period.
#[cfg(feature = "std")]
pub fn trace(inputs: &[[State; PERMUTATIONS]], period: usize, own: &[F]) -> p3_matrix::dense::RowMajorMatrix<F> {
	use p3_maybe_rayon::prelude::*;
	let (full, partial) = constants().to_optimized();
	let inputs: alloc::vec::Vec<State> = inputs.as_flattened().to_vec();
	let rows = inputs.len() / PERMUTATIONS;
	let permutations =
		p3_poseidon1_air::generate_vectorized_trace_rows::<F, 16, KOALABEAR_S_BOX_DEGREE, 0, HALF, PARTIAL, PERMUTATIONS>(
			inputs, &full, &partial, 0,
		);
	let beside = own.len() / rows;
	let width = OWN + beside;
	let mut values = F::zero_vec(rows * width);
	let sources = permutations.values.par_chunks(EXTRA).zip(own.par_chunks(beside));
	values.par_chunks_mut(width).zip(sources).enumerate().for_each(|(index, (row, (permutations, own)))| {
		let number = index % period;
		row[..EXTRA].copy_from_slice(permutations);
		row[NUMBER] = F::from_usize(number);
		row[LINK] = F::from_bool(number + 1 == period);
		row[FIRST] = F::from_bool(number == 0);
		row[OWN..].copy_from_slice(own);
	});
	p3_matrix::dense::RowMajorMatrix::new(values, width)
}
