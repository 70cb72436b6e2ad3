//! Tests of what try-runtime tools do with a snapshot of the chain.

use super::{
	chain::Chain,
	delivery::{chain_with_release, deliver, fleet, open_bounty, DEVICES},
};
use crate::{genesis_config_presets::preset_names, Executive};
use frame_try_runtime::UpgradeCheckSelect;
use waybill_primitives::fleet::usual_cap_height;

/// Upgrades to this runtime, runs the checks before and after, and decodes the whole state.
fn assert_upgradable(chain: &mut Chain) {
	chain.with(|| Executive::try_runtime_upgrade(UpgradeCheckSelect::All).unwrap());
}

#[test]
fn upgrade_should_keep_what_holds_of_every_genesis() {
	for name in preset_names() {
		assert_upgradable(&mut Chain::new(name.as_ref()));
	}
}

#[test]
fn upgrade_should_keep_what_holds_of_deliveries() {
	let (tree, cap_height) = (fleet(), usual_cap_height(DEVICES));
	let (mut chain, genesis) = chain_with_release(&tree, cap_height);
	let expires_at = open_bounty(&mut chain, &genesis, 20);
	deliver(&mut chain, &genesis, &tree, cap_height, 5..25, expires_at);
	assert_upgradable(&mut chain);
	// The blocks that follow run the migrations.
	for _ in 0..3 {
		chain.author(vec![]);
	}
}
