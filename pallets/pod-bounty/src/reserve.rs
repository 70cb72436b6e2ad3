//! Reserving devices by their receipts.

use crate::{
	bitmap::{pages_touched, Pages},
	members::{self, cap_pages_touched, MaxProof},
	pallet::*,
	replace::Replacements,
	signature, Bounty, ReceiptFault, Reservation, ReservedSlot, SubmittedReceipt, WeightInfo, LEAST_EXCLUSIVE_WINDOW,
};
use alloc::vec::Vec;
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
use sp_runtime::{traits::Zero, DispatchError, DispatchResult};
use waybill_primitives::{BlockNumber, BountyId, Hash32, ReceiptStatement, Registry, Statement};

impl<T: Config> Pallet<T> {
	pub(crate) fn weight_of_reserve(receipts: &[SubmittedReceipt], proof: &[H256]) -> Weight {
		let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
		let indices = || receipts.iter().map(|receipt| receipt.device_index);
		Self::weight_of_batch(BatchSize {
			devices: count(receipts.len()),
			hashes: count(proof.len()),
			cap_pages: cap_pages_touched(indices()),
			pages: pages_touched(indices()),
			replaced: count(receipts.iter().filter(|receipt| receipt.replaces.is_some()).count()),
		})
	}

	/// The weight of reserving a batch.
	pub(crate) fn weight_of_batch(size: BatchSize) -> Weight {
		T::WeightInfo::reserve(size.devices)
			.saturating_add(T::WeightInfo::prove(size.hashes))
			.saturating_add(T::WeightInfo::read_cap(size.cap_pages))
			.saturating_add(T::WeightInfo::mark_reserved(size.pages))
			.saturating_add(T::WeightInfo::replace(size.replaced))
	}

	pub(crate) fn do_reserve(
		distributor: T::AccountId,
		id: BountyId,
		receipts: BoundedVec<SubmittedReceipt, T::MaxBatch>,
		proof: BoundedVec<H256, MaxProof<T>>,
	) -> DispatchResult {
		ensure!(!receipts.is_empty(), Error::<T>::EmptyBatch);
		let mut bounty = Bounties::<T>::get(id).ok_or(Error::<T>::UnknownBounty)?;
		ensure!(bounty.closing.is_none(), Error::<T>::Closing);
		let now = Self::now();
		ensure!(now < bounty.expires_at, Error::<T>::Expired);
		Self::ensure_not_yanked(bounty.release)?;
		let fleet = T::Registry::fleet(bounty.fleet).ok_or(Error::<T>::UnknownFleet)?;
		let reservation = bounty.next_reservation;
		bounty.next_reservation = reservation.checked_add(1).ok_or(Error::<T>::TooManyReservations)?;

		let members = members::verify(&bounty, fleet.cap_height, &receipts, &proof)?;
		let mut batch = Batch::<T>::new(id, &bounty, &distributor, now);
		let mut first_fault = None;
		for (receipt, member) in receipts.iter().zip(members) {
			match batch.check(receipt, member) {
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

		slots.iter().for_each(|slot| reserved.set(slot.device_index, true));
		reserved.store();
		let replaced = replacements.settle(reservation)?;
		let window = T::ExclusiveWindow::get().min(T::MaxExclusiveWindow::get()).max(LEAST_EXCLUSIVE_WINDOW);
		let exclusive_until = now.saturating_add(window);
		bounty.reserved = bounty.reserved.saturating_add(devices.saturating_sub(replaced));
		bounty.exclusive_until = bounty.exclusive_until.max(exclusive_until);
		let reward = bounty.reward;
		Bounties::<T>::insert(id, bounty);
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

/// The quantities that determine the weight of a batch.
#[derive(Clone, Copy)]
pub(crate) struct BatchSize {
	pub(crate) devices: u32,
	/// The number of hashes in the proof.
	pub(crate) hashes: u32,
	/// The number of pages of the fleet's cap.
	pub(crate) cap_pages: u32,
	/// The number of pages of the bitmaps.
	pub(crate) pages: u32,
	/// The number of reservations that may lose devices.
	pub(crate) replaced: u32,
}

/// What the checks of a batch have read and accepted. It writes nothing.
struct Batch<'a, T: Config> {
	id: BountyId,
	bounty: &'a Bounty<T>,
	distributor: &'a T::AccountId,
	now: BlockNumber,
	genesis: Hash32,
	paid: Pages<PaidPages<T>>,
	reserved: Pages<ReservedPages<T>>,
	slots: Vec<ReservedSlot>,
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
			slots: Vec::new(),
			replacements: Replacements::new(id, now),
		}
	}

	/// Checks whether a receipt can be reserved. `member` is the verdict of the proof. The
	/// signature is checked last, because it costs the most.
	fn check(&mut self, receipt: &SubmittedReceipt, member: Result<bool, ReceiptFault>) -> Result<(), ReceiptFault> {
		let (member, index) = (member?, receipt.device_index);
		ensure!(receipt.valid_until >= self.now, ReceiptFault::ReceiptExpired);
		ensure!(!self.paid.contains(index), ReceiptFault::AlreadyPaid);
		match (self.reserved.contains(index), receipt.replaces) {
			(false, None) => {},
			(false, Some(_)) => return Err(ReceiptFault::WrongReservation),
			(true, None) => return Err(ReceiptFault::AlreadyReserved),
			(true, Some(number)) => self.replacements.check(number, index)?,
		}
		ensure!(!receipt.device_key.is_weak(), ReceiptFault::WeakKey);
		ensure!(member, ReceiptFault::InvalidProof);
		ensure!(self.signed(receipt), ReceiptFault::InvalidSignature);
		Ok(())
	}

	/// Whether the receipt's key signed it for this distributor.
	fn signed(&self, receipt: &SubmittedReceipt) -> bool {
		let statement = ReceiptStatement {
			bounty: self.id,
			device_index: receipt.device_index,
			digest: self.bounty.digest,
			lock: receipt.lock,
			distributor: self.distributor,
			valid_until: receipt.valid_until,
		};
		signature::verify(&receipt.device_key, &statement.signing_bytes(&self.genesis), &receipt.signature)
	}

	/// Accepts a receipt that [`Self::check`] found valid.
	fn accept(&mut self, receipt: &SubmittedReceipt) {
		self.slots.push(ReservedSlot { device_index: receipt.device_index, lock: receipt.lock });
		if let Some(number) = receipt.replaces {
			self.replacements.take(number, receipt.device_index);
		}
	}
}
