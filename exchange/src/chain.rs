//! The finalised state of the chain, as far as an exchange depends on it.

use crate::{message::IndexedSignature, AccountId};
use alloc::vec::Vec;
use waybill_primitives::{BlockNumber, BountyId, DeviceIndex, Digest, Hash32, Lock, ReleaseId, ReleaseStatement};

/// What one finalised block says about a bounty, its release and the device's place in it.
///
/// The caller fills it from the state of a single finalised block and of no other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChainView {
	/// The hash of the chain's first block.
	pub genesis: Hash32,
	/// The finalised block's number.
	pub number: BlockNumber,
	/// Its timestamp, in milliseconds since 1970.
	pub timestamp_ms: u64,
	/// The release.
	pub release: ReleaseView,
	/// The bounty; `None` if the chain does not know it, or knows it no longer.
	pub bounty: Option<BountyView>,
}

/// A finalised block, as far as the device's trust in its state goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
	/// The hash of the chain's first block.
	pub genesis: Hash32,
	/// The block's number.
	pub number: BlockNumber,
	/// Its timestamp, in milliseconds since 1970.
	pub timestamp_ms: u64,
}

impl ChainView {
	/// The finalised block.
	pub const fn head(&self) -> Head {
		Head { genesis: self.genesis, number: self.number, timestamp_ms: self.timestamp_ms }
	}
}

/// A release on chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReleaseView {
	/// Its number.
	pub id: ReleaseId,
	/// The vendor of its model.
	pub vendor: AccountId,
	/// What the release keys signed.
	pub statement: ReleaseStatement,
	/// The version of the key set that signed it.
	pub key_set_version: u32,
	/// That set's signatures.
	pub signatures: Vec<IndexedSignature>,
	/// Whether it can be fetched and is still meant.
	pub state: ReleaseState,
}

/// Whether a release can be fetched and is still meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReleaseState {
	/// Not yet checked.
	Pending,
	/// Attested as available.
	Available,
	/// Was available once.
	Unavailable,
	/// Withdrawn.
	Yanked,
}

/// A bounty on chain, and the device's slot in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BountyView {
	/// Its number.
	pub id: BountyId,
	/// The release it pays for.
	pub release: ReleaseId,
	/// The payload's digest, which receipts name.
	pub digest: Digest,
	/// The root of its fleet.
	pub root: Hash32,
	/// The number of devices in its fleet.
	pub count: u32,
	/// The block from which nothing can be reserved.
	pub expires_at: BlockNumber,
	/// Whether closing has started.
	pub closing: bool,
	/// The place in the fleet of which `slot` speaks.
	pub device_index: DeviceIndex,
	/// The state of that place.
	pub slot: Slot,
}

/// Whether a device has been paid for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Slot {
	/// Not yet.
	Open,
	/// A distributor has reserved the payment.
	Reserved(Reservation),
	/// Paid: the key is public.
	Paid,
}

/// A reserved payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reservation {
	/// Who is paid.
	pub distributor: AccountId,
	/// The lock whose key is the price.
	pub lock: Lock,
	/// The last block in which nobody else can take the slot.
	pub exclusive_until: BlockNumber,
}
