//! Which proofs are being checked, and the results of others. Both are bounded.

use std::{
	collections::{HashMap, VecDeque},
	sync::Arc,
	time::Instant,
};
use tokio::sync::watch;
use waybill_exchange::ProofFault;
use waybill_primitives::Hash32;
use waybill_zkcp::LockTable;

/// How many checks may run or wait at once.
pub const MAX_WORKING: usize = 64;
/// How many results to remember.
pub const MAX_ENDED: usize = 1_024;

/// The state of some proofs.
#[derive(Clone, Debug)]
pub enum Entry {
	/// They are being checked. The sender is dropped when the check ends.
	Working(watch::Receiver<()>),
	/// They hold, for the locks of this table, or they do not.
	Checked(Result<Arc<LockTable>, ProofFault>),
	/// The check found out nothing. The hub does not check them again before this time.
	Failed(Instant),
}

/// Proofs by the hashes of queries about them.
#[derive(Default, Debug)]
pub struct Book {
	entries: HashMap<Hash32, Entry>,
	/// The queries that are not being checked, the oldest first.
	ended: VecDeque<Hash32>,
}

/// What to do about some proofs.
#[derive(Debug)]
pub enum Turn {
	/// Answer by this entry.
	Entry(Entry),
	/// Check them, and drop the sender when the check ends.
	Begin(watch::Sender<()>),
	/// Nothing: there is too much to do.
	Busy,
}

impl Book {
	/// The state of these proofs; `None` if a check can begin.
	pub fn get(&self, id: &Hash32, now: Instant) -> Option<&Entry> {
		self.entries.get(id).filter(|entry| match entry {
			Entry::Working(work) => work.has_changed().is_ok(),
			Entry::Checked(_) => true,
			Entry::Failed(until) => now < *until,
		})
	}

	/// How many checks run or wait.
	pub fn working(&self) -> usize {
		self.entries.values().filter(|entry| matches!(entry, Entry::Working(work) if work.has_changed().is_ok())).count()
	}

	/// Notes a question about these proofs, and says what to do.
	pub fn ask(&mut self, id: Hash32, now: Instant) -> Turn {
		if let Some(entry) = self.get(&id, now) {
			return Turn::Entry(entry.clone());
		}
		if self.entries.len() - self.ended.len() >= MAX_WORKING {
			return Turn::Busy;
		}
		let (end, work) = watch::channel(());
		self.ended.retain(|other| *other != id);
		self.entries.insert(id, Entry::Working(work));
		Turn::Begin(end)
	}

	/// Notes the end of a check.
	pub fn end(&mut self, id: Hash32, entry: Entry) {
		self.entries.insert(id, entry);
		self.ended.push_back(id);
		while self.ended.len() > MAX_ENDED {
			if let Some(oldest) = self.ended.pop_front() {
				self.entries.remove(&oldest);
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::time::Duration;

	fn id(number: usize) -> Hash32 {
		let mut id = [0; 32];
		id[..8].copy_from_slice(&number.to_le_bytes());
		id
	}

	fn checked() -> Entry {
		Entry::Checked(Err(ProofFault::Lock))
	}

	#[test]
	fn work_should_be_bounded_and_begun_once() {
		let (mut book, now) = (Book::default(), Instant::now());
		let works: Vec<_> = (0..MAX_WORKING).map(|number| book.ask(id(number), now)).collect();
		assert!(works.iter().all(|turn| matches!(turn, Turn::Begin(_))));
		assert!(matches!(book.ask(id(0), now), Turn::Entry(Entry::Working(_))));
		assert!(matches!(book.ask(id(MAX_WORKING), now), Turn::Busy));
		book.end(id(0), checked());
		assert!(matches!(book.ask(id(0), now), Turn::Entry(Entry::Checked(_))));
		assert!(matches!(book.ask(id(MAX_WORKING), now), Turn::Begin(_)));
	}

	#[test]
	fn results_should_be_bounded_and_the_oldest_forgotten() {
		let (mut book, now) = (Book::default(), Instant::now());
		for number in 0..=MAX_ENDED {
			let turn = book.ask(id(number), now);
			assert!(matches!(turn, Turn::Begin(_)));
			book.end(id(number), checked());
		}
		assert_eq!((book.entries.len(), book.ended.len()), (MAX_ENDED, MAX_ENDED));
		assert!(book.get(&id(0), now).is_none());
		assert!(book.get(&id(1), now).is_some());
	}

	#[test]
	fn failure_should_be_tried_again_after_its_time() {
		let (mut book, now) = (Book::default(), Instant::now());
		let until = now + Duration::from_secs(5);
		assert!(matches!(book.ask(id(0), now), Turn::Begin(_)));
		book.end(id(0), Entry::Failed(until));
		assert!(matches!(book.ask(id(0), now), Turn::Entry(Entry::Failed(_))));
		let again = book.ask(id(0), until);
		assert!(matches!(again, Turn::Begin(_)));
		assert!(matches!(book.ask(id(0), until), Turn::Entry(Entry::Working(_))));
		book.end(id(0), checked());
		assert_eq!((book.entries.len(), book.ended.len()), (1, 1));
	}

	#[test]
	fn work_that_broke_off_should_be_begun_again() {
		let (mut book, now) = (Book::default(), Instant::now());
		drop(book.ask(id(0), now));
		assert!(matches!(book.ask(id(0), now), Turn::Begin(_)));
		assert_eq!((book.entries.len(), book.ended.len()), (1, 0));
	}
}
