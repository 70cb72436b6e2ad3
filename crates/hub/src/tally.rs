//! What happened since the start, counted for operators.

use crate::answer::Answer;
use std::sync::atomic::{AtomicU64, Ordering};

/// The answers to queries, and the checks behind them, since the start.
#[derive(Debug, Default)]
pub struct Tally {
	verdicts: AtomicU64,
	pending: AtomicU64,
	too_large: AtomicU64,
	busy: AtomicU64,
	failed: AtomicU64,
	malformed: AtomicU64,
	holding: AtomicU64,
	refused: AtomicU64,
	broken_off: AtomicU64,
	bytes: AtomicU64,
	milliseconds: AtomicU64,
}

impl Tally {
	/// Counts an answer.
	pub fn answered(&self, answer: &Answer) {
		let count = match answer {
			Answer::Verdict(_) => &self.verdicts,
			Answer::Pending => &self.pending,
			Answer::TooLarge => &self.too_large,
			Answer::Busy => &self.busy,
			Answer::Failed => &self.failed,
		};
		count.fetch_add(1, Ordering::Relaxed);
	}

	/// Counts a request that is no query.
	pub fn malformed(&self) {
		self.malformed.fetch_add(1, Ordering::Relaxed);
	}

	/// Counts a check of a ciphertext of this many bytes; `None` if it found out nothing.
	pub fn checked(&self, holds: Option<bool>, bytes: u64, milliseconds: u64) {
		let count = match holds {
			Some(true) => &self.holding,
			Some(false) => &self.refused,
			None => &self.broken_off,
		};
		count.fetch_add(1, Ordering::Relaxed);
		if holds.is_some() {
			self.bytes.fetch_add(bytes, Ordering::Relaxed);
			self.milliseconds.fetch_add(milliseconds, Ordering::Relaxed);
		}
	}

	/// The answers by kind.
	pub fn answers(&self) -> [(&'static str, f64); 6] {
		[
			("verdict", read(&self.verdicts)),
			("pending", read(&self.pending)),
			("too_large", read(&self.too_large)),
			("busy", read(&self.busy)),
			("failed", read(&self.failed)),
			("malformed", read(&self.malformed)),
		]
	}

	/// The checks by outcome.
	pub fn checks(&self) -> [(&'static str, f64); 3] {
		[("holds", read(&self.holding)), ("refused", read(&self.refused)), ("failed", read(&self.broken_off))]
	}

	/// The bytes of the ciphertexts that were checked.
	pub fn bytes(&self) -> f64 {
		read(&self.bytes)
	}

	/// How long the checks took that found out something, in seconds.
	pub fn seconds(&self) -> f64 {
		read(&self.milliseconds) / 1e3
	}
}

fn read(count: &AtomicU64) -> f64 {
	count.load(Ordering::Relaxed) as f64
}
