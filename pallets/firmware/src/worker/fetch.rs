//! Fetches a whole payload, block by block, and checks it against what its release declares.

use super::{
	gateway::{fetch_block, FetchError},
	payload::Payload,
};
use core::fmt;
use sp_io::offchain::timestamp;
use sp_runtime::offchain::Duration;
use waybill_ipfs::{ContentHasher, DagError, DagReader, Limits};
use waybill_primitives::{Cid, Hash32, ReleaseStatement, Suite};

/// The longest time for a block.
const BLOCK_TIME: Duration = Duration::from_millis(10_000);

/// The base of the time for a payload, in milliseconds.
const BASE_TIME: u64 = 30_000;
/// The payload's bytes that add a millisecond to it.
const BYTES_PER_MILLI: u64 = 256;
/// The longest time for a payload, in milliseconds.
const MAX_TIME: u64 = 300_000;

/// A payload that is what its release declares.
pub(super) struct Checked {
	/// The number of blocks of the DAG.
	pub(super) blocks: usize,
}

/// Why a payload was not found to be what its release declares.
#[derive(Debug)]
pub(super) enum Failure {
	/// The gateway cannot be asked, or sends something else. This says nothing about the release.
	Gateway(Cause),
	/// The check ran for longer than its lock. This says nothing about the release.
	Superseded,
	/// A block could not be fetched, or the whole payload not be checked, in time. Another attempt
	/// may succeed.
	Unfetched { cid: Cid, cause: Cause },
	/// Every block that was read matches its CID, but together they are not what the release
	/// declares.
	Mismatch(Mismatch),
}

/// Why a block could not be fetched.
#[derive(Debug)]
pub(super) enum Cause {
	Fetch(FetchError),
	/// The gateway sent something else.
	Wrong(DagError),
	/// The time for the whole payload is over.
	TooSlow,
	/// Other releases wait, and the time that a check may take meanwhile is over.
	OthersWait,
}

impl fmt::Display for Cause {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Fetch(error) => error.fmt(f),
			Self::Wrong(error) => write!(f, "the gateway sent {error}"),
			Self::TooSlow => f.write_str("the whole payload was not checked in time"),
			Self::OthersWait => f.write_str("the whole payload was not checked in the time that it has while others wait"),
		}
	}
}

/// How a payload differs from what its release declares.
#[derive(Debug)]
pub(super) enum Mismatch {
	Dag {
		cid: Cid,
		error: DagError,
	},
	Sha256(Hash32),
	/// The digest under the statement's suite; `None` if the suite has none for this payload.
	Digest(Option<Hash32>),
}

impl fmt::Display for Mismatch {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Dag { cid, error } => write!(f, "block {cid}: {error}"),
			Self::Sha256(found) => write!(f, "its SHA-256 is {}", Hex(found)),
			Self::Digest(Some(found)) => write!(f, "its digest is {}", Hex(found)),
			Self::Digest(None) => f.write_str("it has no digest"),
		}
	}
}

struct Hex<'a>(&'a Hash32);

impl fmt::Display for Hex<'_> {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
	}
}

/// The time for a payload of this size.
fn time_for(size: u64) -> Duration {
	let own = size.checked_div(BYTES_PER_MILLI).unwrap_or_default();
	Duration::from_millis(BASE_TIME.saturating_add(own).min(MAX_TIME))
}

/// Fetches every block of the payload and checks the blocks, the total size, the SHA-256 and the
/// digest.
///
/// The check ends after `fair_time` if that is shorter than the payload's whole time. Before each
/// block, and while it computes the digest, it asks `renew` whether it may go on. If the suite's
/// digest cannot be computed block by block, the payload is kept in memory until then.
pub(super) fn check(
	gateway: &str,
	statement: &ReleaseStatement,
	fair_time: Option<Duration>,
	renew: &mut dyn FnMut() -> bool,
) -> Result<Checked, Failure> {
	let whole_time = time_for(statement.size);
	let fair_time = fair_time.filter(|time| *time < whole_time);
	let end = timestamp().add(fair_time.unwrap_or(whole_time));
	let over = || if fair_time.is_some() { Cause::OthersWait } else { Cause::TooSlow };
	let limits = Limits::for_size(statement.size);
	let mut reader = DagReader::new(statement.payload, limits);
	let mut hasher = ContentHasher::new();
	let mut kept = match statement.digest.suite {
		Suite::Plain => None,
		Suite::Zkcp => Some(Payload::of_size(statement.size)),
	};
	let mut go_on = |cid| {
		if !renew() {
			return Err(Failure::Superseded);
		}
		let now = timestamp();
		if now >= end {
			return Err(Failure::Unfetched { cid, cause: over() });
		}
		Ok(now)
	};
	while let Some(cid) = reader.next() {
		let now = go_on(cid)?;
		let deadline = now.add(BLOCK_TIME).min(end);
		let block = fetch_block(gateway, &cid, limits.max_block, deadline).map_err(|error| match error {
			error if error.blames_gateway() => Failure::Gateway(Cause::Fetch(error)),
			FetchError::TimedOut if deadline == end => Failure::Unfetched { cid, cause: over() },
			error => Failure::Unfetched { cid, cause: Cause::Fetch(error) },
		})?;
		match reader.supply(&block) {
			Ok(bytes) => {
				let bytes = bytes.unwrap_or_default();
				hasher.update(bytes);
				if let Some(payload) = &mut kept {
					payload.push(bytes);
				}
			},
			Err(error) if error.blames_source() => {
				return Err(Failure::Gateway(Cause::Wrong(error)));
			},
			Err(error) => return Err(Failure::Mismatch(Mismatch::Dag { cid, error })),
		}
	}
	let sha256 = hasher.finish().sha256;
	if sha256 != statement.sha256 {
		return Err(Failure::Mismatch(Mismatch::Sha256(sha256)));
	}
	let digest = match kept {
		None => Some(sha256),
		Some(payload) => payload.digest(statement.size, &mut || go_on(statement.payload).map(|_| ()))?,
	};
	if digest != Some(statement.digest.bytes) {
		return Err(Failure::Mismatch(Mismatch::Digest(digest)));
	}
	Ok(Checked { blocks: reader.blocks() })
}
