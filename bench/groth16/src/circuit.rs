//! The statement as a circuit.

use crate::poseidon::{Cell, Poseidon, RATE};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, PrimeField};
use ark_relations::gr1cs::{
	ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, LinearCombination, Result, Variable,
};

/// Bytes that an element holds.
const ELEMENT_BYTES: usize = 31;

/// Permutations for a payload of this length: for each block the key stream and two sponges, and
/// one for the commitment.
pub const fn permutations(length: usize) -> usize {
	3 * length.div_ceil(ELEMENT_BYTES * RATE) + 1
}

/// A payload, its key and what is public: the nonce, the digests of payload and ciphertext, the
/// commitment to the key.
#[derive(Clone)]
pub struct Statement<'a> {
	poseidon: &'a Poseidon,
	blocks: Vec<[Fr; RATE]>,
	key: Fr,
	public: [Fr; 4],
}

impl<'a> Statement<'a> {
	/// The statement about a payload.
	pub fn new(poseidon: &'a Poseidon, payload: &[u8], key: Fr, nonce: Fr) -> Self {
		let elements: Vec<Fr> = payload.chunks(ELEMENT_BYTES).map(Fr::from_le_bytes_mod_order).collect();
		let block = |elements: &[Fr]| core::array::from_fn(|at| elements.get(at).copied().unwrap_or(Fr::ZERO));
		let blocks = elements.chunks(RATE).map(block).collect();
		let mut statement = Self { poseidon, blocks, key, public: [nonce, Fr::ZERO, Fr::ZERO, Fr::ZERO] };
		let system = ConstraintSystem::new_ref();
		let [payload, ciphertext, commitment] =
			statement.outputs(&system, &Cell::constant(nonce)).map(|cells| cells.map(|cell| cell.value)).unwrap_or_default();
		statement.public = [nonce, payload, ciphertext, commitment];
		statement
	}

	/// What is public.
	pub const fn public(&self) -> &[Fr; 4] {
		&self.public
	}

	/// The digest of the payload and of the ciphertext, and the commitment.
	fn outputs(&self, system: &ConstraintSystemRef<Fr>, nonce: &Cell) -> Result<[Cell; 3]> {
		let number = |number: usize| Cell::constant(Fr::from(number as u64));
		let key = Cell::witness(system, self.key)?;
		let input = |tag: usize, block: usize| {
			let mut state = vec![number(tag), key.clone(), number(block), nonce.clone()];
			state.resize(RATE + 1, number(0));
			state
		};
		let commitment = self.poseidon.permute(system, input(1, 0))?.swap_remove(1);
		let mut sponges = [number(2), number(3)].map(|capacity| vec![capacity]);
		for (index, block) in self.blocks.iter().enumerate() {
			let payload = block.iter().map(|value| Cell::witness(system, *value)).collect::<Result<Vec<_>>>()?;
			let stream = self.poseidon.permute(system, input(4, index))?;
			let ciphertext = payload.iter().zip(&stream[1..]).map(|(value, key)| value.add(key)).collect();
			for (sponge, block) in sponges.iter_mut().zip([payload, ciphertext]) {
				sponge.truncate(1);
				sponge.extend(block);
				*sponge = self.poseidon.permute(system, core::mem::take(sponge))?;
			}
		}
		let [payload, ciphertext] = sponges.map(|mut sponge| sponge.swap_remove(1));
		Ok([payload, ciphertext, commitment])
	}
}

impl ConstraintSynthesizer<Fr> for Statement<'_> {
	fn generate_constraints(self, system: ConstraintSystemRef<Fr>) -> Result<()> {
		let inputs = self.public.iter().map(|value| system.new_input_variable(|| Ok(*value))).collect::<Result<Vec<_>>>()?;
		let nonce = Cell { value: self.public[0], terms: vec![(Fr::from(1), inputs[0])] };
		for (cell, input) in self.outputs(&system, &nonce)?.iter().zip(&inputs[1..]) {
			let one = |variable: Variable| LinearCombination::from(variable);
			system.enforce_r1cs_constraint(|| cell.combination(), || one(Variable::One), || one(*input))?;
		}
		Ok(())
	}
}
