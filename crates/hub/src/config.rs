//! The section `[hub]` of the configuration.

use crate::error::{Error, Result};
use serde::Deserialize;
use std::{net::SocketAddr, path::PathBuf};

/// The section `[hub]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
	/// The address to serve devices on.
	pub listen: SocketAddr,
	/// The file with the key that signs verdicts.
	pub key: Option<PathBuf>,
	/// The folder for files while they are checked.
	pub data: PathBuf,
	/// The largest payload whose proofs the hub checks, in bytes.
	pub max_payload: u64,
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
			key: None,
			data: PathBuf::from("waybill-hub"),
			max_payload: 256 << 20,
			jobs: 2,
			max_connections: 256,
		}
	}
}

impl Config {
	/// Fails if a hub cannot work with this configuration.
	pub fn check(&self) -> Result<()> {
		match [("--jobs", self.jobs), ("max_connections", self.max_connections)].iter().find(|(_, value)| *value == 0) {
			Some((name, _)) => Err(Error::Zero(name)),
			None => Ok(()),
		}
	}
}
