//! The key with which a node's off-chain worker signs its votes.

use sp_application_crypto::KeyTypeId;

/// The key type under which a keystore holds attesters' keys.
pub const KEY_TYPE: KeyTypeId = KeyTypeId(*b"wbat");

mod app {
	use sp_application_crypto::{app_crypto, sr25519};
	app_crypto!(sr25519, super::KEY_TYPE);
}

sp_application_crypto::with_pair! {
	/// An attester's key pair.
	pub type AttesterPair = app::Pair;
}

/// An attester's public key.
pub type AttesterId = app::Public;

/// An attester's signature.
pub type AttesterSignature = app::Signature;
