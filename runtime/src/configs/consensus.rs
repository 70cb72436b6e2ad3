//! Block authors, sessions and finality.

use crate::{
	currency::deposit,
	session::{Appointments, Collators, KickThreshold, SessionLength},
	slot::{Blocks, SlotDuration},
	time::HOUR,
	AccountId, Aura, Balance, Balances, CollatorSelection, Runtime, RuntimeEvent, Session, SessionKeys, Voters,
};
use frame_support::{
	parameter_types,
	traits::{ConstBool, ConstU32, ConstU64},
	PalletId,
};
use frame_system::EnsureRoot;
use pallet_collator_selection::IdentityCollator;
use pallet_session::{FindAccountFromAuthorIndex, PeriodicSessions};
use pallet_voters::OnRecord;
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_runtime::traits::OpaqueKeys;

/// The largest number of appointed collators.
pub const MAX_APPOINTED: u32 = 20;
/// The largest number of collators that joined by a bond.
pub const MAX_CANDIDATES: u32 = 80;

parameter_types! {
	pub const PotId: PalletId = PalletId(*b"wb/autho");
	/// The deposit for a collator's session keys and, for each key, the record of its owner.
	pub const KeyDeposit: Balance = deposit(4, 4 * 100);
}

impl pallet_authorship::Config for Runtime {
	type FindAuthor = FindAccountFromAuthorIndex<Self, Aura>;
	type EventHandler = CollatorSelection;
}

impl pallet_collator_selection::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type Currency = Balances;
	type UpdateOrigin = EnsureRoot<AccountId>;
	type PotId = PotId;
	type MaxCandidates = ConstU32<MAX_CANDIDATES>;
	type MinEligibleCollators = ConstU32<1>;
	type MaxInvulnerables = ConstU32<MAX_APPOINTED>;
	type KickThreshold = KickThreshold;
	type ValidatorId = AccountId;
	type ValidatorIdOf = IdentityCollator;
	type ValidatorRegistration = Session;
	type WeightInfo = pallet_collator_selection::weights::SubstrateWeight<Runtime>;
}

impl pallet_session::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type ValidatorId = AccountId;
	type ValidatorIdOf = IdentityCollator;
	type ShouldEndSession = PeriodicSessions<SessionLength, ConstU32<0>>;
	type NextSessionRotation = PeriodicSessions<SessionLength, ConstU32<0>>;
	type SessionManager = Collators;
	type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
	type Keys = SessionKeys;
	type DisablingStrategy = ();
	type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
	type Currency = Balances;
	type KeyDeposit = KeyDeposit;
}

impl pallet_aura::Config for Runtime {
	type AuthorityId = AuraId;
	type MaxAuthorities = ConstU32<{ MAX_APPOINTED + MAX_CANDIDATES }>;
	type DisabledValidators = Session;
	type AllowMultipleBlocksPerSlot = ConstBool<false>;
	type SlotDuration = SlotDuration;
}

impl pallet_grandpa::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = ();
	type MaxAuthorities = ConstU32<MAX_APPOINTED>;
	type MaxNominators = ConstU32<0>;
	// Unused: `Voters` keeps the sets, so nobody asks in which sessions a set voted.
	type MaxSetIdSessionEntries = ConstU64<0>;
	type KeyOwnerProof = KeyOwnerProof;
	type EquivocationReportSystem = Voters;
}

/// Shows that a voter's key is on record.
pub type KeyOwnerProof = OnRecord<ConstU32<MAX_APPOINTED>>;

impl pallet_voters::Config for Runtime {
	type Appointments = Appointments;
	type ReportLifetime = Blocks<HOUR>;
}

#[cfg(feature = "runtime-benchmarks")]
impl cumulus_pallet_session_benchmarking::Config for Runtime {
	fn generate_session_keys_and_proof(owner: AccountId) -> (SessionKeys, alloc::vec::Vec<u8>) {
		use codec::Encode;
		let generated = SessionKeys::generate(&owner.encode(), None);
		(generated.keys, generated.proof.encode())
	}
}
