//! One block from one gateway: bounded in size and time, checked against its CID.

use crate::error::{cause, Error, Result};
use reqwest::{
	header::{ACCEPT, CONTENT_TYPE},
	Client, Response, StatusCode,
};
use std::time::Duration;
use url::Url;
use waybill_ipfs::{gateway, MAX_BLOCK};
use waybill_primitives::Cid;

/// How long a gateway may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
	/// To take the connection.
	pub connect: Duration,
	/// Between two reads.
	pub silence: Duration,
	/// For a whole block, so a gateway cannot send it drop by drop.
	pub block: Duration,
}

impl Default for Timeouts {
	fn default() -> Self {
		Self { connect: Duration::from_secs(5), silence: Duration::from_secs(20), block: Duration::from_secs(90) }
	}
}

impl Timeouts {
	/// An HTTP client that keeps to these times and follows no redirects.
	pub(crate) fn client(&self) -> Result<Client> {
		Client::builder()
			.connect_timeout(self.connect)
			.read_timeout(self.silence)
			.timeout(self.block)
			.redirect(reqwest::redirect::Policy::none())
			.build()
			.map_err(Error::client)
	}
}

/// Fetches the block `cid` from the gateway at `url`.
pub async fn fetch(http: &Client, url: &Url, cid: &Cid) -> Result<Vec<u8>> {
	let unreachable = |error: reqwest::Error| Error::GatewayUnreachable { url: url.to_string(), cause: cause(&error) };
	let request = http.get(gateway::block_url(url.as_str(), cid)).header(ACCEPT, gateway::ACCEPT);
	let response = request.send().await.map_err(unreachable)?;
	let status = response.status();
	if status != StatusCode::OK {
		return Err(Error::GatewayStatus { url: url.to_string(), status, cid: *cid });
	}
	let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
	let content_type: String = content_type.unwrap_or("an unnamed type").chars().take(80).collect();
	let Some(block) = read(response).await.map_err(unreachable)? else {
		return Err(Error::BlockTooLarge { url: url.to_string(), cid: *cid });
	};
	if !cid.matches(&block) {
		return Err(Error::WrongBlock { url: url.to_string(), cid: *cid, length: block.len(), content_type });
	}
	Ok(block)
}

/// Reads a body; `None` if it is longer than a block may be.
async fn read(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
	let mut block = Vec::new();
	while let Some(chunk) = response.chunk().await? {
		if block.len().saturating_add(chunk.len()) > MAX_BLOCK {
			return Ok(None);
		}
		block.extend_from_slice(&chunk);
	}
	Ok(Some(block))
}
