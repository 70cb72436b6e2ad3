//! Finds out what happened to claims with an unknown outcome.

use super::context::Context;
use crate::{
	error::Result,
	report::{self, Reporter},
	store::{Claim, Fate},
};
use std::collections::{BTreeMap, HashMap, HashSet};
use waybill_chain::{
	ledger::{Payee, State},
	types::Event,
	Amount,
};
use waybill_primitives::{BlockNumber, BountyId, DeviceIndex, LockKey, ReservationId};

/// The most blocks to search for a claim.
const SEARCH: BlockNumber = 1_024;

/// The blocks that a claim can be in, and the ledger to read them from.
struct Search<'a, L> {
	context: &'a Context<L>,
	bounty: BountyId,
	start: BlockNumber,
	end: BlockNumber,
}

/// The search for claims with an unknown outcome.
#[derive(Debug, Default)]
pub struct Recovery {
	/// The newest block that was searched for each claim.
	searched: HashMap<(BountyId, ReservationId), BlockNumber>,
}

impl Recovery {
	/// Finds out whether a claim with an unknown outcome got into the chain. `open` is whether its
	/// bounty takes claims.
	///
	/// The devices that its reservation still holds are claimed again. Of the others, this
	/// distributor was paid for those whose events say so. Another distributor may have taken over
	/// the rest, and may have been paid for them. They wait as long as the claim can get into a
	/// block, because their keys may still become public.
	pub async fn recover<L: Payee>(
		&mut self,
		context: &Context<L>,
		state: &L::State,
		bounty: BountyId,
		reservation: ReservationId,
		claim: &Claim,
		open: bool,
	) -> Result<()> {
		let standing = if open { context.standing(state, bounty, reservation).await? } else { None };
		let stands =
			|index: &DeviceIndex| standing.iter().flat_map(|found| &found.slots).any(|slot| slot.device_index == *index);
		let (held, gone): (Vec<_>, Vec<_>) = claim.devices.iter().partition(|index| stands(index));
		let (key, head) = ((bounty, reservation), state.head().number);
		let end = claim.last.saturating_add(context.rules.margins.patience + 1);
		let over = !open || head > end;
		if gone.is_empty() && !over {
			return Ok(());
		}
		let start = match self.searched.get(&key) {
			Some(before) if !over => before.saturating_add(1),
			_ => claim.first,
		};
		let end = head.min(end);
		let search = Search { context, bounty, start: start.max(end.saturating_sub(SEARCH)), end };
		let (paid, complete) = search.paid(&gone).await?;
		let mut fates: BTreeMap<_, _> = paid.into_iter().map(|index| (index, Fate::Paid)).collect();
		if over {
			let rest = gone.into_iter().filter(|index| !fates.contains_key(index)).collect();
			let complete = complete && search.start == claim.first;
			fates.extend(search.unpaid(state, rest, open, complete).await?);
			fates.extend(held.into_iter().map(|index| (index, Fate::Held)));
			self.searched.remove(&key);
		} else {
			self.searched.insert(key, end);
		}
		if fates.is_empty() {
			return Ok(());
		}
		let earned = context.store.settle_claim(bounty, reservation, |index| fates.get(&index).copied())?;
		tell(&context.reporter, bounty, reservation, &fates, earned.unwrap_or(Amount(0)));
		Ok(())
	}

	/// Forgets how far the search for a bounty's claims has come.
	pub fn forget(&mut self, bounty: BountyId) {
		self.searched.retain(|(of, _), _| *of != bounty);
	}
}

/// Tells the outcome of a claim.
fn tell(
	reporter: &Reporter,
	bounty: BountyId,
	reservation: ReservationId,
	fates: &BTreeMap<DeviceIndex, Fate>,
	earned: Amount,
) {
	let count = |of| fates.values().filter(|fate| **fate == of).count();
	let (devices, unknown) = (count(Fate::Paid), count(Fate::Unknown));
	if devices > 0 {
		tracing::info!(bounty, reservation, devices, %earned, "paid by a claim whose outcome was unknown");
		reporter.tell(&report::Event::Paid { bounty, reservation, devices, earned, block: None });
	}
	if count(Fate::Shown) + count(Fate::Lapsed) > 0 {
		tracing::warn!(bounty, reservation, ?fates, "the chain did not pay for all devices of a claim");
	}
	if unknown > 0 {
		tracing::warn!(
			bounty,
			reservation,
			unknown,
			"the node no longer has the blocks that show whether these devices were paid"
		);
	}
}

impl<L: Payee> Search<'_, L> {
	/// The devices that this distributor was paid for, by the events of these blocks, and whether
	/// the node had all of these events.
	async fn paid(&self, devices: &[DeviceIndex]) -> Result<(Vec<DeviceIndex>, bool)> {
		let (mut paid, mut complete) = (Vec::new(), true);
		for number in self.start..=self.end {
			if paid.len() == devices.len() {
				break;
			}
			let events = match self.context.ledger.events(number).await {
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
						if of == self.bounty
							&& distributor == self.context.account.id()
							&& devices.contains(&device_index) =>
					{
						paid.push(device_index);
					},
					_ => {},
				}
			}
		}
		Ok((paid, complete))
	}

	/// The fate of devices whose payment is in none of these blocks. `complete` is whether all
	/// blocks could be read.
	async fn unpaid(
		&self,
		state: &L::State,
		devices: Vec<DeviceIndex>,
		open: bool,
		complete: bool,
	) -> Result<Vec<(DeviceIndex, Fate)>> {
		let shown = self.shown(&devices).await?;
		let mut fates = Vec::new();
		for index in devices {
			let unpaid =
				complete || open && state.device_status(self.bounty, index).await?.is_some_and(|status| !status.paid);
			let fate = match unpaid {
				false => Fate::Unknown,
				true if shown.contains(&index) => Fate::Shown,
				true => Fate::Lapsed,
			};
			fates.push((index, fate));
		}
		Ok(fates)
	}

	/// The devices whose keys are in the extrinsics of these blocks. The chain may have refused
	/// these extrinsics.
	async fn shown(&self, devices: &[DeviceIndex]) -> Result<HashSet<DeviceIndex>> {
		let (mut keys, mut shown) = (HashMap::new(), HashSet::new());
		for index in devices {
			let session = self.context.store.session(self.bounty, *index)?;
			keys.extend(session.and_then(|session| session.claim_key()).map(|(_, index, key)| (key, index)));
		}
		for number in self.start..=self.end {
			if shown.len() == keys.len() {
				break;
			}
			let extrinsics = match self.context.ledger.extrinsics(number).await {
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
