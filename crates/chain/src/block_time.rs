//! The time between blocks.

use std::{num::NonZeroU64, time::Duration};
use waybill_primitives::BlockNumber;

/// The time from one block of a chain to the next. Each chain has its own, set at its genesis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockTime(NonZeroU64);

impl BlockTime {
	/// The block time of a chain whose genesis sets none.
	pub const DEFAULT: Self = Self(NonZeroU64::new(3_000).unwrap());

	/// A block time of `millis` milliseconds; `None` for zero.
	pub fn from_millis(millis: u64) -> Option<Self> {
		NonZeroU64::new(millis).map(Self)
	}

	/// The number of blocks that come in this time, rounded up.
	pub fn blocks(self, time: Duration) -> BlockNumber {
		let blocks = time.as_millis().div_ceil(u128::from(self.0.get()));
		BlockNumber::try_from(blocks).unwrap_or(BlockNumber::MAX)
	}

	/// How long this many blocks take.
	pub fn time(self, blocks: BlockNumber) -> Duration {
		Duration::from_millis(u64::from(blocks).saturating_mul(self.0.get()))
	}

	/// Roughly how long `blocks` blocks take, in words: `about 2 min`.
	pub fn about(self, blocks: BlockNumber) -> String {
		let seconds = self.time(blocks).as_secs();
		match seconds {
			0..=119 => format!("about {seconds} s"),
			120..=7_199 => format!("about {} min", seconds / 60),
			7_200..=172_799 => format!("about {} h", seconds / 3_600),
			_ => format!("about {} days", seconds / 86_400),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn block_times_should_turn_times_into_blocks_and_back() {
		assert_eq!(BlockTime::from_millis(0), None);
		let fast = BlockTime::from_millis(1_000).unwrap();
		assert_eq!(
			[fast.about(119), fast.about(120), BlockTime::DEFAULT.about(40)],
			["about 119 s", "about 2 min", "about 2 min"]
		);
		assert_eq!(fast.about(BlockNumber::MAX), "about 49710 days");
		assert_eq!([fast.blocks(Duration::ZERO), fast.blocks(Duration::from_millis(1))], [0, 1]);
		assert_eq!(fast.blocks(Duration::MAX), BlockNumber::MAX);
	}
}
