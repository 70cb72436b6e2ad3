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
pub use chain::{BountyView, ChainView, Head, ReleaseState, ReleaseView, Reservation, Slot};
pub use content::{ContentContext, ContentKey, Decryptor, Encryptor, LockSecrets};
pub use device::{
	Approval, Decrypted, Decryption, DeviceExchange, Fault, Installed, Observation, Profile, ProofFault, ProofQuery,
	RestoreError, Stage, Terms, Verdict, Verification, Verified, Wanted, MAX_EARLIER,
};
pub use distributor::{Distributor, Epoch, Greeting, Job, Member, Progress, Session, Submission};
pub use mask::SealedMask;
pub use message::{
	Ciphertext, Evidence, Hello, IndexedSignature, Invite, LockPlace, Offer, Proofs, Receipt, RejectionMessage, RevealedKey,
	Stored, PROTOCOL_VERSION,
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

/// An account of the chain, as its 32 bytes.
pub type AccountId = [u8; 32];
