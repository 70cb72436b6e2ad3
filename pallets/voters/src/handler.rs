//! Passes the voters from the session on to GRANDPA, and records them.

use crate::{Config, Pallet, Voter};
use alloc::vec::Vec;
use frame_support::traits::OneSessionHandler;
use sp_consensus_grandpa::AuthorityId;
use sp_runtime::BoundToRuntimeAppPublic;

impl<T: Config> BoundToRuntimeAppPublic for Pallet<T> {
	type Public = AuthorityId;
}

impl<T: Config> OneSessionHandler<T::AccountId> for Pallet<T> {
	type Key = AuthorityId;

	fn on_genesis_session<'a, I>(validators: I)
	where
		I: 'a + Iterator<Item = (&'a T::AccountId, AuthorityId)>,
	{
		let validators = validators.collect::<Vec<_>>();
		let voters = owned::<T>(&validators);
		<pallet_grandpa::Pallet<T> as OneSessionHandler<T::AccountId>>::on_genesis_session(validators.into_iter());
		Self::note(voters);
	}

	fn on_new_session<'a, I>(changed: bool, validators: I, queued_validators: I)
	where
		I: 'a + Iterator<Item = (&'a T::AccountId, AuthorityId)>,
	{
		let validators = validators.collect::<Vec<_>>();
		let queued_validators = queued_validators.collect::<Vec<_>>();
		let voters = owned::<T>(&validators);
		<pallet_grandpa::Pallet<T> as OneSessionHandler<T::AccountId>>::on_new_session(
			changed,
			validators.into_iter(),
			queued_validators.into_iter(),
		);
		Self::note(voters);
	}

	fn on_before_session_ending() {
		<pallet_grandpa::Pallet<T> as OneSessionHandler<T::AccountId>>::on_before_session_ending();
	}

	fn on_disabled(index: u32) {
		<pallet_grandpa::Pallet<T> as OneSessionHandler<T::AccountId>>::on_disabled(index);
	}
}

fn owned<T: Config>(validators: &[(&T::AccountId, AuthorityId)]) -> Vec<Voter<T>> {
	validators.iter().map(|(who, key)| (key.clone(), (*who).clone())).collect()
}
