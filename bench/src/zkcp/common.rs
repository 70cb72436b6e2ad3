//! What the cases share.

use anyhow::{Context, Result};
use std::{hint::black_box, time::Instant};
use waybill_zkcp::{Key, Nonce};

/// The nonce of every case.
pub const NONCE: Nonce = Nonce([9; 32]);

/// The shortest time of some work in seconds, and its last result.
pub fn fastest<T>(times: usize, mut work: impl FnMut() -> Result<T>) -> Result<(f64, T)> {
	let (mut least, mut last) = (f64::MAX, None);
	for _ in 0..times {
		let start = Instant::now();
		let given = black_box(work()?);
		least = least.min(start.elapsed().as_secs_f64());
		last = Some(given);
	}
	Ok((least, last.context("nothing was repeated")?))
}

/// The most memory that this process has had, in bytes.
pub fn peak() -> Result<u64> {
	let status = std::fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status; run this on Linux")?;
	let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("/proc/self/status has no VmHWM")?;
	let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
	Ok(kibibytes << 10)
}

/// A key for each seed. The content key has seed 1.
pub fn key(seed: u32) -> Key {
	let mut next = seed;
	Key::generate(|| {
		next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
		next
	})
}
