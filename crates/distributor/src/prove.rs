//! From a payload on disk to its ciphertext and proofs, under a suite with proofs.

use crate::{
	checksum::checksum,
	error::{Error, Result},
};
use serde::{Deserialize, Serialize};
use std::{
	fs::{self, File, OpenOptions},
	io,
	ops::ControlFlow,
	os::unix::fs::OpenOptionsExt,
	path::{Path, PathBuf},
	time::Instant,
};
use tokio_util::sync::CancellationToken;
use waybill_daemon::disk::{self, failed, DiskError};
use waybill_exchange::Epoch;
use waybill_ipfs::Checksum;
use waybill_primitives::ReleaseStatement;
use waybill_zkcp::{ChunkDigests, Layout, Progress, ProveError, SweepError};

/// What proving cost.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Proved {
	/// Seconds for the proof that the ciphertext decrypts to the payload.
	pub data_seconds: f64,
	/// Seconds for the proof of the locks.
	pub lock_seconds: f64,
	/// Bytes of both proofs.
	pub bytes: u64,
}

/// The files of a ciphertext and its proofs.
pub struct Files {
	/// The ciphertext.
	pub ciphertext: PathBuf,
	/// The proof of the data.
	pub data: PathBuf,
	/// The proof of the locks.
	pub locks: PathBuf,
}

impl Files {
	/// The files beside this one.
	pub fn beside(ciphertext: &Path) -> Self {
		let with = |extension| {
			let mut name = ciphertext.as_os_str().to_owned();
			name.push(extension);
			PathBuf::from(name)
		};
		Self { ciphertext: ciphertext.into(), data: with(".proof"), locks: with(".locks") }
	}

	/// Removes those that exist.
	pub fn remove(&self) -> Result<()> {
		let mut paths = [&self.ciphertext, &self.data, &self.locks].into_iter();
		Ok(paths.try_for_each(|path| disk::remove(path).map_err(failed("remove", path)))?)
	}

	/// Removes the ciphertext, which can be made again as it was. Proofs cannot.
	pub fn remove_ciphertext(&self) -> Result<()> {
		Ok(disk::remove(&self.ciphertext).map_err(failed("remove", &self.ciphertext))?)
	}
}

/// Encrypts a payload, and proves that the ciphertext and the locks of this content key give it
/// back. Proofs that are already there are taken: proofs made anew would be other files, and devices
/// were promised these. Returns what proving cost, if it proved anything.
///
/// # Errors
/// The payload is not the one that the release declares, or a file cannot be read or written.
pub fn make(
	epoch: &Epoch,
	payload: &Path,
	files: &Files,
	statement: &ReleaseStatement,
	stopped: &CancellationToken,
) -> Result<(Checksum, Option<Proved>)> {
	let expected = Checksum { size: statement.size, sha256: statement.sha256 };
	if checksum(payload, stopped)? != expected {
		// The next attempt fetches it again.
		let _ = fs::remove_file(payload);
		return Err(Error::OtherPayload { differs: "SHA-256 or length" });
	}
	let (key, nonce) = epoch.content_key().and_then(|key| key.provable()).ok_or(Error::DamagedKey)?;
	let layout = Layout::new(statement.size).ok_or(Error::PayloadTooLarge(statement.size))?;
	let mut watch = |_: Progress| match stopped.is_cancelled() {
		true => ControlFlow::Break(()),
		false => ControlFlow::Continue(()),
	};

	let plain = File::open(payload).map_err(failed("read", payload))?;
	let digests = ChunkDigests::of_payload(&plain, layout, &mut watch).map_err(swept(failed("read", payload)))?;
	if digests.id() != statement.digest.bytes {
		return Err(Error::OtherDigest);
	}
	let unwritable = failed("write", &files.ciphertext);
	let mut output = create(&files.ciphertext)?;
	let encrypted = waybill_zkcp::encrypt::<_, _, io::Error>(&plain, layout, &key, &nonce, &mut output, &mut watch);
	let encrypted = encrypted.map_err(swept(&unwritable))?;
	output.sync_all().map_err(&unwritable)?;
	if files.data.exists() && files.locks.exists() {
		return Ok((checksum(&files.ciphertext, stopped)?, None));
	}

	let begun = Instant::now();
	let ciphertext = File::open(&files.ciphertext).map_err(&unwritable)?;
	let data = waybill_zkcp::prove(&ciphertext, &digests, &encrypted, &key, &nonce, &mut watch).map_err(unproved)?;
	let data_seconds = begun.elapsed().as_secs_f64();
	let begun = Instant::now();
	let locks = waybill_zkcp::prove_locks(&key, &epoch.lock_keys(), &nonce).map_err(unproved)?;
	let lock_seconds = begun.elapsed().as_secs_f64();
	for (path, proof) in [(&files.data, &data), (&files.locks, &locks)] {
		disk::write(path, proof).map_err(failed("write", path))?;
	}
	let bytes = (data.len() as u64).saturating_add(locks.len() as u64);
	Ok((checksum(&files.ciphertext, stopped)?, Some(Proved { data_seconds, lock_seconds, bytes })))
}

fn create(path: &Path) -> Result<File> {
	let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path);
	Ok(file.map_err(failed("write", path))?)
}

/// The error of a pass over a file; `storage` makes that of a file that cannot be read or written.
fn swept(storage: impl Fn(io::Error) -> DiskError) -> impl Fn(SweepError<io::Error>) -> Error {
	move |error| match error {
		SweepError::Storage(cause) => storage(cause).into(),
		SweepError::Cancelled => Error::Stopped,
		SweepError::NotCanonical { chunk } => Error::NotCanonical { chunk },
	}
}

fn unproved<E: std::fmt::Display>(error: ProveError<E>) -> Error {
	match error {
		ProveError::Cancelled => Error::Stopped,
		error => Error::Unproved(error.to_string()),
	}
}
