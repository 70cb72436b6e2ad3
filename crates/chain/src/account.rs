//! The account that signs and pays.

use std::{fmt, path::Path, str::FromStr};
use subxt::{config::SubstrateConfig, tx::Signer, utils::AccountId32, utils::MultiSignature};
use subxt_signer::{sr25519::Keypair, SecretUri};
use waybill_keys::{random_seed, read_secret, write_secret};
use zeroize::Zeroizing;

/// The text is no secret URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a secret URI; write a mnemonic, 0x and 64 hex digits, or //Name for a development account")]
pub struct WrongSecretUri;

/// The account that signs and pays.
#[derive(Clone)]
pub struct Account(Keypair);

impl fmt::Debug for Account {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "Account({})", self.id())
	}
}

impl FromStr for Account {
	type Err = WrongSecretUri;

	fn from_str(uri: &str) -> Result<Self, WrongSecretUri> {
		if uri.is_empty() {
			return Err(WrongSecretUri);
		}
		let uri = SecretUri::from_str(uri).map_err(|_| WrongSecretUri)?;
		Keypair::from_uri(&uri).map(Self).map_err(|_| WrongSecretUri)
	}
}

impl Account {
	/// The account whose secret URI is in this file.
	pub fn from_file(file: &Path) -> Result<Self, waybill_keys::Error> {
		let text = read_secret(file)?;
		text.trim().parse().map_err(|_| waybill_keys::Error::NoSecretUri(file.into()))
	}

	/// Makes a new account and writes its secret seed to a new file.
	pub fn generate(file: &Path) -> Result<Self, waybill_keys::Error> {
		let seed = random_seed()?;
		let uri = Zeroizing::new(format!("0x{}", hex::encode(seed.as_slice())));
		let account = uri.parse().map_err(|_| waybill_keys::Error::NoSecretUri(file.into()))?;
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

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn accounts_should_round_trip_through_files() {
		let dir = tempfile::tempdir().unwrap();
		let file = dir.path().join("account.key");
		let account = Account::generate(&file).unwrap();
		assert_eq!(Account::from_file(&file).unwrap().id(), account.id());
		let other = dir.path().join("other.key");
		write_secret(&other, "waybill-ed25519-secret:00").unwrap();
		assert!(matches!(Account::from_file(&other), Err(waybill_keys::Error::NoSecretUri(path)) if path == other));
	}

	#[test]
	fn development_uris_should_be_known_accounts() {
		let alice: Account = "//Alice".parse().unwrap();
		assert_eq!(alice.id().to_string(), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
		for text in ["", "Alice", "0x12", "one two three"] {
			assert!(text.parse::<Account>().is_err(), "{text}");
		}
	}
}
