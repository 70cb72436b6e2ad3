//! What came from each gateway, for operators.

use crate::error::Result;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use url::Url;
use waybill_daemon::address::shown;

/// What a client got from one gateway since it was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
	/// The gateway's address, without secrets.
	pub address: String,
	/// Whole blocks.
	pub blocks: u64,
	/// Bytes of blocks. Bytes that came twice count once.
	pub bytes: u64,
	/// Requests without a block in the answer.
	pub failures: u64,
	/// Whether the last request failed by the gateway's own fault.
	pub is_failing: bool,
}

/// Counts what comes from one gateway.
#[derive(Debug)]
pub struct Tally {
	pub url: Url,
	blocks: AtomicU64,
	bytes: AtomicU64,
	failures: AtomicU64,
	is_failing: AtomicBool,
}

impl Tally {
	/// Nothing came from this gateway yet.
	pub const fn new(url: Url) -> Self {
		Self {
			url,
			blocks: AtomicU64::new(0),
			bytes: AtomicU64::new(0),
			failures: AtomicU64::new(0),
			is_failing: AtomicBool::new(false),
		}
	}

	/// Counts bytes that came for the first time.
	pub fn came(&self, bytes: usize) {
		self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
	}

	/// Counts a request.
	pub fn ended(&self, fetched: &Result<Vec<u8>>) {
		match fetched {
			Ok(_) => self.blocks.fetch_add(1, Ordering::Relaxed),
			Err(_) => self.failures.fetch_add(1, Ordering::Relaxed),
		};
		let is_failing = fetched.as_ref().is_err_and(|error| error.blames_gateway());
		self.is_failing.store(is_failing, Ordering::Relaxed);
	}

	/// The bytes so far.
	pub fn bytes(&self) -> u64 {
		self.bytes.load(Ordering::Relaxed)
	}

	/// The counts so far.
	pub fn source(&self) -> Source {
		Source {
			address: shown(self.url.as_str()),
			blocks: self.blocks.load(Ordering::Relaxed),
			bytes: self.bytes(),
			failures: self.failures.load(Ordering::Relaxed),
			is_failing: self.is_failing.load(Ordering::Relaxed),
		}
	}
}
