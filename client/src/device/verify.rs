//! From an offer's proofs to the certainty that the receipt is worth signing.

use super::{
	agent::{account, refused, Agent, Outcome},
	report::Event,
};
use crate::error::{Error, Kind, OrFail, Result};
use std::{fs::File, time::Instant};
use waybill_chain::ledger::Ledger;
use waybill_daemon::disk;
use waybill_exchange::{ProofFault, Proofs, Terms, Verification, Verified};

impl<L: Ledger> Agent<L> {
	/// Checks that lock, mask, key and ciphertext belong together, or has the hub check it.
	pub(super) async fn verify(&mut self, state: &L::State, terms: &Terms, proofs: &Proofs) -> Result<Outcome> {
		let begun = Instant::now();
		let verified = match self.exchange.verification() {
			Err(refusal) => return self.refuse(state, terms, &refusal.to_string()).await,
			Ok(verification) => match verification.query().check_sizes() {
				Err(fault) => verification.refuse(fault),
				Ok(()) => match self.check(state, terms, proofs, &verification).await? {
					Some(verified) => verified,
					None => return Ok(Outcome::Again),
				},
			},
		};
		match self.exchange.verified(verified) {
			Ok(()) => {
				self.save()?;
				let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
				(self.tell)(&Event::Verified { distributor: account(terms), milliseconds });
				Ok(Outcome::Again)
			},
			Err(refusal) => self.refuse(state, terms, &refusal.to_string()).await,
		}
	}

	/// Fetches the proofs and checks them, or has the hub check them; nothing if the offer is dropped.
	async fn check(
		&mut self,
		state: &L::State,
		terms: &Terms,
		proofs: &Proofs,
		verification: &Verification,
	) -> Result<Option<Verified>> {
		// With a hub, too, decrypting takes the digests that are in the proof of the data.
		let needed: &[_] = if self.hub.is_some() { &[proofs.data] } else { &[proofs.locks, proofs.data] };
		for file in needed {
			let path = self.home.file(&file.cid)?;
			match self.fetch_missing(file, &path).await {
				Ok(()) => {},
				Err(error) if error.is_wrong_size() => return Ok(Some(verification.refuse(ProofFault::Malformed))),
				Err(error) => return self.give_up_fetching(state, terms, error.into()).await.map(|_| None),
			}
		}
		let data = self.read_file(&proofs.data)?;
		if let Some(hub) = &self.hub {
			let verdict = hub.ask(verification.query()).await?;
			return Ok(Some(verification.believe(&verdict, &data)));
		}
		let locks = self.read_file(&proofs.locks)?;
		let path = self.home.file(&terms.ciphertext.cid)?;
		let checked =
			File::open(&path).and_then(|file| verification.run(&file, &data, &locks, &mut waybill_zkcp::unwatched));
		match checked {
			Ok(verified) => Ok(Some(verified)),
			Err(error) => {
				// It was whole when it was fetched: the disk has lost it.
				disk::remove(&path).or_fail(Kind::File, || format!("cannot remove {}", path.display()))?;
				self.exchange.abandon().map_err(refused)?;
				self.save()?;
				Err(Error::check(format!("cannot read {}: {error}; beginning anew", path.display())))
			},
		}
	}

	/// An offer whose ciphertext or proofs are not what they must be is dropped, and its distributor left alone for a while. It is not
	/// called a cheat: nothing is lost, and whoever is on the way could have made the offer in its name.
	pub(super) async fn refuse(&mut self, state: &L::State, terms: &Terms, why: &str) -> Result<Outcome> {
		tracing::error!(distributor = account(terms), why, "no receipt is signed");
		(self.tell)(&Event::Refused { distributor: account(terms), why: why.to_owned() });
		self.obstacle = Some(why.to_owned());
		self.exchange.abandon().map_err(refused)?;
		self.save()?;
		self.pause_distributor(state, terms).await;
		Ok(Outcome::Again)
	}
}
