//! The exclusive window of a reservation, and the time around its end.

use std::time::Duration;
use waybill_chain::{mortality, types::Bounty, BlockTime};
use waybill_primitives::BlockNumber;

/// A transaction gets into a block within this time.
const INCLUSION: Duration = Duration::from_secs(6);
/// The newest block is ahead of the newest final one by this time at most.
const FINALITY: Duration = Duration::from_secs(6);
/// A receipt that expires this soon is reserved at once.
const URGENT: Duration = Duration::from_secs(15);

/// The times above in blocks of one chain. Each is at least some blocks, however long the chain's
/// slots are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Margins {
	/// How many blocks it takes at most until a sent transaction is in one.
	pub inclusion: BlockNumber,
	/// Stop claiming this many blocks before the exclusive window ends: the newest final block is
	/// behind, and the claim has to get into a block.
	pub last_blocks: BlockNumber,
	/// Reserve a receipt at once when it is valid for at most this many more blocks.
	pub urgent: BlockNumber,
	/// For how many blocks a sent transaction may still get into one.
	pub patience: BlockNumber,
}

impl Margins {
	/// Claims stop this long before the end of an exclusive window, whatever the block time.
	pub const CLAIMS_STOP: Duration = Duration::from_secs(INCLUSION.as_secs() + FINALITY.as_secs());

	/// The margins on a chain with this block time.
	pub fn new(block_time: BlockTime) -> Self {
		let inclusion = block_time.blocks(INCLUSION).max(2);
		Self {
			inclusion,
			last_blocks: inclusion.saturating_add(block_time.blocks(FINALITY).max(2)),
			urgent: block_time.blocks(URGENT).max(5),
			patience: mortality(block_time),
		}
	}

	/// Whether it is too late to claim a reservation safely.
	pub const fn is_missed(&self, head: BlockNumber, exclusive_until: BlockNumber) -> bool {
		head.saturating_add(self.last_blocks) >= exclusive_until
	}
}

/// The first block in which a reservation with this exclusive window may lose devices. When nobody
/// can reserve any more, only closing the bounty ends a reservation.
pub(super) fn safe_until(head: BlockNumber, bounty: &Bounty, yanked: bool, exclusive_until: BlockNumber) -> BlockNumber {
	match yanked || head.max(exclusive_until) >= bounty.expires_at {
		true => bounty.expires_at.max(bounty.exclusive_until).max(exclusive_until),
		false => exclusive_until,
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn margins_should_last_as_long_whatever_the_block_time() {
		let margins = |millis| {
			let Margins { inclusion, last_blocks, urgent, patience } = Margins::new(BlockTime::from_millis(millis).unwrap());
			[inclusion, last_blocks, urgent, patience]
		};
		assert_eq!(margins(1_000), [6, 12, 15, 256]);
		assert_eq!(margins(3_000), [2, 4, 5, 64]);
		// With long slots, each margin keeps its least number of blocks.
		assert_eq!(margins(60_000), [2, 4, 5, 64]);
	}
}
