#![doc = include_str!("../README.md")]
#![no_std]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

extern crate alloc;

mod cbor;
mod chain;
mod content;
mod device;
mod distributor;
mod hub;
mod mask;
mod message;
mod policy;
mod refusal;
mod rejection;
mod secret;
mod sign;
mod stream;
mod suite;
mod trust;
mod unsent;

pub use cbor::{DecodeError, Message};
pub use chain::{BountyPlace, ChainHead, ChainView, ReleaseView, Slot};
pub use content::{ContentContext, ContentKey, Decryptor, Encryptor, LockSecrets};
pub use device::{
	Approval, Decrypted, Decryption, DeviceExchange, Fault, Installed, Observation, Profile, ProofFault, ProofQuery,
	ProofVerdict, RestoreError, Stage, Terms, Verification, Verified, Wanted, MAX_EARLIER,
};
pub use distributor::{Distributor, Epoch, Greeting, Job, Member, Session, SessionStage, Submission};
pub use hub::{SignedVerdict, HUB_PATH};
pub use mask::SealedMask;
pub use message::{
	Ciphertext, Evidence, Hello, Invite, LockPlace, Offer, Proofs, Receipt, RejectionMessage, RevealedKey, Stored,
	PROTOCOL_VERSION,
};
pub use policy::Policy;
pub use refusal::{Attack, Refusal};
pub use rejection::Rejection;
pub use secret::Secret;
pub use sign::{sign, verify, SignatureError, Signer};
pub use stream::{StreamCheck, StreamError};
pub use suite::Algorithms;
pub use trust::{TrustError, TrustedKeys};
pub use unsent::Unsent;

/// The media type of every message over HTTP.
pub const MEDIA_TYPE: &str = "application/cbor";

/// An account of the chain, as its 32 bytes.
pub type AccountId = [u8; 32];
