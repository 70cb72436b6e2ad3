//! Time, counted in blocks.

use crate::BlockNumber;

/// The time between two blocks, in milliseconds. It cannot change once a chain runs.
pub const SLOT_DURATION: u64 = 3_000;

/// A minute.
pub const MINUTES: BlockNumber = 60_000 / SLOT_DURATION as BlockNumber;
/// An hour.
pub const HOURS: BlockNumber = 60 * MINUTES;
/// A day.
pub const DAYS: BlockNumber = 24 * HOURS;
