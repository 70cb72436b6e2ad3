//! Checks an offer's proofs before the device signs its receipt.

use crate::{
	context::{account, Context, Outcome},
	error::{Error, Result},
	fetch::{fetch_missing, go_on, read_file},
	hub::Hub,
	report::{Checker, Event},
};
use std::{fs::File, time::Instant};
use waybill_chain::ledger::State;
use waybill_daemon::disk::{self, failed};
use waybill_exchange::{ProofFault, Proofs, Terms, Verification, Verified};

/// Checks that lock, mask, key and ciphertext belong together, or has the hub check that.
pub(crate) async fn verify<S: State>(
	context: &mut Context,
	hub: Option<&Hub>,
	state: &S,
	terms: &Terms,
	proofs: &Proofs,
) -> Result<Outcome> {
	let begun = Instant::now();
	let verified = match context.exchange.verification() {
		Err(refusal) => return context.refuse(state, terms, &refusal.to_string()).await,
		Ok(verification) => match verification.query().check_sizes() {
			Err(fault) => verification.refuse(fault),
			Ok(()) => match check(context, hub, state, terms, proofs, &verification).await? {
				Some(verified) => verified,
				None => return go_on(context, state, terms).await,
			},
		},
	};
	match context.exchange.verified(verified) {
		Ok(()) => {
			context.save()?;
			let by = hub.map_or(Checker::Device, |hub| Checker::Hub(hub.shown()));
			let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
			context.reporter.tell(&Event::Verified { distributor: account(terms), by, milliseconds });
			Ok(Outcome::Again)
		},
		Err(refusal) => context.refuse(state, terms, &refusal.to_string()).await,
	}
}

/// Fetches the proofs and checks them, or has the hub check them; `None` while they are coming. An
/// error may have dropped the offer.
async fn check<S: State>(
	context: &mut Context,
	hub: Option<&Hub>,
	state: &S,
	terms: &Terms,
	proofs: &Proofs,
	verification: &Verification,
) -> Result<Option<Verified>> {
	// Decrypting takes the digests in the proof of the data, so a device with a hub fetches that,
	// too.
	let needed: &[_] = if hub.is_some() { &[proofs.data] } else { &[proofs.locks, proofs.data] };
	for file in needed {
		match fetch_missing(context, file).await {
			Ok(true) => {},
			Ok(false) => return Ok(None),
			Err(Error::Ipfs(error)) if error.is_wrong_size() => return Ok(Some(verification.refuse(ProofFault::Malformed))),
			Err(error) => return context.give_up_fetching(state, terms, error).await,
		}
	}
	let data = read_file(context, &proofs.data)?;
	if let Some(hub) = hub {
		let verdict = hub.ask(verification.query()).await?;
		return Ok(Some(verification.believe(&verdict, &data)));
	}
	let locks = read_file(context, &proofs.locks)?;
	let path = context.home.file(&terms.ciphertext.cid)?;
	let checked = File::open(&path).and_then(|file| verification.run(&file, &data, &locks, &mut waybill_zkcp::unwatched));
	match checked {
		Ok(verified) => Ok(Some(verified)),
		Err(cause) => {
			// The file was whole after the download, so the disk has damaged it.
			disk::remove(&path).map_err(failed("remove", &path))?;
			context.abandon()?;
			Err(Error::Lost { path, cause })
		},
	}
}
