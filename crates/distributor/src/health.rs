//! Whether the node and kubo answer, and whether that has changed.

use crate::report::{Event, Part, Reporter};
use serde::{Deserialize, Serialize};
use std::{
	fmt,
	sync::{Mutex, MutexGuard, PoisonError},
};
use waybill_daemon::clock::Time;

/// Whether something answers that a distributor needs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Answers {
	/// Whether it answered the last time.
	pub up: bool,
	/// Since when, in milliseconds since 1970.
	pub since_ms: Time,
	/// Why it does not answer.
	pub trouble: Option<String>,
}

/// Whether the node and kubo answer. It reports each change once.
#[derive(Debug)]
pub struct Health {
	node: Mutex<Answers>,
	kubo: Mutex<Answers>,
	reporter: Reporter,
}

/// What everyone may know about a distributor.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PublicHealth {
	/// Whether it can serve devices and be paid.
	pub healthy: bool,
	/// Whether the chain's node answers.
	pub node: bool,
	/// Whether the newest final block is recent enough to settle by it.
	pub recent: bool,
	/// Whether kubo answers.
	pub kubo: bool,
}

impl Default for Answers {
	fn default() -> Self {
		Self { up: true, since_ms: Time::now(), trouble: None }
	}
}

impl Health {
	/// Both answer, until something else is noted.
	pub fn new(reporter: Reporter) -> Self {
		Self { node: Mutex::default(), kubo: Mutex::default(), reporter }
	}

	/// Notes that something answered.
	pub fn up(&self, part: Part) {
		let mut answers = self.part(part);
		if !answers.up {
			*answers = Answers::default();
			drop(answers);
			tracing::info!(%part, "it answers again");
			self.reporter.tell(&Event::Up { part });
		}
	}

	/// Notes that something did not answer.
	pub fn down(&self, part: Part, why: &dyn fmt::Display) {
		let mut answers = self.part(part);
		let why = why.to_string();
		if !answers.up {
			answers.trouble = Some(why);
			return;
		}
		*answers = Answers { up: false, since_ms: Time::now(), trouble: Some(why.clone()) };
		drop(answers);
		tracing::warn!(%part, error = why, "it does not answer");
		self.reporter.tell(&Event::Down { part, why });
	}

	/// Whether something answers.
	pub fn answers(&self, part: Part) -> Answers {
		self.part(part).clone()
	}

	fn part(&self, part: Part) -> MutexGuard<'_, Answers> {
		let part = match part {
			Part::Node => &self.node,
			Part::Kubo => &self.kubo,
		};
		part.lock().unwrap_or_else(PoisonError::into_inner)
	}
}

impl fmt::Display for Answers {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match &self.trouble {
			None => f.write_str("answers"),
			Some(trouble) => write!(f, "does not answer since {}: {trouble}", self.since_ms),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::sync::{mpsc, Mutex};

	#[test]
	fn each_change_should_be_told_once() {
		let (tell, told) = mpsc::channel();
		let tell = Mutex::new(tell);
		let health = Health::new(Reporter::new(move |event| tell.lock().unwrap().send(event.clone()).unwrap()));
		health.up(Part::Node);
		health.down(Part::Node, &"one");
		health.down(Part::Node, &"two");
		assert_eq!(health.answers(Part::Node).trouble.as_deref(), Some("two"));
		assert!(health.answers(Part::Kubo).up);
		health.up(Part::Node);
		health.up(Part::Node);
		let events: Vec<_> = told.try_iter().collect();
		assert_eq!(events, [Event::Down { part: Part::Node, why: "one".into() }, Event::Up { part: Part::Node }]);
	}
}
