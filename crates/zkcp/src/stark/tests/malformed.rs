//! Proofs of other shapes: each list longer and shorter, each part missing or out of place, each
//! number changed. The verifier refuses all of them and never panics.

use super::super::*;
use crate::{
	air::{data_trace, DataChunk},
	field::BLOCK,
	key::tests::key,
	lanes::Permutations,
	layout::CHUNK_BLOCKS,
	Nonce,
};
use p3_field::PrimeCharacteristicRing;

const FIRST: [u8; 32] = [1; 32];

/// The shapes of two small tables, and their proof as bytes.
fn honest() -> (impl Fn() -> Vec<Shape>, Vec<u8>) {
	let table = |index| {
		let chunk = DataChunk { index, blocks: CHUNK_BLOCKS, values: vec![[F::TWO; BLOCK]; CHUNK_BLOCKS] };
		let made = data_trace(&[chunk, DataChunk::filler()], &key(1), &Nonce([1; 32]), &Permutations::new());
		Filled { kind: Kind::Data, trace: made.table, public: made.public.values() }
	};
	let filled = [table(1), table(2)];
	let proof = prove(&FIRST, &filled).unwrap();
	let public = filled.map(|table| table.public);
	let shapes =
		move || public.iter().map(|public| Shape { kind: Kind::Data, rows: MIN_ROWS, public: public.clone() }).collect();
	(shapes, postcard::to_allocvec(&proof).unwrap())
}

type Change = (&'static str, fn(&mut Proof));

/// Cuts a list, empties it, and makes it longer.
macro_rules! list {
	($name:literal, $($place:tt)+) => {
		[
			($name, (|proof| { proof.$($place)+.pop(); }) as fn(&mut Proof)),
			($name, |proof| proof.$($place)+.clear()),
			($name, |proof| {
				let last = proof.$($place)+.pop().unwrap();
				let copy = copied(&last);
				proof.$($place)+.extend([last, copy]);
			}),
			($name, |proof| {
				let copy = copied(&proof.$($place)+[0]);
				proof.$($place)+.insert(0, copy);
			}),
		]
	};
}

/// A copy, through its bytes: not everything in a proof can be cloned.
fn copied<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
	postcard::from_bytes(&postcard::to_allocvec(value).unwrap()).unwrap()
}

fn lists() -> Vec<Change> {
	[
		list!("tables", opened_values.instances),
		list!("columns", opened_values.instances[0].base_opened_values.trace_local),
		list!("columns of the next row", opened_values.instances[1].base_opened_values.trace_next.as_mut().unwrap()),
		list!("quotient", opened_values.instances[0].base_opened_values.quotient_chunks),
		list!("coefficients", opened_values.instances[1].base_opened_values.quotient_chunks[3]),
		list!("masks", opened_values.instances[0].base_opened_values.random.as_mut().unwrap()),
		list!("terminals", lookup_terminals),
		list!("sizes", degree_bits),
		list!("random openings", opening_proof.0),
		list!("tables' random openings", opening_proof.0[1]),
		list!("points' random openings", opening_proof.0[1][1]),
		list!("random values", opening_proof.0[1][1][1]),
		list!("foldings", opening_proof.1.commit_phase_commits),
		list!("work", opening_proof.1.commit_pow_witnesses),
		list!("trees", opening_proof.1.input_openings),
		list!("queries", opening_proof.1.input_openings[1].opened_values),
		list!("tables of a query", opening_proof.1.input_openings[1].opened_values[3]),
		list!("elements of a row", opening_proof.1.input_openings[1].opened_values[3][1]),
		list!("salts", opening_proof.1.input_openings[2].opening_proof.0),
		list!("salts of a query", opening_proof.1.input_openings[2].opening_proof.0[5]),
		list!("elements of a salt", opening_proof.1.input_openings[2].opening_proof.0[5][7]),
		list!("nodes", opening_proof.1.input_openings[0].opening_proof.1.sibling_hashes),
		list!("folded queries", opening_proof.1.commit_phase_openings),
		list!("queries of a folding", opening_proof.1.commit_phase_openings[0].sibling_values),
		list!("values of a folding", opening_proof.1.commit_phase_openings[0].sibling_values[9]),
		list!("salts of a folding", opening_proof.1.commit_phase_openings[0].opening_proof.0),
		list!("elements of a folding's salt", opening_proof.1.commit_phase_openings[0].opening_proof.0[2][0]),
		list!("nodes of a folding", opening_proof.1.commit_phase_openings[0].opening_proof.1.sibling_hashes),
		list!("final coefficients", opening_proof.1.final_poly),
	]
	.concat()
}

fn parts() -> Vec<Change> {
	vec![
		("a permutation", |proof| proof.commitments.permutation = Some(proof.commitments.main.clone())),
		("no masks", |proof| proof.commitments.random = None),
		("another table", |proof| proof.commitments.main = proof.commitments.quotient_chunks.clone()),
		("another quotient", |proof| proof.commitments.quotient_chunks = proof.commitments.main.clone()),
		("a wide tree", |proof| {
			let root = postcard::to_allocvec(&proof.commitments.main).unwrap();
			let wide = [&[2][..], &root[1..], &root[1..]].concat();
			proof.commitments.main = postcard::from_bytes(&wide).unwrap();
		}),
		("an empty tree", |proof| {
			if let Ok(empty) = postcard::from_bytes(&[0]) {
				proof.commitments.main = empty;
			}
			proof.degree_bits.clear();
		}),
		("no next row", |proof| proof.opened_values.instances[0].base_opened_values.trace_next = None),
		("no random value", |proof| proof.opened_values.instances[1].base_opened_values.random = None),
		("a lookup", |proof| proof.opened_values.instances[0].permutation_local.push(Challenge::ONE)),
		("a lookup's next row", |proof| proof.opened_values.instances[0].permutation_next.push(Challenge::ONE)),
		("work for lookups", |proof| proof.lookup_pow_witness = Some(F::ZERO)),
		("work for the point", |proof| proof.ood_pow_witness += F::ONE),
		("work for openings", |proof| proof.opening_proof.1.batch_pow_witness += F::ONE),
		("work for a folding", |proof| proof.opening_proof.1.commit_pow_witnesses[0] += F::ONE),
		("work for queries", |proof| proof.opening_proof.1.query_pow_witness += F::ONE),
		("a size of nothing", |proof| proof.degree_bits[0] = 0),
		("a size beyond all", |proof| proof.degree_bits[1] = usize::MAX),
		("sizes of the field", |proof| proof.degree_bits.fill(24)),
		("a coefficient", |proof| proof.opening_proof.1.final_poly[5] += Challenge::ONE),
		("a zero polynomial", |proof| proof.opening_proof.1.final_poly.fill(Challenge::ZERO)),
		("an element", |proof| proof.opening_proof.1.input_openings[1].opened_values[0][0][0] += F::ONE),
		("a salt", |proof| proof.opening_proof.1.input_openings[1].opening_proof.0[0][0][0] += F::ONE),
		("a folded value", |proof| {
			proof.opening_proof.1.commit_phase_openings[0].sibling_values[0][0] += Challenge::ONE;
		}),
		("a node", |proof| proof.opening_proof.1.input_openings[1].opening_proof.1.sibling_hashes[0][0] ^= 1),
		("an opened value", |proof| {
			proof.opened_values.instances[0].base_opened_values.trace_local[0] += Challenge::ONE;
		}),
		("swapped tables", |proof| proof.opened_values.instances.swap(0, 1)),
		("swapped queries", |proof| {
			let input = &mut proof.opening_proof.1.input_openings[1];
			input.opened_values.swap(0, 1);
			input.opening_proof.0.swap(0, 1);
		}),
	]
}

#[test]
fn proofs_should_be_refused_when_their_shape_is_another() {
	let (shapes, bytes) = honest();
	let read = || postcard::from_bytes::<Proof>(&bytes).unwrap();
	assert!(verify(&FIRST, shapes(), &read()));
	for (what, change) in [lists(), parts()].concat() {
		let mut proof = read();
		change(&mut proof);
		assert!(!verify(&FIRST, shapes(), &proof), "{what}");
	}
}

#[test]
fn proofs_should_be_refused_when_public_values_are_others() {
	let (shapes, bytes) = honest();
	let proof: Proof = postcard::from_bytes(&bytes).unwrap();
	for change in [
		|public: &mut Vec<F>| public.clear(),
		|public: &mut Vec<F>| public.push(F::ZERO),
		|public: &mut Vec<F>| public[0] += F::ONE,
	] {
		let mut shapes: Vec<Shape> = shapes();
		change(&mut shapes[1].public);
		assert!(!verify(&FIRST, shapes, &proof));
	}
}
