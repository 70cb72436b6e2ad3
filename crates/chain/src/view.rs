//! The chain's state at one block.

use crate::{
	api,
	block_time::BlockTime,
	calendar::{Calendar, Head},
	connect::Chain,
	error::{Error, Result},
	types::{text, AccountId, BlockId, Bounty, Distributor, Fleet, Hash, Model, Release, Reservation, Vendor},
};
use subxt::{
	client::{OnlineClientAtBlock, OnlineClientAtBlockImpl},
	config::{substrate::H256, SubstrateConfig},
	constants::Address as ConstantAddress,
	runtime_apis::Payload,
	storage::{Address, StorageClient},
};
use waybill_primitives::{
	view::{AttestationsView, DeviceStatus, KeySetLink, PendingKeySetView, MAX_KEY_SET_LINKS},
	BlockNumber, BountyId, DeviceIndex, FleetId, KeySet, ModelId, ReleaseId, ReservationId,
};

/// The chain's state at one block.
#[derive(Clone)]
pub struct View {
	chain: Chain,
	at: OnlineClientAtBlock<SubstrateConfig>,
}

impl Chain {
	/// The state at the newest final block.
	pub async fn finalized(&self) -> Result<View> {
		let at = match self.client.at_current_block().await {
			Ok(at) => at,
			Err(error) => return Err(self.explain(error).await),
		};
		Ok(View::new(self.clone(), at))
	}

	/// The state at the newest block, which a reorganisation can still take back.
	pub async fn best(&self) -> Result<View> {
		let hash = match self.rpc.chain_get_block_hash(None).await {
			Ok(Some(hash)) => hash,
			Ok(None) => return Err(Error::Lacking { url: self.url().into(), what: "blocks" }),
			Err(error) => return Err(self.explain(error).await),
		};
		match self.client.at_block(hash).await {
			Ok(at) => Ok(View::new(self.clone(), at)),
			Err(error) => Err(self.explain(error).await),
		}
	}

	/// The state after the final block of this number. The node may no longer have it.
	pub(crate) async fn at(&self, number: BlockNumber) -> Result<View> {
		let block = self.block_id(number).await?;
		match self.client.at_block(H256(block.hash.0)).await {
			Ok(at) => Ok(View::new(self.clone(), at)),
			Err(error) => Err(self.explain(error).await),
		}
	}

	/// The time from one block to the next.
	pub async fn block_time(&self) -> Result<BlockTime> {
		let ask = async { self.finalized().await?.block_time().await };
		self.block_time.get_or_try_init(|| ask).await.copied()
	}
}

impl View {
	pub(crate) const fn new(chain: Chain, at: OnlineClientAtBlock<SubstrateConfig>) -> Self {
		Self { chain, at }
	}

	/// The block, as subxt reads it.
	pub(crate) const fn at(&self) -> &OnlineClientAtBlock<SubstrateConfig> {
		&self.at
	}

	/// The block.
	pub fn block(&self) -> BlockId {
		BlockId {
			number: BlockNumber::try_from(self.at.block_number()).unwrap_or(BlockNumber::MAX),
			hash: Hash(self.at.block_hash().0),
		}
	}

	/// The time from one block to the next.
	pub async fn block_time(&self) -> Result<BlockTime> {
		let found = self.ask(api::runtime_apis().aura_api().slot_duration()).await?;
		let none = || Error::Nonsense("the chain says that its slots have no length".into());
		BlockTime::from_millis(found.0).ok_or_else(none)
	}

	/// A vendor.
	pub async fn vendor(&self, account: &AccountId) -> Result<Option<Vendor>> {
		let Some(vendor) = self.storage(api::storage().firmware().vendors(), (*account,)).await? else {
			return Ok(None);
		};
		let version = vendor.key_set_version;
		let key_set = self.key_set(account, version).await?;
		let key_set =
			key_set.ok_or_else(|| Error::Nonsense(format!("the chain lacks key set {version} of vendor {account}")))?;
		Ok(Some(Vendor {
			account: *account,
			name: text(&vendor.metadata.name.0),
			url: text(&vendor.metadata.url.0),
			security_contact: text(&vendor.metadata.security_contact.0),
			key_set_version: version,
			key_set,
		}))
	}

	/// A vendor's key set of one version.
	pub async fn key_set(&self, vendor: &AccountId, version: u32) -> Result<Option<KeySet>> {
		let found = self.storage(api::storage().firmware().key_sets(), (*vendor, version)).await?;
		Ok(found.map(|set| set.0))
	}

	/// The version of a vendor's current key set; `None` if the account is not a vendor.
	pub async fn key_set_version(&self, vendor: &AccountId) -> Result<Option<u32>> {
		let found = self.storage(api::storage().firmware().vendors(), (*vendor,)).await?;
		Ok(found.map(|vendor| vendor.key_set_version))
	}

	/// A vendor's key sets of the versions after `after`, in their order. Gives only the first
	/// [`MAX_KEY_SET_LINKS`] of them.
	pub async fn key_sets(&self, vendor: &AccountId, after: u32) -> Result<Vec<KeySetLink>> {
		let found = self.ask(api::runtime_apis().firmware_api().key_sets(*vendor, after, MAX_KEY_SET_LINKS)).await?;
		Ok(found.into_iter().map(|link| link.0).collect())
	}

	/// The key set that a vendor has proposed and not adopted.
	pub async fn pending_key_set(&self, vendor: &AccountId) -> Result<Option<PendingKeySetView>> {
		let found = self.ask(api::runtime_apis().firmware_api().pending_key_set(*vendor)).await?;
		Ok(found.map(|pending| pending.0))
	}

	/// A model.
	pub async fn model(&self, id: ModelId) -> Result<Option<Model>> {
		let found = self.storage(api::storage().firmware().models(), (id,)).await?;
		Ok(found.map(|found| model(id, found)))
	}

	/// The models of a vendor, in the order of their registration.
	pub async fn models_of(&self, vendor: &AccountId) -> Result<Vec<Model>> {
		let mut models = match self.models().await {
			Ok(models) => models,
			Err(error) => return Err(self.chain.explain(error).await),
		};
		models.retain(|model| model.vendor == *vendor);
		models.sort_unstable_by_key(|model| model.id);
		Ok(models)
	}

	async fn models(&self) -> Result<Vec<Model>, subxt::Error> {
		let storage = self.at.storage();
		let mut entries = storage.entry(api::storage().firmware().models())?.iter(()).await?;
		let mut models = Vec::new();
		while let Some(entry) = entries.next().await {
			let entry = entry?;
			let (id,) = entry.key()?.decode()?;
			models.push(model(id, entry.value().decode()?));
		}
		Ok(models)
	}

	/// A fleet.
	pub async fn fleet(&self, id: FleetId) -> Result<Option<Fleet>> {
		let found = self.storage(api::storage().firmware().fleets(), (id,)).await?;
		Ok(found.map(|fleet| Fleet {
			id,
			model: fleet.model,
			root: fleet.root,
			count: fleet.count,
			cap_height: fleet.cap_height.into(),
			manifest: fleet.manifest.0,
			bounties: fleet.users,
		}))
	}

	/// The fleets of a model, in the order of their registration.
	pub async fn fleets(&self, model: ModelId) -> Result<Vec<FleetId>> {
		self.ask(api::runtime_apis().firmware_api().fleets(model)).await
	}

	/// A release.
	pub async fn release(&self, id: ReleaseId) -> Result<Option<Release>> {
		let found = self.ask(api::runtime_apis().firmware_api().release(id)).await?;
		Ok(found.map(|release| release.0))
	}

	/// The available release of a model with the highest security version and, among those, the
	/// highest version.
	pub async fn latest_release(&self, model: ModelId) -> Result<Option<ReleaseId>> {
		self.ask(api::runtime_apis().firmware_api().latest_release(model)).await
	}

	/// The releases of a model, from the lowest version to the highest.
	pub async fn releases(&self, model: ModelId) -> Result<Vec<ReleaseId>> {
		self.ask(api::runtime_apis().firmware_api().releases(model)).await
	}

	/// The votes on a release; none for one that was yanked.
	pub async fn attestations(&self, id: ReleaseId) -> Result<Option<AttestationsView>> {
		let found = self.ask(api::runtime_apis().firmware_api().attestations(id)).await?;
		Ok(found.map(|votes| votes.0))
	}

	/// A bounty, until the last of its storage is removed.
	pub async fn bounty(&self, id: BountyId) -> Result<Option<Bounty>> {
		let found = self.ask(api::runtime_apis().pod_bounty_api().bounty(id)).await?;
		Ok(found.map(|bounty| bounty.0))
	}

	/// The bounties for a release that have not started closing.
	pub async fn bounties(&self, release: ReleaseId) -> Result<Vec<Bounty>> {
		let found = self.ask(api::runtime_apis().pod_bounty_api().bounties(release)).await?;
		Ok(found.into_iter().map(|bounty| bounty.0).collect())
	}

	/// The bounties that take reservations: neither expired nor closing. Does not check whether
	/// their releases were yanked.
	pub async fn open_bounties(&self) -> Result<Vec<Bounty>> {
		let found = self.ask(api::runtime_apis().pod_bounty_api().open_bounties()).await?;
		Ok(found.into_iter().map(|bounty| bounty.0).collect())
	}

	/// Where a device stands in a bounty; `None` if the bounty or the device does not exist.
	pub async fn device_status(&self, bounty: BountyId, index: DeviceIndex) -> Result<Option<DeviceStatus>> {
		let found = self.ask(api::runtime_apis().pod_bounty_api().device_status(bounty, index)).await?;
		Ok(found.map(|status| status.0))
	}

	/// A page of the bitmap of paid devices. Device `4096 * page + i` is bit `i % 8`, from the
	/// lowest, of byte `i / 8`.
	pub async fn paid_page(&self, bounty: BountyId, page: u32) -> Result<Option<Vec<u8>>> {
		self.ask(api::runtime_apis().pod_bounty_api().paid_page(bounty, page)).await
	}

	/// A standing reservation.
	pub async fn reservation(&self, bounty: BountyId, reservation: ReservationId) -> Result<Option<Reservation>> {
		let found = self.ask(api::runtime_apis().pod_bounty_api().reservation(bounty, reservation)).await?;
		Ok(found.map(|reservation| reservation.0))
	}

	/// The distributors that announced an address.
	pub async fn distributors(&self) -> Result<Vec<Distributor>> {
		let found = self.ask(api::runtime_apis().pod_bounty_api().distributors()).await?;
		Ok(found.into_iter().map(|distributor| distributor.0).collect())
	}

	/// The block as a final one: its number and time.
	pub async fn head(&self) -> Result<Head> {
		Ok(Head { number: self.block().number, timestamp_ms: self.timestamp().await? })
	}

	/// When blocks come, reckoned from this one.
	pub async fn calendar(&self) -> Result<Calendar> {
		Ok(Calendar::new(self.head().await?, self.block_time().await?))
	}

	/// The block's time, in milliseconds since 1970.
	pub async fn timestamp(&self) -> Result<u64> {
		Ok(self.storage(api::storage().timestamp().now(), ()).await?.unwrap_or_default())
	}

	/// The most devices that one batch can have.
	pub async fn max_batch(&self) -> Result<u32> {
		self.constant(api::constants().pod_bounty().max_batch()).await
	}

	/// What the registry bounds.
	pub async fn limits(&self) -> Result<Limits> {
		let firmware = || api::constants().firmware();
		Ok(Limits {
			payload: self.constant(firmware().max_payload_size()).await?,
			name: self.constant(firmware().max_name_len()).await?,
			url: self.constant(firmware().max_url_len()).await?,
		})
	}

	/// Calls a runtime API.
	pub async fn ask<P: Payload>(&self, payload: P) -> Result<P::ReturnType> {
		match self.at.runtime_apis().call(payload).await {
			Ok(value) => Ok(value),
			Err(error) => Err(self.chain.explain(error).await),
		}
	}

	/// Reads a value of the chain's storage.
	pub async fn storage<A: Address>(&self, address: A, keys: A::KeyParts) -> Result<Option<A::Value>> {
		let storage: StorageClient<'_, SubstrateConfig, OnlineClientAtBlockImpl<SubstrateConfig>> = self.at.storage();
		let found = match storage.entry(address) {
			Ok(entry) => entry.try_fetch(keys).await,
			Err(error) => Err(error),
		};
		let value = match found {
			Ok(Some(value)) => value,
			Ok(None) => return Ok(None),
			Err(error) => return Err(self.chain.explain(error).await),
		};
		match value.decode() {
			Ok(value) => Ok(Some(value)),
			Err(error) => Err(self.chain.explain(error).await),
		}
	}

	/// Reads a constant of the runtime.
	pub async fn constant<A: ConstantAddress>(&self, address: A) -> Result<A::Target> {
		match self.at.constants().entry(address) {
			Ok(value) => Ok(value),
			Err(error) => Err(self.chain.explain(error).await),
		}
	}
}

/// What the registry bounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
	/// The largest image, in bytes.
	pub payload: u64,
	/// The longest name of a vendor or a model, in bytes.
	pub name: u32,
	/// The longest URL or security contact, in bytes.
	pub url: u32,
}

fn model(id: ModelId, model: api::runtime_types::pallet_firmware::types::Model) -> Model {
	Model { id, vendor: model.vendor, name: text(&model.name.0), security_version: model.security_version }
}
