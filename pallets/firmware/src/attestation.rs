//! Rounds of votes on releases.

use crate::{pallet::*, AttesterId, AttesterSignature, Phase, ReleaseState, Round, Vote};
use frame_support::{ensure, BoundedVec};
use frame_system::pallet_prelude::BlockNumberFor;
use scale_info::prelude::vec;
use sp_core::Get;
use sp_runtime::{
	traits::{CheckedDiv, One, SaturatedConversion, Saturating},
	transaction_validity::{
		InvalidTransaction, TransactionPriority, TransactionSource, TransactionValidityError, TransactionValidityWithRefund,
		ValidTransaction,
	},
	RuntimeAppPublic, Weight,
};
use waybill_primitives::{ReleaseId, Statement, Verdict, VoteStatement};

/// Votes go before transactions that pay fees. They are few, and no release becomes available
/// without them.
const VOTE_PRIORITY: TransactionPriority = TransactionPriority::MAX / 2;

/// Why a vote is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
	/// The key is not an attester's.
	NotAttester,
	/// There is no such release, or it was yanked.
	UnknownRelease,
	/// The round has not opened.
	RoundNotOpen,
	/// The round is over.
	RoundOver,
	/// The attester voted in this round.
	AlreadyVoted,
	/// The signature is not the attester's over this vote.
	BadSignature,
}

impl From<Refusal> for TransactionValidityError {
	fn from(refusal: Refusal) -> Self {
		Self::Invalid(match refusal {
			Refusal::NotAttester => InvalidTransaction::BadSigner,
			Refusal::UnknownRelease => InvalidTransaction::Call,
			Refusal::RoundNotOpen => InvalidTransaction::Future,
			Refusal::RoundOver | Refusal::AlreadyVoted => InvalidTransaction::Stale,
			Refusal::BadSignature => InvalidTransaction::BadProof,
		})
	}
}

impl<T: Config> From<Refusal> for Error<T> {
	fn from(refusal: Refusal) -> Self {
		match refusal {
			Refusal::NotAttester => Self::NotAttester,
			Refusal::UnknownRelease => Self::UnknownRelease,
			Refusal::RoundNotOpen | Refusal::RoundOver => Self::RoundNotOpen,
			Refusal::AlreadyVoted => Self::AlreadyVoted,
			Refusal::BadSignature => Self::BadSignature,
		}
	}
}

impl<T: Config> Round<T> {
	/// The first round, which opens at block `now`.
	pub fn first(now: BlockNumberFor<T>) -> Self {
		Self::opened(0, now)
	}

	fn opened(number: u32, opened_at: BlockNumberFor<T>) -> Self {
		Self { number, opened_at, decided_at: None, votes: BoundedVec::new() }
	}

	/// The round that is open at block `now`, or the one that opens next.
	///
	/// After a decision the next round opens [`Config::RecheckPeriod`] blocks later. Without a
	/// decision it opens [`Config::RetryPeriod`] blocks after the round before it opened.
	pub fn phase(&self, now: BlockNumberFor<T>) -> Phase<BlockNumberFor<T>> {
		let (number, opens_at) = match self.decided_at {
			None => (self.number, self.opened_at),
			Some(at) => (self.number.saturating_add(1), at.saturating_add(T::RecheckPeriod::get())),
		};
		if now < opens_at {
			return Phase::Scheduled { number, opens_at };
		}
		let period = T::RetryPeriod::get().max(One::one());
		let passed = now.saturating_sub(opens_at).checked_div(&period).unwrap_or_default();
		let opened_at = opens_at.saturating_add(passed.saturating_mul(period));
		Phase::Open {
			number: number.saturating_add(passed.saturated_into()),
			opened_at,
			closes_at: opened_at.saturating_add(period),
		}
	}

	/// Whether the attester voted in round `number`.
	pub fn has_voted(&self, number: u32, attester: &AttesterId) -> bool {
		self.number == number && self.votes.iter().any(|vote| vote.attester == *attester)
	}
}

/// The round that a vote is for.
struct OpenRound<T: Config> {
	/// The stored round: this one, or an earlier one.
	stored: Round<T>,
	opened_at: BlockNumberFor<T>,
	closes_at: BlockNumberFor<T>,
}

impl<T: Config> Pallet<T> {
	/// The number of equal votes that decide: more than half of the attesters.
	pub(crate) fn votes_needed(attesters: usize) -> usize {
		attesters.saturating_div(2).saturating_add(1)
	}

	/// Checks everything but the signature.
	fn check_vote(
		attesters: &[AttesterId],
		attester: &AttesterId,
		release: ReleaseId,
		round: u32,
	) -> Result<OpenRound<T>, Refusal> {
		ensure!(attesters.binary_search(attester).is_ok(), Refusal::NotAttester);
		let stored = Rounds::<T>::get(release).ok_or(Refusal::UnknownRelease)?;
		let (opened_at, closes_at) = match stored.phase(frame_system::Pallet::<T>::block_number()) {
			Phase::Open { number, opened_at, closes_at } if number == round => (opened_at, closes_at),
			Phase::Open { number, .. } | Phase::Scheduled { number, .. } if round < number => {
				return Err(Refusal::RoundOver)
			},
			_ => return Err(Refusal::RoundNotOpen),
		};
		ensure!(!stored.has_voted(round, attester), Refusal::AlreadyVoted);
		Ok(OpenRound { stored, opened_at, closes_at })
	}

	/// Validates a vote before it enters the pool or a block. It finds every fault that a vote can
	/// have.
	pub(crate) fn authorize_attest(
		_source: TransactionSource,
		attester: &AttesterId,
		release: &ReleaseId,
		round: &u32,
		verdict: &Verdict,
		signature: &AttesterSignature,
	) -> TransactionValidityWithRefund {
		let OpenRound { closes_at, .. } = Self::check_vote(&Attesters::<T>::get(), attester, *release, *round)?;
		let statement = VoteStatement { release: *release, round: *round, verdict: *verdict };
		if !attester.verify(&statement.signing_bytes(&Self::genesis_hash()), signature) {
			return Err(Refusal::BadSignature.into());
		}
		let left = closes_at.saturating_sub(frame_system::Pallet::<T>::block_number());
		let validity = ValidTransaction {
			priority: VOTE_PRIORITY,
			requires: vec![],
			// The tag names the attester and the round, but not the verdict. So the pool keeps only
			// one of an attester's votes.
			provides: vec![codec::Encode::encode(&("waybill/vote", attester, release, round))],
			longevity: left.saturated_into(),
			propagate: true,
		};
		Ok((validity, Weight::zero()))
	}

	/// Counts a vote, and moves the release when it decides.
	pub(crate) fn record_vote(
		attester: AttesterId,
		release: ReleaseId,
		round: u32,
		verdict: Verdict,
	) -> Result<(), Error<T>> {
		let attesters = Attesters::<T>::get();
		let OpenRound { mut stored, opened_at, .. } = Self::check_vote(&attesters, &attester, release, round)?;
		if stored.number != round {
			stored = Round::opened(round, opened_at);
		}
		// Drop votes from former attesters; this also frees their slots.
		stored.votes.retain(|vote| attesters.binary_search(&vote.attester).is_ok());
		let vote = Vote { attester: attester.clone(), verdict };
		stored.votes.try_push(vote).map_err(|_| Error::<T>::NotAttester)?;
		Self::deposit_event(Event::Attested { release, round, attester, verdict });

		let needed = Self::votes_needed(attesters.len());
		let available = stored.votes.iter().filter(|vote| vote.verdict == Verdict::Available).count();
		let negative = stored.votes.len().saturating_sub(available);
		let state = if available >= needed {
			Some(ReleaseState::Available)
		} else if negative >= needed {
			Some(ReleaseState::Unavailable)
		} else {
			None
		};
		if let Some(state) = state {
			stored.decided_at = Some(frame_system::Pallet::<T>::block_number());
			Self::set_state(release, state);
		}
		Rounds::<T>::insert(release, stored);
		Ok(())
	}

	fn set_state(id: ReleaseId, state: ReleaseState) {
		Releases::<T>::mutate_extant(id, |release| {
			if release.state != state {
				release.state = state;
				Self::deposit_event(Event::ReleaseStateChanged { release: id, state });
			}
		});
	}
}
