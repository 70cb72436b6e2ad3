//! The hub that checks proofs for a device that is too small to check them.

use crate::{
	config::Config,
	error::{Error, Result},
	fault::RemoteFault,
	http::{self, Service},
};
use reqwest::StatusCode;
use std::time::Duration;
use tokio::time::{sleep, Instant};
use waybill_daemon::{address::shown, roots::Roots};
use waybill_exchange::{Message, ProofQuery, ProofVerdict, SignedVerdict, HUB_PATH};
use waybill_primitives::DeviceKey;

/// How long to wait between two questions while the hub is still at work.
const PAUSE: Duration = Duration::from_secs(1);
/// How long to keep asking before the device does something else.
const PATIENCE: Duration = Duration::from_secs(600);
/// How many bytes of a hub's error text to read.
const MAX_WORDS: usize = 200;

/// A device's hub. The device believes only what the hub's key has signed.
#[derive(Clone, Debug)]
pub struct Hub {
	service: Service,
	key: DeviceKey,
}

impl Hub {
	/// The hub that the configuration names, if it names one.
	pub fn new(config: &Config) -> Result<Option<Self>> {
		match (&config.hub, config.hub_key) {
			(None, None) => Ok(None),
			(Some(address), Some(key)) => Self::at(address, key, &config.roots).map(Some),
			(Some(_), None) => Err(Error::HalfAHub { set: "hub", missing: "hub_key" }),
			(None, Some(_)) => Err(Error::HalfAHub { set: "hub_key", missing: "hub" }),
		}
	}

	/// The hub at this HTTP address with this public key.
	pub fn at(address: &str, key: DeviceKey, roots: &Roots) -> Result<Self> {
		Ok(Self { service: Service::new(http::client(roots)?, "hub", address)?, key })
	}

	/// The address without secrets, for messages.
	pub fn shown(&self) -> String {
		shown(self.service.url().as_str())
	}

	/// Asks whether proofs hold.
	///
	/// # Errors
	/// The hub gives no verdict that its key has signed for this query. The device then knows
	/// nothing, and can ask again.
	pub async fn ask(&self, query: &ProofQuery) -> Result<ProofVerdict> {
		let until = Instant::now() + PATIENCE;
		loop {
			let response = self.service.send(self.service.post(HUB_PATH, query.to_cbor())).await?;
			match response.status() {
				StatusCode::OK => {
					let body = self.service.read(response, SignedVerdict::MAX_LEN).await?;
					let verdict = SignedVerdict::from_cbor(&body)
						.map_err(|error| self.service.fault(RemoteFault::Protocol(error.to_string())))?;
					return verdict.open(query, &self.key).ok_or_else(|| self.service.fault(RemoteFault::Unsigned));
				},
				StatusCode::ACCEPTED if Instant::now() < until => sleep(PAUSE).await,
				StatusCode::ACCEPTED => return Err(self.service.fault(RemoteFault::Busy)),
				status => {
					let words = self.service.read(response, MAX_WORDS).await.unwrap_or_default();
					let words = String::from_utf8_lossy(&words).replace(char::is_control, " ");
					return Err(self.service.fault(RemoteFault::Status(status, words)));
				},
			}
		}
	}
}
