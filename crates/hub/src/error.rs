//! What can go wrong in a hub.

use std::{
	io,
	net::SocketAddr,
	path::{Path, PathBuf},
};
use tokio::task::JoinError;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
	/// A setting is zero and must not be.
	#[error("{0} must be at least 1")]
	Zero(&'static str),
	/// The hub cannot listen on the address.
	#[error("cannot listen on {address}: {cause}; choose another address with --listen")]
	Listen {
		/// The address.
		address: SocketAddr,
		/// Why.
		cause: io::Error,
	},
	/// The folder for files cannot be made or emptied.
	#[error("cannot use {path}: {cause}")]
	Folder {
		/// The folder.
		path: PathBuf,
		/// Why.
		cause: io::Error,
	},
	/// Another program uses the folder.
	#[error("another program works in {0}; stop it first")]
	InUse(PathBuf),
	/// The hub cannot keep other programs out of the folder.
	#[error("cannot lock {path}: {cause}")]
	Lock {
		/// The folder.
		path: PathBuf,
		/// Why.
		cause: io::Error,
	},
	/// A file cannot be read.
	#[error("cannot read {path}: {cause}")]
	Read {
		/// The folder that it is in.
		path: PathBuf,
		/// Why.
		cause: io::Error,
	},
	/// A file cannot be written.
	#[error("cannot write {path}: {cause}")]
	Write {
		/// The file.
		path: PathBuf,
		/// Why.
		cause: io::Error,
	},
	/// No folder can be made for the files of a query.
	#[error("cannot write in {path}: {cause}")]
	WriteIn {
		/// The folder that it would be in.
		path: PathBuf,
		/// Why.
		cause: io::Error,
	},
	/// The gateway does not give what a query names.
	#[error(transparent)]
	Ipfs(#[from] waybill_ipfs_http::Error),
	/// The gateway gives it too slowly.
	#[error("a file takes too long to fetch")]
	TooSlow,
	/// The check of a proof ended early.
	#[error("the check of a proof broke off: {0}")]
	BrokeOff(JoinError),
	/// The program was asked to stop.
	#[error("the hub is stopping")]
	Stopped,
}

impl Error {
	pub(crate) fn folder(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
		move |cause| Self::Folder { path: path.into(), cause }
	}

	pub(crate) fn read(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
		move |cause| Self::Read { path: path.into(), cause }
	}
}
