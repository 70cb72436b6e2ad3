//! The blocks in which a reservation is its distributor's alone.

use crate::chain::types::Bounty;
use waybill_primitives::BlockNumber;

/// A transaction that is sent gets into one of so many next blocks.
pub(super) const INCLUSION: BlockNumber = 2;
/// In so many last blocks of its exclusive window a reservation is not claimed: the newest block is ahead of the newest final one by two
/// blocks, and the claim has to get into one, too.
pub const LAST_BLOCKS: BlockNumber = 2 + INCLUSION;

/// Whether it is too late to claim a reservation safely.
pub(super) const fn is_missed(head: BlockNumber, exclusive_until: BlockNumber) -> bool {
	head.saturating_add(LAST_BLOCKS) >= exclusive_until
}

/// The first block in which devices of a reservation with this exclusive window may be lost. Where nobody can reserve any more, closing
/// alone ends a reservation.
pub(super) fn safe_until(head: BlockNumber, bounty: &Bounty, yanked: bool, exclusive_until: BlockNumber) -> BlockNumber {
	match yanked || head.max(exclusive_until) >= bounty.expires_at {
		true => bounty.expires_at.max(bounty.exclusive_until).max(exclusive_until),
		false => exclusive_until,
	}
}
