//! The escrow.

use super::money::StoragePrice;
use crate::{
	currency::{EXISTENTIAL_DEPOSIT, MILLIUNIT},
	parameters::{
		dynamic_params::pod_bounty::{ExclusiveWindow, MinDuration},
		Within, MAX_MIN_DURATION, MIN_PERIOD,
	},
	time::DAYS,
	AccountId, Balances, Firmware, Runtime, RuntimeHoldReason,
};
use frame_support::{
	parameter_types,
	traits::{fungible::HoldConsideration, ConstU128, ConstU32},
};
use pallet_pod_bounty::{GREATEST_EXCLUSIVE_WINDOW, LEAST_EXCLUSIVE_WINDOW};

parameter_types! {
	pub const StorageHold: RuntimeHoldReason = RuntimeHoldReason::PodBounty(pallet_pod_bounty::HoldReason::Storage);
}

impl pallet_pod_bounty::Config for Runtime {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Registry = Firmware;
	type BountyDeposit = HoldConsideration<AccountId, Balances, StorageHold, StoragePrice>;
	type AnnounceDeposit = HoldConsideration<AccountId, Balances, StorageHold, StoragePrice>;
	type ReservationDeposit = ConstU128<{ 2 * MILLIUNIT }>;
	type MinReward = ConstU128<EXISTENTIAL_DEPOSIT>;
	type MaxBatch = ConstU32<512>;
	type MinClosePages = ConstU32<64>;
	type ExclusiveWindow = Within<ExclusiveWindow, LEAST_EXCLUSIVE_WINDOW, GREATEST_EXCLUSIVE_WINDOW>;
	type MinDuration = Within<MinDuration, MIN_PERIOD, MAX_MIN_DURATION>;
	type MaxDuration = ConstU32<{ 90 * DAYS }>;
	type MaxEndpointLen = ConstU32<128>;
	type WeightInfo = pallet_pod_bounty::weights::SubstrateWeight<Runtime>;
}
