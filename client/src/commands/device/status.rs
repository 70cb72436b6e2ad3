//! `waybill device status`

use super::StateArgs;
use crate::{context::Context, error::Result};
use serde::Serialize;
use std::{fmt, path::PathBuf};
use waybill_chain::{AccountId, DatedBlock};
use waybill_daemon::clock::Time;
use waybill_device::{Firmware, Home, LastUpdate, Phase, Place, Trial};
use waybill_exchange::Stage;
use waybill_primitives::{BlockNumber, BountyId, DeviceKey, ModelId, ReleaseId, UpdateOutcome, UpdateReason, Version};

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
	/// The new version that has not proven itself yet.
	trial: Option<Trial>,
	/// The version before, to which `waybill device rollback` goes back.
	before: Option<Version>,
	/// What became of the last update.
	last_update: Option<Last>,
	/// The releases that the device does not try again.
	rolled_back: Vec<RolledBack>,
	/// Since when the device has seen no recent final block; `None` if it sees one.
	frozen_since_ms: Option<Time>,
}

#[derive(Serialize)]
struct Last {
	#[serde(flatten)]
	update: LastUpdate,
	/// The reason in words.
	why: String,
}

#[derive(Serialize)]
struct RolledBack {
	release: ReleaseId,
	reason: UpdateReason,
	/// The reason in words.
	why: String,
}

#[derive(Serialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
enum Exchange {
	Idle,
	Greeted {
		bounty: BountyId,
	},
	Fetching {
		bounty: BountyId,
		release: ReleaseId,
		version: Version,
	},
	Verifying {
		bounty: BountyId,
		release: ReleaseId,
		version: Version,
	},
	Holding {
		bounty: BountyId,
		release: ReleaseId,
		version: Version,
	},
	Signed {
		bounty: BountyId,
		release: ReleaseId,
		version: Version,
		valid_until: BlockNumber,
		/// About when that block comes.
		ends_ms: Option<Time>,
	},
	Opened {
		bounty: BountyId,
		release: ReleaseId,
		version: Version,
	},
	Cheated {
		bounty: BountyId,
		release: ReleaseId,
		version: Version,
	},
}

impl Exchange {
	fn new(stage: Stage<'_>, ends: Option<(BlockNumber, Time)>) -> Self {
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
				let (bounty, release, version) = (terms.bounty, terms.release_id, terms.release.version);
				let ends_ms = ends.filter(|(block, _)| *block == valid_until).map(|(_, about)| about);
				Self::Signed { bounty, release, version, valid_until, ends_ms }
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
			Self::Signed { bounty, version, valid_until, ends_ms, .. } => {
				write!(f, "waiting for the key of version {version} (bounty {bounty}, receipt valid until ")?;
				match *ends_ms {
					Some(about) => write!(f, "{})", DatedBlock { number: *valid_until, about }),
					None => write!(f, "block {valid_until})"),
				}
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
		if let Some(trial) = &self.trial {
			write!(f, "\ntrial      version {} {}", trial.firmware.version, doing(&trial.phase))?;
			write!(f, ", attempt {}", trial.boots)?;
		}
		if let Some(before) = self.before {
			write!(f, "\nbefore     version {before}")?;
		}
		if let Some(Last { update, why }) = &self.last_update {
			write!(f, "\nlast       version {} {}", update.version, update.outcome)?;
			match update.outcome {
				UpdateOutcome::Confirmed => write!(f, " on {}", update.ended_ms)?,
				_ => write!(f, " on {}: {why}", update.ended_ms)?,
			}
		}
		for RolledBack { release, why, .. } in &self.rolled_back {
			write!(f, "\nskipped    release {release}: {why}")?;
		}
		match self.frozen_since_ms {
			Some(since) => write!(f, "\nfrozen     no recent final block since {since}"),
			None => Ok(()),
		}
	}
}

/// What a trial waits for.
const fn doing(phase: &Phase) -> &'static str {
	match phase {
		Phase::Installing => "is to be installed by the hook",
		Phase::Proving => "runs and has to prove itself",
		Phase::Confirming => "works and is to be confirmed by the hook",
		Phase::RollingBack { .. } => "is being rolled back",
	}
}

/// Runs the command.
pub fn run(args: &StateArgs, ctx: &Context) -> Result<()> {
	let folder = args.path(ctx);
	let home = Home::read(folder)?;
	let (exchange, memory) = (home.exchange(ctx.config.device.policy())?, home.memory()?);
	let (running, installed) = (home.installed()?, home.firmware()?);
	let before = match home.slots.spare() {
		Ok(Some(spare)) if memory.before == Some(spare.release) => Some(spare.version),
		_ => None,
	};
	let rolled_back = memory.rolled_back.iter();
	ctx.output.report(&Report {
		folder: home.path().into(),
		key: home.key.public(),
		vendor: home.identity.vendor,
		model: home.identity.model,
		place: home.identity.place,
		key_set_version: home.identity.key_set.version,
		version: running.version,
		security_version: running.security_version,
		image: installed.is_some().then(|| home.slots.image()),
		installed,
		exchange: Exchange::new(exchange.stage(), memory.receipt_ends),
		trial: home.trial()?,
		before,
		rolled_back: rolled_back
			.map(|(release, reason)| RolledBack { release: *release, reason: *reason, why: reason.to_string() })
			.collect(),
		last_update: memory.last_update.map(|update| Last { why: update.reason.to_string(), update }),
		frozen_since_ms: memory.freeze.map(|freeze| freeze.since_ms),
	});
	Ok(())
}
