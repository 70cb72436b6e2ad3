//! Fetches one block from an IPFS trustless gateway, within bounds.

use alloc::{vec, vec::Vec};
use core::fmt;
use sp_io::offchain::{http_response_read_body, timestamp};
use sp_runtime::offchain::{http::Request, HttpError, Timestamp};
use waybill_ipfs::gateway::{block_url, ACCEPT};
use waybill_primitives::Cid;

/// The number of bytes that one read takes at most.
const CHUNK: usize = 64 * 1024;

/// Why a block was not fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FetchError {
	/// The URL is not one that can be requested.
	BadUrl,
	/// The connection failed, or the other side does not speak HTTP.
	NoConnection,
	/// The gateway answered with a status other than 200.
	Status(u16),
	/// The block did not come in time.
	TimedOut,
	/// The connection broke off in the middle of the block.
	Broken,
	/// The answer has more bytes than a block may have.
	TooLarge,
}

impl FetchError {
	/// Whether this is the gateway's own fault, and says nothing about the block. A gateway that
	/// finds no such block answers 404, 410, 451, 500 or 504, or not in time.
	pub(super) const fn blames_gateway(&self) -> bool {
		match self {
			Self::BadUrl | Self::NoConnection | Self::Broken => true,
			Self::Status(code) => matches!(code, 300..=399 | 401 | 407 | 429 | 502 | 503),
			// A release may hold a block that is too large for anybody.
			Self::TimedOut | Self::TooLarge => false,
		}
	}
}

impl fmt::Display for FetchError {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::BadUrl => f.write_str("not an HTTP URL"),
			Self::NoConnection => f.write_str("no connection"),
			Self::Status(code @ 300..=399) => write!(f, "HTTP {code}: a redirect, which is not followed"),
			Self::Status(code) => write!(f, "HTTP {code}"),
			Self::TimedOut => f.write_str("timed out"),
			Self::Broken => f.write_str("the connection broke off"),
			Self::TooLarge => f.write_str("more bytes than a block may have"),
		}
	}
}

/// Requests a block from `gateway` and reads at most `limit` bytes until `deadline`. It does not
/// check the bytes.
pub(super) fn fetch_block(gateway: &str, cid: &Cid, limit: usize, deadline: Timestamp) -> Result<Vec<u8>, FetchError> {
	let url = block_url(gateway, cid);
	let request = Request::get(&url).add_header("Accept", ACCEPT).deadline(deadline);
	let pending = request.send().map_err(|_| FetchError::BadUrl)?;
	let answer = pending.try_wait(deadline).map_err(|_| FetchError::TimedOut)?;
	let response = answer.map_err(|_| FetchError::NoConnection)?;
	if response.code != 200 {
		return Err(FetchError::Status(response.code));
	}

	let mut block = Vec::new();
	let mut chunk = vec![0; CHUNK];
	loop {
		let read = http_response_read_body(response.id, &mut chunk, Some(deadline)).map_err(|error| match error {
			HttpError::DeadlineReached => FetchError::TimedOut,
			HttpError::IoError | HttpError::Invalid => FetchError::Broken,
		})?;
		let bytes = usize::try_from(read).ok().and_then(|read| chunk.get(..read)).ok_or(FetchError::Broken)?;
		if bytes.is_empty() {
			return Ok(block);
		}
		if block.len().saturating_add(bytes.len()) > limit {
			return Err(FetchError::TooLarge);
		}
		block.extend_from_slice(bytes);
		// A gateway that sends a few bytes at a time never lets a single read run into its
		// deadline.
		if timestamp() >= deadline {
			return Err(FetchError::TimedOut);
		}
	}
}
