//! When blocks come, for people: a number alone says little.

use crate::error::Result;
use serde::{Serialize, Serializer};
use std::fmt;
use waybill_chain::{BlockTime, View};
use waybill_daemon::clock::Time;
use waybill_primitives::BlockNumber;

/// One block and its time, from which the times of others are reckoned.
#[derive(Clone, Copy, Debug)]
pub struct Calendar {
	number: BlockNumber,
	time: Time,
	block_time: BlockTime,
}

/// A block, and about when it comes or came. JSON has the number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
	/// The block.
	pub block: BlockNumber,
	/// Its time, unless authors missed their turns in between.
	pub about: Time,
}

impl Calendar {
	/// The calendar by the block of a view.
	pub async fn of(view: &View) -> Result<Self> {
		// The first block has no time.
		let time = Some(Time(view.timestamp().await?)).filter(|time| time.0 > 0).unwrap_or_else(Time::now);
		Ok(Self { number: view.block().number, time, block_time: view.block_time().await? })
	}

	/// When a block comes or came.
	pub fn moment(&self, block: BlockNumber) -> Moment {
		let millis = |blocks| u64::try_from(self.block_time.time(blocks).as_millis()).unwrap_or(u64::MAX);
		let about = match block >= self.number {
			true => self.time.0.saturating_add(millis(block.saturating_sub(self.number))),
			false => self.time.0.saturating_sub(millis(self.number.saturating_sub(block))),
		};
		Moment { block, about: Time(about) }
	}

	/// Whether a block is there already.
	pub const fn is_past(&self, block: BlockNumber) -> bool {
		block <= self.number
	}
}

impl fmt::Display for Moment {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "block {} (about {})", self.block, self.about)
	}
}

impl Serialize for Moment {
	fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
		self.block.serialize(serializer)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn blocks_should_come_with_a_date() {
		let block_time = BlockTime::from_millis(3_000).unwrap();
		let calendar = Calendar { number: 100, time: Time(1_795_166_280_000), block_time };
		assert_eq!(calendar.moment(120).to_string(), "block 120 (about Fri, 20 Nov 2026 09:19:00 GMT)");
		assert_eq!(calendar.moment(80).to_string(), "block 80 (about Fri, 20 Nov 2026 09:17:00 GMT)");
		assert_eq!(serde_json::to_string(&calendar.moment(80)).unwrap(), "80");
		assert!(calendar.is_past(100) && !calendar.is_past(101));
	}
}
