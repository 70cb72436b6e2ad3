//! Whether the disk has room for a new version. A device that signed a receipt could not take it
//! back.

use crate::{
	context::Context,
	error::{Error, Result},
};
use rustix::fs::statvfs;
use std::io;
use waybill_daemon::disk::failed;
use waybill_exchange::{Algorithms, Terms};
use waybill_primitives::{Cid, ReleaseStatement};

/// What file systems and downloads need besides the files themselves, as a share of them.
const OVERHEAD: u64 = 64;

/// Checks that a release fits: its ciphertext and its image, besides what is there already.
///
/// Ciphertexts of lapsed contracts make way, the oldest first. IPFS may still have them.
pub(crate) fn check_release(context: &Context, release: &ReleaseStatement) -> Result<()> {
	let ciphertext = release.digest.suite.ciphertext_size(release.size).unwrap_or(release.size);
	check(context, release, ciphertext)
}

/// Checks that the files of these terms and their image fit.
pub(crate) fn check_terms(context: &Context, terms: &Terms) -> Result<()> {
	let ciphertext = (terms.ciphertext.cid, terms.ciphertext.size);
	let proofs = terms.evidence.proofs().map(|proofs| [&proofs.locks, &proofs.data].map(|file| (file.cid, file.size)));
	let files = [ciphertext].into_iter().chain(proofs.into_iter().flatten());
	let missing = |(cid, size): (Cid, u64)| Ok::<_, Error>(size.saturating_sub(context.home.file_room(&cid)?));
	let missing = files.map(missing).sum::<Result<u64>>()?;
	check(context, &terms.release, missing)
}

fn check(context: &Context, release: &ReleaseStatement, files: u64) -> Result<()> {
	let folder = context.home.path();
	let image = release.size.saturating_sub(context.home.slots.spare_room().map_err(failed("use", folder))?);
	let needed = files.saturating_add(image);
	let needed = needed.saturating_add(needed / OVERHEAD);
	let mut lapsed = context.exchange.lapsed_files().collect::<Vec<_>>().into_iter();
	loop {
		let free = free(context).map_err(failed("use", folder))?;
		if needed <= free {
			return Ok(());
		}
		let Some(cid) = lapsed.next() else {
			let (folder, reserve) = (folder.into(), context.min_free);
			return Err(Error::NoRoom { version: release.version, needed, free, reserve, folder });
		};
		tracing::info!(%cid, "removing the ciphertext of a lapsed contract to make room");
		context.home.drop_fetched(&cid)?;
	}
}

/// How many bytes the device may still write.
fn free(context: &Context) -> io::Result<u64> {
	let disk = statvfs(context.home.path())?;
	Ok(disk.f_bavail.saturating_mul(disk.f_frsize).saturating_sub(context.min_free))
}
