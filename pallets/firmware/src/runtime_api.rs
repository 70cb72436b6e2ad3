//! What clients ask of the registry, as a runtime API.

use crate::ReleaseState;
use alloc::vec::Vec;
use codec::{Codec, Decode, Encode};
use scale_info::TypeInfo;
use waybill_primitives::{BlockNumber, FleetId, ModelId, ReleaseId, ReleaseSignature, ReleaseStatement, Verdict, Yank};

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

sp_api::decl_runtime_apis! {
	/// Read access to the registry.
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
	}
}
