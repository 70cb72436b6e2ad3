//! What the statement of proven deliveries costs under Groth16 (arkworks, BN254), for comparison.
//! The statement: a ciphertext is a payload under a stream cipher, both have these digests, and the
//! key has this commitment.
//!
//! Groth16 gets its best form. Poseidon works over its own field, nine elements wide, which takes
//! the fewest constraints for each byte. An element holds 31 bytes. The sum of payload and key
//! stream takes no constraint. BN254 is the fastest of its curves, with about 100 bits of security.
//! The trusted set-up is timed separately.
//!
//! Standard output holds JSON lines as `waybill-bench` prints them. Sizes that would take minutes
//! are extrapolated by the number of permutations, and their case says so.

mod circuit;
mod poseidon;

use ark_bn254::{Bn254, Fr};
use ark_groth16::Groth16;
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystem};
use ark_snark::SNARK;
use circuit::Statement;
use poseidon::Poseidon;
use rand::{rngs::StdRng, RngCore, SeedableRng};
use serde_json::json;
use std::{error::Error, time::Instant};

/// The payload that is proved.
const LENGTH: usize = 32 << 10;
/// How often it is proved; the fastest counts.
const REPEATS: usize = 3;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
	// Nothing is secret here, so the randomness may be predictable.
	let mut randomness = StdRng::seed_from_u64(1);
	let poseidon = Poseidon::new();
	let mut payload = vec![0; LENGTH];
	randomness.fill_bytes(&mut payload);
	let statement = Statement::new(&poseidon, &payload, Fr::from(randomness.next_u64()), Fr::from(7));
	let public = statement.public().to_vec();

	let system = ConstraintSystem::<Fr>::new_ref();
	statement.clone().generate_constraints(system.clone())?;
	if !system.is_satisfied()? {
		return Err("the statement does not hold".into());
	}
	let constraints = system.num_constraints();
	drop(system);

	let start = Instant::now();
	let (proving, verifying) = Groth16::<Bn254>::circuit_specific_setup(statement.clone(), &mut randomness)?;
	let set_up = start.elapsed().as_secs_f64();
	let verifying = Groth16::<Bn254>::process_vk(&verifying)?;
	let (mut prove, mut verify) = (f64::MAX, f64::MAX);
	for _ in 0..REPEATS {
		let start = Instant::now();
		let proof = Groth16::<Bn254>::prove(&proving, statement.clone(), &mut randomness)?;
		prove = prove.min(start.elapsed().as_secs_f64());
		let start = Instant::now();
		if !Groth16::<Bn254>::verify_with_processed_vk(&verifying, &public, &proof)? {
			return Err("the proof does not hold".into());
		}
		verify = verify.min(start.elapsed().as_secs_f64());
	}

	let case = format!("{}KiB", LENGTH >> 10);
	let print = |name: &str, case: &str, value: f64, unit: &str| {
		let value = (value * 1e4).round() / 1e4;
		println!("{}", json!({ "name": name, "case": case, "value": value, "unit": unit }));
	};
	print("groth16_constraints", &case, constraints as f64, "");
	print("groth16_setup_seconds", &case, set_up, "s");
	print("groth16_verify_seconds", &case, verify, "s");
	print("groth16_prove_seconds", &case, prove, "s");
	for (case, length) in [("64KiB extrapolated", 64 << 10), ("1MiB extrapolated", 1 << 20)] {
		let more = circuit::permutations(length) as f64 / circuit::permutations(LENGTH) as f64;
		print("groth16_prove_seconds", case, prove * more, "s");
	}
	Ok(())
}
