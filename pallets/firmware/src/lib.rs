#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(clippy::arithmetic_side_effects)]
#![cfg_attr(
	test,
	allow(
		clippy::unwrap_used,
		clippy::expect_used,
		clippy::panic,
		clippy::indexing_slicing,
		clippy::arithmetic_side_effects
	)
)]

extern crate alloc;

mod attestation;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod crypto;
mod fleets;
#[cfg(feature = "std")]
mod integrity;
mod key_sets;
pub mod migrations;
#[cfg(test)]
mod mock;
mod models;
mod queries;
mod registry;
mod releases;
pub mod runtime_api;
mod session;
#[cfg(test)]
mod tests;
mod text;
#[cfg(any(feature = "try-runtime", test))]
mod try_state;
mod types;
mod vendors;
pub mod weights;
pub mod worker;

pub use attestation::Refusal;
#[cfg(feature = "std")]
pub use crypto::AttesterPair;
pub use crypto::{AttesterId, AttesterSignature, KEY_TYPE};
pub use pallet::*;
pub use types::{
	Fleet, Model, NameOf, PendingKeySet, Phase, Release, Rotation, Round, Signatures, UrlOf, Vendor, VendorMetadata,
	VetoedKeySet, Vote,
};
pub use weights::WeightInfo;

use waybill_primitives::view::ReleaseState;

/// The registry.
// FRAME's macros write `expect`.
#[allow(clippy::expect_used)]
#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::{
		pallet_prelude::*,
		traits::{Consideration, Footprint},
	};
	use frame_system::{ensure_authorized, offchain::CreateAuthorizedTransaction, pallet_prelude::*};
	use waybill_primitives::{
		fleet::{CAP_PAGE_NODES, MAX_CAP_NODES},
		Cid, FleetId, Hash32, KeySet, ModelId, ReleaseId, ReleaseStatement, Verdict, Version, Yank,
	};

	/// The layout of the pallet's storage. [`migrations`] bring a chain to it.
	pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(2);

	/// The pallet.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What the pallet needs of the runtime.
	#[pallet::config]
	pub trait Config:
		frame_system::Config<RuntimeEvent: From<Event<Self>>> + CreateAuthorizedTransaction<Call<Self>>
	{
		/// Takes and returns the deposit for what an account stores. [`HoldReason::Storage`] names
		/// the hold.
		type Consideration: Consideration<Self::AccountId, Footprint>;

		/// The most attesters.
		#[pallet::constant]
		type MaxAttesters: Get<u32>;

		/// The longest name, in bytes.
		#[pallet::constant]
		type MaxNameLen: Get<u32>;

		/// The longest URL, in bytes.
		#[pallet::constant]
		type MaxUrlLen: Get<u32>;

		/// How far a release's security version may rise above its model's.
		#[pallet::constant]
		type MaxSecurityStep: Get<u32>;

		/// The largest payload, in bytes.
		#[pallet::constant]
		type MaxPayloadSize: Get<u64>;

		/// The number of blocks between a decision and the next round of votes.
		type RecheckPeriod: Get<BlockNumberFor<Self>>;

		/// The number of blocks in which a round takes votes. Without a decision the next round
		/// opens then.
		type RetryPeriod: Get<BlockNumberFor<Self>>;

		/// The number of blocks between a key set's proposal and its earliest adoption. The vendor
		/// can veto the set until it is adopted.
		type KeySetDelay: Get<BlockNumberFor<Self>>;

		/// The weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// Why the pallet holds money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// The deposit for what an account stores.
		#[codec(index = 0)]
		Storage,
	}

	/// The vendors.
	#[pallet::storage]
	pub type Vendors<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Vendor<T>>;

	/// Every key set that a vendor ever had, by version, from 1. A release names the version that
	/// signed it.
	#[pallet::storage]
	pub type KeySets<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, u32, KeySet, OptionQuery>;

	/// The signatures over each key set after a vendor's first: by the set before it and by the set
	/// itself. They are kept for ever, so anyone who knows one of a vendor's key sets can follow
	/// them to the current one.
	#[pallet::storage]
	pub type KeySetSignatures<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, u32, Rotation<T>, OptionQuery>;

	/// The key set that waits to follow a vendor's current one.
	#[pallet::storage]
	pub type PendingKeySets<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, PendingKeySet<T>>;

	/// The key sets that a vendor vetoed, by the BLAKE2b-256 hash of the statement that was signed
	/// for the set.
	#[pallet::storage]
	pub type VetoedKeySets<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, Hash32, VetoedKeySet<T>, OptionQuery>;

	/// The id of the next model.
	#[pallet::storage]
	pub type NextModelId<T> = StorageValue<_, ModelId, ValueQuery>;

	/// The models.
	#[pallet::storage]
	pub type Models<T: Config> = StorageMap<_, Twox64Concat, ModelId, Model<T>>;

	/// The id of the next fleet.
	#[pallet::storage]
	pub type NextFleetId<T> = StorageValue<_, FleetId, ValueQuery>;

	/// The fleets.
	#[pallet::storage]
	pub type Fleets<T: Config> = StorageMap<_, Twox64Concat, FleetId, Fleet<T>>;

	/// The fleets of each model.
	#[pallet::storage]
	pub type FleetIds<T: Config> = StorageDoubleMap<_, Twox64Concat, ModelId, Twox64Concat, FleetId, (), OptionQuery>;

	/// The cap of each fleet's Merkle tree (see [`waybill_primitives::fleet`]), in pages of
	/// [`CAP_PAGE_NODES`] nodes. The last page may be shorter.
	#[pallet::storage]
	pub type FleetCaps<T: Config> = StorageDoubleMap<
		_,
		Twox64Concat,
		FleetId,
		Twox64Concat,
		u32,
		BoundedVec<Hash32, ConstU32<CAP_PAGE_NODES>>,
		OptionQuery,
	>;

	/// The id of the next release.
	#[pallet::storage]
	pub type NextReleaseId<T> = StorageValue<_, ReleaseId, ValueQuery>;

	/// The releases.
	#[pallet::storage]
	pub type Releases<T: Config> = StorageMap<_, Twox64Concat, ReleaseId, Release<T>>;

	/// The releases of each model, by version.
	#[pallet::storage]
	pub type ReleaseIds<T: Config> =
		StorageDoubleMap<_, Twox64Concat, ModelId, Blake2_128Concat, Version, ReleaseId, OptionQuery>;

	/// The release keys' signatures over each release.
	#[pallet::storage]
	pub type ReleaseSignatures<T: Config> = StorageMap<_, Twox64Concat, ReleaseId, Signatures>;

	/// The votes on each release that was not yanked.
	#[pallet::storage]
	pub type Rounds<T: Config> = StorageMap<_, Twox64Concat, ReleaseId, Round<T>>;

	/// The attesters' keys, in ascending order.
	#[pallet::storage]
	pub type Attesters<T: Config> = StorageValue<_, BoundedVec<AttesterId, T::MaxAttesters>, ValueQuery>;

	/// What happened.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// An account became a vendor.
		VendorRegistered {
			/// The vendor.
			vendor: T::AccountId,
		},
		/// A vendor changed its metadata.
		VendorUpdated {
			/// The vendor.
			vendor: T::AccountId,
		},
		/// A key set waits to follow a vendor's current one.
		KeySetProposed {
			/// The vendor.
			vendor: T::AccountId,
			/// The key set's version.
			version: u32,
			/// The first block in which it can be adopted.
			effective_at: BlockNumberFor<T>,
		},
		/// A vendor vetoed the key set that waited.
		KeySetVetoed {
			/// The vendor.
			vendor: T::AccountId,
			/// The version that the key set would have had.
			version: u32,
		},
		/// A key set took the place of a vendor's current one.
		KeySetAdopted {
			/// The vendor.
			vendor: T::AccountId,
			/// The key set's version.
			version: u32,
		},
		/// A vendor registered a model.
		ModelRegistered {
			/// The model.
			model: ModelId,
			/// Its vendor.
			vendor: T::AccountId,
		},
		/// A vendor registered a fleet.
		FleetRegistered {
			/// The fleet.
			fleet: FleetId,
			/// The model of its devices.
			model: ModelId,
			/// The Merkle root over its devices.
			root: Hash32,
			/// The number of its devices.
			count: u32,
			/// The list of its devices' keys.
			manifest: Cid,
		},
		/// A vendor removed a fleet.
		FleetRemoved {
			/// The fleet.
			fleet: FleetId,
		},
		/// A vendor published a release.
		ReleasePublished {
			/// The release.
			release: ReleaseId,
			/// The model it is for.
			model: ModelId,
			/// The model's vendor.
			vendor: T::AccountId,
			/// Its version.
			version: Version,
			/// Its security version.
			security_version: u32,
			/// Its payload.
			payload: Cid,
		},
		/// A release's signatures are now by the vendor's current key set.
		ReleaseResigned {
			/// The release.
			release: ReleaseId,
			/// The key set's version.
			key_set_version: u32,
		},
		/// A release was yanked.
		ReleaseYanked {
			/// The release.
			release: ReleaseId,
			/// Why.
			reason: Yank,
		},
		/// An attester voted.
		Attested {
			/// The release.
			release: ReleaseId,
			/// The round.
			round: u32,
			/// The attester.
			attester: AttesterId,
			/// What it found.
			verdict: Verdict,
		},
		/// The votes moved a release to another state.
		ReleaseStateChanged {
			/// The release.
			release: ReleaseId,
			/// Its new state.
			state: ReleaseState,
		},
	}

	/// Why a call failed. A failed call changes nothing.
	#[pallet::error]
	pub enum Error<T> {
		/// The account is a vendor already.
		AlreadyVendor,
		/// The account is not a vendor.
		UnknownVendor,
		/// A name is empty.
		EmptyName,
		/// A text is not UTF-8 or holds control characters.
		InvalidText,
		/// The key set's threshold cannot be met, two of its keys are equal, or a key is weak.
		InvalidKeySet,
		/// There is no such model.
		UnknownModel,
		/// The model belongs to another vendor.
		NotModelVendor,
		/// There is no such fleet.
		UnknownFleet,
		/// The fleet has no devices.
		EmptyFleet,
		/// The tree over the fleet's devices has no level with this number of nodes.
		InvalidCap,
		/// A bounty relies on the fleet.
		FleetInUse,
		/// There is no such release.
		UnknownRelease,
		/// The release belongs to another vendor.
		NotReleaseVendor,
		/// The model already has a release of this version.
		VersionExists,
		/// The security version is lower than one that was already released for the model.
		SecurityVersionTooLow,
		/// The security version rises by more than [`Config::MaxSecurityStep`].
		SecurityVersionTooHigh,
		/// The payload is empty or larger than [`Config::MaxPayloadSize`].
		InvalidPayloadSize,
		/// The digest cannot be that of a payload with this SHA-256.
		DigestMismatch,
		/// Fewer keys signed than the key set's threshold asks for.
		ThresholdNotMet,
		/// A key signed twice.
		DuplicateSigner,
		/// The key set has no key at a signature's index.
		UnknownSigner,
		/// A signature over this statement is not by the key that it names.
		BadSignature,
		/// The release is yanked already.
		AlreadyYanked,
		/// The key is not an attester's.
		NotAttester,
		/// The round is not open.
		RoundNotOpen,
		/// The attester already voted in this round.
		AlreadyVoted,
		/// Another key set of the vendor already waits.
		RotationPending,
		/// The vendor vetoed this key set.
		RotationVetoed,
		/// No key set of the vendor waits for adoption.
		NoPendingKeySet,
		/// The key set cannot be adopted yet.
		TooEarly,
		/// The current key set already signed the release.
		AlreadySigned,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn offchain_worker(now: BlockNumberFor<T>) {
			worker::run::<T>(now);
		}

		#[cfg(feature = "std")]
		fn integrity_test() {
			Self::check_config();
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Makes the caller a vendor whose releases `key_set` signs, and holds a deposit.
		///
		/// # Events
		/// [`Event::VendorRegistered`].
		///
		/// # Errors
		/// [`Error::AlreadyVendor`], [`Error::EmptyName`], [`Error::InvalidText`],
		/// [`Error::InvalidKeySet`]; errors of the deposit.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::register_vendor(key_set.keys.len() as u32))]
		pub fn register_vendor(origin: OriginFor<T>, metadata: VendorMetadata<T>, key_set: KeySet) -> DispatchResult {
			Self::do_register_vendor(ensure_signed(origin)?, metadata, key_set)
		}

		/// Replaces the caller's metadata and adapts its deposit.
		///
		/// # Events
		/// [`Event::VendorUpdated`].
		///
		/// # Errors
		/// [`Error::UnknownVendor`], [`Error::EmptyName`], [`Error::InvalidText`]; errors of the
		/// deposit.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::update_vendor())]
		pub fn update_vendor(origin: OriginFor<T>, metadata: VendorMetadata<T>) -> DispatchResult {
			Self::do_update_vendor(ensure_signed(origin)?, metadata)
		}

		/// Registers a model of the calling vendor and holds a deposit.
		///
		/// # Events
		/// [`Event::ModelRegistered`].
		///
		/// # Errors
		/// [`Error::UnknownVendor`], [`Error::EmptyName`], [`Error::InvalidText`]; errors of the
		/// deposit.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::register_model())]
		pub fn register_model(origin: OriginFor<T>, name: NameOf<T>) -> DispatchResult {
			Self::do_register_model(ensure_signed(origin)?, name)
		}

		/// Registers a fleet of `count` devices of the calling vendor's model and holds a deposit.
		///
		/// `cap` is one level of the Merkle tree over the devices, from left to right (see
		/// [`waybill_primitives::fleet`]). The more nodes it has, the shorter are the proofs of
		/// devices. `manifest` is the list of the devices' keys. A fleet never changes.
		///
		/// # Events
		/// [`Event::FleetRegistered`].
		///
		/// # Errors
		/// [`Error::UnknownModel`], [`Error::NotModelVendor`], [`Error::EmptyFleet`],
		/// [`Error::InvalidCap`]; errors of the deposit.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::register_fleet(Pallet::<T>::cap_pages(cap.len() as u32)))]
		pub fn register_fleet(
			origin: OriginFor<T>,
			model: ModelId,
			count: u32,
			cap: BoundedVec<Hash32, ConstU32<MAX_CAP_NODES>>,
			manifest: Cid,
		) -> DispatchResult {
			Self::do_register_fleet(ensure_signed(origin)?, model, count, cap, manifest)
		}

		/// Removes a fleet that no bounty relies on, and returns its deposit. The fee covers the
		/// pages of its cap.
		///
		/// # Events
		/// [`Event::FleetRemoved`].
		///
		/// # Errors
		/// [`Error::UnknownFleet`], [`Error::NotModelVendor`], [`Error::FleetInUse`].
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::remove_fleet(Pallet::<T>::cap_pages(MAX_CAP_NODES)))]
		pub fn remove_fleet(origin: OriginFor<T>, fleet: FleetId) -> DispatchResultWithPostInfo {
			Self::do_remove_fleet(ensure_signed(origin)?, fleet)
		}

		/// Publishes a release of the calling vendor's model and holds a deposit. The vendor's
		/// release keys must have signed it.
		///
		/// The first round of votes on it opens at once.
		///
		/// # Events
		/// [`Event::ReleasePublished`].
		///
		/// # Errors
		/// [`Error::UnknownModel`], [`Error::NotModelVendor`], [`Error::InvalidPayloadSize`],
		/// [`Error::DigestMismatch`], [`Error::SecurityVersionTooLow`],
		/// [`Error::SecurityVersionTooHigh`], [`Error::VersionExists`], [`Error::InvalidText`],
		/// [`Error::ThresholdNotMet`], [`Error::DuplicateSigner`], [`Error::UnknownSigner`],
		/// [`Error::BadSignature`]; errors of the deposit.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::publish_release(signatures.len() as u32))]
		pub fn publish_release(
			origin: OriginFor<T>,
			statement: ReleaseStatement,
			advisory: Option<UrlOf<T>>,
			signatures: Signatures,
		) -> DispatchResult {
			Self::do_publish(ensure_signed(origin)?, statement, advisory, signatures)
		}

		/// Yanks a release of the calling vendor, for ever. Existing reservations for it stay
		/// payable.
		///
		/// An `advisory` replaces the one that was given at publication.
		///
		/// # Events
		/// [`Event::ReleaseYanked`].
		///
		/// # Errors
		/// [`Error::UnknownRelease`], [`Error::NotReleaseVendor`], [`Error::AlreadyYanked`],
		/// [`Error::InvalidText`].
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::yank_release())]
		pub fn yank_release(
			origin: OriginFor<T>,
			release: ReleaseId,
			reason: Yank,
			advisory: Option<UrlOf<T>>,
		) -> DispatchResult {
			Self::do_yank(ensure_signed(origin)?, release, reason, advisory)
		}

		/// Yanks a release, for ever, by signatures of its vendor's current release keys.
		/// Anyone may submit it.
		///
		/// # Events
		/// [`Event::ReleaseYanked`].
		///
		/// # Errors
		/// [`Error::UnknownRelease`], [`Error::AlreadyYanked`], [`Error::ThresholdNotMet`],
		/// [`Error::DuplicateSigner`], [`Error::UnknownSigner`], [`Error::BadSignature`].
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::yank_release_signed(signatures.len() as u32))]
		pub fn yank_release_signed(
			origin: OriginFor<T>,
			release: ReleaseId,
			reason: Yank,
			signatures: Signatures,
		) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_yank_signed(release, reason, signatures)
		}

		/// Records an attester's vote on a release. Its node's off-chain worker sends it without a
		/// fee.
		///
		/// `signature` is the attester's over a [`waybill_primitives::VoteStatement`]. Votes of
		/// more than half of the attesters decide. If they found the release available, it becomes
		/// available. If they found it unreachable or not what it declares, it becomes unavailable.
		/// An attester votes once a round.
		///
		/// # Events
		/// [`Event::Attested`]; [`Event::ReleaseStateChanged`] when the vote decides and the state
		/// changes.
		///
		/// # Errors
		/// None in a block: a faulty vote makes the transaction invalid (see [`Refusal`]). The
		/// names of the same faults are [`Error::NotAttester`], [`Error::UnknownRelease`],
		/// [`Error::RoundNotOpen`] and [`Error::AlreadyVoted`].
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::attest())]
		#[pallet::authorize(Self::authorize_attest)]
		#[pallet::weight_of_authorize(T::WeightInfo::authorize_attest())]
		pub fn attest(
			origin: OriginFor<T>,
			attester: AttesterId,
			release: ReleaseId,
			round: u32,
			verdict: Verdict,
			signature: AttesterSignature,
		) -> DispatchResult {
			ensure_authorized(origin)?;
			// `authorize_attest` has checked it.
			let _ = signature;
			Self::record_vote(attester, release, round, verdict)?;
			Ok(())
		}

		/// Proposes the key set that follows the vendor's current one. Both sets must have signed.
		/// Anyone may submit it.
		///
		/// `old_signatures` are by the vendor's current key set, `new_signatures` by the new one.
		/// Each list meets the threshold of its set. All are over the same
		/// [`waybill_primitives::KeySetStatement`], with the version after the current one. The set
		/// can be adopted after [`Config::KeySetDelay`]. The caller's deposit is held for ever: for
		/// the set and its signatures, or for the veto.
		///
		/// # Events
		/// [`Event::KeySetProposed`].
		///
		/// # Errors
		/// [`Error::UnknownVendor`], [`Error::RotationPending`], [`Error::InvalidKeySet`],
		/// [`Error::RotationVetoed`], [`Error::ThresholdNotMet`], [`Error::DuplicateSigner`],
		/// [`Error::UnknownSigner`], [`Error::BadSignature`]; errors of the deposit.
		#[pallet::call_index(9)]
		#[pallet::weight(T::WeightInfo::rotate_key_set(old_signatures.len() as u32, new_signatures.len() as u32))]
		pub fn rotate_key_set(
			origin: OriginFor<T>,
			vendor: T::AccountId,
			key_set: KeySet,
			old_signatures: Signatures,
			new_signatures: Signatures,
		) -> DispatchResult {
			let submitter = ensure_signed(origin)?;
			Self::do_rotate(submitter, vendor, key_set, old_signatures, new_signatures)
		}

		/// Vetoes the key set that waits to follow the calling vendor's current one. The same set
		/// cannot be proposed again under the same version.
		///
		/// # Events
		/// [`Event::KeySetVetoed`].
		///
		/// # Errors
		/// [`Error::NoPendingKeySet`].
		#[pallet::call_index(10)]
		#[pallet::weight(T::WeightInfo::veto_key_set())]
		pub fn veto_key_set(origin: OriginFor<T>) -> DispatchResult {
			Self::do_veto(ensure_signed(origin)?)
		}

		/// Replaces the vendor's current key set by the one that waits, once its delay has passed.
		/// Anyone may submit it.
		///
		/// # Events
		/// [`Event::KeySetAdopted`].
		///
		/// # Errors
		/// [`Error::NoPendingKeySet`], [`Error::TooEarly`].
		#[pallet::call_index(11)]
		#[pallet::weight(T::WeightInfo::adopt_key_set())]
		pub fn adopt_key_set(origin: OriginFor<T>, vendor: T::AccountId) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_adopt(vendor)
		}

		/// Replaces the signatures of the calling vendor's release by signatures of its current key
		/// set, and adapts the deposit.
		///
		/// # Events
		/// [`Event::ReleaseResigned`].
		///
		/// # Errors
		/// [`Error::UnknownRelease`], [`Error::NotReleaseVendor`], [`Error::AlreadyYanked`],
		/// [`Error::ThresholdNotMet`], [`Error::DuplicateSigner`], [`Error::UnknownSigner`],
		/// [`Error::BadSignature`], [`Error::AlreadySigned`]; errors of the deposit.
		#[pallet::call_index(12)]
		#[pallet::weight(T::WeightInfo::resign_release(signatures.len() as u32))]
		pub fn resign_release(origin: OriginFor<T>, release: ReleaseId, signatures: Signatures) -> DispatchResult {
			Self::do_resign(ensure_signed(origin)?, release, signatures)
		}
	}
}
