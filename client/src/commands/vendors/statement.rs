//! A release's statement as a file: what the release keys sign, and for which chain.

use crate::{
	commands::{query::suite_name, read_text},
	error::{Error, Kind, OrFail, Result},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
	fmt,
	fs::File,
	io::{Read, Write},
	ops::ControlFlow,
	path::{Path, PathBuf},
};
use waybill_chain::Hash;
use waybill_primitives::{Cid, Digest, Hash32, ModelId, ReleaseStatement, Suite, Version};
use waybill_zkcp::{ChunkDigests, Layout, Progress, SweepError};

const MAX_FILE: u64 = 16_384;
const CHUNK: usize = 256 * 1024;

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
	suite: SuiteName,
	digest: Hash,
}

/// The algorithms by which a release is delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum SuiteName {
	/// SHA-256 and ChaCha20, without proofs; devices refuse it unless their own configuration takes it
	Plain,
	/// Algorithms for which a distributor proves that the ciphertext holds the release
	#[default]
	Zkcp,
}

/// What a firmware file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Firmware {
	/// Its length in bytes.
	pub size: u64,
	/// Its SHA-256.
	pub sha256: Hash32,
}

/// What a release is to be, beside its file.
#[derive(clap::Args, Clone, Debug)]
pub struct About {
	/// The model it is for
	#[arg(long)]
	pub model: ModelId,
	/// Its version, such as 1.0.2
	#[arg(long)]
	pub version: Version,
	/// Its security version: raise it when devices must never go back behind this release
	#[arg(long)]
	pub security_version: u32,
	/// The algorithms by which it is delivered
	#[arg(long, value_enum, default_value_t)]
	pub suite: SuiteName,
}

impl StatementFile {
	/// The statement on a firmware file that is in IPFS under `payload` and has this digest under the suite of `about`.
	pub fn new(about: &About, payload: Cid, firmware: Firmware, digest: Hash32, genesis: Hash32) -> Self {
		Self {
			genesis: Hash(genesis),
			model: about.model,
			version: about.version,
			security_version: about.security_version,
			payload,
			size: firmware.size,
			sha256: Hash(firmware.sha256),
			suite: about.suite,
			digest: Hash(digest),
		}
	}

	/// Reads a statement that `prepare` wrote.
	pub fn read(file: &Path) -> Result<Self> {
		let text = read_text(file, MAX_FILE)?;
		let statement: Self = serde_json::from_str(&text)
			.or_fail(Kind::File, || format!("{} is not a statement of `waybill vendor prepare`", file.display()))?;
		statement.is_sound().map_err(|error| error.context(file.display()))?;
		Ok(statement)
	}

	/// Fails if the statement contradicts itself.
	pub fn is_sound(&self) -> Result<()> {
		let signed = self.signed();
		match signed.digest.suite.digest_fits(&signed.digest.bytes, &signed.sha256) {
			true => Ok(()),
			false => Err(Error::file("the digest is not that of the payload")),
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
			digest: Digest { suite: self.suite.suite(), bytes: self.digest.0 },
		}
	}

	/// The chain it is for.
	pub const fn genesis(&self) -> Hash32 {
		self.genesis.0
	}

	/// Fails if the firmware file is not the one that the statement speaks of.
	pub fn check(&self, file: &Path) -> Result<()> {
		check_firmware(&self.signed(), file)
	}
}

impl fmt::Display for StatementFile {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		writeln!(f, "version {} of model {}, security version {}", self.version, self.model, self.security_version)?;
		writeln!(f, "  payload  {} ({} bytes)", self.payload, self.size)?;
		writeln!(f, "  sha256   {}", self.sha256)?;
		writeln!(f, "  digest   {} {}", suite_name(self.suite.suite()), self.digest)?;
		write!(f, "  chain    {}", self.genesis)
	}
}

impl SuiteName {
	const fn suite(self) -> Suite {
		match self {
			Self::Plain => Suite::Plain,
			Self::Zkcp => Suite::Zkcp,
		}
	}

	/// The digest of a firmware file under the suite. `meter` is told how many bytes are done.
	pub fn digest(self, firmware: Firmware, file: &Path, meter: impl Fn(u64)) -> Result<Hash32> {
		digest(self.suite(), firmware, file, meter)
	}
}

fn digest(suite: Suite, firmware: Firmware, file: &Path, meter: impl Fn(u64)) -> Result<Hash32> {
	match suite {
		Suite::Plain => Ok(firmware.sha256),
		Suite::Zkcp => {
			let name = || format!("cannot read {}", file.display());
			let layout = Layout::new(firmware.size);
			let layout = layout.ok_or_else(|| Error::file(format!("{} is larger than 4 GiB", file.display())))?;
			let opened = File::open(file).or_fail(Kind::File, name)?;
			let mut watch = |Progress { done, total, .. }: Progress| {
				meter(firmware.size.saturating_mul(done) / total.max(1));
				ControlFlow::Continue(())
			};
			match ChunkDigests::of_payload(&opened, layout, &mut watch) {
				Ok(digests) => Ok(digests.id()),
				Err(SweepError::Storage(error)) => Err(error).or_fail(Kind::File, name),
				Err(error) => Err(Error::new(Kind::Failure, format!("{}: {error}", file.display()))),
			}
		},
	}
}

impl Firmware {
	/// Reads a firmware file through.
	pub fn read(file: &Path) -> Result<Self> {
		let name = || format!("cannot read {}", file.display());
		let mut opened = File::open(file).or_fail(Kind::File, name)?;
		let (mut hasher, mut size, mut chunk) = (Sha256::new(), 0_u64, vec![0; CHUNK]);
		loop {
			let read = opened.read(&mut chunk).or_fail(Kind::File, name)?;
			let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
			hasher.update(bytes);
			size = size.saturating_add(bytes.len() as u64);
		}
		if size == 0 {
			return Err(Error::file(format!("{} is empty", file.display())));
		}
		Ok(Self { size, sha256: hasher.finalize().into() })
	}
}

/// Fails if the firmware file is not the one that the statement speaks of.
pub fn check_firmware(statement: &ReleaseStatement, file: &Path) -> Result<()> {
	let found = Firmware::read(file)?;
	let Digest { suite, bytes } = statement.digest;
	if found != (Firmware { size: statement.size, sha256: statement.sha256 }) {
		return Err(Error::check(format!("{} is not the firmware of the statement; nothing was signed", file.display())));
	}
	match digest(suite, found, file, |_| ())? == bytes {
		true => Ok(()),
		false => Err(Error::check(format!("the statement's digest is not that of {}; nothing was signed", file.display()))),
	}
}

/// Writes a statement as JSON to a new file.
pub fn write_new(statement: &impl Serialize, file: &Path) -> Result<()> {
	let text = serde_json::to_string_pretty(statement).or_fail(Kind::Failure, || "the statement")?;
	let name = || format!("cannot write {}", file.display());
	let mut opened = File::create_new(file).or_fail(Kind::File, name)?;
	writeln!(opened, "{text}").and_then(|()| opened.sync_all()).or_fail(Kind::File, name).inspect_err(|_| {
		// Half a statement is worth nothing.
		let _ = std::fs::remove_file(file);
	})
}

/// Where `prepare` writes when it is not told: the firmware's name with `.release.json` after it.
pub fn default_file(firmware: &Path) -> PathBuf {
	let mut name = firmware.as_os_str().to_owned();
	name.push(".release.json");
	name.into()
}

#[cfg(test)]
mod tests {
	use super::*;

	fn example() -> StatementFile {
		statement(SuiteName::Plain, Firmware { size: 8, sha256: [7; 32] }, [7; 32])
	}

	fn statement(suite: SuiteName, firmware: Firmware, digest: Hash32) -> StatementFile {
		let about = About { model: 3, version: Version::new(1, 0, 2), security_version: 4, suite };
		StatementFile::new(&about, Cid::raw(b"firmware"), firmware, digest, [9; 32])
	}

	#[test]
	fn statements_should_name_their_suite() {
		for (suite, name) in [(SuiteName::Plain, "plain"), (SuiteName::Zkcp, "zkcp")] {
			let json = serde_json::to_value(statement(suite, Firmware { size: 8, sha256: [7; 32] }, [7; 32])).unwrap();
			assert_eq!((&json["suite"], suite_name(suite.suite())), (&name.into(), name));
		}
		assert_eq!(SuiteName::default(), SuiteName::Zkcp);
	}

	#[test]
	fn digest_should_be_that_of_the_suite() {
		let file = tempfile::NamedTempFile::new().unwrap();
		let bytes = vec![5; CHUNK + 1];
		std::fs::write(file.path(), &bytes).unwrap();
		let firmware = Firmware::read(file.path()).unwrap();
		let layout = Layout::new(firmware.size).unwrap();
		let proven = ChunkDigests::of_payload(&bytes, layout, &mut waybill_zkcp::unwatched).unwrap().id();
		for (suite, expected) in [(SuiteName::Plain, firmware.sha256), (SuiteName::Zkcp, proven)] {
			let last = std::cell::Cell::new(0);
			assert_eq!(suite.digest(firmware, file.path(), |done| last.set(done)).unwrap(), expected);
			assert!(last.get() <= firmware.size);
			assert!(statement(suite, firmware, expected).check(file.path()).is_ok());
			let mut wrong = expected;
			wrong[0] ^= 1;
			assert_eq!(statement(suite, firmware, wrong).check(file.path()).unwrap_err().kind(), Kind::Check);
		}
		let longer = Firmware { size: firmware.size + 1, ..firmware };
		assert_eq!(SuiteName::Zkcp.digest(longer, file.path(), |_| ()).unwrap_err().kind(), Kind::File);
		let longest = Firmware { size: (4 << 30) + 1, ..firmware };
		assert_eq!(SuiteName::Zkcp.digest(longest, file.path(), |_| ()).unwrap_err().kind(), Kind::File);
	}

	#[test]
	fn statements_should_round_trip_through_files() {
		let dir = tempfile::tempdir().unwrap();
		let file = default_file(&dir.path().join("firmware.bin"));
		example().write(&file).unwrap();
		assert_eq!(StatementFile::read(&file).unwrap(), example());
		assert_eq!(example().write(&file).unwrap_err().kind(), Kind::File);
		assert_eq!(example().signed().digest.bytes, [7; 32]);
	}

	#[test]
	fn altered_files_should_be_refused() {
		let dir = tempfile::tempdir().unwrap();
		let file = dir.path().join("statement.json");
		let text = serde_json::to_string(&example()).unwrap();
		let other = text.replace(&format!("\"digest\":\"{}\"", Hash([7; 32])), &format!("\"digest\":\"{}\"", Hash([8; 32])));
		assert_ne!(other, text);
		for bad in
			[other, text.replace("\"size\"", "\"length\""), text.replace('}', ",\"more\":1}"), "{}".into(), String::new()]
		{
			std::fs::write(&file, bad).unwrap();
			assert_eq!(StatementFile::read(&file).unwrap_err().kind(), Kind::File);
		}
	}

	#[test]
	fn firmware_should_be_read_whole() {
		let file = tempfile::NamedTempFile::new().unwrap();
		assert_eq!(Firmware::read(file.path()).unwrap_err().kind(), Kind::File);
		let bytes = vec![5; CHUNK + 1];
		std::fs::write(file.path(), &bytes).unwrap();
		let firmware = Firmware::read(file.path()).unwrap();
		assert_eq!(firmware, Firmware { size: CHUNK as u64 + 1, sha256: Sha256::digest(&bytes).into() });
		assert_eq!(example().check(file.path()).unwrap_err().kind(), Kind::Check);
	}
}
