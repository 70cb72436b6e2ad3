//! The voters for finality, set by set, and what becomes of one that votes twice.
//!
//! A voter that signs two votes in one round is taken from the appointed collators: from the next session on it neither votes nor
//! attests, until root appoints it again. Nothing is slashed, as nothing is at stake.
//!
//! The chain keeps who the voters of the latest sets were. A report is checked against that and needs no proof of whose a key
//! was: pallet-session's historical proofs speak of the keys that a validator has registered for later sessions, so an offender
//! would escape them by registering others at once.

use crate::{
	configs::MAX_APPOINTED,
	session::appointed,
	time::{Blocks, HOUR},
	AccountId, BlockNumber, CollatorSelection, Grandpa, Hash, Runtime, RuntimeOrigin, Session,
};
use alloc::{boxed::Box, vec::Vec};
use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::{ensure, traits::OneSessionHandler, BoundedVec};
use frame_system::offchain::{CreateBare, SubmitTransaction};
use pallet_grandpa::Error as GrandpaError;
use scale_info::TypeInfo;
use sp_consensus_grandpa::{check_equivocation_proof, AuthorityId, EquivocationProof, RoundNumber, SetId};
use sp_runtime::{
	transaction_validity::{InvalidTransaction, TransactionValidityError},
	BoundToRuntimeAppPublic, DispatchError,
};
use sp_session::{GetSessionNumber, GetValidatorCount, ValidatorCount};
use sp_staking::{offence::OffenceReportSystem, SessionIndex};

pub use pallet::*;

const LOG_TARGET: &str = "runtime::voters";

/// Of how many sets the voters are kept: the present one and those before it. Nobody can report what was done in older ones.
pub const KEPT_SETS: SetId = 16;

/// For how long a report waits in the pool of the node that made it: that node itself has to author.
pub type ReportLifetime = Blocks<HOUR>;

/// A voter: its key and, at that time, its account.
pub type Voter = (AuthorityId, AccountId);

/// The record of the voters.
#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::pallet_prelude::*;
	use frame_system::pallet_prelude::BlockNumberFor;

	/// The version of the storage layout, which is also that of chains whose runtime named none.
	pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

	/// The pallet.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Nothing is needed.
	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {}

	/// The voters of the latest [`KEPT_SETS`] sets.
	#[pallet::storage]
	pub type Sets<T> = StorageMap<_, Twox64Concat, SetId, BoundedVec<Voter, ConstU32<MAX_APPOINTED>>, ValueQuery>;

	/// The latest set in which an account is known to have voted twice, while that set is kept.
	#[pallet::storage]
	pub type Offences<T> = StorageMap<_, Blake2_128Concat, AccountId, SetId>;

	/// What happened.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T> {
		/// A voter voted for two blocks in one round.
		Equivocated {
			/// The voter's account.
			who: AccountId,
			/// The set.
			set_id: SetId,
			/// The round.
			round: RoundNumber,
			/// Whether its appointment ended. The last appointed collator keeps it, and one that has none cannot lose it.
			removed: bool,
		},
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Pallet::<Runtime>::do_try_state()
		}
	}
}

impl Pallet<Runtime> {
	/// The account whose key voted in this set, if the set is kept.
	pub fn voter(set_id: SetId, key: &AuthorityId) -> Option<AccountId> {
		Sets::<Runtime>::get(set_id).into_iter().find_map(|(voter, who)| (voter == *key).then_some(who))
	}

	/// Keeps the voters of the present set, and forgets those of the set that is too old now.
	fn note(voters: Vec<Voter>) {
		let set_id = Grandpa::current_set_id();
		// A set never changes under its id.
		if Sets::<Runtime>::contains_key(set_id) {
			return;
		}
		Sets::<Runtime>::insert(set_id, BoundedVec::truncate_from(voters));
		let Some(old) = set_id.checked_sub(KEPT_SETS) else { return };
		for (_, who) in Sets::<Runtime>::take(old) {
			if Offences::<Runtime>::get(&who).is_some_and(|set_id| set_id <= old) {
				Offences::<Runtime>::remove(who);
			}
		}
	}

	/// Whom this convicts of what is not known yet.
	fn offender(proof: &EquivocationProof<Hash, BlockNumber>) -> Result<AccountId, GrandpaError<Runtime>> {
		let set_id = proof.set_id();
		let who = Self::voter(set_id, proof.offender()).ok_or(GrandpaError::<Runtime>::InvalidKeyOwnershipProof)?;
		// What it did before it was removed the last time is settled.
		let known = Offences::<Runtime>::get(&who).is_some_and(|latest| set_id <= latest);
		ensure!(!known, GrandpaError::<Runtime>::DuplicateOffenceReport);
		ensure!(check_equivocation_proof(proof.clone()), GrandpaError::<Runtime>::InvalidEquivocationProof);
		Ok(who)
	}

	/// Ends the appointment of an account, unless no other appointed collator could vote.
	fn remove(who: &AccountId) -> bool {
		let others = appointed().into_iter().any(|other| other != *who && Session::load_keys(&other).is_some());
		others && CollatorSelection::remove_invulnerable(RuntimeOrigin::root(), who.clone()).is_ok()
	}

	#[cfg(feature = "try-runtime")]
	fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
		let present = Grandpa::current_set_id();
		for (set_id, _) in Sets::<Runtime>::iter() {
			ensure!(set_id <= present && present - set_id < KEPT_SETS, "a set is kept that should not be");
		}
		for (who, set_id) in Offences::<Runtime>::iter() {
			ensure!(Sets::<Runtime>::get(set_id).iter().any(|(_, voter)| *voter == who), "an offender was no voter");
		}
		// A chain of an earlier version has no record of its present set; a change that is delayed has not come yet.
		if Sets::<Runtime>::contains_key(present) && Grandpa::pending_change().is_none() {
			let kept = Sets::<Runtime>::get(present);
			let voters = Grandpa::grandpa_authorities();
			ensure!(kept.iter().map(|(key, _)| key).eq(voters.iter().map(|(key, _)| key)), "others vote than are kept");
		}
		Ok(())
	}
}

impl BoundToRuntimeAppPublic for Pallet<Runtime> {
	type Public = AuthorityId;
}

/// Hands the voters on to GRANDPA and keeps them.
impl OneSessionHandler<AccountId> for Pallet<Runtime> {
	type Key = AuthorityId;

	fn on_genesis_session<'a, I>(validators: I)
	where
		I: 'a + Iterator<Item = (&'a AccountId, AuthorityId)>,
	{
		let validators = validators.collect::<Vec<_>>();
		let voters = validators.iter().map(|(who, key)| (key.clone(), (*who).clone())).collect();
		<Grandpa as OneSessionHandler<AccountId>>::on_genesis_session(validators.into_iter());
		Self::note(voters);
	}

	fn on_new_session<'a, I>(changed: bool, validators: I, queued_validators: I)
	where
		I: 'a + Iterator<Item = (&'a AccountId, AuthorityId)>,
	{
		let validators = validators.collect::<Vec<_>>();
		let queued_validators = queued_validators.collect::<Vec<_>>();
		let voters = validators.iter().map(|(who, key)| (key.clone(), (*who).clone())).collect();
		<Grandpa as OneSessionHandler<AccountId>>::on_new_session(
			changed,
			validators.into_iter(),
			queued_validators.into_iter(),
		);
		Self::note(voters);
	}

	fn on_before_session_ending() {
		<Grandpa as OneSessionHandler<AccountId>>::on_before_session_ending();
	}

	fn on_disabled(index: u32) {
		<Grandpa as OneSessionHandler<AccountId>>::on_disabled(index);
	}
}

/// Stands where a proof of key ownership would: the chain has the voters on record.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct OnRecord;

impl GetSessionNumber for OnRecord {
	/// Nobody asks: sets, not sessions, are on record.
	fn session(&self) -> SessionIndex {
		Default::default()
	}
}

impl GetValidatorCount for OnRecord {
	/// As many as there can be: the price of a report is for these.
	fn validator_count(&self) -> ValidatorCount {
		MAX_APPOINTED
	}
}

/// The reports of equivocations. Nodes that see one make a report by themselves; any account can send one.
impl OffenceReportSystem<Option<AccountId>, (EquivocationProof<Hash, BlockNumber>, OnRecord)> for Pallet<Runtime> {
	type Longevity = ReportLifetime;

	fn publish_evidence((proof, on_record): (EquivocationProof<Hash, BlockNumber>, OnRecord)) -> Result<(), ()> {
		let call = pallet_grandpa::Call::<Runtime>::report_equivocation_unsigned {
			equivocation_proof: Box::new(proof),
			key_owner_proof: on_record,
		};
		let transaction = <Runtime as CreateBare<pallet_grandpa::Call<Runtime>>>::create_bare(call.into());
		SubmitTransaction::<Runtime, pallet_grandpa::Call<Runtime>>::submit_transaction(transaction)
			.inspect(|()| log::info!(target: LOG_TARGET, "reported an equivocation"))
			.inspect_err(|()| log::error!(target: LOG_TARGET, "the pool refused the report of an equivocation"))
	}

	fn check_evidence(
		(proof, OnRecord): (EquivocationProof<Hash, BlockNumber>, OnRecord),
	) -> Result<(), TransactionValidityError> {
		match Self::offender(&proof) {
			Ok(_) => Ok(()),
			Err(GrandpaError::DuplicateOffenceReport) => Err(InvalidTransaction::Stale.into()),
			Err(_) => Err(InvalidTransaction::BadProof.into()),
		}
	}

	fn process_evidence(
		_reporter: Option<AccountId>,
		(proof, OnRecord): (EquivocationProof<Hash, BlockNumber>, OnRecord),
	) -> Result<(), DispatchError> {
		let who = Self::offender(&proof)?;
		let (set_id, round) = (proof.set_id(), proof.round());
		Offences::<Runtime>::insert(&who, set_id);
		let removed = Self::remove(&who);
		log::warn!(target: LOG_TARGET, "{who:?} voted twice in round {round} of set {set_id}; removed: {removed}");
		Self::deposit_event(Event::Equivocated { who, set_id, round, removed });
		Ok(())
	}
}
