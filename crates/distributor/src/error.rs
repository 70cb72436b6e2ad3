//! What can go wrong in a distributor.

use std::{io, net::SocketAddr, path::PathBuf};
use tokio::{sync::watch::error::RecvError, task::JoinError};
use waybill_chain::Amount;
use waybill_daemon::{
	certificate::CertificateError,
	disk::{self, DiskError},
};
use waybill_primitives::{BountyId, DeviceIndex, FleetId, ManifestError, ModelId};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
	/// The least reward is not an amount.
	#[error("--min-reward {value}: {cause}")]
	MinReward {
		/// The text.
		value: String,
		/// What is wrong with it.
		cause: &'static str,
	},
	/// A setting is zero and must not be.
	#[error("{0} must be at least 1")]
	Zero(&'static str),
	/// Late claims would begin after the last moment for claims.
	#[error("late_margin must be more than {0} seconds")]
	LateMargin(u64),
	/// Tips would be more than rewards.
	#[error("claim_tip_percent must be at most 100")]
	TipPercent,
	/// The address to announce is longer than the chain takes.
	#[error("--announce: the address has more than {0} characters; announce a shorter one")]
	LongEndpoint(u32),
	/// The address to announce is not an HTTP address.
	#[error("{0} is not the address of a distributor; write for example http://updates.example:4180")]
	Endpoint(String),
	/// The address to announce is one of plain HTTP, and the distributor serves HTTPS.
	#[error("--announce {0}: this distributor serves HTTPS; announce an https:// address")]
	PlainEndpoint(String),
	/// The certificate to serve HTTPS with cannot be used.
	#[error(transparent)]
	Certificate(#[from] CertificateError),
	/// The distributor cannot listen on the address.
	#[error(
		"cannot listen on {address}: {cause}; choose another address with --listen, or with --status-listen of a neighbour"
	)]
	Listen {
		/// The address.
		address: SocketAddr,
		/// Why.
		cause: io::Error,
	},
	/// The distributor cannot listen for operators on the address.
	#[error("cannot listen for operators on {address}: {cause}; choose another address with --status-listen, or off")]
	StatusListen {
		/// The address.
		address: SocketAddr,
		/// Why.
		cause: io::Error,
	},
	/// The chain did not accept the announcement of the address.
	#[error("cannot announce the address on chain: {0}")]
	Announce(waybill_chain::Error),
	/// The task that follows the chain has ended.
	#[error("the chain is no longer followed: {0}")]
	NotFollowed(RecvError),

	/// The chain refused something, or no node answers.
	#[error(transparent)]
	Chain(#[from] waybill_chain::Error),
	/// The chain has no such fleet.
	#[error("the chain has no fleet {0}")]
	NoFleet(FleetId),
	/// The bounty's fleet has no such device.
	#[error("bounty {bounty} has no device {index}")]
	NoDevice {
		/// The bounty.
		bounty: BountyId,
		/// The device.
		index: DeviceIndex,
	},
	/// The stored proofs of receipts belong to another fleet.
	#[error("the stored proofs are not of fleet {0}")]
	ForeignProofs(FleetId),
	/// The configuration rules a bounty out.
	#[error(transparent)]
	Unwanted(#[from] Unwanted),

	/// The gateway or kubo failed.
	#[error(transparent)]
	Ipfs(#[from] waybill_ipfs_http::Error),
	/// The fleet's manifest cannot be fetched.
	#[error(
		"cannot fetch the list of fleet {fleet}'s devices: {cause}; its vendor can put it into IPFS again with `waybill \
		 vendor add-manifest`"
	)]
	NoManifest {
		/// The fleet.
		fleet: FleetId,
		/// Why.
		cause: waybill_ipfs_http::Error,
	},
	/// The file in IPFS is not the fleet's manifest.
	#[error("fleet {fleet}: {cause}")]
	Manifest {
		/// The fleet.
		fleet: FleetId,
		/// What is wrong with it.
		cause: ManifestError,
	},
	/// The file in IPFS is not the payload.
	#[error("the payload in IPFS is not the one that the vendor signed (its {differs} differs)")]
	OtherPayload {
		/// The property that differs.
		differs: &'static str,
	},
	/// The payload is shorter or longer than its vendor declared.
	#[error("the payload does not have the declared length")]
	PayloadLength,
	/// The payload has more bytes than one key may encrypt.
	#[error("a payload of {0} bytes is more than the cipher can encrypt")]
	PayloadTooLarge(u64),
	/// The release's digest is not that of its payload, so no proof is possible.
	#[error("the release's digest is not that of its payload; the vendor must publish a new release")]
	OtherDigest,
	/// A file that was just encrypted contains a value that no ciphertext has.
	#[error("chunk {chunk} of the ciphertext is not canonical")]
	NotCanonical {
		/// The chunk.
		chunk: u32,
	},
	/// The proof cannot be made.
	#[error("cannot prove: {0}")]
	Unproved(String),
	/// The program was asked to stop.
	#[error("stopped while encrypting")]
	Stopped,
	/// A thread with this work ended early.
	#[error("{work}: {cause}")]
	BrokeOff {
		/// The work.
		work: &'static str,
		/// How it ended.
		cause: JoinError,
	},

	/// A file or folder cannot be used.
	#[error(transparent)]
	Disk(#[from] DiskError),

	/// The store cannot be opened.
	#[error("cannot open the store {path}: {cause}")]
	OpenStore {
		/// The store.
		path: PathBuf,
		/// Why.
		cause: Box<redb::DatabaseError>,
	},
	/// Another process has the store open.
	#[error("another distributor runs on the store {0}; give this one a --data folder of its own")]
	StoreInUse(PathBuf),
	/// The store belongs to another account, chain or version of this program.
	#[error("the store {0} belongs to another account, chain or program version; use another --data folder")]
	ForeignStore(PathBuf),
	/// The store cannot be read or written.
	#[error("the distributor's store: {0}")]
	Store(Box<redb::Error>),
	/// The store contains something that this program did not write.
	#[error("the distributor's store is damaged")]
	Damaged,
	/// The copy to restore from is no store, or nothing of it can be read.
	#[error("{0} is no store of a distributor, or is damaged; choose another copy")]
	DamagedCopy(PathBuf),
	/// The copy to restore from has a name that the store needs.
	#[error("{0} is where the distributor keeps its own store; give the copy another name or folder")]
	CopyInPlace(PathBuf),
	/// The store contains a content key that cannot be one.
	#[error("the distributor's store has a damaged content key")]
	DamagedKey,
	/// A content key with this number existed before. There is never a second one.
	#[error("bounty {bounty} already had a content key {epoch}")]
	SpentKey {
		/// The bounty.
		bounty: BountyId,
		/// The key's number.
		epoch: u32,
	},
}

/// Why a distributor does not serve a bounty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unwanted {
	/// The distributor serves other models.
	#[error("model {0} is not among --model")]
	Model(ModelId),
	/// The reward is too low.
	#[error("its reward of {0} for a device is below --min-reward")]
	Reward(Amount),
	/// The payload is too large.
	#[error("the payload has {0} bytes, more than --max-payload")]
	Payload(u64),
	/// The fleet is too large.
	#[error("the fleet has {0} devices, more than max_devices")]
	Fleet(u32),
	/// The vendor yanked the release.
	#[error("the release is yanked")]
	Yanked,
}

impl Error {
	/// Whether the store cannot be read or written. The distributor then cannot keep its promises,
	/// and has to begin anew.
	pub const fn is_store_failure(&self) -> bool {
		matches!(self, Self::Store(_) | Self::Damaged | Self::DamagedKey)
	}

	/// Whether the store holds something that this program did not write. It has to be replaced.
	pub fn is_damage(&self) -> bool {
		match self {
			Self::Damaged | Self::DamagedKey => true,
			Self::Store(cause) => matches!(**cause, redb::Error::Corrupted(_)),
			_ => false,
		}
	}

	/// Whether the disk is full.
	pub fn is_full_disk(&self) -> bool {
		let is_full = |cause: &redb::Error| matches!(cause, redb::Error::Io(cause) if disk::is_full(cause));
		match self {
			Self::Disk(error) => disk::is_full(&error.cause),
			Self::Store(cause) => is_full(cause),
			Self::OpenStore { cause, .. } => {
				matches!(&**cause, redb::DatabaseError::Storage(redb::StorageError::Io(cause)) if disk::is_full(cause))
			},
			_ => false,
		}
	}

	/// Whether beginning anew cannot help until somebody changes the configuration or the store.
	pub const fn needs_a_person(&self) -> bool {
		matches!(self, Self::ForeignStore(_) | Self::SpentKey { .. })
	}

	/// Whether a node, kubo or a gateway gave no answer. It may do so later.
	pub fn is_unreachable(&self) -> bool {
		match self {
			Self::Chain(error) | Self::Announce(error) => error.is_unreachable(),
			Self::Ipfs(error) => error.is_unreachable(),
			_ => false,
		}
	}

	pub(crate) fn broke_off(work: &'static str) -> impl Fn(JoinError) -> Self {
		move |cause| Self::BrokeOff { work, cause }
	}
}

macro_rules! store_errors {
	($($error:ident),*) => {
		$(impl From<redb::$error> for Error {
			fn from(error: redb::$error) -> Self {
				Self::Store(Box::new(error.into()))
			}
		})*
	};
}

store_errors!(CommitError, StorageError, TableError, TransactionError);
