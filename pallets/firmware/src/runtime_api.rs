//! What clients ask of the registry, as a runtime API.

use crate::ReleaseState;
use alloc::vec::Vec;
use codec::{Codec, Decode, Encode};
use scale_info::TypeInfo;
use waybill_primitives::{
	BlockNumber, FleetId, KeySet, ModelId, ReleaseId, ReleaseSignature, ReleaseStatement, Verdict, Yank,
};

/// The most links that one answer holds.
pub const MAX_KEY_SET_LINKS: u32 = 16;

/// A release with everything a device needs to check it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct ReleaseDetails<AccountId> {
	/// The vendor.
	pub vendor: AccountId,
	/// What the release keys signed.
	pub statement: ReleaseStatement,
	/// The version of the vendor's key set that signed it.
	pub key_set_version: u32,
	/// The signatures, each with the key's place in that key set.
	pub signatures: Vec<(u8, ReleaseSignature)>,
	/// A page that says what it repairs, or why it was yanked.
	pub advisory: Option<Vec<u8>>,
	/// The block of its publication.
	pub published_at: BlockNumber,
	/// Where it stands.
	pub state: ReleaseState,
	/// Why it was withdrawn, if it was.
	pub yank: Option<Yank>,
}

/// How the votes on a release stand.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct AttestationDetails {
	/// The round that is open, or the next one.
	pub round: u32,
	/// The first block in which that round takes votes.
	pub opens_at: BlockNumber,
	/// The first block in which that round no longer takes votes, if it is open.
	pub closes_at: Option<BlockNumber>,
	/// The round in which `votes` were cast.
	pub votes_round: u32,
	/// The latest votes, by attesters' keys.
	pub votes: Vec<([u8; 32], Verdict)>,
	/// The block in which those votes decided, if they did.
	pub decided_at: Option<BlockNumber>,
	/// The number of attesters now.
	pub attesters: u32,
	/// How many equal votes decide.
	pub needed: u32,
}

/// A key set with everything that who trusts the one before it needs to trust it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct KeySetLink {
	/// Its version.
	pub version: u32,
	/// The key set.
	pub key_set: KeySet,
	/// Signatures by keys of the set before it, each with the key's place in that set; none for version 1.
	pub old_signatures: Vec<(u8, ReleaseSignature)>,
	/// Signatures by its own keys, each with the key's place in it; none for version 1.
	pub new_signatures: Vec<(u8, ReleaseSignature)>,
}

/// A key set that waits to follow a vendor's current one. The vendor can veto it until it is adopted.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct PendingKeySetDetails {
	/// The key set and its signatures.
	pub link: KeySetLink,
	/// The first block in which it can be adopted.
	pub effective_at: BlockNumber,
}

sp_api::decl_runtime_apis! {
	/// Read access to the registry.
	#[api_version(2)]
	pub trait FirmwareApi<AccountId>
	where
		AccountId: Codec,
	{
		/// The available release of a model with the highest security version and, among those, the highest version.
		fn latest_release(model: ModelId) -> Option<ReleaseId>;

		/// A release.
		fn release(id: ReleaseId) -> Option<ReleaseDetails<AccountId>>;

		/// The votes on a release; none for one that was yanked.
		fn attestations(id: ReleaseId) -> Option<AttestationDetails>;

		/// The releases of a model, from the lowest version to the highest.
		fn releases(model: ModelId) -> Vec<ReleaseId>;

		/// The fleets of a model, in the order of their registration.
		fn fleets(model: ModelId) -> Vec<FleetId>;

		/// A vendor's key sets after version `after`, in order: at most `limit`, and at most [`MAX_KEY_SET_LINKS`].
		fn key_sets(vendor: AccountId, after: u32, limit: u32) -> Vec<KeySetLink>;

		/// The key set that waits to follow a vendor's current one.
		fn pending_key_set(vendor: AccountId) -> Option<PendingKeySetDetails>;
	}
}
