//! From a newer release to a checked offer.

use crate::{
	check::{check_release, Objection},
	context::{is_about_time, Context, Outcome},
	error::Result,
	peer::PeerError,
	peers::Candidate,
	report::Event,
	room,
	trust::follow_keys,
	update::Skipped,
};
use rand_core::{OsRng, TryRngCore};
use std::collections::HashMap;
use url::Url;
use waybill_chain::{
	exchange_view::{chain_view, slot},
	ledger::{Ledger, State},
	types::{AccountId, Bounty, Release},
};
use waybill_daemon::clock::Time;
use waybill_exchange::{Invite, Refusal, Rejection, Terms, Wanted};
use waybill_primitives::{ReleaseId, ReleaseStatement};

/// How an attempt with one distributor ended.
enum Attempt {
	/// The device took its offer.
	Taken,
	/// It is of no use now, or for this bounty.
	Declined(String),
}

/// The newer release that this device is to install. Otherwise the outcome of looking for one.
pub(crate) async fn wanted<S: State>(context: &mut Context, state: &S) -> Result<Result<Release, Outcome>> {
	if !follow_keys(context, state).await? {
		return Ok(Err(Outcome::Wait));
	}
	let Some(id) = state.latest_release(context.home.identity.model).await? else { return Ok(Err(Outcome::UpToDate)) };
	let Some(release) = state.release(id).await? else { return Ok(Err(Outcome::UpToDate)) };
	let least = context.exchange.least_security_version();
	match check_release(&mut context.exchange, &release) {
		Ok(()) if context.exchange.least_security_version() != least => context.save()?,
		Ok(()) => {},
		Err(Objection::Installed) => return Ok(Err(Outcome::UpToDate)),
		Err(Objection::Refused(refusal)) => {
			tracing::error!(release = id, %refusal, "the device refuses the chain's latest release");
			context.reporter.hindered_by(format_args!("release {id} is refused: {refusal}"));
			return Ok(Err(Outcome::Wait));
		},
	}
	Ok(match context.memory.rolled_back.get(&id) {
		Some(reason) => Err(Outcome::Skipped(Skipped { release: id, version: release.statement.version, reason: *reason })),
		None => Ok(release),
	})
}

/// Looks for a distributor that has the release.
pub(crate) async fn trade<L: Ledger>(
	context: &mut Context,
	ledger: &L,
	state: &L::State,
	release: &Release,
) -> Result<Outcome> {
	let (id, version) = (release.id, release.statement.version);
	// No distributor is greeted for what the device could not install.
	room::check_release(context, &release.statement)?;
	let announced = state.distributors().await?;
	let cheats = context.memory.cheats.clone();
	let mut obstacle = format!("version {version} is out, but no bounty for this device is open");
	for bounty in bounties(context, state, id).await? {
		let candidates = context.peers.shuffled(&announced, |account| cheats.contains_key(&account.to_string()));
		obstacle = format!("version {version} is out, but no distributor can be asked at the moment");
		let mut at_home = HashMap::new();
		for candidate in candidates {
			match approach(context, ledger, &bounty, &candidate, &mut at_home).await? {
				Attempt::Taken => return Ok(Outcome::Again),
				Attempt::Declined(why) => {
					tracing::info!(distributor = %candidate.peer.shown(), bounty = bounty.id, why, "no offer");
					obstacle = format!("version {version}: {} gave no offer: {why}", candidate.peer.shown());
					context.peers.pause(&candidate);
				},
			}
		}
	}
	context.reporter.hindered_by(obstacle);
	Ok(Outcome::Wait)
}

/// Whether the chain has a newer release than the agreed one that this device may take, and a
/// bounty for it in the device's fleet.
pub(crate) async fn is_overtaken<S: State>(context: &mut Context, state: &S, terms: &Terms) -> Result<bool> {
	let Some(id) = state.latest_release(context.home.identity.model).await? else { return Ok(false) };
	let Some(release) = state.release(id).await? else { return Ok(false) };
	let order = |statement: &ReleaseStatement| (statement.security_version, statement.version);
	if order(&release.statement) <= order(&terms.release) || check_release(&mut context.exchange, &release).is_err() {
		return Ok(false);
	}
	let fleet = context.home.identity.place.map(|place| place.fleet);
	let bounties = bounties(context, state, id).await?;
	Ok(bounties.iter().any(|bounty| fleet.is_none_or(|fleet| fleet == bounty.fleet)))
}

/// The open bounties for a release that may be for this device. Those for its own fleet come first,
/// and among them the best paid.
async fn bounties<S: State>(context: &Context, state: &S, release: ReleaseId) -> Result<Vec<Bounty>> {
	let identity = &context.home.identity;
	let mut bounties = Vec::new();
	for bounty in state.open_bounties().await?.into_iter().filter(|bounty| bounty.release == release) {
		let own = identity.place.as_ref().filter(|place| place.fleet == bounty.fleet);
		if let Some(place) = own {
			if slot(state, bounty.id, place.index).await?.is_taken(state.head().number) {
				continue;
			}
		}
		bounties.push((own.is_some(), bounty));
	}
	bounties.sort_by_key(|(own, bounty)| std::cmp::Reverse((*own, bounty.reward.0)));
	Ok(bounties.into_iter().map(|(_, bounty)| bounty).collect())
}

/// Asks which distributor is at an address, and asks it for an offer if it is the candidate.
/// `at_home` holds the accounts that answered in this round, by address.
async fn approach<L: Ledger>(
	context: &mut Context,
	ledger: &L,
	bounty: &Bounty,
	candidate: &Candidate,
	at_home: &mut HashMap<Url, AccountId>,
) -> Result<Attempt> {
	let is_another = |found: &AccountId| candidate.account.is_some_and(|account| account != *found);
	// Ask each address once, however many strangers announce it.
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
		return Ok(Attempt::Declined("the device asked it a moment ago".into()));
	}
	ask(context, ledger, bounty, candidate, &invite).await
}

/// Greets a distributor, and takes its offer if it passes every check.
///
/// # Errors
/// The device's disk or its ledger failed, or it has to wait for a block. Anything that the
/// distributor does is [`Attempt::Declined`].
async fn ask<L: Ledger>(
	context: &mut Context,
	ledger: &L,
	bounty: &Bounty,
	candidate: &Candidate,
	invite: &Invite,
) -> Result<Attempt> {
	let distributor = invite.distributor;
	if context.memory.cheats.contains_key(&AccountId(distributor).to_string()) {
		return Ok(Attempt::Declined("it has cheated before".into()));
	}
	let wanted = Wanted { distributor, bounty: bounty.id };
	let signer = context.home.key.signing_key();
	let hello = match context.exchange.hello(signer, invite, wanted, &mut OsRng.unwrap_err()) {
		Ok(hello) => hello,
		Err(refusal) => return Ok(Attempt::Declined(refusal.to_string())),
	};
	context.save()?;
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
	// The chain has moved on since the device asked the distributor.
	let state = ledger.newest().await?;
	let view = chain_view(&state, context.home.identity.genesis.0, bounty.release, bounty.id, offer.device_index).await?;
	match context.exchange.offer(&offer, &view, Time::now().0) {
		Ok(()) => {
			context.memory.offered_by = Some(candidate.peer.url().to_string());
			context.remember()?;
			context.save()?;
			context.reporter.tell(&Event::Offered {
				bounty: offer.bounty,
				release: offer.release_id,
				version: offer.release.version,
				distributor: AccountId(offer.distributor).to_string(),
			});
			Ok(Attempt::Taken)
		},
		Err(refusal) if is_about_time(refusal) => Err(refusal.into()),
		Err(refusal) => Ok(Attempt::Declined(refusal.to_string())),
	}
}
