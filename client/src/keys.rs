//! Secret keys: in files that only their owner can read, or as Substrate secret URIs.

use crate::{
	config::Config,
	error::{Error, Kind, OrFail, Result},
};
use ed25519_dalek::{Signer as _, SigningKey};
use rand_core::{OsRng, TryRngCore};
use serde::{Deserialize, Deserializer};
use std::{
	fmt,
	fs::{File, OpenOptions},
	io::{Read, Write},
	os::unix::fs::{MetadataExt, OpenOptionsExt},
	path::Path,
	str::FromStr,
};
use subxt::{config::SubstrateConfig, tx::Signer, utils::AccountId32, utils::MultiSignature};
use subxt_signer::{sr25519::Keypair, SecretUri};
use waybill_primitives::{DeviceKey, DeviceSignature, Hash32, Statement};
use zeroize::Zeroizing;

const SIGNING_KEY_PREFIX: &str = "waybill-ed25519-secret:";
const MAX_KEY_FILE: u64 = 4_096;

/// A text that is not shown and is wiped from memory when it is dropped.
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

/// The account that signs and pays.
#[derive(Clone)]
pub struct Account(Keypair);

impl fmt::Debug for Account {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "Account({})", self.id())
	}
}

impl Account {
	/// The account that the configuration names.
	pub fn from_config(config: &Config) -> Result<Self> {
		match (&config.account, &config.account_file) {
			(Some(_), Some(_)) => Err(Error::usage("both account and account_file are set; set one")),
			(Some(uri), None) => Self::from_uri(&uri.0).map_err(|why| Error::usage(format!("--account: {why}"))),
			(None, Some(file)) => Self::from_file(file),
			(None, None) => Err(Error::usage(
				"no account to sign with; give --account-file (make one with `waybill key generate --account-key`) or --account",
			)),
		}
	}

	/// The account whose secret URI is in this file.
	pub fn from_file(file: &Path) -> Result<Self> {
		let text = read_secret(file)?;
		Self::from_uri(text.trim()).map_err(|why| Error::file(format!("{}: {why}", file.display())))
	}

	fn from_uri(uri: &str) -> Result<Self, &'static str> {
		const WRONG: &str = "not a secret URI; write a mnemonic, 0x and 64 hex digits, or //Name for a development account";
		if uri.is_empty() {
			return Err(WRONG);
		}
		let uri = SecretUri::from_str(uri).map_err(|_| WRONG)?;
		Keypair::from_uri(&uri).map(Self).map_err(|_| WRONG)
	}

	/// Makes a new account and writes its secret seed to a new file.
	pub fn generate(file: &Path) -> Result<Self> {
		let seed = random()?;
		let uri = Zeroizing::new(format!("0x{}", hex::encode(seed.as_slice())));
		let account = Self::from_uri(&uri).map_err(Error::file)?;
		write_secret(file, &uri)?;
		Ok(account)
	}

	/// The account's id; `Display` writes its address.
	pub fn id(&self) -> AccountId32 {
		AccountId32(self.0.public_key().0)
	}
}

impl Signer<SubstrateConfig> for Account {
	fn account_id(&self) -> AccountId32 {
		self.id()
	}

	fn sign(&self, payload: &[u8]) -> MultiSignature {
		MultiSignature::Sr25519(self.0.sign(payload).0)
	}
}

/// The key of a device, or one of a vendor's release keys.
#[derive(Clone)]
pub struct StatementKey(SigningKey);

impl fmt::Debug for StatementKey {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "StatementKey({})", self.public())
	}
}

impl StatementKey {
	/// Reads the key in this file.
	pub fn from_file(file: &Path) -> Result<Self> {
		let text = read_secret(file)?;
		let wrong = || Error::file(format!("{}: not a key of `waybill key generate`", file.display()));
		let digits = text.trim().strip_prefix(SIGNING_KEY_PREFIX).ok_or_else(wrong)?;
		let mut seed = Zeroizing::new([0; 32]);
		hex::decode_to_slice(digits, seed.as_mut_slice()).map_err(|_| wrong())?;
		Ok(Self(SigningKey::from_bytes(&seed)))
	}

	/// Makes a new key and writes it to a new file.
	pub fn generate(file: &Path) -> Result<Self> {
		let seed = random()?;
		let text = Zeroizing::new(format!("{SIGNING_KEY_PREFIX}{}", hex::encode(seed.as_slice())));
		write_secret(file, &text)?;
		Ok(Self(SigningKey::from_bytes(&seed)))
	}

	/// The public key.
	pub fn public(&self) -> DeviceKey {
		DeviceKey::Ed25519(self.0.verifying_key().to_bytes())
	}

	/// The key itself, for the exchange.
	pub const fn signing_key(&self) -> &SigningKey {
		&self.0
	}

	/// Signs a statement for the chain with this genesis hash.
	pub fn sign(&self, statement: &impl Statement, genesis: &Hash32) -> DeviceSignature {
		DeviceSignature::Ed25519(self.0.sign(&statement.signing_bytes(genesis)).to_bytes())
	}
}

/// Whether `signature` over `statement` is by `key`; weak keys and malleable signatures are refused.
pub fn verify(key: &DeviceKey, statement: &impl Statement, genesis: &Hash32, signature: &DeviceSignature) -> bool {
	let (DeviceKey::Ed25519(key), DeviceSignature::Ed25519(signature)) = (key, signature);
	ed25519_dalek::VerifyingKey::from_bytes(key).is_ok_and(|key| {
		let signature = ed25519_dalek::Signature::from_bytes(signature);
		key.verify_strict(&statement.signing_bytes(genesis), &signature).is_ok()
	})
}

fn random() -> Result<Zeroizing<[u8; 32]>> {
	let mut seed = Zeroizing::new([0; 32]);
	OsRng.try_fill_bytes(seed.as_mut_slice()).or_fail(Kind::Failure, || "the operating system has no randomness")?;
	Ok(seed)
}

/// Reads a secret from a file that nobody but its owner can read.
pub fn read_secret(file: &Path) -> Result<Zeroizing<String>> {
	let name = file.display();
	let opened = File::open(file).or_fail(Kind::File, || format!("cannot read the key file {name}"))?;
	let metadata = opened.metadata().or_fail(Kind::File, || format!("cannot read the key file {name}"))?;
	if !metadata.is_file() || metadata.len() > MAX_KEY_FILE {
		return Err(Error::file(format!("{name} is not a key file")));
	}
	if metadata.mode() & 0o077 != 0 {
		let mode = metadata.mode() & 0o777;
		return Err(Error::file(format!("others can read the key file {name} (mode {mode:04o}); run `chmod 600 {name}`")));
	}
	let mut text = Zeroizing::new(String::new());
	opened
		.take(MAX_KEY_FILE)
		.read_to_string(&mut text)
		.or_fail(Kind::File, || format!("cannot read the key file {name}"))?;
	Ok(text)
}

/// Writes a secret to a new file of mode 0600; an existing file is left alone.
pub fn write_secret(file: &Path, secret: &str) -> Result<()> {
	let name = file.display();
	let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(|error| {
		let hint = match error.kind() {
			std::io::ErrorKind::AlreadyExists => "; it exists, and keys are never overwritten: choose another name",
			std::io::ErrorKind::NotFound => "; make its directory first",
			_ => "",
		};
		Error::file(format!("cannot write the key file {name}: {error}{hint}"))
	})?;
	let written = writeln!(opened, "{secret}").and_then(|()| opened.sync_all());
	if let Err(error) = written {
		// A truncated key is worth nothing.
		let _ = std::fs::remove_file(file);
		return Err(Error::file(format!("cannot write the key file {name}: {error}")));
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::os::unix::fs::PermissionsExt;
	use waybill_primitives::{Yank, YankStatement};

	#[test]
	fn keys_should_round_trip_through_files_of_mode_0600() {
		let dir = tempfile::tempdir().unwrap();
		let file = dir.path().join("release.key");
		let key = StatementKey::generate(&file).unwrap();
		assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
		assert_eq!(StatementKey::from_file(&file).unwrap().public(), key.public());
		assert_eq!(StatementKey::generate(&file).unwrap_err().kind(), Kind::File);

		let file = dir.path().join("account.key");
		let account = Account::generate(&file).unwrap();
		assert_eq!(Account::from_file(&file).unwrap().id(), account.id());
		assert_eq!(StatementKey::from_file(&file).unwrap_err().kind(), Kind::File);
	}

	#[test]
	fn files_that_others_can_read_should_be_refused() {
		let dir = tempfile::tempdir().unwrap();
		let file = dir.path().join("release.key");
		StatementKey::generate(&file).unwrap();
		for mode in [0o640, 0o604, 0o666, 0o620] {
			std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
			let error = StatementKey::from_file(&file).unwrap_err();
			assert_eq!(error.kind(), Kind::File);
			assert!(error.to_string().contains("chmod 600"), "{error}");
		}
		assert_eq!(StatementKey::from_file(dir.path()).unwrap_err().kind(), Kind::File);
		assert_eq!(StatementKey::from_file(&dir.path().join("none")).unwrap_err().kind(), Kind::File);
	}

	#[test]
	fn signatures_should_bind_statement_chain_and_key() {
		let dir = tempfile::tempdir().unwrap();
		let key = StatementKey::generate(&dir.path().join("a")).unwrap();
		let other = StatementKey::generate(&dir.path().join("b")).unwrap();
		let statement = YankStatement { release: 1, reason: Yank::Faulty };
		let signature = key.sign(&statement, &[7; 32]);
		assert!(verify(&key.public(), &statement, &[7; 32], &signature));
		assert!(!verify(&key.public(), &statement, &[8; 32], &signature));
		assert!(!verify(&other.public(), &statement, &[7; 32], &signature));
		assert!(!verify(&key.public(), &YankStatement { release: 2, ..statement.clone() }, &[7; 32], &signature));
		assert!(!verify(&DeviceKey::Ed25519([0; 32]), &statement, &[7; 32], &signature));
	}

	#[test]
	fn development_uris_should_be_known_accounts() {
		let alice = Account::from_uri("//Alice").unwrap();
		assert_eq!(alice.id().to_string(), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
		for text in ["", "Alice", "0x12", "one two three"] {
			assert!(Account::from_uri(text).is_err(), "{text}");
		}
	}

	#[test]
	fn secrets_should_not_be_shown() {
		let secret = Secret(Zeroizing::new("//Alice".into()));
		assert!(!format!("{secret:?}").contains("Alice"));
	}
}
