//! The registry.

use super::{money::StoragePrice, MAX_APPOINTED};
use crate::{
	parameters::{
		dynamic_params::firmware::{KeySetDelay, RecheckPeriod, RetryPeriod},
		MaxPeriod, MinPeriod, Within,
	},
	AccountId, Balances, Runtime, RuntimeHoldReason,
};
use frame_support::{
	parameter_types,
	traits::{fungible::HoldConsideration, ConstU32, ConstU64},
};

/// The largest payload, in bytes.
const MAX_PAYLOAD_SIZE: u64 = 64 * 1024 * 1024;

parameter_types! {
	pub const StorageHold: RuntimeHoldReason = RuntimeHoldReason::Firmware(pallet_firmware::HoldReason::Storage);
}

impl pallet_firmware::Config for Runtime {
	type Consideration = HoldConsideration<AccountId, Balances, StorageHold, StoragePrice>;
	type MaxAttesters = ConstU32<MAX_APPOINTED>;
	type MaxNameLen = ConstU32<64>;
	type MaxUrlLen = ConstU32<256>;
	type MaxSecurityStep = ConstU32<16>;
	type MaxPayloadSize = ConstU64<MAX_PAYLOAD_SIZE>;
	type RecheckPeriod = Within<RecheckPeriod, MinPeriod, MaxPeriod>;
	type RetryPeriod = Within<RetryPeriod, MinPeriod, MaxPeriod>;
	type KeySetDelay = Within<KeySetDelay, MinPeriod, MaxPeriod>;
	type WeightInfo = pallet_firmware::weights::SubstrateWeight<Runtime>;
}
