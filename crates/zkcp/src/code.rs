//! The Reed–Solomon code that extends a payload, element by element of its chunks.
//!
//! Let `k` be the number of the payload's chunks, `K` the least power of two with `K ≥ k`, and `w`
//! a root of unity of order `2K`. The chunks and `K − k` zeros are the values of a polynomial of
//! degree below `K` at the even powers of `w`. The chunks that the code adds are its values at the
//! first odd powers. Any `k` of all these chunks therefore give back the others.

use crate::{field::F, layout::Layout};
use alloc::{vec, vec::Vec};
use p3_dft::{Radix2DitParallel, TwoAdicSubgroupDft};
use p3_field::{batch_multiplicative_inverse, PrimeCharacteristicRing, TwoAdicField};
use p3_matrix::{dense::RowMajorMatrix, Matrix};

/// The code for one shape of payload.
#[derive(Clone, Debug)]
pub struct Code {
	chunks: usize,
	parity: usize,
	log_size: usize,
	dft: Radix2DitParallel<F>,
}

impl Code {
	/// The code for a payload's shape.
	pub fn new(layout: &Layout) -> Self {
		let (chunks, total) = (layout.chunks() as usize, layout.total() as usize);
		Self {
			chunks,
			parity: total - chunks,
			log_size: chunks.next_power_of_two().trailing_zeros() as usize,
			dft: Radix2DitParallel::default(),
		}
	}

	/// Rows that [`Self::extend`] works on at once.
	pub const fn size(&self) -> usize {
		1 << self.log_size
	}

	/// Adds the code's rows to the payload's. Each row has `width` elements.
	pub fn extend(&self, values: &mut Vec<F>, width: usize) {
		debug_assert_eq!(values.len(), self.chunks * width);
		let mut padded = Vec::with_capacity(self.size() * width);
		padded.extend_from_slice(values);
		padded.resize(self.size() * width, F::ZERO);
		let coefficients = self.dft.idft_batch(RowMajorMatrix::new(padded, width));
		let parity = self.dft.coset_dft_batch(coefficients, self.root()).to_row_major_matrix();
		values.extend_from_slice(&parity.values[..self.parity * width]);
	}

	/// The root of unity `w`.
	fn root(&self) -> F {
		F::two_adic_generator(self.log_size + 1)
	}

	/// The power of `w` at which the polynomial has this chunk's value.
	const fn position(&self, chunk: usize) -> usize {
		if chunk < self.chunks {
			2 * chunk
		} else {
			2 * (chunk - self.chunks) + 1
		}
	}
}

/// Recovers missing chunks from the others.
#[derive(Clone, Debug)]
pub struct Repair {
	code: Code,
	missing: Vec<usize>,
	/// The values, at every power of `w`, of the polynomial `Z` that is zero at the unknown
	/// positions.
	locator: Vec<F>,
	/// The inverse of the derivative of `Z` at the missing chunks.
	slopes: Vec<F>,
}

impl Repair {
	/// Prepares to recover these chunks. `None` if they are more than the code can recover, or if
	/// one of them does not exist.
	pub fn new(code: Code, missing: &[usize]) -> Option<Self> {
		let mut missing = missing.to_vec();
		missing.sort_unstable();
		missing.dedup();
		if missing.len() > code.parity || missing.iter().any(|chunk| *chunk >= code.chunks + code.parity) {
			return None;
		}
		let domain = 2 * code.size();
		let root = code.root();
		let beyond = (code.parity..code.size()).map(|odd| 2 * odd + 1);
		let unknown: Vec<F> = missing
			.iter()
			.map(|chunk| code.position(*chunk))
			.chain(beyond)
			.map(|power| root.exp_u64(power as u64))
			.collect();
		let mut coefficients = product(&code.dft, &unknown);
		coefficients.resize(domain, F::ZERO);
		let derivative = code.dft.dft(derive(&coefficients));
		let slopes: Vec<F> = missing.iter().map(|chunk| derivative[code.position(*chunk)]).collect();
		let locator = code.dft.dft(coefficients);
		Some(Self { slopes: batch_multiplicative_inverse(&slopes), code, missing, locator })
	}

	/// Returns the missing rows, in order. `values` holds all rows; the content of the missing ones
	/// does not matter.
	pub fn rows(&self, values: &[F], width: usize) -> Vec<F> {
		let code = &self.code;
		let mut scaled = vec![F::ZERO; 2 * code.size() * width];
		for (chunk, row) in values.chunks_exact(width).enumerate() {
			if self.missing.binary_search(&chunk).is_ok() {
				continue;
			}
			let position = code.position(chunk);
			for (to, from) in scaled[position * width..(position + 1) * width].iter_mut().zip(row) {
				*to = *from * self.locator[position];
			}
		}
		let mut coefficients = code.dft.idft_batch(RowMajorMatrix::new(scaled, width));
		let height = coefficients.height();
		for degree in 1..height {
			let factor = F::from_usize(degree);
			for column in 0..width {
				coefficients.values[(degree - 1) * width + column] = coefficients.values[degree * width + column] * factor;
			}
		}
		coefficients.values[(height - 1) * width..].fill(F::ZERO);
		let derivative = code.dft.dft_batch(coefficients).to_row_major_matrix();
		let mut found = Vec::with_capacity(self.missing.len() * width);
		for (chunk, slope) in self.missing.iter().zip(&self.slopes) {
			let position = code.position(*chunk);
			found.extend(derivative.values[position * width..(position + 1) * width].iter().map(|value| *value * *slope));
		}
		found
	}
}

/// The coefficients of `∏ (x − root)`.
fn product(dft: &Radix2DitParallel<F>, roots: &[F]) -> Vec<F> {
	if roots.is_empty() {
		return vec![F::ONE];
	}
	if let [root] = roots {
		return vec![-*root, F::ONE];
	}
	let (left, right) = roots.split_at(roots.len() / 2);
	multiply(dft, product(dft, left), product(dft, right))
}

fn multiply(dft: &Radix2DitParallel<F>, mut left: Vec<F>, mut right: Vec<F>) -> Vec<F> {
	let length = left.len() + right.len() - 1;
	if left.len().min(right.len()) <= 32 {
		let mut product = vec![F::ZERO; length];
		for (at, a) in left.iter().enumerate() {
			for (to, b) in product[at..].iter_mut().zip(&right) {
				*to += *a * *b;
			}
		}
		return product;
	}
	let size = length.next_power_of_two();
	left.resize(size, F::ZERO);
	right.resize(size, F::ZERO);
	let (left, right) = (dft.dft(left), dft.dft(right));
	let mut product = dft.idft(left.into_iter().zip(right).map(|(a, b)| a * b).collect());
	product.truncate(length);
	product
}

fn derive(coefficients: &[F]) -> Vec<F> {
	let mut derivative: Vec<F> =
		coefficients.iter().enumerate().skip(1).map(|(degree, value)| *value * F::from_usize(degree)).collect();
	derivative.push(F::ZERO);
	derivative
}

#[cfg(test)]
mod tests {
	use super::*;
	use p3_field::Field;
	use proptest::prelude::*;

	fn code(chunks: usize, parity: usize) -> Code {
		Code {
			chunks,
			parity,
			log_size: chunks.next_power_of_two().trailing_zeros() as usize,
			dft: Radix2DitParallel::default(),
		}
	}

	fn values(count: usize) -> Vec<F> {
		(0..count).map(|index| F::from_u32((index as u32).wrapping_mul(2_654_435_761) >> 1)).collect()
	}

	#[test]
	fn added_rows_should_be_values_of_the_polynomial() {
		let code = code(5, 3);
		let mut rows = values(5);
		code.extend(&mut rows, 1);
		let root = code.root();
		let points: Vec<F> = (0..8).map(|even| root.exp_u64(2 * even)).collect();
		for (odd, row) in rows[5..].iter().enumerate() {
			let at = root.exp_u64(2 * odd as u64 + 1);
			let mut value = F::ZERO;
			for (index, point) in points.iter().enumerate().take(5) {
				let others = points.iter().enumerate().filter(|(other, _)| *other != index);
				let basis: F = others.map(|(_, other)| (at - *other) * (*point - *other).inverse()).product();
				value += basis * rows[index];
			}
			assert_eq!(*row, value);
		}
	}

	proptest! {
		#[test]
		fn any_missing_rows_should_be_found(
			chunks in 1usize..200, share in 0usize..100, width in 1usize..4, seed in any::<u64>(),
		) {
			let code = code(chunks, chunks * share / 100);
			let mut rows = values(chunks * width);
			code.extend(&mut rows, width);
			let total = chunks + code.parity;
			// The rows that a shuffle puts first.
			let mut order: Vec<usize> = (0..total).collect();
			order.sort_by_key(|index| (*index as u64 + 1).wrapping_mul(seed | 1));
			let mut missing = order[..code.parity].to_vec();
			let repair = Repair::new(code.clone(), &missing).unwrap();
			let mut damaged = rows.clone();
			for chunk in &missing {
				damaged[chunk * width..(chunk + 1) * width].fill(F::ONE);
			}
			missing.sort_unstable();
			let expected: Vec<F> = missing.iter().flat_map(|chunk| rows[chunk * width..(chunk + 1) * width].to_vec()).collect();
			prop_assert_eq!(repair.rows(&damaged, width), expected);
		}
	}

	#[test]
	fn more_than_the_code_adds_should_not_be_repaired() {
		assert!(Repair::new(code(5, 3), &[0, 1, 7]).is_some());
		assert!(Repair::new(code(5, 3), &[0, 1, 0, 7]).is_some());
		assert!(Repair::new(code(5, 3), &[0, 1, 2, 7]).is_none());
		assert!(Repair::new(code(5, 3), &[8]).is_none());
	}
}
