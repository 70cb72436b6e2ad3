//! The commands, one module each.

pub mod account;
pub mod bounty;
pub mod collator;
pub mod device;
pub mod distributor;
pub mod hub;
pub mod key;
pub mod query;
pub mod server;
pub mod vendors;

use crate::error::{Error, Kind, OrFail, Result};
use serde::{Serialize, Serializer};
use std::{
	fmt,
	future::Future,
	path::{Path, PathBuf},
	str::FromStr,
};
use tokio::signal::unix::{signal, SignalKind};
use waybill_chain::{AccountId, TxReport};
use waybill_primitives::DeviceKey;

/// What a transaction did, with its block and its fee.
#[derive(Serialize)]
pub struct Done<T> {
	#[serde(flatten)]
	what: T,
	#[serde(flatten)]
	transaction: TxReport,
}

impl<T> Done<T> {
	/// What a transaction did.
	pub const fn new(what: T, transaction: TxReport) -> Self {
		Self { what, transaction }
	}
}

impl<T: fmt::Display> fmt::Display for Done<T> {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "{} ({})", self.what, self.transaction)
	}
}

/// An account's address, the same in JSON as in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub AccountId);

impl fmt::Display for Address {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		self.0.fmt(f)
	}
}

impl Serialize for Address {
	fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
		serializer.collect_str(self)
	}
}

impl FromStr for Address {
	type Err = &'static str;

	fn from_str(text: &str) -> Result<Self, Self::Err> {
		text.parse()
			.map(Self)
			.map_err(|_| "not an address; write for example 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")
	}
}

/// A public key on the command line: the key itself, or a key file with either half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyArg {
	/// `ed25519:` and hex digits.
	Key(DeviceKey),
	/// A key file, or its `.pub` file.
	File(PathBuf),
}

impl FromStr for KeyArg {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, Self::Err> {
		match text.starts_with("ed25519:") {
			true => text.parse().map(Self::Key).map_err(|error| format!("{error}")),
			false => Ok(Self::File(text.into())),
		}
	}
}

impl KeyArg {
	/// The public key.
	pub fn resolve(&self) -> Result<DeviceKey> {
		match self {
			Self::Key(key) => Ok(*key),
			Self::File(file) => key::public_of(file),
		}
	}
}

/// Completes when a signal asks the program to stop.
pub fn until_stopped() -> Result<impl Future<Output = ()>> {
	let signals = || Ok::<_, std::io::Error>((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?));
	let (mut interrupt, mut terminate) = signals().or_fail(Kind::Failure, || "cannot wait for signals")?;
	Ok(async move {
		tokio::select! {
			_ = interrupt.recv() => {},
			_ = terminate.recv() => {},
		}
		tracing::info!("stopping");
	})
}

/// Reads a whole text file of at most `limit` bytes.
pub fn read_text(file: &Path, limit: u64) -> Result<String> {
	let name = file.display();
	let length = std::fs::metadata(file).map_err(|error| Error::file(format!("cannot read {name}: {error}")))?.len();
	if length > limit {
		return Err(Error::file(format!("{name} is too large: it has {length} bytes, and the limit is {limit}")));
	}
	std::fs::read_to_string(file).map_err(|error| Error::file(format!("cannot read {name}: {error}")))
}
