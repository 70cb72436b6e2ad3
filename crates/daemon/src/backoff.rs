//! When to try again after a failure.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(600);

/// The pause before the next try. It doubles after each failure, from 2 seconds up to 10 minutes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
	failed: Option<(Instant, Duration)>,
	longest: Duration,
}

impl Default for Backoff {
	fn default() -> Self {
		Self::up_to(LONGEST)
	}
}

impl Backoff {
	/// Pauses that double up to `longest`.
	pub const fn up_to(longest: Duration) -> Self {
		Self { failed: None, longest }
	}

	/// Whether the next try is due.
	pub fn is_due(&self, now: Instant) -> bool {
		self.due_in(now).is_zero()
	}

	/// How long until the next try is due.
	pub fn due_in(&self, now: Instant) -> Duration {
		self.failed.map_or(Duration::ZERO, |(failed, pause)| pause.saturating_sub(now.saturating_duration_since(failed)))
	}

	/// Records a failure.
	pub fn fail(&mut self, now: Instant) {
		let pause = self.failed.map_or(FIRST, |(_, pause)| pause.saturating_mul(2)).min(self.longest);
		self.failed = Some((now, pause));
	}

	/// Records a success: the next try is due.
	pub fn succeed(&mut self) {
		self.failed = None;
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
		backoff.fail(now);
		backoff.succeed();
		assert!(backoff.is_due(now));
	}

	#[test]
	fn pause_should_not_exceed_its_own_limit() {
		let (mut backoff, now) = (Backoff::up_to(Duration::from_secs(5)), Instant::now());
		for seconds in [2, 4, 5, 5] {
			backoff.fail(now);
			assert_eq!(backoff.due_in(now), Duration::from_secs(seconds));
		}
	}
}
