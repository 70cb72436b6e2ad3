//! The section `[hub]` of the configuration.

use crate::error::{Error, Result};
use serde::Deserialize;
use std::{net::SocketAddr, path::PathBuf};
use waybill_daemon::{certificate::Certificate, StatusListen};

/// The section `[hub]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
	/// The address to serve devices on.
	pub listen: SocketAddr,
	/// Where to serve metrics, for operators.
	pub status_listen: StatusListen,
	/// The file with the certificate's chain, to serve HTTPS; `None` to serve HTTP. It is read again
	/// when it changes.
	pub tls_certificate: Option<PathBuf>,
	/// The file with the certificate's private key.
	pub tls_key: Option<PathBuf>,
	/// The file with the key that signs verdicts.
	pub key: Option<PathBuf>,
	/// The folder for files while they are checked.
	pub data: PathBuf,
	/// The largest payload whose proofs the hub checks, in bytes.
	pub max_payload: u64,
	/// The least rate at which the hub's link must carry each file, in bytes a second. A file that
	/// takes longer is given up, so a gateway that drips cannot keep a place.
	pub min_rate: u64,
	/// How many queries the hub works on at once. Each takes the space of a ciphertext on disk, and
	/// a processor.
	pub jobs: usize,
	/// How many connections may be open at once.
	pub max_connections: usize,
}

impl Default for Config {
	fn default() -> Self {
		Self {
			listen: SocketAddr::from(([127, 0, 0, 1], 4190)),
			status_listen: StatusListen::default(),
			tls_certificate: None,
			tls_key: None,
			key: None,
			data: PathBuf::from("waybill-hub"),
			max_payload: 256 << 20,
			min_rate: 4_096,
			jobs: 2,
			max_connections: 1_024,
		}
	}
}

impl Config {
	/// The certificate to serve HTTPS with; `None` to serve HTTP.
	pub fn certificate(&self) -> Result<Option<Certificate>> {
		Ok(Certificate::new(self.tls_certificate.as_deref(), self.tls_key.as_deref())?)
	}

	/// Fails if a hub cannot work with this configuration.
	pub fn check(&self) -> Result<()> {
		let positive =
			[("--jobs", self.jobs as u64), ("max_connections", self.max_connections as u64), ("min_rate", self.min_rate)];
		match positive.iter().find(|(_, value)| *value == 0) {
			Some((name, _)) => Err(Error::Zero(name)),
			None => self.certificate().map(drop),
		}
	}
}
