//! What a person asks of a device: `waybill device confirm`, `rollback` and `retry`.
//!
//! An order is a file in the state folder. The agent takes it, whether it ran before or starts
//! later.

use crate::{
	error::{Error, Result},
	home::Home,
	update::{NoOrder, Order, Phase},
};
use waybill_primitives::ReleaseId;

impl Order {
	/// The order to confirm what is on trial on this device.
	pub fn confirm(home: &Home) -> Result<Self> {
		let trial = home.trial()?.ok_or(NoOrder::NoTrial)?;
		let order = Self::Confirm { release: trial.firmware.release };
		order.check(home)?;
		Ok(order)
	}

	/// The order to leave what this device runs.
	pub fn rollback(home: &Home) -> Result<Self> {
		let current = home.firmware()?.ok_or(NoOrder::NoWayBack)?;
		let order = Self::Rollback { release: current.release };
		order.check(home)?;
		Ok(order)
	}

	/// Whether the device is still carrying out this order: the trial that it ends is open.
	pub fn is_under_way(&self, home: &Home) -> Result<bool> {
		Ok(match self {
			Self::Confirm { release } | Self::Rollback { release } => {
				home.trial()?.is_some_and(|trial| trial.firmware.release == *release)
			},
			Self::Retry => false,
		})
	}

	/// Checks whether the device in this state can obey.
	pub fn check(&self, home: &Home) -> Result<()> {
		use Phase::{Confirming, Installing, Proving, RollingBack};
		let phase = home.trial()?.map(|trial| (trial.firmware.release, trial.phase));
		match (*self, phase) {
			(Self::Confirm { release }, Some((on_trial, phase))) if release == on_trial => match phase {
				Proving | Confirming => Ok(()),
				Installing => Err(NoOrder::NotInstalled.into()),
				RollingBack { .. } => Err(NoOrder::GoingBack.into()),
			},
			(Self::Confirm { .. }, _) => Err(NoOrder::NoTrial.into()),
			(Self::Rollback { .. }, Some((_, RollingBack { .. }))) => Err(NoOrder::GoingBack.into()),
			(Self::Rollback { release }, Some((on_trial, _))) if release == on_trial => Ok(()),
			(Self::Rollback { release }, _) => way_back(home, release),
			(Self::Retry, _) if home.memory()?.rolled_back.is_empty() => Err(NoOrder::NothingToRetry.into()),
			(Self::Retry, _) => Ok(()),
		}
	}
}

/// Checks whether the device can leave this confirmed release.
fn way_back(home: &Home, release: ReleaseId) -> Result<(), Error> {
	let current = home.firmware()?.filter(|current| current.release == release).ok_or(NoOrder::NoWayBack)?;
	// The spare slot may also hold an image that was never in use.
	let before = home.memory()?.before;
	let spare = home.slots.spare()?.filter(|spare| Some(spare.release) == before);
	let before = spare.ok_or(NoOrder::NoWayBack)?;
	match before.security_version < current.security_version {
		true => Err(NoOrder::Security { before: before.security_version, now: current.security_version }.into()),
		false => Ok(()),
	}
}
