//! Firmware versions.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::{fmt, str::FromStr};
use scale_info::TypeInfo;

/// The version of a release, ordered by its three numbers as in Semantic Versioning.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Version {
	/// Incompatible changes.
	pub major: u32,
	/// Added features.
	pub minor: u32,
	/// Repairs.
	pub patch: u32,
}

impl Version {
	/// The version `major.minor.patch`.
	pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
		Self { major, minor, patch }
	}
}

impl fmt::Display for Version {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
	}
}

/// The text is not three numbers without leading zeros, joined by dots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VersionParseError;

impl fmt::Display for VersionParseError {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str("not a version; write three numbers, such as 1.0.2")
	}
}

impl core::error::Error for VersionParseError {}

impl FromStr for Version {
	type Err = VersionParseError;

	fn from_str(text: &str) -> Result<Self, VersionParseError> {
		let mut parts = text.split('.').map(|part| {
			let plain = part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
			plain.then(|| part.parse::<u32>().ok()).flatten().ok_or(VersionParseError)
		});
		let mut next = || parts.next().ok_or(VersionParseError)?;
		let version = Self::new(next()?, next()?, next()?);
		match parts.next() {
			None => Ok(version),
			Some(_) => Err(VersionParseError),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use alloc::string::ToString;

	#[test]
	fn versions_should_order_and_round_trip() {
		assert!(Version::new(1, 0, 10) > Version::new(1, 0, 9));
		assert!(Version::new(2, 0, 0) > Version::new(1, 99, 99));
		assert_eq!("1.20.3".parse(), Ok(Version::new(1, 20, 3)));
		assert_eq!(Version::new(1, 20, 3).to_string(), "1.20.3");
	}

	#[test]
	fn other_texts_should_be_refused() {
		for text in ["", "1", "1.2", "1.2.3.4", "1.2.x", "01.2.3", "+1.2.3", "1.2.-3", "1.2.4294967296", "v1.2.3", "1..3"] {
			assert_eq!(text.parse::<Version>(), Err(VersionParseError), "{text}");
		}
	}
}
