//! What the escrow stores and what it is sent.

use crate::{BalanceOf, Config, Error};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::fmt::Debug;
use frame_support::{CloneNoBound, DebugNoBound, EqNoBound, PartialEqNoBound};
use scale_info::TypeInfo;
use sp_runtime::BoundedVec;
use waybill_primitives::{
	BlockNumber, DeviceIndex, DeviceKey, DeviceSignature, Digest, FleetId, Hash32, Lock, ReleaseId, ReservationId,
};

/// A vendor's promise to pay for each device of a fleet that receives a release.
#[derive(CloneNoBound, PartialEqNoBound, EqNoBound, DebugNoBound, Encode, Decode, TypeInfo, MaxEncodedLen)]
#[scale_info(skip_type_params(T))]
#[codec(mel_bound(T: Config))]
pub struct Bounty<T: Config> {
	/// Who pays.
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
	/// What a device that is reserved now will earn its distributor.
	pub reward: BalanceOf<T>,
	/// The first block in which nothing can be reserved any more.
	pub expires_at: BlockNumber,
	/// What is on hold for this bounty on the vendor's account: at least `reward` for each unpaid device.
	pub held: BalanceOf<T>,
	/// The number of devices that are paid.
	pub paid: u32,
	/// The number of devices in standing reservations.
	pub reserved: u32,
	/// The end of the last exclusive window of all reservations.
	pub exclusive_until: BlockNumber,
	/// The id of the next reservation.
	pub next_reservation: ReservationId,
	/// The vendor's deposit for the storage.
	pub ticket: T::BountyDeposit,
	/// Set once closing has started: the bitmap page to remove next.
	pub closing: Option<u32>,
}

/// A batch of devices that one distributor has receipts of and may claim.
#[derive(CloneNoBound, PartialEqNoBound, EqNoBound, DebugNoBound, Encode, Decode, TypeInfo, MaxEncodedLen)]
#[scale_info(skip_type_params(T))]
#[codec(mel_bound(T: Config))]
pub struct Reservation<T: Config> {
	/// Who is paid.
	pub distributor: T::AccountId,
	/// The reward for each device, fixed when it was reserved.
	pub reward: BalanceOf<T>,
	/// The deposit for each device that is on hold on the distributor's account.
	pub deposit: BalanceOf<T>,
	/// The first block in which others may take the devices.
	pub exclusive_until: BlockNumber,
	/// The devices that are not claimed yet, in the order of their indices; never empty.
	pub slots: BoundedVec<Slot, T::MaxBatch>,
}

/// A reserved device.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen)]
pub struct Slot {
	/// The device's place in the fleet.
	pub device_index: DeviceIndex,
	/// The lock whose key the claim must reveal.
	pub lock: Lock,
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

/// A device's receipt, as a distributor submits it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen)]
pub struct Receipt {
	/// The device's place in the fleet.
	pub device_index: DeviceIndex,
	/// The device's key.
	pub device_key: DeviceKey,
	/// The lock `s = H(r)` that the device signed.
	pub lock: Lock,
	/// The last block in which the receipt can be reserved.
	pub valid_until: BlockNumber,
	/// The device's signature over the [`waybill_primitives::ReceiptStatement`].
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
	/// `valid_until` is over.
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
	/// The key, or that of another receipt under the same node of the fleet's cap, does not stand at its place in the fleet.
	#[codec(index = 8)]
	InvalidProof,
	/// The signature is not the key's over this bounty, device, digest, lock, distributor and `valid_until` on this chain.
	#[codec(index = 9)]
	InvalidSignature,
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

/// Why a key was not paid for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen)]
pub enum ClaimFault {
	/// The reservation does not hold the device, or no longer.
	#[codec(index = 0)]
	NotInReservation,
	/// The key does not open the device's lock, or is none of the release's suite.
	#[codec(index = 1)]
	WrongKey,
}

impl<T> From<ClaimFault> for Error<T> {
	fn from(fault: ClaimFault) -> Self {
		match fault {
			ClaimFault::NotInReservation => Self::NotInReservation,
			ClaimFault::WrongKey => Self::WrongKey,
		}
	}
}

/// A bounty, as clients see it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct BountyInfo<AccountId, Balance> {
	/// Who pays.
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
	/// What a device that is reserved now will earn its distributor.
	pub reward: Balance,
	/// The first block in which nothing can be reserved any more.
	pub expires_at: BlockNumber,
	/// What is on hold for this bounty.
	pub held: Balance,
	/// The number of devices that are paid.
	pub paid: u32,
	/// The number of devices in standing reservations.
	pub reserved: u32,
	/// The end of the last exclusive window of all reservations.
	pub exclusive_until: BlockNumber,
	/// Whether closing has started, after which nothing can be claimed.
	pub closing: bool,
}

impl<T: Config> From<Bounty<T>> for BountyInfo<T::AccountId, BalanceOf<T>> {
	fn from(bounty: Bounty<T>) -> Self {
		Self {
			vendor: bounty.vendor,
			release: bounty.release,
			fleet: bounty.fleet,
			root: bounty.root,
			count: bounty.count,
			digest: bounty.digest,
			reward: bounty.reward,
			expires_at: bounty.expires_at,
			held: bounty.held,
			paid: bounty.paid,
			reserved: bounty.reserved,
			exclusive_until: bounty.exclusive_until,
			closing: bounty.closing.is_some(),
		}
	}
}

/// A standing reservation, as clients see it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct ReservationInfo<AccountId, Balance> {
	/// Who is paid.
	pub distributor: AccountId,
	/// The reward for each device.
	pub reward: Balance,
	/// The deposit for each device.
	pub deposit: Balance,
	/// The first block in which others may take the devices.
	pub exclusive_until: BlockNumber,
	/// The devices that are not claimed yet.
	pub slots: Vec<Slot>,
}

impl<T: Config> From<Reservation<T>> for ReservationInfo<T::AccountId, BalanceOf<T>> {
	fn from(reservation: Reservation<T>) -> Self {
		Self {
			distributor: reservation.distributor,
			reward: reservation.reward,
			deposit: reservation.deposit,
			exclusive_until: reservation.exclusive_until,
			slots: reservation.slots.into_inner(),
		}
	}
}

/// Where a device stands in a bounty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct DeviceStatus {
	/// Whether it is paid.
	pub paid: bool,
	/// The standing reservation that holds it.
	pub reserved: Option<ReservationId>,
}
