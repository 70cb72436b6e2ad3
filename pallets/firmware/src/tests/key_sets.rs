//! How one key set replaces another.

use crate::{assert_refused, mock::*, *};
use codec::Encode;
use frame_support::assert_ok;
use sp_runtime::{ArithmeticError, DispatchError, DispatchResult, TokenError};
use waybill_primitives::{
	view::KeySetLink, IndexedSignature, KeySet, KeySetStatement, ReleaseKey, ReleaseSignature, Statement, Yank,
	YankStatement,
};

/// Signatures that meet the threshold of every registered vendor's first set, which is two of
/// three.
const OLD: &[(u8, u8)] = &[(0, 1), (2, 3)];
/// The set that follows it, and signatures that meet its threshold.
const NEW: &[(u8, u8)] = &[(1, 5), (0, 4)];

fn new_set() -> KeySet {
	key_set(2, &[4, 5])
}

fn rotate_well(vendor: AccountId) -> DispatchResult {
	rotate(vendor, new_set(), OLD, NEW)
}

/// Submits a set with signatures over another statement.
fn rotate_over(statement: KeySetStatement<AccountId>) -> DispatchResult {
	let (old, new) = (signatures(&statement, OLD), signatures(&statement, NEW));
	Firmware::rotate_key_set(RuntimeOrigin::signed(ANYONE), VENDOR, new_set(), old, new)
}

fn veto(vendor: AccountId) -> DispatchResult {
	Firmware::veto_key_set(RuntimeOrigin::signed(vendor))
}

fn version(vendor: AccountId) -> u32 {
	Vendors::<Test>::get(vendor).unwrap().key_set_version
}

fn resign(release: u64, signers: &[(u8, u8)]) -> DispatchResult {
	let statement = Releases::<Test>::get(release).unwrap().statement;
	Firmware::resign_release(RuntimeOrigin::signed(VENDOR), release, signatures(&statement, signers))
}

#[test]
fn key_set_should_be_adopted_when_both_sets_signed_and_the_delay_passed() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		System::set_block_number(7);
		assert_ok!(rotate_well(VENDOR));
		// The submitter pays the deposit: base, set, both lists of signatures, account.
		assert_eq!(held(ANYONE), DEPOSIT_BASE + (2 + 2 * 33) + 2 * (1 + 2 * 66) + 8);
		assert_eq!(version(VENDOR), 1);
		let adopt = || Firmware::adopt_key_set(RuntimeOrigin::signed(OTHER_VENDOR), VENDOR);
		for early in [7, 8, 7 + DELAY - 1] {
			System::set_block_number(early);
			assert_refused!(adopt(), Error::<Test>::TooEarly);
		}
		System::set_block_number(7 + DELAY);
		let before = held(ANYONE);
		assert_ok!(adopt());
		assert_eq!((version(VENDOR), KeySets::<Test>::get(VENDOR, 2)), (2, Some(new_set())));
		assert_eq!(KeySets::<Test>::get(VENDOR, 1), Some(key_set(2, &[1, 2, 3])));
		assert_eq!(held(ANYONE), before);
		let proposed = Event::KeySetProposed { vendor: VENDOR, version: 2, effective_at: 7 + DELAY };
		assert_eq!(events()[1..], [proposed, Event::KeySetAdopted { vendor: VENDOR, version: 2 }]);
		assert_refused!(adopt(), Error::<Test>::NoPendingKeySet);
	});
}

#[test]
fn key_set_should_be_refused_when_one_set_alone_signed() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		let rotate = |old: &[_], new: &[_]| rotate(VENDOR, new_set(), old, new);
		assert_refused!(rotate(OLD, &[]), Error::<Test>::ThresholdNotMet);
		assert_refused!(rotate(&[], NEW), Error::<Test>::ThresholdNotMet);
		// Each list of signatures in the place of the other.
		assert_refused!(rotate(OLD, &[(0, 1), (1, 2)]), Error::<Test>::BadSignature);
		assert_refused!(rotate(NEW, NEW), Error::<Test>::BadSignature);
		assert_refused!(rotate(&NEW[..1], NEW), Error::<Test>::ThresholdNotMet);
	});
}

#[test]
fn key_set_should_be_refused_when_signatures_are_wrong() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		let rotate = |old: &[_], new: &[_]| rotate(VENDOR, new_set(), old, new);
		for (old, error) in [
			(&[(0, 1)][..], Error::<Test>::ThresholdNotMet),
			(&[(0, 1), (0, 1)], Error::<Test>::DuplicateSigner),
			(&[(0, 1), (3, 3)], Error::<Test>::UnknownSigner),
			(&[(0, 1), (1, 3)], Error::<Test>::BadSignature),
			(&[(0, 1), (1, 2), (2, 9)], Error::<Test>::BadSignature),
		] {
			assert_refused!(rotate(old, NEW), error);
		}
		for (new, error) in [
			(&[(0, 4)][..], Error::<Test>::ThresholdNotMet),
			(&[(1, 5), (1, 5)], Error::<Test>::DuplicateSigner),
			(&[(0, 4), (2, 5)], Error::<Test>::UnknownSigner),
			(&[(0, 4), (1, 6)], Error::<Test>::BadSignature),
		] {
			assert_refused!(rotate(OLD, new), error);
		}
		assert_ok!(rotate(&[(2, 3), (1, 2), (0, 1)], NEW));
	});
}

#[test]
fn signatures_should_hold_for_one_vendor_set_version_and_chain_alone() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		register_vendor(OTHER_VENDOR);
		let good = key_set_statement(VENDOR, new_set());
		let others = [
			KeySetStatement { vendor: OTHER_VENDOR, ..good.clone() },
			KeySetStatement { key_set: key_set(1, &[4, 5]), ..good.clone() },
			KeySetStatement { key_set: key_set(2, &[5, 4]), ..good.clone() },
		];
		for other in others {
			assert_refused!(rotate_over(other), Error::<Test>::BadSignature);
		}
		// Only the version after the current one: no version is skipped, repeated or gone back to.
		for version in [0, 1, 3, u32::MAX] {
			assert_refused!(rotate_over(KeySetStatement { version, ..good.clone() }), Error::<Test>::BadSignature);
		}
		let foreign = good.signing_bytes(&[1; 32]);
		let sign = |signers: &[(u8, u8)]| -> Signatures {
			let sign = |(place, seed): &(u8, u8)| {
				let signature = sp_core::Pair::sign(&release_pair(*seed), &foreign).0;
				IndexedSignature { key: *place, signature: ReleaseSignature::Ed25519(signature) }
			};
			signers.iter().map(sign).collect::<Vec<_>>().try_into().unwrap()
		};
		let origin = RuntimeOrigin::signed(ANYONE);
		let foreign = Firmware::rotate_key_set(origin, VENDOR, new_set(), sign(OLD), sign(NEW));
		assert_refused!(foreign, Error::<Test>::BadSignature);
		assert_ok!(rotate_over(good));
	});
}

#[test]
fn earlier_key_set_should_not_come_back_by_its_old_signatures() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		let first = key_set_statement(VENDOR, new_set());
		assert_ok!(rotate_over(first.clone()));
		adopt(VENDOR);
		// Signed for version 2, by keys that are no longer current.
		assert_refused!(rotate_over(first), Error::<Test>::BadSignature);
		assert_refused!(rotate(VENDOR, key_set(1, &[9]), OLD, &[(0, 9)]), Error::<Test>::BadSignature);
		// The same keys may return under a new version.
		assert_ok!(rotate(VENDOR, key_set(2, &[1, 2, 3]), NEW, OLD));
		adopt(VENDOR);
		assert_eq!(version(VENDOR), 3);
	});
}

#[test]
fn key_set_should_be_refused_when_it_is_not_valid() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		let weak = KeySet { threshold: 1, keys: vec![release_key(4), ReleaseKey::Ed25519([0; 32])].try_into().unwrap() };
		for set in [key_set(0, &[4]), key_set(2, &[4]), key_set(0, &[]), key_set(1, &[]), key_set(1, &[4, 5, 4]), weak] {
			assert_refused!(rotate(VENDOR, set, OLD, &[(0, 4)]), Error::<Test>::InvalidKeySet);
		}
		let most: Vec<u8> = (10..26).collect();
		let all: Vec<(u8, u8)> = (0..16).zip(most.clone()).collect();
		assert_ok!(rotate(VENDOR, key_set(16, &most), OLD, &all));
	});
}

#[test]
fn rotation_should_be_refused_when_nobodys_pending_or_unpaid() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		let statement = key_set_statement(VENDOR, new_set());
		let bring = |who, vendor| {
			let (old, new) = (signatures(&statement, OLD), signatures(&statement, NEW));
			Firmware::rotate_key_set(RuntimeOrigin::signed(who), vendor, new_set(), old, new)
		};
		assert_refused!(bring(ANYONE, OTHER_VENDOR), Error::<Test>::UnknownVendor);
		assert_refused!(bring(POOR, VENDOR), TokenError::FundsUnavailable);
		assert_ok!(bring(ANYONE, VENDOR));
		assert_refused!(bring(ANYONE, VENDOR), Error::<Test>::RotationPending);
		assert_refused!(rotate(VENDOR, key_set(1, &[9]), OLD, &[(0, 9)]), Error::<Test>::RotationPending);
		// Another vendor's waiting set does not get in the way.
		register_vendor(OTHER_VENDOR);
		assert_ok!(rotate_well(OTHER_VENDOR));
		for origin in [RuntimeOrigin::none(), RuntimeOrigin::root()] {
			let none = Signatures::default();
			let rotate = Firmware::rotate_key_set(origin.clone(), VENDOR, new_set(), none.clone(), none.clone());
			assert_refused!(rotate, DispatchError::BadOrigin);
			assert_refused!(Firmware::veto_key_set(origin.clone()), DispatchError::BadOrigin);
			assert_refused!(Firmware::adopt_key_set(origin.clone(), VENDOR), DispatchError::BadOrigin);
			assert_refused!(Firmware::resign_release(origin, 0, none), DispatchError::BadOrigin);
		}
	});
}

#[test]
fn last_version_should_not_be_followed() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		let none = Signatures::default();
		let real = Vendors::<Test>::get(VENDOR);
		Vendors::<Test>::mutate_extant(VENDOR, |vendor| vendor.key_set_version = u32::MAX);
		let rotate = Firmware::rotate_key_set(RuntimeOrigin::signed(ANYONE), VENDOR, new_set(), none.clone(), none);
		assert_refused!(rotate, ArithmeticError::Overflow);
		Vendors::<Test>::set(VENDOR, real);
	});
}

#[test]
fn vetoed_key_set_should_never_be_brought_again() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		register_vendor(OTHER_VENDOR);
		assert_ok!(rotate_well(VENDOR));
		let deposit = held(ANYONE);
		// Only the vendor's account can veto.
		assert_refused!(veto(OTHER_VENDOR), Error::<Test>::NoPendingKeySet);
		assert_refused!(veto(ANYONE), Error::<Test>::NoPendingKeySet);
		assert_ok!(veto(VENDOR));
		assert_eq!(events().last(), Some(&Event::KeySetVetoed { vendor: VENDOR, version: 2 }));
		assert_refused!(veto(VENDOR), Error::<Test>::NoPendingKeySet);
		assert_eq!((version(VENDOR), Firmware::pending_key_set(VENDOR), held(ANYONE)), (1, None, deposit));

		assert_refused!(rotate_well(VENDOR), Error::<Test>::RotationVetoed);
		// The veto covers the statement, whichever of the keys signed it.
		let others = rotate(VENDOR, new_set(), &[(0, 1), (1, 2)], &[(0, 4), (1, 5)]);
		assert_refused!(others, Error::<Test>::RotationVetoed);
		System::set_block_number(10 * DELAY);
		assert_refused!(rotate_well(VENDOR), Error::<Test>::RotationVetoed);
		// Another vendor's statement differs, and so does another set, or the same set under a
		// later version.
		assert_ok!(rotate_well(OTHER_VENDOR));
		assert_ok!(rotate(VENDOR, key_set(1, &[4, 5]), OLD, &[(0, 4)]));
		adopt(VENDOR);
		assert_ok!(rotate(VENDOR, new_set(), &[(0, 4)], NEW));
		adopt(VENDOR);
		assert_eq!(version(VENDOR), 3);
	});
}

#[test]
fn key_set_should_be_vetoed_until_it_is_adopted() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		assert_ok!(rotate_well(VENDOR));
		System::set_block_number(1 + DELAY + 100);
		assert_ok!(veto(VENDOR));
		let origin = RuntimeOrigin::signed(ANYONE);
		assert_refused!(Firmware::adopt_key_set(origin.clone(), VENDOR), Error::<Test>::NoPendingKeySet);
		assert_ok!(rotate(VENDOR, key_set(1, &[9]), OLD, &[(0, 9)]));
		adopt(VENDOR);
		assert_refused!(veto(VENDOR), Error::<Test>::NoPendingKeySet);
	});
}

#[test]
fn delay_should_be_that_of_the_proposals_block() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		assert_ok!(rotate_well(VENDOR));
		KeySetDelay::set(1);
		System::set_block_number(DELAY);
		let origin = RuntimeOrigin::signed(ANYONE);
		assert_refused!(Firmware::adopt_key_set(origin.clone(), VENDOR), Error::<Test>::TooEarly);
		System::set_block_number(DELAY + 1);
		assert_ok!(Firmware::adopt_key_set(origin, VENDOR));
		// A delay that never ends.
		KeySetDelay::set(u32::MAX);
		assert_ok!(rotate(VENDOR, key_set(1, &[9]), NEW, &[(0, 9)]));
		assert_eq!(Firmware::pending_key_set(VENDOR).unwrap().effective_at, u32::MAX);
	});
}

#[test]
fn metadata_should_change_whatever_became_of_the_key_sets() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		let before = held(VENDOR);
		assert_ok!(rotate_well(VENDOR));
		adopt(VENDOR);
		assert_ok!(Firmware::update_vendor(RuntimeOrigin::signed(VENDOR), metadata("Acme")));
		// The submitter pays for the second set, not the vendor.
		assert_eq!((held(VENDOR), version(VENDOR)), (before, 2));
	});
}

#[test]
fn sleeping_device_should_follow_the_chain_of_key_sets() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		let sets: Vec<KeySet> = (10..30).map(|seed| key_set(1, &[seed])).collect();
		assert_ok!(rotate(VENDOR, sets[0].clone(), OLD, &[(0, 10)]));
		adopt(VENDOR);
		for (seed, set) in (11..30).zip(&sets[1..]) {
			assert_ok!(rotate(VENDOR, set.clone(), &[(0, seed - 1)], &[(0, seed)]));
			adopt(VENDOR);
		}
		assert_eq!(version(VENDOR), 21);

		// A reader that knows version 1 and nothing of the chain's state.
		let (mut known, mut at) = (key_set(2, &[1, 2, 3]), 1);
		loop {
			let links = Firmware::key_sets(VENDOR, at, 6);
			for link in &links {
				at += 1;
				assert_eq!(link.version, at);
				let statement = KeySetStatement { vendor: VENDOR, version: at, key_set: link.key_set.clone() };
				let message = statement.signing_bytes(&Firmware::genesis_hash());
				let (old, new) = (link.old_signatures.clone(), link.new_signatures.clone());
				assert_ok!(Firmware::check_threshold(&known, &message, &old.try_into().unwrap()));
				assert_ok!(Firmware::check_threshold(&link.key_set, &message, &new.try_into().unwrap()));
				known = link.key_set.clone();
			}
			if links.len() < 6 {
				break;
			}
		}
		assert_eq!((at, &known), (21, sets.last().unwrap()));
	});
}

#[test]
fn links_should_be_answered_in_bounded_pages() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		assert_ok!(rotate_well(VENDOR));
		let versions = |after, limit| -> Vec<u32> {
			Firmware::key_sets(VENDOR, after, limit).into_iter().map(|link| link.version).collect()
		};
		let pending = Firmware::pending_key_set(VENDOR).unwrap();
		assert_eq!((pending.link.version, &pending.link.key_set, pending.effective_at), (2, &new_set(), 1 + DELAY));
		assert_eq!(versions(0, 16), [1]);
		adopt(VENDOR);
		assert_eq!(Firmware::key_sets(VENDOR, 1, 16), [pending.link]);
		assert_eq!(Firmware::pending_key_set(VENDOR), None);
		let first =
			KeySetLink { version: 1, key_set: key_set(2, &[1, 2, 3]), old_signatures: vec![], new_signatures: vec![] };
		assert_eq!(Firmware::key_sets(VENDOR, 0, 1), [first]);
		assert_eq!(versions(0, 0), [0; 0]);
		assert_eq!(versions(2, 16), [0; 0]);
		assert_eq!(versions(u32::MAX, u32::MAX), [0; 0]);
		assert_eq!(Firmware::key_sets(OTHER_VENDOR, 0, 16), []);
		// Twenty key sets, sixteen in an answer.
		assert_ok!(rotate(VENDOR, key_set(1, &[10]), NEW, &[(0, 10)]));
		adopt(VENDOR);
		for seed in 11..28 {
			assert_ok!(rotate(VENDOR, key_set(1, &[seed]), &[(0, seed - 1)], &[(0, seed)]));
			adopt(VENDOR);
		}
		assert_eq!(versions(0, u32::MAX), (1..=16).collect::<Vec<_>>());
		assert_eq!(versions(16, 16), [17, 18, 19, 20]);
	});
}

#[test]
fn earlier_key_set_should_sign_nothing_any_more() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		let release = publish(statement(model, (1, 0, 0), 0, b"firmware")).unwrap();
		assert_ok!(rotate_well(VENDOR));
		// Until the new set is adopted, only the old one can sign.
		let yank = |signers: &[(u8, u8)]| {
			let signatures = signatures(&YankStatement { release, reason: Yank::Faulty }, signers);
			Firmware::yank_release_signed(RuntimeOrigin::signed(ANYONE), release, Yank::Faulty, signatures)
		};
		assert_refused!(yank(NEW), Error::<Test>::BadSignature);
		assert_ok!(publish(statement(model, (1, 0, 1), 0, b"firmware")));
		adopt(VENDOR);
		assert_refused!(publish(statement(model, (1, 0, 2), 0, b"firmware")), Error::<Test>::BadSignature);
		assert_refused!(yank(&[(0, 1), (1, 2)]), Error::<Test>::BadSignature);
		assert_ok!(yank(NEW));
	});
}

#[test]
fn release_should_be_signed_again_by_the_current_key_set() {
	build_and_execute(|| {
		let release = published_release();
		assert_refused!(resign(release, OLD), Error::<Test>::AlreadySigned);
		assert_ok!(rotate(VENDOR, key_set(1, &[4, 5]), OLD, &[(0, 4)]));
		// By the waiting set.
		assert_refused!(resign(release, &[(0, 4)]), Error::<Test>::ThresholdNotMet);
		adopt(VENDOR);
		// By the former set.
		assert_refused!(resign(release, &[(0, 1), (1, 2)]), Error::<Test>::BadSignature);
		assert_refused!(resign(release, &[]), Error::<Test>::ThresholdNotMet);
		let before = (held(VENDOR), Releases::<Test>::get(release).unwrap());
		assert_ok!(resign(release, &[(1, 5)]));
		assert_eq!(events().last(), Some(&Event::ReleaseResigned { release, key_set_version: 2 }));
		let details = Firmware::release_view(release).unwrap();
		assert_eq!((details.key_set_version, details.signatures), (2, signatures(&details.statement, &[(1, 5)]).to_vec()));
		// The deposit covers one signature less. Nothing else changes.
		assert_eq!(held(VENDOR), before.0 - 66);
		let after = Releases::<Test>::get(release).unwrap();
		assert_eq!(after, Release { key_set_version: 2, ticket: after.ticket.clone(), ..before.1 });
		assert_refused!(resign(release, &[(1, 5)]), Error::<Test>::AlreadySigned);
	});
}

#[test]
fn release_should_not_be_signed_again_when_an_argument_is_wrong() {
	build_and_execute(|| {
		let release = published_release();
		register_vendor(OTHER_VENDOR);
		assert_ok!(rotate_well(VENDOR));
		adopt(VENDOR);
		let signed = signatures(&statement(0, (1, 0, 0), 0, b"firmware"), NEW);
		let resign = |who, release| Firmware::resign_release(RuntimeOrigin::signed(who), release, signed.clone());
		assert_refused!(resign(VENDOR, release + 1), Error::<Test>::UnknownRelease);
		assert_refused!(resign(OTHER_VENDOR, release), Error::<Test>::NotReleaseVendor);
		assert_refused!(resign(ANYONE, release), Error::<Test>::NotReleaseVendor);
		// The keys signed another release.
		let other = signatures(&statement(0, (1, 0, 1), 0, b"firmware"), NEW);
		let other = Firmware::resign_release(RuntimeOrigin::signed(VENDOR), release, other);
		assert_refused!(other, Error::<Test>::BadSignature);
		assert_ok!(Firmware::yank_release(RuntimeOrigin::signed(VENDOR), release, Yank::Faulty, None));
		assert_refused!(resign(VENDOR, release), Error::<Test>::AlreadyYanked);
	});
}

#[test]
fn more_signatures_should_not_be_taken_when_they_cannot_be_paid() {
	build_and_execute(|| {
		let release = published_release();
		assert_ok!(rotate(VENDOR, key_set(1, &[4, 5, 6]), OLD, &[(0, 4)]));
		adopt(VENDOR);
		let rest = Balances::free_balance(VENDOR) - 5;
		assert_ok!(Balances::transfer_allow_death(RuntimeOrigin::signed(VENDOR), ANYONE, rest));
		assert_refused!(resign(release, &[(0, 4), (1, 5), (2, 6)]), TokenError::FundsUnavailable);
		assert_ok!(resign(release, &[(0, 4), (1, 5)]));
	});
}

#[test]
fn signed_statement_should_be_what_the_protocol_says() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		let statement = key_set_statement(VENDOR, new_set());
		let expected = ("waybill/key-set/1", Firmware::genesis_hash(), VENDOR, 2u32, new_set()).encode();
		assert_eq!(statement.signing_bytes(&Firmware::genesis_hash()), expected);
	});
}
