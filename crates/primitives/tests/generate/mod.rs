//! Makes the test vectors. Shared by the example that writes them and the test that compares them.

mod cids;
mod fleets;
mod keys;
mod locks;
mod signatures;
mod statements;

use ed25519_dalek::{Signer, SigningKey};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The genesis hash of the chain that all vectors are for: SHA-256 of `waybill/vectors/genesis`.
pub fn genesis() -> [u8; 32] {
	named("genesis")
}

/// The 32 bytes with this name: SHA-256 of `waybill/vectors/` and the name.
pub fn named(name: &str) -> [u8; 32] {
	Sha256::digest(format!("waybill/vectors/{name}")).into()
}

/// The ed25519 key whose seed has this name.
pub fn signer(name: &str) -> SigningKey {
	SigningKey::from_bytes(&named(name))
}

/// The public key of [`signer`].
pub fn public(name: &str) -> [u8; 32] {
	signer(name).verifying_key().to_bytes()
}

/// The signature of [`signer`] over `bytes`.
pub fn sign(name: &str, bytes: &[u8]) -> [u8; 64] {
	signer(name).sign(bytes).to_bytes()
}

/// Lower-case hexadecimal digits after `0x`, as polkadot.js reads and writes them.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
	format!("0x{}", hex::encode(bytes))
}

/// Every file's name and text.
pub fn all() -> Vec<(&'static str, String)> {
	let text = |value: Value| serde_json::to_string_pretty(&value).expect("JSON values can be written") + "\n";
	vec![
		("cids.json", text(cids::vectors())),
		("fleets.json", text(fleets::vectors())),
		("keys.json", text(keys::vectors())),
		("locks.json", text(locks::vectors())),
		("signatures.json", text(signatures::vectors())),
		("statements.json", text(statements::vectors())),
	]
}
