use super::{
	chain::{events, Chain},
	collators::{accounts, dismiss, join, root, set_new_keys, validators, voters},
};
use crate::{
	currency::deposit, AccountId, Balances, BlockNumber, CollatorSelection, Grandpa, Runtime, RuntimeCall, RuntimeEvent,
	RuntimeHoldReason, RuntimeOrigin, Session, SessionKeys, UNIT,
};
use codec::Encode;
use frame_support::{
	assert_noop, assert_ok,
	traits::{fungible::InspectHold, OneSessionHandler},
};
use sp_consensus_grandpa::AuthorityId;
use sp_keyring::{
	Ed25519Keyring,
	Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve},
};

const PRESET: &str = "local_testnet";

#[test]
fn joined_collator_should_author_but_neither_vote_nor_attest() {
	let mut chain = Chain::new(PRESET);
	let before = chain.with(|| (voters(), pallet_firmware::Attesters::<Runtime>::get()));
	let keys = join(&mut chain, Charlie);
	chain.run_to(21);
	chain.with(|| {
		assert_eq!(validators(), accounts(&[Alice, Bob, Charlie]));
		assert!(pallet_aura::Authorities::<Runtime>::get().contains(&keys.aura));
		assert_eq!((voters(), pallet_firmware::Attesters::<Runtime>::get()), before);
		assert_eq!(Grandpa::current_set_id(), 0);
		assert_eq!(Balances::reserved_balance(Charlie.to_account_id()), 100 * UNIT + deposit(4, 400));
		assert_eq!(
			Balances::balance_on_hold(
				&RuntimeHoldReason::Session(pallet_session::HoldReason::Keys),
				&Charlie.to_account_id()
			),
			deposit(4, 400)
		);
	});
	chain.run_to(24);
	chain.with(|| assert!(pallet_collator_selection::LastAuthoredBlock::<Runtime>::get(Charlie.to_account_id()) > 20));
}

#[test]
fn session_should_change_nothing_when_the_set_is_the_same() {
	let mut chain = Chain::new(PRESET);
	for session in 1..5 {
		chain.run_to(session * 10);
		chain.with(|| {
			assert_eq!(Session::current_index(), session);
			assert!(!pallet_session::QueuedChanged::<Runtime>::get());
			assert!(!events().contains(&RuntimeEvent::Session(pallet_session::Event::NewQueued)));
			assert_eq!(Grandpa::current_set_id(), 0);
		});
	}
}

#[test]
fn set_should_change_once_when_a_collator_joins() {
	let mut chain = Chain::new(PRESET);
	join(&mut chain, Charlie);
	chain.run_to(10);
	chain.with(|| assert!(events().contains(&RuntimeEvent::Session(pallet_session::Event::NewQueued))));
	for session in 2..6 {
		chain.run_to(session * 10);
		chain.with(|| {
			assert!(!events().contains(&RuntimeEvent::Session(pallet_session::Event::NewQueued)), "session {session}");
			assert_eq!(validators(), accounts(&[Alice, Bob, Charlie]));
		});
	}
}

#[test]
fn vote_should_go_when_the_appointment_is_withdrawn() {
	let mut chain = Chain::new(PRESET);
	let remove = pallet_collator_selection::Call::remove_invulnerable { who: Bob.to_account_id() };
	chain.author(root(RuntimeCall::CollatorSelection(remove)));
	chain.run_to(10);
	chain.with(|| {
		assert_eq!(voters().len(), 1);
		assert_eq!(Grandpa::current_set_id(), 1);
		assert_eq!(pallet_firmware::Attesters::<Runtime>::get().into_inner(), [Alice.public().into()]);
	});
	chain.run_to(41);
	chain.with(|| {
		assert_eq!(validators(), accounts(&[Alice]));
		assert_eq!(Grandpa::current_set_id(), 1);
	});
}

#[test]
fn vote_should_come_when_a_collator_is_appointed() {
	let mut chain = Chain::new(PRESET);
	let keys = join(&mut chain, Charlie);
	let appoint = pallet_collator_selection::Call::add_invulnerable { who: Charlie.to_account_id() };
	chain.author(root(RuntimeCall::CollatorSelection(appoint)));
	chain.run_to(20);
	chain.with(|| {
		assert!(voters().contains(&keys.grandpa));
		assert!(pallet_firmware::Attesters::<Runtime>::get().contains(&keys.attester));
		assert_eq!(Grandpa::current_set_id(), 1);
	});
}

#[test]
fn voters_should_stay_when_no_appointed_collator_is_left() {
	let mut chain = Chain::new(PRESET);
	let before = chain.with(|| (voters(), pallet_firmware::Attesters::<Runtime>::get()));
	join(&mut chain, Charlie);
	let none = pallet_collator_selection::Call::set_invulnerables { new: vec![] };
	chain.author(root(RuntimeCall::CollatorSelection(none)));
	chain.run_to(41);
	chain.with(|| {
		assert_eq!(validators(), accounts(&[Charlie]));
		assert_eq!((voters(), pallet_firmware::Attesters::<Runtime>::get()), before);
	});
}

#[test]
fn authors_should_stay_when_nobody_is_left_to_choose() {
	let mut chain = Chain::new(PRESET);
	chain.with(pallet_collator_selection::Invulnerables::<Runtime>::kill);
	chain.run_to(41);
	chain.with(|| assert_eq!(validators(), accounts(&[Alice, Bob])));
}

#[test]
fn idle_collator_should_be_kicked_after_several_sessions() {
	let mut chain = Chain::new(PRESET);
	join(&mut chain, Charlie);
	chain.run_to(21);
	let charlie =
		chain.with(|| Session::validators().iter().position(|who| *who == Charlie.to_account_id()).unwrap()) as u64;
	// A new candidate has six sessions, and then six more without a block.
	while chain.with(Session::current_index) < 13 {
		let still_in = chain.with(|| Session::validators().len()) == 3;
		chain.author_if(|place| !still_in || place != charlie, vec![]);
	}
	chain.with(|| assert!(pallet_collator_selection::CandidateList::<Runtime>::get().is_empty()));
	chain.run_to(160);
	chain.with(|| {
		assert_eq!(validators(), accounts(&[Alice, Bob]));
		assert_eq!(Balances::reserved_balance(Charlie.to_account_id()), deposit(4, 400));
	});
}

#[test]
fn collator_should_leave_the_set_when_it_withdraws_its_keys() {
	let mut chain = Chain::new(PRESET);
	join(&mut chain, Charlie);
	chain.run_to(21);
	chain.author(vec![(Charlie, RuntimeCall::Session(pallet_session::Call::purge_keys {}))]);
	chain.run_to(41);
	chain.with(|| {
		assert_eq!(validators(), accounts(&[Alice, Bob]));
		assert!(!events().contains(&RuntimeEvent::Session(pallet_session::Event::NewQueued)));
	});
}

#[test]
fn keys_should_be_refused_when_the_proof_is_another_accounts() {
	let mut chain = Chain::new(PRESET);
	chain.with(|| {
		let generated = SessionKeys::generate(&Dave.to_account_id().encode(), None);
		let (charlie, proof) = (RuntimeOrigin::signed(Charlie.to_account_id()), generated.proof.encode());
		assert_noop!(
			Session::set_keys(charlie.clone(), generated.keys.clone(), proof.clone()),
			pallet_session::Error::<Runtime>::InvalidProof
		);
		assert_noop!(
			CollatorSelection::register_as_candidate(charlie),
			pallet_collator_selection::Error::<Runtime>::ValidatorNotRegistered
		);
		assert_ok!(Session::set_keys(RuntimeOrigin::signed(Dave.to_account_id()), generated.keys, proof));
	});
}

#[test]
fn bonded_authors_should_never_vote_whatever_root_does() {
	let mut chain = Chain::new(PRESET);
	let appointed = chain.with(voters);
	let bonded = [Charlie, Dave, Eve].map(|who| join(&mut chain, who).grandpa);
	let check = |chain: &mut Chain, expected: &[AuthorityId]| {
		let until = chain.with(Session::current_index) + 3;
		while chain.with(Session::current_index) < until {
			chain.author(vec![]);
			chain.with(|| {
				assert!(!voters().iter().any(|voter| bonded.contains(voter)), "{:?}", voters());
				assert!(Grandpa::pending_change()
					.is_none_or(|change| { !change.next_authorities.iter().any(|(voter, _)| bonded.contains(voter)) }));
			});
		}
		chain.with(|| assert_eq!(voters(), expected));
	};
	check(&mut chain, &appointed);
	chain.with(|| assert_eq!(validators(), accounts(&[Alice, Bob, Charlie, Dave, Eve])));

	// Finality has stalled, and root makes the same voters start over.
	let stalled = pallet_grandpa::Call::note_stalled { delay: 2, best_finalized_block_number: 1 };
	chain.author(root(RuntimeCall::Grandpa(stalled)));
	check(&mut chain, &appointed);
	chain.with(|| assert_eq!(Grandpa::current_set_id(), 1));

	// A dismissed voter bonds like anybody else.
	dismiss(&mut chain, Bob);
	chain.author(vec![(Bob, RuntimeCall::CollatorSelection(pallet_collator_selection::Call::register_as_candidate {}))]);
	let alice = [Ed25519Keyring::Alice.public().into()];
	check(&mut chain, &alice);
	chain.with(|| assert_eq!(validators(), accounts(&[Alice, Bob, Charlie, Dave, Eve])));

	// A voter registers other keys, then the last voter is dismissed. Only bonded collators are
	// left.
	let keys = set_new_keys(&mut chain, Alice);
	check(&mut chain, std::slice::from_ref(&keys.grandpa));
	dismiss(&mut chain, Alice);
	check(&mut chain, std::slice::from_ref(&keys.grandpa));
	let stalled = pallet_grandpa::Call::note_stalled { delay: 2, best_finalized_block_number: 1 };
	chain.author(root(RuntimeCall::Grandpa(stalled)));
	check(&mut chain, &[keys.grandpa]);
	chain.with(|| assert_eq!(validators(), accounts(&[Bob, Charlie, Dave, Eve])));
}

#[test]
fn disabled_collator_should_be_counted_among_the_appointed() {
	let mut chain = Chain::new(PRESET);
	let logs_of = |chain: &mut Chain, index: u32| {
		chain.with(|| {
			let before = crate::System::digest().logs.len();
			<crate::session::Appointed<crate::Voters> as OneSessionHandler<AccountId>>::on_disabled(index);
			crate::System::digest().logs.split_off(before)
		})
	};
	join(&mut chain, Charlie);
	chain.run_to(21);
	let places = chain.with(Session::validators);
	let place = |who: Sr25519Keyring| places.iter().position(|other| *other == who.to_account_id()).unwrap() as u32;
	assert!(logs_of(&mut chain, place(Charlie)).is_empty());
	assert!(logs_of(&mut chain, 99).is_empty());
	let disabled = |index: u64| {
		sp_runtime::DigestItem::Consensus(
			sp_consensus_grandpa::GRANDPA_ENGINE_ID,
			sp_consensus_grandpa::ConsensusLog::<BlockNumber>::OnDisabled(index).encode(),
		)
	};
	let appointed = accounts(&[Alice, Bob]);
	for who in [Alice, Bob] {
		let index = appointed.iter().position(|other| *other == who.to_account_id()).unwrap() as u64;
		assert_eq!(logs_of(&mut chain, place(who)), [disabled(index)]);
	}
}
