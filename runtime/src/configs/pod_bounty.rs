//! The escrow.

use super::money::StoragePrice;
use crate::{
	currency::{EXISTENTIAL_DEPOSIT, MILLIUNIT},
	parameters::{
		dynamic_params::pod_bounty::{ExclusiveWindow, MinDuration},
		MaxMinDuration, MinPeriod, Within,
	},
	slot::Blocks,
	time::DAY,
	AccountId, Balances, BlockNumber, Firmware, Runtime, RuntimeHoldReason,
};
use frame_support::{
	parameter_types,
	traits::{fungible::HoldConsideration, ConstU128, ConstU32, Get},
};
use pallet_pod_bounty::LEAST_EXCLUSIVE_WINDOW;
use waybill_primitives::view::MAX_ENDPOINT_LEN;

/// The longest exclusive window.
type MaxExclusiveWindow = Blocks<DAY>;

/// The shortest exclusive window. A claim needs some time to get into a block, however short the
/// slots are.
pub struct MinExclusiveWindow;

impl Get<BlockNumber> for MinExclusiveWindow {
	fn get() -> BlockNumber {
		<Blocks<30> as Get<BlockNumber>>::get().max(LEAST_EXCLUSIVE_WINDOW)
	}
}

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
	type MaxExclusiveWindow = MaxExclusiveWindow;
	type ExclusiveWindow = Within<ExclusiveWindow, MinExclusiveWindow, MaxExclusiveWindow>;
	type MinDuration = Within<MinDuration, MinPeriod, MaxMinDuration>;
	type MaxDuration = Blocks<{ 90 * DAY }>;
	type MaxEndpointLen = ConstU32<MAX_ENDPOINT_LEN>;
	type WeightInfo = pallet_pod_bounty::weights::SubstrateWeight<Runtime>;
}
