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
	/// It is not a file, or far too long.
	#[error("{0} is not a key file: it is not a regular file, or longer than 4096 bytes")]
	NoKeyFile(PathBuf),
	/// Others than its owner can read it.
	#[error("others can read the key file {path} (mode {mode:04o}); run `chmod 600 {path}`")]
	Exposed {
		/// The file.
		path: PathBuf,
		/// Its mode.
		mode: u32,
	},
	/// It does not hold a key.
	#[error("{0} does not hold a key for statements; make one with `waybill key generate`")]
	NoKey(PathBuf),
	/// It does not hold a secret URI.
	#[error("{0}: not a secret URI; write a mnemonic, 0x and 64 hex digits, or //Name for a development account")]
	NoSecretUri(PathBuf),
	/// The file is there already.
	#[error("cannot write the key file {0}: it exists, and keys are never overwritten; choose another name")]
	Exists(PathBuf),
	/// The file cannot be written.
	#[error("cannot write the key file {path}: {cause}; check that its folder exists and can be written")]
	Write {
		/// The file.
		path: PathBuf,
		/// Why.
		cause: io::Error,
	},
	/// The operating system gave no random bytes.
	#[error("the operating system gave no random bytes: {0}")]
	NoRandomness(String),
}
