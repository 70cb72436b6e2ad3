//! What the pallet stores.

use crate::{AttesterId, Config};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, CloneNoBound, DebugNoBound, EqNoBound, PartialEqNoBound};
use frame_system::pallet_prelude::BlockNumberFor;
use scale_info::TypeInfo;
use sp_core::ConstU32;
use waybill_primitives::{
	view::ReleaseState, Cid, Hash32, IndexedSignature, KeySet, ModelId, ReleaseStatement, Verdict, Yank, MAX_RELEASE_KEYS,
};

/// A vendor's or model's name.
pub type NameOf<T> = BoundedVec<u8, <T as Config>::MaxNameLen>;

/// A URL.
pub type UrlOf<T> = BoundedVec<u8, <T as Config>::MaxUrlLen>;

/// Signatures by keys of a key set.
pub type Signatures = BoundedVec<IndexedSignature, ConstU32<MAX_RELEASE_KEYS>>;

/// How people reach a vendor.
#[derive(
	CloneNoBound, PartialEqNoBound, EqNoBound, DebugNoBound, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[codec(mel_bound())]
#[scale_info(skip_type_params(T))]
pub struct VendorMetadata<T: Config> {
	/// The vendor's name.
	pub name: NameOf<T>,
	/// Its web site; may be empty.
	pub url: UrlOf<T>,
	/// Where to report a vulnerability: a mail address or a URL; may be empty.
	pub security_contact: UrlOf<T>,
}

/// A vendor.
#[derive(CloneNoBound, PartialEqNoBound, EqNoBound, DebugNoBound, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[codec(mel_bound())]
#[scale_info(skip_type_params(T))]
pub struct Vendor<T: Config> {
	/// How people reach it.
	pub metadata: VendorMetadata<T>,
	/// The version of the key set that signs its releases now. Earlier sets are kept.
	pub key_set_version: u32,
	/// The deposit for its metadata and its first key set.
	pub ticket: T::Consideration,
}

/// The signatures over a key set that follows another, and the account that submitted them.
#[derive(CloneNoBound, PartialEqNoBound, EqNoBound, DebugNoBound, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[codec(mel_bound())]
#[scale_info(skip_type_params(T))]
pub struct Rotation<T: Config> {
	/// By keys of the set before it.
	pub old_signatures: Signatures,
	/// By its own keys.
	pub new_signatures: Signatures,
	/// The account that submitted it and paid the deposit.
	pub submitter: T::AccountId,
	/// The deposit for the key set and the signatures.
	pub ticket: T::Consideration,
}

/// A key set that waits to follow a vendor's current one.
#[derive(CloneNoBound, PartialEqNoBound, EqNoBound, DebugNoBound, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[codec(mel_bound())]
#[scale_info(skip_type_params(T))]
pub struct PendingKeySet<T: Config> {
	/// The key set.
	pub key_set: KeySet,
	/// The first block in which it can be adopted.
	pub effective_at: BlockNumberFor<T>,
	/// The signatures over it, and the account that submitted it.
	pub rotation: Rotation<T>,
}

/// A key set that its vendor vetoed.
#[derive(CloneNoBound, PartialEqNoBound, EqNoBound, DebugNoBound, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[codec(mel_bound())]
#[scale_info(skip_type_params(T))]
pub struct VetoedKeySet<T: Config> {
	/// The account that submitted it.
	pub submitter: T::AccountId,
	/// The deposit for the key set and its signatures. It is not returned, so submitting a set that
	/// the vendor vetoes costs money.
	pub ticket: T::Consideration,
}

/// A vendor's product line.
#[derive(CloneNoBound, PartialEqNoBound, EqNoBound, DebugNoBound, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[codec(mel_bound())]
#[scale_info(skip_type_params(T))]
pub struct Model<T: Config> {
	/// The vendor.
	pub vendor: T::AccountId,
	/// Its name.
	pub name: NameOf<T>,
	/// The highest security version released for it. It never falls.
	pub security_version: u32,
	/// The deposit for it.
	pub ticket: T::Consideration,
}

/// An immutable set of devices of one model.
#[derive(CloneNoBound, PartialEqNoBound, EqNoBound, DebugNoBound, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[codec(mel_bound())]
#[scale_info(skip_type_params(T))]
pub struct Fleet<T: Config> {
	/// The model of all its devices.
	pub model: ModelId,
	/// The Merkle root over its devices (see [`waybill_primitives::fleet`]).
	pub root: Hash32,
	/// The number of its devices.
	pub count: u32,
	/// The height of its cap above the devices.
	pub cap_height: u8,
	/// The full list of its devices' keys, in IPFS.
	pub manifest: Cid,
	/// The number of bounties that rely on it.
	pub users: u32,
	/// The deposit for it.
	pub ticket: T::Consideration,
}

/// A release of a model's firmware.
#[derive(CloneNoBound, PartialEqNoBound, EqNoBound, DebugNoBound, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[codec(mel_bound())]
#[scale_info(skip_type_params(T))]
pub struct Release<T: Config> {
	/// The vendor.
	pub vendor: T::AccountId,
	/// What the release keys signed.
	pub statement: ReleaseStatement,
	/// The version of the vendor's key set that signed it.
	pub key_set_version: u32,
	/// A page that says what it repairs, or why it was yanked.
	pub advisory: Option<UrlOf<T>>,
	/// The block in which it was published.
	pub published_at: BlockNumberFor<T>,
	/// Its state.
	pub state: ReleaseState,
	/// Why it was yanked, if it was.
	pub yank: Option<Yank>,
	/// The deposit for it, its signatures and its votes.
	pub ticket: T::Consideration,
}

/// One attester's vote.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Vote {
	/// The attester.
	pub attester: AttesterId,
	/// What it found.
	pub verdict: Verdict,
}

/// The latest round in which an attester voted on a release, or its first round.
///
/// Which round is open at a block follows from it, and nothing needs to be written: see
/// [`Round::phase`].
#[derive(CloneNoBound, PartialEqNoBound, EqNoBound, DebugNoBound, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[codec(mel_bound())]
#[scale_info(skip_type_params(T))]
pub struct Round<T: Config> {
	/// Its number, from 0.
	pub number: u32,
	/// The first block in which it took votes.
	pub opened_at: BlockNumberFor<T>,
	/// The block in which the votes decided, if they have.
	pub decided_at: Option<BlockNumberFor<T>>,
	/// The votes, at most one for each attester.
	pub votes: BoundedVec<Vote, T::MaxAttesters>,
}

/// Whether a release takes votes at a given block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase<BlockNumber> {
	/// The round will open.
	Scheduled {
		/// The number of the round.
		number: u32,
		/// The first block in which it takes votes.
		opens_at: BlockNumber,
	},
	/// The round takes votes.
	Open {
		/// The number of the round.
		number: u32,
		/// The first block in which it took votes.
		opened_at: BlockNumber,
		/// The first block in which it no longer takes votes.
		closes_at: BlockNumber,
	},
}
