//! Files from IPFS, in the device's state folder.

use crate::{
	context::{Context, Outcome},
	error::{Error, Result},
	report::Event,
	room,
	trade::is_overtaken,
};
use std::{
	fs::{self, File},
	io::Read,
	path::Path,
};
use tokio::time::timeout;
use waybill_chain::ledger::State;
use waybill_daemon::disk::{self, failed};
use waybill_exchange::{Refusal, Stored, Terms};
use waybill_ipfs_http::keeps_up;

const BUFFER: usize = 64 * 1024;

/// Fetches the ciphertext and checks all of it.
pub(crate) async fn fetch_ciphertext<S: State>(context: &mut Context, state: &S, terms: &Terms) -> Result<Outcome> {
	room::check_terms(context, terms)?;
	let ciphertext = terms.ciphertext;
	let path = context.home.file(&ciphertext.cid)?;
	let is_fresh = !path.exists();
	if is_fresh {
		match fetch_missing(context, &Stored { cid: ciphertext.cid, size: ciphertext.size }).await {
			Ok(true) => {},
			Ok(false) => return go_on(context, state, terms).await,
			Err(Error::Ipfs(error)) if error.is_wrong_size() => {
				return context.refuse(state, terms, &error.to_string()).await
			},
			Err(error) => return context.give_up_fetching(state, terms, error).await,
		}
	}
	let mut check = context.exchange.ciphertext_check()?;
	let checked = pieces(&path, |piece| check.update(piece).map_err(Refusal::Ciphertext))?;
	match checked.and_then(|()| context.exchange.ciphertext_complete(check)) {
		Ok(()) => {
			context.save()?;
			context.reporter.tell(&Event::Downloaded { cid: ciphertext.cid, size: ciphertext.size });
			Ok(Outcome::Again)
		},
		Err(refusal) => {
			disk::remove(&path).map_err(failed("remove", &path))?;
			match is_fresh {
				// Every block matched its CID, so the offered CID does not name what was offered
				// and never will.
				true => context.refuse(state, terms, &refusal.to_string()).await,
				// The disk may have changed the file. The next step fetches it again.
				false => Ok(Outcome::Again),
			}
		},
	}
}

/// Fetches a file, unless it is there already. Returns whether all of it is there. On a slow link
/// the device looks at the chain from time to time; what has come is kept.
///
/// # Errors
/// Among others [`Error::Stalled`], if next to nothing has come in all of that time: less than
/// [`LEAST_RATE`](waybill_ipfs_http::LEAST_RATE). That bounds the time that any file can take.
pub(crate) async fn fetch_missing(context: &Context, file: &Stored) -> Result<bool> {
	let path = context.home.file(&file.cid)?;
	if path.exists() {
		return Ok(true);
	}
	let before = context.gateway.received();
	match timeout(context.slice, context.gateway.fetch_file(&file.cid, file.size, &path, |_| ())).await {
		Ok(fetched) => Ok(fetched.map(|()| true)?),
		Err(_) if keeps_up(context.gateway.received().saturating_sub(before), context.slice) => Ok(false),
		Err(_) => Err(Error::Stalled(file.cid)),
	}
}

/// Goes on with a long download, unless a newer release makes it useless.
pub(crate) async fn go_on<S: State>(context: &mut Context, state: &S, terms: &Terms) -> Result<Outcome> {
	context.reporter.hindered_by("fetching, on a slow link");
	if is_overtaken(context, state, terms).await? {
		context.abandon()?;
	}
	Ok(Outcome::Again)
}

/// Reads a file that was fetched.
pub(crate) fn read_file(context: &Context, file: &Stored) -> Result<Vec<u8>> {
	let path = context.home.file(&file.cid)?;
	Ok(fs::read(&path).map_err(failed("read", &path))?)
}

/// Hands a file to `take` piece by piece, until `take` refuses one.
fn pieces<E>(path: &Path, mut take: impl FnMut(&[u8]) -> Result<(), E>) -> Result<Result<(), E>> {
	let mut file = File::open(path).map_err(failed("read", path))?;
	let mut buffer = vec![0; BUFFER];
	loop {
		let read = file.read(&mut buffer).map_err(failed("read", path))?;
		let piece = buffer.get(..read).unwrap_or_default();
		if piece.is_empty() {
			return Ok(Ok(()));
		}
		if let Err(error) = take(piece) {
			return Ok(Err(error));
		}
	}
}
