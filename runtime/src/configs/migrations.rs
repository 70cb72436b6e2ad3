//! What a new runtime does to the state of the old one, over several blocks. No transaction gets in before it is done.
//!
//! These blocks count: exclusive windows pass, receipts and bounties expire, and nothing can be claimed meanwhile. The migrations of an
//! upgrade take a tenth of the exclusive window at most: 60 blocks of the 600 that it has unless root sets another. What takes longer
//! is split over several upgrades.

use super::system::RuntimeBlockWeights;
use crate::{Runtime, RuntimeEvent};
use frame_support::{migrations::ForceUnstuckOnFailedMigration, parameter_types, traits::ConstU32, weights::Weight};
use sp_runtime::Perbill;

/// The migrations that are in this runtime, from the oldest to the newest.
#[cfg(not(feature = "runtime-benchmarks"))]
pub type MultiBlockMigrations = (pallet_firmware::migrations::v2::AddFleetCaps<Runtime>,);
#[cfg(feature = "runtime-benchmarks")]
pub type MultiBlockMigrations = pallet_migrations::mock_helpers::MockedMigrations;

parameter_types! {
	pub MaxServiceWeight: Weight = Perbill::from_percent(75) * RuntimeBlockWeights::get().max_block;
}

impl pallet_migrations::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type Migrations = MultiBlockMigrations;
	type CursorMaxLen = ConstU32<65_536>;
	type IdentifierMaxLen = ConstU32<256>;
	type MigrationStatusHandler = ();
	// A chain that took no transactions could not be repaired, and reservations would expire unclaimed.
	type FailedMigrationHandler = ForceUnstuckOnFailedMigration;
	type MaxServiceWeight = MaxServiceWeight;
	type WeightInfo = pallet_migrations::weights::SubstrateWeight<Runtime>;
}
