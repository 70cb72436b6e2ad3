//! What can go wrong in a hub.

use std::{io, net::SocketAddr, path::PathBuf};
use tokio::task::JoinError;
use waybill_daemon::{certificate::CertificateError, disk::DiskError};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
	/// A setting is zero and must not be.
	#[error("{0} must be at least 1")]
	Zero(&'static str),
	/// The certificate to serve HTTPS with cannot be used.
	#[error(transparent)]
	Certificate(#[from] CertificateError),
	/// The hub cannot listen on the address.
	#[error("cannot listen on {address}: {cause}; choose another address with --listen")]
	Listen {
		/// The address.
		address: SocketAddr,
		/// Why.
		cause: io::Error,
	},
	/// The hub cannot listen for operators on the address.
	#[error("cannot listen for operators on {address}: {cause}; choose another address with --status-listen, or off")]
	StatusListen {
		/// The address.
		address: SocketAddr,
		/// Why.
		cause: io::Error,
	},
	/// A file or folder cannot be used.
	#[error(transparent)]
	Disk(#[from] DiskError),
	/// Another program uses the folder.
	#[error("another program works in {0}; stop it first")]
	InUse(PathBuf),
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
