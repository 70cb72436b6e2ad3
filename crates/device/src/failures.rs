//! Distributors that failed the device, and until when it leaves each alone. Where there are many, the
//! disk remembers them, so a restart does not begin with those that hold the device up. Where there
//! are few, a restart tries them again at once.

use crate::endpoint::Who;
use serde::{Deserialize, Serialize};
use std::{
	collections::HashMap,
	time::{Duration, Instant},
};
use waybill_chain::AccountId;
use waybill_daemon::clock::Time;

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// The most failures that are remembered.
const MAX_ENTRIES: usize = 1_024;
/// How often the record may be written: flash memory wears out.
const STORE_EVERY: Duration = Duration::from_secs(600);

/// How a distributor failed the device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failing {
	/// It answered at once, and had no offer. It may have one soon.
	Declined,
	/// It gave no usable answer or file.
	Silent,
	/// It took a receipt, and the chain never set the money aside for it.
	BrokeItsWord,
}

impl Failing {
	/// The pauses after the first failure and after many. Where there are few distributors, the
	/// device cannot choose, and soon asks again.
	const fn pauses(self, has_choice: bool) -> (Duration, Duration) {
		match (self, has_choice) {
			(Self::Declined, true) => (Duration::from_secs(2), Duration::from_secs(600)),
			(Self::Silent, true) => (Duration::from_secs(60), DAY),
			(Self::BrokeItsWord, true) => (DAY, Duration::from_secs(30 * 24 * 3_600)),
			(_, false) => (Duration::from_secs(2), Duration::from_secs(120)),
		}
	}
}

/// What the disk remembers of distributors.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
	/// The address of the last one that kept its word.
	pub last_good: Option<String>,
	failed: Vec<Failure>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Failure {
	account: Option<AccountId>,
	address: String,
	/// How often in a row.
	times: u32,
	/// Until when it is left alone.
	until_ms: Time,
}

/// The failures of distributors.
#[derive(Debug, Default)]
pub struct Failures {
	failed: HashMap<Who, (u32, Time)>,
	/// The address of the last one that kept its word.
	last_good: Option<String>,
	is_changed: bool,
	stored: Option<Instant>,
}

impl Failures {
	/// What the disk remembers.
	pub fn new(record: Record) -> Self {
		let failed = record
			.failed
			.into_iter()
			.map(|one| ((one.account.map(|account| account.0), one.address), (one.times, one.until_ms)));
		Self { failed: failed.collect(), last_good: record.last_good, is_changed: false, stored: None }
	}

	/// The address of the last one that kept its word.
	pub fn last_good(&self) -> Option<&str> {
		self.last_good.as_deref()
	}

	/// Whether the device leaves it alone now.
	pub fn is_paused(&self, who: &Who, now: Time) -> bool {
		// A longer pause was noted while the clock was wrong.
		let longest = Failing::BrokeItsWord.pauses(true).1.mul_f64(1.5);
		self.failed.get(who).is_some_and(|(_, until)| {
			let left = Duration::from_millis(until.0.saturating_sub(now.0));
			!left.is_zero() && left <= longest
		})
	}

	/// How often in a row it has failed the device.
	pub fn times(&self, who: &Who) -> u32 {
		self.failed.get(who).map_or(0, |(times, _)| *times)
	}

	/// Leaves it alone for a while, longer each time. `spread` from 0.5 to 1.5 keeps the devices of a
	/// fleet from coming back all at once.
	pub fn fail(&mut self, who: Who, failing: Failing, has_choice: bool, spread: f64, now: Time) {
		let times = self.times(&who).saturating_add(1);
		let (first, longest) = failing.pauses(has_choice);
		let pause = first.saturating_mul(2u32.saturating_pow(times.saturating_sub(1))).min(longest).mul_f64(spread);
		let millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
		self.failed.insert(who, (times, Time(now.0.saturating_add(millis))));
		self.is_changed |= has_choice;
		if self.failed.len() > MAX_ENTRIES {
			let soonest = self.failed.iter().min_by_key(|(_, (_, until))| *until).map(|(who, _)| who.clone());
			soonest.map(|who| self.failed.remove(&who));
		}
	}

	/// Notes that it served the device well.
	pub fn praise(&mut self, who: &Who) {
		let is_new = self.last_good.as_ref() != Some(&who.1);
		self.is_changed |= self.failed.remove(who).is_some() || is_new;
		self.last_good = Some(who.1.clone());
	}

	/// What is to be stored, if something has changed and enough time has passed since the last time.
	pub fn due(&mut self, now: Instant) -> Option<Record> {
		let is_soon = self.stored.is_some_and(|stored| now.saturating_duration_since(stored) < STORE_EVERY);
		if !self.is_changed || is_soon {
			return None;
		}
		(self.is_changed, self.stored) = (false, Some(now));
		let failed = self.failed.iter().map(|((account, address), (times, until_ms))| Failure {
			account: account.map(AccountId),
			address: address.clone(),
			times: *times,
			until_ms: *until_ms,
		});
		Some(Record { last_good: self.last_good.clone(), failed: failed.collect() })
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const NOW: Time = Time(1_795_166_280_000);

	fn who(name: u32) -> Who {
		(Some([7; 32]), format!("http://{name}/"))
	}

	fn after(seconds: u64) -> Time {
		Time(NOW.0 + seconds * 1_000)
	}

	#[test]
	fn pauses_should_grow_and_be_longer_for_a_broken_word_and_short_without_a_choice() {
		for (failing, has_choice, seconds) in [
			(Failing::Declined, true, vec![2, 4, 8]),
			(Failing::Silent, true, vec![60, 120, 240]),
			(Failing::BrokeItsWord, true, vec![86_400, 172_800]),
			(Failing::Silent, false, vec![2, 4, 8, 16, 32, 64, 120, 120]),
			(Failing::BrokeItsWord, false, vec![2, 4]),
		] {
			let mut failures = Failures::default();
			for seconds in seconds {
				failures.fail(who(1), failing, has_choice, 1.0, NOW);
				assert!(failures.is_paused(&who(1), after(seconds - 1)), "{failing:?} {seconds}");
				assert!(!failures.is_paused(&who(1), after(seconds)), "{failing:?} {seconds}");
			}
		}
	}

	#[test]
	fn record_should_come_back_after_a_restart_and_be_written_rarely() {
		let (mut failures, now) = (Failures::default(), Instant::now());
		assert_eq!(failures.due(now), None);
		failures.fail(who(1), Failing::Silent, true, 1.0, NOW);
		failures.praise(&who(2));
		let record = failures.due(now).unwrap();
		let json = serde_json::to_string(&record).unwrap();
		let mut again = Failures::new(serde_json::from_str(&json).unwrap());
		assert!(again.is_paused(&who(1), NOW) && !again.is_paused(&who(2), NOW));
		assert_eq!((again.times(&who(1)), again.last_good()), (1, Some("http://2/")));
		again.praise(&who(1));
		assert!(!again.is_paused(&who(1), NOW));
		failures.fail(who(3), Failing::Silent, true, 1.0, NOW);
		assert_eq!(failures.due(now + STORE_EVERY - Duration::from_secs(1)), None);
		assert!(failures.due(now + STORE_EVERY).is_some());
		assert_eq!(failures.due(now + 2 * STORE_EVERY), None);
		// It was good before, too.
		failures.praise(&who(2));
		assert_eq!(failures.due(now + 3 * STORE_EVERY), None);
	}

	#[test]
	fn restart_should_try_everybody_again_where_there_is_no_choice() {
		let mut failures = Failures::default();
		failures.fail(who(1), Failing::Silent, false, 1.0, NOW);
		assert_eq!(failures.due(Instant::now()), None);
	}

	#[test]
	fn most_failures_should_be_remembered_and_no_more() {
		let mut failures = Failures::default();
		for name in 0..2_000 {
			failures.fail(who(name), Failing::Silent, true, 1.0, after(u64::from(name)));
		}
		assert_eq!(failures.failed.len(), MAX_ENTRIES);
		assert!(failures.is_paused(&who(1_999), after(1_999)) && failures.times(&who(0)) == 0);
		let record = failures.due(Instant::now()).unwrap();
		assert!(serde_json::to_vec(&record).unwrap().len() < 200_000);
	}

	#[test]
	fn clock_that_was_wrong_should_pause_nobody_for_years() {
		let mut failures = Failures::default();
		failures.fail(who(1), Failing::BrokeItsWord, true, 1.5, after(10 * 365 * 86_400));
		assert!(!failures.is_paused(&who(1), NOW));
	}
}
