//! A runtime with balances and the escrow, a registry in its storage, and devices with real keys.

use crate::{self as pallet_pod_bounty, pallet::*, BalanceOf, SubmittedReceipt};
use frame_support::{
	derive_impl,
	pallet_prelude::ValueQuery,
	parameter_types, storage_alias,
	traits::{fungible::HoldConsideration, ConstU128, ConstU32, LinearStoragePrice},
	weights::{
		constants::{RocksDbWeight, WEIGHT_REF_TIME_PER_SECOND},
		Weight,
	},
	Twox64Concat,
};
use frame_system::limits::BlockWeights as Limits;
use sp_core::{ed25519, Pair, H256};
use sp_runtime::{
	traits::{Dispatchable, IdentityLookup},
	AccountId32, BuildStorage, DispatchError, DispatchResult, Perbill,
};
use std::sync::OnceLock;
use waybill_primitives::{
	fleet::{cap_height, depth, root_of_cap, Blake2b256, FleetTree, CAP_PAGE_NODES},
	BlockNumber, BountyId, DeviceIndex, DeviceKey, DeviceSignature, Digest, FleetId, FleetInfo, Hash32, Lock, LockKey,
	ReceiptStatement, Registry, ReleaseId, ReleaseInfo, ReservationId, Statement, Suite,
};

pub type AccountId = AccountId32;
pub type Balance = u128;

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
	pub type PodBounty = pallet_pod_bounty::Pallet<Test>;
}

parameter_types! {
	pub BlockWeights: Limits = Limits::with_sensible_defaults(
		Weight::from_parts(2 * WEIGHT_REF_TIME_PER_SECOND, u64::MAX),
		Perbill::from_percent(75),
	);
	pub const StorageReason: RuntimeHoldReason = RuntimeHoldReason::PodBounty(HoldReason::Storage);
	pub static MaxBatch: u32 = 32;
	pub static MinClosePages: u32 = 1;
	pub static MinReward: Balance = ED;
	pub static ReservationDeposit: Balance = 5;
	pub static ExclusiveWindow: BlockNumber = 10;
	pub static ShortestDuration: BlockNumber = MIN_DURATION;
	pub static StorageBase: Balance = 20;
	pub static StorageByte: Balance = 1;
	/// The pages of caps read so far.
	pub static CapReads: Vec<u32> = Vec::new();
}

/// The existential deposit.
pub const ED: Balance = 10;
pub const MAX_EXCLUSIVE_WINDOW: BlockNumber = 28_800;
pub const MIN_DURATION: BlockNumber = 20;
pub const MAX_DURATION: BlockNumber = 1000;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = frame_system::mocking::MockBlock<Test>;
	type BlockWeights = BlockWeights;
	type DbWeight = RocksDbWeight;
	type AccountId = AccountId;
	type Lookup = IdentityLookup<AccountId>;
	type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type Balance = Balance;
	type ExistentialDeposit = ConstU128<ED>;
	type AccountStore = System;
	type RuntimeHoldReason = RuntimeHoldReason;
	type RuntimeFreezeReason = RuntimeFreezeReason;
	type FreezeIdentifier = u8;
	type MaxFreezes = ConstU32<2>;
}

type StorageDeposit =
	HoldConsideration<AccountId, Balances, StorageReason, LinearStoragePrice<StorageBase, StorageByte, Balance>>;

impl Config for Test {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Registry = MockRegistry;
	type BountyDeposit = StorageDeposit;
	type AnnounceDeposit = StorageDeposit;
	type ReservationDeposit = ReservationDeposit;
	type MinReward = MinReward;
	type MaxBatch = MaxBatch;
	type MinClosePages = MinClosePages;
	type ExclusiveWindow = ExclusiveWindow;
	type MaxExclusiveWindow = ConstU32<MAX_EXCLUSIVE_WINDOW>;
	type MinDuration = ShortestDuration;
	type MaxDuration = ConstU32<MAX_DURATION>;
	type MaxEndpointLen = ConstU32<128>;
	type WeightInfo = crate::weights::SubstrateWeight<Test>;
}

/// A release in storage: vendor, model, digest, available, yanked.
type StoredRelease = (AccountId, u64, Digest, bool, bool);

#[storage_alias]
type Releases = StorageMap<MockRegistry, Twox64Concat, ReleaseId, StoredRelease>;
/// A fleet in storage: model, root, number of devices, height of the cap.
type StoredFleet = (u64, Hash32, u32, u32);

#[storage_alias]
type Fleets = StorageMap<MockRegistry, Twox64Concat, FleetId, StoredFleet>;
#[storage_alias]
type Caps = StorageDoubleMap<MockRegistry, Twox64Concat, FleetId, Twox64Concat, u32, Vec<Hash32>, ValueQuery>;
/// All device keys of a fleet, from which tests make proofs.
#[storage_alias]
type FleetKeys = StorageMap<MockRegistry, Twox64Concat, FleetId, Vec<DeviceKey>, ValueQuery>;
#[storage_alias]
type FleetUsers = StorageMap<MockRegistry, Twox64Concat, FleetId, u32, ValueQuery>;

/// The registry. It is in the storage under test, so a failed call leaves it unchanged too.
pub struct MockRegistry;

impl Registry<AccountId> for MockRegistry {
	fn release(id: ReleaseId) -> Option<ReleaseInfo<AccountId>> {
		let (vendor, model, digest, available, yanked) = Releases::get(id)?;
		Some(ReleaseInfo { vendor, model, digest, available, yanked })
	}

	fn fleet(id: FleetId) -> Option<FleetInfo> {
		let (model, root, count, cap_height) = Fleets::get(id)?;
		Some(FleetInfo { model, root, count, cap_height })
	}

	fn cap_page(id: FleetId, page: u32) -> Vec<Hash32> {
		CapReads::mutate(|reads| reads.push(page));
		Caps::get(id, page)
	}

	fn fleet_in_use(id: FleetId) {
		FleetUsers::mutate(id, |users| *users += 1);
	}

	fn fleet_released(id: FleetId) {
		FleetUsers::mutate(id, |users| *users = users.checked_sub(1).expect("released once for each use"));
	}

	fn users(id: FleetId) -> Option<u32> {
		Fleets::contains_key(id).then(|| FleetUsers::get(id))
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_release(vendor: &AccountId, digest: Digest, cap: Vec<Hash32>, count: u32) -> (ReleaseId, FleetId) {
		Releases::insert(0, (vendor, 0u64, digest, true, false));
		Self::add_fleet_of(0, 0, &cap, count);
		(0, 0)
	}
}

impl MockRegistry {
	pub fn add_release(id: ReleaseId, vendor: &AccountId, model: u64) {
		Releases::insert(id, (vendor.clone(), model, digest(id), true, false));
	}

	pub fn add_fleet(id: FleetId, model: u64, fleet: &Fleet) {
		Self::add_fleet_of(id, model, fleet.cap(), fleet.count());
		FleetKeys::insert(id, (0..fleet.count()).map(|index| fleet.key(index)).collect::<Vec<_>>());
	}

	/// Adds a fleet of which only the cap is known.
	pub fn add_fleet_of(id: FleetId, model: u64, cap: &[Hash32], count: u32) {
		let root = root_of_cap::<Blake2b256>(cap).expect("a cap has nodes");
		let height = cap_height(count, cap.len() as u32).unwrap_or_default();
		Fleets::insert(id, (model, root, count, height));
		for (page, nodes) in (0u32..).zip(cap.chunks(CAP_PAGE_NODES as usize)) {
			Caps::insert(id, page, nodes.to_vec());
		}
	}

	pub fn forget(release: ReleaseId, fleet: FleetId) {
		Releases::remove(release);
		Fleets::remove(fleet);
		let _ = Caps::clear_prefix(fleet, u32::MAX, None);
	}

	pub fn set_available(id: ReleaseId, value: bool) {
		Releases::mutate(id, |release| release.as_mut().expect("registered").3 = value);
	}

	pub fn yank(id: ReleaseId) {
		Releases::mutate(id, |release| release.as_mut().expect("registered").4 = true);
	}

	pub fn fleet_users(id: FleetId) -> u32 {
		FleetUsers::get(id)
	}

	pub fn set_fleet_users(id: FleetId, users: u32) {
		FleetUsers::insert(id, users);
	}
}

/// A release like release 0, but of the suite with proofs.
pub const PROVEN: ReleaseId = 3;

/// The digest of a release in the mock registry.
pub fn digest(release: ReleaseId) -> Digest {
	let suite = if release == PROVEN { Suite::Zkcp } else { Suite::Plain };
	Digest { suite, bytes: [release as u8 + 1; 32] }
}

/// Devices with their keys and the tree over them. The chain stores the level at `cap_height`.
pub struct Fleet {
	pub pairs: Vec<ed25519::Pair>,
	pub tree: FleetTree,
	pub cap_height: u32,
}

impl Fleet {
	/// A fleet whose cap has one node for four devices.
	pub fn new(seed: u8, count: u32) -> Self {
		Self::with_cap(seed, count, 2)
	}

	pub fn with_cap(seed: u8, count: u32, cap_height: u32) -> Self {
		let pair = |index: u32| {
			let mut bytes = [seed; 32];
			bytes[..4].copy_from_slice(&index.to_le_bytes());
			ed25519::Pair::from_seed(&bytes)
		};
		let pairs: Vec<_> = (0..count).map(pair).collect();
		let keys: Vec<_> = pairs.iter().map(|pair| DeviceKey::Ed25519(pair.public().0)).collect();
		Self { tree: FleetTree::new(&keys), pairs, cap_height: cap_height.min(depth(count)) }
	}

	pub fn count(&self) -> u32 {
		self.pairs.len() as u32
	}

	pub fn key(&self, index: DeviceIndex) -> DeviceKey {
		DeviceKey::Ed25519(self.pairs[index as usize].public().0)
	}

	pub fn cap(&self) -> &[Hash32] {
		self.tree.cap(self.cap_height)
	}

	/// The multiproof of these devices, which are in ascending order.
	pub fn proof(&self, indices: &[DeviceIndex]) -> Vec<H256> {
		let hashes = self.tree.multiproof(self.cap_height, indices).expect("in order and in the fleet");
		hashes.into_iter().map(H256).collect()
	}

	/// The device's signature over a statement.
	pub fn sign(&self, index: DeviceIndex, statement: &ReceiptStatement<AccountId>) -> DeviceSignature {
		let genesis = System::block_hash(0).0;
		DeviceSignature::Ed25519(self.pairs[index as usize].sign(&statement.signing_bytes(&genesis)).0)
	}

	/// A valid receipt over the lock of [`lock_key`].
	pub fn receipt(&self, bounty: BountyId, index: DeviceIndex, distributor: &AccountId) -> SubmittedReceipt {
		self.receipt_until(bounty, index, distributor, BlockNumber::MAX)
	}

	pub fn receipt_until(
		&self,
		bounty: BountyId,
		index: DeviceIndex,
		distributor: &AccountId,
		valid_until: BlockNumber,
	) -> SubmittedReceipt {
		self.receipt_with(bounty, index, distributor, lock(bounty, &lock_key(distributor, index)), valid_until)
	}

	pub fn receipt_with(
		&self,
		bounty: BountyId,
		index: DeviceIndex,
		distributor: &AccountId,
		lock: Lock,
		valid_until: BlockNumber,
	) -> SubmittedReceipt {
		let digest = digest_of(bounty);
		let statement =
			ReceiptStatement { bounty, device_index: index, digest, lock, distributor: distributor.clone(), valid_until };
		SubmittedReceipt {
			device_index: index,
			device_key: self.key(index),
			lock,
			valid_until,
			signature: self.sign(index, &statement),
			replaces: None,
		}
	}

	/// Valid receipts of these devices.
	pub fn receipts(
		&self,
		bounty: BountyId,
		indices: impl IntoIterator<Item = DeviceIndex>,
		distributor: &AccountId,
	) -> Vec<SubmittedReceipt> {
		indices.into_iter().map(|index| self.receipt(bounty, index, distributor)).collect()
	}
}

/// The digest of a bounty's release; release 0's if there is no such bounty.
fn digest_of(bounty: BountyId) -> Digest {
	Bounties::<Test>::get(bounty).map_or(digest(0), |bounty| bounty.digest)
}

/// The lock of a key under a bounty's suite.
pub fn lock(bounty: BountyId, key: &LockKey) -> Lock {
	digest_of(bounty).suite.lock(key).expect("a key of the suite")
}

/// The key that a distributor chose for a device. It is a valid key under every suite.
pub fn lock_key(distributor: &AccountId, index: DeviceIndex) -> LockKey {
	let mut key: LockKey = distributor.clone().into();
	key[..4].copy_from_slice(&index.to_le_bytes());
	key
}

/// The keys that a distributor chose for these devices.
pub fn keys(distributor: &AccountId, indices: impl IntoIterator<Item = DeviceIndex>) -> Vec<(DeviceIndex, LockKey)> {
	indices.into_iter().map(|index| (index, lock_key(distributor, index))).collect()
}

pub const fn account(seed: u8) -> AccountId {
	AccountId32::new([seed; 32])
}

pub const VENDOR: AccountId = account(1);
pub const OTHER_VENDOR: AccountId = account(2);
pub const ALICE: AccountId = account(3);
pub const BOB: AccountId = account(4);
pub const STRANGER: AccountId = account(9);
/// The money that each of the accounts above starts with.
pub const FUNDS: Balance = 1_000_000;

/// The fleet of release 0 and model 0, and of releases 1 and [`PROVEN`]. Release 2 is of the other
/// vendor's model 1, for [`other_fleet`] 1.
pub fn fleet() -> &'static Fleet {
	static FLEET: OnceLock<Fleet> = OnceLock::new();
	FLEET.get_or_init(|| Fleet::new(0, 40))
}

pub fn other_fleet() -> &'static Fleet {
	static FLEET: OnceLock<Fleet> = OnceLock::new();
	FLEET.get_or_init(|| Fleet::new(1, 3))
}

/// Resets the parameters that tests set on this thread.
pub fn reset_parameters() {
	MaxBatch::set(32);
	MinClosePages::set(1);
	MinReward::set(ED);
	ReservationDeposit::set(5);
	ExclusiveWindow::set(10);
	ShortestDuration::set(MIN_DURATION);
	StorageBase::set(20);
	StorageByte::set(1);
	CapReads::take();
}

/// The state in which tests start, at block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
	reset_parameters();
	let balances = [VENDOR, OTHER_VENDOR, ALICE, BOB, STRANGER].map(|who| (who, FUNDS)).to_vec();
	let genesis = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig { balances, ..Default::default() },
		..Default::default()
	};
	let mut ext = sp_io::TestExternalities::new(genesis.build_storage().expect("genesis is valid"));
	ext.execute_with(|| {
		System::set_block_number(1);
		MockRegistry::add_fleet(0, 0, fleet());
		MockRegistry::add_fleet(1, 1, other_fleet());
		MockRegistry::add_release(0, &VENDOR, 0);
		MockRegistry::add_release(1, &VENDOR, 0);
		MockRegistry::add_release(2, &OTHER_VENDOR, 1);
		MockRegistry::add_release(PROVEN, &VENDOR, 0);
	});
	ext
}

/// Runs a test and checks every invariant after it.
pub fn run(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		PodBounty::do_try_state().expect("the state is sound");
	});
}

/// Sends a call as a block would. A call that fails is undone as a whole.
pub fn send(who: &AccountId, call: Call<Test>) -> DispatchResult {
	let sent = RuntimeCall::PodBounty(call).dispatch(RuntimeOrigin::signed(who.clone()));
	sent.map(|_| ()).map_err(|error| error.error)
}

pub fn open(
	who: &AccountId,
	release: ReleaseId,
	fleet: FleetId,
	reward: Balance,
	expires_at: BlockNumber,
) -> DispatchResult {
	send(who, Call::open { release, fleet, reward, expires_at })
}

/// Opens bounty 0: release 0, [`fleet`] 0, a reward of 100 for each device, expiry at block 101.
pub fn open_default() -> BountyId {
	let id = NextBounty::<Test>::get();
	open(&VENDOR, 0, 0, 100, 101).expect("the vendor has the funds");
	id
}

/// Opens a bounty as [`open_default`] does, for the release [`PROVEN`].
pub fn open_proven() -> BountyId {
	let id = NextBounty::<Test>::get();
	open(&VENDOR, PROVEN, 0, 100, 101).expect("the vendor has the funds");
	id
}

pub fn raise(who: &AccountId, bounty: BountyId, reward: Balance, expires_at: BlockNumber) -> DispatchResult {
	send(who, Call::raise { bounty, reward, expires_at })
}

/// Reserves by receipts, with the proof for their devices.
pub fn reserve(who: &AccountId, bounty: BountyId, receipts: Vec<SubmittedReceipt>) -> DispatchResult {
	let proof = proof_of(bounty, &receipts);
	reserve_with(who, bounty, receipts, proof)
}

/// Reserves by receipts, with any proof.
pub fn reserve_with(who: &AccountId, bounty: BountyId, receipts: Vec<SubmittedReceipt>, proof: Vec<H256>) -> DispatchResult {
	let (receipts, proof) = (receipts.try_into().expect("a batch"), proof.try_into().expect("a proof"));
	send(who, Call::reserve { bounty, receipts, proof })
}

/// The multiproof of the receipts that are in order and of devices that exist.
pub fn proof_of(bounty: BountyId, receipts: &[SubmittedReceipt]) -> Vec<H256> {
	let fleet = Bounties::<Test>::get(bounty).map_or(0, |bounty| bounty.fleet);
	let (keys, height) = (FleetKeys::get(fleet), MockRegistry::fleet(fleet).map_or(0, |fleet| fleet.cap_height));
	let mut indices: Vec<DeviceIndex> = Vec::new();
	for index in receipts.iter().map(|receipt| receipt.device_index) {
		if (index as usize) < keys.len() && indices.last().is_none_or(|last| *last < index) {
			indices.push(index);
		}
	}
	let hashes = FleetTree::new(&keys).multiproof(height, &indices).expect("in order and in the fleet");
	hashes.into_iter().map(H256).collect()
}

/// Reserves devices of [`fleet`] with valid receipts and returns the reservation's id.
pub fn reserve_devices(who: &AccountId, bounty: BountyId, indices: impl IntoIterator<Item = DeviceIndex>) -> ReservationId {
	let number = Bounties::<Test>::get(bounty).expect("opened").next_reservation;
	reserve(who, bounty, fleet().receipts(bounty, indices, who)).expect("the receipts hold");
	number
}

pub fn claim(
	who: &AccountId,
	bounty: BountyId,
	reservation: ReservationId,
	keys: Vec<(DeviceIndex, LockKey)>,
) -> DispatchResult {
	send(who, Call::claim { bounty, reservation, keys: keys.try_into().expect("a batch") })
}

pub fn close(bounty: BountyId, max_pages: u32) -> DispatchResult {
	send(&STRANGER, Call::close { bounty, max_pages })
}

pub fn set_block(number: BlockNumber) {
	System::set_block_number(number.into());
}

pub fn free(who: &AccountId) -> BalanceOf<Test> {
	Balances::free_balance(who)
}

pub fn held(reason: HoldReason, who: &AccountId) -> BalanceOf<Test> {
	use frame_support::traits::fungible::InspectHold;
	Balances::balance_on_hold(&reason.into(), who)
}

/// The escrow's events so far.
pub fn events() -> Vec<Event<Test>> {
	let own = |record: frame_system::EventRecord<RuntimeEvent, H256>| match record.event {
		RuntimeEvent::PodBounty(event) => Some(event),
		_ => None,
	};
	System::events().into_iter().filter_map(own).collect()
}

/// Asserts that a call fails with this error and changes nothing.
pub fn assert_refused(call: impl FnOnce() -> DispatchResult, error: impl Into<DispatchError>) {
	frame_support::assert_noop!(call(), error.into());
}

/// The state in which benchmarks start, with a keystore that signs receipts.
#[cfg(feature = "runtime-benchmarks")]
pub fn benchmark_ext() -> sp_io::TestExternalities {
	let mut ext = new_test_ext();
	ext.register_extension(sp_keystore::KeystoreExt::new(sp_keystore::testing::MemoryKeystore::new()));
	ext
}
