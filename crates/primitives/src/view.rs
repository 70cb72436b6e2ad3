//! The shapes of the chain's answers and of what is sent to it. Pallets, runtime APIs, nodes,
//! clients and devices share them.
//!
//! The pallets may store more, such as deposits. `AccountId` and `Balance` are the runtime's types.

use crate::{
	BlockNumber, BountyId, DeviceIndex, DeviceKey, DeviceSignature, Digest, FleetId, Hash32, IndexedSignature, KeySet, Lock,
	ReleaseId, ReleaseStatement, ReservationId, Verdict, Yank,
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// The longest URL that a distributor can announce, in bytes.
pub const MAX_ENDPOINT_LEN: u32 = 128;

/// The key under which nodes with off-chain indexing keep the lock key that was revealed for a
/// device. The value is 32 bytes in their persistent off-chain storage.
///
/// An entry may come from a block that was abandoned later. A key that opens the lock is right
/// wherever it comes from.
pub fn revealed_key_index(bounty: BountyId, device_index: DeviceIndex) -> Vec<u8> {
	("waybill/revealed-key/1", bounty, device_index).encode()
}

/// The most key sets in one answer.
pub const MAX_KEY_SET_LINKS: u32 = 16;

/// Where a release stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum ReleaseState {
	/// The attesters have not decided yet.
	#[codec(index = 0)]
	Pending,
	/// More than half of the attesters fetched it and found it to be what it declares.
	#[codec(index = 1)]
	Available,
	/// More than half of the attesters could not fetch it or found something else.
	#[codec(index = 2)]
	Unavailable,
	/// The vendor yanked it; final.
	#[codec(index = 3)]
	Yanked,
}

impl core::fmt::Display for ReleaseState {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		f.write_str(match self {
			Self::Pending => "pending",
			Self::Available => "available",
			Self::Unavailable => "unavailable",
			Self::Yanked => "yanked",
		})
	}
}

/// A release with everything that a device needs to check it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct ReleaseView<AccountId> {
	/// Its id.
	pub id: ReleaseId,
	/// The vendor.
	pub vendor: AccountId,
	/// What the release keys signed.
	pub statement: ReleaseStatement,
	/// The version of the vendor's key set that signed it.
	pub key_set_version: u32,
	/// That set's signatures.
	pub signatures: Vec<IndexedSignature>,
	/// The URL of a page that says what it repairs, or why it was yanked.
	pub advisory: Option<Vec<u8>>,
	/// The block of its publication.
	pub published_at: BlockNumber,
	/// Where it stands.
	pub state: ReleaseState,
	/// Why it was yanked, if it was.
	pub yank: Option<Yank>,
}

/// How the votes on a release stand.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct AttestationsView {
	/// The round that is open, or the next one.
	pub round: u32,
	/// The first block in which that round takes votes.
	pub opens_at: BlockNumber,
	/// The first block in which that round no longer takes votes, if it is open.
	pub closes_at: Option<BlockNumber>,
	/// The round in which `votes` were cast.
	pub votes_round: u32,
	/// The latest votes, by the attesters' session keys.
	pub votes: Vec<(Hash32, Verdict)>,
	/// The block in which those votes decided, if they did.
	pub decided_at: Option<BlockNumber>,
	/// The number of attesters now.
	pub attesters: u32,
	/// The number of equal votes that decide.
	pub needed: u32,
}

/// A vendor's key set, and the signatures that link it to its predecessor.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct KeySetLink {
	/// Its version.
	pub version: u32,
	/// The key set.
	pub key_set: KeySet,
	/// Signatures by keys of the set before it; none for version 1.
	pub old_signatures: Vec<IndexedSignature>,
	/// Signatures by its own keys; none for version 1.
	pub new_signatures: Vec<IndexedSignature>,
}

/// A key set that waits to follow a vendor's current one. The vendor can veto it until it is
/// adopted.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct PendingKeySetView {
	/// The key set and its signatures.
	pub link: KeySetLink,
	/// The first block in which it can be adopted.
	pub effective_at: BlockNumber,
}

/// A vendor's promise to pay for each device of a fleet that receives a release.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct BountyView<AccountId, Balance> {
	/// Its id.
	pub id: BountyId,
	/// The account that pays.
	pub vendor: AccountId,
	/// The release to deliver.
	pub release: ReleaseId,
	/// The fleet to deliver it to.
	pub fleet: FleetId,
	/// The fleet's Merkle root.
	pub root: Hash32,
	/// The fleet's number of devices.
	pub count: u32,
	/// The payload's digest, which receipts name.
	pub digest: Digest,
	/// The reward for each device that is reserved now.
	pub reward: Balance,
	/// The first block in which nothing can be reserved any more.
	pub expires_at: BlockNumber,
	/// The amount on hold for it.
	pub held: Balance,
	/// The number of devices that are paid.
	pub paid: u32,
	/// The number of devices in standing reservations.
	pub reserved: u32,
	/// The first block in which no reservation is exclusive any more.
	pub exclusive_until: BlockNumber,
	/// Whether closing has started, after which nothing can be reserved or claimed.
	pub closing: bool,
}

/// A batch of devices whose receipts one distributor holds and may claim.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct ReservationView<AccountId, Balance> {
	/// The account that is paid.
	pub distributor: AccountId,
	/// The reward for each device, fixed when it was reserved.
	pub reward: Balance,
	/// The deposit for each device.
	pub deposit: Balance,
	/// The first block in which others may take the devices.
	pub exclusive_until: BlockNumber,
	/// The devices that are not claimed yet, in the order of their indices.
	pub slots: Vec<ReservedSlot>,
}

/// A reserved device.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen)]
pub struct ReservedSlot {
	/// The device's place in the fleet.
	pub device_index: DeviceIndex,
	/// The lock whose key the claim must reveal.
	pub lock: Lock,
}

/// Where a device stands in a bounty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct DeviceStatus {
	/// Whether it is paid.
	pub paid: bool,
	/// The standing reservation that holds it.
	pub reserved: Option<ReservationId>,
}

/// A distributor that announced itself.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct DistributorView<AccountId> {
	/// The account that is paid.
	pub account: AccountId,
	/// The URL at which devices reach it.
	pub endpoint: Vec<u8>,
}

/// An account that has less than a transaction takes from it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct Shortfall<AccountId, Balance> {
	/// The account.
	pub account: AccountId,
	/// What the transaction takes from it: payments, deposits, and the fee if it pays that.
	pub needs: Balance,
	/// What it can spend without going below the existential deposit.
	pub has: Balance,
}

/// A device's receipt, as a distributor submits it in a batch.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen)]
pub struct SubmittedReceipt {
	/// The device's place in the fleet.
	pub device_index: DeviceIndex,
	/// The device's key.
	pub device_key: DeviceKey,
	/// The lock `s = H(r)` that the device signed.
	pub lock: Lock,
	/// The last block in which the receipt can be reserved.
	pub valid_until: BlockNumber,
	/// The device's signature over the [`ReceiptStatement`](crate::ReceiptStatement).
	pub signature: DeviceSignature,
	/// The lapsed reservation that holds the device, if it is to be replaced.
	pub replaces: Option<ReservationId>,
}

/// Why a receipt was not reserved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen)]
pub enum ReceiptFault {
	/// The fleet has no device with this index.
	#[codec(index = 0)]
	NoSuchDevice,
	/// The block `valid_until` has passed.
	#[codec(index = 1)]
	ReceiptExpired,
	/// An earlier receipt of the batch is from the same device or one with a higher index.
	#[codec(index = 2)]
	OutOfOrder,
	/// The device is paid.
	#[codec(index = 3)]
	AlreadyPaid,
	/// A standing reservation holds the device.
	#[codec(index = 4)]
	AlreadyReserved,
	/// The reservation to replace does not hold the device.
	#[codec(index = 5)]
	WrongReservation,
	/// The reservation to replace is still exclusive.
	#[codec(index = 6)]
	StillExclusive,
	/// Anybody could sign for the key.
	#[codec(index = 7)]
	WeakKey,
	/// The key, or another key under the same node of the fleet's cap, is not at its place in the
	/// fleet.
	#[codec(index = 8)]
	InvalidProof,
	/// The signature is not the key's over this bounty, device, digest, lock, distributor and
	/// `valid_until` on this chain.
	#[codec(index = 9)]
	InvalidSignature,
}

/// Why a key was not paid for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen)]
pub enum ClaimFault {
	/// The reservation does not hold the device, or no longer does.
	#[codec(index = 0)]
	NotInReservation,
	/// The key does not open the device's lock, or is not a key of the release's suite.
	#[codec(index = 1)]
	WrongKey,
}

impl<A> ReleaseView<A> {
	/// Converts the account.
	pub fn map_account<B>(self, account: impl FnOnce(A) -> B) -> ReleaseView<B> {
		ReleaseView {
			id: self.id,
			vendor: account(self.vendor),
			statement: self.statement,
			key_set_version: self.key_set_version,
			signatures: self.signatures,
			advisory: self.advisory,
			published_at: self.published_at,
			state: self.state,
			yank: self.yank,
		}
	}
}

impl<A, B> BountyView<A, B> {
	/// Converts the account and the balances.
	pub fn map<C, D>(self, account: impl FnOnce(A) -> C, balance: impl Fn(B) -> D) -> BountyView<C, D> {
		BountyView {
			id: self.id,
			vendor: account(self.vendor),
			release: self.release,
			fleet: self.fleet,
			root: self.root,
			count: self.count,
			digest: self.digest,
			reward: balance(self.reward),
			expires_at: self.expires_at,
			held: balance(self.held),
			paid: self.paid,
			reserved: self.reserved,
			exclusive_until: self.exclusive_until,
			closing: self.closing,
		}
	}
}
