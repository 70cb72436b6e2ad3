//! What the test reads from a node.

use anyhow::{ensure, Context, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
	future::Future,
	time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::{sleep, timeout};
use zombienet_sdk::{
	subxt::{
		backend::rpc::RpcClient,
		ext::{
			codec::{Decode, DecodeAll},
			subxt_rpcs::{client::RpcParams, rpc_params},
		},
	},
	NetworkNode,
};

/// The public key of a block's author, or of a voter in finality.
pub type Key = [u8; 32];

/// A connection to a node's RPC server.
pub struct Chain {
	rpc: RpcClient,
	name: String,
}

impl Chain {
	/// Connects to a node, which may still be starting.
	pub async fn connect(node: &NetworkNode) -> Result<Self> {
		let mut attempts = 60;
		let rpc = loop {
			match node.rpc().await {
				Ok(rpc) => break rpc,
				Err(error) if attempts == 0 => {
					return Err(error).with_context(|| format!("{} does not answer", node.name()))
				},
				Err(_) => attempts -= 1,
			}
			sleep(Duration::from_millis(500)).await;
		};
		Ok(Self { rpc, name: node.name().into() })
	}

	async fn request<R: DeserializeOwned>(&self, method: &str, params: RpcParams) -> Result<R> {
		self.rpc.request(method, params).await.with_context(|| format!("{} on {}", method, self.name))
	}

	async fn call<R: Decode>(&self, function: &str, at: &str) -> Result<R> {
		let bytes: String = self.request("state_call", rpc_params![function, "0x", at]).await?;
		Ok(R::decode_all(&mut &unhex(&bytes)?[..])?)
	}

	async fn height(&self, header: &Value) -> Result<u32> {
		let number = header["number"].as_str().context("a header without a number")?;
		Ok(u32::from_str_radix(number.trim_start_matches("0x"), 16)?)
	}

	/// The hash of the block at this height of the node's best chain.
	pub async fn hash(&self, height: u32) -> Result<Option<String>> {
		self.request("chain_getBlockHash", rpc_params![height]).await
	}

	/// The height of the node's best block.
	pub async fn best(&self) -> Result<u32> {
		self.height(&self.request("chain_getHeader", rpc_params![]).await?).await
	}

	/// The height of the node's last final block.
	pub async fn finalized(&self) -> Result<u32> {
		let hash: String = self.request("chain_getFinalizedHead", rpc_params![]).await?;
		self.height(&self.request("chain_getHeader", rpc_params![hash]).await?).await
	}

	async fn header(&self, height: u32) -> Result<Value> {
		let hash = self.hash(height).await?.context("no such block")?;
		self.request("chain_getHeader", rpc_params![hash]).await
	}

	/// The current slot.
	pub async fn slot_now(&self) -> Result<u64> {
		let hash: String = self.request("chain_getFinalizedHead", rpc_params![]).await?;
		let length: u64 = self.call("AuraApi_slot_duration", &hash).await?;
		let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
		now.checked_div(length).context("the chain says that its slots have no length")
	}

	/// The slot of the block at this height.
	pub async fn slot(&self, height: u32) -> Result<u64> {
		slot_of(&self.header(height).await?)
	}

	/// The key of the author of the block at this height.
	pub async fn author(&self, height: u32) -> Result<Key> {
		let header = self.header(height).await?;
		let slot = slot_of(&header)?;
		let parent = header["parentHash"].as_str().context("a header without a parent")?;
		let authors: Vec<Key> = self.call("AuraApi_authorities", parent).await?;
		ensure!(!authors.is_empty(), "no authors");
		Ok(authors[usize::try_from(slot % authors.len() as u64)?])
	}

	/// The keys that vote in finality after the node's last final block.
	pub async fn voters(&self) -> Result<Vec<Key>> {
		let hash: String = self.request("chain_getFinalizedHead", rpc_params![]).await?;
		let voters: Vec<(Key, u64)> = self.call("GrandpaApi_grandpa_authorities", &hash).await?;
		Ok(voters.into_iter().map(|(key, _)| key).collect())
	}

	/// Whether the node's keystore holds this key.
	pub async fn holds(&self, key: &Key, sort: &str) -> Result<bool> {
		self.request("author_hasKey", rpc_params![hex(key), sort]).await
	}

	/// Waits until the node's last final block is at least this high.
	pub async fn wait_finalized(&self, height: u32, seconds: u64) -> Result<()> {
		let words = format!("{} should finalise block {height}", self.name);
		wait(&words, seconds, || async { Ok((self.finalized().await? >= height).then_some(())) }).await
	}

	/// Waits until the node's best block is at least this high.
	pub async fn wait_best(&self, height: u32, seconds: u64) -> Result<()> {
		let words = format!("{} should get to block {height}", self.name);
		wait(&words, seconds, || async { Ok((self.best().await? >= height).then_some(())) }).await
	}
}

/// Calls `ask` until it answers, for at most `seconds`.
pub async fn wait<T, F: Future<Output = Result<Option<T>>>>(
	words: &str,
	seconds: u64,
	mut ask: impl FnMut() -> F,
) -> Result<T> {
	let asked = async {
		loop {
			match ask().await {
				Ok(Some(answer)) => return Ok(answer),
				Ok(None) => sleep(Duration::from_secs(1)).await,
				Err(error) => return Err(error),
			}
		}
	};
	timeout(Duration::from_secs(seconds), asked)
		.await
		.with_context(|| format!("{words} within {seconds} s"))?
		.with_context(|| words.to_string())
}

/// The slot of the block with this header.
fn slot_of(header: &Value) -> Result<u64> {
	let logs = header["digest"]["logs"].as_array().context("a header without a digest")?;
	logs.iter().filter_map(Value::as_str).find_map(slot).context("a block without a slot")
}

/// The slot in a header's digest item, if that is Aura's: `PreRuntime("aura", 8 bytes)`.
fn slot(item: &str) -> Option<u64> {
	let bytes = unhex(item).ok()?;
	let rest = bytes.strip_prefix(b"\x06aura\x20")?;
	Some(u64::from_le_bytes(rest.try_into().ok()?))
}

fn hex(bytes: &[u8]) -> String {
	format!("0x{}", hex::encode(bytes))
}

fn unhex(text: &str) -> Result<Vec<u8>> {
	hex::decode(text.trim_start_matches("0x")).context("not hex digits")
}
