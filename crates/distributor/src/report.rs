//! A distributor's events, for people and programs.

use serde::Serialize;
use std::fmt;
use waybill_chain::{Amount, DatedBlock};
use waybill_primitives::{BountyId, ReleaseId, ReservationId, Version};

/// Something that happened to a distributor.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
	/// It serves the devices of a bounty from now on.
	TakenUp {
		/// The bounty.
		bounty: BountyId,
		/// Its release.
		release: ReleaseId,
		/// The release's version.
		version: Version,
		/// The devices of the bounty's fleet.
		devices: u32,
	},
	/// It does not serve a bounty, as the configuration or the release says.
	PassedOver {
		/// The bounty.
		bounty: BountyId,
		/// Why.
		why: String,
	},
	/// It no longer serves a bounty.
	Left {
		/// The bounty.
		bounty: BountyId,
		/// Why.
		why: String,
	},
	/// The vendor yanked a bounty's release, so no new receipt of it will be paid.
	Yanked {
		/// The bounty.
		bounty: BountyId,
		/// The release.
		release: ReleaseId,
	},
	/// Receipts are reserved: the money for them is set aside.
	Reserved {
		/// Their bounty.
		bounty: BountyId,
		/// The reservation.
		reservation: ReservationId,
		/// The devices.
		devices: usize,
		/// The final block.
		block: DatedBlock,
	},
	/// The chain has paid.
	Paid {
		/// The bounty.
		bounty: BountyId,
		/// The reservation.
		reservation: ReservationId,
		/// The devices whose delivery was paid.
		devices: usize,
		/// The sum, in the smallest units.
		#[serde(serialize_with = "as_text")]
		earned: Amount,
		/// The final block; `None` if the payment was found after a restart.
		block: Option<DatedBlock>,
	},
	/// Something that the distributor needs does not answer.
	Down {
		/// What.
		part: Part,
		/// Why.
		why: String,
	},
	/// It answers again.
	Up {
		/// What.
		part: Part,
	},
}

/// Something that a distributor needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
	/// The chain's node.
	Node,
	/// The kubo node.
	Kubo,
}

impl fmt::Display for Part {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::Node => "the chain's node",
			Self::Kubo => "kubo",
		})
	}
}

fn as_text<S: serde::Serializer>(amount: &Amount, serializer: S) -> Result<S::Ok, S::Error> {
	serializer.collect_str(&amount.0)
}

impl fmt::Display for Event {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::TakenUp { bounty, release, version, devices } => {
				write!(f, "bounty {bounty}: serving version {version} (release {release}) to {devices} devices")
			},
			Self::PassedOver { bounty, why } => write!(f, "bounty {bounty}: not served, because {why}"),
			Self::Left { bounty, why } => write!(f, "bounty {bounty}: no longer served, because {why}"),
			Self::Yanked { bounty, release } => {
				write!(f, "bounty {bounty}: its vendor yanked release {release}; new receipts are not paid")
			},
			Self::Reserved { bounty, devices, block, .. } => {
				write!(f, "bounty {bounty}: reserved {devices} devices in {block}")
			},
			Self::Paid { bounty, devices, earned, block: Some(block), .. } => {
				write!(f, "bounty {bounty}: paid {earned} for {devices} devices in {block}")
			},
			Self::Paid { bounty, devices, earned, block: None, .. } => {
				write!(f, "bounty {bounty}: paid {earned} for {devices} devices by an earlier claim")
			},
			Self::Down { part, why } => write!(f, "{part} does not answer: {why}"),
			Self::Up { part } => write!(f, "{part} answers again"),
		}
	}
}

/// Whom it tells its events.
pub type Reporter = waybill_daemon::Reporter<Event>;

#[cfg(test)]
mod tests {
	use super::*;
	use waybill_daemon::clock::Time;

	#[test]
	fn events_should_be_told_in_words_and_in_json() {
		let block = DatedBlock { number: 9, about: Time(1_795_166_340_000) };
		let paid = Event::Paid { bounty: 3, reservation: 1, devices: 2, earned: Amount(4), block: Some(block) };
		let words = paid.to_string();
		assert!(words.starts_with("bounty 3: paid "), "{words}");
		assert!(words.ends_with("for 2 devices in block 9 (about Fri, 20 Nov 2026 09:19:00 GMT)"), "{words}");
		let down = Event::Down { part: Part::Node, why: "no answer".into() };
		assert_eq!(down.to_string(), "the chain's node does not answer: no answer");
	}
}
