//! What became of claims whose end was not seen.

use super::Settler;
use crate::{
	distributor::store::{Claim, Fate},
	error::Result,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use waybill_chain::{
	ledger::{Payee, State},
	types::Event,
	Amount,
};
use waybill_primitives::{BlockNumber, BountyId, DeviceIndex, LockKey, ReservationId};

/// The most blocks that are searched for what became of a claim.
const SEARCH: BlockNumber = 1_024;

/// The blocks that a claim can be in.
#[derive(Clone, Copy, Debug)]
struct Search {
	start: BlockNumber,
	end: BlockNumber,
}

impl<L: Payee> Settler<L> {
	/// A claim whose end was not seen: did it get into the chain?
	///
	/// The devices that its reservation still holds are claimed again. Of the others those were paid to this distributor whose events say
	/// so: another may have taken the rest over, and have been paid. These wait for as long as the claim can get into a block, as their
	/// keys may become public yet.
	pub(super) async fn recover_claim(
		&mut self,
		state: &L::State,
		bounty: BountyId,
		reservation: ReservationId,
		claim: &Claim,
		open: bool,
	) -> Result<()> {
		let standing = if open { self.standing(state, bounty, reservation).await? } else { None };
		let stands = |index: &DeviceIndex| standing.iter().flat_map(|found| &found.slots).any(|slot| slot.0 == *index);
		let (held, gone): (Vec<_>, Vec<_>) = claim.devices.iter().partition(|index| stands(index));
		let (key, head) = ((bounty, reservation), state.head().number);
		let end = claim.last.saturating_add(self.rules.margins.patience + 1);
		let over = !open || head > end;
		if gone.is_empty() && !over {
			return Ok(());
		}
		let start = match self.searched.get(&key) {
			Some(before) if !over => before.saturating_add(1),
			_ => claim.first,
		};
		let blocks = Search { start: start.max(head.min(end).saturating_sub(SEARCH)), end: head.min(end) };
		let (paid, complete) = self.revealed(blocks, bounty, &gone).await?;
		let mut fates: BTreeMap<_, _> = paid.into_iter().map(|index| (index, Fate::Paid)).collect();
		if over {
			let rest = gone.into_iter().filter(|index| !fates.contains_key(index)).collect();
			let complete = complete && blocks.start == claim.first;
			fates.extend(self.unpaid(state, blocks, bounty, rest, open, complete).await?);
			fates.extend(held.into_iter().map(|index| (index, Fate::Held)));
			self.searched.remove(&key);
		} else {
			self.searched.insert(key, blocks.end);
		}
		if fates.is_empty() {
			return Ok(());
		}
		let earned = self.store.settle_claim(bounty, reservation, |index| fates.get(&index).copied())?;
		let count = |of| fates.values().filter(|fate| **fate == of).count();
		let (devices, unknown, earned) = (count(Fate::Paid), count(Fate::Unknown), earned.unwrap_or(Amount(0)));
		if devices > 0 {
			tracing::info!(bounty, reservation, devices, %earned, "paid by a claim whose end was not seen");
		}
		if count(Fate::Shown) + count(Fate::Lapsed) > 0 {
			tracing::warn!(bounty, reservation, ?fates, "not all devices of a claim were paid");
		}
		if unknown > 0 {
			tracing::warn!(
				bounty,
				reservation,
				unknown,
				"the node no longer has the blocks that tell whether these were paid"
			);
		}
		Ok(())
	}

	/// The devices that were paid, to this distributor, by the events of these blocks; and whether these were all there.
	async fn revealed(&self, blocks: Search, bounty: BountyId, devices: &[DeviceIndex]) -> Result<(Vec<DeviceIndex>, bool)> {
		let (mut paid, mut complete) = (Vec::new(), true);
		for number in blocks.start..=blocks.end {
			if paid.len() == devices.len() {
				break;
			}
			let events = match self.ledger.events(number).await {
				Err(waybill_chain::Error::NoBlock(_)) => None,
				events => events?,
			};
			let Some(events) = events else {
				complete = false;
				continue;
			};
			for event in events {
				match event {
					Event::KeyRevealed { bounty: of, device_index, distributor, .. }
						if of == bounty && distributor == self.account.id() && devices.contains(&device_index) =>
					{
						paid.push(device_index);
					},
					_ => {},
				}
			}
		}
		Ok((paid, complete))
	}

	/// What became of devices whose pay is in none of these blocks; `complete` is whether all of them could be read.
	async fn unpaid(
		&self,
		state: &L::State,
		blocks: Search,
		bounty: BountyId,
		devices: Vec<DeviceIndex>,
		open: bool,
		complete: bool,
	) -> Result<Vec<(DeviceIndex, Fate)>> {
		let shown = self.shown(blocks, bounty, &devices).await?;
		let mut fates = Vec::new();
		for index in devices {
			let unpaid = complete || open && state.device_status(bounty, index).await?.is_some_and(|status| !status.paid);
			let fate = match unpaid {
				false => Fate::Unknown,
				true if shown.contains(&index) => Fate::Shown,
				true => Fate::Lapsed,
			};
			fates.push((index, fate));
		}
		Ok(fates)
	}

	/// The devices whose keys are in the extrinsics of these blocks, which the chain may have refused.
	async fn shown(&self, blocks: Search, bounty: BountyId, devices: &[DeviceIndex]) -> Result<HashSet<DeviceIndex>> {
		let (mut keys, mut shown) = (HashMap::new(), HashSet::new());
		for index in devices {
			let session = self.store.session(bounty, *index)?;
			keys.extend(session.and_then(|session| session.claim_key()).map(|(_, index, key)| (key, index)));
		}
		for number in blocks.start..=blocks.end {
			if shown.len() == keys.len() {
				break;
			}
			let extrinsics = match self.ledger.extrinsics(number).await {
				Err(waybill_chain::Error::NoBlock(_)) => continue,
				extrinsics => extrinsics?,
			};
			for bytes in extrinsics {
				shown.extend(bytes.windows(size_of::<LockKey>()).filter_map(|part| keys.get(part)));
			}
		}
		Ok(shown)
	}
}
