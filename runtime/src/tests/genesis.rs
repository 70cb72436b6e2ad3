use super::chain::{genesis_config, Chain};
use crate::{
	configs::AuthorsPot, genesis_config_presets::preset_names, session::SessionLength, Balances, BlockNumber, Grandpa,
	Runtime, Session, System, EXISTENTIAL_DEPOSIT, UNIT,
};
use frame_support::traits::{Get, TypedGet};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};
use sp_runtime::BuildStorage;

#[test]
fn every_preset_should_build() {
	assert_eq!(preset_names().len(), 2);
	for name in preset_names() {
		genesis_config(name.as_ref()).build_storage().unwrap();
	}
	assert_eq!(crate::genesis_config_presets::get_preset(&"production".into()), None);
}

#[test]
fn appointed_should_have_every_role_when_the_chain_starts() {
	for (preset, appointed) in [
		("development", vec![(Sr25519Keyring::Alice, Ed25519Keyring::Alice)]),
		("local_testnet", vec![(Sr25519Keyring::Alice, Ed25519Keyring::Alice), (Sr25519Keyring::Bob, Ed25519Keyring::Bob)]),
	] {
		Chain::new(preset).with(|| {
			let mut accounts: Vec<_> = appointed.iter().map(|(who, _)| who.to_account_id()).collect();
			accounts.sort();
			assert_eq!(Session::validators(), accounts);
			assert_eq!(pallet_collator_selection::Invulnerables::<Runtime>::get().into_inner(), accounts);
			let authors = pallet_aura::Authorities::<Runtime>::get();
			let voters: Vec<_> = Grandpa::grandpa_authorities().into_iter().map(|(key, _)| key).collect();
			let attesters = pallet_firmware::Attesters::<Runtime>::get();
			assert_eq!([authors.len(), voters.len(), attesters.len()], [appointed.len(); 3]);
			for (sr25519, ed25519) in appointed {
				assert!(authors.contains(&sr25519.public().into()));
				assert!(voters.contains(&ed25519.public().into()));
				assert!(attesters.contains(&sr25519.public().into()));
			}
			assert_eq!(pallet_sudo::Key::<Runtime>::get(), Some(Sr25519Keyring::Alice.to_account_id()));
		});
	}
}

#[test]
fn accounts_and_parameters_should_be_set_when_the_chain_starts() {
	Chain::new("local_testnet").with(|| {
		for who in [Sr25519Keyring::Charlie, Sr25519Keyring::Dave, Sr25519Keyring::Eve, Sr25519Keyring::Ferdie] {
			assert_eq!(Balances::free_balance(who.to_account_id()), 1_000_000 * UNIT);
		}
		assert_eq!(Balances::free_balance(AuthorsPot::get()), EXISTENTIAL_DEPOSIT);
		assert_eq!(<SessionLength as Get<BlockNumber>>::get(), 10);
	});
}

#[test]
fn periods_should_be_long_when_genesis_sets_none() {
	let storage = crate::RuntimeGenesisConfig::default().build_storage().unwrap();
	sp_io::TestExternalities::new(storage).execute_with(|| {
		assert_eq!(<SessionLength as Get<BlockNumber>>::get(), 600);
		assert_eq!(<<Runtime as pallet_firmware::Config>::RecheckPeriod as Get<BlockNumber>>::get(), 28_800);
		assert_eq!(<<Runtime as pallet_firmware::Config>::KeySetDelay as Get<BlockNumber>>::get(), 28_800);
		assert_eq!(System::block_number(), 0);
		assert!(pallet_firmware::Attesters::<Runtime>::get().is_empty());
	});
}
