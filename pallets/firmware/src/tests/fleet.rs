//! Fleets, and what the escrow sees of the registry.

use crate::{assert_refused, mock::*, *};
use codec::MaxEncodedLen;
use frame_support::{assert_ok, BoundedVec};
use waybill_primitives::{
	fleet::{level_width, usual_cap_height},
	Cid, FleetInfo, Registry, ReleaseInfo, Verdict, Yank,
};

#[test]
fn fleet_should_be_registered_with_its_cap() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		let (origin, manifest) = (RuntimeOrigin::signed(VENDOR), Cid::raw(b"keys"));
		let before = held(VENDOR);
		assert_ok!(Firmware::register_fleet(origin.clone(), model, 1, fleet_cap(1, 0), manifest));
		let one = held(VENDOR) - before;
		assert_eq!(one, DEPOSIT_BASE + Fleet::<Test>::max_encoded_len() as u64 + 32);
		assert_ok!(Firmware::register_fleet(origin, model, 25, fleet_cap(25, 2), manifest));
		assert_eq!(held(VENDOR) - before, 2 * one + 6 * 32);
		let root = |count| fleet_tree(count).root();
		let info = |count, cap_height| Some(FleetInfo { model, root: root(count), count, cap_height });
		assert_eq!(<Firmware as Registry<_>>::fleet(0), info(1, 0));
		assert_eq!(<Firmware as Registry<_>>::fleet(1), info(25, 2));
		assert_eq!(<Firmware as Registry<_>>::fleet(2), None);
		assert_eq!(<Firmware as Registry<_>>::cap_page(0, 0), [root(1)]);
		assert_eq!(<Firmware as Registry<_>>::cap_page(1, 0), fleet_tree(25).cap(2));
		assert_eq!(<Firmware as Registry<_>>::cap_page(1, 1), [[0; 32]; 0]);
		assert_eq!(<Firmware as Registry<_>>::cap_page(2, 0), [[0; 32]; 0]);
		assert_eq!(Firmware::fleets_of(model), vec![0, 1]);
		let event = Event::FleetRegistered { fleet: 0, model, root: root(1), count: 1, manifest };
		assert!(events().contains(&event));
	});
}

#[test]
fn caps_should_be_stored_in_full_pages_but_the_last() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		for (count, height, pages) in [(4096, 12, 1), (256, 0, 1), (257, 0, 2), (4096, 0, 16), (8191, 1, 16), (1000, 1, 2)] {
			let nodes = level_width(count, height);
			let cap: BoundedVec<_, _> = (0..nodes).map(|place| [place as u8; 32]).collect::<Vec<_>>().try_into().unwrap();
			let fleet = NextFleetId::<Test>::get();
			let before = held(VENDOR);
			let origin = RuntimeOrigin::signed(VENDOR);
			assert_ok!(Firmware::register_fleet(origin.clone(), model, count, cap.clone(), Cid::raw(b"keys")));
			let page = |page| <Firmware as Registry<AccountId>>::cap_page(fleet, page);
			assert_eq!((0..pages).flat_map(page).collect::<Vec<_>>(), cap.to_vec());
			assert_eq!(FleetCaps::<Test>::iter_key_prefix(fleet).count() as u32, pages);
			check_invariants();
			// The fee covers the pages that the cap has.
			let info = Firmware::remove_fleet(origin, fleet).unwrap();
			assert_eq!(info.actual_weight, Some(<Test as Config>::WeightInfo::remove_fleet(pages)));
			assert_eq!(FleetCaps::<Test>::iter().count(), 0);
			assert_eq!(held(VENDOR), before);
		}
	});
}

#[test]
fn fleet_of_any_size_should_be_registered_with_its_usual_cap() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		for count in [1, 256, 257, 1_000_000, u32::MAX - 1, u32::MAX] {
			let nodes = level_width(count, usual_cap_height(count));
			let cap = vec![[1; 32]; nodes as usize].try_into().unwrap();
			let fleet = NextFleetId::<Test>::get();
			assert_ok!(Firmware::register_fleet(RuntimeOrigin::signed(VENDOR), model, count, cap, Cid::raw(b"keys")));
			let info = <Firmware as Registry<AccountId>>::fleet(fleet).unwrap();
			assert_eq!((info.count, info.cap_height), (count, usual_cap_height(count)));
		}
	});
}

#[test]
fn fleet_should_not_be_registered_when_an_argument_is_wrong() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		register_vendor(OTHER_VENDOR);
		let register = |who, model, count, nodes| {
			let cap = vec![[1; 32]; nodes].try_into().unwrap();
			Firmware::register_fleet(RuntimeOrigin::signed(who), model, count, cap, Cid::raw(b"keys"))
		};
		assert_refused!(register(VENDOR, model + 1, 1, 1), Error::<Test>::UnknownModel);
		assert_refused!(register(OTHER_VENDOR, model, 1, 1), Error::<Test>::NotModelVendor);
		assert_refused!(register(ANYONE, model, 1, 1), Error::<Test>::NotModelVendor);
		assert_refused!(register(VENDOR, model, 0, 0), Error::<Test>::EmptyFleet);
		assert_refused!(register(VENDOR, model, 0, 1), Error::<Test>::EmptyFleet);
		// 25 devices have levels of 25, 13, 7, 4, 2 and 1 nodes.
		for nodes in [0, 3, 5, 8, 12, 14, 24, 26, 4096] {
			assert_refused!(register(VENDOR, model, 25, nodes), Error::<Test>::InvalidCap);
		}
		for nodes in [25, 13, 7, 4, 2, 1] {
			assert_ok!(register(VENDOR, model, 25, nodes));
		}
	});
}

#[test]
fn fleet_should_be_removed_and_its_deposit_return() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		let before = held(VENDOR);
		let fleet = register_fleet(VENDOR, model);
		assert_ok!(Firmware::remove_fleet(RuntimeOrigin::signed(VENDOR), fleet));
		assert_eq!(held(VENDOR), before);
		assert_eq!(Firmware::fleets_of(model), Vec::<u64>::new());
		assert_eq!(events().last(), Some(&Event::FleetRemoved { fleet }));
		// The id is not given out again.
		assert_eq!(register_fleet(VENDOR, model), fleet + 1);
	});
}

#[test]
fn fleet_should_not_be_removed_when_it_is_anothers_or_in_use() {
	build_and_execute(|| {
		let fleet = register_fleet(VENDOR, register_model(VENDOR));
		let remove = |who, fleet| {
			let result = Firmware::remove_fleet(RuntimeOrigin::signed(who), fleet);
			result.map(|_| ()).map_err(|error| error.error)
		};
		assert_refused!(remove(VENDOR, fleet + 1), Error::<Test>::UnknownFleet);
		assert_refused!(remove(ANYONE, fleet), Error::<Test>::NotModelVendor);
		let users = || <Firmware as Registry<AccountId>>::users(fleet);
		assert_eq!(users(), Some(0));
		for _ in 0..2 {
			<Firmware as Registry<_>>::fleet_in_use(fleet);
		}
		assert_eq!(users(), Some(2));
		assert_refused!(remove(VENDOR, fleet), Error::<Test>::FleetInUse);
		<Firmware as Registry<_>>::fleet_released(fleet);
		assert_refused!(remove(VENDOR, fleet), Error::<Test>::FleetInUse);
		<Firmware as Registry<_>>::fleet_released(fleet);
		assert_ok!(remove(VENDOR, fleet));
		// An unknown fleet changes nothing.
		<Firmware as Registry<_>>::fleet_in_use(fleet);
		<Firmware as Registry<_>>::fleet_released(fleet);
		assert_eq!((<Firmware as Registry<_>>::fleet(fleet), users()), (None, None));
	});
}

#[test]
fn registry_should_show_a_release_through_its_states() {
	build_and_execute(|| {
		let id = published_release();
		let digest = statement(0, (1, 0, 0), 0, b"firmware").digest;
		let shown = |available, yanked| Some(ReleaseInfo { vendor: VENDOR, model: 0, digest, available, yanked });
		let release = || <Firmware as Registry<_>>::release(id);
		assert_eq!(release(), shown(false, false));
		vote(11, id, 0, Verdict::Available).unwrap().unwrap();
		assert_eq!(release(), shown(false, false));
		vote(12, id, 0, Verdict::Available).unwrap().unwrap();
		assert_eq!(release(), shown(true, false));
		assert_ok!(Firmware::yank_release(RuntimeOrigin::signed(VENDOR), id, Yank::Faulty, None));
		assert_eq!(release(), shown(false, true));
		assert_eq!(<Firmware as Registry<AccountId>>::release(id + 1), None);
	});
}
