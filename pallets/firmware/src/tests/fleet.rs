//! Fleets, and the registry as the escrow sees it.

use crate::{assert_refused, mock::*, *};
use frame_support::assert_ok;
use waybill_primitives::{Cid, FleetInfo, Registry, ReleaseInfo, Verdict, Yank};

#[test]
fn fleet_should_be_registered() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		let (origin, manifest) = (RuntimeOrigin::signed(VENDOR), Cid::raw(b"keys"));
		let before = held(VENDOR);
		assert_ok!(Firmware::register_fleet(origin.clone(), model, [1; 32], 1, manifest));
		assert_ok!(Firmware::register_fleet(origin, model, [2; 32], u32::MAX, manifest));
		assert!(held(VENDOR) > before);
		assert_eq!(<Firmware as Registry<_>>::fleet(0), Some(FleetInfo { model, root: [1; 32], count: 1 }));
		assert_eq!(<Firmware as Registry<_>>::fleet(1), Some(FleetInfo { model, root: [2; 32], count: u32::MAX }));
		assert_eq!(<Firmware as Registry<_>>::fleet(2), None);
		assert_eq!(Firmware::fleets_of(model), vec![0, 1]);
		let event = Event::FleetRegistered { fleet: 0, model, root: [1; 32], count: 1, manifest };
		assert!(events().contains(&event));
	});
}

#[test]
fn fleet_should_not_be_registered_when_an_argument_is_wrong() {
	build_and_execute(|| {
		let model = register_model(VENDOR);
		register_vendor(OTHER_VENDOR);
		let register = |who, model, count| {
			Firmware::register_fleet(RuntimeOrigin::signed(who), model, [1; 32], count, Cid::raw(b"keys"))
		};
		assert_refused!(register(VENDOR, model + 1, 1), Error::<Test>::UnknownModel);
		assert_refused!(register(OTHER_VENDOR, model, 1), Error::<Test>::NotModelVendor);
		assert_refused!(register(ANYONE, model, 1), Error::<Test>::NotModelVendor);
		assert_refused!(register(VENDOR, model, 0), Error::<Test>::EmptyFleet);
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
		// Its id is not given out again.
		assert_eq!(register_fleet(VENDOR, model), fleet + 1);
	});
}

#[test]
fn fleet_should_not_be_removed_when_it_is_anothers_or_in_use() {
	build_and_execute(|| {
		let fleet = register_fleet(VENDOR, register_model(VENDOR));
		let remove = |who, fleet| Firmware::remove_fleet(RuntimeOrigin::signed(who), fleet);
		assert_refused!(remove(VENDOR, fleet + 1), Error::<Test>::UnknownFleet);
		assert_refused!(remove(ANYONE, fleet), Error::<Test>::NotModelVendor);
		for _ in 0..2 {
			<Firmware as Registry<_>>::fleet_in_use(fleet);
		}
		assert_refused!(remove(VENDOR, fleet), Error::<Test>::FleetInUse);
		<Firmware as Registry<_>>::fleet_released(fleet);
		assert_refused!(remove(VENDOR, fleet), Error::<Test>::FleetInUse);
		<Firmware as Registry<_>>::fleet_released(fleet);
		assert_ok!(remove(VENDOR, fleet));
		// Nothing happens for one that is not there.
		<Firmware as Registry<_>>::fleet_in_use(fleet);
		<Firmware as Registry<_>>::fleet_released(fleet);
		assert_eq!(<Firmware as Registry<_>>::fleet(fleet), None);
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
