//! The proof system and its parameters: batch STARKs over FRI, with zero knowledge.

use crate::{
	air::{Kind, Table},
	field::F,
};
use alloc::vec::Vec;
use p3_batch_stark::{verify_batch, BatchProof, CommonData};
use p3_blake3::Blake3;
use p3_challenger::{HashChallenger, SerializingChallenger32};
use p3_commit::ExtensionMmcs;
use p3_dft::Radix2DitParallel;
use p3_field::extension::BinomialExtensionField;
use p3_fri::{FriParameters, HidingFriPcs};
use p3_merkle_tree::MerkleTreeHidingMmcs;
use p3_symmetric::{CompressionFunctionFromHasher, SerializingHasher};
use p3_uni_stark::StarkConfig;
use rand::{rngs::StdRng, SeedableRng};

/// The base-2 logarithm of FRI's blow-up: how much longer codewords are than polynomials.
const LOG_BLOWUP: usize = 2;
/// FRI folds by this power of two at most.
const MAX_LOG_ARITY: usize = 3;
/// Folding ends with a polynomial of 2 to this power coefficients, which the proof contains.
const LOG_FINAL: usize = 7;
const QUERIES: usize = 94;
/// Bits of work before the point outside the domain, before openings are combined, before each
/// folding, and before the queries.
const POINT_WORK: usize = 4;
const BATCH_WORK: usize = 18;
const FOLD_WORK: usize = 12;
const QUERY_WORK: usize = 18;
/// Random polynomials beside each table: as many as the extension's degree.
const RANDOM_CODEWORDS: usize = 4;
/// The height of the trees' caps; 0 is the root. A higher cap would save nothing. Paths are pruned,
/// and together this many queries pass almost every node near the root.
const CAP_HEIGHT: usize = 0;
/// Salt of each leaf, in elements.
const SALT: usize = 4;

/// The fewest rows of a table that hides its content.
pub const MIN_ROWS: usize = 256;
/// The most rows of a table, which bounds the prover's memory.
pub const MAX_ROWS: usize = 1 << 15;

#[cfg(all(test, feature = "std"))]
mod tests;

type Challenge = BinomialExtensionField<F, 4>;
type Hasher = SerializingHasher<Blake3>;
type Compression = CompressionFunctionFromHasher<Blake3, 2, 32>;
type Challenger = SerializingChallenger32<F, HashChallenger<u8, Blake3, 32>>;
type Trees = MerkleTreeHidingMmcs<F, u8, Hasher, Compression, StdRng, 2, 32, SALT>;
type FoldTrees = ExtensionMmcs<F, Challenge, Trees>;
type Pcs = HidingFriPcs<F, Radix2DitParallel<F>, Trees, FoldTrees, StdRng>;
type Config = StarkConfig<Pcs, Challenge, Challenger>;

/// A proof of some tables.
pub type Proof = BatchProof<Config>;

/// The parameters as bytes.
pub const PARAMETERS: [u8; 11] = [
	LOG_BLOWUP as u8,
	LOG_FINAL as u8,
	MAX_LOG_ARITY as u8,
	QUERIES as u8,
	POINT_WORK as u8,
	BATCH_WORK as u8,
	FOLD_WORK as u8,
	QUERY_WORK as u8,
	RANDOM_CODEWORDS as u8,
	CAP_HEIGHT as u8,
	SALT as u8,
];

const fn fri<M>(mmcs: M) -> FriParameters<M> {
	FriParameters {
		log_blowup: LOG_BLOWUP,
		log_final_poly_len: LOG_FINAL,
		max_log_arity: MAX_LOG_ARITY,
		num_queries: QUERIES,
		batch_proof_of_work_bits: BATCH_WORK,
		commit_proof_of_work_bits: FOLD_WORK,
		query_proof_of_work_bits: QUERY_WORK,
		mmcs,
	}
}

/// The proof system, with a transcript that begins with `first`. The prover's `randomness` hides
/// the witness, so it must be unpredictable.
fn config(first: &[u8; 32], mut randomness: StdRng) -> Config {
	let mut fork = || StdRng::from_rng(&mut randomness);
	let hasher = Hasher::new(Blake3);
	let mut trees = || Trees::new(hasher, Compression::new(Blake3), CAP_HEIGHT, fork());
	let (trees, fold_trees) = (trees(), FoldTrees::new(trees()));
	let pcs = Pcs::new(Radix2DitParallel::default(), trees, fri(fold_trees), RANDOM_CODEWORDS, fork());
	Config::new(pcs, Challenger::from_hasher(first.to_vec(), Blake3)).with_ood_proof_of_work_bits(POINT_WORK)
}

/// A table, for the verifier.
pub struct Shape {
	/// What it proves.
	pub kind: Kind,
	/// Its rows, a power of two.
	pub rows: usize,
	/// Its public values.
	pub public: Vec<F>,
}

/// Whether a proof of tables with these shapes holds.
pub fn verify(first: &[u8; 32], shapes: Vec<Shape>, proof: &Proof) -> bool {
	let heights = shapes.iter().map(|shape| shape.rows.trailing_zeros() as usize + 1);
	if !heights.eq(proof.degree_bits.iter().copied()) {
		return false;
	}
	// The verifier draws no randomness.
	let config = config(first, StdRng::from_seed([0; 32]));
	let tables = Table::all(shapes.iter().map(|shape| shape.kind));
	let public: Vec<_> = shapes.into_iter().map(|shape| shape.public).collect();
	verify_batch(&config, &tables, proof, &public, &CommonData::empty(tables.len())).is_ok()
}

/// A table, for the prover.
#[cfg(feature = "std")]
pub struct Filled {
	/// What it proves.
	pub kind: Kind,
	/// Its rows.
	pub trace: p3_matrix::dense::RowMajorMatrix<F>,
	/// Its public values.
	pub public: Vec<F>,
}

/// Proves tables. The randomness is the operating system's.
#[cfg(feature = "std")]
pub fn prove(first: &[u8; 32], filled: &[Filled]) -> Result<Proof, ProveFault> {
	let randomness = StdRng::try_from_rng(&mut rand::rngs::SysRng).map_err(|_| ProveFault::NoRandomness)?;
	prove_with(first, filled, randomness)
}

#[cfg(feature = "std")]
fn prove_with(first: &[u8; 32], filled: &[Filled], randomness: StdRng) -> Result<Proof, ProveFault> {
	use p3_batch_stark::{prove_batch, ProverData, StarkInstance};
	let config = config(first, randomness);
	let tables = Table::all(filled.iter().map(|table| table.kind));
	let instances: Vec<_> = tables
		.iter()
		.zip(filled)
		.map(|(air, table)| StarkInstance { air, trace: &table.trace, public_values: table.public.clone() })
		.collect();
	prove_batch(&config, &instances, &ProverData::empty(tables.len())).map_err(|_| ProveFault::Unprovable)
}

/// Why nothing was proved.
#[cfg(feature = "std")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProveFault {
	/// The operating system gave no randomness.
	NoRandomness,
	/// The tables are too small or too large.
	Unprovable,
}
