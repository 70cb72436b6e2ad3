//! What happened since the start, counted for operators.

use std::sync::atomic::{AtomicU64, Ordering};
use waybill_daemon::clock::Time;

/// A count.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
	/// Counts one more.
	pub fn one(&self) {
		self.more(1);
	}

	/// Counts some more.
	pub fn more(&self, number: usize) {
		self.0.fetch_add(number as u64, Ordering::Relaxed);
	}

	/// Replaces the count.
	pub fn set(&self, number: u64) {
		self.0.store(number, Ordering::Relaxed);
	}

	/// The count so far.
	pub fn get(&self) -> u64 {
		self.0.load(Ordering::Relaxed)
	}
}

/// How often something worked, and how often it did not.
#[derive(Debug, Default)]
pub struct Tries {
	/// How often it worked.
	pub done: Count,
	/// How often it did not.
	pub failed: Count,
}

impl Tries {
	/// Counts a try.
	pub fn note(&self, is_done: bool) {
		match is_done {
			true => self.done.one(),
			false => self.failed.one(),
		}
	}
}

/// The answers to one kind of request.
#[derive(Debug, Default)]
pub struct Answers {
	/// Answered as asked.
	pub done: Count,
	/// Rejected, with a reason for the device.
	pub rejected: Count,
	/// Put off, because of a fault or of too much to do.
	pub busy: Count,
}

/// What happened since the start.
#[derive(Debug, Default)]
pub struct Tally {
	/// Invitations.
	pub invites: Answers,
	/// Offers.
	pub offers: Answers,
	/// Receipts.
	pub receipts: Answers,
	/// Keys.
	pub keys: Answers,
	/// Transactions that reserve receipts.
	pub reservations: Tries,
	/// Transactions that claim reservations.
	pub claims: Tries,
	/// Attempts to prepare a bounty's content.
	pub preparations: Tries,
	/// Bounties whose content kubo had lost.
	pub lost: Count,
	/// Looks for lost content.
	pub checks: Tries,
	/// When the last look ended that found out something, in milliseconds since 1970.
	checked_ms: Count,
}

impl Tally {
	/// Notes a look for lost content.
	pub fn checked(&self, is_done: bool) {
		self.checks.note(is_done);
		if is_done {
			self.checked_ms.set(Time::now().0);
		}
	}

	/// When the last look ended that found out something; `None` if there was none.
	pub fn checked_at(&self) -> Option<Time> {
		Some(self.checked_ms.get()).filter(|time| *time > 0).map(Time)
	}
}
