//! Time: the length of a slot, and spans of time in blocks of this chain.
//!
//! A chain is given its slot length at genesis and keeps it for ever ([`crate::parameters::genesis`]).
//! Limits that mean hours or days are therefore counted in this chain's own blocks.

use crate::{parameters::genesis, BlockNumber, Runtime};
use frame_support::traits::Get;

/// The slot length of a chain whose genesis sets none, in milliseconds.
pub const DEFAULT_SLOT_DURATION: u64 = 3_000;

/// A minute, in seconds.
pub const MINUTE: u32 = 60;
/// An hour, in seconds.
pub const HOUR: u32 = 60 * MINUTE;
/// A day, in seconds.
pub const DAY: u32 = 24 * HOUR;

/// The time between two blocks of this chain, in milliseconds.
pub struct SlotDuration;

impl Get<u64> for SlotDuration {
	fn get() -> u64 {
		genesis::SlotDuration::<Runtime>::get().unwrap_or(DEFAULT_SLOT_DURATION)
	}
}

/// The least time between two timestamps: half a slot, as Aura wants it.
pub struct MinimumPeriod;

impl Get<u64> for MinimumPeriod {
	fn get() -> u64 {
		SlotDuration::get() / 2
	}
}

/// `SECONDS` in blocks of this chain.
pub struct Blocks<const SECONDS: u32>;

impl<const SECONDS: u32> Get<BlockNumber> for Blocks<SECONDS> {
	fn get() -> BlockNumber {
		in_blocks(SECONDS, SlotDuration::get())
	}
}

impl<const SECONDS: u32> Get<u64> for Blocks<SECONDS> {
	fn get() -> u64 {
		<Self as Get<BlockNumber>>::get().into()
	}
}

/// The blocks that `seconds` last at this slot length, rounded up.
pub const fn in_blocks(seconds: u32, slot_duration: u64) -> BlockNumber {
	let slot = if slot_duration == 0 { DEFAULT_SLOT_DURATION } else { slot_duration };
	let blocks = (seconds as u64 * 1_000).div_ceil(slot);
	if blocks > BlockNumber::MAX as u64 {
		BlockNumber::MAX
	} else {
		blocks as BlockNumber
	}
}
