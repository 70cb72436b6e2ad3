//! The invariants of the record.

use crate::{Config, Offences, Pallet, Sets, KEPT_SETS};
use frame_support::ensure;
use pallet_grandpa::Pallet as Grandpa;
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Fails if a set is kept that should not be, if an offender was not a voter, or if the current
	/// voters are not those on record.
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		let present = Grandpa::<T>::current_set_id();
		for (set_id, _) in Sets::<T>::iter() {
			let age = present.checked_sub(set_id);
			ensure!(age.is_some_and(|age| age < KEPT_SETS), "a set is kept that should not be");
		}
		for (who, set_id) in Offences::<T>::iter() {
			ensure!(Sets::<T>::get(set_id).iter().any(|(_, voter)| *voter == who), "an offender was not a voter");
		}
		// A chain that was started with an earlier runtime has no record of its current set. A
		// delayed change has not taken effect yet.
		if Sets::<T>::contains_key(present) && Grandpa::<T>::pending_change().is_none() {
			let kept = Sets::<T>::get(present);
			let voters = Grandpa::<T>::grandpa_authorities();
			ensure!(
				kept.iter().map(|(key, _)| key).eq(voters.iter().map(|(key, _)| key)),
				"the current voters are not those on record"
			);
		}
		Ok(())
	}
}
