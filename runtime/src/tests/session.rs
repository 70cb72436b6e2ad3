use super::chain::{events, Chain};
use crate::{
	currency::deposit,
	parameters::dynamic_params::session,
	session::{SessionLength, MIN_SESSION_LENGTH},
	AccountId, Balances, BlockNumber, CollatorSelection, Grandpa, Runtime, RuntimeCall, RuntimeEvent, RuntimeHoldReason,
	RuntimeOrigin, RuntimeParameters, Session, SessionKeys, UNIT,
};
use codec::Encode;
use frame_support::{
	assert_noop, assert_ok,
	traits::{fungible::InspectHold, Get, OneSessionHandler},
};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave};

const PRESET: &str = "local_testnet";

/// Makes fresh keys, proves them, registers them and bonds.
fn join(chain: &mut Chain, who: Sr25519Keyring) -> SessionKeys {
	let generated = chain.with(|| SessionKeys::generate(&who.to_account_id().encode(), None));
	let keys = generated.keys.clone();
	chain.author(vec![(
		who,
		RuntimeCall::Session(pallet_session::Call::set_keys { keys: generated.keys, proof: generated.proof.encode() }),
	)]);
	chain.author(vec![(who, RuntimeCall::CollatorSelection(pallet_collator_selection::Call::register_as_candidate {}))]);
	keys
}

fn accounts(keyrings: &[Sr25519Keyring]) -> Vec<AccountId> {
	let mut accounts: Vec<_> = keyrings.iter().map(|keyring| keyring.to_account_id()).collect();
	accounts.sort();
	accounts
}

fn validators() -> Vec<AccountId> {
	let mut validators = Session::validators();
	validators.sort();
	validators
}

fn voters() -> Vec<sp_consensus_grandpa::AuthorityId> {
	Grandpa::grandpa_authorities().into_iter().map(|(key, _)| key).collect()
}

fn root(call: RuntimeCall) -> Vec<(Sr25519Keyring, RuntimeCall)> {
	vec![(Alice, RuntimeCall::Sudo(pallet_sudo::Call::sudo { call: Box::new(call) }))]
}

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
	// A candidate is granted six sessions to begin, and then six without a block.
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
fn session_should_keep_a_least_length_when_the_parameter_is_zero() {
	let mut chain = Chain::new(PRESET);
	let parameter = RuntimeParameters::Session(session::Parameters::Length(session::Length, Some(0)));
	chain.author(root(RuntimeCall::Parameters(pallet_parameters::Call::set_parameter { key_value: parameter })));
	chain.run_to(15);
	chain.with(|| {
		assert_eq!(<SessionLength as Get<BlockNumber>>::get(), MIN_SESSION_LENGTH);
		assert_eq!(Session::current_index(), 3);
	});
}

#[test]
fn disabled_collator_should_be_counted_among_the_appointed() {
	let mut chain = Chain::new(PRESET);
	let logs_of = |chain: &mut Chain, index: u32| {
		chain.with(|| {
			let before = crate::System::digest().logs.len();
			<crate::session::Appointed<Grandpa> as OneSessionHandler<AccountId>>::on_disabled(index);
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
