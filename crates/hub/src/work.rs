//! The work on a query: fetches the files that it names, and checks them.

use crate::error::{Error, Result};
use std::{fs::File, future::Future, io, ops::ControlFlow, path::Path, time::Duration};
use tempfile::TempDir;
use tokio::{task::spawn_blocking, time::timeout};
use tokio_util::sync::CancellationToken;
use waybill_daemon::disk::failed;
use waybill_exchange::{Ciphertext, ProofFault, ProofQuery, Stored, StreamCheck};
use waybill_ipfs_http::Gateway;
use waybill_zkcp::{LockTable, Progress, ReadAt};

const CIPHERTEXT: &str = "ciphertext";
const PIECE: usize = 64 * 1024;
/// How long fetching any file may take, and how many bytes of it may take a second more.
const PATIENCE: Duration = Duration::from_secs(120);
const BYTES_A_SECOND: u64 = 512 * 1024;

/// The proved table of locks, or why the proofs of a query do not hold.
///
/// # Errors
/// The hub could not find out whether they hold.
pub async fn check(
	gateway: &Gateway,
	folder: &Path,
	query: ProofQuery,
	stopped: CancellationToken,
) -> Result<Result<LockTable, ProofFault>> {
	match fetch(gateway, folder, &query).await? {
		Ok(files) => {
			let checked = spawn_blocking(move || files.check(&query, &stopped)).await;
			checked.map_err(Error::BrokeOff)?
		},
		Err(fault) => Ok(Err(fault)),
	}
}

/// The files that a query names. Dropping this value removes their folder.
struct Files {
	folder: TempDir,
	data: Vec<u8>,
	locks: Vec<u8>,
}

/// Fetches the files of a query, the small ones first. A file that differs from its declaration is
/// a fault of the proofs.
async fn fetch(gateway: &Gateway, folder: &Path, query: &ProofQuery) -> Result<Result<Files, ProofFault>> {
	let bytes = |file: Stored| declared(file.size, async move { gateway.fetch_bytes(&file.cid, file.size).await });
	let Some(locks) = bytes(query.proofs.locks).await? else { return Ok(Err(ProofFault::Malformed)) };
	let Some(data) = bytes(query.proofs.data).await? else { return Ok(Err(ProofFault::Malformed)) };
	let folder = TempDir::new_in(folder).map_err(failed("write in", folder))?;
	let Ciphertext { cid, size, .. } = query.ciphertext;
	let path = folder.path().join(CIPHERTEXT);
	match declared(size, gateway.fetch_file(&cid, size, &path, |_| ())).await? {
		Some(()) => Ok(Ok(Files { folder, data, locks })),
		None => Ok(Err(ProofFault::Ciphertext)),
	}
}

/// Fetches a file in good time; `None` if it does not have the declared size.
async fn declared<T>(size: u64, fetching: impl Future<Output = waybill_ipfs_http::Result<T>>) -> Result<Option<T>> {
	let patience = PATIENCE + Duration::from_secs(size / BYTES_A_SECOND);
	match timeout(patience, fetching).await {
		Ok(Ok(fetched)) => Ok(Some(fetched)),
		Ok(Err(error)) if error.is_wrong_size() => Ok(None),
		Ok(Err(error)) => Err(error.into()),
		Err(_) => Err(Error::TooSlow),
	}
}

impl Files {
	fn check(&self, query: &ProofQuery, stopped: &CancellationToken) -> Result<Result<LockTable, ProofFault>> {
		let unreadable = failed("read", self.folder.path());
		let ciphertext = File::open(self.folder.path().join(CIPHERTEXT)).map_err(&unreadable)?;
		if !is_ciphertext(&ciphertext, &query.ciphertext).map_err(&unreadable)? {
			return Ok(Err(ProofFault::Ciphertext));
		}
		let mut watch = |_: Progress| match stopped.is_cancelled() {
			true => ControlFlow::Break(()),
			false => ControlFlow::Continue(()),
		};
		match query.table(&ciphertext, &self.data, &self.locks, &mut watch).map_err(&unreadable)? {
			Err(ProofFault::Cancelled) => Err(Error::Stopped),
			outcome => Ok(outcome),
		}
	}
}

/// Whether a file is the ciphertext that a query names.
fn is_ciphertext(file: &File, expected: &Ciphertext) -> io::Result<bool> {
	let mut check = StreamCheck::new(expected.size, expected.sha256);
	let mut buffer = vec![0; PIECE];
	while check.seen() < expected.size {
		let left = usize::try_from(expected.size - check.seen()).unwrap_or(usize::MAX);
		let piece = &mut buffer[..left.min(PIECE)];
		file.read_at(check.seen(), piece)?;
		if check.update(piece).is_err() {
			return Ok(false);
		}
	}
	Ok(check.finish().is_ok())
}
