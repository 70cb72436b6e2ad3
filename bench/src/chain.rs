//! What the measurements ask of a node.

use anyhow::{bail, Context, Result};
use codec::Decode;
use futures::{stream, StreamExt, TryStreamExt};
use serde_json::Value;
use sp_core::H256;
use sp_crypto_hashing::twox_128;
use std::{collections::VecDeque, time::Duration};
use subxt::rpcs::{rpc_params, RpcClient};
use tokio::time::{sleep, timeout};
use waybill_runtime::{Hash, RuntimeEvent};

type EventRecord = frame_system::EventRecord<RuntimeEvent, Hash>;

/// How many transactions are on their way to the node at once.
const IN_FLIGHT: usize = 64;
/// How long to wait for the next finalised block.
const PATIENCE: Duration = Duration::from_secs(60);

/// Follows the finalised blocks of a node, each once and in order.
pub struct Chain<'a> {
	rpc: &'a RpcClient,
	seen: H256,
	waiting: VecDeque<H256>,
}

impl<'a> Chain<'a> {
	/// Follows from the block that is final now.
	pub async fn follow(rpc: &'a RpcClient) -> Result<Self> {
		let seen = rpc.request("chain_getFinalizedHead", rpc_params![]).await?;
		Ok(Self { rpc, seen, waiting: VecDeque::new() })
	}

	/// The hash of the first block.
	pub async fn genesis(&self) -> Result<H256> {
		Ok(self.rpc.request("chain_getBlockHash", rpc_params![0]).await?)
	}

	/// The time between two blocks, which differs from chain to chain.
	pub async fn slot_milliseconds(&self) -> Result<u64> {
		let duration: String = self.rpc.request("state_call", rpc_params!["AuraApi_slot_duration", "0x", self.seen]).await?;
		Ok(u64::decode(&mut &hex::decode(duration.trim_start_matches("0x"))?[..])?)
	}

	/// The number of the last block that was followed.
	pub async fn number(&self) -> Result<u32> {
		let header: Value = self.rpc.request("chain_getHeader", rpc_params![self.seen]).await?;
		let number =
			header["number"].as_str().and_then(|number| number.strip_prefix("0x")).context("a header without a number")?;
		Ok(u32::from_str_radix(number, 16)?)
	}

	/// The events of the next finalised block.
	pub async fn next(&mut self) -> Result<Vec<EventRecord>> {
		let block = match self.waiting.pop_front() {
			Some(block) => block,
			None => timeout(PATIENCE, self.advance()).await.context("no block was finalised for a minute")??,
		};
		self.seen = block;
		let key = [twox_128(b"System"), twox_128(b"Events")].concat();
		Ok(self.value(&key).await?.unwrap_or_default())
	}

	/// A value of the last block that was followed.
	pub async fn value<T: Decode>(&self, key: &[u8]) -> Result<Option<T>> {
		let key = format!("0x{}", hex::encode(key));
		let value: Option<String> = self.rpc.request("state_getStorage", rpc_params![key, self.seen]).await?;
		let Some(value) = value else { return Ok(None) };
		let bytes = hex::decode(value.trim_start_matches("0x"))?;
		Ok(Some(T::decode(&mut &bytes[..])?))
	}

	/// Puts transactions into the pool. Those of one queue stay in order; several queues run at
	/// once.
	pub async fn submit(&self, queues: Vec<Vec<Vec<u8>>>) -> Result<()> {
		stream::iter(queues)
			.map(|queue| async move {
				for transaction in queue {
					let hex = format!("0x{}", hex::encode(transaction));
					let _: H256 = self.rpc.request("author_submitExtrinsic", rpc_params![hex]).await?;
				}
				Ok(())
			})
			.buffer_unordered(IN_FLIGHT)
			.try_collect()
			.await
	}

	/// Submits transactions in order and waits until `wanted` has picked `count` finalised events.
	pub async fn submit_and_collect<T>(
		&mut self,
		transactions: Vec<Vec<u8>>,
		count: usize,
		wanted: impl Fn(RuntimeEvent) -> Option<T>,
	) -> Result<Vec<T>> {
		self.submit(vec![transactions]).await?;
		let mut found = Vec::new();
		while found.len() < count {
			for record in self.next().await? {
				if let RuntimeEvent::System(frame_system::Event::ExtrinsicFailed { dispatch_error, .. }) = &record.event {
					bail!("a transaction failed: {dispatch_error:?}");
				}
				found.extend(wanted(record.event));
			}
		}
		Ok(found)
	}

	/// Waits for a finalised block after the last seen one. Returns the first such block and
	/// remembers the others.
	async fn advance(&mut self) -> Result<H256> {
		loop {
			let head: H256 = self.rpc.request("chain_getFinalizedHead", rpc_params![]).await?;
			if head != self.seen {
				let mut block = head;
				while block != self.seen {
					self.waiting.push_front(block);
					let header: Value = self.rpc.request("chain_getHeader", rpc_params![block]).await?;
					block = serde_json::from_value(header["parentHash"].clone())?;
				}
				return self.waiting.pop_front().context("a chain without a next block");
			}
			sleep(Duration::from_millis(50)).await;
		}
	}
}
