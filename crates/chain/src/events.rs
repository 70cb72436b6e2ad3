//! The events that clients use.

use crate::{
	amount::Amount,
	error::{Error, Result},
	runtime::api::{firmware::events as firmware, pod_bounty::events as pod_bounty},
	types::Event,
};
use std::fmt;
use subxt::{
	config::SubstrateConfig,
	events::{Event as Raw, Events},
	ext::scale_decode::DecodeAsFields,
};

/// The events of a block that clients use, in their order.
pub fn read(events: &Events<SubstrateConfig>) -> Result<Vec<Event>> {
	events.iter().filter_map(|event| event.map_err(unreadable).and_then(|event| known(&event)).transpose()).collect()
}

/// The error for events that cannot be decoded.
pub fn unreadable(error: impl fmt::Display) -> Error {
	Error::Nonsense(format!("cannot read a block's events: {error}"))
}

fn known(event: &Raw<'_, SubstrateConfig>) -> Result<Option<Event>> {
	match event.pallet_name() {
		"Firmware" => of_firmware(event),
		"PodBounty" => of_pod_bounty(event),
		_ => Ok(None),
	}
}

fn fields<E: DecodeAsFields>(event: &Raw<'_, SubstrateConfig>) -> Result<E> {
	event.decode_fields_unchecked_as().map_err(unreadable)
}

fn of_firmware(event: &Raw<'_, SubstrateConfig>) -> Result<Option<Event>> {
	Ok(Some(match event.event_name() {
		"ReleasePublished" => {
			let firmware::ReleasePublished { release, model, .. } = fields(event)?;
			Event::ReleasePublished { release, model }
		},
		"ReleaseYanked" => {
			let firmware::ReleaseYanked { release, reason } = fields(event)?;
			Event::ReleaseYanked { release, reason: reason.0 }
		},
		"ReleaseStateChanged" => {
			let firmware::ReleaseStateChanged { release, state } = fields(event)?;
			Event::ReleaseStateChanged { release, state: state.0 }
		},
		_ => return Ok(None),
	}))
}

fn of_pod_bounty(event: &Raw<'_, SubstrateConfig>) -> Result<Option<Event>> {
	Ok(Some(match event.event_name() {
		"BountyOpened" => {
			let pod_bounty::BountyOpened { bounty, release, fleet, .. } = fields(event)?;
			Event::BountyOpened { bounty, release, fleet }
		},
		"BountyRaised" => {
			let pod_bounty::BountyRaised { bounty, .. } = fields(event)?;
			Event::BountyRaised { bounty }
		},
		"Reserved" => {
			let pod_bounty::Reserved { bounty, reservation, distributor, exclusive_until, .. } = fields(event)?;
			Event::Reserved { bounty, reservation, distributor, exclusive_until }
		},
		"KeyRevealed" => {
			let pod_bounty::KeyRevealed { bounty, device_index, key, distributor } = fields(event)?;
			Event::KeyRevealed { bounty, device_index, key, distributor }
		},
		"Paid" => {
			let pod_bounty::Paid { bounty, distributor, devices, amount } = fields(event)?;
			Event::Paid { bounty, distributor, devices, amount: Amount(amount) }
		},
		"BountyClosing" => {
			let pod_bounty::BountyClosing { bounty, refunded } = fields(event)?;
			Event::BountyClosing { bounty, refunded: Amount(refunded) }
		},
		"BountyClosed" => {
			let pod_bounty::BountyClosed { bounty } = fields(event)?;
			Event::BountyClosed { bounty }
		},
		"DistributorAnnounced" => {
			let pod_bounty::DistributorAnnounced { distributor, .. } = fields(event)?;
			Event::DistributorAnnounced { account: distributor }
		},
		"DistributorWithdrawn" => {
			let pod_bounty::DistributorWithdrawn { distributor } = fields(event)?;
			Event::DistributorWithdrawn { account: distributor }
		},
		_ => return Ok(None),
	}))
}
