//! The invariants of the pallet's storage.

use crate::{pallet::*, Fleet, PendingKeySet, ReleaseState, Rotation};
use alloc::vec::Vec;
use frame_support::ensure;
use sp_io::hashing::blake2_256;
use sp_runtime::TryRuntimeError;
use waybill_primitives::{fleet::CAP_PAGE_NODES, FleetId, KeySet, KeySetStatement, Statement};

impl<T: Config> Pallet<T> {
	/// Checks every invariant.
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::try_state_key_sets()?;
		Self::try_state_models()?;
		Self::try_state_fleets()?;
		Self::try_state_releases()?;
		Self::try_state_rounds()
	}

	/// A vendor has a valid key set of every version up to its current one. Each set after the
	/// first is signed by the set before it and by itself. There are no other sets.
	fn try_state_key_sets() -> Result<(), TryRuntimeError> {
		let (mut sets, mut vendors) = (0usize, 0usize);
		for (account, vendor) in Vendors::<T>::iter() {
			let mut last = KeySets::<T>::get(&account, 1).ok_or("a vendor's first key set is missing")?;
			ensure!(last.is_valid(), "a vendor's first key set is not valid");
			for version in 2..=vendor.key_set_version {
				let next = KeySets::<T>::get(&account, version).ok_or("a vendor's key set is missing")?;
				let rotation = KeySetSignatures::<T>::get(&account, version).ok_or("a key set's signatures are missing")?;
				Self::try_state_rotation(&account, version, &last, &next, &rotation)?;
				last = next;
			}
			if let Some(PendingKeySet { key_set, rotation, .. }) = PendingKeySets::<T>::get(&account) {
				let version = vendor.key_set_version.checked_add(1).ok_or("there is no next version")?;
				Self::try_state_rotation(&account, version, &last, &key_set, &rotation)?;
			}
			vendors = vendors.saturating_add(1);
			sets = sets.saturating_add(vendor.key_set_version as usize);
		}
		ensure!(KeySets::<T>::iter_keys().count() == sets, "a key set has no vendor");
		let later = sets.saturating_sub(vendors);
		ensure!(KeySetSignatures::<T>::iter_keys().count() == later, "signatures belong to no key set");
		let known = |account: T::AccountId| Vendors::<T>::contains_key(account);
		ensure!(PendingKeySets::<T>::iter_keys().all(known), "a waiting key set has no vendor");
		ensure!(VetoedKeySets::<T>::iter_keys().all(|(account, _)| known(account)), "a vetoed key set has no vendor");
		Ok(())
	}

	/// The key set is valid, and enough of its own keys and of the previous set's signed it.
	fn try_state_rotation(
		vendor: &T::AccountId,
		version: u32,
		old: &KeySet,
		new: &KeySet,
		rotation: &Rotation<T>,
	) -> Result<(), TryRuntimeError> {
		ensure!(new.is_valid(), "a key set is not valid");
		let statement = KeySetStatement { vendor: vendor.clone(), version, key_set: new.clone() };
		let message = statement.signing_bytes(&Self::genesis_hash());
		ensure!(!VetoedKeySets::<T>::contains_key(vendor, blake2_256(&message)), "a key set was vetoed");
		Self::check_threshold(old, &message, &rotation.old_signatures)
			.map_err(|_| "the old set did not sign the new one")?;
		Self::check_threshold(new, &message, &rotation.new_signatures).map_err(|_| "a key set did not sign itself")?;
		Ok(())
	}

	/// Every model has a vendor, and its id was given out.
	fn try_state_models() -> Result<(), TryRuntimeError> {
		for (id, model) in Models::<T>::iter() {
			ensure!(id < NextModelId::<T>::get(), "a model's id was never given out");
			ensure!(Vendors::<T>::contains_key(&model.vendor), "a model's vendor is missing");
		}
		Ok(())
	}

	/// Every fleet has devices and a model, and is listed once under the model. Its cap has the
	/// stored height and lies under its root. There are no other caps.
	fn try_state_fleets() -> Result<(), TryRuntimeError> {
		let mut pages = 0usize;
		for (id, fleet) in Fleets::<T>::iter() {
			ensure!(id < NextFleetId::<T>::get(), "a fleet's id was never given out");
			ensure!(fleet.count > 0, "a fleet has no devices");
			ensure!(Models::<T>::contains_key(fleet.model), "a fleet's model is missing");
			ensure!(FleetIds::<T>::contains_key(fleet.model, id), "a fleet is not listed");
			pages = pages.saturating_add(Self::try_state_cap(id, &fleet)?);
		}
		ensure!(FleetCaps::<T>::iter_keys().count() == pages, "a page of a cap belongs to no fleet");
		ensure!(Fleets::<T>::iter_keys().count() == FleetIds::<T>::iter_keys().count(), "a listed fleet is missing");
		Ok(())
	}

	/// All pages of a fleet's cap but the last are full. Together they are a level of the tree
	/// under the fleet's root. Returns the number of pages.
	fn try_state_cap(id: FleetId, fleet: &Fleet<T>) -> Result<usize, TryRuntimeError> {
		let pages = Self::cap_pages(fleet.cap_nodes());
		let mut cap = Vec::new();
		for page in 0..pages {
			ensure!(cap.len() % CAP_PAGE_NODES as usize == 0, "a page of a cap is not full");
			cap.extend(FleetCaps::<T>::get(id, page).ok_or("a page of a cap is missing")?);
		}
		let checked = Self::check_cap(fleet.count, &cap).map_err(|_| "a cap is not a level of its fleet's tree")?;
		ensure!(checked == (fleet.cap_height, fleet.root), "a cap does not match its fleet's height and root");
		Ok(pages as usize)
	}

	/// Every release belongs to its model's vendor and is listed under its version. The key set
	/// that it names signed it. It is not ahead of its model's security version. It is yanked if
	/// and only if it has a reason.
	fn try_state_releases() -> Result<(), TryRuntimeError> {
		for (id, release) in Releases::<T>::iter() {
			let statement = &release.statement;
			ensure!(id < NextReleaseId::<T>::get(), "a release's id was never given out");
			let model = Models::<T>::get(statement.model).ok_or("a release's model is missing")?;
			ensure!(model.vendor == release.vendor, "a release and its model have different vendors");
			ensure!(statement.security_version <= model.security_version, "a release is ahead of its model");
			let listed = ReleaseIds::<T>::get(statement.model, statement.version);
			ensure!(listed == Some(id), "a release is not listed under its version");
			let keys = KeySets::<T>::get(&release.vendor, release.key_set_version).ok_or("a release's keys are missing")?;
			let signatures = ReleaseSignatures::<T>::get(id).ok_or("a release's signatures are missing")?;
			let message = statement.signing_bytes(&Self::genesis_hash());
			Self::check_threshold(&keys, &message, &signatures).map_err(|_| "a release is not signed by its key set")?;
			ensure!(
				(release.state == ReleaseState::Yanked) == release.yank.is_some(),
				"a yanked release has no reason, or another release has one"
			);
			ensure!(
				release.yank.is_none() == Rounds::<T>::contains_key(id),
				"a yanked release has votes, or another release has no round"
			);
		}
		let count = Releases::<T>::iter_keys().count();
		ensure!(count == ReleaseIds::<T>::iter_keys().count(), "a listed release is missing");
		ensure!(count == ReleaseSignatures::<T>::iter_keys().count(), "signatures belong to no release");
		Ok(())
	}

	/// Votes are on existing releases, at most one for each attester in a round. The list of
	/// attesters is strictly ascending.
	pub(crate) fn try_state_rounds() -> Result<(), TryRuntimeError> {
		for (id, round) in Rounds::<T>::iter() {
			ensure!(Releases::<T>::contains_key(id), "votes are on a release that does not exist");
			let mut voters: Vec<_> = round.votes.iter().map(|vote| &vote.attester).collect();
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
