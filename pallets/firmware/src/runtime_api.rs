//! The runtime API by which clients read the registry.

use alloc::vec::Vec;
use codec::Codec;
use waybill_primitives::{
	view::{AttestationsView, KeySetLink, PendingKeySetView, ReleaseView},
	FleetId, ModelId, ReleaseId,
};

sp_api::decl_runtime_apis! {
	/// Read access to the registry.
	#[api_version(3)]
	pub trait FirmwareApi<AccountId>
	where
		AccountId: Codec,
	{
		/// The available release of a model with the highest security version. Among several, the
		/// one with the highest version.
		fn latest_release(model: ModelId) -> Option<ReleaseId>;

		/// A release.
		fn release(id: ReleaseId) -> Option<ReleaseView<AccountId>>;

		/// The votes on a release; `None` for a release that was yanked.
		fn attestations(id: ReleaseId) -> Option<AttestationsView>;

		/// The releases of a model, from the lowest version to the highest.
		fn releases(model: ModelId) -> Vec<ReleaseId>;

		/// The fleets of a model, in the order of their registration.
		fn fleets(model: ModelId) -> Vec<FleetId>;

		/// A vendor's key sets after version `after`, in order: at most `limit`, and at most
		/// [`MAX_KEY_SET_LINKS`](waybill_primitives::view::MAX_KEY_SET_LINKS).
		fn key_sets(vendor: AccountId, after: u32, limit: u32) -> Vec<KeySetLink>;

		/// The key set that waits to follow a vendor's current one.
		fn pending_key_set(vendor: AccountId) -> Option<PendingKeySetView>;
	}
}
