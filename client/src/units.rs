//! Amounts of the chain's currency, durations and times, as people write them.

use serde::{Deserialize, Serialize, Serializer};
use std::{
	fmt,
	num::NonZeroU64,
	str::FromStr,
	time::{Duration, SystemTime, UNIX_EPOCH},
};
use waybill_primitives::BlockNumber;

/// The smallest units in one UNIT.
pub const UNIT: u128 = 1_000_000_000_000;
const DECIMALS: usize = 12;

/// An amount in the chain's smallest units.
///
/// Written and read in UNIT (`1.5`); in JSON a string of the smallest units, exact in every language.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Amount(pub u128);

impl fmt::Display for Amount {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let (whole, rest) = (self.0 / UNIT, self.0 % UNIT);
		if rest == 0 {
			return write!(f, "{whole} UNIT");
		}
		let digits = format!("{rest:0DECIMALS$}");
		write!(f, "{whole}.{} UNIT", digits.trim_end_matches('0'))
	}
}

impl Serialize for Amount {
	fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
		serializer.collect_str(&self.0)
	}
}

impl FromStr for Amount {
	type Err = &'static str;

	fn from_str(text: &str) -> Result<Self, Self::Err> {
		const WRONG: &str = "not an amount; write UNIT with at most 12 decimals, such as 1.5";
		let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
		let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
		if whole.is_empty() || !digits(whole) || !digits(rest) || rest.len() > DECIMALS || text.ends_with('.') {
			return Err(WRONG);
		}
		let whole: u128 = whole.parse().map_err(|_| WRONG)?;
		let rest: u128 = format!("{rest:0<DECIMALS$}").parse().map_err(|_| WRONG)?;
		whole.checked_mul(UNIT).and_then(|whole| whole.checked_add(rest)).map(Self).ok_or("the amount is too large")
	}
}

/// A time, in milliseconds since 1970. For people a date in GMT.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub u64);

impl Time {
	/// The time by this machine's clock.
	pub fn now() -> Self {
		let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
		Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
	}

	/// How long ago this was at another time, in words.
	pub fn age(self, now: Self) -> String {
		let seconds = now.0.saturating_sub(self.0) / 1_000;
		let (number, unit) = match seconds {
			0..120 => (seconds, "seconds"),
			120..7_200 => (seconds / 60, "minutes"),
			7_200..172_800 => (seconds / 3_600, "hours"),
			_ => (seconds / 86_400, "days"),
		};
		format!("{number} {unit}")
	}
}

impl fmt::Display for Time {
	/// Years with more digits than a date has are shown as the last that has not.
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		const LAST: u64 = 253_402_300_799;
		let time = UNIX_EPOCH.checked_add(Duration::from_secs((self.0 / 1_000).min(LAST))).unwrap_or(UNIX_EPOCH);
		httpdate::HttpDate::from(time).fmt(f)
	}
}

/// The time from one block of a chain to the next. Each chain has its own, set at its genesis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockTime(NonZeroU64);

impl BlockTime {
	/// That of a chain whose genesis sets none.
	#[cfg(test)]
	pub const DEFAULT: Self = Self(NonZeroU64::new(3_000).unwrap());

	/// A block time of so many milliseconds; `None` if it is zero.
	pub fn from_millis(millis: u64) -> Option<Self> {
		NonZeroU64::new(millis).map(Self)
	}

	/// The blocks that come in this time, rounded up.
	pub fn blocks(self, time: Duration) -> BlockNumber {
		let blocks = time.as_millis().div_ceil(u128::from(self.0.get()));
		BlockNumber::try_from(blocks).unwrap_or(BlockNumber::MAX)
	}

	/// About how long so many blocks take, in words.
	pub fn about(self, blocks: BlockNumber) -> String {
		let seconds = u64::from(blocks).saturating_mul(self.0.get()) / 1_000;
		match seconds {
			0..=119 => format!("about {seconds} s"),
			120..=7_199 => format!("about {} min", seconds / 60),
			7_200..=172_799 => format!("about {} h", seconds / 3_600),
			_ => format!("about {} days", seconds / 86_400),
		}
	}
}

/// A point in the chain's future.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiry {
	/// The block of this number.
	Block(BlockNumber),
	/// So many blocks from now.
	Blocks(BlockNumber),
	/// So much time from now.
	In(Duration),
}

impl Expiry {
	/// The block it means when `now` is the newest.
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
	fn times_should_be_written_as_dates_and_ages() {
		let time = Time(1_795_166_280_000);
		assert_eq!(time.to_string(), "Fri, 20 Nov 2026 09:18:00 GMT");
		assert_eq!(Time(u64::MAX).to_string(), "Fri, 31 Dec 9999 23:59:59 GMT");
		assert_eq!(serde_json::to_string(&time).unwrap(), "1795166280000");
		let age = |seconds: u64| time.age(Time(time.0 + seconds * 1_000));
		assert_eq!(
			[age(119), age(120), age(7_199), age(7_200), age(172_800)],
			["119 seconds", "2 minutes", "119 minutes", "2 hours", "2 days"]
		);
		assert_eq!(time.age(Time(0)), "0 seconds");
	}

	#[test]
	fn amounts_should_read_and_write() {
		for (text, planck, shown) in [
			("1.5", 1_500_000_000_000, "1.5 UNIT"),
			("0", 0, "0 UNIT"),
			("20", 20 * UNIT, "20 UNIT"),
			("0.000000000001", 1, "0.000000000001 UNIT"),
			("0.010", 10_000_000_000, "0.01 UNIT"),
		] {
			let amount: Amount = text.parse().unwrap();
			assert_eq!(amount.0, planck);
			assert_eq!(amount.to_string(), shown);
		}
		assert_eq!(serde_json::to_string(&Amount(u128::MAX)).unwrap(), format!("\"{}\"", u128::MAX));
	}

	#[test]
	fn other_amounts_should_be_refused() {
		for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "0.0000000000001", "1 UNIT", "1_000"] {
			assert!(text.parse::<Amount>().is_err(), "{text}");
		}
		assert!("999999999999999999999999999999".parse::<Amount>().is_err());
	}

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

	#[test]
	fn block_times_should_turn_times_into_blocks_and_back() {
		assert_eq!(BlockTime::from_millis(0), None);
		let fast = BlockTime::from_millis(1_000).unwrap();
		assert_eq!([fast.about(119), fast.about(120), BlockTime::DEFAULT.about(40)], ["about 119 s", "about 2 min", "about 2 min"]);
		assert_eq!(fast.about(BlockNumber::MAX), "about 49710 days");
		assert_eq!([fast.blocks(Duration::ZERO), fast.blocks(Duration::from_millis(1))], [0, 1]);
		assert_eq!(fast.blocks(Duration::MAX), BlockNumber::MAX);
	}

	proptest::proptest! {
		#[test]
		fn amounts_should_round_trip(planck in 0..u128::MAX / 2) {
			let shown = Amount(planck).to_string();
			let read: Amount = shown.trim_end_matches(" UNIT").parse().unwrap();
			proptest::prop_assert_eq!(read.0, planck);
		}

		#[test]
		fn any_text_should_be_read_without_panic(text: String) {
			let _ = text.parse::<Amount>();
			let _ = text.parse::<Expiry>();
		}
	}
}
