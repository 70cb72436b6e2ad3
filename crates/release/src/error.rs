//! What can go wrong with a vendor's files.

use std::{io, path::PathBuf};
use waybill_primitives::DeviceKey;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with a vendor's files.
#[derive(Debug, thiserror::Error)]
pub enum Error {
	/// A key file.
	#[error(transparent)]
	Keys(#[from] waybill_keys::Error),
	/// A file cannot be read.
	#[error("cannot read {}: {cause}", path.display())]
	Read {
		/// The file.
		path: PathBuf,
		/// Why.
		cause: io::Error,
	},
	/// A file cannot be written.
	#[error("cannot write {}: {cause}", path.display())]
	Write {
		/// The file.
		path: PathBuf,
		/// Why.
		cause: io::Error,
	},
	/// A file is longer than such a file can be.
	#[error("{} is too large: {length} bytes, at most {limit} are read", path.display())]
	TooLarge {
		/// The file.
		path: PathBuf,
		/// Its length in bytes.
		length: u64,
		/// The longest that is read.
		limit: u64,
	},
	/// The firmware file is empty.
	#[error("{} is empty", .0.display())]
	Empty(PathBuf),
	/// The firmware file is larger than a suite can digest.
	#[error("{} is larger than 4 GiB", .0.display())]
	TooLargeToDigest(PathBuf),
	/// The digest of a firmware file cannot be computed.
	#[error("{}: {cause}", path.display())]
	Digest {
		/// The firmware file.
		path: PathBuf,
		/// Why.
		cause: String,
	},
	/// A file is not a statement of this kind.
	#[error("{} is not {kind}", path.display())]
	NotAStatement {
		/// The file.
		path: PathBuf,
		/// "a release's statement" or the like.
		kind: &'static str,
	},
	/// A statement contradicts itself.
	#[error("{}: the digest is not that of the payload", .0.display())]
	Contradiction(PathBuf),
	/// A file's key set cannot sign anything.
	#[error("{}: {cause}", path.display())]
	UnsoundKeySet {
		/// The file.
		path: PathBuf,
		/// Why not.
		cause: Box<Error>,
	},
	/// There are more keys than a key set can have.
	#[error("{0} release keys; at most {max} are taken", max = waybill_primitives::MAX_RELEASE_KEYS)]
	TooManyKeys(usize),
	/// No key set has this threshold with these keys.
	#[error(
		"threshold {threshold} is impossible with {count} keys; use 1 to {count}, and keys that differ and are not weak"
	)]
	ImpossibleKeySet {
		/// How many keys must sign.
		threshold: u8,
		/// How many keys there are.
		count: usize,
	},
	/// A firmware file is not the one that a statement is about.
	#[error("{} is not the firmware of the statement; nothing was signed", .0.display())]
	OtherFirmware(PathBuf),
	/// A statement's digest is not that of its firmware.
	#[error("the statement's digest is not that of {}; nothing was signed", .0.display())]
	OtherDigest(PathBuf),
	/// A file holds no signatures.
	#[error("{}: not signatures of release keys", .0.display())]
	NotSignatures(PathBuf),
	/// A key is in none of the key sets that must sign.
	#[error("{0} is not one of the vendor's release keys")]
	Stranger(DeviceKey),
	/// A signature does not carry the statement.
	#[error("the signature of {0} is over another statement, or for another chain")]
	BadSignature(DeviceKey),
	/// Fewer keys signed than must.
	#[error("{have} of {need} signatures by {whose}")]
	TooFew {
		/// How many signed.
		have: usize,
		/// How many must.
		need: usize,
		/// Which key set must sign.
		whose: &'static str,
	},
}
