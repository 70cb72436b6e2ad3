//! Durations and points in time, as people write them.

use std::{str::FromStr, time::Duration};
use waybill_chain::BlockTime;
use waybill_primitives::BlockNumber;

/// A point in the chain's future.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiry {
	/// The block of this number.
	Block(BlockNumber),
	/// This many blocks from now.
	Blocks(BlockNumber),
	/// This much time from now.
	In(Duration),
}

impl Expiry {
	/// The block that it means when `now` is the newest.
	pub fn block(self, now: BlockNumber, block_time: BlockTime) -> BlockNumber {
		match self {
			Self::Block(block) => block,
			Self::Blocks(blocks) => now.saturating_add(blocks),
			Self::In(time) => now.saturating_add(block_time.blocks(time)),
		}
	}
}

impl FromStr for Expiry {
	type Err = &'static str;

	/// `#1200` or `1200` is a block, `40blocks` that many from now; `90s`, `30m`, `12h`, `14d` are
	/// durations.
	fn from_str(text: &str) -> Result<Self, Self::Err> {
		const WRONG: &str = "neither a block (1200), blocks from now (40blocks) nor a duration (90s, 30m, 12h, 14d)";
		let number = text.strip_prefix('#').unwrap_or(text);
		if let Ok(block) = number.parse() {
			return Ok(Self::Block(block));
		}
		if let Some(blocks) = text.strip_suffix("blocks") {
			return blocks.parse().map(Self::Blocks).map_err(|_| WRONG);
		}
		millis(text).map(|millis| Self::In(Duration::from_millis(millis))).ok_or(WRONG)
	}
}

/// A length of time, such as `90s`, `30m`, `12h` or `14d`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Period(pub Duration);

impl FromStr for Period {
	type Err = &'static str;

	fn from_str(text: &str) -> Result<Self, Self::Err> {
		millis(text).map(|millis| Self(Duration::from_millis(millis))).ok_or("not a duration, such as 90s, 30m, 12h or 14d")
	}
}

/// The milliseconds of a duration such as `90s`, `30m`, `12h` or `14d`.
fn millis(text: &str) -> Option<u64> {
	let at = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at))?;
	let (count, unit) = text.split_at(at);
	let seconds = match unit {
		"s" => 1,
		"m" => 60,
		"h" => 3_600,
		"d" => 86_400,
		_ => return None,
	};
	if !count.bytes().all(|byte| byte.is_ascii_digit()) {
		return None;
	}
	count.parse::<u64>().ok()?.checked_mul(seconds)?.checked_mul(1_000)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn expiries_should_be_blocks_or_durations() {
		assert_eq!("1200".parse(), Ok(Expiry::Block(1200)));
		assert_eq!("#1200".parse(), Ok(Expiry::Block(1200)));
		assert_eq!("40blocks".parse(), Ok(Expiry::Blocks(40)));
		let slow = BlockTime::DEFAULT;
		let fast = BlockTime::from_millis(1_000).unwrap();
		for (text, at_three_seconds, at_one) in [
			("90s", 35, 95),
			("91s", 36, 96),
			("30m", 605, 1_805),
			("14d", 403_205, 1_209_605),
			("9999999999d", BlockNumber::MAX, BlockNumber::MAX),
			("10blocks", 15, 15),
			("10", 10, 10),
		] {
			let expiry: Expiry = text.parse().unwrap();
			assert_eq!([expiry.block(5, slow), expiry.block(5, fast)], [at_three_seconds, at_one], "{text}");
		}
		for text in ["", "d", "1w", "-3h", "1.5h", "99999999999999999999d", "é", "3é", "blocks", "-1blocks", "4 blocks"] {
			assert!(text.parse::<Expiry>().is_err(), "{text}");
		}
	}

	proptest::proptest! {
		#[test]
		fn any_text_should_be_read_without_panic(text: String) {
			let _ = text.parse::<Expiry>();
			let _ = text.parse::<Period>();
		}
	}
}
