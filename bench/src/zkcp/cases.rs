//! Encrypting, proving, checking and decrypting. Each case has a process of its own, so that its memory is its own.

use crate::report::figure;
use anyhow::{ensure, Context, Result};
use std::{
	fs::{self, File},
	hint::black_box,
	path::Path,
	process::Command,
	time::Instant,
};
use waybill_zkcp::{
	decrypt, encrypt, lock_place, prove, prove_locks, unwatched, verify, ChunkDigests, Key, Layout, LockTable, Nonce,
	OutOfRange, LOCKS_IN_GROUP, MOST_LOCKS,
};

const NONCE: Nonce = Nonce([9; 32]);
const MIB: usize = 1 << 20;
/// A payload: its case, its length, whether only a sample of it is proved if it is long, and how often; the fastest counts.
type Payload = (&'static str, usize, bool, usize);
const PAYLOADS: [Payload; 4] = [
	("64KiB", 64 << 10, true, 5),
	("1MiB", MIB, true, 3),
	("32MiB chunked", 32 * MIB, false, 1),
	("32MiB sampled", 32 * MIB, true, 2),
];
const CIPHER: &str = "cipher";
/// What is encrypted and decrypted by one core: the most that is not extended, for the code is no part of a cipher.
const CIPHER_BYTES: usize = 4 * MIB - 1;
const LOCKS: &str = "locks";
/// What a process that only checks finds in its folder: the ciphertext, the proof, the payload's digest.
const FILES: [&str; 3] = ["ciphertext", "proof", "digest"];
/// How often ciphers and checks are repeated; the fastest counts.
const REPEATS: usize = 10;

/// Measures every case in a process of its own.
pub fn run() -> Result<()> {
	for case in PAYLOADS.map(|(case, ..)| case).into_iter().chain([CIPHER, LOCKS]) {
		elsewhere(case, |child| match case {
			CIPHER => child.env("RAYON_NUM_THREADS", "1"),
			_ => child,
		})?;
	}
	Ok(())
}

/// Measures a case in another process.
fn elsewhere(case: &str, prepare: impl FnOnce(&mut Command) -> &mut Command) -> Result<()> {
	let mut child = Command::new(std::env::current_exe()?);
	let status = prepare(child.args(["--zkcp-case", case])).status().context("a case did not start")?;
	ensure!(status.success(), "case {case} failed: {status}");
	Ok(())
}

/// Measures one case, or the memory that it takes to check what this folder has of it.
pub fn measure(case: &str, proved: Option<&Path>) -> Result<()> {
	match case {
		CIPHER => return cipher(),
		LOCKS => return locks(),
		_ => {},
	}
	let one = PAYLOADS.into_iter().find(|(name, ..)| *name == case).context("there is no such case")?;
	match proved {
		Some(folder) => check(case, layout(&one)?, folder),
		None => payload(one),
	}
}

/// The least seconds that some work takes, and what it gives.
fn fastest<T>(times: usize, mut work: impl FnMut() -> Result<T>) -> Result<(f64, T)> {
	let (mut least, mut last) = (f64::MAX, None);
	for _ in 0..times {
		let start = Instant::now();
		let given = black_box(work()?);
		least = least.min(start.elapsed().as_secs_f64());
		last = Some(given);
	}
	Ok((least, last.context("nothing was repeated")?))
}

/// Rounds to four digits.
pub fn digits(value: f64) -> f64 {
	let scale = 10f64.powi(3 - value.abs().max(1e-9).log10().floor() as i32);
	(value * scale).round() / scale
}

/// The most memory that this process has had, in bytes.
fn peak() -> Result<u64> {
	let status = std::fs::read_to_string("/proc/self/status").context("only Linux tells")?;
	let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
	let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
	Ok(kibibytes << 10)
}

/// A key for each seed; that of contents is the first.
fn key(seed: u32) -> Key {
	let mut next = seed;
	Key::generate(|| {
		next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
		next
	})
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
	new(*length as u64).context("too long")
}

fn payload(one: Payload) -> Result<()> {
	let (layout, (case, length, _, times)) = (layout(&one)?, one);
	let (payload, key) = (bytes(length), key(1));
	let digests = ChunkDigests::of_payload(&payload, layout, &mut unwatched)?;
	let (encrypting, (ciphertext, encrypted)) = fastest(1, || encrypted(&payload, layout, &key))?;
	let (proving, proof) = fastest(times, || Ok(prove(&ciphertext, &digests, &encrypted, &key, &NONCE, &mut unwatched)?))?;
	let peak = peak()?;
	let (hashing, hashed) = fastest(times, || Ok(ChunkDigests::of_ciphertext(&ciphertext, layout, &mut unwatched)?))?;
	let (id, commitment) = (digests.id(), key.commitment());
	let (verifying, _) = fastest(REPEATS, || Ok(verify(&proof, &NONCE, &id, &commitment, &hashed)?))?;
	figure("zkcp_encrypt_seconds", case, digits(encrypting), "s");
	figure("zkcp_prove_seconds", case, digits(proving), "s");
	figure("zkcp_verify_seconds", case, digits(verifying), "s");
	figure("zkcp_hash_seconds", case, digits(hashing), "s");
	figure("zkcp_proof_bytes", case, proof.len(), "B");
	figure("zkcp_peak_bytes", case, peak, "B");
	figure("zkcp_expansion", case, digits(ciphertext.len() as f64 / length as f64), "");
	check_elsewhere(case, &ciphertext, &proof, &id)
}

/// Has another process check what was proved of a case.
fn check_elsewhere(case: &str, ciphertext: &[u8], proof: &[u8], digest: &[u8; 32]) -> Result<()> {
	let folder = tempfile::tempdir()?;
	for (name, bytes) in FILES.into_iter().zip([ciphertext, proof, digest]) {
		fs::write(folder.path().join(name), bytes)?;
	}
	elsewhere(case, |child| child.arg("--zkcp-proved").arg(folder.path()))
}

/// Checks what is proved in a folder as a device does, the ciphertext on disk.
fn check(case: &str, layout: Layout, folder: &Path) -> Result<()> {
	let before = peak()?;
	let [ciphertext, proof, digest] = FILES.map(|name| folder.join(name));
	let digest = fs::read(digest)?;
	ensure!(digest.len() == 32, "the digest is none");
	let (mut id, proof) = ([0; 32], fs::read(proof)?);
	id.copy_from_slice(&digest);
	let hashed = ChunkDigests::of_ciphertext(&File::open(ciphertext)?, layout, &mut unwatched)?;
	verify(&proof, &NONCE, &id, &key(1).commitment(), &hashed)?;
	figure("zkcp_verify_peak_bytes", case, peak()? - before, "B");
	Ok(())
}

/// The cipher with the digests that it makes or compares with, on one core.
fn cipher() -> Result<()> {
	let layout = Layout::new(CIPHER_BYTES as u64).context("too long")?;
	let (payload, key) = (bytes(CIPHER_BYTES), key(1));
	let digests = ChunkDigests::of_payload(&payload, layout, &mut unwatched)?;
	let (encrypting, (ciphertext, _)) = fastest(REPEATS, || encrypted(&payload, layout, &key))?;
	let (decrypting, decrypted) = fastest(REPEATS, || {
		let mut output = Vec::with_capacity(CIPHER_BYTES);
		decrypt::<_, _, OutOfRange>(&ciphertext, &digests, &key, &NONCE, &mut output, &mut unwatched)?;
		Ok(output)
	})?;
	ensure!(decrypted == payload, "the payload is another");
	for (case, seconds) in [("encrypt", encrypting), ("decrypt", decrypting)] {
		figure("zkcp_cipher_mib_per_second", case, digits(CIPHER_BYTES as f64 / MIB as f64 / seconds), "MiB/s");
	}
	Ok(())
}

/// The largest table of locks.
fn locks() -> Result<()> {
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
	let case = "15360";
	figure("zkcp_lock_prove_microseconds", case, each(proving), "us");
	figure("zkcp_lock_check_microseconds", case, each(checking), "us");
	figure("zkcp_lock_verify_seconds", case, digits(verifying), "s");
	figure("zkcp_lock_peak_bytes", case, peak, "B");
	// To a device: its mask, and the leaves beside its own; and its share of the table's proof, if that is sent to all together.
	let others = locks.first().map_or(0, |(lock, _, place)| lock.len() + place.others.as_flattened().len());
	figure("zkcp_lock_bytes", "to a device", others, "B");
	figure("zkcp_lock_bytes", "share of the proof", digits(proof.len() as f64 / f64::from(MOST_LOCKS)), "B");
	Ok(())
}
