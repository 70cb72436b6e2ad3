//! What became of an update on a device, as the device records and reports it.

use crate::Hash32;
use codec::{Decode, DecodeWithMemTracking, Encode, EncodeLike, Error, Input, MaxEncodedLen, Output};
use core::fmt;
use scale_info::{Type, TypeInfo};

/// How the trial of a release ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum UpdateOutcome {
	/// The new version runs and has proven itself.
	#[codec(index = 0)]
	Confirmed,
	/// The new version ran and did not prove itself. The device went back to the version before.
	#[codec(index = 1)]
	RolledBack,
	/// The new version could not be made to run. The device has the version before.
	#[codec(index = 2)]
	InstallFailed,
	/// The installer says that the image is not for this device. The device has the version before.
	#[codec(index = 3)]
	Incompatible,
}

impl fmt::Display for UpdateOutcome {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::Confirmed => "confirmed",
			Self::RolledBack => "rolled back",
			Self::InstallFailed => "installation failed",
			Self::Incompatible => "incompatible",
		})
	}
}

/// Why a trial ended as it did. Its encoding is a `u16` code.
///
/// Codes from 0x0100 carry an exit status of a program of the device's maker in their low byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(from = "u16", into = "u16"))]
pub enum UpdateReason {
	/// 0x0000: there is nothing to explain.
	None,
	/// 0x0001: the device started too often without a confirmation.
	BootLimit,
	/// 0x0002: no confirmation came in time.
	TimeLimit,
	/// 0x0003: somebody asked for it at the device.
	ByHand,
	/// 0x0004: the vendor yanked the release before it was installed.
	Yanked,
	/// 0x0005: the installer ended by a signal, by its time limit, or could not be run.
	InstallerStopped,
	/// 0x0006: the health check ended by a signal, by its time limit, or could not be run.
	HealthStopped,
	/// 0x0007: the version before is damaged or cannot be made to run, so the device could not go
	/// back.
	NoWayBack,
	/// 0x0100 + n: the installer failed with exit status n.
	Installer(u8),
	/// 0x0200 + n: the health check failed with exit status n.
	Unhealthy(u8),
	/// A code that this version does not know.
	Other(u16),
}

/// The codes without an exit status.
const PLAIN: [(u16, UpdateReason); 8] = [
	(0, UpdateReason::None),
	(1, UpdateReason::BootLimit),
	(2, UpdateReason::TimeLimit),
	(3, UpdateReason::ByHand),
	(4, UpdateReason::Yanked),
	(5, UpdateReason::InstallerStopped),
	(6, UpdateReason::HealthStopped),
	(7, UpdateReason::NoWayBack),
];
const INSTALLER: u8 = 1;
const UNHEALTHY: u8 = 2;

impl From<u16> for UpdateReason {
	fn from(code: u16) -> Self {
		let [status, kind] = code.to_le_bytes();
		match kind {
			INSTALLER => Self::Installer(status),
			UNHEALTHY => Self::Unhealthy(status),
			_ => PLAIN.iter().find(|(plain, _)| *plain == code).map_or(Self::Other(code), |(_, reason)| *reason),
		}
	}
}

impl From<UpdateReason> for u16 {
	fn from(reason: UpdateReason) -> Self {
		match reason {
			UpdateReason::Installer(status) => Self::from_le_bytes([status, INSTALLER]),
			UpdateReason::Unhealthy(status) => Self::from_le_bytes([status, UNHEALTHY]),
			UpdateReason::Other(code) => code,
			_ => PLAIN.iter().find(|(_, plain)| *plain == reason).map_or(0, |(code, _)| *code),
		}
	}
}

impl Encode for UpdateReason {
	fn size_hint(&self) -> usize {
		2
	}

	fn encode_to<T: Output + ?Sized>(&self, dest: &mut T) {
		u16::from(*self).encode_to(dest);
	}
}

impl EncodeLike for UpdateReason {}
impl DecodeWithMemTracking for UpdateReason {}

impl Decode for UpdateReason {
	fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
		u16::decode(input).map(Self::from)
	}
}

impl MaxEncodedLen for UpdateReason {
	fn max_encoded_len() -> usize {
		u16::max_encoded_len()
	}
}

impl TypeInfo for UpdateReason {
	type Identity = u16;

	fn type_info() -> Type {
		u16::type_info()
	}
}

impl fmt::Display for UpdateReason {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::None => f.write_str("no reason"),
			Self::BootLimit => f.write_str("it started too often without a confirmation"),
			Self::TimeLimit => f.write_str("no confirmation came in time"),
			Self::ByHand => f.write_str("somebody asked for it"),
			Self::Yanked => f.write_str("the vendor yanked the release"),
			Self::InstallerStopped => f.write_str("the hook was stopped or cannot be run"),
			Self::HealthStopped => f.write_str("the health check was stopped or cannot be run"),
			Self::NoWayBack => f.write_str("the version before cannot be used any more"),
			Self::Installer(status) => write!(f, "the hook failed with exit status {status}"),
			Self::Unhealthy(status) => write!(f, "the health check failed with exit status {status}"),
			Self::Other(code) => write!(f, "reason {code:#06x}"),
		}
	}
}

/// What became of an update: the part of a device's report that its trial decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct UpdateResult {
	/// How the trial ended.
	pub outcome: UpdateOutcome,
	/// Why.
	pub reason: UpdateReason,
	/// How often the device tried to run the new version: its boots, and its installer's runs that
	/// broke off.
	pub boots: u8,
	/// The SHA-256 of what the health check printed when it ran last, if there is one.
	pub health: Option<Hash32>,
}

#[cfg(test)]
mod tests {
	use super::*;
	use hex_literal::hex;

	#[test]
	fn every_code_should_round_trip() {
		for code in 0..=u16::MAX {
			let reason = UpdateReason::from(code);
			assert_eq!(u16::from(reason), code);
			assert_eq!(reason.encode(), code.to_le_bytes());
			assert_eq!(UpdateReason::decode(&mut &code.to_le_bytes()[..]), Ok(reason));
			assert_eq!(matches!(reason, UpdateReason::Other(_)), (8..0x100).contains(&code) || code >= 0x300);
		}
		assert_eq!(UpdateReason::max_encoded_len(), 2);
	}

	#[test]
	fn results_should_have_one_layout() {
		let confirmed = UpdateResult {
			outcome: UpdateOutcome::Confirmed,
			reason: UpdateReason::None,
			boots: 1,
			health: Some([0xab; 32]),
		};
		let bytes = [&hex!("00 0000 01 01")[..], &[0xab; 32]].concat();
		assert_eq!(confirmed.encode(), bytes);
		let back =
			UpdateResult { outcome: UpdateOutcome::RolledBack, reason: UpdateReason::Unhealthy(3), boots: 2, health: None };
		assert_eq!(back.encode(), hex!("01 0302 02 00"));
		for (result, bytes) in [(confirmed, bytes), (back, back.encode())] {
			assert_eq!(UpdateResult::decode(&mut &bytes[..]), Ok(result));
		}
		for (outcome, byte) in [(UpdateOutcome::InstallFailed, 2), (UpdateOutcome::Incompatible, 3)] {
			assert_eq!(outcome.encode(), [byte]);
		}
		assert!(UpdateOutcome::decode(&mut &[4][..]).is_err());
	}
}
