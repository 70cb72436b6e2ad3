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
/// How long fetching any file may take, besides its size at the least rate.
const PATIENCE: Duration = Duration::from_secs(120);

/// The proved table of locks, or why the proofs of a query do not hold.
///
/// # Errors
/// The hub could not find out whether they hold.
pub async fn check(
	gateway: &Gateway,
	least_rate: u64,
	folder: &Path,
	query: ProofQuery,
	stopped: CancellationToken,
) -> Result<Result<LockTable, ProofFault>> {
	match fetch(gateway, least_rate, folder, &query).await? {
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
async fn fetch(gateway: &Gateway, least_rate: u64, folder: &Path, query: &ProofQuery) -> Result<Result<Files, ProofFault>> {
	let bytes = |file: Stored| {
		declared(patience(file.size, least_rate), async move { gateway.fetch_bytes(&file.cid, file.size).await })
	};
	let Some(locks) = bytes(query.proofs.locks).await? else { return Ok(Err(ProofFault::Malformed)) };
	let Some(data) = bytes(query.proofs.data).await? else { return Ok(Err(ProofFault::Malformed)) };
	let folder = TempDir::new_in(folder).map_err(failed("write in", folder))?;
	let Ciphertext { cid, size, .. } = query.ciphertext;
	let path = folder.path().join(CIPHERTEXT);
	match declared(patience(size, least_rate), gateway.fetch_file(&cid, size, &path, |_| ())).await? {
		Some(()) => Ok(Ok(Files { folder, data, locks })),
		None => Ok(Err(ProofFault::Ciphertext)),
	}
}

/// How long a file may take.
fn patience(size: u64, least_rate: u64) -> Duration {
	PATIENCE + Duration::from_secs(size / least_rate.max(1))
}

/// Fetches a file in good time; `None` if it does not have the declared size.
async fn declared<T>(patience: Duration, fetching: impl Future<Output = waybill_ipfs_http::Result<T>>) -> Result<Option<T>> {
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

#[cfg(test)]
mod tests {
	use super::*;
	use crate::config::Config;

	#[test]
	fn two_files_should_come_in_time_over_a_link_of_80_kbit_a_second() {
		let Config { max_payload, jobs, min_rate, .. } = Config::default();
		let rate = 10_000 / jobs as u64;
		assert!(patience(max_payload, min_rate) > Duration::from_secs(max_payload / rate));
		assert!(patience(max_payload, min_rate) < Duration::from_secs(24 * 3_600));
	}

	#[tokio::test]
	async fn file_that_takes_longer_should_be_given_up() {
		let after = |milliseconds| async move {
			tokio::time::sleep(Duration::from_millis(milliseconds)).await;
			Ok(())
		};
		assert!(declared(Duration::from_secs(60), after(10)).await.unwrap().is_some());
		let late = declared(Duration::from_millis(10), after(60_000)).await;
		assert!(matches!(late, Err(Error::TooSlow)));
	}
}
