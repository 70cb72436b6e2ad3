//! The slot length: genesis sets it, it never changes, and every limit in hours and days is
//! measured in it.

use super::{
	chain::{genesis_config, Chain},
	collators::root,
};
use crate::{
	configs::MinExclusiveWindow,
	parameters::{MaxMinDuration, MaxPeriod},
	session::{MaxSessionLength, SessionLength},
	slot::{self, SlotDuration, MAX_SLOT_DURATION, MIN_SLOT_DURATION},
	time::{in_blocks, DAY, DEFAULT_SLOT_DURATION, HOUR},
	Aura, BlockNumber, Runtime, RuntimeCall, RuntimeGenesisConfig, System,
};
use frame_support::traits::Get;
use sp_io::TestExternalities;
use sp_runtime::BuildStorage;

/// The state of a chain whose genesis sets only this slot length.
fn chain_of(slot_duration: Option<u64>) -> TestExternalities {
	let mut config = RuntimeGenesisConfig::default();
	config.slot.length = slot_duration;
	config.build_storage().unwrap().into()
}

/// Every limit that stands for a time, in blocks.
fn limits() -> [BlockNumber; 8] {
	[
		MaxPeriod::get(),
		MaxMinDuration::get(),
		MaxSessionLength::get(),
		<<Runtime as pallet_voters::Config>::ReportLifetime as Get<u64>>::get() as u32,
		MinExclusiveWindow::get(),
		<<Runtime as pallet_pod_bounty::Config>::MaxExclusiveWindow as Get<_>>::get(),
		<<Runtime as pallet_pod_bounty::Config>::MaxDuration as Get<_>>::get(),
		<SessionLength as Get<_>>::get(),
	]
}

/// [`limits`] with slots of `slot` milliseconds. With slots longer than 3 s, the shortest exclusive
/// window has ten of them.
fn expected(slot: u64) -> [BlockNumber; 8] {
	let blocks = |seconds: u32| u32::try_from(u64::from(seconds) * 1_000 / slot).unwrap();
	[
		blocks(30 * DAY),
		blocks(30 * DAY),
		blocks(DAY),
		blocks(HOUR),
		blocks(30).max(10),
		blocks(DAY),
		blocks(90 * DAY),
		blocks(HOUR / 2),
	]
}

#[test]
fn limits_should_last_as_long_whatever_the_slot_length() {
	for slot in [MIN_SLOT_DURATION, 1_000, 3_000, 6_000, MAX_SLOT_DURATION] {
		chain_of(Some(slot)).execute_with(|| {
			assert_eq!(SlotDuration::get(), slot);
			assert_eq!(Aura::slot_duration(), slot);
			assert_eq!(<<Runtime as pallet_timestamp::Config>::MinimumPeriod as Get<u64>>::get(), slot / 2);
			assert_eq!(limits(), expected(slot), "{slot} ms");
		});
	}
}

#[test]
fn slots_should_have_three_seconds_when_genesis_says_nothing() {
	chain_of(None).execute_with(|| {
		assert_eq!(slot::Length::<Runtime>::get(), None);
		assert_eq!(SlotDuration::get(), DEFAULT_SLOT_DURATION);
		assert_eq!(limits(), expected(3_000));
	});
}

#[test]
fn every_period_should_be_in_the_state_when_the_chain_starts() {
	for config in [RuntimeGenesisConfig::default(), genesis_config("development"), genesis_config("local_testnet")] {
		TestExternalities::from(config.build_storage().unwrap()).execute_with(|| {
			let stored = pallet_parameters::Parameters::<Runtime>::iter_keys().count();
			assert_eq!(stored, 6, "a new parameter: let genesis write it");
		});
	}
}

#[test]
fn spans_should_round_up_and_not_overflow() {
	assert_eq!([in_blocks(0, 3_000), in_blocks(1, 3_000), in_blocks(3, 3_000), in_blocks(4, 3_000)], [0, 1, 1, 2]);
	assert_eq!(in_blocks(u32::MAX, 1), BlockNumber::MAX);
	assert_eq!(in_blocks(9, 0), 3);
}

#[test]
fn slot_lengths_out_of_bounds_should_be_refused() {
	for slot in [0, MIN_SLOT_DURATION - 1, MAX_SLOT_DURATION + 1, u64::MAX] {
		let built = std::panic::catch_unwind(|| chain_of(Some(slot)));
		let words = *built.expect_err("refused").downcast::<String>().unwrap();
		assert!(words.contains("slot.length must be from 500 to 60000 ms"), "{words}");
	}
}

#[test]
fn slot_length_should_not_change_on_a_running_chain_whatever_root_writes() {
	let key = slot::Length::<Runtime>::hashed_key().to_vec();
	let prefix = key[..16].to_vec();
	for call in [
		frame_system::Call::set_storage { items: vec![(key.clone(), 6_000u64.to_le_bytes().to_vec())] },
		frame_system::Call::set_storage { items: vec![(key.clone(), vec![1])] },
		frame_system::Call::kill_storage { keys: vec![key.clone()] },
		frame_system::Call::kill_prefix { prefix, subkeys: 10 },
	] {
		let mut chain = Chain::new("local_testnet");
		chain.author(root(RuntimeCall::System(call)));
		chain.with(|| assert_eq!(SlotDuration::get(), 1_000));
		// Aura would stop the chain here if the slot length had changed.
		let before = chain.with(System::block_number);
		chain.run_to(before + 3);
	}
}

#[test]
fn chain_without_a_slot_length_should_not_get_one() {
	let mut config = genesis_config("local_testnet");
	config.slot.length = None;
	let mut chain = Chain::from_config(&config);
	let key = slot::Length::<Runtime>::hashed_key().to_vec();
	let set = frame_system::Call::set_storage { items: vec![(key, 1_000u64.to_le_bytes().to_vec())] };
	chain.author(root(RuntimeCall::System(set)));
	chain.run_to(5);
	chain.with(|| assert_eq!(slot::Length::<Runtime>::get(), None));
}
