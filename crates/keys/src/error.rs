//! What can go wrong with a key file.

use std::{io, path::PathBuf};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
	/// The file cannot be read.
	#[error("cannot read the key file {path}: {cause}")]
	Read {
		/// The file.
		path: PathBuf,
		/// Why.
		cause: io::Error,
	},
	/// It is no file, or far too long.
	#[error("{0} is not a key file")]
	NoKeyFile(PathBuf),
	/// Others than its owner can read it.
	#[error("others can read the key file {path} (mode {mode:04o}); run `chmod 600 {path}`")]
	Exposed {
		/// The file.
		path: PathBuf,
		/// Its mode.
		mode: u32,
	},
	/// It holds something else.
	#[error("{0}: not a key of `waybill key generate`")]
	NoKey(PathBuf),
	/// It holds no secret URI.
	#[error("{0}: not a secret URI; write a mnemonic, 0x and 64 hex digits, or //Name for a development account")]
	NoSecretUri(PathBuf),
	/// The file is there already.
	#[error("cannot write the key file {0}: it exists, and keys are never overwritten: choose another name")]
	Exists(PathBuf),
	/// The file cannot be written.
	#[error("cannot write the key file {path}: {cause}; does its directory exist?")]
	Write {
		/// The file.
		path: PathBuf,
		/// Why.
		cause: io::Error,
	},
	/// The operating system gives no random bytes.
	#[error("the operating system has no randomness: {0}")]
	NoRandomness(String),
}
