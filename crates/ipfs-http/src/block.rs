//! One block from one gateway: bounded in size and time, checked against its CID.

use crate::{
	error::{Error, Result},
	source::Tally,
};
use reqwest::{
	header::{ACCEPT, CONTENT_TYPE, RANGE, RETRY_AFTER},
	Client, StatusCode,
};
use std::{
	collections::HashMap,
	mem,
	sync::{
		atomic::{AtomicU64, Ordering},
		Mutex, MutexGuard, PoisonError,
	},
	time::Duration,
};
use waybill_daemon::{address::shown, cause, roots::Roots};
use waybill_ipfs::{gateway, MAX_BLOCK};
use waybill_primitives::Cid;

/// The most blocks whose beginnings are kept.
const MOST_BEGINNINGS: usize = 16;

/// How long a gateway may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
	/// To take the connection.
	pub connect: Duration,
	/// Between two reads.
	pub silence: Duration,
	/// For a whole block, so a gateway cannot send it drop by drop. What has come until then is kept.
	pub block: Duration,
	/// In each stretch of this length, a file must come at [`LEAST_RATE`](crate::LEAST_RATE) or
	/// faster. It is longer than a busy gateway can ask to be left alone.
	pub window: Duration,
}

impl Default for Timeouts {
	fn default() -> Self {
		Self {
			connect: Duration::from_secs(5),
			silence: Duration::from_secs(20),
			block: Duration::from_secs(300),
			window: Duration::from_secs(900),
		}
	}
}

impl Timeouts {
	/// An HTTP client that keeps to these times and follows no redirects.
	pub(crate) fn client(&self, roots: &Roots) -> Result<Client> {
		roots
			.client()
			.connect_timeout(self.connect)
			.read_timeout(self.silence)
			.timeout(self.block)
			.build()
			.map_err(Error::client)
	}
}

/// The beginnings of blocks that did not come whole, also because their fetch was cancelled. A later
/// attempt goes on behind them, at the same gateway or another.
#[derive(Debug, Default)]
pub struct Beginnings(Mutex<HashMap<Cid, Vec<u8>>>);

/// A block that is coming. When it is dropped, what has come is kept.
struct Coming<'a> {
	cid: Cid,
	bytes: Vec<u8>,
	beginnings: &'a Beginnings,
}

impl Beginnings {
	fn blocks(&self) -> MutexGuard<'_, HashMap<Cid, Vec<u8>>> {
		self.0.lock().unwrap_or_else(PoisonError::into_inner)
	}

	fn take(&self, cid: &Cid) -> Coming<'_> {
		Coming { cid: *cid, bytes: self.blocks().remove(cid).unwrap_or_default(), beginnings: self }
	}
}

impl Drop for Coming<'_> {
	fn drop(&mut self) {
		let bytes = mem::take(&mut self.bytes);
		let mut blocks = self.beginnings.blocks();
		if bytes.is_empty() {
			return;
		}
		if blocks.len() >= MOST_BEGINNINGS {
			// Those of files that nobody wants any more would stay for ever.
			blocks.clear();
		}
		blocks.insert(self.cid, bytes);
	}
}

/// Fetches the block `cid` from a gateway. Adds the bytes that come for the first time to `received`.
pub async fn fetch(
	http: &Client,
	from: &Tally,
	cid: &Cid,
	beginnings: &Beginnings,
	received: &AtomicU64,
) -> Result<Vec<u8>> {
	let is_continued = beginnings.blocks().contains_key(cid);
	match fetch_once(http, from, cid, beginnings, received).await {
		// The beginning may have come from another gateway, which is at fault then.
		Err(Error::WrongBlock { .. } | Error::BlockTooLarge { .. }) if is_continued => {
			fetch_once(http, from, cid, beginnings, received).await
		},
		fetched => fetched,
	}
}

async fn fetch_once(
	http: &Client,
	from: &Tally,
	cid: &Cid,
	beginnings: &Beginnings,
	received: &AtomicU64,
) -> Result<Vec<u8>> {
	let url = &from.url;
	let shown = || shown(url.as_str());
	let failed = |error: &reqwest::Error, received| match error.is_timeout() && !error.is_connect() {
		true => Error::GatewaySlow { url: shown(), cid: *cid, received },
		false => Error::GatewayUnreachable { url: shown(), cause: cause(error) },
	};
	let mut coming = beginnings.take(cid);
	// A gateway that knows no ranges sends these bytes again.
	let known = coming.bytes.len();
	let mut request = http.get(gateway::block_url(url.as_str(), cid)).header(ACCEPT, gateway::ACCEPT);
	if !coming.bytes.is_empty() {
		request = request.header(RANGE, format!("bytes={}-", coming.bytes.len()));
	}
	let mut response = request.send().await.map_err(|error| failed(&error, 0))?;
	let status = response.status();
	match status {
		StatusCode::PARTIAL_CONTENT if !coming.bytes.is_empty() => {},
		// The gateway knows no ranges.
		StatusCode::OK => coming.bytes.clear(),
		StatusCode::RANGE_NOT_SATISFIABLE => {
			coming.bytes.clear();
			return Err(Error::GatewayStatus { url: shown(), status, cid: *cid });
		},
		StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
			let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
			let retry_after = retry_after.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
			return Err(Error::GatewayBusy { url: shown(), status, cid: *cid, retry_after });
		},
		_ => return Err(Error::GatewayStatus { url: shown(), status, cid: *cid }),
	}
	let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
	let content_type: String = content_type.unwrap_or("an unnamed type").chars().take(80).collect();
	let before = coming.bytes.len();
	while let Some(chunk) =
		response.chunk().await.map_err(|error| failed(&error, coming.bytes.len().saturating_sub(before)))?
	{
		if coming.bytes.len().saturating_add(chunk.len()) > MAX_BLOCK {
			coming.bytes.clear();
			return Err(Error::BlockTooLarge { url: shown(), cid: *cid });
		}
		let fresh = coming.bytes.len().saturating_add(chunk.len()).saturating_sub(known.max(coming.bytes.len()));
		from.came(fresh);
		received.fetch_add(fresh as u64, Ordering::Relaxed);
		coming.bytes.extend_from_slice(&chunk);
	}
	let block = mem::take(&mut coming.bytes);
	match cid.matches(&block) {
		true => Ok(block),
		false => Err(Error::WrongBlock { url: shown(), cid: *cid, length: block.len(), content_type }),
	}
}
