//! What an account may let another account do on its behalf.

use crate::RuntimeCall;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::InstanceFilter;
use scale_info::TypeInfo;

/// The calls that a proxy may make.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum ProxyType {
	/// Every call.
	#[default]
	#[codec(index = 0)]
	Any,
	/// Only publishing releases, for a vendor's build machine. The release keys must still sign
	/// each release.
	#[codec(index = 1)]
	ReleasePublishing,
}

impl InstanceFilter<RuntimeCall> for ProxyType {
	fn filter(&self, call: &RuntimeCall) -> bool {
		match self {
			Self::Any => true,
			Self::ReleasePublishing => {
				matches!(call, RuntimeCall::Firmware(pallet_firmware::Call::publish_release { .. }))
			},
		}
	}

	fn is_superset(&self, other: &Self) -> bool {
		match (self, other) {
			(Self::Any, _) | (Self::ReleasePublishing, Self::ReleasePublishing) => true,
			(Self::ReleasePublishing, Self::Any) => false,
		}
	}
}
