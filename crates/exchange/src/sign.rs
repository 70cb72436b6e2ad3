//! Signing and checking statements.

use core::fmt;
use ed25519_dalek::Signer as _;
use waybill_primitives::{DeviceKey, DeviceSignature, Hash32, Statement};

/// Holds a device's or a vendor's private key, in memory or in a secure element.
///
/// Only [`sign`] calls it, with the bytes of a typed statement.
pub trait Signer {
	/// The public key.
	fn public(&self) -> DeviceKey;

	/// A signature over `signing_bytes`.
	fn sign_bytes(&self, signing_bytes: &[u8]) -> DeviceSignature;
}

impl Signer for ed25519_dalek::SigningKey {
	fn public(&self) -> DeviceKey {
		DeviceKey::Ed25519(self.verifying_key().to_bytes())
	}

	fn sign_bytes(&self, signing_bytes: &[u8]) -> DeviceSignature {
		DeviceSignature::Ed25519(self.sign(signing_bytes).to_bytes())
	}
}

/// Signs a statement for the chain with this genesis hash.
pub fn sign<S: Statement>(signer: &impl Signer, statement: &S, genesis: &Hash32) -> DeviceSignature {
	signer.sign_bytes(&statement.signing_bytes(genesis))
}

/// Checks a signature over a statement. It is stricter than the chain: RFC 8032 without cofactor,
/// and no points of small order.
pub fn verify<S: Statement>(
	key: &DeviceKey,
	statement: &S,
	genesis: &Hash32,
	signature: &DeviceSignature,
) -> Result<(), SignatureError> {
	if key.is_weak() {
		return Err(SignatureError::WeakKey);
	}
	match (key, signature) {
		(DeviceKey::Ed25519(key), DeviceSignature::Ed25519(signature)) => {
			let key = ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|_| SignatureError::WeakKey)?;
			let signature = ed25519_dalek::Signature::from_bytes(signature);
			key.verify_strict(&statement.signing_bytes(genesis), &signature).map_err(|_| SignatureError::BadSignature)
		},
	}
}

/// Why a signature does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignatureError {
	/// Anybody could sign for this key, or it is not a key.
	WeakKey,
	/// The signature is not this key's over this statement on this chain.
	BadSignature,
}

impl fmt::Display for SignatureError {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::WeakKey => "the key is weak: anybody could sign for it",
			Self::BadSignature => "the signature does not fit key, statement and chain",
		})
	}
}

impl core::error::Error for SignatureError {}
