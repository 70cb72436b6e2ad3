//! What the runtime's configuration must satisfy.

use crate::{
	members::{MaxProof, MAX_CAP_PAGES},
	pallet::*,
	reserve::BatchSize,
	BalanceOf, SubmittedReceipt, WeightInfo, LEAST_EXCLUSIVE_WINDOW,
};
use codec::MaxEncodedLen;
use frame_support::{
	dispatch::DispatchClass,
	traits::{fungible::Inspect, Get},
};
use sp_core::H256;
use sp_runtime::traits::{CheckedMul, Zero};
use waybill_primitives::{DeviceIndex, LockKey};

impl<T: Config> Pallet<T> {
	/// Panics if the configuration is unsound. Runs in the runtime's tests, never on the chain.
	pub(crate) fn check_config() {
		let batch = T::MaxBatch::get();
		assert!(batch >= 25, "a batch must hold 25 devices");
		assert!(
			T::MinReward::get() >= T::Currency::minimum_balance(),
			"every reward must be payable to an account without funds"
		);
		assert!(
			!T::MinReward::get().is_zero() && !T::ReservationDeposit::get().is_zero(),
			"reward and deposit must not be zero"
		);
		assert!(
			T::ReservationDeposit::get().checked_mul(&BalanceOf::<T>::from(batch)).is_some(),
			"the deposit for a batch must not overflow"
		);
		let windows = LEAST_EXCLUSIVE_WINDOW..=T::MaxExclusiveWindow::get();
		assert!(windows.contains(&T::ExclusiveWindow::get()), "the exclusive window must be within its bounds");
		assert!(T::MinClosePages::get() > 0, "a step of closing must remove something");
		assert!(T::MinDuration::get() > 0 && T::MinDuration::get() <= T::MaxDuration::get(), "durations must be in order");
		assert!(T::MaxEndpointLen::get() > 0, "an endpoint must have a length");

		let limits = T::BlockWeights::get();
		let class = limits.get(DispatchClass::Normal);
		let most = class.max_extrinsic.unwrap_or(limits.max_block);
		let hashes = MaxProof::<T>::get();
		let largest = BatchSize { devices: batch, hashes, cap_pages: MAX_CAP_PAGES, pages: batch, replaced: batch };
		for (call, weight) in [
			("reserve", Self::weight_of_batch(largest)),
			("claim", T::WeightInfo::claim(batch).saturating_add(T::WeightInfo::mark_paid(batch))),
			("close", Self::weight_of_close(T::MinClosePages::get())),
		] {
			assert!(weight.all_lte(most), "the largest {call} must fit a block: {weight} of {most}");
		}

		let length = T::BlockLength::get();
		let most = *length.max.get(DispatchClass::Normal);
		let proof = H256::max_encoded_len().saturating_mul(hashes as usize);
		let calls = [(SubmittedReceipt::max_encoded_len(), proof), (<(DeviceIndex, LockKey)>::max_encoded_len(), 0)];
		for (member, proof) in calls {
			// 1024 bytes are room for the transaction's signature and extensions.
			let bytes = member.saturating_mul(batch as usize).saturating_add(proof).saturating_add(1024);
			assert!(bytes <= most as usize, "the largest batch must fit a block: {bytes} bytes of {most}");
		}
	}
}
