//! An update on trial and what became of it, as the disk has them, and what a person asks of a
//! device.

use crate::{boot::Moment, hook::Action, slots::Firmware};
use serde::{de::DeserializeOwned, Deserialize, Deserializer, Serialize};
use std::{fmt, path::PathBuf};
use waybill_chain::types::Hash;
use waybill_daemon::clock::Time;
use waybill_primitives::{ReleaseId, UpdateOutcome, UpdateReason, UpdateResult, Version};

/// A new version that has not proven itself yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Trial {
	/// The new version.
	pub firmware: Firmware,
	/// The version before, which the spare slot keeps; `None` if that is the factory's.
	pub before: Option<Firmware>,
	/// How far the trial is.
	#[serde(flatten)]
	pub phase: Phase,
	/// How often the device has tried to run the new version.
	pub boots: u8,
	/// How often the hook has failed in this phase.
	pub failures: u8,
	/// When the time limit began to run: when the version was installed, or the agent's first start
	/// in a later boot.
	pub(crate) since: Moment,
	/// Whether a restart of the machine broke the hook off, which may have done its work.
	pub interrupted: bool,
	/// The program that was started last, unless its end is on the disk, too. A newer version of this
	/// program may know others.
	#[serde(default, deserialize_with = "known")]
	pub running: Option<Action>,
	/// The SHA-256 of what the health check printed last.
	pub health: Option<Hash>,
}

/// How far a trial is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
	/// The hook has to make the new version run.
	Installing,
	/// The new version has proven itself. The hook has to keep it.
	Confirming,
	/// It has not. The version before has to run again.
	RollingBack {
		/// How the trial will have ended.
		outcome: UpdateOutcome,
		/// Why.
		reason: UpdateReason,
	},
	/// The new version has to prove itself. So it has, too, if a newer version of this program was in
	/// a phase that this one does not know.
	#[serde(other)]
	Proving,
}

/// What this version of the program knows of a value.
fn known<'de, T: DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
	Ok(serde_json::from_value(serde_json::Value::deserialize(from)?).ok())
}

/// The maker's programs that the agent ran with. Commands beside the agent use them, too.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Programs {
	/// The hook.
	pub hook: Option<PathBuf>,
	/// The health check.
	pub health: Option<PathBuf>,
}

/// What became of the last update.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LastUpdate {
	/// The release.
	pub release: ReleaseId,
	/// Its version.
	pub version: Version,
	/// How its trial ended.
	pub outcome: UpdateOutcome,
	/// Why, as a code.
	pub reason: UpdateReason,
	/// How often the device tried to run the new version.
	pub boots: u8,
	/// The SHA-256 of what the health check printed last.
	pub health: Option<Hash>,
	/// When the trial ended, in milliseconds since 1970.
	pub ended_ms: Time,
}

impl LastUpdate {
	/// What devices report.
	pub fn result(&self) -> UpdateResult {
		let Self { outcome, reason, boots, health, .. } = self;
		UpdateResult { outcome: *outcome, reason: *reason, boots: *boots, health: health.map(|hash| hash.0) }
	}
}

impl Trial {
	/// A trial that begins.
	pub fn new(firmware: Firmware, before: Option<Firmware>) -> Self {
		Self {
			firmware,
			before,
			phase: Phase::Installing,
			boots: 1,
			failures: 0,
			since: Moment::now(),
			interrupted: false,
			running: None,
			health: None,
		}
	}

	/// Goes on to this phase.
	pub fn enter(&mut self, phase: Phase) {
		self.phase = phase;
		self.failures = 0;
		self.interrupted = false;
		self.running = None;
	}

	/// Decides to go back.
	pub fn give_up(&mut self, reason: UpdateReason) {
		let outcome = match self.phase {
			Phase::Installing => UpdateOutcome::InstallFailed,
			Phase::Proving | Phase::Confirming => UpdateOutcome::RolledBack,
			Phase::RollingBack { .. } => return,
		};
		self.enter(Phase::RollingBack { outcome, reason });
	}

	/// The trial's end.
	pub fn ended(&self, outcome: UpdateOutcome, reason: UpdateReason) -> LastUpdate {
		LastUpdate {
			release: self.firmware.release,
			version: self.firmware.version,
			outcome,
			reason,
			boots: self.boots,
			health: self.health,
			ended_ms: Time::now(),
		}
	}
}

/// A release that the device does not try again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Skipped {
	/// The release.
	pub release: ReleaseId,
	/// Its version.
	pub version: Version,
	/// Why its trial ended.
	pub reason: UpdateReason,
}

/// What a person asks of a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
	/// The version on trial works: keep it.
	Confirm {
		/// The release on trial.
		release: ReleaseId,
	},
	/// Go back to the version before.
	Rollback {
		/// The release to leave.
		release: ReleaseId,
	},
	/// Try releases again that did not prove themselves.
	Retry,
}

/// Why an order makes no sense now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoOrder {
	/// There is no trial.
	#[error("no version is on trial; there is nothing to confirm")]
	NoTrial,
	/// The hook has not made the new version run yet.
	#[error("the new version is not installed yet; confirm it once it runs")]
	NotInstalled,
	/// The device is going back already.
	#[error("the device is going back to the version before already")]
	GoingBack,
	/// There is no version before.
	#[error("there is no version before to go back to; only the last one is kept, and none that failed")]
	NoWayBack,
	/// The version before has a lower security version than the confirmed one.
	#[error(
		"the version before has security version {before}, and the confirmed one has {now}; a device never goes below \
		 that. Publish a new release with the older content instead"
	)]
	Security {
		/// Of the version before.
		before: u32,
		/// Of the confirmed version.
		now: u32,
	},
	/// There is no release that did not prove itself.
	#[error("no release was rolled back; there is nothing to try again")]
	NothingToRetry,
}

impl fmt::Display for Order {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Confirm { release } => write!(f, "confirm release {release}"),
			Self::Rollback { release } => write!(f, "roll back release {release}"),
			Self::Retry => f.write_str("try releases again that were rolled back"),
		}
	}
}
