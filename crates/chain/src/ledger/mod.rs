//! What the distributor and the device ask of the chain, as traits: tests need no node.
//!
//! Everything is read at a final block, which no reorganisation can take back.

mod node;

pub use node::{Node, Waits};

use crate::{
	account::Account,
	amount::Amount,
	block_time::BlockTime,
	calendar::{Calendar, DatedBlock, Head},
	delivery::ReceiptBatch,
	error::Result,
	submit::SubmitTerms,
	types::{AccountId, Bounty, Distributor, Event, Fleet, Release, Reservation},
};
use std::future::Future;
use waybill_primitives::{
	view::{ClaimFault, DeviceStatus, KeySetLink, ReceiptFault},
	BlockNumber, BountyId, DeviceIndex, FleetId, Hash32, LockKey, ModelId, ReleaseId, ReservationId,
};

/// The state at one final block.
pub trait State: Send + Sync {
	/// The block.
	fn head(&self) -> Head;

	/// When blocks come, reckoned from this one.
	fn calendar(&self) -> Calendar;

	/// The newest available release of a model.
	fn latest_release(&self, model: ModelId) -> impl Future<Output = Result<Option<ReleaseId>>> + Send;

	/// A release.
	fn release(&self, id: ReleaseId) -> impl Future<Output = Result<Option<Release>>> + Send;

	/// The version of a vendor's current key set, if the account is a vendor.
	fn key_set_version(&self, vendor: &AccountId) -> impl Future<Output = Result<Option<u32>>> + Send;

	/// A vendor's key sets of the versions after `after`, in their order. Gives only the first of
	/// them if they are many.
	fn key_sets(&self, vendor: &AccountId, after: u32) -> impl Future<Output = Result<Vec<KeySetLink>>> + Send;

	/// A fleet.
	fn fleet(&self, id: FleetId) -> impl Future<Output = Result<Option<Fleet>>> + Send;

	/// The bounties that take reservations.
	fn open_bounties(&self) -> impl Future<Output = Result<Vec<Bounty>>> + Send;

	/// A bounty.
	fn bounty(&self, id: BountyId) -> impl Future<Output = Result<Option<Bounty>>> + Send;

	/// Where a device stands in a bounty; `None` if the bounty or the device does not exist.
	fn device_status(
		&self,
		bounty: BountyId,
		index: DeviceIndex,
	) -> impl Future<Output = Result<Option<DeviceStatus>>> + Send;

	/// A standing reservation.
	fn reservation(&self, bounty: BountyId, id: ReservationId) -> impl Future<Output = Result<Option<Reservation>>> + Send;

	/// The distributors that announced themselves.
	fn distributors(&self) -> impl Future<Output = Result<Vec<Distributor>>> + Send;
}

/// The final chain. A question that no node answers fails after a while, except
/// [`above`](Self::above), which waits for a block.
pub trait Ledger: Clone + Send + Sync + 'static {
	/// The state at one block.
	type State: State;

	/// The hash of the first block.
	fn genesis(&self) -> impl Future<Output = Result<Hash32>> + Send;

	/// The time from one block to the next.
	fn block_time(&self) -> impl Future<Output = Result<BlockTime>> + Send;

	/// The state at the newest final block.
	fn newest(&self) -> impl Future<Output = Result<Self::State>> + Send;

	/// The state at the newest final block, as soon as that is above `number`.
	fn above(&self, number: BlockNumber) -> impl Future<Output = Result<Self::State>> + Send;

	/// The events of a final block; `None` if the block is so old that its state is gone.
	fn events(&self, number: BlockNumber) -> impl Future<Output = Result<Option<Vec<Event>>>> + Send;

	/// The key revealed for a device, if the node keeps such keys. The key is unchecked, and may
	/// stem from an abandoned block.
	fn revealed(&self, bounty: BountyId, index: DeviceIndex) -> impl Future<Output = Result<Option<LockKey>>> + Send;

	/// The extrinsics of a final block.
	fn extrinsics(&self, number: BlockNumber) -> impl Future<Output = Result<Vec<Vec<u8>>>> + Send;
}

/// What a distributor does on the chain. Each transaction is final when its method returns.
pub trait Payee: Ledger {
	/// Whether the account has a transaction that was sent and is not final yet.
	fn is_pending(&self, payee: &Account) -> impl Future<Output = Result<bool>> + Send;

	/// The most receipts or keys of one batch.
	fn max_batch(&self) -> impl Future<Output = Result<u32>> + Send;

	/// Reserves the devices of these receipts.
	fn reserve(
		&self,
		payee: &Account,
		bounty: BountyId,
		batch: ReceiptBatch,
	) -> impl Future<Output = Result<(ReservationId, BatchOutcome<ReceiptFault>)>> + Send;

	/// Reveals the keys of reserved devices and takes the reward.
	fn claim(
		&self,
		payee: &Account,
		bounty: BountyId,
		reservation: ReservationId,
		keys: Vec<(DeviceIndex, LockKey)>,
		terms: SubmitTerms,
	) -> impl Future<Output = Result<BatchOutcome<ClaimFault>>> + Send;

	/// Publishes the address at which devices reach the distributor. Returns the block that holds
	/// the announcement.
	fn announce(&self, payee: &Account, endpoint: &str) -> impl Future<Output = Result<BlockNumber>> + Send;
}

/// The result of a transaction about several devices. `Fault` says why the chain refused one of
/// them.
#[derive(Clone, Debug)]
pub struct BatchOutcome<Fault> {
	/// The block that holds it.
	pub block: DatedBlock,
	/// What it cost, the tip included.
	pub fee: Amount,
	/// The devices that the chain refused, each with its reason.
	pub rejected: Vec<(DeviceIndex, Fault)>,
}
