//! The chains that a node can start by name.

use crate::{
	configs::AuthorsPot, currency::EXISTENTIAL_DEPOSIT, AccountId, Balance, BalancesConfig, CollatorSelectionConfig,
	GenesisParametersConfig, RuntimeGenesisConfig, SessionConfig, SessionKeys, SlotConfig, SudoConfig, UNIT,
};
use alloc::{vec, vec::Vec};
use frame_support::{build_struct_json_patch, traits::TypedGet};
use serde_json::Value;
use sp_genesis_builder::{PresetId, DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

/// The money of each well-known account.
const ENDOWMENT: Balance = 1_000_000 * UNIT;
/// The bond of a collator that joins.
const CANDIDACY_BOND: Balance = 100 * UNIT;
/// The length of a slot, in milliseconds. It is short, so tests and people wait less for blocks.
const SLOT_DURATION: u64 = 1_000;
/// The number of collators that can join.
const DESIRED_CANDIDATES: u32 = 16;

/// The genesis configuration with this name, as JSON.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
	let preset = match id.as_ref() {
		DEV_RUNTIME_PRESET => development(),
		LOCAL_TESTNET_RUNTIME_PRESET => local_testnet(),
		_ => return None,
	};
	serde_json::to_vec(&preset).ok()
}

/// The names of the presets.
pub fn preset_names() -> Vec<PresetId> {
	vec![DEV_RUNTIME_PRESET.into(), LOCAL_TESTNET_RUNTIME_PRESET.into()]
}

/// A chain of one node, Alice's.
fn development() -> Value {
	genesis(&[(Sr25519Keyring::Alice, Ed25519Keyring::Alice)])
}

/// A chain of several nodes. Those of Alice and Bob are appointed.
fn local_testnet() -> Value {
	genesis(&[(Sr25519Keyring::Alice, Ed25519Keyring::Alice), (Sr25519Keyring::Bob, Ed25519Keyring::Bob)])
}

/// A chain for development: short periods, well-known accounts, Alice as root.
fn genesis(appointed: &[(Sr25519Keyring, Ed25519Keyring)]) -> Value {
	let endowed = Sr25519Keyring::iter().map(|keyring| (keyring.to_account_id(), ENDOWMENT));
	// The pot needs money of its own in order to exist before the first fee.
	let balances = endowed.chain([(AuthorsPot::get(), EXISTENTIAL_DEPOSIT)]).collect::<Vec<_>>();
	let keys = appointed.iter().map(|(sr25519, ed25519)| {
		let account: AccountId = sr25519.to_account_id();
		let keys = SessionKeys {
			aura: sr25519.public().into(),
			grandpa: ed25519.public().into(),
			attester: sr25519.public().into(),
		};
		(account.clone(), account, keys)
	});
	build_struct_json_patch!(RuntimeGenesisConfig {
		balances: BalancesConfig { balances },
		collator_selection: CollatorSelectionConfig {
			invulnerables: appointed.iter().map(|(keyring, _)| keyring.to_account_id()).collect::<Vec<_>>(),
			candidacy_bond: CANDIDACY_BOND,
			desired_candidates: DESIRED_CANDIDATES,
		},
		session: SessionConfig { keys: keys.collect::<Vec<_>>() },
		sudo: SudoConfig { key: Some(Sr25519Keyring::Alice.to_account_id()) },
		slot: SlotConfig { length: Some(SLOT_DURATION) },
		genesis_parameters: GenesisParametersConfig {
			session_length: Some(10),
			recheck_period: Some(100),
			retry_period: Some(30),
			key_set_delay: Some(12),
			exclusive_window: Some(30),
			min_bounty_duration: Some(10),
		},
	})
}
