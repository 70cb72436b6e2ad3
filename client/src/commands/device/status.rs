//! `waybill device status`

use super::StateArgs;
use crate::{context::Context, error::Result};
use serde::Serialize;
use std::{fmt, path::PathBuf};
use waybill_chain::types::AccountId;
use waybill_daemon::clock::Time;
use waybill_device::{Firmware, Home, Place};
use waybill_exchange::Stage;
use waybill_primitives::{BlockNumber, BountyId, DeviceKey, ModelId, ReleaseId, Version};

#[derive(Serialize)]
struct Report {
	folder: PathBuf,
	key: DeviceKey,
	vendor: AccountId,
	model: ModelId,
	place: Option<Place>,
	key_set_version: u32,
	/// The running version, which may be the factory's.
	version: Version,
	security_version: u32,
	installed: Option<Firmware>,
	image: Option<PathBuf>,
	exchange: Exchange,
	/// The release whose hook has not succeeded yet.
	hook_due: Option<ReleaseId>,
	/// Since when the device has seen no recent final block; `None` if it sees one.
	frozen_since_ms: Option<Time>,
}

#[derive(Serialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
enum Exchange {
	Idle,
	Greeted { bounty: BountyId },
	Fetching { bounty: BountyId, release: ReleaseId, version: Version },
	Verifying { bounty: BountyId, release: ReleaseId, version: Version },
	Holding { bounty: BountyId, release: ReleaseId, version: Version },
	Signed { bounty: BountyId, release: ReleaseId, version: Version, valid_until: BlockNumber },
	Opened { bounty: BountyId, release: ReleaseId, version: Version },
	Cheated { bounty: BountyId, release: ReleaseId, version: Version },
}

impl From<Stage<'_>> for Exchange {
	fn from(stage: Stage<'_>) -> Self {
		match stage {
			Stage::Idle => Self::Idle,
			Stage::AwaitOffer(wanted) => Self::Greeted { bounty: wanted.bounty },
			Stage::NeedCiphertext(terms) => {
				Self::Fetching { bounty: terms.bounty, release: terms.release_id, version: terms.release.version }
			},
			Stage::NeedProofs(terms, _) => {
				Self::Verifying { bounty: terms.bounty, release: terms.release_id, version: terms.release.version }
			},
			Stage::NeedReceipt(terms) => {
				Self::Holding { bounty: terms.bounty, release: terms.release_id, version: terms.release.version }
			},
			Stage::AwaitKey(terms, valid_until) => {
				Self::Signed { bounty: terms.bounty, release: terms.release_id, version: terms.release.version, valid_until }
			},
			Stage::NeedDecryption(terms) | Stage::Ready(terms) => {
				Self::Opened { bounty: terms.bounty, release: terms.release_id, version: terms.release.version }
			},
			Stage::Failed(terms, _) => {
				Self::Cheated { bounty: terms.bounty, release: terms.release_id, version: terms.release.version }
			},
		}
	}
}

impl fmt::Display for Exchange {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Idle => f.write_str("nothing under way"),
			Self::Greeted { bounty } => write!(f, "asked for an offer under bounty {bounty}"),
			Self::Fetching { bounty, version, .. } => write!(f, "fetching version {version} (bounty {bounty})"),
			Self::Verifying { bounty, version, .. } => {
				write!(f, "checking the proofs of version {version} (bounty {bounty})")
			},
			Self::Holding { bounty, version, .. } => write!(f, "has version {version}, ready to sign (bounty {bounty})"),
			Self::Signed { bounty, version, valid_until, .. } => {
				write!(
					f,
					"waiting for the key of version {version} (bounty {bounty}, receipt valid until block {valid_until})"
				)
			},
			Self::Opened { bounty, version, .. } => {
				write!(f, "has the key of version {version}, ready to install (bounty {bounty})")
			},
			Self::Cheated { bounty, version, .. } => write!(f, "was cheated over version {version} (bounty {bounty})"),
		}
	}
}

impl fmt::Display for Report {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		writeln!(f, "device     {}", self.key)?;
		writeln!(f, "vendor     {}, key set {}", self.vendor, self.key_set_version)?;
		match self.place {
			Some(Place { fleet, index }) => writeln!(f, "model      {}, device {index} of fleet {fleet}", self.model)?,
			None => writeln!(f, "model      {}", self.model)?,
		}
		writeln!(f, "version    {} (security version {})", self.version, self.security_version)?;
		match &self.image {
			Some(image) => writeln!(f, "image      {}", image.display())?,
			None => writeln!(f, "image      from the factory")?,
		}
		write!(f, "exchange   {}", self.exchange)?;
		if let Some(release) = self.hook_due {
			write!(f, "\nhook       due for release {release}")?;
		}
		match self.frozen_since_ms {
			Some(since) => write!(f, "\nfrozen     no recent final block since {since}"),
			None => Ok(()),
		}
	}
}

/// Runs the command.
pub fn run(args: &StateArgs, ctx: &Context) -> Result<()> {
	let folder = args.path(ctx);
	let home = Home::read(folder)?;
	let (exchange, memory) = (home.exchange(ctx.config.device.policy())?, home.memory()?);
	let (running, installed) = (home.installed()?, home.firmware()?);
	ctx.output.report(&Report {
		folder: folder.into(),
		key: home.key.public(),
		vendor: home.identity.vendor,
		model: home.identity.model,
		place: home.identity.place,
		key_set_version: home.identity.key_set.version,
		version: running.version,
		security_version: running.security_version,
		image: installed.is_some().then(|| home.slots.image()),
		installed,
		exchange: exchange.stage().into(),
		hook_due: memory.hook,
		frozen_since_ms: memory.freeze.map(|freeze| freeze.since_ms),
	});
	Ok(())
}
