//! The least rate of a download. It bounds how long any download may take: its size at that rate.

use std::time::Duration;
use tokio::time::Instant;

/// The slowest download that is not given up, in bytes a second. Each byte counts when it comes for
/// the first time.
pub const LEAST_RATE: u64 = 256;

/// Whether so many bytes in this time are enough.
pub const fn keeps_up(bytes: u64, time: Duration) -> bool {
	bytes >= LEAST_RATE.saturating_mul(time.as_secs())
}

/// Watches the rate of one download, in one window of time after another.
#[derive(Debug)]
pub struct Pace {
	window: Duration,
	ends: Instant,
	before: u64,
}

impl Pace {
	/// A download that begins now.
	pub fn new(window: Duration) -> Self {
		Self { window, ends: Instant::now() + window, before: 0 }
	}

	/// When the window ends.
	pub const fn ends(&self) -> Instant {
		self.ends
	}

	/// Begins the next window, with the bytes that have come in all. Returns whether enough came in
	/// the one before.
	pub fn next(&mut self, received: u64) -> bool {
		let gained = received.saturating_sub(self.before);
		self.before = received;
		self.ends = Instant::now() + self.window;
		keeps_up(gained, self.window)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn download_should_keep_to_the_least_rate_in_every_window() {
		let mut pace = Pace::new(Duration::from_secs(10));
		assert!(pace.next(2_560));
		assert!(!pace.next(2_560 + 2_559));
		assert!(pace.next(100_000));
		assert!(!pace.next(100_000));
	}

	#[test]
	fn slow_links_should_be_fast_enough() {
		let slow = [("80 kbit/s", 10_000), ("9600 baud", 960)];
		for (link, rate) in slow {
			assert!(keeps_up(rate * 180, Duration::from_secs(180)), "{link}");
		}
	}
}
