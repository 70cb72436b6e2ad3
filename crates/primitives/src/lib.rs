#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

extern crate alloc;

mod cid;
pub mod fleet;
mod key;
mod manifest;
mod outcome;
mod registry;
#[cfg(feature = "serde")]
mod serde_impls;
mod statement;
mod suite;
mod version;
pub mod view;

pub use cid::{Cid, CidError, Codec, Multihash};
pub use key::{DeviceKey, DeviceSignature, IndexedSignature, KeyParseError, ReleaseKey, ReleaseSignature};
pub use manifest::{Manifest, ManifestError};
pub use outcome::{UpdateOutcome, UpdateReason, UpdateResult};
pub use registry::{FleetInfo, Registry, ReleaseInfo};
pub use statement::{
	HelloStatement, KeySet, KeySetStatement, ReceiptStatement, ReleaseStatement, Statement, Verdict, VoteStatement, Yank,
	YankStatement, MAX_RELEASE_KEYS,
};
pub use suite::{Digest, Suite, UnknownSuite};
pub use version::{Version, VersionParseError};

/// Identifies a model (a vendor's product line).
pub type ModelId = u64;
/// Identifies a fleet (an immutable set of devices of one model).
pub type FleetId = u64;
/// Identifies a release of a model's firmware.
pub type ReleaseId = u64;
/// Identifies a bounty.
pub type BountyId = u64;
/// Identifies a reservation within a bounty.
pub type ReservationId = u32;
/// Place of a device in its fleet's key list, from 0.
pub type DeviceIndex = u32;
/// A 32-byte hash.
pub type Hash32 = [u8; 32];
/// The hash lock `s = H(r)` under which a device's receipt is paid.
pub type Lock = [u8; 32];
/// The key `r` whose hash is a [`Lock`]; revealed by the claim for payment.
pub type LockKey = [u8; 32];
/// A block number of the Waybill chain.
pub type BlockNumber = u32;
