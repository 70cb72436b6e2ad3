//! A chain's state in memory, with an open bounty for a fleet.

use crate::{
	devices::{digest, Devices, PAYLOAD},
	signer::Signer,
};
use anyhow::{anyhow, Result};
use frame_support::traits::fungible::Mutate;
use sp_core::Blake2Hasher;
use sp_crypto_hashing::sha2_256;
use sp_io::TestExternalities;
use sp_runtime::{traits::Dispatchable, BuildStorage};
use sp_state_machine::{Ext, InMemoryBackend};
use waybill_primitives::{view::ReleaseState, BountyId, Cid, KeySet, ReleaseKey, ReleaseStatement, Version};
use waybill_runtime::{
	AccountId, Balances, PodBounty, Runtime, RuntimeCall, RuntimeGenesisConfig, RuntimeOrigin, System, UNIT,
};

type FirmwareCall = pallet_firmware::Call<Runtime>;

/// The state after the calls so far; a distributor and a vendor have money.
pub struct World {
	ext: TestExternalities,
	/// The distributor that delivers.
	pub distributor: Signer,
	vendor: AccountId,
}

impl World {
	/// A chain with an available release for the fleet, and no bounty.
	pub fn new(devices: &Devices) -> Result<Self> {
		let storage = RuntimeGenesisConfig::default().build_storage().map_err(|error| anyhow!(error))?;
		let mut ext = TestExternalities::new(storage);
		let distributor = Signer::new("//Alice//distributor", devices.genesis());
		let vendor = Signer::new("//Alice//vendor", devices.genesis()).account();
		let accounts = [distributor.account(), vendor.clone()];
		let funded: Result<Vec<_>, _> = ext.execute_with(|| {
			System::set_block_number(1);
			frame_system::BlockHash::<Runtime>::insert(0, devices.genesis());
			accounts.iter().map(|who| Balances::mint_into(who, 1_000_000 * UNIT)).collect()
		});
		funded.map_err(|error| anyhow!("{error:?}"))?;

		let mut world = Self { ext, distributor, vendor };
		let metadata = pallet_firmware::VendorMetadata {
			name: b"Bench".to_vec().try_into().expect("short"),
			url: Default::default(),
			security_contact: Default::default(),
		};
		let keys = vec![ReleaseKey::Ed25519([9; 32])].try_into().expect("one key");
		world.by_vendor(FirmwareCall::register_vendor { metadata, key_set: KeySet { threshold: 1, keys } })?;
		world.by_vendor(FirmwareCall::register_model { name: b"bench".to_vec().try_into().expect("short") })?;
		Ok(world)
	}

	/// Registers the fleet.
	pub fn register_fleet(&mut self, devices: &Devices) -> Result<()> {
		let cap = devices.cap().to_vec().try_into().expect("no cap is larger than the largest");
		let manifest = Cid::raw(PAYLOAD);
		self.by_vendor(FirmwareCall::register_fleet { model: 0, count: devices.count(), cap, manifest })
	}

	/// Opens the bounty for a release that the attesters found available.
	pub fn open(&mut self) -> Result<BountyId> {
		let release = pallet_firmware::Release::<Runtime> {
			vendor: self.vendor.clone(),
			statement: ReleaseStatement {
				model: 0,
				version: Version::new(1, 0, 0),
				security_version: 1,
				payload: Cid::raw(PAYLOAD),
				size: PAYLOAD.len() as u64,
				sha256: sha2_256(PAYLOAD),
				digest: digest(),
			},
			key_set_version: 1,
			advisory: None,
			published_at: 1,
			state: ReleaseState::Available,
			yank: None,
			ticket: self.with(|| pallet_firmware::Models::<Runtime>::get(0)).expect("registered").ticket,
		};
		self.with(|| pallet_firmware::Releases::<Runtime>::insert(0, release));
		let expires_at = 100_000;
		self.by_vendor(pallet_pod_bounty::Call::open { release: 0, fleet: 0, reward: UNIT / 100, expires_at })?;
		Ok(0)
	}

	/// Works on the state.
	pub fn with<R>(&mut self, work: impl FnOnce() -> R) -> R {
		self.ext.execute_with(work)
	}

	/// The state, for calls of the runtime's wasm.
	pub fn externalities(&mut self) -> Ext<'_, Blake2Hasher, InMemoryBackend<Blake2Hasher>> {
		self.ext.ext()
	}

	/// A call by the distributor, without a transaction.
	pub fn by_distributor(&mut self, call: impl Into<RuntimeCall>) -> Result<()> {
		self.dispatch(call, self.distributor.account())
	}

	fn by_vendor(&mut self, call: impl Into<RuntimeCall>) -> Result<()> {
		self.dispatch(call, self.vendor.clone())
	}

	fn dispatch(&mut self, call: impl Into<RuntimeCall>, who: AccountId) -> Result<()> {
		let call = call.into();
		let result = self.with(|| call.dispatch(RuntimeOrigin::signed(who)));
		result.map(|_| ()).map_err(|error| anyhow!("a call failed: {:?}", error.error))
	}

	/// The bytes of all keys and values under a prefix of the state.
	pub fn bytes_under(&mut self, prefix: &[u8]) -> u64 {
		self.with(|| {
			let (mut bytes, mut key) = (0, prefix.to_vec());
			while let Some(next) = sp_io::storage::next_key(&key).filter(|next| next.starts_with(prefix)) {
				let value = sp_io::storage::get(&next).map_or(0, |value| value.len());
				bytes += (next.len() + value) as u64;
				key = next;
			}
			bytes
		})
	}
}

/// The prefix of everything that the escrow stores.
pub fn escrow_prefix() -> [u8; 16] {
	<PodBounty as frame_support::traits::PalletInfoAccess>::name_hash()
}
