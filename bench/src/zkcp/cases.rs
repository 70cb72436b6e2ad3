//! Encrypting, proving, checking and decrypting. Each case has a process of its own, so its memory
//! is its own.

use super::{
	common::{fastest, key, peak, NONCE},
	disk,
};
use crate::{
	measures::{
		CIPHER_RATE, DIGEST, ENCRYPT, EXPANSION, HASH, LOCK_BYTES, LOCK_CHECK, LOCK_PEAK, LOCK_PROVE, LOCK_VERIFY,
		PEAK_BYTES, PROOF_BYTES, PROVE, VERIFY, VERIFY_PEAK,
	},
	report::{digits, Report},
};
use anyhow::{ensure, Context, Result};
use std::{
	fs::{self, File},
	path::Path,
	process::Command,
};
use waybill_zkcp::{
	decrypt, encrypt, lock_place, prove, prove_locks, unwatched, verify, ChunkDigests, Key, Layout, LockTable, OutOfRange,
	LOCKS_IN_GROUP, MOST_LOCKS,
};

const MIB: usize = 1 << 20;
/// A payload: its case, its length, whether only a sample of a long one is proved, and how often it
/// is measured. The fastest counts.
type Payload = (&'static str, usize, bool, usize);
const PAYLOADS: [Payload; 4] = [
	("64KiB", 64 << 10, true, 5),
	("1MiB", MIB, true, 3),
	("32MiB chunked", 32 * MIB, false, 1),
	("32MiB sampled", 32 * MIB, true, 2),
];
const CIPHER: &str = "cipher";
/// The bytes that one core encrypts and decrypts: the longest payload that is not extended, because
/// the code is not part of the cipher.
const CIPHER_BYTES: usize = 4 * MIB - 1;
const LOCKS: &str = "locks";
/// The files that a process that only checks finds in its folder: the ciphertext, the proof, the
/// payload's digest.
const FILES: [&str; 3] = ["ciphertext", "proof", "digest"];
/// How often ciphers and checks are repeated; the fastest counts.
const REPEATS: usize = 10;

/// Measures every case in a process of its own.
pub fn run(report: &mut Report) -> Result<()> {
	for case in PAYLOADS.map(|(case, ..)| case).into_iter().chain([disk::CASE, CIPHER, LOCKS]) {
		elsewhere(report, case, |child| match case {
			CIPHER => child.env("RAYON_NUM_THREADS", "1"),
			_ => child,
		})?;
	}
	Ok(())
}

/// Measures a case in another process.
fn elsewhere(report: &mut Report, case: &str, prepare: impl FnOnce(&mut Command) -> &mut Command) -> Result<()> {
	let mut child = Command::new(std::env::current_exe()?);
	report.run(prepare(child.args(["--zkcp-case", case]))).with_context(|| format!("case {case}"))
}

/// Measures one case. If `proved` names a folder, measures the memory that it takes to check the
/// proof in it.
pub fn measure(report: &mut Report, case: &str, proved: Option<&Path>) -> Result<()> {
	match case {
		CIPHER => return cipher(report),
		LOCKS => return locks(report),
		disk::CASE => return disk::measure(report),
		_ => {},
	}
	let one = PAYLOADS.into_iter().find(|(name, ..)| *name == case).context("unknown case")?;
	match proved {
		Some(folder) => check(report, case, layout(&one)?, folder),
		None => payload(report, one),
	}
}

fn bytes(length: usize) -> Vec<u8> {
	(0..length).map(|index| ((index as u32).wrapping_mul(2_654_435_761) >> 11) as u8).collect()
}

fn encrypted(payload: &[u8], layout: Layout, key: &Key) -> Result<(Vec<u8>, ChunkDigests)> {
	let mut ciphertext = Vec::with_capacity(layout.ciphertext_length() as usize);
	let digests = encrypt::<_, _, OutOfRange>(payload, layout, key, &NONCE, &mut ciphertext, &mut unwatched)?;
	Ok((ciphertext, digests))
}

fn layout((_, length, is_sampled, _): &Payload) -> Result<Layout> {
	let new = if *is_sampled { Layout::new } else { Layout::chunked };
	new(*length as u64).context("the payload is too long")
}

fn payload(report: &mut Report, one: Payload) -> Result<()> {
	let (layout, (case, length, _, times)) = (layout(&one)?, one);
	let (payload, key) = (bytes(length), key(1));
	let (digesting, digests) = fastest(1, || Ok(ChunkDigests::of_payload(&payload, layout, &mut unwatched)?))?;
	let (encrypting, (ciphertext, encrypted)) = fastest(1, || encrypted(&payload, layout, &key))?;
	let (proving, proof) = fastest(times, || Ok(prove(&ciphertext, &digests, &encrypted, &key, &NONCE, &mut unwatched)?))?;
	let peak = peak()?;
	let (hashing, hashed) = fastest(times, || Ok(ChunkDigests::of_ciphertext(&ciphertext, layout, &mut unwatched)?))?;
	let (id, commitment) = (digests.id(), key.commitment());
	let (verifying, _) = fastest(REPEATS, || Ok(verify(&proof, &NONCE, &id, &commitment, &hashed)?))?;
	report.figure(&DIGEST, case, digits(digesting));
	report.figure(&ENCRYPT, case, digits(encrypting));
	report.figure(&PROVE, case, digits(proving));
	report.figure(&VERIFY, case, digits(verifying));
	report.figure(&HASH, case, digits(hashing));
	report.figure(&PROOF_BYTES, case, proof.len());
	report.figure(&PEAK_BYTES, case, peak);
	report.figure(&EXPANSION, case, digits(ciphertext.len() as f64 / length as f64));
	check_elsewhere(report, case, &ciphertext, &proof, &id)
}

/// Has another process check what was proved of a case.
fn check_elsewhere(report: &mut Report, case: &str, ciphertext: &[u8], proof: &[u8], digest: &[u8; 32]) -> Result<()> {
	let folder = tempfile::tempdir()?;
	for (name, bytes) in FILES.into_iter().zip([ciphertext, proof, digest]) {
		fs::write(folder.path().join(name), bytes)?;
	}
	elsewhere(report, case, |child| child.arg("--zkcp-proved").arg(folder.path()))
}

/// Checks the proof in a folder as a device does, with the ciphertext on disk.
fn check(report: &mut Report, case: &str, layout: Layout, folder: &Path) -> Result<()> {
	let before = peak()?;
	let [ciphertext, proof, digest] = FILES.map(|name| folder.join(name));
	let digest = fs::read(digest)?;
	ensure!(digest.len() == 32, "the digest is not 32 bytes long");
	let (mut id, proof) = ([0; 32], fs::read(proof)?);
	id.copy_from_slice(&digest);
	let hashed = ChunkDigests::of_ciphertext(&File::open(ciphertext)?, layout, &mut unwatched)?;
	verify(&proof, &NONCE, &id, &key(1).commitment(), &hashed)?;
	report.figure(&VERIFY_PEAK, case, peak()? - before);
	Ok(())
}

/// The cipher on one core, with the digests that it computes or compares.
fn cipher(report: &mut Report) -> Result<()> {
	let layout = Layout::new(CIPHER_BYTES as u64).context("the payload is too long")?;
	let (payload, key) = (bytes(CIPHER_BYTES), key(1));
	let digests = ChunkDigests::of_payload(&payload, layout, &mut unwatched)?;
	let (encrypting, (ciphertext, _)) = fastest(REPEATS, || encrypted(&payload, layout, &key))?;
	let (decrypting, decrypted) = fastest(REPEATS, || {
		let mut output = Vec::with_capacity(CIPHER_BYTES);
		decrypt::<_, _, OutOfRange>(&ciphertext, &digests, &key, &NONCE, &mut output, &mut unwatched)?;
		Ok(output)
	})?;
	ensure!(decrypted == payload, "the decrypted payload differs");
	for (case, seconds) in [("encrypt", encrypting), ("decrypt", decrypting)] {
		report.figure(&CIPHER_RATE, case, digits(CIPHER_BYTES as f64 / MIB as f64 / seconds));
	}
	Ok(())
}

/// The largest table of locks.
fn locks(report: &mut Report) -> Result<()> {
	let content = key(1);
	let lock_keys: Vec<Key> = (0..MOST_LOCKS).map(|index| key(1_000 + index)).collect();
	let (proving, proof) = fastest(2, || Ok(prove_locks(&content, &lock_keys, &NONCE)?))?;
	let peak = peak()?;
	let commitment = content.commitment();
	let (verifying, table) = fastest(REPEATS, || Ok(LockTable::verify(&proof, &NONCE, &commitment)?))?;

	let (groups, _) = lock_keys.as_chunks::<LOCKS_IN_GROUP>();
	let locks: Vec<_> = lock_keys
		.iter()
		.enumerate()
		.map(|(index, lock_key)| {
			let place = lock_place(&content, &groups[index / LOCKS_IN_GROUP], index as u32);
			(lock_key.lock(), content.mask(lock_key), place)
		})
		.collect();
	let (checking, hold) = fastest(REPEATS, || Ok(locks.iter().all(|(lock, mask, place)| table.holds(lock, mask, place))))?;
	ensure!(hold, "a lock is not in its table");
	let each = |seconds: f64| digits(seconds * 1e6 / f64::from(MOST_LOCKS));
	let case = format!("{MOST_LOCKS} locks");
	report.figure(&LOCK_PROVE, &case, each(proving));
	report.figure(&LOCK_CHECK, &case, each(checking));
	report.figure(&LOCK_VERIFY, &case, digits(verifying));
	report.figure(&LOCK_PEAK, &case, peak);
	// A device receives its mask and the leaves beside its own. All devices of a table share its
	// proof.
	let others = locks.first().map_or(0, |(lock, _, place)| lock.len() + place.others.as_flattened().len());
	report.figure(&LOCK_BYTES, "to a device", others);
	report.figure(&LOCK_BYTES, "share of the proof", digits(proof.len() as f64 / f64::from(MOST_LOCKS)));
	Ok(())
}
