//! Votes and rounds.

use crate::{mock::*, *};
use codec::Encode;
use frame_support::{assert_noop, assert_ok, traits::OneSessionHandler};
use proptest::prelude::*;
use sp_core::Pair as _;
use sp_runtime::{
	traits::Dispatchable,
	transaction_validity::{InvalidTransaction, TransactionValidityError},
	DispatchError,
};
use waybill_primitives::{ReleaseId, Statement, Verdict, VoteStatement, Yank};
use Verdict::{Available, Mismatch, Unreachable};

fn refused(validator: AccountId, release: ReleaseId, round: u32, verdict: Verdict) -> TransactionValidityError {
	let xt = general(vote_call(validator, release, round, verdict));
	let pool = validate(xt.clone()).unwrap_err();
	let block = apply(xt).unwrap_err();
	assert_eq!(pool, block);
	pool
}

fn invalid(reason: InvalidTransaction) -> TransactionValidityError {
	TransactionValidityError::Invalid(reason)
}

#[test]
fn votes_of_more_than_half_should_make_a_release_available() {
	build_and_execute(|| {
		let release = published_release();
		assert_ok!(vote(11, release, 0, Available).unwrap());
		assert_eq!(state(release), ReleaseState::Pending);
		assert_ok!(vote(13, release, 0, Available).unwrap());
		assert_eq!(state(release), ReleaseState::Available);
		let attested = |validator| Event::Attested { release, round: 0, attester: attester(validator), verdict: Available };
		let changed = Event::ReleaseStateChanged { release, state: ReleaseState::Available };
		assert_eq!(events()[3..], [attested(11), attested(13), changed]);
	});
}

#[test]
fn negative_votes_should_count_together() {
	build_and_execute(|| {
		let release = published_release();
		assert_ok!(vote(11, release, 0, Unreachable).unwrap());
		assert_ok!(vote(12, release, 0, Available).unwrap());
		assert_eq!(state(release), ReleaseState::Pending);
		assert_ok!(vote(13, release, 0, Mismatch).unwrap());
		assert_eq!(state(release), ReleaseState::Unavailable);
	});
}

#[test]
fn exactly_half_should_not_decide() {
	for (attesters, needed) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)] {
		let validators: Vec<AccountId> = (11..11 + attesters).collect();
		execute(ext_with(&validators), || {
			let release = published_release();
			for (count, validator) in validators.iter().take(needed).enumerate() {
				assert_eq!(state(release), ReleaseState::Pending, "{count} of {attesters}");
				assert_ok!(vote(*validator, release, 0, Available).unwrap());
			}
			assert_eq!(state(release), ReleaseState::Available);
			assert_eq!(Firmware::attestations(release).unwrap().needed as usize, needed);
		});
	}
}

#[test]
fn valid_vote_should_tell_the_pool_who_votes_on_what() {
	build_and_execute(|| {
		let release = published_release();
		let valid = validate(general(vote_call(11, release, 0, Available))).unwrap();
		assert_eq!(valid.provides, vec![("waybill/vote", attester(11), release, 0u32).encode()]);
		assert_eq!((valid.requires.len(), valid.longevity, valid.propagate), (0, u64::from(RETRY), true));
		assert!(valid.priority > u64::from(u32::MAX));
		let contrary = validate(general(vote_call(11, release, 0, Mismatch))).unwrap();
		assert_eq!(contrary.provides, valid.provides);
		System::set_block_number(RETRY);
		assert_eq!(validate(general(vote_call(11, release, 0, Available))).unwrap().longevity, 1);
	});
}

#[test]
fn vote_should_be_refused_when_not_an_attesters() {
	build_and_execute(|| {
		let release = published_release();
		assert_eq!(refused(99, release, 0, Available), invalid(InvalidTransaction::BadSigner));
	});
}

#[test]
fn vote_should_be_refused_when_the_release_is_unknown_or_yanked() {
	build_and_execute(|| {
		let release = published_release();
		assert_eq!(refused(11, release + 1, 0, Available), invalid(InvalidTransaction::Call));
		assert_ok!(Firmware::yank_release(RuntimeOrigin::signed(VENDOR), release, Yank::Faulty, None));
		assert_eq!(refused(11, release, 0, Available), invalid(InvalidTransaction::Call));
	});
}

#[test]
fn vote_should_be_refused_when_repeated_or_changed() {
	build_and_execute(|| {
		let release = published_release();
		assert_ok!(vote(11, release, 0, Available).unwrap());
		assert_eq!(refused(11, release, 0, Available), invalid(InvalidTransaction::Stale));
		assert_eq!(refused(11, release, 0, Mismatch), invalid(InvalidTransaction::Stale));
	});
}

#[test]
fn vote_should_be_refused_when_its_signature_is_over_anything_else() {
	build_and_execute(|| {
		let release = published_release();
		let good = VoteStatement { release, round: 0, verdict: Available };
		let genesis = Firmware::genesis_hash();
		let others = [
			VoteStatement { release: release + 1, ..good.clone() }.signing_bytes(&genesis),
			VoteStatement { round: 1, ..good.clone() }.signing_bytes(&genesis),
			VoteStatement { verdict: Mismatch, ..good.clone() }.signing_bytes(&genesis),
			good.signing_bytes(&[0; 32]),
			good.encode(),
		];
		let call = |message: &[u8], signer| Call::<Test>::attest {
			attester: attester(11),
			release,
			round: 0,
			verdict: Available,
			signature: attester_pair(signer).sign(message).into(),
		};
		for message in others {
			let refused = apply(general(call(&message, 11))).unwrap_err();
			assert_eq!(refused, invalid(InvalidTransaction::BadProof));
		}
		// Signed by another attester.
		let message = good.signing_bytes(&genesis);
		assert_eq!(apply(general(call(&message, 12))).unwrap_err(), invalid(InvalidTransaction::BadProof));
		assert_ok!(apply(general(call(&message, 11))).unwrap());
	});
}

#[test]
fn vote_should_be_refused_when_sent_any_other_way() {
	build_and_execute(|| {
		let release = published_release();
		let call = RuntimeCall::from(vote_call(11, release, 0, Available));
		for origin in [RuntimeOrigin::signed(11), RuntimeOrigin::none(), RuntimeOrigin::root()] {
			assert_noop!(call.clone().dispatch(origin).map_err(|error| error.error), DispatchError::BadOrigin);
		}
		let bare = UncheckedExtrinsic::new_bare(call);
		assert!(validate(bare.clone()).is_err());
		assert_eq!(apply(bare), Ok(Err(DispatchError::BadOrigin)));
	});
}

#[test]
fn errors_should_have_names_when_a_call_is_let_in_wrongly() {
	build_and_execute(|| {
		let release = published_release();
		let attest = |validator, release, round| {
			let signature = attester_pair(validator).sign(b"").into();
			let origin = frame_system::RawOrigin::Authorized.into();
			Firmware::attest(origin, attester(validator), release, round, Available, signature)
		};
		assert_noop!(attest(99, release, 0), Error::<Test>::NotAttester);
		assert_noop!(attest(11, release + 1, 0), Error::<Test>::UnknownRelease);
		assert_noop!(attest(11, release, 1), Error::<Test>::RoundNotOpen);
		assert_ok!(vote(11, release, 0, Available).unwrap());
		assert_noop!(attest(11, release, 0), Error::<Test>::AlreadyVoted);
	});
}

#[test]
fn undecided_round_should_be_followed_by_the_next_at_its_end() {
	build_and_execute(|| {
		let release = published_release();
		let opened = System::block_number();
		assert_ok!(vote(11, release, 0, Available).unwrap());
		assert_eq!(refused(12, release, 1, Available), invalid(InvalidTransaction::Future));

		System::set_block_number(opened + RETRY - 1);
		assert_eq!(Firmware::attestations(release).unwrap().round, 0);
		System::set_block_number(opened + RETRY);
		assert_eq!(refused(12, release, 0, Available), invalid(InvalidTransaction::Stale));
		let details = Firmware::attestations(release).unwrap();
		assert_eq!((details.round, details.opens_at, details.closes_at), (1, opened + RETRY, Some(opened + 2 * RETRY)));
		assert_eq!((details.votes_round, details.votes.len()), (0, 1));

		// Votes of one round do not count in another. An attester that voted before votes again.
		assert_ok!(vote(12, release, 1, Available).unwrap());
		assert_eq!(state(release), ReleaseState::Pending);
		assert_ok!(vote(11, release, 1, Available).unwrap());
		assert_eq!(state(release), ReleaseState::Available);
	});
}

#[test]
fn rounds_without_votes_should_pass_by_themselves() {
	build_and_execute(|| {
		let release = published_release();
		System::set_block_number(1 + 7 * RETRY + 3);
		assert_eq!(refused(11, release, 6, Available), invalid(InvalidTransaction::Stale));
		assert_eq!(refused(11, release, 8, Available), invalid(InvalidTransaction::Future));
		assert_ok!(vote(11, release, 7, Available).unwrap());
		let round = Rounds::<Test>::get(release).unwrap();
		assert_eq!((round.number, round.opened_at), (7, 1 + 7 * RETRY));
	});
}

#[test]
fn decided_release_should_be_checked_again_later() {
	build_and_execute(|| {
		let release = published_release();
		System::set_block_number(4);
		for validator in [11, 12] {
			assert_ok!(vote(validator, release, 0, Available).unwrap());
		}
		// The decision ends the round.
		assert_eq!(refused(13, release, 0, Available), invalid(InvalidTransaction::Stale));
		assert_eq!(refused(13, release, 1, Available), invalid(InvalidTransaction::Future));
		let details = Firmware::attestations(release).unwrap();
		assert_eq!((details.round, details.opens_at, details.closes_at), (1, 4 + RECHECK, None));
		assert_eq!((details.decided_at, details.votes_round, details.votes.len()), (Some(4), 0, 2));

		System::set_block_number(4 + RECHECK - 1);
		assert_eq!(refused(13, release, 1, Available), invalid(InvalidTransaction::Future));
		System::set_block_number(4 + RECHECK);
		for validator in [12, 13] {
			assert_ok!(vote(validator, release, 1, Unreachable).unwrap());
		}
		assert_eq!(state(release), ReleaseState::Unavailable);

		// Found available again. Confirming a state does not change it.
		for (round, changes) in [(2, 3), (3, 3)] {
			System::set_block_number(4 + round * RECHECK);
			for validator in [11, 13] {
				assert_ok!(vote(validator, release, round, Available).unwrap());
			}
			assert_eq!(state(release), ReleaseState::Available);
			let changed = |event: &&Event<Test>| matches!(event, Event::ReleaseStateChanged { .. });
			assert_eq!(events().iter().filter(changed).count(), changes);
		}
	});
}

#[test]
fn undecided_recheck_should_leave_the_state() {
	build_and_execute(|| {
		let release = published_release();
		for validator in [11, 12] {
			assert_ok!(vote(validator, release, 0, Available).unwrap());
		}
		System::set_block_number(1 + RECHECK + 5 * RETRY);
		assert_ok!(vote(11, release, 6, Mismatch).unwrap());
		assert_eq!(state(release), ReleaseState::Available);
	});
}

#[test]
fn periods_should_be_read_when_they_change() {
	build_and_execute(|| {
		let release = published_release();
		RetryPeriod::set(0);
		assert_eq!(Rounds::<Test>::get(release).unwrap().phase(3), Phase::Open { number: 2, opened_at: 3, closes_at: 4 });
		RetryPeriod::set(u32::MAX);
		let forever = Phase::Open { number: 0, opened_at: 1, closes_at: u32::MAX };
		assert_eq!(Rounds::<Test>::get(release).unwrap().phase(u32::MAX - 1), forever);
	});
}

#[test]
fn votes_of_former_attesters_should_not_count() {
	build_and_execute(|| {
		let release = published_release();
		assert_ok!(vote(11, release, 0, Mismatch).unwrap());
		let keys = [12, 13, 14].map(|validator| (validator, attester(validator)));
		let handed = || keys.iter().map(|(who, key)| (who, key.clone()));
		Firmware::on_new_session(true, handed(), handed());
		assert_eq!(refused(11, release, 0, Available), invalid(InvalidTransaction::BadSigner));
		assert_ok!(vote(12, release, 0, Mismatch).unwrap());
		assert_eq!(state(release), ReleaseState::Pending);
		assert_eq!(Rounds::<Test>::get(release).unwrap().votes.len(), 1);
		assert_ok!(vote(14, release, 0, Mismatch).unwrap());
		assert_eq!(state(release), ReleaseState::Unavailable);
	});
}

#[test]
fn attesters_should_be_those_of_the_session() {
	let sorted = |validators: &[AccountId]| {
		let mut keys: Vec<_> = validators.iter().map(|who| attester(*who)).collect();
		keys.sort();
		keys
	};
	build_and_execute(|| {
		assert_eq!(Attesters::<Test>::get().into_inner(), sorted(&VALIDATORS));
		NextValidators::set(vec![11, 13]);
		// One session plans the validators, the next one begins with them.
		Session::rotate_session();
		Session::rotate_session();
		assert_eq!(Attesters::<Test>::get().into_inner(), sorted(&[11, 13]));
		let release = published_release();
		assert_eq!(refused(12, release, 0, Available), invalid(InvalidTransaction::BadSigner));
	});
}

#[test]
fn attesters_beyond_the_most_should_be_left_out() {
	let validators: Vec<AccountId> = (11..18).collect();
	execute(ext_with(&validators), || {
		let attesters = Attesters::<Test>::get();
		assert_eq!(attesters.len(), 5);
		let mut keys: Vec<_> = validators.iter().map(|who| attester(*who)).collect();
		keys.sort();
		assert_eq!(attesters[..], keys[..5]);
	});
}

#[test]
fn nobody_should_decide_when_there_are_no_attesters() {
	execute(ext_with(&[]), || {
		let release = published_release();
		assert_eq!(refused(11, release, 0, Available), invalid(InvalidTransaction::BadSigner));
		assert_eq!(Firmware::attestations(release).unwrap().needed, 1);
	});
}

/// A vote in a random sequence, and the outcome that a plain model of the rules expects.
#[derive(Clone, Debug)]
struct Step {
	wait: u32,
	validator: AccountId,
	late: u32,
	verdict: Verdict,
}

fn step() -> impl Strategy<Value = Step> {
	let verdict = prop_oneof![3 => Just(Available), 1 => Just(Unreachable), 1 => Just(Mismatch)];
	(0u32..30, 11u64..15, 0u32..8, verdict).prop_map(|(wait, validator, late, verdict)| Step {
		wait,
		validator,
		late,
		verdict,
	})
}

/// A plain model of the rounds of one release.
#[derive(Default)]
pub(super) struct ReleaseVotes {
	pub(super) round: u32,
	opens_at: u32,
	votes: std::collections::BTreeMap<AccountId, bool>,
	/// The last decision: `true` if it found the release available.
	pub(super) state: Option<bool>,
}

impl ReleaseVotes {
	pub(super) fn opening_at(block: u32) -> Self {
		Self { opens_at: block, ..Default::default() }
	}

	pub(super) fn advance(&mut self, now: u32) {
		while now >= self.opens_at + RETRY {
			self.round += 1;
			self.opens_at += RETRY;
			self.votes.clear();
		}
	}

	/// Whether the rules accept the vote.
	pub(super) fn vote(&mut self, now: u32, who: AccountId, round: u32, available: bool) -> bool {
		self.advance(now);
		let open = now >= self.opens_at && round == self.round;
		if !open || !VALIDATORS.contains(&who) || self.votes.contains_key(&who) {
			return false;
		}
		self.votes.insert(who, available);
		let same = self.votes.values().filter(|vote| **vote == available).count();
		if same >= 2 {
			self.state = Some(available);
			self.round += 1;
			self.opens_at = now + RECHECK;
			self.votes.clear();
		}
		true
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

	#[test]
	fn any_votes_should_do_what_the_rules_say(steps in proptest::collection::vec(step(), 1..60)) {
		build_and_execute(|| {
			let release = published_release();
			let mut model = ReleaseVotes::opening_at(1);
			for Step { wait, validator, late, verdict } in steps {
				System::set_block_number(System::block_number() + wait);
				let now = System::block_number();
				model.advance(now);
				// Mostly the open round, sometimes another.
				let round = if late == 0 { model.round + 1 } else { model.round };
				let taken = vote(validator, release, round, verdict).is_ok();
				assert_eq!(taken, model.vote(now, validator, round, verdict == Available));
				let expected = match model.state {
					None => ReleaseState::Pending,
					Some(true) => ReleaseState::Available,
					Some(false) => ReleaseState::Unavailable,
				};
				assert_eq!(state(release), expected);
				Firmware::try_state_rounds().unwrap();
			}
		});
	}
}
