//! What always holds of the record.

use crate::{Config, Offences, Pallet, Sets, KEPT_SETS};
use frame_support::ensure;
use pallet_grandpa::Pallet as Grandpa;
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Fails if a set is kept that should not be, if an offender was no voter, or if others vote than are on record.
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		let present = Grandpa::<T>::current_set_id();
		for (set_id, _) in Sets::<T>::iter() {
			let age = present.checked_sub(set_id);
			ensure!(age.is_some_and(|age| age < KEPT_SETS), "a set is kept that should not be");
		}
		for (who, set_id) in Offences::<T>::iter() {
			ensure!(Sets::<T>::get(set_id).iter().any(|(_, voter)| *voter == who), "an offender was no voter");
		}
		// A chain of an earlier version has no record of its present set; a change that is delayed has not come yet.
		if Sets::<T>::contains_key(present) && Grandpa::<T>::pending_change().is_none() {
			let kept = Sets::<T>::get(present);
			let voters = Grandpa::<T>::grandpa_authorities();
			ensure!(kept.iter().map(|(key, _)| key).eq(voters.iter().map(|(key, _)| key)), "others vote than are kept");
		}
		Ok(())
	}
}
