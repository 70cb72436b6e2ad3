//! Poseidon over the curve's scalar field, x⁵, nine elements: 8 full and 63 partial rounds, the
//! constants of the reference script.

use ark_bn254::Fr;
use ark_crypto_primitives::sponge::poseidon::find_poseidon_ark_and_mds;
use ark_ff::{AdditiveGroup, Field, PrimeField};
use ark_relations::gr1cs::{ConstraintSystemRef, LinearCombination, Result, Variable};

/// Elements of a state: the first is the capacity.
pub const WIDTH: usize = 9;
/// Elements that a sponge takes in at once.
pub const RATE: usize = WIDTH - 1;
const HALF: usize = 4;
const PARTIAL: usize = 63;
/// The values that the state is linear in during the partial rounds: one, the S-boxes of the last
/// full round before them, and their own.
const BASIS: usize = 1 + WIDTH + PARTIAL;

type Row = [Fr; BASIS];

/// The permutation with its constants.
pub struct Poseidon {
	constants: Vec<Vec<Fr>>,
	matrix: Vec<Vec<Fr>>,
	/// The inputs of the partial rounds' S-boxes.
	partial: Vec<Row>,
	/// The state after the partial rounds.
	after: Vec<Row>,
}

/// An element of the circuit: its value, and what it is a combination of.
#[derive(Clone, Debug, Default)]
pub struct Cell {
	/// Its value.
	pub value: Fr,
	/// The combination.
	pub terms: Vec<(Fr, Variable)>,
}

impl Cell {
	/// A constant.
	pub fn constant(value: Fr) -> Self {
		Self { value, terms: vec![(value, Variable::One)] }
	}

	/// A new secret.
	pub fn witness(system: &ConstraintSystemRef<Fr>, value: Fr) -> Result<Self> {
		Ok(Self { value, terms: vec![(Fr::ONE, system.new_witness_variable(|| Ok(value))?)] })
	}

	/// The sum of two.
	pub fn add(&self, other: &Self) -> Self {
		Self { value: self.value + other.value, terms: [&self.terms[..], &other.terms].concat() }
	}

	/// The combination in the library's type.
	pub fn combination(&self) -> LinearCombination<Fr> {
		let mut combination = LinearCombination(self.terms.clone());
		combination.compactify();
		combination
	}

	/// The combination of these cells with these coefficients.
	fn sum<'a>(coefficients: &[Fr], cells: impl Iterator<Item = &'a Self>) -> Self {
		let mut sum = Self::default();
		for (coefficient, cell) in coefficients.iter().zip(cells) {
			sum.value += *coefficient * cell.value;
			sum.terms.extend(cell.terms.iter().map(|(factor, variable)| (*coefficient * factor, *variable)));
		}
		sum
	}

	/// The fifth power: three constraints.
	fn boxed(&self, system: &ConstraintSystemRef<Fr>) -> Result<Self> {
		let square = Self::witness(system, self.value.square())?;
		let fourth = Self::witness(system, square.value.square())?;
		let fifth = Self::witness(system, fourth.value * self.value)?;
		let input = system.new_lc(|| self.combination())?;
		let one = |variable: Variable| LinearCombination::from(variable);
		system.enforce_r1cs_constraint(|| one(input), || one(input), || square.combination())?;
		system.enforce_r1cs_constraint(|| square.combination(), || square.combination(), || fourth.combination())?;
		system.enforce_r1cs_constraint(|| fourth.combination(), || one(input), || fifth.combination())?;
		Ok(fifth)
	}
}

impl Poseidon {
	/// Makes the constants.
	pub fn new() -> Self {
		let (constants, matrix) =
			find_poseidon_ark_and_mds::<Fr>(u64::from(Fr::MODULUS_BIT_SIZE), RATE, 2 * HALF as u64, PARTIAL as u64, 0);
		let mix = |lanes: &[Row]| -> Vec<Row> {
			let lane = |factors: &Vec<Fr>| {
				core::array::from_fn(|at| factors.iter().zip(lanes).map(|(factor, lane)| *factor * lane[at]).sum())
			};
			matrix.iter().map(lane).collect()
		};
		let unit = |at: usize| {
			let mut row = [Fr::ZERO; BASIS];
			row[at] = Fr::ONE;
			row
		};
		let mut lanes = mix(&core::array::from_fn::<_, WIDTH, _>(|lane| unit(1 + lane)));
		let mut partial = Vec::with_capacity(PARTIAL);
		for round in 0..PARTIAL {
			for (lane, constant) in lanes.iter_mut().zip(&constants[HALF + round]) {
				lane[0] += constant;
			}
			partial.push(core::mem::replace(&mut lanes[0], unit(1 + WIDTH + round)));
			lanes = mix(&lanes);
		}
		Self { constants, matrix, partial, after: lanes }
	}

	/// One permutation, in the circuit.
	pub fn permute(&self, system: &ConstraintSystemRef<Fr>, state: Vec<Cell>) -> Result<Vec<Cell>> {
		let boxes = |state: Vec<Cell>, round: usize| -> Result<Vec<Cell>> {
			let constants = self.constants[round].iter().map(|constant| Cell::constant(*constant));
			state.iter().zip(constants).map(|(cell, constant)| cell.add(&constant).boxed(system)).collect()
		};
		let mix = |cells: &[Cell]| -> Vec<Cell> { self.matrix.iter().map(|row| Cell::sum(row, cells.iter())).collect() };
		let mut state = boxes(state, 0)?;
		for round in 1..HALF {
			state = boxes(mix(&state), round)?;
		}
		let mut basis = vec![Cell::constant(Fr::ONE)];
		basis.extend(state);
		for row in &self.partial {
			let boxed = Cell::sum(row, basis.iter()).boxed(system)?;
			basis.push(boxed);
		}
		let mut state: Vec<Cell> = self.after.iter().map(|row| Cell::sum(row, basis.iter())).collect();
		for round in HALF + PARTIAL..2 * HALF + PARTIAL {
			state = mix(&boxes(state, round)?);
		}
		Ok(state)
	}
}
