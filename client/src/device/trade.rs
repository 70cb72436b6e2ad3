//! From "there is a newer release" to an offer that was checked.

use super::{
	agent::{is_about_time, refused, Agent, Outcome},
	check,
	peer::PeerError,
	peers::Candidate,
	report::Event,
	view,
};
use crate::error::Result;
use rand_core::{OsRng, TryRngCore};
use std::collections::HashMap;
use url::Url;
use waybill_chain::{
	ledger::{Ledger, State},
	types::{AccountId, Bounty},
};
use waybill_daemon::clock::Time;
use waybill_exchange::{Invite, Refusal, Rejection, Slot, Terms, Wanted};
use waybill_primitives::ReleaseStatement;

/// How an attempt with one distributor ended.
enum Attempt {
	/// Its offer was taken.
	Taken,
	/// It has no use, now or for this bounty.
	Declined(String),
}

impl<L: Ledger> Agent<L> {
	/// Looks for a newer release and for a distributor that has it.
	pub(super) async fn trade(&mut self, state: &L::State) -> Result<Outcome> {
		if !self.follow_keys(state).await? {
			return Ok(Outcome::Wait);
		}
		let Some(id) = state.latest_release(self.home.identity.model).await? else { return Ok(Outcome::UpToDate) };
		let Some(release) = state.release(id).await? else { return Ok(Outcome::UpToDate) };
		let least = self.exchange.least_security_version();
		match check::release(&mut self.exchange, &release) {
			Ok(()) if self.exchange.least_security_version() != least => self.save()?,
			Ok(()) => {},
			Err(check::Verdict::Installed) => return Ok(Outcome::UpToDate),
			Err(check::Verdict::Refused(refusal)) => {
				tracing::error!(release = id, %refusal, "the chain's latest release is refused");
				self.obstacle = Some(format!("release {id} is refused: {refusal}"));
				return Ok(Outcome::Wait);
			},
		}
		let version = release.statement.version;
		let announced = state.distributors().await?;
		let cheats = self.memory.cheats.clone();
		let mut obstacle = format!("version {version} is out, but no bounty for this device is open");
		for bounty in self.bounties(state, id).await? {
			let candidates = self.peers.shuffled(&announced, |account| cheats.contains_key(&account.to_string()));
			obstacle = format!("version {version} is out, but no distributor can be asked at the moment");
			let mut at_home = HashMap::new();
			for candidate in candidates {
				match self.approach(&bounty, &candidate, &mut at_home).await? {
					Attempt::Taken => return Ok(Outcome::Again),
					Attempt::Declined(why) => {
						tracing::info!(distributor = %candidate.peer.url(), bounty = bounty.id, why, "no offer");
						obstacle = format!("version {version}: {} gave no offer: {why}", candidate.peer.url());
						self.peers.pause(&candidate);
					},
				}
			}
		}
		self.obstacle = Some(obstacle);
		Ok(Outcome::Wait)
	}

	/// Whether the chain has a newer release than the agreed one that this device may take, and a bounty for it in the device's fleet.
	pub(super) async fn is_overtaken(&mut self, state: &L::State, terms: &Terms) -> Result<bool> {
		let Some(id) = state.latest_release(self.home.identity.model).await? else { return Ok(false) };
		let Some(release) = state.release(id).await? else { return Ok(false) };
		let order = |statement: &ReleaseStatement| (statement.security_version, statement.version);
		if order(&release.statement) <= order(&terms.release) || check::release(&mut self.exchange, &release).is_err() {
			return Ok(false);
		}
		let fleet = self.home.identity.place.map(|place| place.fleet);
		let bounties = self.bounties(state, id).await?;
		Ok(bounties.iter().any(|bounty| fleet.is_none_or(|fleet| fleet == bounty.fleet)))
	}

	/// The open bounties for a release that may be for this device; those for its own fleet first, the best paid first.
	async fn bounties(&self, state: &L::State, release: u64) -> Result<Vec<Bounty>> {
		let identity = &self.home.identity;
		let mut bounties = Vec::new();
		for bounty in state.open_bounties().await?.into_iter().filter(|bounty| bounty.release == release) {
			let own = identity.place.as_ref().filter(|place| place.fleet == bounty.fleet);
			if let Some(place) = own {
				match view::slot(state, bounty.id, place.index).await? {
					Slot::Paid => continue,
					Slot::Reserved(reservation) if reservation.exclusive_until >= state.head().number => continue,
					Slot::Reserved(_) | Slot::Open => {},
				}
			}
			bounties.push((own.is_some(), bounty));
		}
		bounties.sort_by_key(|(own, bounty)| std::cmp::Reverse((*own, bounty.reward.0)));
		Ok(bounties.into_iter().map(|(_, bounty)| bounty).collect())
	}

	/// Asks who is at an address, and for an offer if it is whom the device means. `at_home` are those who answered in this round.
	async fn approach(
		&mut self,
		bounty: &Bounty,
		candidate: &Candidate,
		at_home: &mut HashMap<Url, AccountId>,
	) -> Result<Attempt> {
		let is_another = |found: &AccountId| candidate.account.is_some_and(|account| account != *found);
		// An address is asked once, however many strangers announce it.
		let strangers = || Ok(Attempt::Declined(Refusal::ForeignDistributor.to_string()));
		if at_home.get(candidate.peer.url()).is_some_and(is_another) {
			return strangers();
		}
		let invite = match candidate.peer.invite().await {
			Ok(invite) => invite,
			Err(error) => return Ok(Attempt::Declined(error.to_string())),
		};
		let found = AccountId(invite.distributor);
		let asked = at_home.insert(candidate.peer.url().clone(), found) == Some(found);
		if is_another(&found) {
			return strangers();
		}
		if asked {
			return Ok(Attempt::Declined("it was asked a moment ago".into()));
		}
		self.ask(bounty, candidate, &invite).await
	}

	/// Greets a distributor and takes its offer, if it stands up to every check. Fails only for reasons of the device's own.
	async fn ask(&mut self, bounty: &Bounty, candidate: &Candidate, invite: &Invite) -> Result<Attempt> {
		let distributor = invite.distributor;
		if self.memory.cheats.contains_key(&AccountId(distributor).to_string()) {
			return Ok(Attempt::Declined("it has cheated before".into()));
		}
		let wanted = Wanted { distributor, bounty: bounty.id };
		let signer = self.home.key.signing_key();
		let hello = match self.exchange.hello(signer, invite, wanted, &mut OsRng.unwrap_err()) {
			Ok(hello) => hello,
			Err(refusal) => return Ok(Attempt::Declined(refusal.to_string())),
		};
		self.save()?;
		let offer = match candidate.peer.hello(&hello).await {
			Ok(offer) => offer,
			Err(PeerError::Rejected(Rejection::NotInFleet)) => {
				return Ok(Attempt::Declined("the device is not in the bounty's fleet".into()))
			},
			Err(error) => return Ok(Attempt::Declined(error.to_string())),
		};
		if (offer.bounty, offer.release_id) != (bounty.id, bounty.release) {
			return Ok(Attempt::Declined("its offer is for another bounty or release".into()));
		}
		// The chain has gone on while the distributor was asked.
		let state = self.ledger.newest().await?;
		let view = view::of(&state, self.home.identity.genesis, bounty.release, bounty.id, offer.device_index).await?;
		match self.exchange.offer(&offer, &view, Time::now().0) {
			Ok(()) => {
				self.memory.offered_by = Some(candidate.peer.url().to_string());
				self.home.save_memory(&self.memory)?;
				self.save()?;
				(self.tell)(&Event::Offered {
					bounty: offer.bounty,
					release: offer.release_id,
					version: offer.release.version,
					distributor: AccountId(offer.distributor).to_string(),
				});
				Ok(Attempt::Taken)
			},
			Err(refusal) if is_about_time(refusal) => Err(refused(refusal)),
			Err(refusal) => Ok(Attempt::Declined(refusal.to_string())),
		}
	}
}
