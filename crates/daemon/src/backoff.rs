//! When to try again after a failure.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(600);

/// The pause before the next try. It doubles after each failure, from 2 seconds up to 10 minutes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Backoff(Option<(Instant, Duration)>);

impl Backoff {
	/// Whether the next try is due.
	pub fn is_due(&self, now: Instant) -> bool {
		self.0.is_none_or(|(failed, pause)| now.saturating_duration_since(failed) >= pause)
	}

	/// Records a failure.
	pub fn fail(&mut self, now: Instant) {
		let pause = self.0.map_or(FIRST, |(_, pause)| pause.saturating_mul(2).min(LONGEST));
		self.0 = Some((now, pause));
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn pause_should_double_up_to_the_longest_when_it_fails_again() {
		let (mut backoff, mut now) = (Backoff::default(), Instant::now());
		assert!(backoff.is_due(now));
		for seconds in [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600] {
			backoff.fail(now);
			let pause = Duration::from_secs(seconds);
			assert!(!backoff.is_due(now + pause - Duration::from_millis(1)));
			now += pause;
			assert!(backoff.is_due(now));
		}
	}
}
