//! The connection to a node.

use crate::{
	block_time::BlockTime,
	error::{Error, Result},
	types::Hash,
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
use tokio::{
	net::TcpStream,
	sync::{Mutex, OnceCell},
	time::timeout,
};
use url::Url;
use waybill_daemon::address::shown;
use waybill_primitives::Hash32;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
const BRIEF_RETRY: Duration = Duration::from_millis(500);
/// Half a minute in all: a node that restarts on a busy machine takes ten seconds and more.
const BRIEF_RETRIES: usize = 60;
const ENDLESS_RETRY: Duration = Duration::from_secs(15);
const STORAGE_PAGE: u32 = 512;

/// How long to wait for a lost node.
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
	pub(crate) client: OnlineClient<SubstrateConfig>,
	pub(crate) rpc: LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>,
	pub(crate) raw: RpcClient,
	/// Held from asking for a nonce until the node's pool has the transaction that uses it.
	pub(crate) nonces: Arc<Mutex<()>>,
	/// Fetched once: a chain never changes it.
	pub(crate) block_time: Arc<OnceCell<BlockTime>>,
	url: Arc<str>,
}

impl fmt::Debug for Chain {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.debug_struct("Chain").field("url", &self.url).finish_non_exhaustive()
	}
}

impl Chain {
	/// Connects to the node at a WebSocket address.
	///
	/// # Errors
	/// No node answers there, or its chain does not have the genesis hash `genesis`.
	pub async fn connect(node: &str, patience: Patience, genesis: Option<Hash32>) -> Result<Self> {
		let url = parse(node)?;
		reach(&url).await?;
		let raw = timeout(CONNECT_TIMEOUT, open(&url, patience))
			.await
			.map_err(|_| no_node(&url, format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())))?
			.map_err(|cause| not_a_node(&url, cause))?;
		let backend = LegacyBackend::builder().storage_page_size(STORAGE_PAGE).build(raw.clone());
		let client = OnlineClient::from_backend(Arc::new(backend)).await.map_err(|cause| not_a_node(&url, cause))?;
		let chain = Self {
			client,
			rpc: LegacyRpcMethods::new(raw.clone()),
			raw,
			nonces: Arc::default(),
			block_time: Arc::default(),
			url: shown(url.as_str()).into(),
		};
		if let Some(wanted) = genesis.filter(|wanted| *wanted != chain.genesis()) {
			let (found, wanted) = (Hash(chain.genesis()), Hash(wanted));
			return Err(Error::OtherChain { url: shown(url.as_str()), found, wanted });
		}
		Ok(chain)
	}

	/// The hash of the chain's first block.
	pub fn genesis(&self) -> Hash32 {
		self.client.genesis_hash().0
	}

	/// The node's address, without secrets.
	pub fn url(&self) -> &str {
		&self.url
	}

	/// The node's RPC, for what has no method here.
	pub const fn raw(&self) -> &RpcClient {
		&self.raw
	}

	/// Turns an error of the RPC, or of decoding its answer, into one of ours. Asks the node for
	/// its health, to tell a lost node from an unexpected answer.
	pub(crate) async fn explain(&self, error: impl Into<subxt::Error>) -> Error {
		use subxt::error::{ExtrinsicError, RuntimeApiError, StorageError};
		let (error, url) = (error.into(), self.url.to_string());
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
			return Error::OtherRuntime { url, cause: error.to_string() };
		}
		match timeout(PROBE_TIMEOUT, self.rpc.system_health()).await {
			Ok(Ok(_)) => Error::Answer { url, cause: error.to_string() },
			Ok(Err(_)) | Err(_) => Error::Lost { url, cause: error.to_string() },
		}
	}
}

/// Reads the address of a node.
pub(crate) fn parse(node: &str) -> Result<Url> {
	let wrong = |cause: String| Error::Address { address: shown(node), cause };
	let url = Url::parse(node).map_err(|error| wrong(error.to_string()))?;
	match matches!(url.scheme(), "ws" | "wss") && url.host_str().is_some() {
		true => Ok(url),
		false => Err(wrong("not a WebSocket address".into())),
	}
}

/// Fails with the cause if nothing listens at the address.
async fn reach(url: &Url) -> Result<()> {
	let host = url.host_str().unwrap_or_default().trim_matches(|c| matches!(c, '[' | ']'));
	let port = url.port_or_known_default().unwrap_or(9944);
	match timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port))).await {
		Ok(Ok(_)) => Ok(()),
		Ok(Err(error)) => Err(no_node(url, error)),
		Err(_) => Err(no_node(url, "it does not answer")),
	}
}

fn no_node(url: &Url, cause: impl fmt::Display) -> Error {
	Error::NoNode { url: shown(url.as_str()), cause: cause.to_string() }
}

fn not_a_node(url: &Url, cause: impl fmt::Display) -> Error {
	Error::NotANode { url: shown(url.as_str()), cause: cause.to_string() }
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
