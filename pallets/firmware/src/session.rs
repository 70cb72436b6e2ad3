//! The attesters: the attester keys of the validators that the session passes to the pallet.

use crate::{pallet::*, AttesterId};
use alloc::vec::Vec;
use frame_support::{traits::OneSessionHandler, BoundedVec};
use sp_core::Get;
use sp_runtime::BoundToRuntimeAppPublic;

impl<T: Config> Pallet<T> {
	/// Replaces the attesters. If there are more than [`Config::MaxAttesters`], those with the
	/// highest keys are left out.
	fn set_attesters(keys: impl Iterator<Item = AttesterId>) {
		let mut keys: Vec<AttesterId> = keys.collect();
		keys.sort();
		keys.dedup();
		let keys = BoundedVec::try_from(keys).unwrap_or_else(|all| {
			let limit = T::MaxAttesters::get();
			log::error!(target: crate::worker::LOG_TARGET, "there are {} attesters, but only {limit} can attest", all.len());
			BoundedVec::truncate_from(all)
		});
		if keys != Attesters::<T>::get() {
			Attesters::<T>::put(keys);
		}
	}
}

impl<T: Config> BoundToRuntimeAppPublic for Pallet<T> {
	type Public = AttesterId;
}

/// Every validator passed in is an attester. The runtime passes only appointed ones.
impl<T: Config> OneSessionHandler<T::AccountId> for Pallet<T> {
	type Key = AttesterId;

	fn on_genesis_session<'a, I>(validators: I)
	where
		I: Iterator<Item = (&'a T::AccountId, AttesterId)> + 'a,
		T::AccountId: 'a,
	{
		Self::set_attesters(validators.map(|(_, key)| key));
	}

	fn on_new_session<'a, I>(_changed: bool, validators: I, _queued: I)
	where
		I: Iterator<Item = (&'a T::AccountId, AttesterId)> + 'a,
		T::AccountId: 'a,
	{
		Self::set_attesters(validators.map(|(_, key)| key));
	}

	/// A disabled validator keeps its vote until the session ends: no single vote decides.
	fn on_disabled(_validator_index: u32) {}
}
