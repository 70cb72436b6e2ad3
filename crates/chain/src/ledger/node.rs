//! [`Ledger`] and [`Payee`] through a node.

use super::{BatchOutcome, Ledger, Payee, State};
use crate::{
	account::Account,
	api,
	block_time::BlockTime,
	blocks::Blocks,
	calendar::{Calendar, DatedBlock, Head},
	connect::{parse, Chain, Patience},
	delivery::ReceiptBatch,
	error::{Error, Result},
	submit::{Included, SubmitTerms, Until},
	types::{AccountId, BlockId, Bounty, Distributor, Event, Fleet, Hash, Release, Reservation},
	view::View,
};
use std::{
	fmt,
	future::Future,
	sync::Arc,
	time::{Duration, Instant},
};
use subxt::{
	config::{substrate::H256, RpcConfigFor, SubstrateConfig},
	rpcs::methods::LegacyRpcMethods,
};
use tokio::{
	sync::{watch, Mutex},
	time::timeout,
};
use waybill_daemon::address::shown;
use waybill_primitives::{
	view::{ClaimFault, DeviceStatus, KeySetLink, ReceiptFault},
	BlockNumber, BountyId, DeviceIndex, FleetId, Hash32, LockKey, ModelId, ReleaseId, ReservationId,
};

/// How long to wait for a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waits {
	/// How long a question waits for its answer.
	pub answer: Duration,
	/// How long to wait for a block or a transaction before the node is asked whether it is still
	/// there.
	pub silence: Duration,
	/// How long a node may have no new final block before later questions go to the next node.
	/// Longer than a transaction can take to enter a block.
	pub standstill: Duration,
}

impl Default for Waits {
	fn default() -> Self {
		let [answer, silence, standstill] = [30, 60, 300].map(Duration::from_secs);
		Self { answer, silence, standstill }
	}
}

/// The chain as a node reports it; with several nodes, as one of them does that answers. Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct Node {
	link: Arc<Link>,
	blocks: Arc<Mutex<Option<Following>>>,
}

/// The connection to a node. The first question makes it.
#[derive(Debug)]
struct Link {
	urls: Vec<String>,
	genesis: Option<Hash32>,
	waits: Waits,
	current: Mutex<Current>,
	/// The turn of `current`, for those who wait for its end.
	turn: watch::Sender<usize>,
}

/// The node that is asked.
#[derive(Debug)]
struct Current {
	/// Counts the nodes that were turned to, over and over in their order.
	turn: usize,
	chain: Option<Chain>,
	/// The newest final block that any node reported, and since when the current one has had no newer.
	newest: (BlockNumber, Instant),
	/// The chain of the first node that answered. No node of another one follows it.
	genesis: Option<Hash32>,
}

/// The stream of final blocks, opened by the first wait.
#[derive(Debug)]
struct Following {
	stream: Blocks,
	/// The newest block that it gave.
	newest: BlockNumber,
	/// The turn in which it was opened.
	turn: usize,
}

/// The state that a node reports at one block.
#[derive(Clone)]
pub struct At {
	view: View,
	head: Head,
	block_time: BlockTime,
	/// How long a question waits for its answer.
	limit: Duration,
}

impl Node {
	/// The node behind this connection.
	pub fn new(chain: Chain) -> Self {
		let (url, genesis) = (chain.url().into(), chain.genesis());
		Self::with(vec![url], Some(genesis), Some(chain), Waits::default())
	}

	/// The nodes at these WebSocket addresses. The first question connects to the first one that
	/// answers. When that no longer does, or stands still, later questions turn to the next. Nodes of
	/// a chain without the genesis hash `genesis` are passed over.
	///
	/// # Errors
	/// A text is no such address, or there is none.
	pub fn at<S: AsRef<str>>(addresses: &[S], genesis: Option<Hash32>) -> Result<Self> {
		Self::at_with(addresses, genesis, Waits::default())
	}

	/// Like [`Self::at`], with these waits.
	///
	/// # Errors
	/// As for [`Self::at`].
	pub fn at_with<S: AsRef<str>>(addresses: &[S], genesis: Option<Hash32>, waits: Waits) -> Result<Self> {
		let urls = addresses.iter().map(|address| parse(address.as_ref()).map(String::from)).collect::<Result<Vec<_>>>()?;
		if urls.is_empty() {
			return Err(Error::Address { address: String::new(), cause: "no node is named".into() });
		}
		Ok(Self::with(urls, genesis, None, waits))
	}

	fn with(urls: Vec<String>, genesis: Option<Hash32>, chain: Option<Chain>, waits: Waits) -> Self {
		let current = Current { turn: 0, chain, newest: (0, Instant::now()), genesis };
		let link = Link { urls, genesis, waits, current: Mutex::new(current), turn: watch::Sender::new(0) };
		Self { link: Arc::new(link), blocks: Arc::default() }
	}

	async fn chain(&self) -> Result<Chain> {
		Ok(self.connected().await?.1)
	}

	/// The connection, and the turn in which it was made.
	async fn connected(&self) -> Result<(usize, Chain)> {
		let Link { urls, genesis, waits, .. } = &*self.link;
		let mut current = self.link.current.lock().await;
		let mut failure = None;
		for _ in urls {
			if let Some(chain) = &current.chain {
				return Ok((current.turn, chain.clone()));
			}
			let genesis = genesis.or(current.genesis);
			let connecting = Chain::connect(self.link.url(current.turn), Patience::Endless, genesis);
			// Whoever asks next waits for this.
			let connected = timeout(waits.answer, connecting).await.unwrap_or(Err(Error::NoAnswer(waits.answer)));
			match connected {
				Ok(chain) => {
					current.genesis = Some(chain.genesis());
					current.chain = Some(chain);
				},
				Err(error) => {
					self.link.turn(&mut current);
					// A node of another chain matters only if there is no other.
					if failure.is_none() || error.is_unreachable() {
						failure = Some(error);
					}
				},
			}
		}
		match (&current.chain, failure) {
			(Some(chain), _) => Ok((current.turn, chain.clone())),
			(None, failure) => Err(failure.unwrap_or(Error::NoAnswer(waits.answer))),
		}
	}

	/// The answer, or an error if none comes in time. After that, later questions go to the next
	/// node, if there is one.
	async fn ask<T>(&self, question: impl Future<Output = Result<T>>) -> Result<T> {
		let turn = self.link.current.lock().await.turn;
		let answer = answered(self.link.waits.answer, question).await;
		if let Err(error) = &answer {
			let mut current = self.link.current.lock().await;
			if error.is_unreachable() && current.turn == turn {
				self.link.turn_from(&mut current, error);
			}
		}
		answer
	}

	/// Notes the newest final block of the node of a turn. A node that has had no new one for long is
	/// left.
	async fn note(&self, turn: usize, newest: BlockNumber) {
		let mut current = self.link.current.lock().await;
		if current.turn != turn {
			return;
		}
		if newest > current.newest.0 {
			current.newest = (newest, Instant::now());
		} else if current.newest.1.elapsed() >= self.link.waits.standstill {
			let why = format!("no block after {newest} became final for {:?}", current.newest.1.elapsed());
			self.link.turn_from(&mut current, &why);
		}
	}

	/// The outcome of a transaction. If questions turn to another node meanwhile, nobody knows what
	/// became of it, and it counts as lost.
	async fn send<T, F: Future<Output = Result<T>>>(&self, send: impl FnOnce(Chain) -> F) -> Result<T> {
		let (turn, chain) = self.ask(self.connected()).await?;
		let url = chain.url().to_owned();
		let mut turns = self.link.turn.subscribe();
		// The transaction itself waits for a lost node. A question shows that the node is lost.
		let probe = async {
			loop {
				tokio::time::sleep(self.link.waits.silence).await;
				if let Err(error) = self.newest().await {
					tracing::debug!(%error, "while a transaction is under way");
				}
			}
		};
		tokio::select! {
			outcome = send(chain) => outcome,
			_ = turns.wait_for(|now| *now != turn) => {
				Err(Error::Lost { url, cause: "it is left for another node while a transaction is under way".into() })
			},
			() = probe => Err(Error::NoAnswer(self.link.waits.answer)),
		}
	}

	async fn rpc(&self) -> Result<LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>> {
		Ok(LegacyRpcMethods::new(self.chain().await?.raw().clone()))
	}

	async fn lost(&self, cause: &impl fmt::Display) -> Error {
		let turn = self.link.current.lock().await.turn;
		Error::Lost { url: shown(self.link.url(turn)), cause: cause.to_string() }
	}

	async fn hash(&self, number: BlockNumber) -> Result<H256> {
		let hash = self.rpc().await?.chain_get_block_hash(Some(number.into())).await;
		match hash {
			Ok(hash) => hash.ok_or(Error::NoBlock(number)),
			Err(cause) => Err(self.lost(&cause).await),
		}
	}
}

impl Link {
	/// The address of the node of this turn.
	fn url(&self, turn: usize) -> &str {
		self.urls.get(turn % self.urls.len().max(1)).map_or("", String::as_str)
	}

	/// Begins the next node's turn.
	fn turn(&self, current: &mut Current) {
		current.turn = current.turn.wrapping_add(1);
		current.chain = None;
		// Only a block above all that were seen is progress: the next node may still be syncing.
		current.newest.1 = Instant::now();
		self.turn.send_replace(current.turn);
	}

	/// Leaves the current node for the next one, if there is one.
	fn turn_from(&self, current: &mut Current, why: &impl fmt::Display) {
		if self.urls.len() > 1 {
			self.turn(current);
			let next = shown(self.url(current.turn));
			tracing::warn!(%why, next, "turning to the next node");
		}
	}
}

/// The answer, or an error if none comes in time. A client of endless patience would wait for ever
/// for a lost node.
async fn answered<T>(limit: Duration, question: impl Future<Output = Result<T>>) -> Result<T> {
	match timeout(limit, question).await {
		Ok(answer) => answer,
		Err(_) => Err(Error::NoAnswer(limit)),
	}
}

impl Ledger for Node {
	type State = At;

	async fn genesis(&self) -> Result<Hash32> {
		self.ask(async { Ok(self.chain().await?.genesis()) }).await
	}

	async fn block_time(&self) -> Result<BlockTime> {
		self.ask(async { self.chain().await?.block_time().await }).await
	}

	async fn newest(&self) -> Result<At> {
		let newest = async {
			let (turn, chain) = self.connected().await?;
			let view = chain.finalized().await?;
			let (head, block_time) = (view.head().await?, chain.block_time().await?);
			Ok((turn, At { view, head, block_time, limit: self.link.waits.answer }))
		};
		let (turn, state) = self.ask(newest).await?;
		self.note(turn, state.head.number).await;
		Ok(state)
	}

	async fn above(&self, number: BlockNumber) -> Result<At> {
		let mut blocks = self.blocks.lock().await;
		loop {
			let (turn, chain) = self.ask(self.connected()).await?;
			if blocks.as_ref().is_none_or(|following| following.turn != turn) {
				let stream = self.ask(chain.blocks()).await?;
				*blocks = Some(Following { stream, newest: 0, turn });
			}
			// Blocks may have become final before the stream began, or while a node was silent.
			let state = self.newest().await?;
			if state.head.number > number {
				return Ok(state);
			}
			let Some(following) = &mut *blocks else { continue };
			let next = async {
				while following.newest <= number {
					following.newest = following.stream.next_id().await?.number;
				}
				Ok(())
			};
			match timeout(self.link.waits.silence, next).await {
				// The loop looks at the state: another node may be asked by now, or answer for this one.
				Ok(Ok(())) => following.newest = 0,
				Ok(Err(error)) => {
					*blocks = None;
					return Err(error);
				},
				// Perhaps the node is gone. The next question shows it.
				Err(_) => {},
			}
		}
	}

	async fn events(&self, number: BlockNumber) -> Result<Option<Vec<Event>>> {
		self.ask(async {
			let hash = Hash(self.hash(number).await?.0);
			self.chain().await?.events(&BlockId { number, hash }).await
		})
		.await
	}

	async fn revealed(&self, bounty: BountyId, index: DeviceIndex) -> Result<Option<LockKey>> {
		self.ask(async { self.chain().await?.revealed_key(bounty, index).await }).await
	}

	async fn extrinsics(&self, number: BlockNumber) -> Result<Vec<Vec<u8>>> {
		let block = self.ask(async {
			let hash = self.hash(number).await?;
			match self.rpc().await?.chain_get_block(Some(hash)).await {
				Ok(block) => Ok(block),
				Err(cause) => Err(self.lost(&cause).await),
			}
		});
		let block = block.await?.ok_or(Error::NoBlock(number))?;
		Ok(block.block.extrinsics.into_iter().map(|bytes| bytes.0).collect())
	}
}

impl Payee for Node {
	async fn is_pending(&self, payee: &Account) -> Result<bool> {
		self.ask(async {
			let next = match self.rpc().await?.system_account_next_index(&payee.id()).await {
				Ok(next) => next,
				Err(cause) => return Err(self.lost(&cause).await),
			};
			let view = self.chain().await?.finalized().await?;
			let account = view.storage(api::storage().system().account(), (payee.id(),)).await?;
			Ok(account.map_or(0, |account| u64::from(account.nonce)) != next)
		})
		.await
	}

	async fn max_batch(&self) -> Result<u32> {
		self.ask(async { self.chain().await?.finalized().await?.max_batch().await }).await
	}

	async fn reserve(
		&self,
		payee: &Account,
		bounty: BountyId,
		receipts: ReceiptBatch,
	) -> Result<(ReservationId, BatchOutcome<ReceiptFault>)> {
		let reserve = |chain: Chain| async move { chain.reserve(payee, bounty, receipts, Until::Finalized).await };
		let reserved = self.send(reserve).await?;
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
		let claim =
			|chain: Chain| async move { chain.claim(payee, bounty, reservation, keys, terms, Until::Finalized).await };
		let claimed = self.send(claim).await?;
		Ok(outcome(&claimed.included, claimed.rejected))
	}

	async fn announce(&self, payee: &Account, endpoint: &str) -> Result<BlockNumber> {
		let announce = |chain: Chain| async move { chain.announce(payee, endpoint, Until::Finalized).await };
		let included = self.send(announce).await?;
		Ok(included.block.number)
	}
}

fn outcome<Fault>(included: &Included, rejected: Vec<(DeviceIndex, Fault)>) -> BatchOutcome<Fault> {
	let block = DatedBlock { number: included.block.number, about: included.time };
	BatchOutcome { block, fee: included.fee, rejected }
}

impl State for At {
	fn head(&self) -> Head {
		self.head
	}

	fn calendar(&self) -> Calendar {
		Calendar::new(self.head, self.block_time)
	}

	async fn latest_release(&self, model: ModelId) -> Result<Option<ReleaseId>> {
		answered(self.limit, self.view.latest_release(model)).await
	}

	async fn release(&self, id: ReleaseId) -> Result<Option<Release>> {
		answered(self.limit, self.view.release(id)).await
	}

	async fn key_set_version(&self, vendor: &AccountId) -> Result<Option<u32>> {
		answered(self.limit, self.view.key_set_version(vendor)).await
	}

	async fn key_sets(&self, vendor: &AccountId, after: u32) -> Result<Vec<KeySetLink>> {
		answered(self.limit, self.view.key_sets(vendor, after)).await
	}

	async fn fleet(&self, id: FleetId) -> Result<Option<Fleet>> {
		answered(self.limit, self.view.fleet(id)).await
	}

	async fn open_bounties(&self) -> Result<Vec<Bounty>> {
		answered(self.limit, self.view.open_bounties()).await
	}

	async fn bounty(&self, id: BountyId) -> Result<Option<Bounty>> {
		answered(self.limit, self.view.bounty(id)).await
	}

	async fn device_status(&self, bounty: BountyId, index: DeviceIndex) -> Result<Option<DeviceStatus>> {
		answered(self.limit, self.view.device_status(bounty, index)).await
	}

	async fn reservation(&self, bounty: BountyId, id: ReservationId) -> Result<Option<Reservation>> {
		answered(self.limit, self.view.reservation(bounty, id)).await
	}

	async fn distributors(&self) -> Result<Vec<Distributor>> {
		answered(self.limit, self.view.distributors()).await
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[tokio::test]
	async fn node_should_be_left_when_it_has_no_block_above_all_that_were_seen() {
		let waits = Waits { standstill: Duration::ZERO, ..Waits::default() };
		let node = Node::at_with(&["ws://one.example", "ws://two.example"], None, waits).unwrap();
		let turn = || async { node.link.current.lock().await.turn };
		node.note(0, 100).await;
		assert_eq!(turn().await, 0);
		node.note(0, 100).await;
		assert_eq!(turn().await, 1);
		// The other one is still syncing.
		node.note(1, 50).await;
		assert_eq!(turn().await, 2);
		node.note(2, 101).await;
		// What was asked before the turn says nothing about this node.
		node.note(1, 60).await;
		assert_eq!(turn().await, 2);
	}

	#[tokio::test]
	async fn only_node_should_not_be_left() {
		let waits = Waits { standstill: Duration::ZERO, ..Waits::default() };
		let node = Node::at_with(&["ws://one.example"], None, waits).unwrap();
		node.note(0, 100).await;
		node.note(0, 100).await;
		assert_eq!(node.link.current.lock().await.turn, 0);
	}
}
