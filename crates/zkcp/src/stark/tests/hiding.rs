//! Statistics of what proofs show: random elements, whatever the key, the payload and the locks
//! are.
//!
//! By chance, any of the bounds fails with a probability below 10^-11. The probability of each is
//! stated beside it.

use super::super::*;
use crate::{
	air::{locks_trace, Kind},
	encrypt,
	envelope::{read, DataEnvelope, LockEnvelope},
	field::pack,
	key::{tests::key, Key},
	lanes::Permutations,
	prove, prove_locks, unwatched, ChunkDigests, Layout, Nonce, OutOfRange, PLAIN_BYTES,
};
use p3_field::{BasedVectorSpace, PrimeCharacteristicRing, PrimeField32};
use std::collections::{HashMap, HashSet};

const NONCE: Nonce = Nonce([3; 32]);
/// Proofs of each statement.
const PROOFS: usize = 10;

/// The elements that a proof shows, each row of a tree once.
#[derive(Clone, Default)]
struct Shown {
	/// Rows of the table's codewords.
	rows: Vec<Vec<F>>,
	/// All other elements.
	others: Vec<F>,
}

impl Shown {
	fn of(proof: &Proof) -> Self {
		let mut shown = Self::default();
		let (random, fri) = &proof.opening_proof;
		let opened = proof.opened_values.instances.iter().map(|instance| &instance.base_opened_values);
		for values in opened {
			shown.challenges(&values.trace_local);
			shown.challenges(values.trace_next.as_ref().unwrap());
			values.quotient_chunks.iter().for_each(|chunk| shown.challenges(chunk));
			shown.challenges(values.random.as_ref().unwrap());
		}
		random.iter().flatten().flatten().for_each(|values| shown.challenges(values));
		shown.challenges(&fri.final_poly);
		let [masks, table, quotient] = &fri.input_openings[..] else { panic!("the trees are others") };
		shown.rows = unique(table.opened_values.iter().map(|row| row.concat()));
		for tree in [masks, quotient] {
			shown.others.extend(unique(tree.opened_values.iter().map(|row| row.concat())).concat());
		}
		for tree in [masks, table, quotient] {
			shown.salts(&tree.opening_proof.0);
		}
		for folding in &fri.commit_phase_openings {
			let values = folding
				.sibling_values
				.iter()
				.map(|values| <Challenge as BasedVectorSpace<F>>::flatten_to_base(values.clone()));
			shown.others.extend(unique(values).concat());
			shown.salts(&folding.opening_proof.0);
		}
		shown
	}

	fn salts(&mut self, salts: &[Vec<Vec<F>>]) {
		assert!(salts.iter().flatten().all(|salt| salt.len() == SALT));
		self.others.extend(unique(salts.iter().map(|salt| salt.concat())).concat());
	}

	fn challenges(&mut self, values: &[Challenge]) {
		self.others.extend(values.iter().flat_map(<Challenge as BasedVectorSpace<F>>::as_basis_coefficients_slice));
	}

	fn elements(&self) -> impl Iterator<Item = F> + '_ {
		self.rows.iter().flatten().chain(&self.others).copied()
	}
}

/// Two queries may open the same row.
fn unique(rows: impl Iterator<Item = Vec<F>>) -> Vec<Vec<F>> {
	let mut seen = HashSet::new();
	rows.filter(|row| seen.insert(row.clone())).collect()
}

/// A payload whose elements are all different.
fn payload() -> Vec<u8> {
	(0..1_000u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// What some proofs of this payload show, encrypted with this key.
fn of_data(key: &Key) -> Vec<Shown> {
	let payload = payload();
	let layout = Layout::new(payload.len() as u64).unwrap();
	let digests = ChunkDigests::of_payload(&payload, layout, &mut unwatched).unwrap();
	let mut ciphertext = Vec::new();
	let encrypted = encrypt::<_, _, OutOfRange>(&payload, layout, key, &NONCE, &mut ciphertext, &mut unwatched).unwrap();
	let prove = |_| prove(&ciphertext, &digests, &encrypted, key, &NONCE, &mut unwatched).unwrap();
	let parts = (0..PROOFS).map(prove).map(|proof| read::<DataEnvelope>(&proof).unwrap().parts);
	parts.map(|parts| Shown::of(&parts[0])).collect()
}

fn lock_keys() -> Vec<Key> {
	(0..240).map(|index| key(1_000 + index)).collect()
}

fn of_locks(content: &Key) -> Vec<Shown> {
	let prove = |_| prove_locks(content, &lock_keys(), &NONCE).unwrap();
	(0..PROOFS / 2).map(prove).map(|proof| Shown::of(&read::<LockEnvelope>(&proof).unwrap().proof)).collect()
}

/// The field's order is `127 · 2^24 + 1`. Each of 127 values of the highest seven bits belongs to
/// 2^24 elements, and one element has another value.
const HIGHEST: usize = 127;

/// How often each value of the highest seven bits occurs.
fn highest(elements: impl Iterator<Item = F>) -> [f64; HIGHEST] {
	let mut counts = [0.0; HIGHEST];
	for element in elements {
		counts[((element.as_canonical_u32() >> 24) as usize).min(HIGHEST - 1)] += 1.0;
	}
	counts
}

/// `∑ (seen − expected)² / expected`.
fn chi_square(seen: &[f64], expected: impl Fn(usize) -> f64) -> f64 {
	seen.iter().enumerate().map(|(index, seen)| (seen - expected(index)).powi(2) / expected(index)).sum()
}

/// With 126 degrees of freedom: above with probability 5·10^-13.
const MOST_OF_126: f64 = 275.0;
/// With 15 degrees of freedom: above with probability 5·10^-15.
const MOST_OF_15: f64 = 103.0;

/// The error says what the proofs reveal.
type Verdict = Result<(), String>;

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
	if holds {
		Ok(())
	} else {
		Err(otherwise())
	}
}

fn uniform(proofs: &[Shown]) -> Verdict {
	let counts = highest(proofs.iter().flat_map(Shown::elements));
	let all: f64 = counts.iter().sum();
	assert!(all > 100_000.0);
	let statistic = chi_square(&counts, |_| all / HIGHEST as f64);
	ensure(statistic < MOST_OF_126, || format!("all elements: {statistic}"))?;
	// Each column by itself, by its highest four bits.
	for column in 0..proofs[0].rows[0].len() {
		let mut counts = [0.0; 16];
		let rows = proofs.iter().flat_map(|proof| &proof.rows);
		rows.for_each(|row| counts[(row[column].as_canonical_u32() >> 27) as usize] += 1.0);
		let all: f64 = counts.iter().sum();
		let share = |value: usize| if value < 15 { 8.0 / HIGHEST as f64 } else { 7.0 / HIGHEST as f64 };
		let statistic = chi_square(&counts, |value| all * share(value));
		ensure(statistic < MOST_OF_15, || format!("column {column}: {statistic}"))?;
	}
	Ok(())
}

/// No row of a proof is a row of another, or close to one.
fn fresh(proofs: &[Shown]) -> Verdict {
	let rows: Vec<_> =
		proofs.iter().enumerate().flat_map(|(proof, shown)| shown.rows.iter().map(move |row| (proof, row))).collect();
	let mut equal: HashMap<(usize, usize), u32> = HashMap::new();
	for column in 0..rows[0].1.len() {
		let mut values: HashMap<F, Vec<usize>> = HashMap::new();
		for (index, (proof, row)) in rows.iter().enumerate() {
			let same = values.entry(row[column]).or_default();
			for other in same.iter().filter(|other| rows[**other].0 != *proof) {
				*equal.entry((*other, index)).or_default() += 1;
			}
			same.push(index);
		}
	}
	// About 2^19 pairs of rows have 2^9 columns. By chance, some pair has two equal columns with
	// probability 2^-27, and three with 2^-50.
	ensure(equal.values().all(|columns| *columns < 3), || format!("{:?} equal columns", equal.values().max()))?;
	ensure(equal.len() < 20, || format!("{} rows with equal columns", equal.len()))
}

/// No secret is among what the proofs show.
fn hidden(proofs: &[Shown], secrets: &[F]) -> Verdict {
	let mut seen: HashMap<F, u32> = secrets.iter().map(|secret| (*secret, 0)).collect();
	assert!(seen.len() > secrets.len() * 9 / 10);
	for element in proofs.iter().flat_map(Shown::elements) {
		if let Some(seen) = seen.get_mut(&element) {
			*seen += 1;
		}
	}
	// Among 600,000 elements, a secret is expected 3·10^-4 times. It appears four times with
	// probability 3·10^-16, and one of 4,000 secrets appears once.
	ensure(seen.values().all(|times| *times < 4), || "a secret is shown".into())?;
	ensure(seen.values().sum::<u32>() < 20, || "secrets are shown".into())
}

/// Whether what proofs under one key show is distributed like that under another.
fn alike(first: &[Shown], second: &[Shown]) -> Verdict {
	let [first, second] = [first, second].map(|proofs| highest(proofs.iter().flat_map(Shown::elements)));
	let [of_first, of_second] = [first, second].map(|counts| counts.iter().sum::<f64>());
	let share = |index: usize| (first[index] + second[index]) / (of_first + of_second);
	let statistic =
		chi_square(&first, |index| of_first * share(index)) + chi_square(&second, |index| of_second * share(index));
	ensure(statistic < MOST_OF_126, || format!("two keys: {statistic}"))
}

fn secrets_of_locks(content: &Key) -> Vec<F> {
	let secrets = lock_keys().into_iter().flat_map(|lock_key| [*lock_key.block(), *content.mask(&lock_key).block()]);
	[secrets.collect::<Vec<_>>().concat(), content.block().to_vec()].concat()
}

#[test]
fn proofs_should_show_random_elements_when_the_key_is_any() {
	let payload: Vec<F> = payload().chunks(PLAIN_BYTES).flat_map(pack).collect();
	let [first, second] = [key(1), key(2)].map(|key| {
		let proofs = of_data(&key);
		uniform(&proofs).unwrap();
		fresh(&proofs).unwrap();
		// The last block is padded with zeros.
		hidden(&proofs, &[&payload[..payload.len() - 8], key.block()].concat()).unwrap();
		proofs
	});
	alike(&first, &second).unwrap();
}

#[test]
fn proofs_of_locks_should_show_random_elements_when_the_key_is_any() {
	let [first, second] = [key(1), key(2)].map(|content| {
		let proofs = of_locks(&content);
		uniform(&proofs).unwrap();
		fresh(&proofs).unwrap();
		hidden(&proofs, &secrets_of_locks(&content)).unwrap();
		proofs
	});
	alike(&first, &second).unwrap();
}

/// The bounds fail for tables that are shown as they are, and for proofs whose randomness is known.
#[test]
fn bounds_should_not_be_kept_when_nothing_hides() {
	let table = locks_trace(&key(1), &lock_keys(), &Permutations::new()).table;
	let bare = Shown { rows: table.values.chunks(table.width).map(<[F]>::to_vec).collect(), others: Vec::new() };
	let bare = [bare.clone(), bare];
	assert!(uniform(&bare).unwrap_err().starts_with("all elements"));
	assert!(hidden(&bare, &secrets_of_locks(&key(1))).is_err());
	assert!(fresh(&bare).is_err());
	// One in ten of these elements is always the same.
	let mut marked = of_locks(&key(1));
	for shown in &mut marked {
		shown.others.iter_mut().step_by(10).for_each(|element| *element = F::ZERO);
	}
	assert!(uniform(&marked).is_err());
	assert!(alike(&marked, &of_locks(&key(2))).is_err());

	let made = |seed: u8| {
		let made = locks_trace(&key(1), &lock_keys(), &Permutations::new());
		let filled = Filled { kind: Kind::Locks, trace: made.table, public: made.public.values() };
		Shown::of(&prove_with(&[1; 32], &[filled], StdRng::from_seed([seed; 32])).unwrap())
	};
	assert!(fresh(&[made(1), made(1)]).is_err());
	fresh(&[made(1), made(2)]).unwrap();
}
