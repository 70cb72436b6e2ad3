//! Migrations of the pallet's storage.

use crate::{migrations::v2::AddFleetCaps, mock::*, *};
use frame_support::{
	migrations::{SteppedMigration, SteppedMigrationError},
	storage::unhashed,
	traits::{GetStorageVersion, StorageVersion},
	weights::{Weight, WeightMeter},
};
use hex_literal::hex;
use waybill_primitives::{fleet::depth, FleetId};

type Migration = AddFleetCaps<Test>;
const V2: StorageVersion = StorageVersion::new(2);

/// A fleet as version 1 stored it: model, root, number of devices, manifest, users, deposit.
const V1_FLEET: [u8; 90] = hex!(
	"0000000000000000"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"19000000"
	"00 00 cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
	"02000000"
	"0a00000000000000"
);

/// The same fleet with another root, number of devices and number of users.
fn v1_fleet(root: u8, count: u32, users: u32) -> [u8; 90] {
	let mut bytes = V1_FLEET;
	bytes[8..40].fill(root);
	bytes[40..44].copy_from_slice(&count.to_le_bytes());
	bytes[78..82].copy_from_slice(&users.to_le_bytes());
	bytes
}

/// A chain of storage version 1 with these fleets (id, number of devices, users), each with a
/// deposit of 10.
fn v1_chain(fleets: &[(FleetId, u32, u32)]) {
	let model = register_model(VENDOR);
	for (id, count, users) in fleets {
		let key = Fleets::<Test>::hashed_key_for(id);
		unhashed::put_raw(&key, &v1_fleet(*id as u8, *count, *users));
		FleetIds::<Test>::insert(model, id, ());
		NextFleetId::<Test>::mutate(|next| *next = (*next).max(id + 1));
	}
	use frame_support::traits::fungible::MutateHold;
	Balances::hold(&StorageHold::get(), &VENDOR, 10 * fleets.len() as u64).unwrap();
	StorageVersion::new(1).put::<Firmware>();
}

fn version() -> StorageVersion {
	Firmware::on_chain_storage_version()
}

fn meter(fleets: u64) -> WeightMeter {
	WeightMeter::with_limit(<Test as Config>::WeightInfo::migrate_fleet().saturating_mul(fleets))
}

#[test]
fn new_chain_should_be_of_the_current_version() {
	build_and_execute(|| assert_eq!((version(), Firmware::in_code_storage_version()), (V2, V2)));
}

#[test]
fn fleets_of_version_1_should_get_their_root_as_cap() {
	let fleets = [(0, 1, 0), (1, 25, 2), (4, 1_000_000, 1), (5, u32::MAX, 0), (9, 256, 3)];
	build_and_execute(|| {
		v1_chain(&fleets);
		let before = Migration::fleets_before();
		assert_eq!(before.len(), fleets.len());
		assert_eq!(Migration::step(None, &mut WeightMeter::new()).map_err(|_| ()), Ok(None));
		assert_eq!(version(), 2);
		Migration::check_after(before).unwrap();
		for (id, count, users) in fleets {
			let fleet = Fleets::<Test>::get(id).unwrap();
			let (root, cap_height) = ([id as u8; 32], depth(count) as u8);
			assert_eq!((fleet.model, fleet.root, fleet.count, fleet.users), (0, root, count, users));
			assert_eq!(fleet.cap_height, cap_height);
			assert_eq!(FleetCaps::<Test>::get(id, 0).unwrap().to_vec(), [root]);
			assert_eq!(FleetCaps::<Test>::get(id, 1), None);
		}
		// A migrated fleet can be removed, and its deposit is returned.
		let held_before = held(VENDOR);
		Firmware::remove_fleet(RuntimeOrigin::signed(VENDOR), 0).unwrap();
		assert_eq!(held(VENDOR), held_before - 10);
	});
}

#[test]
fn fleet_should_keep_what_version_1_knew() {
	build_and_execute(|| {
		v1_chain(&[(3, 25, 2)]);
		unhashed::put_raw(&Fleets::<Test>::hashed_key_for(3), &V1_FLEET);
		assert_eq!(Migration::step(None, &mut meter(2)), Ok(None));
		let bytes = unhashed::get_raw(&Fleets::<Test>::hashed_key_for(3)).unwrap();
		// The height of the cap: with 25 devices the root is five levels above them.
		assert_eq!(bytes, [&V1_FLEET[..44], &[5], &V1_FLEET[44..]].concat());
	});
}

#[test]
fn steps_should_be_bounded_by_their_weight() {
	build_and_execute(|| {
		let fleets: Vec<_> = (0..7).map(|id| (id, 10, 0)).collect();
		v1_chain(&fleets);
		let before = Migration::fleets_before();
		let (mut cursor, mut steps) = (None, 0);
		loop {
			let mut meter = meter(3);
			cursor = Migration::transactional_step(cursor, &mut meter).map_err(|_| ()).unwrap();
			steps += 1;
			assert_eq!(FleetCaps::<Test>::iter().count(), (steps * 3).min(7));
			assert!(meter.consumed().all_lte(meter.limit()));
			if cursor.is_none() {
				break;
			}
			assert_eq!(version(), 1);
		}
		assert_eq!((steps, version()), (3, V2));
		Migration::check_after(before).unwrap();
	});
}

#[test]
fn step_should_be_refused_when_a_fleet_does_not_fit() {
	build_and_execute(|| {
		v1_chain(&[(0, 10, 0)]);
		let required = <Test as Config>::WeightInfo::migrate_fleet();
		let refused = |cursor| {
			let mut meter = WeightMeter::with_limit(required.saturating_sub(Weight::from_parts(1, 0)));
			Migration::step(cursor, &mut meter)
		};
		for cursor in [None, Some(0)] {
			let error = refused(cursor).unwrap_err();
			assert_eq!(error, SteppedMigrationError::InsufficientWeight { required });
		}
		assert_eq!(Migration::step(None, &mut meter(2)), Ok(None));
	});
}

#[test]
fn chain_without_fleets_should_move_in_one_step() {
	build_and_execute(|| {
		v1_chain(&[]);
		assert_eq!(Migration::step(None, &mut meter(1)), Ok(None));
		assert_eq!(version(), 2);
	});
}

#[test]
fn chain_of_another_version_should_be_left_alone() {
	for other in [0, 2, 3] {
		build_and_execute(|| {
			let fleet = register_fleet(VENDOR, register_model(VENDOR));
			let record = Fleets::<Test>::get(fleet);
			StorageVersion::new(other).put::<Firmware>();
			assert_eq!(Migration::fleets_before(), []);
			assert_eq!(Migration::step(None, &mut WeightMeter::new()), Ok(None));
			assert_eq!((version(), Fleets::<Test>::get(fleet)), (StorageVersion::new(other), record));
		});
	}
}

#[test]
fn check_should_see_a_fleet_that_did_not_move() {
	build_and_execute(|| {
		v1_chain(&[(0, 10, 0), (1, 10, 0)]);
		let before = Migration::fleets_before();
		assert!(Migration::check_after(before.clone()).is_err());
		assert_eq!(Migration::step(None, &mut WeightMeter::new()), Ok(None));
		let fleet = Fleets::<Test>::take(1).unwrap();
		assert!(Migration::check_after(before.clone()).is_err());
		Fleets::<Test>::insert(1, fleet.clone());
		let cap = FleetCaps::<Test>::take(1, 0).unwrap();
		assert!(Migration::check_after(before.clone()).is_err());
		FleetCaps::<Test>::insert(1, 0, cap);
		Fleets::<Test>::insert(1, Fleet { users: 1, ..fleet.clone() });
		assert!(Migration::check_after(before.clone()).is_err());
		Fleets::<Test>::insert(1, fleet);
		Migration::check_after(before).unwrap();
	});
}

#[test]
fn identifier_and_prefixes_should_be_pinned() {
	use codec::Encode;
	assert_eq!(Migration::id().encode(), b"pallet-firmware\x01\x02");
	build_and_execute(|| {
		let prefixes: Vec<_> = Migration::migrating_prefixes().unwrap().into_iter().collect();
		assert!(Fleets::<Test>::hashed_key_for(0).starts_with(&prefixes[0]));
		assert!(FleetCaps::<Test>::hashed_key_for(0, 0).starts_with(&prefixes[1]));
	});
}
