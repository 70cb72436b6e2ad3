//! A distributor, over HTTP.

use crate::error::{Error, Kind, OrFail, Result};
use reqwest::{header::CONTENT_TYPE, Client, RequestBuilder, Response, StatusCode};
use std::time::Duration;
use url::Url;
use waybill_exchange::{Hello, Invite, Message, Offer, Receipt, Rejection, RejectionMessage, RevealedKey};
use waybill_ipfs_http::cause;
use waybill_primitives::{BountyId, DeviceIndex};

/// The media type of every message.
pub const MEDIA_TYPE: &str = "application/cbor";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// An HTTP client for distributors: short times, no redirects.
pub fn client() -> Result<Client> {
	Client::builder()
		.connect_timeout(CONNECT_TIMEOUT)
		.timeout(REQUEST_TIMEOUT)
		.redirect(reqwest::redirect::Policy::none())
		.build()
		.or_fail(Kind::Failure, || "cannot start an HTTP client")
}

/// Why a distributor gave no answer to build on.
#[derive(Debug)]
pub enum PeerError {
	/// It said no.
	Rejected(Rejection),
	/// It could not be reached, or made no sense.
	Failed(Error),
}

impl From<Error> for PeerError {
	fn from(error: Error) -> Self {
		Self::Failed(error)
	}
}

impl std::fmt::Display for PeerError {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		match self {
			Self::Rejected(rejection) => write!(f, "it answered: {rejection}"),
			Self::Failed(error) => error.fmt(f),
		}
	}
}

/// A distributor at its address.
#[derive(Clone, Debug)]
pub struct Peer {
	http: Client,
	url: Url,
}

impl Peer {
	/// The distributor at an HTTP address.
	pub fn new(http: Client, endpoint: &str) -> Result<Self> {
		let url = Url::parse(&format!("{}/", endpoint.trim_end_matches('/')));
		match url {
			Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(Self { http, url }),
			_ => Err(Error::usage(format!("{endpoint} is not the address of a distributor; it starts with http://"))),
		}
	}

	/// The address.
	pub const fn url(&self) -> &Url {
		&self.url
	}

	/// Asks for an invitation.
	pub async fn invite(&self) -> Result<Invite, PeerError> {
		self.ask(self.http.get(self.at("invite")?)).await
	}

	/// Greets; gets an offer.
	pub async fn hello(&self, hello: &Hello) -> Result<Offer, PeerError> {
		self.ask(self.post("hello", hello.to_cbor())?).await
	}

	/// Hands over the receipt.
	pub async fn receipt(&self, receipt: &Receipt) -> Result<(), PeerError> {
		let response = self.send(self.post("receipt", receipt.to_cbor())?).await?;
		match response.status().is_success() {
			true => Ok(()),
			false => Err(self.rejection(response).await),
		}
	}

	/// Asks for the key of a device; a distributor gives it to anybody once it is public.
	pub async fn key(&self, bounty: BountyId, index: DeviceIndex) -> Result<RevealedKey, PeerError> {
		self.ask(self.http.get(self.at(&format!("key/{bounty}/{index}"))?)).await
	}

	fn at(&self, path: &str) -> Result<Url> {
		self.url.join(&format!("exchange/v1/{path}")).or_fail(Kind::Failure, || "not an address")
	}

	fn post(&self, path: &str, body: Vec<u8>) -> Result<RequestBuilder> {
		Ok(self.http.post(self.at(path)?).header(CONTENT_TYPE, MEDIA_TYPE).body(body))
	}

	async fn ask<M: Message>(&self, request: RequestBuilder) -> Result<M, PeerError> {
		let response = self.send(request).await?;
		if response.status() != StatusCode::OK {
			return Err(self.rejection(response).await);
		}
		let body = self.read(response, M::MAX_LEN).await?;
		Ok(M::from_cbor(&body)
			.or_fail(Kind::Check, || format!("the distributor at {} does not speak the protocol", self.url))?)
	}

	async fn rejection(&self, response: Response) -> PeerError {
		let status = response.status();
		let body = self.read(response, RejectionMessage::MAX_LEN).await.unwrap_or_default();
		match RejectionMessage::from_cbor(&body).ok().and_then(|message| message.rejection()) {
			Some(rejection) => PeerError::Rejected(rejection),
			None => PeerError::Failed(Error::unreachable(format!("the distributor at {} answered HTTP {status}", self.url))),
		}
	}

	async fn send(&self, request: RequestBuilder) -> Result<Response> {
		request.send().await.map_err(|error| self.unreachable(&error))
	}

	async fn read(&self, mut response: Response, limit: usize) -> Result<Vec<u8>> {
		let mut body = Vec::new();
		while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
			body.extend_from_slice(&chunk);
			if body.len() > limit {
				return Err(Error::check(format!("the distributor at {} answered too much", self.url)));
			}
		}
		Ok(body)
	}

	fn unreachable(&self, error: &reqwest::Error) -> Error {
		Error::unreachable(format!("the distributor at {} does not answer: {}", self.url, cause(error)))
	}
}
