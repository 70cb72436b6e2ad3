//! What the chain says about a release, a bounty and a device's place in it, as the exchange wants to know it.

use super::trust::indexed;
use crate::error::{Error, Result};
use waybill_chain::{
	ledger::State,
	types::{Bounty, Release, ReleaseState},
};
use waybill_exchange as exchange;
use waybill_primitives::{BountyId, DeviceIndex, Hash32, ReleaseId};

/// The view of one final block.
pub async fn of<S: State>(
	state: &S,
	genesis: Hash32,
	release: ReleaseId,
	bounty: BountyId,
	index: DeviceIndex,
) -> Result<exchange::ChainView> {
	let found = state.release(release).await?;
	let found = found.ok_or_else(|| Error::not_found(format!("the chain has no release {release}")))?;
	let bounty = match state.bounty(bounty).await? {
		Some(bounty) => Some(bounty_view(state, bounty, index).await?),
		None => None,
	};
	let head = state.head();
	Ok(exchange::ChainView {
		genesis,
		number: head.number,
		timestamp_ms: head.timestamp_ms,
		release: release_view(&found),
		bounty,
	})
}

/// A release.
pub fn release_view(release: &Release) -> exchange::ReleaseView {
	exchange::ReleaseView {
		id: release.id,
		vendor: release.vendor.0,
		statement: release.statement.clone(),
		key_set_version: release.key_set_version,
		signatures: indexed(release.signatures.clone()),
		state: match release.state {
			ReleaseState::Pending => exchange::ReleaseState::Pending,
			ReleaseState::Available => exchange::ReleaseState::Available,
			ReleaseState::Unavailable => exchange::ReleaseState::Unavailable,
			ReleaseState::Yanked => exchange::ReleaseState::Yanked,
		},
	}
}

async fn bounty_view<S: State>(state: &S, bounty: Bounty, index: DeviceIndex) -> Result<exchange::BountyView> {
	Ok(exchange::BountyView {
		slot: slot(state, bounty.id, index).await?,
		id: bounty.id,
		release: bounty.release,
		digest: bounty.digest,
		root: bounty.root,
		count: bounty.count,
		expires_at: bounty.expires_at,
		closing: bounty.closing,
		device_index: index,
	})
}

/// Where a device stands. One that does not exist stands open: the offer's proof of membership settles that.
pub async fn slot<S: State>(state: &S, bounty: BountyId, index: DeviceIndex) -> Result<exchange::Slot> {
	let status = state.device_status(bounty, index).await?;
	let reservation = match status {
		Some(status) if status.paid => return Ok(exchange::Slot::Paid),
		Some(status) => status.reserved,
		None => None,
	};
	let Some(id) = reservation else { return Ok(exchange::Slot::Open) };
	let Some(found) = state.reservation(bounty, id).await? else { return Ok(exchange::Slot::Open) };
	let lock = found.slots.iter().find(|(device, _)| *device == index).map(|(_, lock)| *lock);
	Ok(match lock {
		Some(lock) => exchange::Slot::Reserved(exchange::Reservation {
			distributor: found.distributor.0,
			lock,
			// The chain names the first block in which others can take it.
			exclusive_until: found.exclusive_until.saturating_sub(1),
		}),
		None => exchange::Slot::Open,
	})
}
