//! The configuration: flags take precedence over environment variables, these over a file, and the
//! file over defaults.

use crate::error::{Error, Result};
use figment::{
	providers::{Env, Format, Serialized, Toml},
	Figment,
};
use serde::{Deserialize, Deserializer, Serialize};
use std::{
	fmt,
	path::{Path, PathBuf},
};
use waybill_chain::{Account, Hash, Until};
use waybill_ipfs_http::{Gateway, Kubo};
use zeroize::Zeroizing;

const ENV_PREFIX: &str = "WAYBILL_";
/// The keys that the environment may set. Other programs' variables may begin with the same prefix.
const KEYS: [&str; 12] =
	["node", "gateway", "kubo", "genesis", "account", "account_file", "log", "json", "wait", "distributor", "device", "hub"];

/// Everything that a file, the environment or flags can configure.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
	/// The chain node's WebSocket address.
	pub node: String,
	/// A trustless IPFS gateway to fetch from.
	pub gateway: String,
	/// The RPC address of the kubo node that files are added to.
	pub kubo: String,
	/// The hash of the chain's first block. A node of any other chain is refused.
	#[serde(default)]
	pub genesis: Option<Hash>,
	/// The account's secret URI (`//Alice`, a mnemonic, `0x` and a seed).
	#[serde(default)]
	pub account: Option<Secret>,
	/// The file that holds the account's secret URI.
	#[serde(default)]
	pub account_file: Option<PathBuf>,
	/// What to log to standard error, in `tracing`'s filter syntax.
	pub log: String,
	/// Whether to print JSON.
	pub json: bool,
	/// How long a command waits for its transaction.
	pub wait: Wait,
	/// The section `[distributor]`.
	#[serde(default)]
	pub distributor: waybill_distributor::Config,
	/// The section `[device]`.
	#[serde(default)]
	pub device: waybill_device::Config,
	/// The section `[hub]`.
	#[serde(default)]
	pub hub: waybill_hub::Config,
}

/// How long a command waits for its transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
	/// Until it is in a block, which a reorganisation can still take back.
	InBlock,
	/// Until it is in a final block.
	#[default]
	Finalized,
}

#[derive(Serialize)]
struct Defaults {
	node: &'static str,
	gateway: &'static str,
	kubo: &'static str,
	log: &'static str,
	json: bool,
	wait: Wait,
}

const DEFAULTS: Defaults = Defaults {
	node: "ws://127.0.0.1:9944",
	gateway: "http://127.0.0.1:8080",
	kubo: "http://127.0.0.1:5001",
	log: "warn",
	json: false,
	wait: Wait::Finalized,
};

/// The values of flags. The other sources decide what is `None`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Flags {
	/// See [`Config::node`].
	#[serde(skip_serializing_if = "Option::is_none")]
	pub node: Option<String>,
	/// See [`Config::gateway`].
	#[serde(skip_serializing_if = "Option::is_none")]
	pub gateway: Option<String>,
	/// See [`Config::kubo`].
	#[serde(skip_serializing_if = "Option::is_none")]
	pub kubo: Option<String>,
	/// See [`Config::genesis`].
	#[serde(skip_serializing_if = "Option::is_none")]
	pub genesis: Option<String>,
	/// See [`Config::account`].
	#[serde(skip_serializing_if = "Option::is_none")]
	pub account: Option<String>,
	/// See [`Config::account_file`].
	#[serde(skip_serializing_if = "Option::is_none")]
	pub account_file: Option<PathBuf>,
	/// See [`Config::log`].
	#[serde(skip_serializing_if = "Option::is_none")]
	pub log: Option<String>,
	/// See [`Config::json`].
	#[serde(skip_serializing_if = "std::ops::Not::not")]
	pub json: bool,
	/// See [`Config::wait`].
	#[serde(skip_serializing_if = "Option::is_none")]
	pub wait: Option<Wait>,
}

/// A text that `Debug` does not show, and that is wiped from memory when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl fmt::Debug for Secret {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str("Secret(…)")
	}
}

impl<'de> Deserialize<'de> for Secret {
	fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
		String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
	}
}

impl From<Wait> for Until {
	fn from(wait: Wait) -> Self {
		match wait {
			Wait::InBlock => Self::InBlock,
			Wait::Finalized => Self::Finalized,
		}
	}
}

impl Config {
	/// The account that signs and pays.
	pub fn account(&self) -> Result<Account> {
		match (&self.account, &self.account_file) {
			(Some(_), Some(_)) => Err(Error::usage("both account and account_file are set; set one")),
			(Some(uri), None) => uri.0.parse().map_err(|why| Error::usage(format!("--account: {why}"))),
			(None, Some(file)) => Ok(Account::from_file(file)?),
			(None, None) => Err(Error::usage(
				"no account to sign with; give --account-file (make one with `waybill key generate --account-key`) or --account",
			)),
		}
	}

	/// A client of the IPFS gateway.
	pub fn gateway(&self) -> Result<Gateway> {
		Gateway::new(&[&self.gateway]).map_err(|error| Error::from(error).context("--gateway"))
	}

	/// A client of the kubo node that files are added to.
	pub fn kubo(&self) -> Result<Kubo> {
		Kubo::new(&self.kubo).map_err(|error| Error::from(error).context("--kubo"))
	}

	/// Reads the file (`file`, or the default one if it exists) and the environment, and applies
	/// the flags over them.
	pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Self> {
		let figment = Figment::from(Serialized::defaults(DEFAULTS));
		let figment = match file {
			Some(file) if !file.is_file() => {
				return Err(Error::usage(format!("no configuration file {}; check --config", file.display())));
			},
			Some(file) => figment.merge(Toml::file_exact(file)),
			None => match default_file() {
				Some(file) => figment.merge(Toml::file_exact(file)),
				None => figment,
			},
		};
		let known = |key: &str| KEYS.iter().any(|known| key == *known || nested(key, known));
		let environment = Env::prefixed(ENV_PREFIX).filter(move |key| known(&key.as_str().to_ascii_lowercase())).split("__");
		let mut config: Self = figment
			.merge(environment)
			.merge(Serialized::defaults(flags))
			.extract()
			.map_err(|error| Error::usage(format!("configuration: {error}")))?;
		// A flag for the account also replaces the other kind (`account`, `account_file`) from a
		// file or the environment.
		match (&flags.account, &flags.account_file) {
			(Some(_), None) => config.account_file = None,
			(None, Some(_)) => config.account = None,
			_ => {},
		}
		Ok(config)
	}
}

/// Whether `key` has the form `section__…`.
fn nested(key: &str, section: &str) -> bool {
	key.strip_prefix(section).is_some_and(|rest| rest.starts_with("__"))
}

/// The first of the [`default_files`] that exists.
fn default_file() -> Option<PathBuf> {
	let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
	default_files(variable("XDG_CONFIG_HOME"), variable("HOME")).into_iter().find(|file| file.is_file())
}

/// `~/.config/waybill/config.toml`, and that of the machine. Init systems start programs without
/// `HOME`.
fn default_files(config: Option<PathBuf>, home: Option<PathBuf>) -> Vec<PathBuf> {
	let own = config.or_else(|| home.map(|home| home.join(".config")));
	own.into_iter().chain([PathBuf::from("/etc")]).map(|folder| folder.join("waybill/config.toml")).collect()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn machines_file_should_be_read_when_the_user_has_none() {
		let files = |config: Option<&str>, home: Option<&str>| default_files(config.map(Into::into), home.map(Into::into));
		let machine = Path::new("/etc/waybill/config.toml");
		assert_eq!(files(None, None), [machine]);
		assert_eq!(files(None, Some("/home/a")), [Path::new("/home/a/.config/waybill/config.toml"), machine]);
		assert_eq!(files(Some("/c"), Some("/home/a")), [Path::new("/c/waybill/config.toml"), machine]);
	}
}
