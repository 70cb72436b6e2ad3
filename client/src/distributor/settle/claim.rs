//! Which reservations are claimed, and when.

use super::{window::safe_until, Finished, Settler};
use crate::{
	distributor::store::{Claim, Fate},
	error::Result,
};
use std::collections::{BTreeMap, HashSet};
use waybill_chain::{
	ledger::{Batch, Payee, State},
	types::{Bounty, ReleaseState},
	Amount, Terms,
};
use waybill_exchange::Session;
use waybill_primitives::{BountyId, DeviceIndex, ReservationId};

impl<L: Payee> Settler<L> {
	/// Claims a reservation that stands in a final block, if the claim gets into a block in its exclusive window: after that others may take
	/// the devices in the very block of the claim, and the keys would be public for nothing. What was not claimed in time is reserved
	/// again, in its place, unless the rules say otherwise.
	pub(super) async fn claim(
		&mut self,
		state: &L::State,
		found: &Bounty,
		reservation: ReservationId,
		sessions: &[&Session],
		quiet: bool,
	) -> Result<()> {
		let bounty = found.id;
		let standing = self.standing(state, bounty, reservation).await?;
		let holds = |session: &Session| {
			let slot = (session.device_index(), *session.lock());
			standing.as_ref().is_some_and(|standing| standing.slots.contains(&slot))
		};
		let (held, mut gone): (Vec<&Session>, Vec<&Session>) = sessions.iter().partition(|session| holds(session));
		// Those of a claim whose end was not seen may have been paid.
		let claims = self.store.claims(bounty)?.into_iter().filter(|(of, _)| *of == reservation);
		let open: HashSet<_> = claims.flat_map(|(_, claim)| claim.devices).collect();
		gone.retain(|session| !open.contains(&session.device_index()));
		if !gone.is_empty() {
			let devices: Vec<_> = gone.iter().map(|session| session.device_index()).collect();
			tracing::warn!(bounty, reservation, ?devices, "reserved devices were taken over before they were claimed");
			self.store.update(bounty, &devices, Session::lapsed)?;
		}
		let Some(standing) = standing else {
			self.pauses.remove(&(bounty, Some(reservation)));
			return Ok(());
		};
		let keys: Vec<_> =
			held.iter().filter_map(|session| session.claim_key()).map(|(_, index, key)| (index, key)).collect();
		if keys.is_empty() {
			return Ok(());
		}
		let margins = self.rules.margins;
		let (head, mut until) = (state.head().number, standing.exclusive_until);
		if margins.is_missed(head, until) {
			let yanked = state.release(found.release).await?.is_some_and(|release| release.state == ReleaseState::Yanked);
			until = safe_until(head, found, yanked, until);
		}
		let late = head.saturating_add(self.rules.late_margin) >= until;
		if margins.is_missed(head, until) && !self.rules.claim_late {
			// The keys of a claim whose end was not seen may be public.
			let devices: Vec<_> = keys.iter().map(|(index, _)| *index).filter(|index| !open.contains(index)).collect();
			if !devices.is_empty() {
				tracing::warn!(bounty, reservation, ?devices, until, "too late to claim: to be reserved again");
				self.pause(bounty, None, false);
			}
			return self.store.update(bounty, &devices, Session::missed);
		}
		if quiet && !late || self.is_paused(bounty, Some(reservation), late && head < until) {
			return Ok(());
		}
		if late {
			tracing::warn!(bounty, reservation, until, "claiming late");
		}
		let devices: Vec<_> = keys.iter().map(|(index, _)| *index).collect();
		let mut latest = head.saturating_add(margins.patience);
		if !self.rules.claim_late {
			latest = latest.min(until.saturating_sub(margins.inclusion + 1));
		}
		let terms = Terms { tip: self.rules.tip(standing.reward, keys.len()), latest: Some(latest) };
		let claim = Claim { reward: standing.reward.0, devices: devices.clone(), first: head, last: latest };
		let is_first = self.store.begin_claim(bounty, reservation, &claim)?;
		tracing::info!(bounty, reservation, devices = devices.len(), tip = %terms.tip, "claiming");
		let (ledger, account) = (self.ledger.clone(), self.account.clone());
		self.claiming.insert((bounty, reservation));
		self.running.spawn(async move {
			let result = ledger.claim(&account, bounty, reservation, keys, terms).await;
			Finished::Claim { bounty, reservation, devices, is_first, result }
		});
		Ok(())
	}

	/// A claim is final.
	pub(super) fn claimed(
		&mut self,
		bounty: BountyId,
		reservation: ReservationId,
		devices: &[DeviceIndex],
		batch: &Batch,
	) -> Result<()> {
		self.horizon.raise(batch.block)?;
		let rejected: BTreeMap<_, _> = batch.rejected.iter().map(|(device, why)| (*device, why)).collect();
		// Paid or not, the keys are in a block.
		let fate = |device: DeviceIndex| match rejected.contains_key(&device) {
			false => Fate::Paid,
			true => Fate::Shown,
		};
		let sent = |device| devices.contains(&device).then(|| fate(device));
		let earned = self.store.settle_claim(bounty, reservation, sent)?.unwrap_or(Amount(0));
		self.store.add_fee(bounty, batch.fee)?;
		if !rejected.is_empty() {
			tracing::warn!(bounty, ?rejected, "the chain did not pay for these devices");
		}
		let paid = devices.iter().filter(|device| !rejected.contains_key(device)).count();
		tracing::info!(bounty, reservation, devices = paid, %earned, block = batch.block, "paid");
		Ok(())
	}
}
