//! From a newer release to a checked offer.

use crate::{
	check::{check_release, Objection},
	context::{is_about_time, Context, Outcome},
	endpoint::{Candidate, Endpoint},
	error::Result,
	failures::Failing,
	peer::PeerError,
	report::Event,
	room,
	trust::follow_keys,
	update::Skipped,
};
use rand_core::{OsRng, TryRngCore};
use std::fmt;
use tokio::time::timeout;
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
	/// The distributor at this address is of no use now, for this reason.
	Declined(String, String),
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
	let bounties = bounties(context, state, id).await?;
	if bounties.is_empty() {
		context.reporter.hindered_by(format_args!("version {version} is out, but no bounty for this device is open"));
		return Ok(Outcome::Wait);
	}
	let announced = state.distributors().await?;
	let cheats = context.memory.cheats.clone();
	let endpoints = context.peers.ranked(&announced, |account| cheats.contains_key(&account.to_string()));
	let mut obstacle = format!("version {version} is out, but no distributor can be asked at the moment");
	let (mut round, mut silent, mut anybody) = (context.peers.invite(endpoints), Vec::new(), false);
	let mut taken = false;
	while let Some((endpoint, answer)) = round.next().await {
		let attempt = match answer {
			Ok(invite) => {
				anybody = true;
				approach(context, ledger, &bounties, &endpoint, invite).await?
			},
			Err(silence) => {
				let at = endpoint.shown();
				tracing::debug!(distributor = at, %silence, "no invitation");
				silent.extend(endpoint.candidates);
				Attempt::Declined(at, silence.to_string())
			},
		};
		match attempt {
			Attempt::Taken => {
				taken = true;
				break;
			},
			Attempt::Declined(at, why) => obstacle = format!("version {version}: {at} gave no offer: {why}"),
		}
		// Invitations that wait for a greeting grow old, and so does the device's view of the chain.
		if round.is_over() {
			break;
		}
	}
	context.peers.heard(&silent, anybody, round.is_cut_off());
	context.remember_peers();
	if taken {
		return Ok(Outcome::Again);
	}
	if round.is_cut_off() {
		// There are more to ask. First the device looks at the chain.
		return Ok(Outcome::Again);
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

/// Asks the distributor at an endpoint for an offer, if it is one of the accounts that announced it.
async fn approach<L: Ledger>(
	context: &mut Context,
	ledger: &L,
	bounties: &[Bounty],
	endpoint: &Endpoint,
	mut invite: Invite,
) -> Result<Attempt> {
	let found = AccountId(invite.distributor);
	let is_it = |candidate: &&Candidate| candidate.account.is_none_or(|account| account == found);
	let (its_own, strangers): (Vec<_>, Vec<_>) = endpoint.candidates.iter().partition(is_it);
	let mut attempt = declined(context, strangers.iter().copied(), &Refusal::ForeignDistributor);
	let Some(candidate) = its_own.first() else { return Ok(attempt) };
	let mut failing = Failing::Declined;
	for (number, bounty) in bounties.iter().enumerate() {
		if number > 0 {
			// Each greeting answers an invitation of its own.
			let patience = context.peers.greeting_patience();
			invite = match timeout(patience, candidate.peer.invite()).await {
				Ok(Ok(invite)) if invite.distributor == found.0 => invite,
				Ok(Ok(_)) => return Ok(declined(context, its_own, &Refusal::ForeignDistributor)),
				Ok(Err(error)) => return Ok(declined(context, its_own, &error)),
				Err(late) => return Ok(declined(context, its_own, &late)),
			};
		}
		match ask(context, ledger, bounty, candidate, &invite).await? {
			Ok(()) => return Ok(Attempt::Taken),
			Err((how, why)) => {
				tracing::info!(distributor = %candidate.peer.shown(), bounty = bounty.id, why, "no offer");
				(failing, attempt) = (how, Attempt::Declined(candidate.peer.shown(), why));
			},
		}
	}
	for candidate in its_own {
		context.peers.pause(candidate, failing);
	}
	Ok(attempt)
}

/// Leaves candidates alone for a while that cannot be greeted.
fn declined<'a>(
	context: &mut Context,
	candidates: impl IntoIterator<Item = &'a Candidate>,
	why: &impl fmt::Display,
) -> Attempt {
	let mut at = String::new();
	for candidate in candidates {
		at = candidate.peer.shown();
		tracing::debug!(distributor = at, %why, "not greeted");
		context.peers.pause(candidate, Failing::Silent);
	}
	Attempt::Declined(at, why.to_string())
}

/// Greets a distributor, and takes its offer if it passes every check.
///
/// # Errors
/// The device's disk or its ledger failed, or it has to wait for a block. The inner error says why
/// the distributor is of no use, and how it failed the device.
async fn ask<L: Ledger>(
	context: &mut Context,
	ledger: &L,
	bounty: &Bounty,
	candidate: &Candidate,
	invite: &Invite,
) -> Result<Result<(), (Failing, String)>> {
	let distributor = invite.distributor;
	if context.memory.cheats.contains_key(&AccountId(distributor).to_string()) {
		return declines("it has cheated before");
	}
	let wanted = Wanted { distributor, bounty: bounty.id };
	let signer = context.home.key.signing_key();
	let hello = match context.exchange.hello(signer, invite, wanted, &mut OsRng.unwrap_err()) {
		Ok(hello) => hello,
		Err(refusal) => return declines(refusal),
	};
	context.save()?;
	let patience = context.peers.greeting_patience();
	let Ok(answer) = timeout(patience, candidate.peer.hello(&hello)).await else {
		return Ok(Err((Failing::Silent, format!("it made no offer within {patience:?}"))));
	};
	let offer = match answer {
		Ok(offer) => offer,
		Err(PeerError::Rejected(Rejection::NotInFleet)) => return declines("the device is not in the bounty's fleet"),
		Err(error) => return declines(error),
	};
	if (offer.bounty, offer.release_id) != (bounty.id, bounty.release) {
		return declines("its offer is for another bounty or release");
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
			Ok(Ok(()))
		},
		Err(refusal) if is_about_time(refusal) => Err(refusal.into()),
		Err(refusal) => declines(refusal),
	}
}

fn declines<T>(why: impl fmt::Display) -> Result<Result<T, (Failing, String)>> {
	Ok(Err((Failing::Declined, why.to_string())))
}
