//! Upgrades from the state of earlier versions, in blocks made as a node makes them.

use super::{
	chain::{events, Chain},
	delivery::{chain_with_release, deliver, fleet, open_bounty, DEVICES, VENDOR},
};
use crate::{Firmware, Migrations, Runtime, RuntimeCall, RuntimeEvent};
use codec::Encode;
use frame_support::{
	storage::unhashed,
	traits::{GetStorageVersion, StorageVersion},
};
use frame_system::{LastRuntimeUpgrade, LastRuntimeUpgradeInfo};
use pallet_firmware::{Fleet, FleetCaps, Fleets};
use waybill_primitives::{
	fleet::{depth, usual_cap_height},
	Cid, FleetId, Hash32,
};

type State = (Vec<(FleetId, Fleet<Runtime>)>, Vec<(FleetId, u32, Vec<Hash32>)>);

/// The fleets and their caps.
fn state() -> State {
	let mut fleets: Vec<_> = Fleets::<Runtime>::iter().collect();
	fleets.sort_by_key(|(id, _)| *id);
	let mut caps: Vec<_> = FleetCaps::<Runtime>::iter().map(|(id, page, nodes)| (id, page, nodes.into_inner())).collect();
	caps.sort();
	(fleets, caps)
}

/// Rewrites the fleets as version 1 of the registry's storage held them: without caps.
fn go_back_to_version_1() {
	for (id, Fleet { model, root, count, manifest, users, ticket, .. }) in Fleets::<Runtime>::iter().collect::<Vec<_>>() {
		let old = (model, root, count, manifest, users, ticket);
		unhashed::put_raw(&Fleets::<Runtime>::hashed_key_for(id), &old.encode());
	}
	let pages: Vec<_> = FleetCaps::<Runtime>::iter_keys().collect();
	pages.into_iter().for_each(|(id, page)| FleetCaps::<Runtime>::remove(id, page));
	StorageVersion::new(1).put::<Firmware>();
}

/// Makes the next block see an earlier runtime as the author of the one before.
fn expect_upgrade() {
	let spec_name = crate::VERSION.spec_name;
	LastRuntimeUpgrade::<Runtime>::put(LastRuntimeUpgradeInfo { spec_version: 1.into(), spec_name });
}

/// Makes blocks until the upgrade is complete.
fn upgrade(chain: &mut Chain) {
	chain.with(expect_upgrade);
	for _ in 0..20 {
		chain.author(vec![]);
		let completed = RuntimeEvent::Migrations(pallet_migrations::Event::UpgradeCompleted);
		if chain.with(|| events().contains(&completed)) {
			chain.with(|| assert!(pallet_migrations::Cursor::<Runtime>::get().is_none()));
			return;
		}
	}
	panic!("the upgrade does not end: {:?}", chain.with(Migrations::status));
}

/// A chain whose fleets, except the first, have placeholder caps and no known devices.
fn chain_with_fleets(cap_height: u32, more: u32) -> (Chain, [u8; 32]) {
	let (mut chain, genesis) = chain_with_release(&fleet(), cap_height);
	let calls = (1..=more).map(|count| {
		RuntimeCall::Firmware(pallet_firmware::Call::register_fleet {
			model: 0,
			count,
			cap: vec![[7; 32]].try_into().unwrap(),
			manifest: Cid::raw(b"list"),
		})
	});
	let batch = pallet_utility::Call::batch_all { calls: calls.collect() };
	chain.author(vec![(VENDOR, RuntimeCall::Utility(batch))]);
	(chain, genesis)
}

#[test]
fn fleets_of_version_1_should_have_caps_and_take_deliveries_after_the_upgrade() {
	// In version 1 every fleet behaves as if its cap were just the root.
	let (mut chain, genesis) = chain_with_fleets(depth(DEVICES), 12);
	let before = chain.with(state);
	assert_eq!((before.0.len(), before.1.len()), (13, 13));
	chain.with(go_back_to_version_1);

	upgrade(&mut chain);
	chain.with(|| {
		assert_eq!(state(), before);
		assert_eq!(Firmware::on_chain_storage_version(), Firmware::in_code_storage_version());
		assert_eq!(pallet_migrations::Historic::<Runtime>::iter().count(), 1);
	});
	let expires_at = open_bounty(&mut chain, &genesis, 20);
	deliver(&mut chain, &genesis, &fleet(), depth(DEVICES), 0..3, expires_at);
}

#[test]
fn upgrade_should_change_nothing_when_the_chain_began_with_this_version() {
	let (mut chain, _) = chain_with_fleets(usual_cap_height(DEVICES), 3);
	let before = chain.with(state);
	upgrade(&mut chain);
	chain.with(|| assert_eq!(state(), before));

	// Running the migration once more changes nothing either.
	let forgotten = chain.with(|| pallet_migrations::Historic::<Runtime>::drain().count());
	assert_eq!(forgotten, 1);
	upgrade(&mut chain);
	chain.with(|| {
		assert_eq!(state(), before);
		assert_eq!(Firmware::on_chain_storage_version(), Firmware::in_code_storage_version());
	});
}
