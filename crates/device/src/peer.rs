//! A distributor, over HTTP.

use crate::{
	error::{Error, Result},
	fault::RemoteFault,
	http::Service,
};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use url::Url;
use waybill_daemon::address::shown;
use waybill_exchange::{Hello, Invite, Message, Offer, Receipt, Rejection, RejectionMessage, RevealedKey};
use waybill_primitives::{BountyId, DeviceIndex};

/// The path of the exchange's messages under a distributor's address.
const ROOT: &str = "exchange/v1";

/// Why a distributor gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
	/// It rejected the message.
	#[error("it answered: {0}")]
	Rejected(Rejection),
	/// The device could not reach it, or its answer made no sense.
	#[error(transparent)]
	Failed(#[from] Error),
}

/// A distributor at its address.
#[derive(Clone, Debug)]
pub struct Peer(Service);

impl Peer {
	/// The distributor at an HTTP address.
	pub fn new(http: Client, endpoint: &str) -> Result<Self> {
		Service::new(http, "distributor", endpoint).map(Self)
	}

	/// The address.
	pub const fn url(&self) -> &Url {
		self.0.url()
	}

	/// The address without secrets, for messages.
	pub fn shown(&self) -> String {
		shown(self.url().as_str())
	}

	/// Asks for an invitation.
	pub async fn invite(&self) -> Result<Invite, PeerError> {
		self.ask(self.0.get(&format!("{ROOT}/invite"))).await
	}

	/// Sends a greeting, and gets an offer.
	pub async fn hello(&self, hello: &Hello) -> Result<Offer, PeerError> {
		self.ask(self.0.post(&format!("{ROOT}/hello"), hello.to_cbor())).await
	}

	/// Sends the receipt.
	pub async fn receipt(&self, receipt: &Receipt) -> Result<(), PeerError> {
		let response = self.0.send(self.0.post(&format!("{ROOT}/receipt"), receipt.to_cbor())).await?;
		match response.status().is_success() {
			true => Ok(()),
			false => Err(self.rejection(response).await),
		}
	}

	/// Asks for a device's key. A distributor gives it to anyone once it is public.
	pub async fn key(&self, bounty: BountyId, index: DeviceIndex) -> Result<RevealedKey, PeerError> {
		self.ask(self.0.get(&format!("{ROOT}/key/{bounty}/{index}"))).await
	}

	async fn ask<M: Message>(&self, request: RequestBuilder) -> Result<M, PeerError> {
		let response = self.0.send(request).await?;
		if response.status() != StatusCode::OK {
			return Err(self.rejection(response).await);
		}
		let body = self.0.read(response, M::MAX_LEN).await?;
		Ok(M::from_cbor(&body).map_err(|error| self.0.fault(RemoteFault::Protocol(error.to_string())))?)
	}

	async fn rejection(&self, response: Response) -> PeerError {
		let status = response.status();
		let body = self.0.read(response, RejectionMessage::MAX_LEN).await.unwrap_or_default();
		match RejectionMessage::from_cbor(&body).ok().and_then(|message| message.rejection()) {
			Some(rejection) => PeerError::Rejected(rejection),
			None => PeerError::Failed(self.0.fault(RemoteFault::Status(status, String::new()))),
		}
	}
}
