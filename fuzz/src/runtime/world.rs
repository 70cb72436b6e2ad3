//! Who there is, and the state from which every run starts.

use super::{action::Action, chain::Chain};
use codec::Encode;
use ed25519_dalek::SigningKey;
use serde_json::Value;
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve, Ferdie};
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use sp_runtime::{BuildStorage, Storage};
use sp_state_machine::BasicExternalities;
use std::sync::LazyLock;
use waybill_exchange::Signer;
use waybill_primitives::{fleet::FleetTree, DeviceKey, Hash32, KeySet};
use waybill_runtime::{
	genesis_config_presets::get_preset, AccountId, RuntimeGenesisConfig, SessionKeys, EXISTENTIAL_DEPOSIT, UNIT,
};

/// Accounts with much money, of which the first two are appointed collators; see [`account`].
const RICH: [Sr25519Keyring; 6] = [Alice, Bob, Charlie, Dave, Eve, Ferdie];
/// Accounts with hardly any.
const POOR: [AccountId; 2] = [AccountId::new([0xa0; 32]), AccountId::new([0xa1; 32])];
/// Closes what is left; nobody else may act for it.
pub const JANITOR: AccountId = AccountId::new([0xa2; 32]);
/// The account that is a vendor from the start.
const VENDOR: u8 = 2;

/// The sizes of the fleets that can be registered.
const FLEETS: [u16; 4] = [300, 40, 5, 1];

/// Devices, by their indices in every fleet.
static DEVICES: LazyLock<Vec<SigningKey>> = LazyLock::new(|| (0..FLEETS[0]).map(|index| key("device", index)).collect());
/// Release keys, by their numbers.
static RELEASE_KEYS: LazyLock<Vec<SigningKey>> = LazyLock::new(|| (0..8).map(|number| key("release", number)).collect());
/// The trees of the fleets that can be registered.
pub static TREES: LazyLock<Vec<(u32, FleetTree)>> = LazyLock::new(|| {
	let keys: Vec<_> = DEVICES.iter().map(Signer::public).collect();
	FLEETS.map(|count| (count.into(), FleetTree::new(&keys[..count.into()]))).into()
});
/// Session keys of the accounts, with the proofs that they are theirs.
static SESSION_KEYS: LazyLock<Vec<(SessionKeys, Vec<u8>)>> = LazyLock::new(|| {
	let mut ext = sp_io::TestExternalities::default();
	ext.register_extension(KeystoreExt::new(MemoryKeystore::new()));
	let generate = |keyring: Sr25519Keyring| {
		let seed = format!("//{keyring:?}//session");
		let generated = SessionKeys::generate(&keyring.to_account_id().encode(), Some(seed.into_bytes()));
		(generated.keys, generated.proof.encode())
	};
	ext.execute_with(|| RICH.map(generate).into())
});

/// A vendor with two fleets and two releases, one of them available and the larger fleet's bounty open.
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

/// The development preset of several nodes, without root.
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

/// The account that a byte stands for.
pub fn account(number: u8) -> AccountId {
	let number = usize::from(number) % (RICH.len() + POOR.len());
	RICH.get(number).map_or_else(|| POOR[number - RICH.len()].clone(), |keyring| keyring.to_account_id())
}

/// The attester that a byte stands for; not all are appointed.
pub fn attester(number: u8) -> Sr25519Keyring {
	RICH[usize::from(number) % 3]
}

/// Session keys of whom a byte stands for.
pub fn session_keys(number: u8) -> (SessionKeys, Vec<u8>) {
	SESSION_KEYS[usize::from(number) % RICH.len()].clone()
}

/// The device at an index of every fleet.
pub fn device(index: u32) -> &'static SigningKey {
	&DEVICES[index as usize % DEVICES.len()]
}

/// The key set that a byte stands for: three of the release keys, and a threshold that may not fit.
pub fn key_set(number: u8) -> KeySet {
	let keys: Vec<_> = (0..3).map(|place| RELEASE_KEYS[usize::from(number.wrapping_add(place)) % 8].public()).collect();
	KeySet { threshold: number / 8 % 5, keys: keys.try_into().expect("three keys") }
}

/// Who holds a release key.
pub fn release_signer(key: &DeviceKey) -> Option<&'static SigningKey> {
	RELEASE_KEYS.iter().find(|signer| signer.public() == *key)
}

/// Thirty-two bytes that a name and a number stand for.
pub fn hash(name: &str, number: impl Encode) -> Hash32 {
	sp_io::hashing::sha2_256(&(name, number).encode())
}

fn key(name: &str, number: u16) -> SigningKey {
	SigningKey::from_bytes(&hash(name, number))
}
