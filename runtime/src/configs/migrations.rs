//! Migrations of the state at a runtime upgrade, over several blocks. No transaction gets in before
//! they are done.
//!
//! Meanwhile time passes in blocks as usual: exclusive windows pass, receipts and bounties expire,
//! and nobody can claim. The migrations of one upgrade may therefore take at most a tenth of the
//! exclusive window: 60 blocks of the 600 that it has by default. What takes longer is split over
//! several upgrades.

use super::system::RuntimeBlockWeights;
use crate::{Runtime, RuntimeEvent};
use frame_support::{migrations::ForceUnstuckOnFailedMigration, parameter_types, traits::ConstU32, weights::Weight};
use sp_runtime::Perbill;

/// The migrations in this runtime, from the oldest to the newest.
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
	// A chain that took no transactions could not be repaired, and reservations would lapse
	// unclaimed.
	type FailedMigrationHandler = ForceUnstuckOnFailedMigration;
	type MaxServiceWeight = MaxServiceWeight;
	type WeightInfo = pallet_migrations::weights::SubstrateWeight<Runtime>;
}
