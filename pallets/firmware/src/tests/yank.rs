//! Yanking releases.

use crate::{assert_refused, mock::*, *};
use frame_support::assert_ok;
use waybill_primitives::{Verdict, Yank, YankStatement};

#[test]
fn vendor_should_yank_its_release() {
	build_and_execute(|| {
		let release = published_release();
		let before = held(VENDOR);
		let advisory = Some(text("https://acme.example/sorry"));
		assert_ok!(Firmware::yank_release(RuntimeOrigin::signed(VENDOR), release, Yank::Vulnerable, advisory.clone()));
		let record = Releases::<Test>::get(release).unwrap();
		assert_eq!((record.state, record.yank, record.advisory), (ReleaseState::Yanked, Some(Yank::Vulnerable), advisory));
		assert_eq!(events().last(), Some(&Event::ReleaseYanked { release, reason: Yank::Vulnerable }));
		assert_eq!(Firmware::attestations(release), None);
		assert_eq!(held(VENDOR), before);
	});
}

#[test]
fn advisory_of_the_publication_should_stay_when_none_is_given() {
	build_and_execute(|| {
		let statement = statement(register_model(VENDOR), (1, 0, 0), 0, b"firmware");
		let signatures = signatures(&statement, &[(0, 1), (1, 2)]);
		let (origin, advisory) = (RuntimeOrigin::signed(VENDOR), Some(text("https://acme.example")));
		assert_ok!(Firmware::publish_release(origin.clone(), statement, advisory.clone(), signatures));
		assert_ok!(Firmware::yank_release(origin, 0, Yank::Faulty, None));
		assert_eq!(Releases::<Test>::get(0).unwrap().advisory, advisory);
	});
}

#[test]
fn release_should_not_be_yanked_when_an_argument_is_wrong() {
	build_and_execute(|| {
		let release = published_release();
		let yank = |who, release, advisory: Option<&[u8]>| {
			Firmware::yank_release(RuntimeOrigin::signed(who), release, Yank::Faulty, advisory.map(text))
		};
		assert_refused!(yank(VENDOR, release + 1, None), Error::<Test>::UnknownRelease);
		assert_refused!(yank(ANYONE, release, None), Error::<Test>::NotReleaseVendor);
		assert_refused!(yank(VENDOR, release, Some(b"\xff")), Error::<Test>::InvalidText);
		assert_ok!(yank(VENDOR, release, None));
		assert_refused!(yank(VENDOR, release, None), Error::<Test>::AlreadyYanked);
	});
}

#[test]
fn anyone_should_yank_with_the_release_keys_signatures() {
	build_and_execute(|| {
		let release = published_release();
		let signatures = signatures(&YankStatement { release, reason: Yank::Compromised }, &[(1, 2), (2, 3)]);
		assert_ok!(Firmware::yank_release_signed(RuntimeOrigin::signed(ANYONE), release, Yank::Compromised, signatures));
		let record = Releases::<Test>::get(release).unwrap();
		assert_eq!((record.state, record.yank), (ReleaseState::Yanked, Some(Yank::Compromised)));
		assert_eq!(events().last(), Some(&Event::ReleaseYanked { release, reason: Yank::Compromised }));
	});
}

#[test]
fn release_should_not_be_yanked_when_signatures_are_wrong() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		let release = publish(statement(model, (1, 0, 0), 0, b"firmware")).unwrap();
		let other = publish(statement(model, (1, 0, 1), 0, b"firmware")).unwrap();
		let statement = YankStatement { release, reason: Yank::Faulty };
		let yank = |release, reason, signers: &[(u8, u8)]| {
			let signatures = signatures(&statement, signers);
			Firmware::yank_release_signed(RuntimeOrigin::signed(ANYONE), release, reason, signatures)
		};
		let good = &[(0, 1), (1, 2)];
		assert_refused!(yank(other + 1, Yank::Faulty, good), Error::<Test>::UnknownRelease);
		assert_refused!(yank(release, Yank::Faulty, &[(0, 1)]), Error::<Test>::ThresholdNotMet);
		assert_refused!(yank(release, Yank::Faulty, &[(0, 1), (0, 1)]), Error::<Test>::DuplicateSigner);
		assert_refused!(yank(release, Yank::Faulty, &[(0, 1), (7, 2)]), Error::<Test>::UnknownSigner);
		assert_refused!(yank(release, Yank::Faulty, &[(0, 1), (1, 3)]), Error::<Test>::BadSignature);
		// Signed for another release, or for another reason.
		assert_refused!(yank(other, Yank::Faulty, good), Error::<Test>::BadSignature);
		assert_refused!(yank(release, Yank::Vulnerable, good), Error::<Test>::BadSignature);
		assert_ok!(yank(release, Yank::Faulty, good));
		assert_refused!(yank(release, Yank::Faulty, good), Error::<Test>::AlreadyYanked);
	});
}

#[test]
fn available_release_should_stay_yanked_whatever_is_voted() {
	build_and_execute(|| {
		let release = published_release();
		vote(11, release, 0, Verdict::Available).unwrap().unwrap();
		assert_ok!(Firmware::yank_release(RuntimeOrigin::signed(VENDOR), release, Yank::Faulty, None));
		let refused = vote(12, release, 0, Verdict::Available).unwrap_err();
		assert_eq!(refused, Refusal::UnknownRelease.into());
		assert_eq!(state(release), ReleaseState::Yanked);
	});
}
