//! Equivocations: two votes of a voter in one round, with real keys and signatures.

use super::{
	chain::{events, signed, Chain},
	collators::{accounts, appoint, appointed, dismiss, join, set_new_keys, validators, voters},
};
use crate::{
	configs::KeyOwnerProof, AccountId, Block, BlockNumber, Executive, Grandpa, Hash, Header, Runtime, RuntimeCall,
	RuntimeEvent, System, UncheckedExtrinsic, Voters,
};
use codec::{Decode, Encode};
use finality_grandpa::{Equivocation as Votes, Message};
use pallet_grandpa::Error;
use pallet_voters::{Event, Offences, Sets, KEPT_SETS};
use sp_consensus_grandpa::{
	localized_payload, runtime_decl_for_grandpa_api::GrandpaApi, AuthorityId, Equivocation, EquivocationProof,
	OpaqueKeyOwnershipProof, Precommit, Prevote, RoundNumber, SetId, KEY_TYPE,
};
use sp_keyring::{
	Ed25519Keyring,
	Sr25519Keyring::{Alice, Bob, Charlie, Dave},
};
use sp_runtime::{
	transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidity},
	RuntimeAppPublic,
};

type Proof = EquivocationProof<Hash, BlockNumber>;

/// A chain with two voters, Alice and Bob. Its keystore holds their keys and Eve's.
fn chain() -> Chain {
	let mut chain = Chain::new("local_testnet");
	chain.with(|| {
		for voter in ["//Alice", "//Bob", "//Eve"] {
			sp_io::crypto::ed25519_generate(KEY_TYPE, Some(voter.into()));
		}
	});
	chain
}

fn key(who: Ed25519Keyring) -> AuthorityId {
	who.public().into()
}

fn bob() -> AuthorityId {
	key(Ed25519Keyring::Bob)
}

/// A proof that `voter` prevoted for both targets in a round, with `signer`'s signatures over votes
/// of `signed_round`.
fn prevotes(
	voter: &AuthorityId,
	signer: &AuthorityId,
	set_id: SetId,
	(round_number, signed_round): (RoundNumber, RoundNumber),
	targets: [u8; 2],
) -> Proof {
	let [first, second] = targets.map(|target| {
		let vote = Prevote::<Header> { target_hash: Hash::repeat_byte(target), target_number: 7 };
		let payload = localized_payload(signed_round, set_id, &Message::Prevote(vote.clone()));
		(vote, signer.sign(&payload).unwrap())
	});
	let votes = Votes { round_number, identity: voter.clone(), first, second };
	EquivocationProof::new(set_id, Equivocation::Prevote(votes))
}

/// Two prevotes of a voter for different blocks.
fn double_prevote(voter: &AuthorityId, set_id: SetId, round: RoundNumber) -> Proof {
	prevotes(voter, voter, set_id, (round, round), [1, 2])
}

/// Two precommits of a voter for different blocks.
fn double_precommit(voter: &AuthorityId, set_id: SetId, round_number: RoundNumber) -> Proof {
	let [first, second] = [1, 2].map(|target| {
		let vote = Precommit::<Header> { target_hash: Hash::repeat_byte(target), target_number: 7 };
		let payload = localized_payload(round_number, set_id, &Message::Precommit(vote.clone()));
		(vote, voter.sign(&payload).unwrap())
	});
	EquivocationProof::new(set_id, Equivocation::Precommit(Votes { round_number, identity: voter.clone(), first, second }))
}

/// The report that a block author includes.
fn report(proof: &Proof) -> UncheckedExtrinsic {
	UncheckedExtrinsic::new_bare(RuntimeCall::Grandpa(pallet_grandpa::Call::report_equivocation_unsigned {
		equivocation_proof: Box::new(proof.clone()),
		key_owner_proof: KeyOwnerProof::default(),
	}))
}

/// The report that any account can send.
fn signed_report(proof: &Proof) -> RuntimeCall {
	RuntimeCall::Grandpa(pallet_grandpa::Call::report_equivocation {
		equivocation_proof: Box::new(proof.clone()),
		key_owner_proof: KeyOwnerProof::default(),
	})
}

fn submit(proof: &Proof, ownership: OpaqueKeyOwnershipProof) -> Option<()> {
	<Runtime as GrandpaApi<Block>>::submit_report_equivocation_unsigned_extrinsic(proof.clone(), ownership)
}

fn validate(chain: &mut Chain, source: TransactionSource, transaction: UncheckedExtrinsic) -> TransactionValidity {
	chain.with(|| Executive::validate_transaction(source, transaction, System::parent_hash()))
}

/// Includes a report in a block, which must accept it.
fn author_report(chain: &mut Chain, proof: &Proof) {
	assert_eq!(chain.author_if(|_| true, vec![report(proof)]), [Ok(Ok(()))]);
}

fn equivocated(who: AccountId, set_id: SetId, round: RoundNumber, removed: bool) -> RuntimeEvent {
	RuntimeEvent::Voters(Event::Equivocated { who, set_id, round, removed })
}

fn attesters() -> usize {
	pallet_firmware::Attesters::<Runtime>::get().len()
}

/// Asserts that both ways of reporting fail and that nothing changes.
fn assert_refused(chain: &mut Chain, proof: &Proof, invalid: InvalidTransaction, error: Error<Runtime>) {
	let before = chain.with(appointed);
	assert_eq!(validate(chain, TransactionSource::Local, report(proof)), Err(invalid.into()), "{proof:?}");
	let by_account = chain.with(|| signed(Dave, signed_report(proof)));
	assert_eq!(
		chain.author_if(|_| true, vec![report(proof), by_account]),
		[Err(invalid.into()), Ok(Err(error.into()))],
		"{proof:?}"
	);
	chain.with(|| {
		assert_eq!(appointed(), before, "{proof:?}");
		assert!(!events().iter().any(|event| matches!(event, RuntimeEvent::Voters(_))), "{proof:?}");
	});
}

#[test]
fn voter_should_lose_its_vote_when_a_node_reports_its_equivocation() {
	let mut chain = chain();
	let proof = chain.with(|| double_prevote(&bob(), 0, 3));

	// GRANDPA's voter does this by itself.
	let sent = chain.sent_by(|| {
		let ownership = <Runtime as GrandpaApi<Block>>::generate_key_ownership_proof(0, bob()).unwrap();
		assert_eq!(submit(&proof, ownership), Some(()));
	});
	let transaction = report(&proof);
	assert_eq!(sent, std::slice::from_ref(&transaction));
	let valid = validate(&mut chain, TransactionSource::Local, transaction.clone()).unwrap();
	// An hour, in blocks of one second.
	assert!(!valid.propagate && valid.longevity == 3_600);
	assert_eq!(validate(&mut chain, TransactionSource::External, transaction.clone()), Err(InvalidTransaction::Call.into()));

	assert_eq!(chain.author_if(|_| true, vec![transaction]), [Ok(Ok(()))]);
	chain.with(|| {
		assert!(events().contains(&equivocated(Bob.to_account_id(), 0, 3, true)));
		assert_eq!(appointed(), accounts(&[Alice]));
		assert_eq!((voters().len(), attesters()), (2, 2));
	});
	chain.run_to(10);
	chain.with(|| {
		assert_eq!(voters(), [key(Ed25519Keyring::Alice)]);
		assert_eq!(attesters(), 1);
		assert_eq!(Grandpa::current_set_id(), 1);
	});
	chain.run_to(30);
	chain.with(|| assert_eq!(validators(), accounts(&[Alice])));
}

#[test]
fn equivocation_should_count_once_and_other_rounds_of_the_set_not_at_all() {
	let mut chain = chain();
	let proofs = chain.with(|| [double_prevote(&bob(), 0, 3), double_precommit(&bob(), 0, 3), double_prevote(&bob(), 0, 4)]);
	author_report(&mut chain, &proofs[1]);
	for proof in &proofs {
		assert_refused(&mut chain, proof, InvalidTransaction::Stale, Error::DuplicateOffenceReport);
	}
	chain.run_to(40);
	for proof in &proofs {
		assert_refused(&mut chain, proof, InvalidTransaction::Stale, Error::DuplicateOffenceReport);
	}
}

#[test]
fn report_by_an_account_should_be_free_when_it_is_right() {
	let mut chain = chain();
	let before = chain.with(|| crate::Balances::free_balance(Dave.to_account_id()));
	let proof = chain.with(|| double_precommit(&bob(), 0, 1));
	chain.author(vec![(Dave, signed_report(&proof))]);
	chain.with(|| {
		assert_eq!(appointed(), accounts(&[Alice]));
		assert_eq!(crate::Balances::free_balance(Dave.to_account_id()), before);
	});
}

#[test]
fn forged_report_should_be_refused() {
	let mut chain = chain();
	let bonded = join(&mut chain, Charlie).grandpa;
	chain.run_to(21);
	let alice = key(Ed25519Keyring::Alice);
	let forged = chain.with(|| {
		[
			("the same vote twice", prevotes(&bob(), &bob(), 0, (1, 1), [1, 1])),
			("another voter's signatures", prevotes(&bob(), &alice, 0, (1, 1), [1, 2])),
			("votes of another round", prevotes(&bob(), &bob(), 0, (1, 2), [1, 2])),
		]
	});
	for (what, proof) in forged {
		println!("{what}");
		assert_refused(&mut chain, &proof, InvalidTransaction::BadProof, Error::InvalidEquivocationProof);
	}
	let strangers = chain.with(|| {
		[
			("a bonded author, who has no vote", double_prevote(&bonded, 0, 1)),
			("a set that is not yet", double_prevote(&bob(), 1, 1)),
		]
	});
	for (what, proof) in strangers {
		println!("{what}");
		assert_refused(&mut chain, &proof, InvalidTransaction::BadProof, Error::InvalidKeyOwnershipProof);
		chain.with(|| {
			let prove = <Runtime as GrandpaApi<Block>>::generate_key_ownership_proof;
			assert_eq!(prove(proof.set_id(), proof.offender().clone()), None);
		});
	}
	// Votes of another set under this set's id.
	let other_set = chain.with(|| double_prevote(&bob(), 1, 1));
	let moved = EquivocationProof::new(0, equivocation_of(&other_set));
	assert_refused(&mut chain, &moved, InvalidTransaction::BadProof, Error::InvalidEquivocationProof);
}

/// The equivocation inside a proof.
fn equivocation_of(proof: &Proof) -> Equivocation<Hash, BlockNumber> {
	let bytes = proof.encode();
	Equivocation::decode(&mut &bytes[size_of::<SetId>()..]).unwrap()
}

#[test]
fn ownership_proof_should_say_nothing_that_the_chain_does_not_know() {
	let mut chain = chain();
	let proof = chain.with(|| double_prevote(&key(Ed25519Keyring::Eve), 0, 1));
	let sent = chain.sent_by(|| submit(&proof, OpaqueKeyOwnershipProof::new(b"I am a voter".to_vec())));
	assert_eq!(validate(&mut chain, TransactionSource::Local, sent[0].clone()), Err(InvalidTransaction::BadProof.into()));
}

#[test]
fn offender_should_not_escape_by_registering_other_keys() {
	let mut chain = chain();
	let proof = chain.with(|| double_prevote(&bob(), 0, 1));
	let keys = set_new_keys(&mut chain, Bob);
	chain.run_to(31);
	chain.with(|| assert!(voters().contains(&keys.grandpa) && !voters().contains(&bob())));
	author_report(&mut chain, &proof);
	chain.run_to(40);
	chain.with(|| assert_eq!(voters(), [key(Ed25519Keyring::Alice)]));
}

#[test]
fn voter_should_vote_again_when_it_is_appointed_again() {
	let mut chain = chain();
	let old = chain.with(|| double_prevote(&bob(), 0, 1));
	author_report(&mut chain, &old);
	chain.run_to(20);
	appoint(&mut chain, Bob);
	chain.run_to(50);
	chain.with(|| {
		assert_eq!((voters().len(), attesters()), (2, 2));
		assert!(voters().contains(&bob()));
		assert_eq!(validators(), accounts(&[Alice, Bob]));
	});
	// Earlier votes are settled; votes from now on are not.
	assert_refused(&mut chain, &old, InvalidTransaction::Stale, Error::DuplicateOffenceReport);
	let new = chain.with(|| double_prevote(&bob(), Grandpa::current_set_id(), 1));
	author_report(&mut chain, &new);
	chain.run_to(60);
	chain.with(|| assert_eq!(voters(), [key(Ed25519Keyring::Alice)]));
}

#[test]
fn last_voter_should_stay_though_it_voted_twice() {
	let mut chain = chain();
	let (bob, alice) = chain.with(|| (double_prevote(&bob(), 0, 1), double_prevote(&key(Ed25519Keyring::Alice), 0, 1)));
	// Bonded authors do not count: they cannot vote.
	join(&mut chain, Charlie);
	author_report(&mut chain, &bob);
	author_report(&mut chain, &alice);
	chain.with(|| {
		assert!(events().contains(&equivocated(Alice.to_account_id(), 0, 1, false)));
		assert_eq!(appointed(), accounts(&[Alice]));
	});
	chain.run_to(30);
	chain.with(|| assert_eq!(voters(), [key(Ed25519Keyring::Alice)]));
}

#[test]
fn voter_should_stay_when_no_other_appointed_collator_has_keys() {
	let mut chain = chain();
	chain.author(vec![(Alice, RuntimeCall::Session(pallet_session::Call::purge_keys {}))]);
	let proof = chain.with(|| double_prevote(&bob(), 0, 1));
	author_report(&mut chain, &proof);
	chain.with(|| assert_eq!(appointed(), accounts(&[Alice, Bob])));
}

#[test]
fn equivocation_in_an_earlier_set_should_count_until_the_set_is_forgotten() {
	let mut chain = chain();
	let proofs = chain.with(|| [double_prevote(&bob(), 0, 1), double_prevote(&key(Ed25519Keyring::Alice), 0, 1)]);
	set_new_keys(&mut chain, Charlie);
	let next_set = |chain: &mut Chain| {
		let set_id = chain.with(Grandpa::current_set_id);
		if chain.with(appointed).contains(&Charlie.to_account_id()) {
			dismiss(chain, Charlie);
		} else {
			appoint(chain, Charlie);
		}
		while chain.with(Grandpa::current_set_id) == set_id {
			chain.author(vec![]);
		}
	};
	for _ in 1..KEPT_SETS {
		next_set(&mut chain);
	}
	author_report(&mut chain, &proofs[0]);
	chain.with(|| {
		assert_eq!(Sets::<Runtime>::iter().count() as u64, KEPT_SETS);
		assert_eq!(Offences::<Runtime>::get(Bob.to_account_id()), Some(0));
	});
	next_set(&mut chain);
	assert_refused(&mut chain, &proofs[1], InvalidTransaction::BadProof, Error::InvalidKeyOwnershipProof);
	chain.with(|| {
		assert_eq!(Sets::<Runtime>::iter().count() as u64, KEPT_SETS);
		assert_eq!(Voters::voter(0, &bob()), None);
		assert_eq!(Offences::<Runtime>::iter().count(), 0);
	});
}
