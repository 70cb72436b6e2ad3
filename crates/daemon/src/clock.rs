//! Times, as the chain and the protocol count them.

use serde::{Deserialize, Serialize};
use std::{
	fmt,
	time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A time, in milliseconds since 1970. It is displayed as a date in GMT.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub u64);

impl Time {
	/// The time by this machine's clock.
	pub fn now() -> Self {
		let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
		Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
	}

	/// How long before `now` this was, in words.
	pub fn age(self, now: Self) -> String {
		let seconds = now.0.saturating_sub(self.0) / 1_000;
		let (number, unit) = match seconds {
			0..120 => (seconds, "seconds"),
			120..7_200 => (seconds / 60, "minutes"),
			7_200..172_800 => (seconds / 3_600, "hours"),
			_ => (seconds / 86_400, "days"),
		};
		format!("{number} {unit}")
	}
}

impl fmt::Display for Time {
	/// Times after the year 9999 are shown as its last second, because HTTP dates have four digits.
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		const LAST: u64 = 253_402_300_799;
		let time = UNIX_EPOCH.checked_add(Duration::from_secs((self.0 / 1_000).min(LAST))).unwrap_or(UNIX_EPOCH);
		httpdate::HttpDate::from(time).fmt(f)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn times_should_be_written_as_dates_and_ages() {
		let time = Time(1_795_166_280_000);
		assert_eq!(time.to_string(), "Fri, 20 Nov 2026 09:18:00 GMT");
		assert_eq!(Time(u64::MAX).to_string(), "Fri, 31 Dec 9999 23:59:59 GMT");
		assert_eq!(serde_json::to_string(&time).unwrap(), "1795166280000");
		let age = |seconds: u64| time.age(Time(time.0 + seconds * 1_000));
		assert_eq!(
			[age(119), age(120), age(7_199), age(7_200), age(172_800)],
			["119 seconds", "2 minutes", "119 minutes", "2 hours", "2 days"]
		);
		assert_eq!(time.age(Time(0)), "0 seconds");
	}
}
