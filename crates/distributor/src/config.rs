//! The section `[distributor]` of the configuration.

use crate::{
	error::{Error, Result},
	settle::Margins,
};
use serde::Deserialize;
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use url::Url;
use waybill_chain::Amount;
use waybill_daemon::{certificate::Certificate, StatusListen};
use waybill_primitives::view::MAX_ENDPOINT_LEN;
use waybill_primitives::ModelId;

/// The section `[distributor]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
	/// The address to serve the exchange on.
	pub listen: SocketAddr,
	/// Where to serve status and metrics, for operators.
	pub status_listen: StatusListen,
	/// The file with the certificate's chain, to serve HTTPS; `None` to serve HTTP. It is read again
	/// when it changes.
	pub tls_certificate: Option<PathBuf>,
	/// The file with the certificate's private key.
	pub tls_key: Option<PathBuf>,
	/// The address to announce on chain; `None` to announce none.
	pub announce: Option<String>,
	/// The folder of the distributor's store and files.
	pub data: PathBuf,
	/// The models to serve; empty for all.
	pub models: Vec<ModelId>,
	/// The least reward for a device, in UNIT.
	pub min_reward: String,
	/// The largest payload to serve, in bytes.
	pub max_payload: u64,
	/// The largest fleet to serve, in devices. The distributor keeps its keys in memory.
	pub max_devices: u32,
	/// How many devices share a content key. A device that gives the key away costs the distributor
	/// at most this many rewards.
	pub epoch_size: u32,
	/// A batch with this many receipts is reserved at once.
	pub max_batch: u32,
	/// How many seconds a receipt waits for others.
	pub max_delay: u64,
	/// A claim is late this many seconds before the end of its reservation's exclusive window.
	///
	/// A late claim is logged as a warning. It waits neither for transactions from before a restart
	/// nor after a failure. The distributor does not claim a reservation in the window's last 12
	/// seconds or after it: another distributor may take its devices in the block of the claim, and
	/// then the keys are public and unpaid.
	pub late_margin: u64,
	/// Whether to claim in the last blocks of the exclusive window and after it, too, as long as
	/// the reservation stands.
	///
	/// That saves reward and deposit if no other distributor is faster. Otherwise the keys are
	/// public and unpaid.
	pub claim_late: bool,
	/// The tip of a claim, in percent of its reward; 0 turns it off. Without a tip a large claim
	/// comes after every smaller transaction while blocks are full.
	pub claim_tip_percent: u8,
	/// How many seconds old the newest final block may be for the distributor to settle by it.
	pub max_block_age: u64,
	/// How many more seconds, counted in blocks, a receipt must be valid for.
	pub min_receipt: u64,
	/// How many connections may be open at once.
	pub max_connections: usize,
	/// How often, in seconds, to look whether kubo still has the ciphertexts and proofs.
	pub check_content: u64,
}

impl Default for Config {
	fn default() -> Self {
		Self {
			listen: SocketAddr::from(([127, 0, 0, 1], 4180)),
			status_listen: StatusListen::default(),
			tls_certificate: None,
			tls_key: None,
			announce: None,
			data: PathBuf::from("waybill-distributor"),
			models: Vec::new(),
			min_reward: "0".into(),
			max_payload: 1 << 30,
			max_devices: 1_000_000,
			epoch_size: 64,
			max_batch: 256,
			max_delay: 6,
			late_margin: 18,
			claim_late: false,
			claim_tip_percent: 1,
			max_block_age: 120,
			min_receipt: 15,
			max_connections: 1_024,
			check_content: 3_600,
		}
	}
}

impl Config {
	/// The least reward for a device.
	pub fn min_reward(&self) -> Result<Amount> {
		self.min_reward.parse().map_err(|cause| Error::MinReward { value: self.min_reward.clone(), cause })
	}

	/// How long a receipt waits for others.
	pub const fn max_delay(&self) -> Duration {
		Duration::from_secs(self.max_delay)
	}

	/// How long before the end of its exclusive window a reservation is claimed late.
	pub const fn late_margin(&self) -> Duration {
		Duration::from_secs(self.late_margin)
	}

	/// How much longer a receipt must be valid.
	pub const fn min_receipt(&self) -> Duration {
		Duration::from_secs(self.min_receipt)
	}

	/// How often to look whether kubo still has the content.
	pub const fn check_content(&self) -> Duration {
		Duration::from_secs(self.check_content)
	}

	/// How old the newest final block may be.
	pub const fn max_block_age(&self) -> Duration {
		Duration::from_secs(self.max_block_age)
	}

	/// The certificate to serve HTTPS with; `None` to serve HTTP.
	pub fn certificate(&self) -> Result<Option<Certificate>> {
		Ok(Certificate::new(self.tls_certificate.as_deref(), self.tls_key.as_deref())?)
	}

	/// Fails if a distributor cannot work with this configuration.
	pub fn check(&self) -> Result<()> {
		let positive = [
			("--epoch-size", u64::from(self.epoch_size)),
			("--max-batch", u64::from(self.max_batch)),
			("max_connections", self.max_connections as u64),
			("check_content", self.check_content),
		];
		if let Some((flag, _)) = positive.iter().find(|(_, value)| *value == 0) {
			return Err(Error::Zero(flag));
		}
		self.min_reward()?;
		if self.late_margin() <= Margins::CLAIMS_STOP {
			return Err(Error::LateMargin(Margins::CLAIMS_STOP.as_secs()));
		}
		if self.claim_tip_percent > 100 {
			return Err(Error::TipPercent);
		}
		let secured = self.certificate()?.is_some();
		match self.announce.as_deref() {
			Some(endpoint) if secured && endpoint.starts_with("http:") => Err(Error::PlainEndpoint(endpoint.into())),
			announce => announce.map_or(Ok(()), check_endpoint),
		}
	}
}

/// Fails if no device can reach a distributor at this address.
fn check_endpoint(endpoint: &str) -> Result<()> {
	if endpoint.len() > MAX_ENDPOINT_LEN as usize {
		return Err(Error::LongEndpoint(MAX_ENDPOINT_LEN));
	}
	match Url::parse(&format!("{}/", endpoint.trim_end_matches('/'))) {
		Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
		_ => Err(Error::Endpoint(endpoint.into())),
	}
}
