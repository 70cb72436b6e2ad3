//! What the escrow stores.

use crate::{BalanceOf, Config, Error};
use codec::{Decode, Encode, MaxEncodedLen};
use frame_support::{CloneNoBound, DebugNoBound, EqNoBound, PartialEqNoBound};
use scale_info::TypeInfo;
use sp_runtime::BoundedVec;
use waybill_primitives::{
	view::{ClaimFault, ReceiptFault, ReservedSlot},
	BlockNumber, Digest, FleetId, Hash32, ReleaseId, ReservationId,
};

/// A vendor's promise to pay for each device of a fleet that receives a release.
#[derive(CloneNoBound, PartialEqNoBound, EqNoBound, DebugNoBound, Encode, Decode, TypeInfo, MaxEncodedLen)]
#[scale_info(skip_type_params(T))]
#[codec(mel_bound(T: Config))]
pub struct Bounty<T: Config> {
	/// The vendor, who pays.
	pub vendor: T::AccountId,
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
	/// The reward for each device reserved from now on.
	pub reward: BalanceOf<T>,
	/// The first block in which nothing can be reserved.
	pub expires_at: BlockNumber,
	/// The money on hold for this bounty on the vendor's account: at least `reward` for each unpaid
	/// device.
	pub held: BalanceOf<T>,
	/// The number of devices that are paid.
	pub paid: u32,
	/// The number of devices in standing reservations.
	pub reserved: u32,
	/// The first block in which no reservation is exclusive.
	pub exclusive_until: BlockNumber,
	/// The id of the next reservation.
	pub next_reservation: ReservationId,
	/// The vendor's deposit for the storage.
	pub ticket: T::BountyDeposit,
	/// The bitmap page to remove next, once closing has started.
	pub closing: Option<u32>,
}

/// A batch of devices for which a distributor submitted receipts and which it may claim.
#[derive(CloneNoBound, PartialEqNoBound, EqNoBound, DebugNoBound, Encode, Decode, TypeInfo, MaxEncodedLen)]
#[scale_info(skip_type_params(T))]
#[codec(mel_bound(T: Config))]
pub struct Reservation<T: Config> {
	/// The distributor, who is paid.
	pub distributor: T::AccountId,
	/// The reward for each device, fixed when it was reserved.
	pub reward: BalanceOf<T>,
	/// The deposit for each device, on hold on the distributor's account.
	pub deposit: BalanceOf<T>,
	/// The first block in which others may take the devices.
	pub exclusive_until: BlockNumber,
	/// The devices that are not claimed yet, in the order of their indices. The list is never
	/// empty.
	pub slots: BoundedVec<ReservedSlot, T::MaxBatch>,
}

/// A distributor's published address.
#[derive(CloneNoBound, PartialEqNoBound, EqNoBound, DebugNoBound, Encode, Decode, TypeInfo, MaxEncodedLen)]
#[scale_info(skip_type_params(T))]
#[codec(mel_bound(T: Config))]
pub struct Announcement<T: Config> {
	/// Where devices reach the distributor.
	pub endpoint: BoundedVec<u8, T::MaxEndpointLen>,
	/// The distributor's deposit for the storage.
	pub ticket: T::AnnounceDeposit,
}

impl<T> From<ReceiptFault> for Error<T> {
	fn from(fault: ReceiptFault) -> Self {
		match fault {
			ReceiptFault::NoSuchDevice => Self::NoSuchDevice,
			ReceiptFault::ReceiptExpired => Self::ReceiptExpired,
			ReceiptFault::OutOfOrder => Self::OutOfOrder,
			ReceiptFault::AlreadyPaid => Self::AlreadyPaid,
			ReceiptFault::AlreadyReserved => Self::AlreadyReserved,
			ReceiptFault::WrongReservation => Self::WrongReservation,
			ReceiptFault::StillExclusive => Self::StillExclusive,
			ReceiptFault::WeakKey => Self::WeakKey,
			ReceiptFault::InvalidProof => Self::InvalidProof,
			ReceiptFault::InvalidSignature => Self::InvalidSignature,
		}
	}
}

impl<T> From<ClaimFault> for Error<T> {
	fn from(fault: ClaimFault) -> Self {
		match fault {
			ClaimFault::NotInReservation => Self::NotInReservation,
			ClaimFault::WrongKey => Self::WrongKey,
		}
	}
}
