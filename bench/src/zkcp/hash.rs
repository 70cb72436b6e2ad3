//! The hash's permutation beside those that could take its place, timed natively. In the tables of
//! proofs they differ only by their rounds and width.

use crate::{
	measures::PERMUTATION,
	micros::median,
	report::{digits, Report},
};
use anyhow::Result;
use p3_field::{Field, PrimeCharacteristicRing};
use p3_koala_bear::{
	default_koalabear_poseidon1_16, default_koalabear_poseidon2_16, default_koalabear_poseidon2_32, KoalaBear,
	Poseidon2KoalaBear, KOALABEAR_POSEIDON2_PARTIAL_ROUNDS_16,
};
use p3_symmetric::Permutation;
use rand::{rngs::StdRng, SeedableRng};
use std::hint::black_box;

type Packing = <KoalaBear as Field>::Packing;

/// Permutations in each measurement, of which the median counts.
const COUNT: u32 = 20_000;
/// Full rounds of a Poseidon2 with two more than its designers ask for.
const MORE_FULL_ROUNDS: usize = 10;

/// Prints nanoseconds of each permutation, one at a time and as many as the processor does at once.
pub fn run(report: &mut Report) -> Result<()> {
	measure(report, "Poseidon 16", &default_koalabear_poseidon1_16())?;
	measure(report, "Poseidon2 16", &default_koalabear_poseidon2_16())?;
	// Its constants do not matter for its time.
	let longer = Poseidon2KoalaBear::<16>::new_from_rng(
		MORE_FULL_ROUNDS,
		KOALABEAR_POSEIDON2_PARTIAL_ROUNDS_16,
		&mut StdRng::from_seed([0; 32]),
	);
	measure(report, "Poseidon2 16, 10 full rounds", &longer)?;
	measure(report, "Poseidon2 32", &default_koalabear_poseidon2_32())
}

fn measure<const WIDTH: usize>(
	report: &mut Report,
	case: &str,
	permutation: &(impl Permutation<[KoalaBear; WIDTH]> + Permutation<[Packing; WIDTH]>),
) -> Result<()> {
	let lanes = size_of::<Packing>() / size_of::<KoalaBear>();
	time(report, &format!("{case}, one"), 1, [KoalaBear::ONE; WIDTH], permutation)?;
	time(report, &format!("{case}, {lanes} at once"), lanes, [Packing::ONE; WIDTH], permutation)
}

fn time<S: Copy>(
	report: &mut Report,
	case: &str,
	lanes: usize,
	mut state: S,
	permutation: &impl Permutation<S>,
) -> Result<()> {
	let all = median(|| {
		for _ in 0..COUNT {
			permutation.permute_mut(black_box(&mut state));
		}
		Ok(())
	})?;
	report.figure(&PERMUTATION, case, digits(all.as_secs_f64() * 1e9 / f64::from(COUNT) / lanes as f64));
	Ok(())
}
