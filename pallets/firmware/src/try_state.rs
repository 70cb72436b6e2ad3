//! What always holds of the pallet's storage.

use crate::{pallet::*, ReleaseState};
use frame_support::ensure;
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks every invariant.
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::try_state_vendors()?;
		Self::try_state_models()?;
		Self::try_state_fleets()?;
		Self::try_state_releases()?;
		Self::try_state_rounds()
	}

	/// A vendor has a valid key set of every version up to its current one, and nobody else has any.
	fn try_state_vendors() -> Result<(), TryRuntimeError> {
		let mut versions = 0usize;
		for (account, vendor) in Vendors::<T>::iter() {
			ensure!(vendor.key_set_version > 0, "a vendor's key set version is 0");
			for version in 1..=vendor.key_set_version {
				let set = KeySets::<T>::get(&account, version).ok_or("a vendor's key set is missing")?;
				ensure!(set.is_valid(), "a key set is not valid");
				versions = versions.saturating_add(1);
			}
		}
		ensure!(KeySets::<T>::iter_keys().count() == versions, "a key set belongs to nobody");
		Ok(())
	}

	/// Every model is a vendor's and its id was given out.
	fn try_state_models() -> Result<(), TryRuntimeError> {
		for (id, model) in Models::<T>::iter() {
			ensure!(id < NextModelId::<T>::get(), "a model's id was never given out");
			ensure!(Vendors::<T>::contains_key(&model.vendor), "a model's vendor is missing");
		}
		Ok(())
	}

	/// Every fleet has devices and a model, and is listed under it once.
	fn try_state_fleets() -> Result<(), TryRuntimeError> {
		for (id, fleet) in Fleets::<T>::iter() {
			ensure!(id < NextFleetId::<T>::get(), "a fleet's id was never given out");
			ensure!(fleet.count > 0, "a fleet has no devices");
			ensure!(Models::<T>::contains_key(fleet.model), "a fleet's model is missing");
			ensure!(FleetIds::<T>::contains_key(fleet.model, id), "a fleet is not listed");
		}
		ensure!(Fleets::<T>::iter_keys().count() == FleetIds::<T>::iter_keys().count(), "a listed fleet is missing");
		Ok(())
	}

	/// Every release belongs to its model's vendor, is listed under its version, was signed by enough different keys, is not
	/// ahead of its model's security version, and is yanked exactly if it says why.
	fn try_state_releases() -> Result<(), TryRuntimeError> {
		for (id, release) in Releases::<T>::iter() {
			let statement = &release.statement;
			ensure!(id < NextReleaseId::<T>::get(), "a release's id was never given out");
			let model = Models::<T>::get(statement.model).ok_or("a release's model is missing")?;
			ensure!(model.vendor == release.vendor, "a release is not its model's vendor's");
			ensure!(statement.security_version <= model.security_version, "a release is ahead of its model");
			let listed = ReleaseIds::<T>::get(statement.model, statement.version);
			ensure!(listed == Some(id), "a release is not listed under its version");
			let keys = KeySets::<T>::get(&release.vendor, release.key_set_version).ok_or("a release's keys are missing")?;
			let signatures = ReleaseSignatures::<T>::get(id).ok_or("a release's signatures are missing")?;
			ensure!(signatures.len() >= usize::from(keys.threshold), "a release has too few signatures");
			ensure!((release.state == ReleaseState::Yanked) == release.yank.is_some(), "a yank and its reason do not fit");
			ensure!(release.yank.is_none() == Rounds::<T>::contains_key(id), "votes and a yank do not fit");
		}
		let count = Releases::<T>::iter_keys().count();
		ensure!(count == ReleaseIds::<T>::iter_keys().count(), "a listed release is missing");
		ensure!(count == ReleaseSignatures::<T>::iter_keys().count(), "signatures belong to no release");
		Ok(())
	}

	/// Votes are on known releases, one an attester and round; the attesters are in order and differ.
	fn try_state_rounds() -> Result<(), TryRuntimeError> {
		for (id, round) in Rounds::<T>::iter() {
			ensure!(Releases::<T>::contains_key(id), "votes are on no release");
			let mut voters: alloc::vec::Vec<_> = round.votes.iter().map(|vote| &vote.attester).collect();
			voters.sort();
			voters.dedup();
			ensure!(voters.len() == round.votes.len(), "an attester voted twice in a round");
			ensure!(round.decided_at.is_none_or(|at| at >= round.opened_at), "a round was decided before it opened");
		}
		let attesters = Attesters::<T>::get();
		let ordered = attesters.iter().zip(attesters.iter().skip(1)).all(|(one, next)| one < next);
		ensure!(ordered, "the attesters are not in order");
		Ok(())
	}
}
