//! The events that clients care about.

use super::{
	runtime::api::{
		firmware::events as firmware, pod_bounty::events as pod_bounty,
		runtime_types::pallet_firmware::types as firmware_types,
	},
	types::{Event, ReleaseState},
};
use crate::{
	error::{Error, Kind, Result},
	units::Amount,
};
use subxt::{
	config::SubstrateConfig,
	error::EventsError,
	events::{Event as Raw, Events},
};

impl From<firmware_types::ReleaseState> for ReleaseState {
	fn from(state: firmware_types::ReleaseState) -> Self {
		match state {
			firmware_types::ReleaseState::Pending => Self::Pending,
			firmware_types::ReleaseState::Available => Self::Available,
			firmware_types::ReleaseState::Unavailable => Self::Unavailable,
			firmware_types::ReleaseState::Yanked => Self::Yanked,
		}
	}
}

/// The events of a block, in their order.
pub fn read(events: &Events<SubstrateConfig>) -> Result<Vec<Event>> {
	events
		.iter()
		.filter_map(|event| event.and_then(|event| known(&event)).transpose())
		.collect::<Result<_, _>>()
		.map_err(|error| Error::new(Kind::Failure, format!("cannot read a block's events: {error}")))
}

fn known(event: &Raw<'_, SubstrateConfig>) -> Result<Option<Event>, EventsError> {
	match event.pallet_name() {
		"Firmware" => of_firmware(event),
		"PodBounty" => of_pod_bounty(event),
		_ => Ok(None),
	}
}

fn of_firmware(event: &Raw<'_, SubstrateConfig>) -> Result<Option<Event>, EventsError> {
	Ok(Some(match event.event_name() {
		"ReleasePublished" => {
			let firmware::ReleasePublished { release, model, .. } = event.decode_fields_unchecked_as()?;
			Event::ReleasePublished { release, model }
		},
		"ReleaseYanked" => {
			let firmware::ReleaseYanked { release, reason } = event.decode_fields_unchecked_as()?;
			Event::ReleaseYanked { release, reason: reason.0 }
		},
		"ReleaseStateChanged" => {
			let firmware::ReleaseStateChanged { release, state } = event.decode_fields_unchecked_as()?;
			Event::ReleaseStateChanged { release, state: state.into() }
		},
		_ => return Ok(None),
	}))
}

fn of_pod_bounty(event: &Raw<'_, SubstrateConfig>) -> Result<Option<Event>, EventsError> {
	Ok(Some(match event.event_name() {
		"BountyOpened" => {
			let pod_bounty::BountyOpened { bounty, release, fleet, .. } = event.decode_fields_unchecked_as()?;
			Event::BountyOpened { bounty, release, fleet }
		},
		"BountyRaised" => {
			let pod_bounty::BountyRaised { bounty, .. } = event.decode_fields_unchecked_as()?;
			Event::BountyRaised { bounty }
		},
		"Reserved" => {
			let pod_bounty::Reserved { bounty, reservation, distributor, exclusive_until, .. } =
				event.decode_fields_unchecked_as()?;
			Event::Reserved { bounty, reservation, distributor, exclusive_until }
		},
		"KeyRevealed" => {
			let pod_bounty::KeyRevealed { bounty, device_index, key, distributor } = event.decode_fields_unchecked_as()?;
			Event::KeyRevealed { bounty, device_index, key, distributor }
		},
		"Paid" => {
			let pod_bounty::Paid { bounty, distributor, devices, amount } = event.decode_fields_unchecked_as()?;
			Event::Paid { bounty, distributor, devices, amount: Amount(amount) }
		},
		"BountyClosing" => {
			let pod_bounty::BountyClosing { bounty, refunded } = event.decode_fields_unchecked_as()?;
			Event::BountyClosing { bounty, refunded: Amount(refunded) }
		},
		"BountyClosed" => {
			let pod_bounty::BountyClosed { bounty } = event.decode_fields_unchecked_as()?;
			Event::BountyClosed { bounty }
		},
		"DistributorAnnounced" => {
			let pod_bounty::DistributorAnnounced { distributor, .. } = event.decode_fields_unchecked_as()?;
			Event::DistributorAnnounced { account: distributor }
		},
		"DistributorWithdrawn" => {
			let pod_bounty::DistributorWithdrawn { distributor } = event.decode_fields_unchecked_as()?;
			Event::DistributorWithdrawn { account: distributor }
		},
		_ => return Ok(None),
	}))
}
