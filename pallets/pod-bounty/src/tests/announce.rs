//! Announcing endpoints.

use crate::{mock::*, Error, Event, HoldReason, *};
use codec::MaxEncodedLen;
use frame_support::{assert_ok, BoundedVec};
use sp_runtime::TokenError;

fn announce(who: &AccountId, endpoint: &[u8]) -> sp_runtime::DispatchResult {
	send(who, Call::announce { endpoint: endpoint.to_vec().try_into().unwrap() })
}

#[test]
fn announce_should_publish_against_a_deposit() {
	run(|| {
		assert_ok!(announce(&ALICE, b"http://127.0.0.1:9000"));
		// The deposit is for the longest endpoint, so a new one needs no new deposit.
		let deposit = Announcement::<Test>::max_encoded_len() as Balance + 20;
		assert_eq!(held(HoldReason::Storage, &ALICE), deposit);
		assert_eq!(Distributors::<Test>::get(&ALICE).unwrap().endpoint, b"http://127.0.0.1:9000".to_vec());
		let endpoint = b"http://127.0.0.1:9000".to_vec().try_into().unwrap();
		assert_eq!(events(), [Event::DistributorAnnounced { distributor: ALICE, endpoint }]);
	});
}

#[test]
fn announce_should_replace_an_earlier_endpoint_for_the_same_deposit() {
	run(|| {
		assert_ok!(announce(&ALICE, b"a"));
		let deposit = held(HoldReason::Storage, &ALICE);
		assert_ok!(announce(&ALICE, &[b'b'; 128]));
		assert_eq!(held(HoldReason::Storage, &ALICE), deposit);
		assert_eq!(Distributors::<Test>::get(&ALICE).unwrap().endpoint.to_vec(), [b'b'; 128]);
		assert_eq!(Distributors::<Test>::iter().count(), 1);
	});
}

#[test]
fn announce_should_be_refused_when_the_endpoint_is_not_printable() {
	run(|| {
		for endpoint in [&b""[..], b" ", b"http://a b", b"a\n", b"\x7f", "ä".as_bytes()] {
			assert_refused(|| announce(&ALICE, endpoint), Error::<Test>::InvalidEndpoint);
		}
		assert!(BoundedVec::<u8, <Test as Config>::MaxEndpointLen>::try_from(vec![b'a'; 129]).is_err());
	});
}

#[test]
fn announce_should_need_the_deposit() {
	run(|| {
		let poor = account(20);
		Balances::force_set_balance(RuntimeOrigin::root(), poor.clone(), ED).unwrap();
		assert_refused(|| announce(&poor, b"a"), TokenError::FundsUnavailable);
	});
}

#[test]
fn withdraw_should_return_the_deposit() {
	run(|| {
		assert_refused(|| send(&ALICE, Call::withdraw {}), Error::<Test>::NotAnnounced);
		assert_ok!(announce(&ALICE, b"a"));
		assert_refused(|| send(&BOB, Call::withdraw {}), Error::<Test>::NotAnnounced);
		assert_ok!(send(&ALICE, Call::withdraw {}));
		assert_eq!((free(&ALICE), held(HoldReason::Storage, &ALICE)), (FUNDS, 0));
		assert!(!Distributors::<Test>::contains_key(&ALICE));
		assert_eq!(events().last(), Some(&Event::DistributorWithdrawn { distributor: ALICE }));
	});
}
