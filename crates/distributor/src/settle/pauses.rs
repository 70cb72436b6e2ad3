//! Pauses after failures, twice as long each time.

use std::{
	collections::HashMap,
	hash::Hash,
	time::{Duration, Instant},
};

const FIRST: Duration = Duration::from_secs(3);
const LONGEST: Duration = Duration::from_secs(300);

#[derive(Debug)]
struct Pause {
	until: Instant,
	length: Duration,
	/// Whether the pause also holds for what is urgent.
	strict: bool,
}

/// The pauses after transactions that failed.
///
/// A pause that is over is not forgotten: the next failure doubles it, until [`Self::end`].
#[derive(Debug)]
pub struct Pauses<K>(HashMap<K, Pause>);

impl<K> Default for Pauses<K> {
	fn default() -> Self {
		Self(HashMap::new())
	}
}

impl<K: Eq + Hash> Pauses<K> {
	/// Begins a pause, twice as long as the one before it. A strict one also holds for what is
	/// urgent.
	pub fn begin(&mut self, key: K, strict: bool, now: Instant) -> Duration {
		let length = self.0.get(&key).map_or(FIRST, |pause| (pause.length * 2).min(LONGEST));
		self.0.insert(key, Pause { until: now + length, length, strict });
		length
	}

	/// Whether something has to wait.
	pub fn hold(&self, key: &K, is_urgent: bool, now: Instant) -> bool {
		self.0.get(key).is_some_and(|pause| pause.until > now && (pause.strict || !is_urgent))
	}

	/// Forgets the failures.
	pub fn end(&mut self, key: &K) {
		self.0.remove(key);
	}

	/// Forgets the failures of all keys except these.
	pub fn retain(&mut self, keep: impl Fn(&K) -> bool) {
		self.0.retain(|key, _| keep(key));
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn pause_should_double_until_it_is_ended() {
		let (mut pauses, mut now) = (Pauses::default(), Instant::now());
		for seconds in [3, 6, 12, 24, 48, 96, 192, 300, 300] {
			let length = Duration::from_secs(seconds);
			assert_eq!(pauses.begin(7, false, now), length);
			assert!(pauses.hold(&7, false, now) && !pauses.hold(&8, false, now));
			now += length;
			assert!(!pauses.hold(&7, false, now));
		}
		pauses.end(&7);
		assert_eq!(pauses.begin(7, false, now), FIRST);
		pauses.retain(|key| *key != 7);
		assert!(!pauses.hold(&7, false, now));
	}

	#[test]
	fn only_a_strict_pause_should_hold_what_is_urgent() {
		let (mut pauses, now) = (Pauses::default(), Instant::now());
		pauses.begin(0, false, now);
		pauses.begin(1, true, now);
		assert!(!pauses.hold(&0, true, now) && pauses.hold(&1, true, now));
	}
}
