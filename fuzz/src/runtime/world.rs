//! The accounts and their keys.

use codec::Encode;
use ed25519_dalek::SigningKey;
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve, Ferdie};
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use std::sync::LazyLock;
use waybill_exchange::Signer;
use waybill_primitives::{fleet::FleetTree, DeviceKey, Hash32, KeySet};
use waybill_runtime::{AccountId, SessionKeys};

/// Accounts with much money. The first two are appointed collators; see [`account`].
const RICH: [Sr25519Keyring; 6] = [Alice, Bob, Charlie, Dave, Eve, Ferdie];
/// Accounts with hardly any money.
pub const POOR: [AccountId; 2] = [AccountId::new([0xa0; 32]), AccountId::new([0xa1; 32])];
/// The account that closes what is left. No input can act for it.
pub const JANITOR: AccountId = AccountId::new([0xa2; 32]);
/// The account that is a vendor from the start.
pub const VENDOR: u8 = 2;

/// The sizes of the fleets that can be registered.
const FLEETS: [u16; 4] = [300, 40, 5, 1];

/// The devices' keys, by index in every fleet.
static DEVICES: LazyLock<Vec<SigningKey>> = LazyLock::new(|| (0..FLEETS[0]).map(|index| key("device", index)).collect());
/// The release keys, by number.
static RELEASE_KEYS: LazyLock<Vec<SigningKey>> = LazyLock::new(|| (0..8).map(|number| key("release", number)).collect());
/// The trees of the fleets that can be registered.
pub static TREES: LazyLock<Vec<(u32, FleetTree)>> = LazyLock::new(|| {
	let keys: Vec<_> = DEVICES.iter().map(Signer::public).collect();
	FLEETS.map(|count| (count.into(), FleetTree::new(&keys[..count.into()]))).into()
});
/// The session keys of the accounts, with proofs of ownership.
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

/// The account that a byte stands for.
pub fn account(number: u8) -> AccountId {
	let number = usize::from(number) % (RICH.len() + POOR.len());
	RICH.get(number).map_or_else(|| POOR[number - RICH.len()].clone(), |keyring| keyring.to_account_id())
}

/// The attester that a byte stands for; not all are appointed.
pub fn attester(number: u8) -> Sr25519Keyring {
	RICH[usize::from(number) % 3]
}

/// The session keys of the account that a byte stands for.
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

/// The key pair of a release key.
pub fn release_signer(key: &DeviceKey) -> Option<&'static SigningKey> {
	RELEASE_KEYS.iter().find(|signer| signer.public() == *key)
}

/// Thirty-two bytes derived from a name and a number.
pub fn hash(name: &str, number: impl Encode) -> Hash32 {
	sp_io::hashing::sha2_256(&(name, number).encode())
}

fn key(name: &str, number: u16) -> SigningKey {
	SigningKey::from_bytes(&hash(name, number))
}
