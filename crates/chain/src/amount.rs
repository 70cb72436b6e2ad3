//! Amounts of the chain's currency.

use codec::{Decode, Encode};
use serde::{Serialize, Serializer};
use std::{fmt, str::FromStr};

/// The smallest units in one UNIT.
pub const UNIT: u128 = 1_000_000_000_000;
const DECIMALS: usize = 12;

/// An amount in the chain's smallest units.
///
/// `Display` and `FromStr` use UNIT (`1.5`). JSON has a string of the smallest units, which is
/// exact in every language.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Encode, Decode)]
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

#[cfg(test)]
mod tests {
	use super::*;

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
		}
	}
}
