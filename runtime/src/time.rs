//! Spans of time, in seconds and in blocks.

use crate::BlockNumber;

/// The slot length of a chain whose genesis sets none, in milliseconds.
pub const DEFAULT_SLOT_DURATION: u64 = 3_000;

/// A minute, in seconds.
pub const MINUTE: u32 = 60;
/// An hour, in seconds.
pub const HOUR: u32 = 60 * MINUTE;
/// A day, in seconds.
pub const DAY: u32 = 24 * HOUR;

/// The number of blocks that last `seconds` at this slot length, rounded up.
pub const fn in_blocks(seconds: u32, slot_duration: u64) -> BlockNumber {
	let slot = if slot_duration == 0 { DEFAULT_SLOT_DURATION } else { slot_duration };
	let blocks = (seconds as u64 * 1_000).div_ceil(slot);
	if blocks > BlockNumber::MAX as u64 {
		BlockNumber::MAX
	} else {
		blocks as BlockNumber
	}
}
