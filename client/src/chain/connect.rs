//! The connection to a node.

use super::{types::Hash, view::View};
use crate::{
	error::{Error, Kind, OrFail, Result},
	units::BlockTime,
};
use std::{fmt, sync::Arc, time::Duration};
use subxt::{
	backend::LegacyBackend,
	client::OnlineClient,
	config::{RpcConfigFor, SubstrateConfig},
	rpcs::{
		client::{
			reconnecting_rpc_client::{ExponentialBackoff, FixedInterval, RpcClient as Reconnecting},
			RpcClient,
		},
		methods::LegacyRpcMethods,
	},
};
use tokio::{net::TcpStream, sync::{Mutex, OnceCell}, time::timeout};
use url::Url;
use waybill_primitives::Hash32;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
const BRIEF_RETRY: Duration = Duration::from_millis(500);
/// Half a minute: a node that is started again on a busy machine takes ten seconds and more.
const BRIEF_RETRIES: usize = 60;
const ENDLESS_RETRY: Duration = Duration::from_secs(15);
const STORAGE_PAGE: u32 = 512;

/// How long a lost node is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Patience {
	/// Seconds: for commands with an end.
	Brief,
	/// For ever: for commands that run on.
	Endless,
}

/// A chain, through one of its nodes. Cheap to clone.
#[derive(Clone)]
pub struct Chain {
	pub(super) client: OnlineClient<SubstrateConfig>,
	pub(super) rpc: LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>,
	pub(super) raw: RpcClient,
	/// Held from asking for a nonce until the transaction with it is in the node's pool.
	pub(super) nonces: Arc<Mutex<()>>,
	/// Asked for once: a chain never changes it.
	block_time: Arc<OnceCell<BlockTime>>,
	url: Arc<str>,
}

impl fmt::Debug for Chain {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.debug_struct("Chain").field("url", &self.url).finish_non_exhaustive()
	}
}

impl Chain {
	/// Connects to the node at a WebSocket address. A node of another chain than the one with the given genesis hash is refused.
	pub async fn connect(node: &str, patience: Patience, genesis: Option<Hash32>) -> Result<Self> {
		let url = parse(node)?;
		reach(&url).await?;
		let raw = timeout(CONNECT_TIMEOUT, open(&url, patience))
			.await
			.map_err(|_| {
				Error::unreachable(format!("no node answers at {url} within {} s; check --node", CONNECT_TIMEOUT.as_secs()))
			})?
			.or_fail(Kind::Unreachable, || format!("{url} does not answer as a node does; check --node"))?;
		let backend = LegacyBackend::builder().storage_page_size(STORAGE_PAGE).build(raw.clone());
		let client = OnlineClient::from_backend(Arc::new(backend))
			.await
			.or_fail(Kind::Unreachable, || format!("{url} does not answer as a node does; check --node"))?;
		let chain = Self {
			client,
			rpc: LegacyRpcMethods::new(raw.clone()),
			raw,
			nonces: Arc::default(),
			block_time: Arc::default(),
			url: url.as_str().into(),
		};
		if let Some(wanted) = genesis.filter(|wanted| *wanted != chain.genesis()) {
			let (found, wanted) = (Hash(chain.genesis()), Hash(wanted));
			return Err(Error::check(format!("{url} is a node of another chain (genesis {found}, wanted {wanted})")));
		}
		Ok(chain)
	}

	/// The hash of the chain's first block.
	pub fn genesis(&self) -> Hash32 {
		self.client.genesis_hash().0
	}

	/// The time from one block to the next.
	pub async fn block_time(&self) -> Result<BlockTime> {
		let ask = async { self.finalized().await?.block_time().await };
		self.block_time.get_or_try_init(|| ask).await.copied()
	}

	/// The node's address.
	pub fn url(&self) -> &str {
		&self.url
	}

	/// The node's RPC, for what has no method here.
	pub const fn raw(&self) -> &RpcClient {
		&self.raw
	}

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
			Ok(None) => return Err(Error::unreachable(format!("the node at {} has no blocks", self.url))),
			Err(error) => return Err(self.explain(error).await),
		};
		match self.client.at_block(hash).await {
			Ok(at) => Ok(View::new(self.clone(), at)),
			Err(error) => Err(self.explain(error).await),
		}
	}

	/// The failure that an error of the RPC or of its decoding is: is the node gone, or did it answer something unexpected?
	pub(super) async fn explain(&self, error: impl Into<subxt::Error>) -> Error {
		use subxt::error::{ExtrinsicError, RuntimeApiError, StorageError};
		let error = error.into();
		let incompatible = matches!(
			error,
			subxt::Error::ExtrinsicError(
				ExtrinsicError::IncompatibleCodegen
					| ExtrinsicError::PalletNameNotFound(_)
					| ExtrinsicError::CallNameNotFound { .. }
			) | subxt::Error::RuntimeApiError(
				RuntimeApiError::IncompatibleCodegen
					| RuntimeApiError::TraitNotFound(_)
					| RuntimeApiError::MethodNotFound { .. }
			) | subxt::Error::StorageError(
				StorageError::IncompatibleCodegen
					| StorageError::PalletNameNotFound(_)
					| StorageError::StorageEntryNotFound { .. }
			)
		);
		if incompatible {
			return Error::check(format!(
				"the node at {} runs another runtime than this program was built for; use the program of the chain's release ({error})",
				self.url
			));
		}
		match timeout(PROBE_TIMEOUT, self.rpc.system_health()).await {
			Ok(Ok(_)) => Error::new(Kind::Failure, format!("the node at {} answered: {error}", self.url)),
			Ok(Err(_)) | Err(_) => Error::unreachable(format!("lost the node at {}: {error}", self.url)),
		}
	}
}

fn parse(node: &str) -> Result<Url> {
	let url = Url::parse(node)
		.map_err(|error| Error::usage(format!("--node {node}: {error}; write for example ws://127.0.0.1:9944")))?;
	if !matches!(url.scheme(), "ws" | "wss") || url.host_str().is_none() {
		return Err(Error::usage(format!("--node {node}: not a WebSocket address; write for example ws://127.0.0.1:9944")));
	}
	Ok(url)
}

/// Fails with the cause if nothing listens at the address.
async fn reach(url: &Url) -> Result<()> {
	let host = url.host_str().unwrap_or_default().trim_matches(|c| matches!(c, '[' | ']'));
	let port = url.port_or_known_default().unwrap_or(9944);
	match timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port))).await {
		Ok(Ok(_)) => Ok(()),
		Ok(Err(error)) => Err(Error::unreachable(format!(
			"cannot reach a node at {url}: {error}; start one or give its address with --node"
		))),
		Err(_) => {
			Err(Error::unreachable(format!("cannot reach a node at {url}: it does not answer; give another with --node")))
		},
	}
}

async fn open(url: &Url, patience: Patience) -> Result<RpcClient, impl fmt::Display> {
	let builder = Reconnecting::builder().connection_timeout(CONNECT_TIMEOUT);
	let client = match patience {
		Patience::Brief => builder.retry_policy(FixedInterval::new(BRIEF_RETRY).take(BRIEF_RETRIES)).build(url).await,
		Patience::Endless => {
			builder.retry_policy(ExponentialBackoff::from_millis(50).max_delay(ENDLESS_RETRY)).build(url).await
		},
	};
	client.map(RpcClient::new)
}
