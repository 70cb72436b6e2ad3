//! Answers to the runtime API.

use crate::{pallet::*, PendingKeySet, Phase, Signatures};
use alloc::vec::Vec;
use sp_runtime::SaturatedConversion;
use waybill_primitives::{
	view::{AttestationsView, KeySetLink, PendingKeySetView, ReleaseState, ReleaseView, MAX_KEY_SET_LINKS},
	FleetId, KeySet, ModelId, ReleaseId, Version,
};

impl<T: Config> Pallet<T> {
	/// The available release of a model with the highest security version. Among several, the one
	/// with the highest version.
	pub fn latest_release(model: ModelId) -> Option<ReleaseId> {
		ReleaseIds::<T>::iter_prefix_values(model)
			.filter_map(|id| {
				let release = Releases::<T>::get(id)?;
				let order = (release.statement.security_version, release.statement.version);
				(release.state == ReleaseState::Available).then_some((order, id))
			})
			.max()
			.map(|(_, id)| id)
	}

	/// A release with its signatures.
	pub fn release_view(id: ReleaseId) -> Option<ReleaseView<T::AccountId>> {
		let release = Releases::<T>::get(id)?;
		Some(ReleaseView {
			id,
			vendor: release.vendor,
			statement: release.statement,
			key_set_version: release.key_set_version,
			signatures: ReleaseSignatures::<T>::get(id)?.into_inner(),
			advisory: release.advisory.map(|url| url.into_inner()),
			published_at: release.published_at.saturated_into(),
			state: release.state,
			yank: release.yank,
		})
	}

	/// The votes on a release.
	pub fn attestations(id: ReleaseId) -> Option<AttestationsView> {
		let stored = Rounds::<T>::get(id)?;
		let attesters = Attesters::<T>::decode_len().unwrap_or_default();
		let (round, opens_at, closes_at) = match stored.phase(frame_system::Pallet::<T>::block_number()) {
			Phase::Scheduled { number, opens_at } => (number, opens_at, None),
			Phase::Open { number, opened_at, closes_at } => (number, opened_at, Some(closes_at)),
		};
		let key = |vote: &crate::Vote| sp_core::sr25519::Public::from(vote.attester.clone()).0;
		Some(AttestationsView {
			round,
			opens_at: opens_at.saturated_into(),
			closes_at: closes_at.map(SaturatedConversion::saturated_into),
			votes_round: stored.number,
			votes: stored.votes.iter().map(|vote| (key(vote), vote.verdict)).collect(),
			decided_at: stored.decided_at.map(SaturatedConversion::saturated_into),
			attesters: attesters.saturated_into(),
			needed: Self::votes_needed(attesters).saturated_into(),
		})
	}

	/// The releases of a model, from the lowest version to the highest.
	pub fn releases_of(model: ModelId) -> Vec<ReleaseId> {
		let mut releases: Vec<(Version, ReleaseId)> = ReleaseIds::<T>::iter_prefix(model).collect();
		releases.sort();
		releases.into_iter().map(|(_, id)| id).collect()
	}

	/// The fleets of a model, in the order of their registration.
	pub fn fleets_of(model: ModelId) -> Vec<FleetId> {
		let mut fleets: Vec<FleetId> = FleetIds::<T>::iter_key_prefix(model).collect();
		fleets.sort();
		fleets
	}

	/// A vendor's key sets after version `after`, in order: at most `limit`, and at most
	/// [`MAX_KEY_SET_LINKS`].
	pub fn key_sets(vendor: T::AccountId, after: u32, limit: u32) -> Vec<KeySetLink> {
		let link = |version| {
			let key_set = KeySets::<T>::get(&vendor, version)?;
			let signatures = KeySetSignatures::<T>::get(&vendor, version);
			let (old, new) =
				signatures.map(|rotation| (rotation.old_signatures, rotation.new_signatures)).unwrap_or_default();
			Some(key_set_link(version, key_set, old, new))
		};
		let last = after.saturating_add(limit.min(MAX_KEY_SET_LINKS));
		(after.saturating_add(1)..=last).map_while(link).collect()
	}

	/// The key set that waits to follow a vendor's current one.
	pub fn pending_key_set(vendor: T::AccountId) -> Option<PendingKeySetView> {
		let PendingKeySet { key_set, effective_at, rotation } = PendingKeySets::<T>::get(&vendor)?;
		let version = Vendors::<T>::get(&vendor)?.key_set_version.checked_add(1)?;
		Some(PendingKeySetView {
			link: key_set_link(version, key_set, rotation.old_signatures, rotation.new_signatures),
			effective_at: effective_at.saturated_into(),
		})
	}
}

fn key_set_link(version: u32, key_set: KeySet, old: Signatures, new: Signatures) -> KeySetLink {
	KeySetLink { version, key_set, old_signatures: old.into_inner(), new_signatures: new.into_inner() }
}
