//! The types that subxt generates from the runtime's metadata.
#![allow(missing_docs, clippy::all)]

use subxt::utils::Static;

/// The runtime's calls, storage, events, errors and runtime APIs.
///
/// Types of `waybill-primitives` are used as they are: runtime and clients encode them alike.
#[subxt::subxt(
	runtime_metadata_path = "metadata/waybill.scale",
	derive_for_type(path = "waybill_runtime::session::SessionKeys", derive = "::subxt::ext::codec::Decode", recursive),
	substitute_type(path = "waybill_primitives::cid::Cid", with = "::subxt::utils::Static<::waybill_primitives::Cid>"),
	substitute_type(
		path = "waybill_primitives::key::DeviceKey",
		with = "::subxt::utils::Static<::waybill_primitives::DeviceKey>"
	),
	substitute_type(
		path = "waybill_primitives::key::DeviceSignature",
		with = "::subxt::utils::Static<::waybill_primitives::DeviceSignature>"
	),
	substitute_type(
		path = "waybill_primitives::key::IndexedSignature",
		with = "::subxt::utils::Static<::waybill_primitives::IndexedSignature>"
	),
	substitute_type(
		path = "waybill_primitives::view::ReleaseView<A>",
		with = "::subxt::utils::Static<::waybill_primitives::view::ReleaseView<A>>"
	),
	substitute_type(
		path = "waybill_primitives::view::AttestationsView",
		with = "::subxt::utils::Static<::waybill_primitives::view::AttestationsView>"
	),
	substitute_type(
		path = "waybill_primitives::view::KeySetLink",
		with = "::subxt::utils::Static<::waybill_primitives::view::KeySetLink>"
	),
	substitute_type(
		path = "waybill_primitives::view::PendingKeySetView",
		with = "::subxt::utils::Static<::waybill_primitives::view::PendingKeySetView>"
	),
	substitute_type(
		path = "waybill_primitives::view::BountyView<A, B>",
		with = "::subxt::utils::Static<::waybill_primitives::view::BountyView<A, ::waybill_chain::Amount>>"
	),
	substitute_type(
		path = "waybill_primitives::view::ReservationView<A, B>",
		with = "::subxt::utils::Static<::waybill_primitives::view::ReservationView<A, ::waybill_chain::Amount>>"
	),
	substitute_type(
		path = "waybill_primitives::view::DistributorView<A>",
		with = "::subxt::utils::Static<::waybill_primitives::view::DistributorView<A>>"
	),
	substitute_type(
		path = "waybill_primitives::view::DeviceStatus",
		with = "::subxt::utils::Static<::waybill_primitives::view::DeviceStatus>"
	),
	substitute_type(
		path = "waybill_primitives::view::ReleaseState",
		with = "::subxt::utils::Static<::waybill_primitives::view::ReleaseState>"
	),
	substitute_type(
		path = "waybill_primitives::view::SubmittedReceipt",
		with = "::subxt::utils::Static<::waybill_primitives::view::SubmittedReceipt>"
	),
	substitute_type(
		path = "waybill_primitives::view::ReceiptFault",
		with = "::subxt::utils::Static<::waybill_primitives::view::ReceiptFault>"
	),
	substitute_type(
		path = "waybill_primitives::view::ClaimFault",
		with = "::subxt::utils::Static<::waybill_primitives::view::ClaimFault>"
	),
	substitute_type(
		path = "waybill_primitives::statement::ReleaseStatement",
		with = "::subxt::utils::Static<::waybill_primitives::ReleaseStatement>"
	),
	substitute_type(
		path = "waybill_primitives::statement::KeySet",
		with = "::subxt::utils::Static<::waybill_primitives::KeySet>"
	),
	substitute_type(
		path = "waybill_primitives::statement::Yank",
		with = "::subxt::utils::Static<::waybill_primitives::Yank>"
	),
	substitute_type(
		path = "waybill_primitives::statement::Verdict",
		with = "::subxt::utils::Static<::waybill_primitives::Verdict>"
	),
	substitute_type(
		path = "waybill_primitives::suite::Digest",
		with = "::subxt::utils::Static<::waybill_primitives::Digest>"
	),
	substitute_type(
		path = "waybill_primitives::version::Version",
		with = "::subxt::utils::Static<::waybill_primitives::Version>"
	)
)]
pub mod api {}

/// A vector in the place of a bounded one. Does not check the bound; the chain does.
pub fn bounded<T>(items: Vec<T>) -> api::runtime_types::bounded_collections::bounded_vec::BoundedVec<T> {
	api::runtime_types::bounded_collections::bounded_vec::BoundedVec(items)
}

/// A text in the place of bounded bytes.
pub fn text(text: &str) -> api::runtime_types::bounded_collections::bounded_vec::BoundedVec<u8> {
	bounded(text.as_bytes().to_vec())
}

/// Like [`bounded`], for types of `waybill-primitives`, which subxt wraps in `Static`.
pub fn wrapped<T>(items: Vec<T>) -> api::runtime_types::bounded_collections::bounded_vec::BoundedVec<Static<T>> {
	bounded(items.into_iter().map(Static).collect())
}
