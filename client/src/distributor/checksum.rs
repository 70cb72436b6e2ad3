//! The checksum of a file that may be large: the program can be stopped meanwhile.

use crate::error::{Error, Kind, OrFail, Result};
use std::{fs::File, io::Read, path::Path};
use tokio_util::sync::CancellationToken;
use waybill_ipfs::{Content as Checksum, ContentHasher};

/// How much is read at once.
const BUFFER: usize = 256 * 1024;

/// The length and SHA-256 of a file.
pub fn checksum(path: &Path, stopped: &CancellationToken) -> Result<Checksum> {
	let unreadable = || format!("cannot read {}", path.display());
	let mut file = File::open(path).or_fail(Kind::File, unreadable)?;
	let (mut hasher, mut buffer) = (ContentHasher::new(), vec![0; BUFFER]);
	loop {
		if stopped.is_cancelled() {
			return Err(stopped_error());
		}
		let read = file.read(&mut buffer).or_fail(Kind::File, unreadable)?;
		if read == 0 {
			return Ok(hasher.finish());
		}
		hasher.update(buffer.get(..read).unwrap_or_default());
	}
}

/// What is said when the program is asked to stop meanwhile.
pub fn stopped_error() -> Error {
	Error::new(Kind::Failure, "stopped while encrypting")
}
