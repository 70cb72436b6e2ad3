//! Runs every benchmark of this project's pallets, with all components at their lowest and at their
//! highest.

use super::chain::genesis_config;
use crate::benchmarks::{dispatch, metadata};
use frame_benchmarking::{BenchmarkConfig, BenchmarkParameter};
use sc_client_db::BenchmarkingState;
use sp_externalities::{set_and_run_with_externalities, Extensions};
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use sp_runtime::{traits::BlakeTwo256, BuildStorage};
use sp_state_machine::{Ext, OverlayedChanges};

/// Runs a benchmark once and checks its result.
fn run(pallet: &[u8], instance: &[u8], benchmark: &[u8], selected_components: Vec<(BenchmarkParameter, u32)>) {
	let storage = genesis_config("development").build_storage().unwrap();
	let state = BenchmarkingState::<BlakeTwo256>::new(storage, None, false, true).unwrap();
	let mut extensions = Extensions::default();
	extensions.register(KeystoreExt::new(MemoryKeystore::new()));
	let mut overlay = OverlayedChanges::default();
	let mut ext = Ext::new(&mut overlay, &state, Some(&mut extensions));
	let config = BenchmarkConfig {
		pallet: pallet.to_vec(),
		instance: instance.to_vec(),
		benchmark: benchmark.to_vec(),
		selected_components,
		verify: true,
		internal_repeats: 1,
	};
	let what = format!("{} {:?}", String::from_utf8_lossy(benchmark), config.selected_components);
	let batches = set_and_run_with_externalities(&mut ext, || dispatch(config));
	let batches = batches.unwrap_or_else(|error| panic!("{what}: {error}"));
	assert!(batches.iter().any(|batch| !batch.results.is_empty()), "{what} did not run");
}

fn run_all(pallet: &str) {
	let lists = sp_io::TestExternalities::default().execute_with(|| metadata(true).0);
	let list = lists.into_iter().find(|list| list.pallet == pallet.as_bytes()).unwrap();
	assert!(!list.benchmarks.is_empty());
	for benchmark in list.benchmarks {
		let lowest: Vec<_> = benchmark.components.iter().map(|(name, low, _)| (*name, *low)).collect();
		let highest: Vec<_> = benchmark.components.iter().map(|(name, _, high)| (*name, *high)).collect();
		run(&list.pallet, &list.instance, &benchmark.name, lowest.clone());
		if highest != lowest {
			run(&list.pallet, &list.instance, &benchmark.name, highest);
		}
	}
}

#[test]
fn registry_benchmarks_should_run() {
	run_all("pallet_firmware");
}

#[test]
fn escrow_benchmarks_should_run() {
	run_all("pallet_pod_bounty");
}
