//! When blocks come, for people: a number alone says little.

use crate::block_time::BlockTime;
use serde::{Serialize, Serializer};
use std::fmt;
use waybill_daemon::clock::Time;
use waybill_primitives::BlockNumber;

/// A final block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
	/// Its number.
	pub number: BlockNumber,
	/// Its author's clock, in milliseconds since 1970.
	pub timestamp_ms: u64,
}

/// One block and its time, from which the times of others are reckoned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calendar {
	number: BlockNumber,
	time: Time,
	block_time: BlockTime,
}

/// A block, and about when it comes or came. JSON has the number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DatedBlock {
	/// The block.
	pub number: BlockNumber,
	/// Its time, unless authors missed their turns in between.
	pub about: Time,
}

impl Calendar {
	/// The calendar by a block.
	pub fn new(head: Head, block_time: BlockTime) -> Self {
		// The first block has no time.
		let time = Some(Time(head.timestamp_ms)).filter(|time| time.0 > 0).unwrap_or_else(Time::now);
		Self { number: head.number, time, block_time }
	}

	/// When a block comes or came.
	pub fn date(&self, number: BlockNumber) -> DatedBlock {
		let millis = |blocks| u64::try_from(self.block_time.time(blocks).as_millis()).unwrap_or(u64::MAX);
		let about = match number >= self.number {
			true => self.time.0.saturating_add(millis(number.saturating_sub(self.number))),
			false => self.time.0.saturating_sub(millis(self.number.saturating_sub(number))),
		};
		DatedBlock { number, about: Time(about) }
	}

	/// Whether a block is there already.
	pub const fn is_past(&self, block: BlockNumber) -> bool {
		block <= self.number
	}
}

impl fmt::Display for DatedBlock {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "block {} (about {})", self.number, self.about)
	}
}

impl Serialize for DatedBlock {
	fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
		self.number.serialize(serializer)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn blocks_should_come_with_a_date() {
		let block_time = BlockTime::from_millis(3_000).unwrap();
		let calendar = Calendar::new(Head { number: 100, timestamp_ms: 1_795_166_280_000 }, block_time);
		assert_eq!(calendar.date(120).to_string(), "block 120 (about Fri, 20 Nov 2026 09:19:00 GMT)");
		assert_eq!(calendar.date(80).to_string(), "block 80 (about Fri, 20 Nov 2026 09:17:00 GMT)");
		assert_eq!(serde_json::to_string(&calendar.date(80)).unwrap(), "80");
		assert!(calendar.is_past(100) && !calendar.is_past(101));
	}
}
