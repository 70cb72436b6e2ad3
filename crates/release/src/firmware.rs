//! Firmware files: their length, their SHA-256, their digest under a suite.

use crate::{
	error::{Error, Result},
	file::unreadable,
};
use sha2::{Digest as _, Sha256};
use std::{fs::File, io::Read, ops::ControlFlow, path::Path};
use waybill_primitives::{Digest, Hash32, ReleaseStatement, Suite};
use waybill_zkcp::{ChunkDigests, Layout, Progress, SweepError};

const CHUNK: usize = 256 * 1024;

/// What a firmware file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FirmwareFile {
	/// Its length in bytes.
	pub size: u64,
	/// Its SHA-256.
	pub sha256: Hash32,
}

impl FirmwareFile {
	/// Reads a firmware file through.
	pub fn read(file: &Path) -> Result<Self> {
		let mut opened = File::open(file).map_err(unreadable(file))?;
		let (mut hasher, mut size, mut chunk) = (Sha256::new(), 0_u64, vec![0; CHUNK]);
		loop {
			let read = opened.read(&mut chunk).map_err(unreadable(file))?;
			let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
			hasher.update(bytes);
			size = size.saturating_add(bytes.len() as u64);
		}
		if size == 0 {
			return Err(Error::Empty(file.into()));
		}
		Ok(Self { size, sha256: hasher.finalize().into() })
	}
}

/// The digest of a firmware file under a suite. `meter` is told how many bytes are done.
pub fn digest(suite: Suite, firmware: FirmwareFile, file: &Path, meter: impl Fn(u64)) -> Result<Hash32> {
	match suite {
		Suite::Plain => Ok(firmware.sha256),
		Suite::Zkcp => {
			let layout = Layout::new(firmware.size).ok_or_else(|| Error::TooLargeToDigest(file.into()))?;
			let opened = File::open(file).map_err(unreadable(file))?;
			let mut watch = |Progress { done, total, .. }: Progress| {
				meter(firmware.size.saturating_mul(done) / total.max(1));
				ControlFlow::Continue(())
			};
			match ChunkDigests::of_payload(&opened, layout, &mut watch) {
				Ok(digests) => Ok(digests.id()),
				Err(SweepError::Storage(error)) => Err(unreadable(file)(error)),
				Err(error) => Err(Error::Digest { path: file.into(), cause: error.to_string() }),
			}
		},
	}
}

/// Fails if the firmware file is not the one that the statement is about.
pub fn check_firmware(statement: &ReleaseStatement, file: &Path) -> Result<()> {
	let found = FirmwareFile::read(file)?;
	let Digest { suite, bytes } = statement.digest;
	if found != (FirmwareFile { size: statement.size, sha256: statement.sha256 }) {
		return Err(Error::OtherFirmware(file.into()));
	}
	match digest(suite, found, file, |_| ())? == bytes {
		true => Ok(()),
		false => Err(Error::OtherDigest(file.into())),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use waybill_primitives::{Cid, Version};

	fn statement(firmware: FirmwareFile, suite: Suite, bytes: Hash32) -> ReleaseStatement {
		ReleaseStatement {
			model: 3,
			version: Version::new(1, 0, 2),
			security_version: 4,
			payload: Cid::raw(b"firmware"),
			size: firmware.size,
			sha256: firmware.sha256,
			digest: Digest { suite, bytes },
		}
	}

	#[test]
	fn firmware_should_be_read_whole() {
		let file = tempfile::NamedTempFile::new().unwrap();
		assert!(matches!(FirmwareFile::read(file.path()), Err(Error::Empty(_))));
		let bytes = vec![5; CHUNK + 1];
		std::fs::write(file.path(), &bytes).unwrap();
		let firmware = FirmwareFile::read(file.path()).unwrap();
		assert_eq!(firmware, FirmwareFile { size: CHUNK as u64 + 1, sha256: Sha256::digest(&bytes).into() });
		let other = FirmwareFile { size: 8, sha256: [7; 32] };
		let refused = check_firmware(&statement(other, Suite::Plain, [7; 32]), file.path());
		assert!(matches!(refused, Err(Error::OtherFirmware(_))));
	}

	#[test]
	fn digest_should_be_that_of_the_suite() {
		let file = tempfile::NamedTempFile::new().unwrap();
		let bytes = vec![5; CHUNK + 1];
		std::fs::write(file.path(), &bytes).unwrap();
		let firmware = FirmwareFile::read(file.path()).unwrap();
		let layout = Layout::new(firmware.size).unwrap();
		let proven = ChunkDigests::of_payload(&bytes, layout, &mut waybill_zkcp::unwatched).unwrap().id();
		for (suite, expected) in [(Suite::Plain, firmware.sha256), (Suite::Zkcp, proven)] {
			let last = std::cell::Cell::new(0);
			assert_eq!(digest(suite, firmware, file.path(), |done| last.set(done)).unwrap(), expected);
			assert!(last.get() <= firmware.size);
			assert!(check_firmware(&statement(firmware, suite, expected), file.path()).is_ok());
			let mut wrong = expected;
			wrong[0] ^= 1;
			let refused = check_firmware(&statement(firmware, suite, wrong), file.path());
			assert!(matches!(refused, Err(Error::OtherDigest(_))));
		}
		let longer = FirmwareFile { size: firmware.size + 1, ..firmware };
		assert!(matches!(digest(Suite::Zkcp, longer, file.path(), |_| ()), Err(Error::Read { .. })));
		let longest = FirmwareFile { size: (4 << 30) + 1, ..firmware };
		assert!(matches!(digest(Suite::Zkcp, longest, file.path(), |_| ()), Err(Error::TooLargeToDigest(_))));
	}
}
