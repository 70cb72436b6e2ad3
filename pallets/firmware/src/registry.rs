//! Checks and changes that the calls share, and the registry as the escrow sees it.

use crate::{pallet::*, Fleet, Model, NameOf, Release, ReleaseState, Round, Signatures, UrlOf, VendorMetadata};
use alloc::vec::Vec;
use codec::{Encode, MaxEncodedLen};
use frame_support::{ensure, traits::Footprint};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_core::Get;
use sp_runtime::traits::Zero;
use waybill_primitives::{
	FleetId, FleetInfo, Hash32, KeySet, ModelId, Registry, ReleaseId, ReleaseInfo, ReleaseStatement, Yank,
};

impl<T: Config> Pallet<T> {
	/// The hash of the chain's first block, to which every signed statement is bound.
	pub fn genesis_hash() -> Hash32 {
		let hash = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
		hash.as_ref().try_into().unwrap_or_default()
	}

	pub(crate) fn check_name(name: &NameOf<T>) -> Result<(), Error<T>> {
		ensure!(!name.is_empty(), Error::<T>::EmptyName);
		Self::check_text(name)
	}

	pub(crate) fn check_text(text: &[u8]) -> Result<(), Error<T>> {
		let text = core::str::from_utf8(text).map_err(|_| Error::<T>::InvalidText)?;
		ensure!(!text.chars().any(char::is_control), Error::<T>::InvalidText);
		Ok(())
	}

	pub(crate) fn check_metadata(metadata: &VendorMetadata<T>) -> Result<(), Error<T>> {
		Self::check_name(&metadata.name)?;
		Self::check_text(&metadata.url)?;
		Self::check_text(&metadata.security_contact)
	}

	pub(crate) fn check_advisory(advisory: &Option<UrlOf<T>>) -> Result<(), Error<T>> {
		advisory.as_ref().map_or(Ok(()), |url| Self::check_text(url))
	}

	/// The model, if it is the vendor's.
	pub(crate) fn model_of(model: ModelId, vendor: &T::AccountId) -> Result<Model<T>, Error<T>> {
		let model = Models::<T>::get(model).ok_or(Error::<T>::UnknownModel)?;
		ensure!(model.vendor == *vendor, Error::<T>::NotModelVendor);
		Ok(model)
	}

	pub(crate) fn check_statement(statement: &ReleaseStatement, model: &Model<T>) -> Result<(), Error<T>> {
		let ReleaseStatement { size, digest, sha256, security_version, version, .. } = statement;
		ensure!((1..=T::MaxPayloadSize::get()).contains(size), Error::<T>::InvalidPayloadSize);
		ensure!(digest.suite.digest_fits(&digest.bytes, sha256), Error::<T>::DigestMismatch);
		let highest = model.security_version.saturating_add(T::MaxSecurityStep::get());
		ensure!(*security_version >= model.security_version, Error::<T>::SecurityVersionTooLow);
		ensure!(*security_version <= highest, Error::<T>::SecurityVersionTooHigh);
		ensure!(!ReleaseIds::<T>::contains_key(statement.model, version), Error::<T>::VersionExists);
		Ok(())
	}

	/// Marks the release as yanked; it takes no more votes.
	pub(crate) fn do_yank(id: ReleaseId, mut release: Release<T>, reason: Yank, advisory: Option<UrlOf<T>>) {
		release.state = ReleaseState::Yanked;
		release.yank = Some(reason);
		release.advisory = advisory.or(release.advisory);
		Releases::<T>::insert(id, release);
		Rounds::<T>::remove(id);
		Self::deposit_event(Event::ReleaseYanked { release: id, reason });
	}

	/// What a vendor stores: its metadata and its first key set.
	pub(crate) fn vendor_footprint(metadata: &VendorMetadata<T>) -> Footprint {
		Footprint::from_parts(1, metadata.encoded_size().saturating_add(KeySet::max_encoded_len()))
	}

	/// What a release stores: itself, its signatures and the votes on it.
	pub(crate) fn release_footprint(signatures: &Signatures) -> Footprint {
		let votes = Round::<T>::max_encoded_len();
		let size = Release::<T>::max_encoded_len().saturating_add(votes).saturating_add(signatures.encoded_size());
		Footprint::from_parts(1, size)
	}
}

impl<T: Config> Registry<T::AccountId> for Pallet<T> {
	fn release(id: ReleaseId) -> Option<ReleaseInfo<T::AccountId>> {
		let Release { vendor, statement, state, yank, .. } = Releases::<T>::get(id)?;
		Some(ReleaseInfo {
			vendor,
			model: statement.model,
			digest: statement.digest,
			available: state == ReleaseState::Available,
			yanked: yank.is_some(),
		})
	}

	fn fleet(id: FleetId) -> Option<FleetInfo> {
		let Fleet { model, root, count, cap_height, .. } = Fleets::<T>::get(id)?;
		Some(FleetInfo { model, root, count, cap_height: cap_height.into() })
	}

	fn cap_page(id: FleetId, page: u32) -> Vec<Hash32> {
		FleetCaps::<T>::get(id, page).unwrap_or_default().into_inner()
	}

	fn fleet_in_use(id: FleetId) {
		Fleets::<T>::mutate_extant(id, |fleet| fleet.users = fleet.users.saturating_add(1));
	}

	fn fleet_released(id: FleetId) {
		Fleets::<T>::mutate_extant(id, |fleet| fleet.users = fleet.users.saturating_sub(1));
	}

	fn users(id: FleetId) -> Option<u32> {
		Fleets::<T>::get(id).map(|fleet| fleet.users)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_release(
		vendor: &T::AccountId,
		digest: waybill_primitives::Digest,
		cap: Vec<Hash32>,
		count: u32,
	) -> (ReleaseId, FleetId) {
		crate::benchmarking::available_release::<T>(vendor, digest, cap, count)
	}
}
