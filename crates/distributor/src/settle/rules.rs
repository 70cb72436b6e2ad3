//! The rules for batches, and what they may cost.

use super::window::Margins;
use std::time::Duration;
use waybill_chain::Amount;
use waybill_primitives::BlockNumber;

/// The rules for batches.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
	/// A batch with this many receipts does not wait for more.
	pub max_batch: usize,
	/// How long a receipt waits for others.
	pub max_delay: Duration,
	/// The times around the end of an exclusive window, in the chain's blocks.
	pub margins: Margins,
	/// Claim immediately once this many blocks remain in the exclusive window.
	pub late_margin: BlockNumber,
	/// Whether to claim even where others may take the devices in the same block.
	pub claim_late: bool,
	/// The tip of a claim, in percent of its reward.
	pub claim_tip_percent: u8,
	/// How old the newest final block may be.
	pub max_block_age: Duration,
}

impl Rules {
	/// The tip of a claim with this many devices.
	pub(super) fn tip(&self, reward: Amount, devices: usize) -> Amount {
		let (all, percent) = (reward.0.saturating_mul(devices as u128), u128::from(self.claim_tip_percent));
		let (hundredths, rest) = (all / 100, all % 100);
		Amount(hundredths.saturating_mul(percent).saturating_add(rest * percent / 100))
	}
}

#[cfg(test)]
impl Rules {
	/// Rules that wait for nothing, on a chain with the usual block time.
	pub(super) fn hasty() -> Self {
		Self {
			max_batch: 100,
			max_delay: Duration::ZERO,
			margins: Margins::new(waybill_chain::BlockTime::DEFAULT),
			late_margin: 6,
			claim_late: false,
			claim_tip_percent: 0,
			max_block_age: Duration::from_secs(120),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn tip_should_be_exact_and_never_more_than_the_reward() {
		let rules = |percent| Rules { claim_tip_percent: percent, ..Rules::hasty() };
		let tip = |percent, reward, devices| rules(percent).tip(Amount(reward), devices).0;
		assert_eq!((tip(1, 99, 1), tip(1, 50, 2), tip(7, 150, 1), tip(100, 123, 3)), (0, 1, 10, 369));
		assert_eq!((tip(100, u128::MAX, 256), tip(1, u128::MAX, 256)), (u128::MAX, u128::MAX / 100));
		assert_eq!(tip(1, 1_000, 0), 0);
	}
}
