//! Which reservations to claim, and when.

use super::{context::Context, pauses::Pauses, window::safe_until};
use crate::{
	error::Result,
	report::Event,
	store::{Claim, Fate},
};
use std::{
	collections::{BTreeMap, HashSet},
	time::{Duration, Instant},
};
use tokio::task::JoinSet;
use waybill_chain::{
	ledger::{BatchOutcome, Payee, State},
	types::Bounty,
	Amount, SubmitTerms,
};
use waybill_exchange::Session;
use waybill_primitives::{
	view::{ClaimFault, ReleaseState, ReservedSlot},
	BountyId, DeviceIndex, ReservationId,
};

/// A reservation of a bounty.
type Key = (BountyId, ReservationId);

/// A claim that has ended.
pub struct Ended {
	/// Its bounty.
	pub bounty: BountyId,
	/// Its reservation.
	pub reservation: ReservationId,
	/// The devices whose keys it shows.
	pub devices: Vec<DeviceIndex>,
	/// Whether there was no earlier claim of this reservation with an unknown outcome.
	pub is_first: bool,
	/// Its outcome.
	pub result: waybill_chain::Result<BatchOutcome<ClaimFault>>,
}

/// The claims under way: one at a time for a reservation. A failed one is retried after a pause.
#[derive(Default)]
pub struct Claims {
	under_way: HashSet<Key>,
	pauses: Pauses<Key>,
	running: JoinSet<Ended>,
}

impl Claims {
	/// Whether a claim of this reservation is under way.
	pub fn is_under_way(&self, bounty: BountyId, reservation: ReservationId) -> bool {
		self.under_way.contains(&(bounty, reservation))
	}

	/// Claims a reservation that stands in a final block, if the claim can get into a block within
	/// the exclusive window.
	///
	/// After the window, others may take the devices in the very block of the claim, and the keys
	/// would be public for nothing. Returns the devices for which it is too late, unless the rules
	/// claim late.
	pub async fn claim<L: Payee>(
		&mut self,
		context: &Context<L>,
		state: &L::State,
		found: &Bounty,
		reservation: ReservationId,
		sessions: &[&Session],
		quiet: bool,
	) -> Result<Vec<DeviceIndex>> {
		let Context { rules, store, .. } = context;
		let bounty = found.id;
		let standing = context.standing(state, bounty, reservation).await?;
		let holds = |session: &Session| {
			let slot = ReservedSlot { device_index: session.device_index(), lock: *session.lock() };
			standing.as_ref().is_some_and(|standing| standing.slots.contains(&slot))
		};
		let (held, mut gone): (Vec<&Session>, Vec<&Session>) = sessions.iter().partition(|session| holds(session));
		// Devices of a claim with an unknown outcome may have been paid.
		let claims = store.claims(bounty)?.into_iter().filter(|(of, _)| *of == reservation);
		let open: HashSet<_> = claims.flat_map(|(_, claim)| claim.devices).collect();
		gone.retain(|session| !open.contains(&session.device_index()));
		if !gone.is_empty() {
			let devices: Vec<_> = gone.iter().map(|session| session.device_index()).collect();
			tracing::warn!(
				bounty,
				reservation,
				?devices,
				"another distributor took over reserved devices before they were claimed"
			);
			store.update(bounty, &devices, Session::lapsed)?;
		}
		let Some(standing) = standing else {
			self.pauses.end(&(bounty, reservation));
			return Ok(Vec::new());
		};
		let keys: Vec<_> =
			held.iter().filter_map(|session| session.claim_key()).map(|(_, index, key)| (index, key)).collect();
		if keys.is_empty() {
			return Ok(Vec::new());
		}
		let margins = rules.margins;
		let (head, mut until) = (state.head().number, standing.exclusive_until);
		if margins.is_missed(head, until) {
			let yanked = state.release(found.release).await?.is_some_and(|release| release.state == ReleaseState::Yanked);
			until = safe_until(head, found, yanked, until);
		}
		let late = head.saturating_add(rules.late_margin) >= until;
		if margins.is_missed(head, until) && !rules.claim_late {
			// The keys of a claim with an unknown outcome may be public.
			let devices: Vec<_> = keys.iter().map(|(index, _)| *index).filter(|index| !open.contains(index)).collect();
			if !devices.is_empty() {
				tracing::warn!(bounty, reservation, ?devices, until, "too late to claim; will reserve again");
			}
			return Ok(devices);
		}
		let is_urgent = late && head < until;
		if quiet && !late || self.pauses.hold(&(bounty, reservation), is_urgent, Instant::now()) {
			return Ok(Vec::new());
		}
		if late {
			tracing::warn!(bounty, reservation, until, "claiming late");
		}
		let devices: Vec<_> = keys.iter().map(|(index, _)| *index).collect();
		let mut latest = head.saturating_add(margins.patience);
		if !rules.claim_late {
			latest = latest.min(until.saturating_sub(margins.inclusion + 1));
		}
		let terms = SubmitTerms { tip: rules.tip(standing.reward, keys.len()), latest: Some(latest) };
		let claim = Claim { reward: standing.reward.0, devices: devices.clone(), first: head, last: latest };
		let is_first = store.begin_claim(bounty, reservation, &claim)?;
		tracing::info!(bounty, reservation, devices = devices.len(), tip = %terms.tip, "claiming");
		let (ledger, account) = (context.ledger.clone(), context.account.clone());
		self.under_way.insert((bounty, reservation));
		self.running.spawn(async move {
			let result = ledger.claim(&account, bounty, reservation, keys, terms).await;
			Ended { bounty, reservation, devices, is_first, result }
		});
		Ok(Vec::new())
	}

	/// Whether a claim is under way.
	pub fn is_busy(&self) -> bool {
		!self.running.is_empty()
	}

	/// Waits until a claim ends; `None` if none is under way.
	pub async fn ended(&mut self) -> Option<Ended> {
		let ended = self.running.join_next().await?.ok()?;
		self.under_way.remove(&(ended.bounty, ended.reservation));
		Some(ended)
	}

	/// Notes a claim that is final.
	pub fn note<L>(&mut self, context: &Context<L>, ended: &Ended, batch: &BatchOutcome<ClaimFault>) -> Result<()> {
		let store = &context.store;
		let Ended { bounty, reservation, ref devices, .. } = *ended;
		let rejected: BTreeMap<_, _> = batch.rejected.iter().map(|(device, fault)| (*device, fault)).collect();
		// The keys are in a block, even of devices that were not paid for.
		let fate = |device: DeviceIndex| match rejected.contains_key(&device) {
			false => Fate::Paid,
			true => Fate::Shown,
		};
		let sent = |device| devices.contains(&device).then(|| fate(device));
		let earned = store.settle_claim(bounty, reservation, sent)?.unwrap_or(Amount(0));
		store.add_fee(bounty, batch.fee)?;
		if !rejected.is_empty() {
			tracing::warn!(bounty, ?rejected, "the chain did not pay for these devices");
		}
		let paid = devices.iter().filter(|device| !rejected.contains_key(device)).count();
		tracing::info!(bounty, reservation, devices = paid, %earned, block = batch.block.number, "paid");
		context.reporter.tell(&Event::Paid { bounty, reservation, devices: paid, earned, block: Some(batch.block) });
		self.pauses.end(&(bounty, reservation));
		Ok(())
	}

	/// Begins the pause after a failed claim, longer each time.
	pub fn pause(&mut self, ended: &Ended) -> Duration {
		self.pauses.begin((ended.bounty, ended.reservation), ended.is_too_late(), Instant::now())
	}

	/// Forgets the failures of a bounty that has ended.
	pub fn forget(&mut self, bounty: BountyId) {
		self.pauses.retain(|(of, _)| *of != bounty);
	}
}

impl Ended {
	/// Whether the claim was not sent because the chain was past its last block.
	const fn is_too_late(&self) -> bool {
		matches!(self.result, Err(waybill_chain::Error::TooLate { .. }))
	}

	/// Whether no key of the reservation can have left this machine.
	pub const fn is_unsent(&self) -> bool {
		self.is_first && self.is_too_late()
	}
}
