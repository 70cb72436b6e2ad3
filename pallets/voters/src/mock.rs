//! A chain with sessions and GRANDPA. The tests set its validators and appointments.

use crate::{self as pallet_voters, Appointments, OnRecord};
use core::cell::RefCell;
use frame_support::{
	derive_impl, parameter_types,
	traits::{ConstU32, ConstU64, OneSessionHandler},
};
use pallet_session::{SessionManager, ShouldEndSession};
use sp_consensus_grandpa::AuthorityId;
use sp_core::H256;
use sp_keyring::Ed25519Keyring;
use sp_runtime::{impl_opaque_keys, traits::ConvertInto, BuildStorage};
use sp_staking::SessionIndex;

/// The largest number of voters in a set.
pub const MAX_VOTERS: u32 = 3;
/// The number of blocks for which a report waits.
pub const REPORT_LIFETIME: u64 = 100;

pub type AccountId = u64;
type Block = frame_system::mocking::MockBlock<Test>;
pub type Extrinsic = frame_system::mocking::MockUncheckedExtrinsic<Test>;
pub type Proof = sp_consensus_grandpa::EquivocationProof<H256, u64>;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Session: pallet_session,
		Grandpa: pallet_grandpa,
		Voters: pallet_voters,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type AccountData = pallet_balances::AccountData<u64>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
}

impl<Call> frame_system::offchain::CreateTransactionBase<Call> for Test
where
	RuntimeCall: From<Call>,
{
	type RuntimeCall = RuntimeCall;
	type Extrinsic = Extrinsic;
}

impl<Call> frame_system::offchain::CreateBare<Call> for Test
where
	RuntimeCall: From<Call>,
{
	fn create_bare(call: RuntimeCall) -> Extrinsic {
		Extrinsic::new_bare(call)
	}
}

impl_opaque_keys! {
	pub struct SessionKeys {
		pub grandpa: Voters,
	}
}

thread_local! {
	/// The validators from the next session on; `None` if the current ones stay.
	static NEXT: RefCell<Option<Vec<AccountId>>> = const { RefCell::new(None) };
	/// The appointed accounts.
	static APPOINTED: RefCell<Vec<AccountId>> = const { RefCell::new(Vec::new()) };
}

/// Ends a session with every block.
pub struct EachBlock;

impl ShouldEndSession<u64> for EachBlock {
	fn should_end_session(_: u64) -> bool {
		true
	}
}

pub struct Manager;

impl SessionManager<AccountId> for Manager {
	fn new_session(_: SessionIndex) -> Option<Vec<AccountId>> {
		NEXT.with_borrow_mut(Option::take)
	}

	fn start_session(_: SessionIndex) {}

	fn end_session(_: SessionIndex) {}
}

parameter_types! {
	pub const KeyDeposit: u64 = 0;
}

impl pallet_session::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type ValidatorId = AccountId;
	type ValidatorIdOf = ConvertInto;
	type ShouldEndSession = EachBlock;
	type NextSessionRotation = ();
	type SessionManager = Manager;
	type SessionHandler = (Voters,);
	type Keys = SessionKeys;
	type DisablingStrategy = ();
	type WeightInfo = ();
	type Currency = Balances;
	type KeyDeposit = KeyDeposit;
}

impl pallet_grandpa::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = ();
	type MaxAuthorities = ConstU32<MAX_VOTERS>;
	type MaxNominators = ConstU32<0>;
	type MaxSetIdSessionEntries = ConstU64<0>;
	type KeyOwnerProof = OnRecord<ConstU32<MAX_VOTERS>>;
	type EquivocationReportSystem = Voters;
}

pub struct Appointed;

impl Appointments<AccountId> for Appointed {
	fn end(who: &AccountId) -> bool {
		APPOINTED.with_borrow_mut(|appointed| {
			let may = appointed.len() > 1 && appointed.contains(who);
			if may {
				appointed.retain(|other| other != who);
			}
			may
		})
	}
}

impl pallet_voters::Config for Test {
	type Appointments = Appointed;
	type ReportLifetime = ConstU64<REPORT_LIFETIME>;
}

/// The accounts of the tests. Each has the key with the same number.
pub const ALICE: AccountId = 1;
pub const BOB: AccountId = 2;
pub const CHARLIE: AccountId = 3;

/// The key pair of an account.
pub fn pair(who: AccountId) -> Ed25519Keyring {
	match who {
		ALICE => Ed25519Keyring::Alice,
		BOB => Ed25519Keyring::Bob,
		_ => Ed25519Keyring::Charlie,
	}
}

/// The key of an account.
pub fn key(who: AccountId) -> AuthorityId {
	pair(who).public().into()
}

/// The appointed accounts.
pub fn appointed() -> Vec<AccountId> {
	APPOINTED.with_borrow(Clone::clone)
}

/// Sets the appointed accounts.
pub fn appoint(accounts: &[AccountId]) {
	APPOINTED.set(accounts.to_vec());
}

/// Makes these accounts the voters of a new set.
pub fn next_set(accounts: &[AccountId]) {
	let voters: Vec<_> = accounts.iter().map(|who| (who, key(*who))).collect();
	<Voters as OneSessionHandler<AccountId>>::on_new_session(true, voters.clone().into_iter(), voters.into_iter());
	let number = System::block_number() + 1;
	System::set_block_number(number);
	<Grandpa as frame_support::traits::OnFinalize<u64>>::on_finalize(number - 1);
	System::reset_events();
}

/// Runs a test on a chain whose first voters are Alice and Bob, then checks the invariants.
pub fn test(run: impl FnOnce()) {
	let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
	let keys = [ALICE, BOB].map(|who| (who, who, SessionKeys { grandpa: key(who) })).to_vec();
	NEXT.set(None);
	appoint(&[ALICE, BOB]);
	pallet_session::GenesisConfig::<Test> { keys, ..Default::default() }.assimilate_storage(&mut storage).unwrap();
	let mut chain = sp_io::TestExternalities::new(storage);
	chain.execute_with(|| {
		System::set_block_number(1);
		run();
		#[cfg(feature = "try-runtime")]
		Voters::do_try_state().unwrap();
	});
}
