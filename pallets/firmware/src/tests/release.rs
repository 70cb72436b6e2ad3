//! Releases: publishing them, and what the release keys must have signed.

use crate::{assert_refused, mock::*, *};
use frame_support::assert_ok;
use sp_runtime::DispatchResult;
use waybill_primitives::{
	DeviceSignature, Digest, IndexedSignature, KeySetStatement, ReleaseStatement, Statement, Suite, Verdict, Version,
	VoteStatement, Yank, YankStatement,
};

fn publish_as(vendor: AccountId, statement: ReleaseStatement, signatures: Signatures) -> DispatchResult {
	Firmware::publish_release(RuntimeOrigin::signed(vendor), statement, None, signatures)
}

/// Publishes a release with valid signatures.
fn publish_well(statement: ReleaseStatement) -> DispatchResult {
	let signatures = signatures(&statement, &[(0, 1), (1, 2)]);
	publish_as(VENDOR, statement, signatures)
}

#[test]
fn release_should_be_published() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		System::set_block_number(5);
		let (before, statement) = (held(VENDOR), statement(model, (1, 2, 3), 4, b"firmware"));
		let signatures = signatures(&statement, &[(2, 3), (0, 1)]);
		let advisory = Some(text("https://acme.example/1.2.3"));
		let origin = RuntimeOrigin::signed(VENDOR);
		assert_ok!(Firmware::publish_release(origin, statement.clone(), advisory.clone(), signatures.clone()));

		let release = Releases::<Test>::get(0).unwrap();
		assert_eq!((release.vendor, &release.statement, release.key_set_version), (VENDOR, &statement, 1));
		assert_eq!((release.advisory, release.published_at), (advisory.clone(), 5));
		assert_eq!((release.state, release.yank), (ReleaseState::Pending, None));
		assert_eq!(Rounds::<Test>::get(0).unwrap().phase(5), Phase::Open { number: 0, opened_at: 5, closes_at: 5 + RETRY });
		assert_eq!(Models::<Test>::get(model).unwrap().security_version, 4);
		assert!(held(VENDOR) > before + DEPOSIT_BASE);
		let event = Event::ReleasePublished {
			release: 0,
			model,
			vendor: VENDOR,
			version: Version::new(1, 2, 3),
			security_version: 4,
			payload: statement.payload,
		};
		assert_eq!(events().last(), Some(&event));

		let details = Firmware::release_view(0).unwrap();
		assert_eq!((details.vendor, details.statement, details.key_set_version), (VENDOR, statement, 1));
		assert_eq!((details.signatures, details.published_at), (signatures.into_inner(), 5));
		assert_eq!((details.advisory, details.state, details.yank), (advisory.map(Into::into), ReleaseState::Pending, None));
		assert_eq!(Firmware::release_view(1), None);
	});
}

#[test]
fn release_should_not_be_published_when_the_model_is_wrong() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		register_vendor(OTHER_VENDOR);
		let unknown = statement(model + 1, (1, 0, 0), 0, b"firmware");
		assert_refused!(publish_well(unknown), Error::<Test>::UnknownModel);
		let statement = statement(model, (1, 0, 0), 0, b"firmware");
		for stranger in [OTHER_VENDOR, ANYONE] {
			let signatures = signatures(&statement, &[(0, 1), (1, 2)]);
			assert_refused!(publish_as(stranger, statement.clone(), signatures), Error::<Test>::NotModelVendor);
		}
	});
}

#[test]
fn release_should_be_published_only_when_its_size_is_within_bounds() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		let with_size = |patch, size| ReleaseStatement { size, ..statement(model, (1, 0, patch), 0, b"firmware") };
		assert_refused!(publish_well(with_size(0, 0)), Error::<Test>::InvalidPayloadSize);
		assert_refused!(publish_well(with_size(0, MAX_PAYLOAD + 1)), Error::<Test>::InvalidPayloadSize);
		assert_refused!(publish_well(with_size(0, u64::MAX)), Error::<Test>::InvalidPayloadSize);
		assert_ok!(publish_well(with_size(0, 1)));
		assert_ok!(publish_well(with_size(1, MAX_PAYLOAD)));
	});
}

#[test]
fn release_should_not_be_published_when_its_digest_is_of_something_else() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		let wrong = ReleaseStatement { sha256: [0; 32], ..statement(model, (1, 0, 0), 0, b"firmware") };
		assert_refused!(publish_well(wrong), Error::<Test>::DigestMismatch);
	});
}

#[test]
fn release_should_be_published_when_its_digest_cannot_be_compared_with_its_hash() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		let digest = Digest { suite: Suite::Zkcp, bytes: [7; 32] };
		assert_ok!(publish_well(ReleaseStatement { digest, ..statement(model, (1, 0, 0), 0, b"firmware") }));
	});
}

#[test]
fn security_version_should_rise_by_bounded_steps_and_never_fall() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		let with = |patch, security| statement(model, (1, 0, patch), security, b"firmware");
		assert_refused!(publish_well(with(0, 17)), Error::<Test>::SecurityVersionTooHigh);
		assert_refused!(publish_well(with(0, u32::MAX)), Error::<Test>::SecurityVersionTooHigh);
		assert_ok!(publish_well(with(0, 16)));
		assert_refused!(publish_well(with(1, 15)), Error::<Test>::SecurityVersionTooLow);
		assert_refused!(publish_well(with(1, 33)), Error::<Test>::SecurityVersionTooHigh);
		assert_ok!(publish_well(with(1, 16)));
		assert_ok!(publish_well(with(2, 32)));
		assert_refused!(publish_well(with(3, 31)), Error::<Test>::SecurityVersionTooLow);
		// Yanking does not lower it.
		assert_ok!(Firmware::yank_release(RuntimeOrigin::signed(VENDOR), 2, Yank::Faulty, None));
		assert_refused!(publish_well(with(3, 31)), Error::<Test>::SecurityVersionTooLow);
		// Another model has its own security version.
		let other = register_model(VENDOR);
		assert_ok!(publish_well(statement(other, (1, 0, 0), 0, b"firmware")));
	});
}

#[test]
fn highest_security_version_should_be_reachable_and_final() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		Models::<Test>::mutate(model, |model| model.as_mut().unwrap().security_version = u32::MAX - 3);
		assert_ok!(publish_well(statement(model, (1, 0, 0), u32::MAX, b"firmware")));
		assert_ok!(publish_well(statement(model, (1, 0, 1), u32::MAX, b"firmware")));
		assert_refused!(publish_well(statement(model, (1, 0, 2), 0, b"firmware")), Error::<Test>::SecurityVersionTooLow);
	});
}

#[test]
fn version_should_be_published_once_a_model() {
	build_and_execute(|| {
		let (model, other) = (register_model(VENDOR), register_model(VENDOR));
		assert_ok!(publish_well(statement(model, (1, 1, 0), 0, b"firmware")));
		assert_refused!(publish_well(statement(model, (1, 1, 0), 1, b"other")), Error::<Test>::VersionExists);
		assert_ok!(Firmware::yank_release(RuntimeOrigin::signed(VENDOR), 0, Yank::Faulty, None));
		assert_refused!(publish_well(statement(model, (1, 1, 0), 0, b"firmware")), Error::<Test>::VersionExists);
		assert_ok!(publish_well(statement(other, (1, 1, 0), 0, b"firmware")));
		// A fix for an older line.
		assert_ok!(publish_well(statement(model, (1, 0, 9), 0, b"firmware")));
		assert_eq!(Firmware::releases_of(model), vec![2, 0]);
		assert_eq!(Firmware::releases_of(other), vec![1]);
	});
}

#[test]
fn advisory_should_be_text() {
	build_and_execute(|| {
		let statement = statement(register_model(VENDOR), (1, 0, 0), 0, b"firmware");
		let signatures = signatures(&statement, &[(0, 1), (1, 2)]);
		let publish = |advisory: &[u8]| {
			let origin = RuntimeOrigin::signed(VENDOR);
			Firmware::publish_release(origin, statement.clone(), Some(text(advisory)), signatures.clone())
		};
		assert_refused!(publish(b"\xff"), Error::<Test>::InvalidText);
		assert_refused!(publish(b"a\rb"), Error::<Test>::InvalidText);
		assert_ok!(publish(b""));
	});
}

#[test]
fn enough_different_keys_should_have_to_sign() {
	build_and_execute(|| {
		let statement = statement(register_model(VENDOR), (1, 0, 0), 0, b"firmware");
		let publish = |signers: &[(u8, u8)]| publish_as(VENDOR, statement.clone(), signatures(&statement, signers));
		assert_refused!(publish(&[]), Error::<Test>::ThresholdNotMet);
		assert_refused!(publish(&[(0, 1)]), Error::<Test>::ThresholdNotMet);
		assert_refused!(publish(&[(0, 1), (0, 1)]), Error::<Test>::DuplicateSigner);
		assert_refused!(publish(&[(0, 1), (1, 2), (0, 1)]), Error::<Test>::DuplicateSigner);
		assert_refused!(publish(&[(0, 1), (3, 4)]), Error::<Test>::UnknownSigner);
		assert_refused!(publish(&[(0, 1), (255, 1)]), Error::<Test>::UnknownSigner);
		assert_refused!(publish(&[(0, 1), (1, 3)]), Error::<Test>::BadSignature);
		assert_refused!(publish(&[(0, 1), (1, 2), (2, 9)]), Error::<Test>::BadSignature);
		assert_ok!(publish(&[(0, 1), (1, 2), (2, 3)]));
	});
}

#[test]
fn signature_should_hold_for_its_statement_and_chain_alone() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		let statement = statement(model, (1, 0, 0), 0, b"firmware");
		let publish = |signatures| publish_as(VENDOR, statement.clone(), signatures);
		let other = ReleaseStatement { security_version: 1, ..statement.clone() };
		assert_refused!(publish(signatures(&other, &[(0, 1), (1, 2)])), Error::<Test>::BadSignature);
		// Other kinds of statement by the same keys.
		let yank = YankStatement { release: 0, reason: Yank::Faulty };
		assert_refused!(publish(signatures(&yank, &[(0, 1), (1, 2)])), Error::<Test>::BadSignature);
		let keys = KeySetStatement { vendor: VENDOR, version: 2, key_set: key_set(1, &[9]) };
		assert_refused!(publish(signatures(&keys, &[(0, 1), (1, 2)])), Error::<Test>::BadSignature);
		let vote = VoteStatement { release: 0, round: 0, verdict: Verdict::Available };
		assert_refused!(publish(signatures(&vote, &[(0, 1), (1, 2)])), Error::<Test>::BadSignature);
		// A statement for another chain.
		let good = signatures(&statement, &[(0, 1), (1, 2)]);
		let foreign = statement.signing_bytes(&[1; 32]);
		let sign = |key, seed| IndexedSignature {
			key,
			signature: DeviceSignature::Ed25519(sp_core::Pair::sign(&release_pair(seed), &foreign).0),
		};
		let foreign: Signatures = vec![sign(0, 1), sign(1, 2)].try_into().unwrap();
		assert_refused!(publish(foreign), Error::<Test>::BadSignature);
		assert_ok!(publish(good));
	});
}

#[test]
fn malleable_signature_should_be_refused() {
	build_and_execute(|| {
		let statement = statement(register_model(VENDOR), (1, 0, 0), 0, b"firmware");
		let mut signatures = signatures(&statement, &[(0, 1), (1, 2)]);
		// s + L in the place of s. A check without a bound on s would accept it.
		const L: [u8; 32] = hex_literal::hex!("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
		let DeviceSignature::Ed25519(bytes) = &mut signatures[0].signature;
		let mut carry = 0u16;
		for (byte, add) in bytes[32..].iter_mut().zip(L) {
			carry += u16::from(*byte) + u16::from(add);
			*byte = carry as u8;
			carry >>= 8;
		}
		assert_refused!(publish_as(VENDOR, statement, signatures), Error::<Test>::BadSignature);
	});
}

#[test]
fn latest_release_should_be_the_available_one_of_highest_security_version_then_version() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		let publish = |version, security| publish(statement(model, version, security, b"firmware")).unwrap();
		let old = publish((2, 0, 0), 0);
		let secure = publish((1, 9, 0), 1);
		let newer = publish((1, 9, 1), 1);
		assert_eq!(Firmware::latest_release(model), None);
		let approve = |release| {
			vote(11, release, 0, Verdict::Available).unwrap().unwrap();
			vote(12, release, 0, Verdict::Available).unwrap().unwrap();
		};
		approve(old);
		assert_eq!(Firmware::latest_release(model), Some(old));
		approve(newer);
		assert_eq!(Firmware::latest_release(model), Some(newer));
		approve(secure);
		assert_eq!(Firmware::latest_release(model), Some(newer));
		assert_ok!(Firmware::yank_release(RuntimeOrigin::signed(VENDOR), newer, Yank::Vulnerable, None));
		assert_eq!(Firmware::latest_release(model), Some(secure));
		assert_eq!(Firmware::latest_release(model + 1), None);
	});
}

#[test]
fn release_should_keep_the_key_set_that_signed_it() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		publish(statement(model, (1, 0, 0), 0, b"firmware")).unwrap();
		assert_ok!(rotate(VENDOR, key_set(1, &[8]), &[(0, 1), (1, 2)], &[(0, 8)]));
		adopt(VENDOR);
		let next = statement(model, (1, 0, 1), 0, b"firmware");
		assert_refused!(publish_well(next.clone()), Error::<Test>::BadSignature);
		let signed = signatures(&next, &[(0, 8)]);
		assert_ok!(publish_as(VENDOR, next, signed));
		assert_eq!(Releases::<Test>::get(0).unwrap().key_set_version, 1);
		assert_eq!(Releases::<Test>::get(1).unwrap().key_set_version, 2);
	});
}
