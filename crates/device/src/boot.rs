//! Which boot of the machine this is, and how long it has lasted.
//!
//! Trials count their time by this clock: the time of day is wrong on a machine without a battery
//! until somebody sets it.

use rustix::time::{clock_gettime, ClockId};
use serde::{Deserialize, Serialize};
use std::{fs, time::Duration};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A moment of one boot of this machine.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Moment {
	/// The kernel's random name for the boot; empty if it has none.
	pub boot: String,
	/// The seconds since that boot, suspended time included.
	pub seconds: u64,
}

impl Moment {
	/// Now.
	pub fn now() -> Self {
		let boot = fs::read_to_string(BOOT_ID).unwrap_or_default().trim().to_owned();
		Self { boot, seconds: u64::try_from(clock_gettime(ClockId::Boottime).tv_sec).unwrap_or_default() }
	}

	/// How long before `now` this was; `None` if it was in another boot.
	pub fn age(&self, now: &Self) -> Option<Duration> {
		(self.boot == now.boot).then(|| Duration::from_secs(now.seconds.saturating_sub(self.seconds)))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn age_should_be_known_within_one_boot_only() {
		let now = Moment::now();
		assert_eq!(now.boot.len(), 36);
		let later = Moment { seconds: now.seconds + 7, ..now.clone() };
		assert_eq!(now.age(&later), Some(Duration::from_secs(7)));
		assert_eq!(later.age(&now), Some(Duration::ZERO));
		assert_eq!(now.age(&Moment { boot: "another".into(), ..later }), None);
	}
}
