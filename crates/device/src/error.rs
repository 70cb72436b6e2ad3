//! What can go wrong on a device.

use crate::{
	fault::RemoteFault,
	freeze::Frozen,
	hook::HookError,
	slots::SlotError,
	update::{LastUpdate, NoOrder, Skipped},
};
use std::{io, path::PathBuf};
use waybill_chain::AccountId;
use waybill_daemon::{
	clock::Time,
	disk::{self, DiskError},
};
use waybill_exchange::Refusal;
use waybill_primitives::{BlockNumber, Cid, Version};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong on a device.
#[derive(Debug, thiserror::Error)]
pub enum Error {
	/// The chain, or the node.
	#[error(transparent)]
	Chain(#[from] waybill_chain::Error),
	/// IPFS, or the gateway.
	#[error(transparent)]
	Ipfs(#[from] waybill_ipfs_http::Error),
	/// The device's key file.
	#[error(transparent)]
	Keys(#[from] waybill_keys::Error),
	/// The firmware slots.
	#[error(transparent)]
	Slot(#[from] SlotError),
	/// The hook or the health check cannot be run. Nothing is signed.
	#[error("{0}; nothing was signed")]
	Hook(#[from] HookError),
	/// There is no room for the new version. Nothing is signed.
	#[error(
		"version {version} needs {needed} bytes more in {}, and {free} are free besides the {reserve} to leave; free \
		 some space, or lower min_free. Nothing was signed", folder.display()
	)]
	NoRoom {
		/// The version.
		version: Version,
		/// The bytes that are needed.
		needed: u64,
		/// The bytes that are free, without the reserve.
		free: u64,
		/// The bytes to leave free.
		reserve: u64,
		/// The state folder.
		folder: PathBuf,
	},
	/// Nothing of a file came for a long time. Perhaps nobody has it.
	#[error("nothing more of {0} came from IPFS for minutes; perhaps nobody has it")]
	Stalled(Cid),
	/// An order makes no sense now.
	#[error(transparent)]
	NoOrder(#[from] NoOrder),
	/// The new version did not prove itself.
	#[error("version {} (release {}): {}, because {}", .0.version, .0.release, .0.outcome, .0.reason)]
	RolledBack(Box<LastUpdate>),
	/// The newest version did not prove itself before.
	#[error("version {} (release {}) is not tried again, because {}", .0.version, .0.release, .0.reason)]
	Skipped(Skipped),
	/// The exchange refuses to go on.
	#[error(transparent)]
	Refused(#[from] Refusal),
	/// The exchange refuses what the chain says about the vendor's key sets.
	#[error("{about}: {refusal}")]
	KeySet {
		/// Which key set, or what is wrong with it.
		about: String,
		/// Why.
		refusal: Refusal,
	},
	/// The device sees no recent final block.
	#[error("{frozen}")]
	Frozen {
		/// Since when, and what may be the cause.
		frozen: Frozen,
		/// Why the device saw no newer block; `None` if the newest block is too old.
		why: Option<Box<Error>>,
	},
	/// The newest final block is ahead of the device's clock.
	#[error(
		"this device's clock says {now}, and the newest final block ({block}) is of {time}; set the clock. Nothing is \
		 decided until then"
	)]
	Clock {
		/// The time by the device's clock.
		now: Time,
		/// The block.
		block: BlockNumber,
		/// The block's time.
		time: Time,
	},
	/// The node serves another chain.
	#[error("this node is on a different chain from the device")]
	OtherChain,
	/// The chain has no such vendor.
	#[error("the chain has no vendor {0}, to which this device belongs")]
	UnknownVendor(AccountId),
	/// The chain does not give the key sets that lead to its newest one.
	#[error("the chain has key set {newest}, but gives none of those after {trusted}")]
	MissingKeySets {
		/// The version of the newest set.
		newest: u32,
		/// The version that the device trusts.
		trusted: u32,
	},
	/// A distributor or a hub gave no usable answer.
	#[error("the {role} at {url} {fault}")]
	Remote {
		/// "distributor" or "hub".
		role: &'static str,
		/// Its address, without secrets.
		url: String,
		/// What is wrong with its answer.
		fault: RemoteFault,
	},
	/// A text is not the address of a distributor or a hub.
	#[error("{address} is not the address of a {role}; write for example http://192.168.1.2:4180")]
	Address {
		/// "distributor" or "hub".
		role: &'static str,
		/// The text.
		address: String,
	},
	/// Only one of `hub` and `hub_key` is configured.
	#[error("{set} is set and {missing} is not; set both, the hub's address and its public key")]
	HalfAHub {
		/// The option that is set.
		set: &'static str,
		/// The option that is not.
		missing: &'static str,
	},
	/// An HTTP client cannot be made.
	#[error("cannot start an HTTP client: {0}")]
	Client(String),
	/// The folder holds no device.
	#[error("no device in {}", .0.display())]
	NoDevice(PathBuf),
	/// The device has a key and no identity yet.
	#[error("{} is bound to no fleet", .0.display())]
	NotBound(PathBuf),
	/// Another program has the folder open.
	#[error("another program works in {}; stop it first", .0.display())]
	Locked(PathBuf),
	/// A file in the device's folder has changed since it was written.
	#[error("{} is damaged: {cause}", path.display())]
	Damaged {
		/// The file.
		path: PathBuf,
		/// What is wrong with it.
		cause: String,
	},
	/// The stored exchange cannot be used.
	#[error("cannot use {}: {cause}; move it away to start over", path.display())]
	Exchange {
		/// Its file.
		path: PathBuf,
		/// Why.
		cause: String,
	},
	/// The vendor's keys in `device.toml` are no key set.
	#[error("the release keys in device.toml are not a valid set")]
	NoKeySet,
	/// An identity would make another device of this one.
	#[error("{0}")]
	OtherDevice(&'static str),
	/// A file or folder cannot be used.
	#[error(transparent)]
	Disk(#[from] DiskError),
	/// The new image cannot be written.
	#[error("cannot write the new image: {0}; free some space and start again")]
	Image(io::Error),
	/// A fetched file has changed since it was checked. The device removes it and fetches it again.
	#[error("{} has changed since it was fetched ({cause}); fetching it again", path.display())]
	Lost {
		/// The file.
		path: PathBuf,
		/// The error that showed it.
		cause: io::Error,
	},
	/// The disk does not return what was written to it.
	#[error("the disk does not hold what was written to it; decrypting again after a pause")]
	FaultyDisk,
}

impl Error {
	/// Whether the device cannot work with its own files.
	pub const fn is_local(&self) -> bool {
		match self {
			Self::Ipfs(error) => error.is_local(),
			Self::Keys(error) => !matches!(error, waybill_keys::Error::NoRandomness(_)),
			Self::Frozen { why: Some(why), .. } => why.is_local(),
			Self::Slot(_)
			| Self::NoDevice(_)
			| Self::NotBound(_)
			| Self::Locked(_)
			| Self::Damaged { .. }
			| Self::Exchange { .. }
			| Self::NoKeySet
			| Self::Disk(_)
			| Self::Image(_) => true,
			_ => false,
		}
	}

	/// Whether the disk failed, as a full one does. It may work again without a person.
	const fn is_disk(&self) -> bool {
		match self {
			Self::Ipfs(error) => error.is_local(),
			Self::Frozen { why: Some(why), .. } => why.is_disk(),
			Self::Slot(SlotError::Disk(_)) | Self::Disk(_) | Self::Image(_) => true,
			_ => false,
		}
	}

	/// Whether the disk is full.
	pub fn is_full_disk(&self) -> bool {
		match self {
			Self::Disk(error) => disk::is_full(&error.cause),
			Self::Slot(SlotError::Disk(cause)) | Self::Image(cause) => disk::is_full(cause),
			_ => false,
		}
	}

	/// Whether no further attempt can succeed until somebody changes the configuration or the disk.
	pub const fn is_permanent(&self) -> bool {
		match self {
			Self::Address { .. } | Self::HalfAHub { .. } | Self::OtherChain | Self::Client(_) => true,
			Self::Chain(waybill_chain::Error::Address { .. } | waybill_chain::Error::OtherChain { .. }) => true,
			Self::Ipfs(waybill_ipfs_http::Error::Address(_) | waybill_ipfs_http::Error::NoGateway) => true,
			Self::Frozen { why: Some(why), .. } => why.is_permanent(),
			_ => self.is_local() && !self.is_disk(),
		}
	}

	/// Whether the gateway is at fault, and not the distributor whose files are fetched.
	pub(crate) fn blames_gateway(&self) -> bool {
		matches!(self, Self::Ipfs(error) if error.blames_gateway())
	}

	/// Whether somebody near the device could mend it. A device with nobody near waits.
	pub(crate) const fn needs_a_person(&self) -> bool {
		matches!(self, Self::Clock { .. } | Self::Hook(_) | Self::NoRoom { .. })
	}

	/// The refusal by which the exchange stopped, if this is one.
	pub const fn refusal(&self) -> Option<Refusal> {
		match self {
			Self::Refused(refusal) | Self::KeySet { refusal, .. } => Some(*refusal),
			Self::Frozen { .. } => Some(Refusal::StaleChainView),
			Self::Clock { .. } => Some(Refusal::FutureChainView),
			_ => None,
		}
	}
}
