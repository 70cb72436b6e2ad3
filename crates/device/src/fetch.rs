//! Files from IPFS, in the device's state folder.

use crate::{
	context::{Context, Outcome},
	error::Result,
	report::Event,
	room,
};
use std::{
	fs::{self, File},
	io::Read,
	path::Path,
};
use waybill_chain::ledger::State;
use waybill_daemon::disk::{self, failed};
use waybill_exchange::{Refusal, Stored, Terms};

const BUFFER: usize = 64 * 1024;

/// Fetches the ciphertext and checks all of it.
pub(crate) async fn fetch_ciphertext<S: State>(context: &mut Context, state: &S, terms: &Terms) -> Result<Outcome> {
	room::check_terms(context, terms)?;
	let ciphertext = terms.ciphertext;
	let path = context.home.file(&ciphertext.cid)?;
	let is_fresh = !path.exists();
	if is_fresh {
		match context.gateway.fetch_file(&ciphertext.cid, ciphertext.size, &path, |_| ()).await {
			Ok(()) => {},
			Err(error) if error.is_wrong_size() => return context.refuse(state, terms, &error.to_string()).await,
			Err(error) => return context.give_up_fetching(state, terms, error.into()).await,
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

/// Fetches a file, unless it is there already.
pub(crate) async fn fetch_missing(context: &Context, file: &Stored) -> Result<()> {
	let path = context.home.file(&file.cid)?;
	match path.exists() {
		true => Ok(()),
		false => Ok(context.gateway.fetch_file(&file.cid, file.size, &path, |_| ()).await?),
	}
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
