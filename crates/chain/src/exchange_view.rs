//! What the chain says about a release, a bounty and a device's place in it, in the types of
//! `waybill-exchange`.

use crate::{
	error::{Error, Result},
	ledger::State,
	types::Release,
};
use waybill_exchange::{BountyPlace, ChainHead, ChainView, ReleaseView, Slot};
use waybill_primitives::{BountyId, DeviceIndex, Hash32, ReleaseId};

/// What the chain says at `state` about a release, a bounty and a device's place in it.
///
/// # Errors
/// The chain has no such release, or cannot be asked.
pub async fn chain_view<S: State>(
	state: &S,
	genesis: Hash32,
	release: ReleaseId,
	bounty: BountyId,
	index: DeviceIndex,
) -> Result<ChainView> {
	let found = state.release(release).await?.ok_or(Error::NoRelease(release))?;
	let place = match state.bounty(bounty).await? {
		Some(found) => Some(BountyPlace {
			bounty: found.map(|account| account.0, |balance| balance.0),
			device_index: index,
			slot: slot(state, bounty, index).await?,
		}),
		None => None,
	};
	let head = state.head();
	Ok(ChainView {
		head: ChainHead { genesis, number: head.number, timestamp_ms: head.timestamp_ms },
		release: release_view(found),
		place,
	})
}

/// A release as the exchange takes it: accounts are 32 bytes there.
pub fn release_view(release: Release) -> ReleaseView {
	release.map_account(|account| account.0)
}

/// Where a device stands in a bounty.
///
/// A device that does not exist is `Open`. Its offer's proof of membership fails anyway.
pub async fn slot<S: State>(state: &S, bounty: BountyId, index: DeviceIndex) -> Result<Slot> {
	let reservation = match state.device_status(bounty, index).await? {
		Some(status) if status.paid => return Ok(Slot::Paid),
		Some(status) => status.reserved,
		None => None,
	};
	let Some(id) = reservation else { return Ok(Slot::Open) };
	let Some(found) = state.reservation(bounty, id).await? else { return Ok(Slot::Open) };
	let held = found.slots.iter().find(|slot| slot.device_index == index);
	Ok(held.map_or(Slot::Open, |held| Slot::Reserved {
		distributor: found.distributor.0,
		lock: held.lock,
		exclusive_until: found.exclusive_until,
	}))
}
