//! A device's events, for people and programs.

use crate::{
	freeze::Frozen,
	slots::Firmware,
	update::{LastUpdate, Skipped},
};
use serde::Serialize;
use std::fmt;
use waybill_chain::DatedBlock;
use waybill_daemon::clock::Time;
use waybill_primitives::{BountyId, Cid, ReleaseId, UpdateReason, Version};

/// Something that happened to a device.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
	/// There is nothing newer.
	UpToDate {
		/// What is installed.
		installed: Option<Firmware>,
	},
	/// The device took a distributor's offer.
	Offered {
		/// The bounty.
		bounty: BountyId,
		/// The release.
		release: ReleaseId,
		/// Its version.
		version: Version,
		/// The distributor.
		distributor: String,
	},
	/// The ciphertext is on disk.
	Downloaded {
		/// Its CID.
		cid: Cid,
		/// Its length in bytes.
		size: u64,
	},
	/// The proofs of the offer hold: any key that opens the lock gives the release.
	Verified {
		/// The distributor.
		distributor: String,
		/// Who checked them.
		by: Checker,
		/// How long it took to fetch the proofs and check them.
		milliseconds: u64,
	},
	/// The ciphertext or the proofs of the offer are wrong: nothing was signed.
	Refused {
		/// The distributor.
		distributor: String,
		/// Why.
		why: String,
	},
	/// The receipt is signed.
	Signed {
		/// The bounty.
		bounty: BountyId,
		/// The distributor.
		distributor: String,
		/// The last block in which it can be reserved.
		valid_until: DatedBlock,
	},
	/// The distributor has the receipt.
	Acknowledged {
		/// The bounty.
		bounty: BountyId,
		/// The distributor.
		distributor: String,
	},
	/// The receipt no longer stands.
	Lapsed {
		/// The bounty.
		bounty: BountyId,
		/// The distributor.
		distributor: String,
	},
	/// The key is public.
	Revealed {
		/// The bounty.
		bounty: BountyId,
		/// The distributor.
		distributor: String,
		/// The final block that revealed it; `None` if a node or a distributor gave it.
		block: Option<DatedBlock>,
	},
	/// A new version is in the slot in use. It is on trial.
	Installed {
		/// What is installed.
		#[serde(flatten)]
		installed: Firmware,
	},
	/// The new version has proven itself.
	Confirmed {
		/// What is installed.
		#[serde(flatten)]
		installed: Firmware,
		/// How often the device tried to run it.
		boots: u8,
	},
	/// The device went back to the version before.
	RolledBack {
		/// What became of the new version.
		#[serde(flatten)]
		update: LastUpdate,
		/// What is installed now; `None` if that is the firmware from the factory.
		installed: Option<Firmware>,
	},
	/// The newest release did not prove itself before. The device waits for another.
	Skipped {
		/// The release.
		release: ReleaseId,
		/// Its version.
		version: Version,
		/// Why its trial ended, as a code.
		reason: UpdateReason,
	},
	/// The vendor has replaced its release keys, and the device trusts the next set from now on.
	KeysFollowed {
		/// The set's version.
		version: u32,
	},
	/// The device sees no recent final block, and does not know whether it is up to date.
	Frozen(Frozen),
	/// The device sees a recent final block again.
	Thawed {
		/// The block.
		block: DatedBlock,
		/// Since when there had been none, in milliseconds since 1970.
		since_ms: Time,
	},
	/// A distributor was paid for something that is not the release.
	Cheated {
		/// The distributor.
		distributor: String,
		/// How.
		fault: String,
	},
}

/// Who checked the proofs of an offer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Checker {
	/// The device.
	Device,
	/// The hub at this address.
	Hub(String),
}

impl fmt::Display for Checker {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Device => f.write_str("this device"),
			Self::Hub(address) => write!(f, "the hub {address}"),
		}
	}
}

impl fmt::Display for Event {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::UpToDate { installed: Some(installed) } => write!(f, "up to date: version {}", installed.version),
			Self::UpToDate { installed: None } => f.write_str("nothing is installed, and no release is available"),
			Self::Offered { version, distributor, .. } => write!(f, "version {version} is offered by {distributor}"),
			Self::Downloaded { size, .. } => write!(f, "fetched {size} bytes"),
			Self::Verified { by, milliseconds, .. } => {
				write!(f, "the proofs hold (checked by {by} in {milliseconds} ms)")
			},
			Self::Refused { distributor, why } => write!(f, "refused the offer of {distributor}: {why}"),
			Self::Signed { bounty, valid_until, .. } => {
				write!(f, "signed the receipt for bounty {bounty}, valid until {valid_until}")
			},
			Self::Acknowledged { distributor, .. } => write!(f, "{distributor} has the receipt"),
			Self::Lapsed { distributor, .. } => {
				write!(f, "the receipt for {distributor} lapsed; asking another distributor")
			},
			Self::Revealed { block: Some(block), .. } => write!(f, "the key was revealed in final {block}"),
			Self::Revealed { block: None, .. } => f.write_str("the revealed key came from a node or a distributor"),
			Self::Installed { installed } => {
				write!(f, "installed version {} (release {})", installed.version, installed.release)
			},
			Self::Confirmed { installed, boots: 1 } => write!(f, "confirmed version {}", installed.version),
			Self::Confirmed { installed, boots } => {
				write!(f, "confirmed version {} after {boots} boots", installed.version)
			},
			Self::RolledBack { update, installed } => {
				write!(f, "version {}: {}, because {}; ", update.version, update.outcome, update.reason)?;
				match installed {
					Some(installed) => write!(f, "version {} is installed", installed.version),
					None => f.write_str("the firmware from the factory is installed"),
				}
			},
			Self::Skipped { release, version, reason } => {
				write!(f, "version {version} (release {release}) is not tried again, because {reason}")
			},
			Self::KeysFollowed { version } => write!(f, "key set {version} signs the vendor's releases from now on"),
			Self::Frozen(frozen) => frozen.fmt(f),
			Self::Thawed { block, since_ms } => {
				write!(f, "no longer frozen: {block} is recent, the first since {since_ms}")
			},
			Self::Cheated { distributor, fault } => write!(f, "distributor {distributor} cheated: {fault}"),
		}
	}
}

impl From<Skipped> for Event {
	fn from(Skipped { release, version, reason }: Skipped) -> Self {
		Self::Skipped { release, version, reason }
	}
}

/// Tells people and programs what happens, and remembers why there is no update yet.
pub struct Reporter {
	tell: Box<dyn Fn(&Event) + Send + Sync>,
	obstacle: Option<String>,
}

impl Reporter {
	/// Reports to `tell`.
	pub fn new(tell: Box<dyn Fn(&Event) + Send + Sync>) -> Self {
		Self { tell, obstacle: None }
	}

	/// Reports an event.
	pub fn tell(&self, event: &Event) {
		(self.tell)(event);
	}

	/// Remembers what is in the way of an update.
	pub fn hindered_by(&mut self, obstacle: impl fmt::Display) {
		self.obstacle = Some(obstacle.to_string());
	}

	/// What is in the way of an update, if anything came up.
	pub fn obstacle(&self) -> Option<&str> {
		self.obstacle.as_deref()
	}
}
