//! [`Ledger`] and [`Payee`] through a node.

use super::{BatchOutcome, Head, Ledger, Payee, State};
use crate::{
	account::Account,
	api,
	block_time::BlockTime,
	blocks::Blocks,
	connect::{parse, Chain, Patience},
	delivery::ReceiptBatch,
	error::{Error, Result},
	submit::{Included, SubmitTerms, Until},
	types::{AccountId, BlockId, Bounty, Distributor, Event, Fleet, Hash, Release, Reservation},
	view::View,
};
use std::{fmt, future::Future, sync::Arc, time::Duration};
use subxt::{
	config::{substrate::H256, RpcConfigFor, SubstrateConfig},
	rpcs::methods::LegacyRpcMethods,
};
use tokio::{
	sync::{Mutex, OnceCell},
	time::timeout,
};
use waybill_primitives::{
	view::{ClaimFault, DeviceStatus, KeySetLink, ReceiptFault},
	BlockNumber, BountyId, DeviceIndex, FleetId, Hash32, LockKey, ModelId, ReleaseId, ReservationId,
};

/// How long a question waits for its answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The chain as a node reports it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Node {
	link: Arc<Link>,
	/// The stream of final blocks and the newest block that it gave; opened by the first wait.
	blocks: Arc<Mutex<Option<(Blocks, BlockNumber)>>>,
}

/// The connection to the node, which the first question makes.
#[derive(Debug)]
struct Link {
	url: String,
	genesis: Option<Hash32>,
	chain: OnceCell<Chain>,
}

/// The state that a node reports at one block.
#[derive(Clone)]
pub struct At {
	view: View,
	head: Head,
}

impl Node {
	/// The node behind this connection.
	pub fn new(chain: Chain) -> Self {
		let link = Link { url: chain.url().into(), genesis: None, chain: OnceCell::new_with(Some(chain)) };
		Self { link: Arc::new(link), blocks: Arc::default() }
	}

	/// The node at a WebSocket address. The first question connects to it, and any later one if
	/// that failed. Nodes of a chain without the genesis hash `genesis` are refused.
	///
	/// # Errors
	/// The text is no such address.
	pub fn at(address: &str, genesis: Option<Hash32>) -> Result<Self> {
		let link = Link { url: parse(address)?.into(), genesis, chain: OnceCell::new() };
		Ok(Self { link: Arc::new(link), blocks: Arc::default() })
	}

	async fn chain(&self) -> Result<&Chain> {
		let Link { url, genesis, chain } = &*self.link;
		chain.get_or_try_init(|| Chain::connect(url, Patience::Endless, *genesis)).await
	}

	async fn rpc(&self) -> Result<LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>> {
		Ok(LegacyRpcMethods::new(self.chain().await?.raw().clone()))
	}

	fn lost(&self, cause: &impl fmt::Display) -> Error {
		Error::Lost { url: self.link.url.clone(), cause: cause.to_string() }
	}

	async fn hash(&self, number: BlockNumber) -> Result<H256> {
		let hash = self.rpc().await?.chain_get_block_hash(Some(number.into())).await;
		hash.map_err(|cause| self.lost(&cause))?.ok_or(Error::NoBlock(number))
	}
}

/// The answer, or an error if none comes in time. A client of endless patience would wait for ever
/// for a lost node.
async fn answered<T>(question: impl Future<Output = Result<T>>) -> Result<T> {
	match timeout(PATIENCE, question).await {
		Ok(answer) => answer,
		Err(_) => Err(Error::NoAnswer(PATIENCE)),
	}
}

impl Ledger for Node {
	type State = At;

	async fn genesis(&self) -> Result<Hash32> {
		Ok(self.chain().await?.genesis())
	}

	async fn block_time(&self) -> Result<BlockTime> {
		answered(async { self.chain().await?.block_time().await }).await
	}

	async fn newest(&self) -> Result<At> {
		let newest = async {
			let view = self.chain().await?.finalized().await?;
			let head = Head { number: view.block().number, timestamp_ms: view.timestamp().await? };
			Ok(At { view, head })
		};
		answered(newest).await
	}

	async fn above(&self, number: BlockNumber) -> Result<At> {
		let mut blocks = self.blocks.lock().await;
		let (stream, newest) = match &mut *blocks {
			Some((stream, newest)) => (stream, newest),
			none => {
				let (stream, newest) = none.insert((self.chain().await?.blocks().await?, 0));
				(stream, newest)
			},
		};
		// Blocks may have become final before the stream began.
		let state = self.newest().await?;
		if state.head.number > number {
			return Ok(state);
		}
		while *newest <= number {
			*newest = stream.next_id().await?.number;
		}
		self.newest().await
	}

	async fn events(&self, number: BlockNumber) -> Result<Option<Vec<Event>>> {
		answered(async {
			let hash = Hash(self.hash(number).await?.0);
			self.chain().await?.events(&BlockId { number, hash }).await
		})
		.await
	}

	async fn revealed(&self, bounty: BountyId, index: DeviceIndex) -> Result<Option<LockKey>> {
		answered(async { self.chain().await?.revealed_key(bounty, index).await }).await
	}

	async fn extrinsics(&self, number: BlockNumber) -> Result<Vec<Vec<u8>>> {
		let block = answered(async {
			let hash = self.hash(number).await?;
			self.rpc().await?.chain_get_block(Some(hash)).await.map_err(|cause| self.lost(&cause))
		});
		let block = block.await?.ok_or(Error::NoBlock(number))?;
		Ok(block.block.extrinsics.into_iter().map(|bytes| bytes.0).collect())
	}
}

impl Payee for Node {
	async fn is_pending(&self, payee: &Account) -> Result<bool> {
		answered(async {
			let next = self.rpc().await?.system_account_next_index(&payee.id()).await;
			let next = next.map_err(|cause| self.lost(&cause))?;
			let view = self.chain().await?.finalized().await?;
			let account = view.storage(api::storage().system().account(), (payee.id(),)).await?;
			Ok(account.map_or(0, |account| u64::from(account.nonce)) != next)
		})
		.await
	}

	async fn max_batch(&self) -> Result<u32> {
		answered(async { self.chain().await?.finalized().await?.max_batch().await }).await
	}

	async fn reserve(
		&self,
		payee: &Account,
		bounty: BountyId,
		receipts: ReceiptBatch,
	) -> Result<(ReservationId, BatchOutcome<ReceiptFault>)> {
		let reserved = self.chain().await?.reserve(payee, bounty, receipts, Until::Finalized).await?;
		Ok((reserved.reservation, outcome(&reserved.included, reserved.rejected)))
	}

	async fn claim(
		&self,
		payee: &Account,
		bounty: BountyId,
		reservation: ReservationId,
		keys: Vec<(DeviceIndex, LockKey)>,
		terms: SubmitTerms,
	) -> Result<BatchOutcome<ClaimFault>> {
		let claimed = self.chain().await?.claim(payee, bounty, reservation, keys, terms, Until::Finalized).await?;
		Ok(outcome(&claimed.included, claimed.rejected))
	}

	async fn announce(&self, payee: &Account, endpoint: &str) -> Result<BlockNumber> {
		let included = self.chain().await?.announce(payee, endpoint, Until::Finalized).await?;
		Ok(included.block.number)
	}
}

fn outcome<Fault>(included: &Included, rejected: Vec<(DeviceIndex, Fault)>) -> BatchOutcome<Fault> {
	BatchOutcome { block: included.block.number, fee: included.fee, rejected }
}

impl State for At {
	fn head(&self) -> Head {
		self.head
	}

	async fn latest_release(&self, model: ModelId) -> Result<Option<ReleaseId>> {
		answered(self.view.latest_release(model)).await
	}

	async fn release(&self, id: ReleaseId) -> Result<Option<Release>> {
		answered(self.view.release(id)).await
	}

	async fn key_set_version(&self, vendor: &AccountId) -> Result<Option<u32>> {
		answered(self.view.key_set_version(vendor)).await
	}

	async fn key_sets(&self, vendor: &AccountId, after: u32) -> Result<Vec<KeySetLink>> {
		answered(self.view.key_sets(vendor, after)).await
	}

	async fn fleet(&self, id: FleetId) -> Result<Option<Fleet>> {
		answered(self.view.fleet(id)).await
	}

	async fn open_bounties(&self) -> Result<Vec<Bounty>> {
		answered(self.view.open_bounties()).await
	}

	async fn bounty(&self, id: BountyId) -> Result<Option<Bounty>> {
		answered(self.view.bounty(id)).await
	}

	async fn device_status(&self, bounty: BountyId, index: DeviceIndex) -> Result<Option<DeviceStatus>> {
		answered(self.view.device_status(bounty, index)).await
	}

	async fn reservation(&self, bounty: BountyId, id: ReservationId) -> Result<Option<Reservation>> {
		answered(self.view.reservation(bounty, id)).await
	}

	async fn distributors(&self) -> Result<Vec<Distributor>> {
		answered(self.view.distributors()).await
	}
}
