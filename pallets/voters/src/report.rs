//! Reports of equivocations. A node that sees an equivocation reports it by itself; any account can
//! send a report.

use crate::{Appointments, Config, Event, Offences, Pallet, LOG_TARGET};
use alloc::boxed::Box;
use codec::{Decode, DecodeWithMemTracking, Encode};
use core::marker::PhantomData;
use frame_support::{ensure, traits::Get, CloneNoBound, DebugNoBound, DefaultNoBound, EqNoBound, PartialEqNoBound};
use frame_system::{
	offchain::{CreateBare, SubmitTransaction},
	pallet_prelude::BlockNumberFor,
};
use pallet_grandpa::Error as GrandpaError;
use scale_info::TypeInfo;
use sp_consensus_grandpa::{check_equivocation_proof, EquivocationProof};
use sp_runtime::{
	transaction_validity::{InvalidTransaction, TransactionValidityError},
	DispatchError,
};
use sp_session::{GetSessionNumber, GetValidatorCount, ValidatorCount};
use sp_staking::{offence::OffenceReportSystem, SessionIndex};

/// Replaces a proof of key ownership, because the chain has the voters on record. `Max` is the
/// largest number of voters in a set.
#[derive(
	CloneNoBound, PartialEqNoBound, EqNoBound, DebugNoBound, DefaultNoBound, Encode, Decode, DecodeWithMemTracking, TypeInfo,
)]
#[codec(encode_bound())]
#[codec(decode_bound())]
#[codec(decode_with_mem_tracking_bound())]
#[scale_info(skip_type_params(Max))]
pub struct OnRecord<Max>(PhantomData<Max>);

impl<Max> GetSessionNumber for OnRecord<Max> {
	/// Unused: the chain records voter sets, not sessions.
	fn session(&self) -> SessionIndex {
		Default::default()
	}
}

impl<Max: Get<u32>> GetValidatorCount for OnRecord<Max> {
	/// The largest possible number, so the weight of a report covers every set.
	fn validator_count(&self) -> ValidatorCount {
		Max::get()
	}
}

type Proof<T> = EquivocationProof<<T as frame_system::Config>::Hash, BlockNumberFor<T>>;
type Evidence<T> = (Proof<T>, <T as pallet_grandpa::Config>::KeyOwnerProof);

impl<T: Config> Pallet<T> {
	/// The account that this proof convicts, unless the offence is already recorded.
	fn offender(proof: &Proof<T>) -> Result<T::AccountId, GrandpaError<T>> {
		let set_id = proof.set_id();
		let who = Self::voter(set_id, proof.offender()).ok_or(GrandpaError::<T>::InvalidKeyOwnershipProof)?;
		// The latest recorded offence settles all earlier ones.
		let known = Offences::<T>::get(&who).is_some_and(|latest| set_id <= latest);
		ensure!(!known, GrandpaError::<T>::DuplicateOffenceReport);
		ensure!(check_equivocation_proof(proof.clone()), GrandpaError::<T>::InvalidEquivocationProof);
		Ok(who)
	}
}

impl<T: Config> OffenceReportSystem<Option<T::AccountId>, Evidence<T>> for Pallet<T> {
	type Longevity = T::ReportLifetime;

	fn publish_evidence((proof, key_owner_proof): Evidence<T>) -> Result<(), ()> {
		let call =
			pallet_grandpa::Call::<T>::report_equivocation_unsigned { equivocation_proof: Box::new(proof), key_owner_proof };
		let transaction = <T as CreateBare<pallet_grandpa::Call<T>>>::create_bare(call.into());
		SubmitTransaction::<T, pallet_grandpa::Call<T>>::submit_transaction(transaction)
			.inspect(|()| log::info!(target: LOG_TARGET, "reported an equivocation"))
			.inspect_err(|()| log::error!(target: LOG_TARGET, "the pool refused the report of an equivocation"))
	}

	fn check_evidence((proof, _): Evidence<T>) -> Result<(), TransactionValidityError> {
		match Self::offender(&proof) {
			Ok(_) => Ok(()),
			Err(GrandpaError::DuplicateOffenceReport) => Err(InvalidTransaction::Stale.into()),
			Err(_) => Err(InvalidTransaction::BadProof.into()),
		}
	}

	fn process_evidence(_reporter: Option<T::AccountId>, (proof, _): Evidence<T>) -> Result<(), DispatchError> {
		let who = Self::offender(&proof)?;
		let (set_id, round) = (proof.set_id(), proof.round());
		Offences::<T>::insert(&who, set_id);
		let removed = T::Appointments::end(&who);
		log::warn!(target: LOG_TARGET, "{who:?} voted twice in round {round} of set {set_id}; removed: {removed}");
		Self::deposit_event(Event::Equivocated { who, set_id, round, removed });
		Ok(())
	}
}
