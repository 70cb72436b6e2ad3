//! Tests of the record and of the reports.

use crate::{
	mock::{
		appoint, appointed, key, next_set, pair, test, AccountId, Grandpa, Proof, RuntimeEvent, RuntimeOrigin, System, Test,
		Voters, ALICE, BOB, CHARLIE, MAX_VOTERS, REPORT_LIFETIME,
	},
	Event, Offences, OnRecord, Sets, KEPT_SETS,
};
use finality_grandpa::{Equivocation as Votes, Message};
use frame_support::{assert_noop, assert_ok, traits::OneSessionHandler};
use pallet_grandpa::{Call, Error};
use sp_consensus_grandpa::{localized_payload, Equivocation, EquivocationProof, Prevote, RoundNumber, SetId};
use sp_core::{
	offchain::{testing::TestTransactionPoolExt, TransactionPoolExt},
	H256,
};
use sp_runtime::{
	testing::Header,
	traits::ConstU32,
	transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidity},
};
use sp_session::{GetSessionNumber, GetValidatorCount};
use sp_staking::offence::OffenceReportSystem;

type Ownership = OnRecord<ConstU32<MAX_VOTERS>>;

/// A proof that `voter` prevoted for both targets, with `signer`'s signatures.
fn prevotes(voter: AccountId, signer: AccountId, set_id: SetId, round_number: RoundNumber, targets: [u8; 2]) -> Proof {
	let [first, second] = targets.map(|target| {
		let vote = Prevote::<Header> { target_hash: H256::repeat_byte(target), target_number: 7 };
		let payload = localized_payload(round_number, set_id, &Message::Prevote(vote.clone()));
		(vote, pair(signer).sign(&payload).into())
	});
	let votes = Votes { round_number, identity: key(voter), first, second };
	EquivocationProof::new(set_id, Equivocation::Prevote(votes))
}

/// Two prevotes of a voter for different blocks.
fn equivocation(voter: AccountId, set_id: SetId, round: RoundNumber) -> Proof {
	prevotes(voter, voter, set_id, round, [1, 2])
}

fn report(proof: &Proof) -> sp_runtime::DispatchResult {
	let reporter = RuntimeOrigin::signed(CHARLIE);
	let done = Grandpa::report_equivocation(reporter, Box::new(proof.clone()), Ownership::default());
	done.map(drop).map_err(|error| error.error)
}

fn validate(proof: &Proof) -> TransactionValidity {
	let call = Call::<Test>::report_equivocation_unsigned {
		equivocation_proof: Box::new(proof.clone()),
		key_owner_proof: Ownership::default(),
	};
	Grandpa::validate_unsigned(TransactionSource::Local, &call)
}

fn equivocated(who: AccountId, set_id: SetId, round: RoundNumber, removed: bool) -> RuntimeEvent {
	Event::Equivocated { who, set_id, round, removed }.into()
}

#[test]
fn voters_should_be_on_record_from_genesis() {
	test(|| {
		assert_eq!(Sets::<Test>::get(0).into_inner(), [(key(ALICE), ALICE), (key(BOB), BOB)]);
		assert_eq!(Voters::voter(0, &key(BOB)), Some(BOB));
		assert_eq!(Voters::voter(0, &key(CHARLIE)), None);
		assert_eq!(Voters::voter(1, &key(BOB)), None);
	});
}

#[test]
fn each_set_should_be_kept_until_it_is_too_old() {
	test(|| {
		for set_id in 1..KEPT_SETS {
			next_set(&[ALICE, if set_id % 2 == 0 { BOB } else { CHARLIE }]);
			assert_eq!(Grandpa::current_set_id(), set_id);
			assert_eq!(Voters::voter(set_id, &key(CHARLIE)).is_some(), set_id % 2 == 1);
			assert_eq!(Voters::voter(0, &key(BOB)), Some(BOB));
		}
		assert_eq!(Sets::<Test>::iter().count() as u64, KEPT_SETS);
		next_set(&[ALICE, BOB]);
		assert_eq!(Sets::<Test>::iter().count() as u64, KEPT_SETS);
		assert!(!Sets::<Test>::contains_key(0) && Sets::<Test>::contains_key(1));
	});
}

#[test]
fn set_should_not_change_under_its_id() {
	test(|| {
		let voters = [(&CHARLIE, key(CHARLIE))];
		let handler = <Voters as OneSessionHandler<AccountId>>::on_new_session;
		handler(false, voters.clone().into_iter(), voters.into_iter());
		assert_eq!(Voters::voter(0, &key(CHARLIE)), None);
		assert_eq!(Voters::voter(0, &key(BOB)), Some(BOB));
	});
}

#[test]
fn offender_should_lose_its_appointment() {
	test(|| {
		assert_ok!(report(&equivocation(BOB, 0, 3)));
		assert_eq!(appointed(), [ALICE]);
		assert_eq!(Offences::<Test>::get(BOB), Some(0));
		System::assert_last_event(equivocated(BOB, 0, 3, true));
	});
}

#[test]
fn last_appointed_voter_should_stay() {
	test(|| {
		appoint(&[BOB]);
		assert_ok!(report(&equivocation(BOB, 0, 3)));
		assert_eq!(appointed(), [BOB]);
		System::assert_last_event(equivocated(BOB, 0, 3, false));
	});
}

#[test]
fn set_should_count_once_for_each_account() {
	test(|| {
		next_set(&[ALICE, BOB]);
		assert_ok!(report(&equivocation(BOB, 1, 3)));
		for known in [equivocation(BOB, 1, 3), equivocation(BOB, 1, 4), equivocation(BOB, 0, 1)] {
			assert_noop!(report(&known), Error::<Test>::DuplicateOffenceReport);
			assert_eq!(validate(&known), Err(InvalidTransaction::Stale.into()));
		}
		next_set(&[ALICE, BOB]);
		assert_ok!(report(&equivocation(BOB, 2, 1)));
		assert_eq!(Offences::<Test>::get(BOB), Some(2));
		assert_ok!(report(&equivocation(ALICE, 0, 1)));
	});
}

#[test]
fn report_should_be_refused_when_it_convicts_nobody() {
	test(|| {
		let cases = [
			(equivocation(CHARLIE, 0, 1), Error::<Test>::InvalidKeyOwnershipProof),
			(equivocation(BOB, 1, 1), Error::InvalidKeyOwnershipProof),
			(prevotes(BOB, ALICE, 0, 1, [1, 2]), Error::InvalidEquivocationProof),
			(prevotes(BOB, BOB, 0, 1, [1, 1]), Error::InvalidEquivocationProof),
		];
		for (proof, error) in cases {
			assert_noop!(report(&proof), error);
			assert_eq!(validate(&proof), Err(InvalidTransaction::BadProof.into()));
		}
		assert_eq!(appointed(), [ALICE, BOB]);
	});
}

#[test]
fn offence_should_be_forgotten_with_its_set() {
	test(|| {
		let old = equivocation(BOB, 0, 1);
		assert_ok!(report(&old));
		next_set(&[ALICE, BOB]);
		assert_ok!(report(&equivocation(ALICE, 1, 1)));
		for _ in 1..KEPT_SETS {
			next_set(&[ALICE, BOB]);
		}
		assert_eq!(Offences::<Test>::iter().collect::<Vec<_>>(), [(ALICE, 1)]);
		assert_noop!(report(&old), Error::<Test>::InvalidKeyOwnershipProof);
		next_set(&[ALICE, BOB]);
		assert_eq!(Offences::<Test>::iter().count(), 0);
	});
}

#[test]
fn later_offence_should_outlast_the_earlier_set() {
	test(|| {
		for _ in 0..5 {
			next_set(&[ALICE, BOB]);
		}
		assert_ok!(report(&equivocation(BOB, 0, 1)));
		assert_ok!(report(&equivocation(BOB, 5, 1)));
		for _ in 5..KEPT_SETS {
			next_set(&[ALICE, BOB]);
		}
		assert_eq!(Offences::<Test>::get(BOB), Some(5));
	});
}

#[test]
fn report_should_wait_in_the_pool_of_its_node() {
	let (pool, state) = TestTransactionPoolExt::new();
	test(|| {
		let proof = equivocation(BOB, 0, 1);
		let valid = validate(&proof).unwrap();
		assert!(!valid.propagate && valid.longevity == REPORT_LIFETIME);
		// A node gives its runtime the pool as one of its externalities.
		let mut node = sp_io::TestExternalities::default();
		node.register_extension(TransactionPoolExt::new(pool));
		node.execute_with(|| Voters::publish_evidence((proof, Ownership::default())).unwrap());
		assert_eq!(state.read().transactions.len(), 1);
	});
}

#[test]
fn ownership_proof_should_be_empty_and_priced_for_the_most_voters() {
	let proof = Ownership::default();
	assert!(codec::Encode::encode(&proof).is_empty());
	assert_eq!((proof.validator_count(), proof.session()), (MAX_VOTERS, 0));
}

#[cfg(feature = "try-runtime")]
mod try_state {
	use super::*;

	/// What the checks find after `change`. The change is undone.
	fn wrong(change: impl FnOnce()) -> String {
		frame_support::storage::with_transaction(|| {
			change();
			let found = Voters::do_try_state();
			sp_runtime::TransactionOutcome::Rollback(Ok::<_, sp_runtime::DispatchError>(found))
		})
		.unwrap()
		.map_or_else(|error| format!("{error:?}"), |()| String::new())
	}

	#[test]
	fn damage_should_be_found() {
		test(|| {
			assert_eq!(wrong(|| ()), "");
			let extra = |set_id: SetId| move || Sets::<Test>::insert(set_id, Sets::<Test>::get(0));
			assert!(wrong(extra(1)).contains("a set is kept that should not be"));
			let stranger = || Offences::<Test>::insert(CHARLIE, 0);
			assert!(wrong(stranger).contains("an offender was not a voter"));
			let others = || Sets::<Test>::mutate(0, |set| drop(set.pop()));
			assert!(wrong(others).contains("the current voters are not those on record"));
		});
	}
}
