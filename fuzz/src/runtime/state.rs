//! The state from which every run starts.

use super::{
	action::Action,
	chain::Chain,
	world::{account, JANITOR, POOR, VENDOR},
};
use serde_json::Value;
use sp_runtime::{BuildStorage, Storage};
use sp_state_machine::BasicExternalities;
use std::sync::LazyLock;
use waybill_runtime::{genesis_config_presets::get_preset, RuntimeGenesisConfig, EXISTENTIAL_DEPOSIT, UNIT};

/// The state: a vendor with two fleets and two releases, one of them available, and an open bounty
/// for the larger fleet.
pub static STATE: LazyLock<Storage> = LazyLock::new(|| {
	let mut storage = genesis().build_storage().expect("the preset is complete");
	BasicExternalities::execute_with_storage(&mut storage, || {
		let mut chain = Chain::resume();
		let attest = |attester| Action::Attest { release: 0, round: 0, attester, verdict: 0, forged: false };
		let steps = [
			Action::RegisterVendor { set: 17 },
			Action::RegisterModel,
			Action::RegisterFleet { model: 0, tree: 0, height: 8, alter: 0 },
			Action::RegisterFleet { model: 0, tree: 1, height: 0, alter: 0 },
			Action::Publish { model: 0, version: 1, security: 1, signers: 0b011 },
			Action::Publish { model: 0, version: 2, security: 1, signers: 0b011 },
			attest(0),
			attest(1),
			Action::Open { release: 0, fleet: 0, reward: 10, duration: 127 },
		];
		for step in steps {
			let name = format!("{step:?}");
			assert_eq!(step.take(&mut chain, &account(VENDOR)), Some(Ok(Ok(()))), "{name}");
			chain.pass(1);
		}
		chain.rest();
	});
	storage
});

/// The preset for several nodes, without root.
fn genesis() -> RuntimeGenesisConfig {
	let mut config = serde_json::to_value(RuntimeGenesisConfig::default()).expect("it is JSON");
	let preset = get_preset(&sp_genesis_builder::LOCAL_TESTNET_RUNTIME_PRESET.into()).expect("there is one");
	merge(&mut config, serde_json::from_slice(&preset).expect("it is JSON"));
	let mut config: RuntimeGenesisConfig = serde_json::from_value(config).expect("the preset fits");
	config.sudo.key = None;
	config.balances.balances.extend(POOR.map(|who| (who, 20 * EXISTENTIAL_DEPOSIT)));
	config.balances.balances.push((JANITOR, 1_000 * UNIT));
	config
}

fn merge(base: &mut Value, patch: Value) {
	match (base, patch) {
		(Value::Object(base), Value::Object(patch)) => {
			patch.into_iter().for_each(|(key, value)| merge(base.entry(key).or_insert(Value::Null), value));
		},
		(base, patch) => *base = patch,
	}
}
