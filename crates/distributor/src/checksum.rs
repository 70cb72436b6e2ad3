//! The checksum of a file. The file may be large, so the computation can be stopped.

use crate::error::{Error, Result};
use std::{fs::File, io::Read, path::Path};
use tokio_util::sync::CancellationToken;
use waybill_daemon::disk::failed;
use waybill_ipfs::{Checksum, ContentHasher};

/// How many bytes to read at once.
const BUFFER: usize = 256 * 1024;

/// The length and SHA-256 of a file.
pub fn checksum(path: &Path, stopped: &CancellationToken) -> Result<Checksum> {
	let mut file = File::open(path).map_err(failed("read", path))?;
	let (mut hasher, mut buffer) = (ContentHasher::new(), vec![0; BUFFER]);
	loop {
		if stopped.is_cancelled() {
			return Err(Error::Stopped);
		}
		let read = file.read(&mut buffer).map_err(failed("read", path))?;
		if read == 0 {
			return Ok(hasher.finish());
		}
		hasher.update(buffer.get(..read).unwrap_or_default());
	}
}
