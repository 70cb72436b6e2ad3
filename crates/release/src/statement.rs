//! A release's statement as a file: what the release keys sign, and for which chain.

use crate::{
	error::{Error, Result},
	file::{read_text, write_new, MAX_STATEMENT},
	firmware::FirmwareFile,
};
use serde::{Deserialize, Serialize};
use std::{
	fmt,
	path::{Path, PathBuf},
};
use waybill_chain::Hash;
use waybill_primitives::{Cid, Digest, Hash32, ModelId, ReleaseStatement, Suite, Version};

/// What a release is to be, beside its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Subject {
	/// The model it is for.
	pub model: ModelId,
	/// Its version.
	pub version: Version,
	/// Its security version.
	pub security_version: u32,
	/// The algorithms by which it is delivered.
	pub suite: Suite,
}

/// A release's statement and the chain it is for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementFile {
	genesis: Hash,
	model: ModelId,
	version: Version,
	security_version: u32,
	payload: Cid,
	size: u64,
	sha256: Hash,
	suite: Suite,
	digest: Hash,
}

impl StatementFile {
	/// The statement on a firmware file that is in IPFS under `payload` and has this digest under
	/// the subject's suite.
	pub fn new(subject: &Subject, payload: Cid, firmware: FirmwareFile, digest: Hash32, genesis: Hash32) -> Self {
		Self {
			genesis: Hash(genesis),
			model: subject.model,
			version: subject.version,
			security_version: subject.security_version,
			payload,
			size: firmware.size,
			sha256: Hash(firmware.sha256),
			suite: subject.suite,
			digest: Hash(digest),
		}
	}

	/// Reads a statement.
	///
	/// # Errors
	/// The file cannot be read, is none, or contradicts itself.
	pub fn read(file: &Path) -> Result<Self> {
		let text = read_text(file, MAX_STATEMENT)?;
		let wrong = |_| Error::NotAStatement { path: file.into(), kind: "a release's statement" };
		let statement: Self = serde_json::from_str(&text).map_err(wrong)?;
		statement.check_sound(file)?;
		Ok(statement)
	}

	/// Fails if the statement, read from this file, contradicts itself.
	pub(crate) fn check_sound(&self, file: &Path) -> Result<()> {
		let signed = self.signed();
		match signed.digest.suite.digest_fits(&signed.digest.bytes, &signed.sha256) {
			true => Ok(()),
			false => Err(Error::Contradiction(file.into())),
		}
	}

	/// Writes it to a new file.
	pub fn write(&self, file: &Path) -> Result<()> {
		write_new(self, file)
	}

	/// What the keys sign.
	pub const fn signed(&self) -> ReleaseStatement {
		ReleaseStatement {
			model: self.model,
			version: self.version,
			security_version: self.security_version,
			payload: self.payload,
			size: self.size,
			sha256: self.sha256.0,
			digest: Digest { suite: self.suite, bytes: self.digest.0 },
		}
	}

	/// The hash of the first block of the chain it is for.
	pub const fn genesis(&self) -> Hash32 {
		self.genesis.0
	}
}

impl fmt::Display for StatementFile {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		writeln!(f, "version {} of model {}, security version {}", self.version, self.model, self.security_version)?;
		writeln!(f, "  payload  {} ({} bytes)", self.payload, self.size)?;
		writeln!(f, "  sha256   {}", self.sha256)?;
		writeln!(f, "  digest   {} {}", self.suite, self.digest)?;
		write!(f, "  chain    {}", self.genesis)
	}
}

/// Where a statement is written by default: the firmware's name with `.release.json` after it.
pub fn default_file(firmware: &Path) -> PathBuf {
	let mut name = firmware.as_os_str().to_owned();
	name.push(".release.json");
	name.into()
}

#[cfg(test)]
mod tests {
	use super::*;

	fn example(suite: Suite) -> StatementFile {
		let subject = Subject { model: 3, version: Version::new(1, 0, 2), security_version: 4, suite };
		let firmware = FirmwareFile { size: 8, sha256: [7; 32] };
		StatementFile::new(&subject, Cid::raw(b"firmware"), firmware, [7; 32], [9; 32])
	}

	#[test]
	fn statements_should_name_their_suite() {
		for (suite, name) in [(Suite::Plain, "plain"), (Suite::Zkcp, "zkcp")] {
			assert_eq!(serde_json::to_value(example(suite)).unwrap()["suite"], name);
		}
	}

	#[test]
	fn statements_should_round_trip_through_files() {
		let dir = tempfile::tempdir().unwrap();
		let file = default_file(&dir.path().join("firmware.bin"));
		assert!(file.ends_with("firmware.bin.release.json"));
		let example = example(Suite::Plain);
		example.write(&file).unwrap();
		assert_eq!(StatementFile::read(&file).unwrap(), example);
		assert!(matches!(example.write(&file), Err(Error::Write { .. })));
		assert_eq!(example.signed().digest.bytes, [7; 32]);
	}

	#[test]
	fn altered_files_should_be_refused() {
		let dir = tempfile::tempdir().unwrap();
		let file = dir.path().join("statement.json");
		let text = serde_json::to_string(&example(Suite::Plain)).unwrap();
		let other = text.replace(&format!("\"digest\":\"{}\"", Hash([7; 32])), &format!("\"digest\":\"{}\"", Hash([8; 32])));
		assert_ne!(other, text);
		std::fs::write(&file, other).unwrap();
		assert!(matches!(StatementFile::read(&file), Err(Error::Contradiction(_))));
		for bad in [text.replace("\"size\"", "\"length\""), text.replace('}', ",\"more\":1}"), "{}".into(), String::new()] {
			std::fs::write(&file, bad).unwrap();
			assert!(matches!(StatementFile::read(&file), Err(Error::NotAStatement { .. })));
		}
		std::fs::write(&file, vec![b' '; MAX_STATEMENT as usize + 1]).unwrap();
		assert!(matches!(StatementFile::read(&file), Err(Error::TooLarge { .. })));
	}
}
