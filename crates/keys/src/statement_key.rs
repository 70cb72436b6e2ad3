//! The keys that sign statements.

use crate::{
	error::{Error, Result},
	secret_file::{random_seed, read_secret, write_secret},
};
use ed25519_dalek::{Signer as _, SigningKey};
use std::{fmt, path::Path};
use waybill_primitives::{DeviceKey, DeviceSignature, Hash32, Statement};
use zeroize::Zeroizing;

/// What a key file begins with.
const PREFIX: &str = "waybill-ed25519-secret:";

/// The key of a device, of a hub, or one of a vendor's release keys.
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
		let wrong = || Error::NoKey(file.into());
		let digits = text.trim().strip_prefix(PREFIX).ok_or_else(wrong)?;
		let mut seed = Zeroizing::new([0; 32]);
		hex::decode_to_slice(digits, seed.as_mut_slice()).map_err(|_| wrong())?;
		Ok(Self(SigningKey::from_bytes(&seed)))
	}

	/// Makes a new key and writes it to a new file.
	pub fn generate(file: &Path) -> Result<Self> {
		let seed = random_seed()?;
		let text = Zeroizing::new(format!("{PREFIX}{}", hex::encode(seed.as_slice())));
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

#[cfg(test)]
mod tests {
	use super::*;
	use waybill_exchange::verify;
	use waybill_primitives::{Yank, YankStatement};

	#[test]
	fn keys_should_round_trip_through_files() {
		let dir = tempfile::tempdir().unwrap();
		let file = dir.path().join("release.key");
		let key = StatementKey::generate(&file).unwrap();
		assert_eq!(StatementKey::from_file(&file).unwrap().public(), key.public());
		assert!(matches!(StatementKey::generate(&file), Err(Error::Exists(_))));
	}

	#[test]
	fn files_with_something_else_should_be_refused() {
		let dir = tempfile::tempdir().unwrap();
		for (name, text) in [("account", "//Alice"), ("short", "waybill-ed25519-secret:00"), ("empty", "")] {
			let file = dir.path().join(name);
			write_secret(&file, text).unwrap();
			assert!(matches!(StatementKey::from_file(&file), Err(Error::NoKey(path)) if path == file), "{name}");
		}
	}

	#[test]
	fn signatures_should_bind_statement_chain_and_key() {
		let dir = tempfile::tempdir().unwrap();
		let key = StatementKey::generate(&dir.path().join("a")).unwrap();
		let other = StatementKey::generate(&dir.path().join("b")).unwrap();
		let statement = YankStatement { release: 1, reason: Yank::Faulty };
		let signed = |key: &DeviceKey, statement: &YankStatement, genesis: &Hash32, signature: &DeviceSignature| {
			verify(key, statement, genesis, signature).is_ok()
		};
		let signature = key.sign(&statement, &[7; 32]);
		assert!(signed(&key.public(), &statement, &[7; 32], &signature));
		assert!(!signed(&key.public(), &statement, &[8; 32], &signature));
		assert!(!signed(&other.public(), &statement, &[7; 32], &signature));
		assert!(!signed(&key.public(), &YankStatement { release: 2, ..statement.clone() }, &[7; 32], &signature));
		assert!(!signed(&DeviceKey::Ed25519([0; 32]), &statement, &[7; 32], &signature));
	}
}
