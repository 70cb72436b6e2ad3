//! The configuration: flags take precedence over environment variables, these over a file, and the
//! file over defaults.

use crate::error::{Error, Result};
use figment::{
	providers::{Env, Format, Serialized, Toml},
	value::Value,
	Figment,
};
use serde::{Deserialize, Deserializer, Serialize};
use std::{
	fmt,
	path::{Path, PathBuf},
};
use waybill_chain::{Account, Hash, Until};
use waybill_daemon::roots::Roots;
use waybill_ipfs_http::{Gateway, Kubo};
use zeroize::Zeroizing;

const ENV_PREFIX: &str = "WAYBILL_";
/// The keys that the environment may set. Other programs' variables may begin with the same prefix.
const KEYS: [&str; 13] = [
	"node",
	"gateway",
	"kubo",
	"genesis",
	"account",
	"account_file",
	"ca_file",
	"log",
	"json",
	"wait",
	"distributor",
	"device",
	"hub",
];

/// Everything that a file, the environment or flags can configure.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
	/// The chain nodes' WebSocket addresses. The next is asked when one is away.
	#[serde(deserialize_with = "one_or_many")]
	pub node: Vec<String>,
	/// Trustless IPFS gateways to fetch from.
	#[serde(deserialize_with = "one_or_many")]
	pub gateway: Vec<String>,
	/// The RPC addresses of the kubo nodes that files are added to: of the first that answers.
	#[serde(deserialize_with = "one_or_many")]
	pub kubo: Vec<String>,
	/// The hash of the chain's first block. A node of any other chain is refused.
	#[serde(default)]
	pub genesis: Option<Hash>,
	/// The account's secret URI (`//Alice`, a mnemonic, `0x` and a seed).
	#[serde(default)]
	pub account: Option<Secret>,
	/// The file that holds the account's secret URI.
	#[serde(default)]
	pub account_file: Option<PathBuf>,
	/// A PEM file with authorities to trust besides those of the operating system, for `https://`.
	#[serde(default)]
	pub ca_file: Option<PathBuf>,
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
	#[serde(skip_serializing_if = "Vec::is_empty")]
	pub node: Vec<String>,
	/// See [`Config::gateway`].
	#[serde(skip_serializing_if = "Vec::is_empty")]
	pub gateway: Vec<String>,
	/// See [`Config::kubo`].
	#[serde(skip_serializing_if = "Vec::is_empty")]
	pub kubo: Vec<String>,
	/// See [`Config::genesis`].
	#[serde(skip_serializing_if = "Option::is_none")]
	pub genesis: Option<String>,
	/// See [`Config::account`].
	#[serde(skip_serializing_if = "Option::is_none")]
	pub account: Option<String>,
	/// See [`Config::account_file`].
	#[serde(skip_serializing_if = "Option::is_none")]
	pub account_file: Option<PathBuf>,
	/// See [`Config::ca_file`].
	#[serde(skip_serializing_if = "Option::is_none")]
	pub ca_file: Option<PathBuf>,
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

/// Reads one text or a list of texts.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<String>, D::Error> {
	#[derive(Deserialize)]
	#[serde(untagged)]
	enum OneOrMany {
		One(String),
		Many(Vec<String>),
	}
	Ok(match OneOrMany::deserialize(deserializer)? {
		OneOrMany::One(one) => vec![one],
		OneOrMany::Many(many) => many,
	})
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

	/// The authorities that are trusted over `https://`.
	pub fn roots(&self) -> Result<Roots> {
		match &self.ca_file {
			Some(file) => Roots::with_file(file).map_err(|error| Error::file(format!("--ca-file: {error}"))),
			None => Ok(Roots::default()),
		}
	}

	/// A client of the IPFS gateway.
	pub fn gateway(&self) -> Result<Gateway> {
		Gateway::trusting(&self.gateway, &self.roots()?).map_err(|error| Error::from(error).context("--gateway"))
	}

	/// A client of the kubo node that files are added to.
	pub fn kubo(&self) -> Result<Kubo> {
		Kubo::trusting(&self.kubo, &self.roots()?).map_err(|error| Error::from(error).context("--kubo"))
	}

	/// Reads the file (`file`, or the default one if it exists) and the environment, and applies
	/// the flags over them.
	pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Self> {
		let figment = Figment::from(Serialized::defaults(DEFAULTS));
		let figment = match file {
			Some(file) if !file.is_file() => {
				return Err(Error::usage(format!("no configuration file {}; check --config", file.display())));
			},
			Some(file) => with_file(figment, file)?,
			None => match default_file() {
				Some(file) => with_file(figment, &file)?,
				None => figment,
			},
		};
		let known = |key: &str| KEYS.iter().any(|known| key == *known || nested(key, known));
		let variables = Env::prefixed(ENV_PREFIX).filter(move |key| known(&key.as_str().to_ascii_lowercase())).split("__");
		let variables: Vec<_> = variables.iter().map(|(key, text)| (key.to_string(), text)).collect();
		let mut config: Self = with_variables(figment, variables)?
			.merge(Serialized::defaults(flags))
			.extract_lossy()
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

/// Adds a file. What is wrong with it is said without its text, which may hold secrets.
fn with_file(figment: Figment, file: &Path) -> Result<Figment> {
	let name = file.display();
	let text = std::fs::read_to_string(file).map_err(|error| Error::file(format!("cannot read {name}: {error}")))?;
	text.parse::<toml::Table>().map_err(|error| {
		let line = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default().lines().count().max(1);
		Error::usage(format!("{name}, line {line}: {}", error.message()))
	})?;
	Ok(figment.merge(Toml::file_exact(file)))
}

/// Adds variables of the environment, by the keys that they set. Their text is taken as it is, except
/// lists in TOML's syntax. What the configuration wants decides whether it is a number or `true`, as
/// for flags.
fn with_variables(mut figment: Figment, variables: Vec<(String, String)>) -> Result<Figment> {
	for (key, text) in variables {
		let value = match text.trim_start().starts_with('[') {
			true => {
				let value = text.parse::<Value>().ok().filter(|value| value.as_array().is_some());
				value
					.ok_or_else(|| Error::usage(format!("{key} in the environment: not a list; write for example [1, 2]")))?
			},
			false => Value::from(text),
		};
		figment = figment.merge(Serialized::default(&key, value));
	}
	Ok(figment)
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
	fn environment_should_be_read_as_flags_and_the_file_are() {
		let read = |variables: &[(&str, &str)]| {
			let variables = variables.iter().map(|(key, text)| (key.to_string(), text.to_string())).collect();
			let figment = with_variables(Figment::from(Serialized::defaults(DEFAULTS)), variables)?;
			figment.extract_lossy::<Config>().map_err(Error::usage)
		};
		let config = read(&[
			("json", "1"),
			("node", "ws://one:1"),
			("gateway", r#"["http://one:1", "http://two:2"]"#),
			("account_file", "12"),
			("log", "true"),
			("device.state", "7"),
			("device.hook_timeout", "30"),
			("device.manual_confirm", "yes"),
			("device.distributors", r#"["http://one:1", "http://two:2"]"#),
			("distributor.min_reward", "0.5"),
			("distributor.models", "[3, 4]"),
		])
		.unwrap();
		assert!(config.json && config.device.manual_confirm);
		assert_eq!((config.node, config.gateway.len(), config.kubo.len()), (vec!["ws://one:1".into()], 2, 1));
		assert_eq!((config.log.as_str(), config.account_file), ("true", Some(PathBuf::from("12"))));
		assert_eq!((config.device.state, config.device.hook_timeout), (PathBuf::from("7"), 30));
		assert_eq!(config.device.distributors, ["http://one:1", "http://two:2"]);
		assert_eq!((config.distributor.min_reward.as_str(), config.distributor.models), ("0.5", vec![3, 4]));
		for wrong in [("json", "perhaps"), ("device.hook_timeout", "soon"), ("distributor.models", "[3")] {
			assert!(read(&[wrong]).is_err(), "{wrong:?}");
		}
	}

	/// The example names every key, with its default.
	#[test]
	fn example_should_hold_the_defaults() {
		const EXAMPLE: &str = include_str!("../../contrib/config.toml");
		let read = |figment: Figment| format!("{:?}", figment.extract_lossy::<Config>().unwrap());
		let defaults = || Figment::from(Serialized::defaults(DEFAULTS));
		assert_eq!(read(Figment::from(Toml::string(EXAMPLE))), read(defaults()));
		// With the keys that have no default.
		let all: String = EXAMPLE
			.lines()
			.map(|line| {
				line.strip_prefix("# ").filter(|key| key.split(" = ").count() == 2).unwrap_or(line).to_owned() + "\n"
			})
			.collect();
		let all = all.replace("0x…", &format!("0x{}", "00".repeat(32)));
		let all = all.replace("node = [\"ws://127.0.0.1:9944\", \"wss://node.example\"]\n", "");
		let key = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
		let config: Config = Figment::from(Toml::string(&all.replace("ed25519:…", key))).extract_lossy().unwrap();
		assert!(config.genesis.is_some() && config.account_file.is_some() && config.distributor.announce.is_some());
		assert!(config.device.hook.is_some() && config.device.hub_key.is_some() && config.hub.key.is_some());
	}

	#[test]
	fn example_should_name_every_key() {
		const EXAMPLE: &str = include_str!("../../contrib/config.toml");
		let is_named = |part: &str, key: &str| {
			part.lines().any(|line| line.trim_start_matches("# ").split_once(" = ").is_some_and(|(name, _)| name == key))
		};
		let parts: Vec<_> = EXAMPLE.split("\n[").collect();
		for (part, section) in parts.iter().zip(["", "device.", "distributor.", "hub."]) {
			assert!(section.is_empty() || part.starts_with(&section.replace('.', "]")), "{part}");
			// The refusal of a key that does not exist lists those that do.
			let figment = Figment::from(Serialized::defaults(DEFAULTS));
			let refusal = figment.merge(Serialized::default(&format!("{section}no_such_key"), 1)).extract::<Config>();
			let figment::error::Kind::UnknownField(_, keys) = refusal.unwrap_err().kind else { panic!("{section}") };
			// A secret is in a file of its own, and the sections are the other parts.
			let others = ["account", "device", "distributor", "hub"];
			for key in keys.iter().filter(|key| !section.is_empty() || !others.contains(key)) {
				assert!(is_named(part, key), "{section}{key} is missing in contrib/config.toml");
			}
		}
		assert_eq!(parts.len(), 4);
	}

	#[test]
	fn machines_file_should_be_read_when_the_user_has_none() {
		let files = |config: Option<&str>, home: Option<&str>| default_files(config.map(Into::into), home.map(Into::into));
		let machine = Path::new("/etc/waybill/config.toml");
		assert_eq!(files(None, None), [machine]);
		assert_eq!(files(None, Some("/home/a")), [Path::new("/home/a/.config/waybill/config.toml"), machine]);
		assert_eq!(files(Some("/c"), Some("/home/a")), [Path::new("/c/waybill/config.toml"), machine]);
	}
}
