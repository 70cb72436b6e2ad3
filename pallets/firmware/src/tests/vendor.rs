//! Vendors and models.

use crate::{assert_refused, mock::*, *};
use frame_support::assert_ok;
use sp_runtime::{DispatchError, TokenError};
use waybill_primitives::{KeySet, ReleaseKey};

fn register(vendor: AccountId, metadata: VendorMetadata<Test>, key_set: KeySet) -> sp_runtime::DispatchResult {
	Firmware::register_vendor(RuntimeOrigin::signed(vendor), metadata, key_set)
}

/// Metadata that the pallet refuses, each with its error.
fn wrong_metadata() -> Vec<(VendorMetadata<Test>, Error<Test>)> {
	let good = metadata("Acme");
	let mut wrong = vec![(VendorMetadata { name: text(""), ..good.clone() }, Error::EmptyName)];
	for bad in [&b"\xff\xfe"[..], b"a\nb", b"a\x00", b"\x7f", "\u{85}".as_bytes()] {
		wrong.push((VendorMetadata { name: text(bad), ..good.clone() }, Error::InvalidText));
		wrong.push((VendorMetadata { url: text(bad), ..good.clone() }, Error::InvalidText));
		wrong.push((VendorMetadata { security_contact: text(bad), ..good.clone() }, Error::InvalidText));
	}
	wrong
}

#[test]
fn vendor_should_be_registered_with_its_key_set_and_deposit() {
	build_and_execute(|| {
		let keys = key_set(2, &[1, 2, 3]);
		assert_ok!(register(VENDOR, metadata("Acme"), keys.clone()));
		let vendor = Vendors::<Test>::get(VENDOR).unwrap();
		assert_eq!((vendor.metadata.clone(), vendor.key_set_version), (metadata("Acme"), 1));
		assert_eq!(KeySets::<Test>::get(VENDOR, 1), Some(keys));
		// The base deposit, three texts with their lengths, the longest key set.
		assert_eq!(held(VENDOR), DEPOSIT_BASE + (5 + 21 + 19) + (1 + 1 + 16 * 33));
		assert_eq!(events(), vec![Event::VendorRegistered { vendor: VENDOR }]);
	});
}

#[test]
fn vendor_should_be_registered_when_texts_are_empty_or_longest_and_keys_most() {
	build_and_execute(|| {
		let bare = VendorMetadata { name: text("é"), url: text(""), security_contact: text("") };
		assert_ok!(register(VENDOR, bare, key_set(1, &[1])));
		let long = VendorMetadata { name: text([b'x'; 16]), url: text([b'x'; 32]), security_contact: text([b'x'; 32]) };
		let seeds: Vec<u8> = (1..=16).collect();
		assert_ok!(register(OTHER_VENDOR, long, key_set(16, &seeds)));
	});
}

#[test]
fn vendor_should_not_be_registered_twice() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		assert_refused!(register(VENDOR, metadata("Acme"), key_set(1, &[1])), Error::<Test>::AlreadyVendor);
	});
}

#[test]
fn vendor_should_not_be_registered_when_a_text_is_wrong() {
	build_and_execute(|| {
		for (metadata, error) in wrong_metadata() {
			assert_refused!(register(VENDOR, metadata, key_set(1, &[1])), error);
		}
	});
}

#[test]
fn vendor_should_not_be_registered_when_its_key_set_is_wrong() {
	build_and_execute(|| {
		let weak = KeySet { threshold: 1, keys: vec![release_key(1), ReleaseKey::Ed25519([0; 32])].try_into().unwrap() };
		for keys in [key_set(0, &[1]), key_set(2, &[1]), key_set(0, &[]), key_set(1, &[]), key_set(1, &[1, 2, 1]), weak] {
			assert_refused!(register(VENDOR, metadata("Acme"), keys), Error::<Test>::InvalidKeySet);
		}
	});
}

#[test]
fn vendor_should_not_be_registered_when_it_cannot_pay() {
	build_and_execute(|| {
		assert_refused!(register(POOR, metadata("Acme"), key_set(1, &[1])), TokenError::FundsUnavailable);
	});
}

#[test]
fn calls_should_be_refused_when_not_signed() {
	build_and_execute(|| {
		let (root, none) = (RuntimeOrigin::root(), RuntimeOrigin::none());
		assert_refused!(Firmware::register_vendor(root, metadata("A"), key_set(1, &[1])), DispatchError::BadOrigin);
		assert_refused!(Firmware::update_vendor(none.clone(), metadata("A")), DispatchError::BadOrigin);
		assert_refused!(Firmware::register_model(none.clone(), text("A")), DispatchError::BadOrigin);
		assert_refused!(Firmware::remove_fleet(none, 0).map_err(|error| error.error), DispatchError::BadOrigin);
	});
}

#[test]
fn metadata_should_be_replaced_and_the_deposit_follow() {
	build_and_execute(|| {
		register_vendor(VENDOR);
		let before = held(VENDOR);
		let origin = RuntimeOrigin::signed(VENDOR);
		assert_ok!(Firmware::update_vendor(origin.clone(), metadata("Acme & Sons")));
		assert_eq!(held(VENDOR), before + 7);
		assert_ok!(Firmware::update_vendor(origin, VendorMetadata { url: text(""), ..metadata("A") }));
		assert_eq!(held(VENDOR), before - 3 - 20);
		let vendor = Vendors::<Test>::get(VENDOR).unwrap();
		assert_eq!((vendor.metadata.name, vendor.key_set_version), (text("A"), 1));
		assert_eq!(KeySets::<Test>::iter().count(), 1);
		assert_eq!(events()[1..], [Event::VendorUpdated { vendor: VENDOR }, Event::VendorUpdated { vendor: VENDOR }]);
	});
}

#[test]
fn metadata_should_not_be_replaced_when_wrong_or_nobodys() {
	build_and_execute(|| {
		let origin = RuntimeOrigin::signed(VENDOR);
		assert_refused!(Firmware::update_vendor(origin.clone(), metadata("Acme")), Error::<Test>::UnknownVendor);
		register_vendor(VENDOR);
		for (metadata, error) in wrong_metadata() {
			assert_refused!(Firmware::update_vendor(origin.clone(), metadata), error);
		}
	});
}

#[test]
fn models_should_be_registered_in_order() {
	build_and_execute(|| {
		assert_eq!((register_model(VENDOR), register_model(OTHER_VENDOR), register_model(VENDOR)), (0, 1, 2));
		let model = Models::<Test>::get(1).unwrap();
		assert_eq!((model.vendor, model.name.to_vec(), model.security_version), (OTHER_VENDOR, b"Router 9".to_vec(), 0));
		assert!(events().contains(&Event::ModelRegistered { model: 1, vendor: OTHER_VENDOR }));
	});
}

#[test]
fn model_should_not_be_registered_when_vendor_or_name_is_wrong() {
	build_and_execute(|| {
		let origin = RuntimeOrigin::signed(VENDOR);
		assert_refused!(Firmware::register_model(origin.clone(), text("Router")), Error::<Test>::UnknownVendor);
		register_vendor(VENDOR);
		assert_refused!(Firmware::register_model(origin.clone(), text("")), Error::<Test>::EmptyName);
		assert_refused!(Firmware::register_model(origin, text(b"\xc3\x28")), Error::<Test>::InvalidText);
	});
}

#[test]
fn nothing_should_be_registered_when_the_deposit_cannot_be_paid() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		let rest = Balances::free_balance(VENDOR) - 50;
		assert_ok!(Balances::transfer_allow_death(RuntimeOrigin::signed(VENDOR), ANYONE, rest));
		let origin = RuntimeOrigin::signed(VENDOR);
		assert_refused!(Firmware::register_model(origin.clone(), text("x")), TokenError::FundsUnavailable);
		let cid = waybill_primitives::Cid::raw(b"");
		let register = Firmware::register_fleet(origin.clone(), model, 1, fleet_cap(1, 0), cid);
		assert_refused!(register, TokenError::FundsUnavailable);
		let longer =
			VendorMetadata { url: text([b'x'; 32]), security_contact: text([b'x'; 32]), ..metadata("Acme Acme Acme 1") };
		let rest = Balances::free_balance(VENDOR) - 5;
		assert_ok!(Balances::transfer_allow_death(origin.clone(), ANYONE, rest));
		assert_refused!(Firmware::update_vendor(origin, longer), TokenError::FundsUnavailable);
		assert_refused!(publish(statement(model, (1, 0, 0), 0, b"firmware")), TokenError::FundsUnavailable);
	});
}
