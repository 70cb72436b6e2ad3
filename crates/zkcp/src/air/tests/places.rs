//! All fillings of the columns that say where a row stands, for small tables.

use super::{
	super::row::{place, EXTRA, OWN},
	*,
};

struct Places {
	period: usize,
}

impl BaseAir<F> for Places {
	fn width(&self) -> usize {
		OWN
	}
}

impl<AB: AirBuilder<F = F>> Air<AB> for Places {
	fn eval(&self, builder: &mut AB) {
		place(builder, self.period);
	}
}

/// The number, link and first of a row. It covers all numbers up to the period, one that is no
/// place, and links that are neither one nor zero.
fn cells(filling: usize, period: usize) -> [usize; 3] {
	[filling % (period + 1), filling / (period + 1) % 3, filling / (period + 1) / 3]
}

#[test]
fn places_should_have_one_filling_and_need_each_constraint() {
	let mut alone = BTreeSet::new();
	let mut all = 0;
	for (period, rows) in [(2usize, 3), (2, 4), (3, 3), (3, 2)] {
		let each = (period + 1) * 3 * 2;
		let mut holding = Vec::new();
		for number in 0..each.pow(rows) {
			let places: Vec<[usize; 3]> = (0..rows).map(|row| cells(number / each.pow(row) % each, period)).collect();
			let mut table = RowMajorMatrix::new(F::zero_vec(OWN * places.len()), OWN);
			for (row, place) in table.values.chunks_exact_mut(OWN).zip(&places) {
				row[EXTRA..].copy_from_slice(&place.map(F::from_usize));
			}
			let (broken, constraints) = broken(&Places { period }, &table, &[]);
			all = constraints;
			match broken.len() {
				0 => holding.push(places),
				1 => alone.extend(broken),
				_ => {},
			}
		}
		let right =
			|row: usize| [row % period, usize::from(row % period == period - 1), usize::from(row.is_multiple_of(period))];
		let expected: Vec<_> = (0..rows as usize).map(right).collect();
		assert_eq!(holding, if (rows as usize).is_multiple_of(period) { vec![expected] } else { vec![] });
	}
	// No filling breaks only one of these three: the first number is zero, the last row is a link,
	// links are one or zero.
	assert_eq!((0..all).filter(|constraint| !alone.contains(constraint)).collect::<Vec<_>>(), [0, 1, 2]);
}
