//! What can go wrong between a program and IPFS.

use reqwest::StatusCode;
use std::{io, path::PathBuf, time::Duration};
use waybill_ipfs::DagError;
use waybill_primitives::Cid;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong. Causes from other crates are kept as text.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
	/// The text is not an HTTP address.
	#[error("{0}: not an HTTP address; write for example http://127.0.0.1:8080")]
	Address(String),
	/// There is no gateway to fetch from.
	#[error("no IPFS gateway to fetch from; name one, for example http://127.0.0.1:8080")]
	NoGateway,
	/// The HTTP client could not be made.
	#[error("cannot start an HTTP client: {0}")]
	Client(String),
	/// A gateway did not answer.
	#[error("gateway {url}: {cause}")]
	GatewayUnreachable {
		/// The gateway.
		url: String,
		/// Why.
		cause: String,
	},
	/// A gateway did not send a block in time.
	#[error("gateway {url} sent {received} bytes of block {cid}, and no more in time")]
	GatewaySlow {
		/// The gateway.
		url: String,
		/// The block that was asked for.
		cid: Cid,
		/// How many bytes came in this attempt. They are kept.
		received: usize,
	},
	/// A gateway wants to be asked later.
	#[error("gateway {url} is busy: it answered HTTP {status} for block {cid}")]
	GatewayBusy {
		/// The gateway.
		url: String,
		/// Its answer.
		status: StatusCode,
		/// The block that was asked for.
		cid: Cid,
		/// How long it asks to wait.
		retry_after: Option<Duration>,
	},
	/// A gateway answered with another status than 200.
	#[error("gateway {url} answered HTTP {status} for block {cid}{}", hint(*status))]
	GatewayStatus {
		/// The gateway.
		url: String,
		/// Its answer.
		status: StatusCode,
		/// The block that was asked for.
		cid: Cid,
	},
	/// A gateway sent more than a block may hold.
	#[error("gateway {url} sent more for block {cid} than a block may hold")]
	BlockTooLarge {
		/// The gateway.
		url: String,
		/// The block that was asked for.
		cid: Cid,
	},
	/// A gateway sent something else than the block.
	#[error("gateway {url} sent {length} bytes of {content_type} that are not block {cid}")]
	WrongBlock {
		/// The gateway.
		url: String,
		/// The block that was asked for.
		cid: Cid,
		/// The length of the answer.
		length: usize,
		/// The type that the gateway declared.
		content_type: String,
	},
	/// A block of a file could not be fetched.
	#[error("cannot fetch {root} from IPFS: {source}")]
	Fetch {
		/// The file.
		root: Cid,
		/// The error of the gateway that was asked last.
		source: Box<Error>,
	},
	/// A file came at less than the least rate.
	#[error(
		"{root} comes too slowly from IPFS: less than {} bytes a second for {} s; check the link, or name another gateway",
		crate::LEAST_RATE,
		window.as_secs()
	)]
	TooSlow {
		/// The file.
		root: Cid,
		/// How long.
		window: Duration,
	},
	/// The blocks match their CIDs, but do not make the file that was declared.
	#[error("the file {root} in IPFS is not the one that was declared: {source}")]
	WrongFile {
		/// The file.
		root: Cid,
		/// What is wrong with it.
		source: DagError,
	},
	/// kubo does not answer.
	#[error("kubo does not answer at {url}: {cause}; start it with `ipfs daemon`")]
	KuboUnreachable {
		/// The address of its RPC.
		url: String,
		/// Why.
		cause: String,
	},
	/// Something else than kubo answers.
	#[error(
		"{url} did not answer as kubo does: {cause}; give the address of kubo's RPC, for example http://127.0.0.1:5001"
	)]
	NotKubo {
		/// The address.
		url: String,
		/// What is wrong with the answer.
		cause: String,
	},
	/// kubo refused.
	#[error("kubo at {url} refused: HTTP {status}: {message}")]
	KuboRefused {
		/// The address of its RPC.
		url: String,
		/// Its answer.
		status: StatusCode,
		/// Its message.
		message: String,
	},
	/// Kubo divided a file in another way than it was asked to.
	#[error(
		"kubo at {url} gave a file the CID {found} instead of {expected}: it does not keep to the layout that it was \
		 asked for; use kubo 0.34 or newer"
	)]
	OtherCid {
		/// The address of its RPC.
		url: String,
		/// The CID that the file should have.
		expected: Cid,
		/// The CID that it gave.
		found: Cid,
	},
	/// A file cannot be read.
	#[error("cannot read {path}: {cause}")]
	Read {
		/// The file.
		path: PathBuf,
		/// Why.
		cause: String,
	},
	/// A download cannot be written.
	#[error("cannot write {path}: {cause}; what is on disk is kept, and the next start carries on from there")]
	Write {
		/// The file.
		path: PathBuf,
		/// Why.
		cause: String,
	},
}

impl Error {
	/// Whether the blocks match their CIDs, but make a file of another size than declared.
	pub const fn is_wrong_size(&self) -> bool {
		matches!(self, Self::WrongFile { source: DagError::WrongSize { .. }, .. })
	}

	/// Whether this is a gateway's own fault. Then it says nothing about the file, and not even
	/// whether somebody has it.
	pub fn blames_gateway(&self) -> bool {
		match self {
			Self::GatewayUnreachable { .. } | Self::GatewayBusy { .. } => true,
			Self::WrongBlock { .. } | Self::BlockTooLarge { .. } => true,
			// Nothing at all comes of a block that nobody has.
			Self::GatewaySlow { received, .. } => *received > 0,
			Self::GatewayStatus { status, .. } => matches!(status.as_u16(), 300..=399 | 401 | 403 | 407 | 502),
			Self::Fetch { source, .. } => source.blames_gateway(),
			_ => false,
		}
	}

	/// Whether no gateway or no kubo answered. It may do so later.
	pub fn is_unreachable(&self) -> bool {
		match self {
			Self::GatewayUnreachable { .. } | Self::GatewaySlow { .. } | Self::TooSlow { .. } => true,
			Self::GatewayBusy { .. } | Self::KuboUnreachable { .. } => true,
			Self::Fetch { source, .. } => source.is_unreachable(),
			_ => false,
		}
	}

	/// Whether this machine's disk is the cause.
	pub const fn is_local(&self) -> bool {
		matches!(self, Self::Read { .. } | Self::Write { .. })
	}

	pub(crate) fn client(cause: reqwest::Error) -> Self {
		Self::Client(waybill_daemon::cause(&cause))
	}

	pub(crate) fn read(path: &std::path::Path, cause: &io::Error) -> Self {
		Self::Read { path: path.into(), cause: cause.to_string() }
	}

	pub(crate) fn write(path: &std::path::Path, cause: &io::Error) -> Self {
		Self::Write { path: path.into(), cause: cause.to_string() }
	}
}

/// What to do about a status of a gateway.
fn hint(status: StatusCode) -> &'static str {
	match status.as_u16() {
		300..=399 => "; it redirects, so give the address that it redirects to",
		401 | 403 | 407 => "; it wants a token or does not serve this machine, so use another gateway",
		_ => "",
	}
}
