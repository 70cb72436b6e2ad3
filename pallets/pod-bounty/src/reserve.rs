//! Reserving devices by their receipts.

use crate::{
	bitmap::{pages_touched, Pages},
	pallet::*,
	replace::Replacements,
	signature, Bounty, Receipt, ReceiptFault, Reservation, Slot, WeightInfo,
};
use alloc::{collections::BTreeMap, vec::Vec};
use frame_support::{
	ensure,
	traits::{
		fungible::{Inspect, MutateHold},
		tokens::{DepositConsequence, Provenance},
		Get,
	},
	weights::Weight,
	BoundedVec,
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_core::H256;
use sp_runtime::{
	traits::{BlakeTwo256, Zero},
	DispatchError, DispatchResult,
};
use waybill_primitives::{fleet, BlockNumber, BountyId, DeviceIndex, Hash32, Lock, ReceiptStatement, Statement};

impl<T: Config> Pallet<T> {
	pub(crate) fn weight_of_reserve(receipts: &[Receipt]) -> Weight {
		let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
		let pages = pages_touched(receipts.iter().map(|receipt| receipt.device_index));
		let replaced = receipts.iter().filter(|receipt| receipt.replaces.is_some()).count();
		Self::weight_of_batch(count(receipts.len()), pages, count(replaced))
	}

	/// The weight of reserving so many devices on so many pages from so many reservations.
	pub(crate) fn weight_of_batch(devices: u32, pages: u32, replaced: u32) -> Weight {
		T::WeightInfo::reserve(devices)
			.saturating_add(T::WeightInfo::mark_reserved(pages))
			.saturating_add(T::WeightInfo::replace(replaced))
	}

	pub(crate) fn do_reserve(
		distributor: T::AccountId,
		id: BountyId,
		receipts: BoundedVec<Receipt, T::MaxBatch>,
	) -> DispatchResult {
		ensure!(!receipts.is_empty(), Error::<T>::EmptyBatch);
		let mut bounty = Bounties::<T>::get(id).ok_or(Error::<T>::UnknownBounty)?;
		ensure!(bounty.closing.is_none(), Error::<T>::Closing);
		let now = Self::now();
		ensure!(now < bounty.expires_at, Error::<T>::Expired);
		Self::ensure_not_yanked(bounty.release)?;
		let reservation = bounty.next_reservation;
		bounty.next_reservation = reservation.checked_add(1).ok_or(Error::<T>::TooManyReservations)?;

		let mut batch = Batch::<T>::new(id, &bounty, &distributor, now);
		let mut first_fault = None;
		for receipt in &receipts {
			match batch.check(receipt) {
				Ok(()) => batch.accept(receipt),
				Err(reason) => {
					first_fault.get_or_insert(reason);
					Self::deposit_event(Event::ReceiptRejected { bounty: id, device_index: receipt.device_index, reason });
				},
			}
		}
		let Batch { mut reserved, slots, replacements, .. } = batch;
		let devices = u32::try_from(slots.len()).unwrap_or(u32::MAX);
		if devices == 0 {
			return Err(first_fault.map_or(Error::<T>::EmptyBatch, Error::<T>::from).into());
		}

		let deposit = T::ReservationDeposit::get();
		T::Currency::hold(&HoldReason::Reservation.into(), &distributor, Self::times(deposit, devices)?)?;
		let payment = Self::times(bounty.reward, devices)?;
		let receivable = T::Currency::can_deposit(&distributor, payment, Provenance::Extant);
		ensure!(receivable == DepositConsequence::Success, Error::<T>::PayeeBlocked);

		slots.keys().for_each(|index| reserved.set(*index, true));
		reserved.store();
		let replaced = replacements.settle(reservation)?;
		let exclusive_until = now.saturating_add(T::ExclusiveWindow::get());
		bounty.reserved = bounty.reserved.saturating_add(devices.saturating_sub(replaced));
		bounty.exclusive_until = bounty.exclusive_until.max(exclusive_until);
		let reward = bounty.reward;
		Bounties::<T>::insert(id, bounty);
		let slots: Vec<_> = slots.into_iter().map(|(device_index, lock)| Slot { device_index, lock }).collect();
		let slots = BoundedVec::try_from(slots).map_err(|_| DispatchError::Exhausted)?;
		Reservations::<T>::insert(
			id,
			reservation,
			Reservation { distributor: distributor.clone(), reward, deposit, exclusive_until, slots },
		);
		Self::deposit_event(Event::Reserved { bounty: id, reservation, distributor, devices, reward, exclusive_until });
		Ok(())
	}
}

/// What the checks of a batch have read and accepted. Nothing is written.
struct Batch<'a, T: Config> {
	id: BountyId,
	bounty: &'a Bounty<T>,
	distributor: &'a T::AccountId,
	now: BlockNumber,
	genesis: Hash32,
	paid: Pages<PaidPages<T>>,
	reserved: Pages<ReservedPages<T>>,
	slots: BTreeMap<DeviceIndex, Lock>,
	replacements: Replacements<T>,
}

impl<'a, T: Config> Batch<'a, T> {
	fn new(id: BountyId, bounty: &'a Bounty<T>, distributor: &'a T::AccountId, now: BlockNumber) -> Self {
		Self {
			id,
			bounty,
			distributor,
			now,
			genesis: frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero()).0,
			paid: Pages::new(id),
			reserved: Pages::new(id),
			slots: BTreeMap::new(),
			replacements: Replacements::new(id, now),
		}
	}

	/// Whether the receipt can be reserved; the cheap checks come first.
	fn check(&mut self, receipt: &Receipt) -> Result<(), ReceiptFault> {
		let index = receipt.device_index;
		ensure!(index < self.bounty.count, ReceiptFault::NoSuchDevice);
		ensure!(receipt.valid_until >= self.now, ReceiptFault::ReceiptExpired);
		ensure!(!self.slots.contains_key(&index), ReceiptFault::DuplicateDevice);
		ensure!(!self.paid.contains(index), ReceiptFault::AlreadyPaid);
		match (self.reserved.contains(index), receipt.replaces) {
			(false, None) => {},
			(false, Some(_)) => return Err(ReceiptFault::WrongReservation),
			(true, None) => return Err(ReceiptFault::AlreadyReserved),
			(true, Some(number)) => self.replacements.check(number, index)?,
		}
		self.check_device(receipt)
	}

	/// Whether the key is that of the fleet's device, and signed for this distributor.
	fn check_device(&self, receipt: &Receipt) -> Result<(), ReceiptFault> {
		let Bounty { root, count, digest, .. } = self.bounty;
		let Receipt { device_index, device_key, proof, lock, valid_until, signature, .. } = receipt;
		ensure!(!device_key.is_weak(), ReceiptFault::WeakKey);
		let member = fleet::verify::<BlakeTwo256>(&H256(*root), *count, *device_index, device_key, proof);
		ensure!(member, ReceiptFault::InvalidProof);
		let statement = ReceiptStatement {
			bounty: self.id,
			device_index: *device_index,
			digest: *digest,
			lock: *lock,
			distributor: self.distributor,
			valid_until: *valid_until,
		};
		let signed = signature::verify(device_key, &statement.signing_bytes(&self.genesis), signature);
		ensure!(signed, ReceiptFault::InvalidSignature);
		Ok(())
	}

	/// Takes a receipt that was checked.
	fn accept(&mut self, receipt: &Receipt) {
		self.slots.insert(receipt.device_index, receipt.lock);
		if let Some(number) = receipt.replaces {
			self.replacements.take(number, receipt.device_index);
		}
	}
}
