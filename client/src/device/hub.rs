//! The hub that checks proofs for a device too small to.

use super::{
	peer::{self, MEDIA_TYPE},
	Config,
};
use crate::{
	error::{Error, Kind, OrFail, Result},
	hub::{Answer, PATH},
};
use reqwest::{header::CONTENT_TYPE, Client, Response, StatusCode};
use std::time::Duration;
use tokio::time::{sleep, Instant};
use url::Url;
use waybill_exchange::{Message, ProofQuery, Verdict};
use waybill_ipfs_http::cause;
use waybill_primitives::DeviceKey;

/// How long to wait between two questions, when the hub is still at work.
const PAUSE: Duration = Duration::from_secs(1);
/// For how long to ask before something else is done.
const PATIENCE: Duration = Duration::from_secs(600);
/// How much is read of what a hub says in words.
const MAX_WORDS: usize = 200;

/// The hub that a device believes: no more than its key has signed.
#[derive(Clone, Debug)]
pub struct Hub {
	http: Client,
	url: Url,
	key: DeviceKey,
}

impl Hub {
	/// The hub that the configuration names, if it names one.
	pub fn new(config: &Config) -> Result<Option<Self>> {
		match (&config.hub, config.hub_key) {
			(None, None) => Ok(None),
			(Some(address), Some(key)) => Self::at(address, key).map(Some),
			(Some(_), None) => Err(Error::usage("hub is set and hub_key is not: the device must know the hub's public key")),
			(None, Some(_)) => Err(Error::usage("hub_key is set and hub is not: the device must know the hub's address")),
		}
	}

	/// The hub at this HTTP address with this public key.
	pub fn at(address: &str, key: DeviceKey) -> Result<Self> {
		let url = Url::parse(&format!("{}/", address.trim_end_matches('/'))).ok();
		let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
		let url = url.and_then(|url| url.join(PATH).ok());
		match url {
			Some(url) => Ok(Self { http: peer::client()?, url, key }),
			None => Err(Error::usage(format!("hub {address}: not the address of a hub; it starts with http://"))),
		}
	}

	/// Asks whether proofs hold. Fails if the hub gives no verdict that its key has signed for this query: then nothing is known, and it can be
	/// asked again.
	pub async fn ask(&self, query: &ProofQuery) -> Result<Verdict> {
		let until = Instant::now() + PATIENCE;
		loop {
			let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, MEDIA_TYPE).body(query.to_cbor());
			let response = request.send().await.map_err(|error| self.unreachable(&error))?;
			match response.status() {
				StatusCode::OK => {
					let body = self.read(response, Answer::MAX_LEN).await?;
					let answer = Answer::from_cbor(&body)
						.or_fail(Kind::Check, || format!("the hub at {} does not speak the protocol", self.url))?;
					return answer.open(query, &self.key).ok_or_else(|| {
						Error::check(format!("the answer of {} is not signed by the hub that this device knows", self.url))
					});
				},
				StatusCode::ACCEPTED if Instant::now() < until => sleep(PAUSE).await,
				StatusCode::ACCEPTED => return Err(Error::unreachable(format!("the hub at {} is still at work", self.url))),
				status => {
					let words = self.read(response, MAX_WORDS).await.unwrap_or_default();
					let words = String::from_utf8_lossy(&words).replace(char::is_control, " ");
					return Err(Error::unreachable(format!("the hub at {} answered HTTP {status}: {words}", self.url)));
				},
			}
		}
	}

	async fn read(&self, mut response: Response, limit: usize) -> Result<Vec<u8>> {
		let mut body = Vec::new();
		while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
			body.extend_from_slice(&chunk);
			if body.len() > limit {
				return Err(Error::check(format!("the hub at {} answered too much", self.url)));
			}
		}
		Ok(body)
	}

	fn unreachable(&self, error: &reqwest::Error) -> Error {
		Error::unreachable(format!("the hub at {} does not answer: {}", self.url, cause(error)))
	}
}
