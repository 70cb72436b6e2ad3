//! The security of the parameters by Plonky3's own account.

use super::super::*;
use p3_air::symbolic::AirLayout;
use p3_batch_stark::{num_batched_openings, StarkGenericConfig};
use p3_field::{coset::TwoAdicMultiplicativeCoset, BasedVectorSpace, PrimeCharacteristicRing};
use p3_uni_stark::{OpeningShape, ProvenSecurity, StarkSecurityParams};

/// Bits that are proven for every proof.
const PROVEN: usize = 100;
/// `⌊4 · log2 p⌋`.
const CHALLENGE_BITS: usize = 123;
/// Of the sponges: half of the 248 bits of their capacity. BLAKE3 has 128.
const COLLISION_BITS: usize = 124;
/// Points at which a column is opened.
const POINTS: usize = 2;

/// What a table adds to the account.
fn table(kind: Kind, log_rows: usize) -> StarkSecurityParams {
	let fri = fri(());
	let mut work = fri.grinding_sites();
	work.out_of_domain = config(&[0; 32], StdRng::from_seed([0; 32])).ood_proof_of_work_bits();
	assert_eq!(work.out_of_domain, POINT_WORK);
	let [air] = &Table::all([kind])[..] else { unreachable!() };
	let layout = AirLayout::from_air::<F>(air);
	let domain = TwoAdicMultiplicativeCoset::new(F::ONE, log_rows).unwrap();
	let openings = OpeningShape::hiding(RANDOM_CODEWORDS);
	let account = StarkSecurityParams::from_air::<F, Challenge, Table>(
		fri.security_regime(),
		air,
		layout,
		domain,
		CHALLENGE_BITS,
		COLLISION_BITS,
		POINTS,
		openings,
		work,
	);
	let dimension = <Challenge as BasedVectorSpace<F>>::DIMENSION;
	let batched =
		num_batched_openings(layout.main_width, true, 0, false, account.num_quotient_chunks, 0, dimension, openings);
	assert_eq!(batched, account.num_batched_functions);
	account
}

/// Bits that are proven for a batch of tables with these numbers of rows, as powers of two.
fn proven(tables: &[(Kind, usize)]) -> usize {
	let mut accounts = tables.iter().map(|(kind, log_rows)| table(*kind, *log_rows));
	let mut batch = accounts.next().unwrap();
	for account in accounts {
		batch.num_constraints += account.num_constraints;
		batch.num_batched_functions += account.num_batched_functions;
		batch.num_quotient_chunks += account.num_quotient_chunks;
		batch.air_max_constraint_degree = batch.air_max_constraint_degree.max(account.air_max_constraint_degree);
	}
	// Zero knowledge doubles the polynomials.
	let log_degree = tables.iter().map(|(_, log_rows)| log_rows + 1).max().unwrap();
	ProvenSecurity::compute_from_proof(log_degree, &batch).security_bits()
}

#[test]
fn security_should_be_proven_when_a_batch_has_any_tables() {
	let sizes = MIN_ROWS.trailing_zeros() as usize..=MAX_ROWS.trailing_zeros() as usize;
	for log_rows in sizes.clone() {
		for kind in [Kind::Data, Kind::Locks] {
			let alone = proven(&[(kind, log_rows)]);
			assert!(alone >= PROVEN, "{kind:?}, 2^{log_rows} rows: {alone}");
			for beside in [Kind::Data, Kind::Locks] {
				for log_beside in [*sizes.start(), log_rows] {
					let both = proven(&[(kind, log_rows), (beside, log_beside)]);
					assert!(both >= PROVEN, "{kind:?} and {beside:?}, 2^{log_rows} and 2^{log_beside} rows: {both}");
				}
			}
		}
	}
}

#[test]
fn masks_should_cover_what_is_opened() {
	// Each column has as many random values as the table has rows. A proof shows one for each
	// query, and one for each coefficient of the openings at the points. Plonky3 refuses less than
	// twice as many.
	let dimension = <Challenge as BasedVectorSpace<F>>::DIMENSION;
	assert!(MIN_ROWS >= 2 * (QUERIES + POINTS * dimension));
	assert!(RANDOM_CODEWORDS >= dimension);
}
