//! A runtime to test the pallet in.

use crate::{self as pallet_firmware, *};
use codec::{Decode, Encode};
use frame_support::{
	derive_impl,
	dispatch::GetDispatchInfo,
	parameter_types,
	traits::{fungible::HoldConsideration, LinearStoragePrice, OnGenesis},
	BoundedVec,
};
use frame_system::offchain::{CreateAuthorizedTransaction, CreateTransaction, CreateTransactionBase};
use sp_core::{ed25519, sr25519, ConstU32, ConstU64, Pair};
use sp_keystore::{testing::MemoryKeystore, Keystore, KeystoreExt};
use sp_runtime::{
	generic, impl_opaque_keys,
	testing::UintAuthorityId,
	traits::{Applyable, BlakeTwo256, Checkable, ConvertInto, OpaqueKeys},
	transaction_validity::{TransactionSource, TransactionValidityError, ValidTransaction},
	BuildStorage, DispatchError, DispatchResult,
};
use std::sync::Arc;
use waybill_primitives::{
	fleet::{FleetTree, MAX_CAP_NODES},
	Cid, DeviceKey, Digest, FleetId, Hash32, IndexedSignature, KeySet, KeySetStatement, ModelId, ReleaseId, ReleaseKey,
	ReleaseSignature, ReleaseStatement, Statement, Suite, Verdict, Version, VoteStatement,
};

pub type AccountId = u64;
pub type TxExtension = (frame_system::AuthorizeCall<Test>,);
pub type Header = generic::Header<u32, BlakeTwo256>;
pub type UncheckedExtrinsic = generic::UncheckedExtrinsic<AccountId, RuntimeCall, UintAuthorityId, TxExtension>;
pub type Block = generic::Block<Header, UncheckedExtrinsic>;

#[frame_support::runtime]
mod runtime {
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeFreezeReason,
		RuntimeHoldReason,
		RuntimeSlashReason,
		RuntimeLockId,
		RuntimeTask
	)]
	pub struct Test;

	#[runtime::pallet_index(0)]
	pub type System = frame_system::Pallet<Test>;

	#[runtime::pallet_index(1)]
	pub type Balances = pallet_balances::Pallet<Test>;

	#[runtime::pallet_index(2)]
	pub type Session = pallet_session::Pallet<Test>;

	#[runtime::pallet_index(3)]
	pub type Firmware = pallet_firmware::Pallet<Test>;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type AccountData = pallet_balances::AccountData<u64>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
}

impl_opaque_keys! {
	pub struct SessionKeys {
		pub attester: Firmware,
	}
}

parameter_types! {
	/// The validators of the next session.
	pub static NextValidators: Vec<AccountId> = VALIDATORS.to_vec();
	pub static RecheckPeriod: u32 = RECHECK;
	pub static RetryPeriod: u32 = RETRY;
	pub static KeySetDelay: u32 = DELAY;
}

pub struct Validators;
impl pallet_session::SessionManager<AccountId> for Validators {
	fn new_session(_: u32) -> Option<Vec<AccountId>> {
		Some(NextValidators::get())
	}
	fn end_session(_: u32) {}
	fn start_session(_: u32) {}
}

impl pallet_session::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type ValidatorId = AccountId;
	type ValidatorIdOf = ConvertInto;
	type ShouldEndSession = pallet_session::PeriodicSessions<ConstU32<10>, ConstU32<0>>;
	type NextSessionRotation = pallet_session::PeriodicSessions<ConstU32<10>, ConstU32<0>>;
	type SessionManager = Validators;
	type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
	type Keys = SessionKeys;
	type DisablingStrategy = ();
	type WeightInfo = ();
	type Currency = Balances;
	type KeyDeposit = ConstU64<0>;
}

parameter_types! {
	pub const StorageHold: RuntimeHoldReason = RuntimeHoldReason::Firmware(HoldReason::Storage);
}

impl Config for Test {
	type Consideration =
		HoldConsideration<AccountId, Balances, StorageHold, LinearStoragePrice<ConstU64<DEPOSIT_BASE>, ConstU64<1>, u64>>;
	type MaxAttesters = ConstU32<5>;
	type MaxNameLen = ConstU32<16>;
	type MaxUrlLen = ConstU32<32>;
	type MaxSecurityStep = ConstU32<16>;
	type MaxPayloadSize = ConstU64<MAX_PAYLOAD>;
	type RecheckPeriod = RecheckPeriod;
	type RetryPeriod = RetryPeriod;
	type KeySetDelay = KeySetDelay;
	type WeightInfo = crate::weights::SubstrateWeight<Test>;
}

impl<C> CreateTransactionBase<C> for Test
where
	RuntimeCall: From<C>,
{
	type Extrinsic = UncheckedExtrinsic;
	type RuntimeCall = RuntimeCall;
}

impl<C> CreateTransaction<C> for Test
where
	RuntimeCall: From<C>,
{
	type Extension = TxExtension;

	fn create_transaction(call: RuntimeCall, extension: TxExtension) -> UncheckedExtrinsic {
		UncheckedExtrinsic::new_transaction(call, extension)
	}
}

impl<C> CreateAuthorizedTransaction<C> for Test
where
	RuntimeCall: From<C>,
{
	fn create_extension() -> TxExtension {
		(frame_system::AuthorizeCall::new(),)
	}
}

pub const DEPOSIT_BASE: u64 = 100;
pub const FUNDS: u64 = 1_000_000;
pub const MAX_PAYLOAD: u64 = 4 * 1024 * 1024;
pub const RECHECK: u32 = 100;
pub const RETRY: u32 = 20;
pub const DELAY: u32 = 50;

pub const VENDOR: AccountId = 1;
pub const OTHER_VENDOR: AccountId = 2;
pub const ANYONE: AccountId = 3;
pub const POOR: AccountId = 4;
pub const VALIDATORS: [AccountId; 3] = [11, 12, 13];

/// The attester key of a validator.
pub fn attester_pair(validator: AccountId) -> sr25519::Pair {
	sr25519::Pair::from_string(&format!("//attester//{validator}"), None).unwrap()
}

pub fn attester(validator: AccountId) -> AttesterId {
	attester_pair(validator).public().into()
}

/// A chain with three validators, all attesters, at block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
	ext_with(&VALIDATORS)
}

pub fn ext_with(validators: &[AccountId]) -> sp_io::TestExternalities {
	NextValidators::set(validators.to_vec());
	RecheckPeriod::set(RECHECK);
	RetryPeriod::set(RETRY);
	KeySetDelay::set(DELAY);
	let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
	let rich = [VENDOR, OTHER_VENDOR, ANYONE].into_iter().chain(validators.iter().copied());
	pallet_balances::GenesisConfig::<Test> {
		balances: rich.map(|who| (who, FUNDS)).chain([(POOR, DEPOSIT_BASE)]).collect(),
		..Default::default()
	}
	.assimilate_storage(&mut storage)
	.unwrap();
	let keys = validators.iter().map(|who| (*who, *who, SessionKeys { attester: attester(*who) })).collect();
	pallet_session::GenesisConfig::<Test> { keys, ..Default::default() }.assimilate_storage(&mut storage).unwrap();

	let mut ext = sp_io::TestExternalities::new(storage);
	ext.register_extension(KeystoreExt::new(MemoryKeystore::new()));
	ext.execute_with(|| {
		AllPalletsWithSystem::on_genesis();
		System::set_block_number(1);
	});
	ext
}

/// A keystore with these validators' attester keys.
pub fn keystore(validators: &[AccountId]) -> KeystoreExt {
	let keystore = MemoryKeystore::new();
	for validator in validators {
		let seed = format!("//attester//{validator}");
		keystore.insert(KEY_TYPE, &seed, attester(*validator).as_ref()).unwrap();
	}
	KeystoreExt(Arc::new(keystore))
}

/// Runs `test` on a new chain, then checks the invariants.
pub fn build_and_execute(test: impl FnOnce()) {
	execute(new_test_ext(), test);
}

pub fn execute(mut ext: sp_io::TestExternalities, test: impl FnOnce()) {
	ext.execute_with(|| {
		test();
		check_invariants();
	});
}

/// Checks the storage, and that every account has on hold what its tickets add up to.
pub fn check_invariants() {
	Firmware::do_try_state().unwrap();
	let mut tickets = std::collections::BTreeMap::<AccountId, u64>::new();
	let mut add = |who: AccountId, ticket: &<Test as Config>::Consideration| {
		*tickets.entry(who).or_default() += u64::decode(&mut &ticket.encode()[..]).unwrap();
	};
	Vendors::<Test>::iter().for_each(|(who, vendor)| add(who, &vendor.ticket));
	Models::<Test>::iter_values().for_each(|model| add(model.vendor, &model.ticket));
	Fleets::<Test>::iter_values().for_each(|fleet| add(Models::<Test>::get(fleet.model).unwrap().vendor, &fleet.ticket));
	Releases::<Test>::iter_values().for_each(|release| add(release.vendor, &release.ticket));
	PendingKeySets::<Test>::iter_values().for_each(|pending| add(pending.rotation.submitter, &pending.rotation.ticket));
	KeySetSignatures::<Test>::iter_values().for_each(|rotation| add(rotation.submitter, &rotation.ticket));
	VetoedKeySets::<Test>::iter_values().for_each(|vetoed| add(vetoed.submitter, &vetoed.ticket));
	for who in [VENDOR, OTHER_VENDOR, ANYONE, POOR] {
		assert_eq!(held(who), tickets.get(&who).copied().unwrap_or_default());
	}
}

/// The deposit that an account has on hold.
pub fn held(who: AccountId) -> u64 {
	use frame_support::traits::fungible::InspectHold;
	Balances::balance_on_hold(&StorageHold::get(), &who)
}

pub fn events() -> Vec<Event<Test>> {
	System::read_events_for_pallet::<Event<Test>>()
}

/// Asserts that `call` fails with this error and changes nothing.
#[macro_export]
macro_rules! assert_refused {
	($call:expr, $error:expr $(,)?) => {
		frame_support::assert_noop!($call, $error)
	};
}

pub fn text<S: sp_core::Get<u32>>(text: impl AsRef<[u8]>) -> frame_support::BoundedVec<u8, S> {
	text.as_ref().to_vec().try_into().unwrap()
}

pub fn metadata(name: &str) -> VendorMetadata<Test> {
	VendorMetadata { name: text(name), url: text("https://acme.example"), security_contact: text("psirt@acme.example") }
}

/// The release key made from a seed.
pub fn release_pair(seed: u8) -> ed25519::Pair {
	ed25519::Pair::from_seed(&[seed; 32])
}

pub fn release_key(seed: u8) -> ReleaseKey {
	ReleaseKey::Ed25519(release_pair(seed).public().0)
}

pub fn key_set(threshold: u8, seeds: &[u8]) -> KeySet {
	KeySet { threshold, keys: seeds.iter().map(|seed| release_key(*seed)).collect::<Vec<_>>().try_into().unwrap() }
}

/// Signatures over a statement. Each signer is an index in the key set and the seed of the key that
/// signs.
pub fn signatures(statement: &impl Statement, signers: &[(u8, u8)]) -> Signatures {
	let message = statement.signing_bytes(&Firmware::genesis_hash());
	let sign = |(key, seed): &(u8, u8)| IndexedSignature {
		key: *key,
		signature: ReleaseSignature::Ed25519(release_pair(*seed).sign(&message).0),
	};
	signers.iter().map(sign).collect::<Vec<_>>().try_into().unwrap()
}

/// Registers a vendor with the keys of seeds 1, 2 and 3, two of which must sign.
pub fn register_vendor(vendor: AccountId) {
	Firmware::register_vendor(RuntimeOrigin::signed(vendor), metadata("Acme"), key_set(2, &[1, 2, 3])).unwrap();
}

/// Registers a model, and its vendor if need be.
pub fn register_model(vendor: AccountId) -> ModelId {
	if !Vendors::<Test>::contains_key(vendor) {
		register_vendor(vendor);
	}
	Firmware::register_model(RuntimeOrigin::signed(vendor), text("Router 9")).unwrap();
	NextModelId::<Test>::get() - 1
}

/// The statement that makes `key_set` follow a vendor's current one.
pub fn key_set_statement(vendor: AccountId, key_set: KeySet) -> KeySetStatement<AccountId> {
	let version = Vendors::<Test>::get(vendor).unwrap().key_set_version + 1;
	KeySetStatement { vendor, version, key_set }
}

/// Lets an account that is no vendor submit a key set with signatures by the current and the new
/// set.
pub fn rotate(vendor: AccountId, key_set: KeySet, old: &[(u8, u8)], new: &[(u8, u8)]) -> DispatchResult {
	let statement = key_set_statement(vendor, key_set.clone());
	let (old, new) = (signatures(&statement, old), signatures(&statement, new));
	Firmware::rotate_key_set(RuntimeOrigin::signed(ANYONE), vendor, key_set, old, new)
}

/// Goes to the first block in which the waiting key set can be adopted, and adopts it.
pub fn adopt(vendor: AccountId) {
	System::set_block_number(PendingKeySets::<Test>::get(vendor).unwrap().effective_at);
	Firmware::adopt_key_set(RuntimeOrigin::signed(ANYONE), vendor).unwrap();
}

pub fn register_fleet(vendor: AccountId, model: ModelId) -> FleetId {
	let cap = fleet_cap(25, 3);
	Firmware::register_fleet(RuntimeOrigin::signed(vendor), model, 25, cap, Cid::raw(b"manifest")).unwrap();
	NextFleetId::<Test>::get() - 1
}

/// The tree over `count` devices.
pub fn fleet_tree(count: u32) -> FleetTree {
	let keys: Vec<_> = (0..count).map(|i| DeviceKey::Ed25519(sp_io::hashing::blake2_256(&i.to_le_bytes()))).collect();
	FleetTree::new(&keys)
}

/// The cap at `height` of a fleet with `count` devices.
pub fn fleet_cap(count: u32, height: u32) -> BoundedVec<Hash32, ConstU32<MAX_CAP_NODES>> {
	fleet_tree(count).cap(height).to_vec().try_into().unwrap()
}

/// A statement on a payload that consists of a single block.
pub fn statement(model: ModelId, version: (u32, u32, u32), security_version: u32, payload: &[u8]) -> ReleaseStatement {
	let sha256 = sp_io::hashing::sha2_256(payload);
	ReleaseStatement {
		model,
		version: Version::new(version.0, version.1, version.2),
		security_version,
		payload: Cid::raw(payload),
		size: payload.len() as u64,
		sha256,
		digest: Digest { suite: Suite::Plain, bytes: sha256 },
	}
}

pub fn publish(statement: ReleaseStatement) -> Result<ReleaseId, DispatchError> {
	let vendor = Models::<Test>::get(statement.model).unwrap().vendor;
	let signatures = signatures(&statement, &[(0, 1), (2, 3)]);
	Firmware::publish_release(RuntimeOrigin::signed(vendor), statement, None, signatures)?;
	Ok(NextReleaseId::<Test>::get() - 1)
}

/// Publishes version 1.0.0 of model 0 as release 0.
pub fn published_release() -> ReleaseId {
	let model = register_model(VENDOR);
	publish(statement(model, (1, 0, 0), 0, b"firmware")).unwrap()
}

pub fn vote_call(validator: AccountId, release: ReleaseId, round: u32, verdict: Verdict) -> Call<Test> {
	let message = VoteStatement { release, round, verdict }.signing_bytes(&Firmware::genesis_hash());
	let signature = attester_pair(validator).sign(&message).into();
	Call::attest { attester: attester(validator), release, round, verdict, signature }
}

/// Validates a transaction as the pool does.
pub fn validate(xt: UncheckedExtrinsic) -> Result<ValidTransaction, TransactionValidityError> {
	let (info, len) = (xt.get_dispatch_info(), xt.encoded_size());
	let checked = xt.check(&frame_system::ChainContext::<Test>::default())?;
	checked.validate::<Test>(TransactionSource::External, &info, len)
}

/// Applies a transaction as a block does.
pub fn apply(xt: UncheckedExtrinsic) -> Result<DispatchResult, TransactionValidityError> {
	let (info, len) = (xt.get_dispatch_info(), xt.encoded_size());
	let checked = xt.check(&frame_system::ChainContext::<Test>::default())?;
	Ok(checked.apply::<Test>(&info, len)?.map(|_| ()).map_err(|error| error.error))
}

pub fn general(call: Call<Test>) -> UncheckedExtrinsic {
	<Test as CreateAuthorizedTransaction<Call<Test>>>::create_authorized_transaction(call.into())
}

/// Validates a validator's vote and applies it.
pub fn vote(
	validator: AccountId,
	release: ReleaseId,
	round: u32,
	verdict: Verdict,
) -> Result<DispatchResult, TransactionValidityError> {
	apply(general(vote_call(validator, release, round, verdict)))
}

pub fn state(release: ReleaseId) -> ReleaseState {
	Releases::<Test>::get(release).unwrap().state
}
