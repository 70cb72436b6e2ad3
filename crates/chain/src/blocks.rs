//! Final blocks, in order and without gaps.

use crate::{
	connect::Chain,
	error::{Error, Result},
	events,
	types::{BlockId, Event, Hash},
};
use subxt::config::{substrate::H256, SubstrateConfig};
use waybill_primitives::BlockNumber;

/// A final block.
#[derive(Clone, Debug)]
pub struct Block {
	/// Its number and hash.
	pub id: BlockId,
	/// The events that clients use; `None` if the node no longer has the block's state.
	pub events: Option<Vec<Event>>,
}

/// Final blocks as they come; see [`Chain::blocks`].
#[derive(Debug)]
pub struct Blocks {
	chain: Chain,
	stream: subxt::client::Blocks<SubstrateConfig>,
	/// The next block to hand out.
	next: BlockNumber,
	/// The newest final block.
	head: BlockNumber,
}

impl Chain {
	/// Final blocks from now on.
	pub async fn blocks(&self) -> Result<Blocks> {
		let next = self.finalized().await?.block().number.saturating_add(1);
		self.blocks_from(next).await
	}

	/// Final blocks from `next` on: first those that exist already, then new ones.
	pub async fn blocks_from(&self, next: BlockNumber) -> Result<Blocks> {
		let stream = self.stream().await?;
		let head = self.finalized().await?.block().number;
		Ok(Blocks { chain: self.clone(), stream, next, head })
	}

	async fn stream(&self) -> Result<subxt::client::Blocks<SubstrateConfig>> {
		match self.client.stream_blocks().await {
			Ok(stream) => Ok(stream),
			Err(error) => Err(self.explain(error).await),
		}
	}

	/// The final block of this number.
	pub(crate) async fn block_id(&self, number: BlockNumber) -> Result<BlockId> {
		match self.rpc.chain_get_block_hash(Some(number.into())).await {
			Ok(Some(hash)) => Ok(BlockId { number, hash: Hash(hash.0) }),
			Ok(None) => Err(Error::NoBlock(number)),
			Err(error) => Err(self.explain(error).await),
		}
	}

	/// The events of a block that clients use; `None` if the node no longer has its state.
	pub async fn events(&self, block: &BlockId) -> Result<Option<Vec<Event>>> {
		let at = match self.client.at_block(H256(block.hash.0)).await {
			Ok(at) => at,
			Err(error) if is_pruned(&error) => return Ok(None),
			Err(error) => return Err(self.explain(error).await),
		};
		match at.events().fetch().await {
			Ok(fetched) => events::read(&fetched).map(Some),
			Err(error) if is_pruned(&error) => Ok(None),
			Err(error) => Err(self.explain(error).await),
		}
	}
}

impl Blocks {
	/// The next final block.
	pub async fn next(&mut self) -> Result<Block> {
		let id = self.next_id().await?;
		let events = match self.chain.events(&id).await {
			Ok(events) => events,
			Err(error) => {
				// The next call hands out the same block again.
				self.next = id.number;
				return Err(error);
			},
		};
		Ok(Block { id, events })
	}

	/// The next final block without its events.
	pub async fn next_id(&mut self) -> Result<BlockId> {
		while self.next > self.head {
			match self.stream.next().await {
				Some(Ok(block)) => {
					self.head = self.head.max(BlockNumber::try_from(block.number()).unwrap_or(BlockNumber::MAX))
				},
				Some(Err(error)) => {
					tracing::debug!(%error, "the stream of blocks broke; opening another");
					self.stream = self.chain.stream().await?;
					self.head = self.chain.finalized().await?.block().number;
				},
				None => {
					self.stream = self.chain.stream().await?;
					self.head = self.chain.finalized().await?.block().number;
				},
			}
		}
		let id = self.chain.block_id(self.next).await?;
		self.next = self.next.saturating_add(1);
		Ok(id)
	}
}

/// Whether the node reports, in the words of `sc-client-api`, that it no longer has the block's
/// state.
pub(crate) fn is_pruned(error: &impl std::fmt::Display) -> bool {
	let words = error.to_string();
	["State already discarded", "UnknownBlock", "state has been pruned"].iter().any(|sign| words.contains(sign))
}
