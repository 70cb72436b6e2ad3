//! Benchmarks of every call.
//!
//! In the benchmarks of `reserve` and `claim` a batch lies on one page and under one node of the
//! cap. Further pages, the hashes of its proof and replaced reservations vary independently, so
//! they have benchmarks of their own. The fleet has the largest size, and the suite is the one with
//! the slowest lock hash.

use crate::{
	bitmap::Pages,
	members::{Cap, MAX_CAP_PAGES},
	pallet::*,
	replace::Replacements,
	*,
};
use alloc::{vec, vec::Vec};
use codec::Encode;
use frame_benchmarking::v2::*;
use frame_support::{
	traits::{
		fungible::{Inspect, Mutate, MutateHold},
		Consideration, Get,
	},
	BoundedVec,
};
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use sp_core::{crypto::KeyTypeId, ed25519, Hasher, H256};
use sp_runtime::traits::{BlakeTwo256, Zero};
use waybill_primitives::{
	fleet, BountyId, DeviceIndex, DeviceKey, DeviceSignature, Digest, FleetId, Hash32, Lock, LockKey, ReceiptStatement,
	Registry, ReleaseId, ReservationId, Statement, Suite,
};

const KEY_TYPE: KeyTypeId = KeyTypeId(*b"wbbm");
const DIGEST: Digest = Digest { suite: Suite::Zkcp, bytes: [7; 32] };
/// The largest number of devices.
const COUNT: u32 = u32::MAX;

/// The usual height of the cap for this number of devices.
fn cap_height() -> u32 {
	fleet::usual_cap_height(COUNT)
}

/// The cap over [`COUNT`] devices and the proof of the first `devices` of them, which have this
/// key. The hashes of all other devices are zero.
fn tree(devices: u32, key: &DeviceKey) -> (Vec<Hash32>, Vec<H256>) {
	let mut level: Vec<_> = (0..devices).map(|index| BlakeTwo256::hash(&fleet::leaf(index, key))).collect();
	let mut proof = vec![];
	for _ in 0..cap_height() {
		if level.len() % 2 == 1 {
			level.push(H256::zero());
			proof.push(H256::zero());
		}
		level = level.chunks(2).map(|pair| BlakeTwo256::hash(&[pair[0].0, pair[1].0].concat())).collect();
	}
	level.resize(fleet::level_width(COUNT, cap_height()) as usize, H256::zero());
	(level.into_iter().map(|node| node.0).collect(), proof)
}

/// A release and a fleet whose first devices share one key.
struct Scene<T: Config> {
	vendor: T::AccountId,
	release: ReleaseId,
	fleet: FleetId,
	key: ed25519::Public,
	proof: Vec<H256>,
}

impl<T: Config> Scene<T>
where
	T::Currency: Mutate<T::AccountId>,
{
	/// A fleet of [`COUNT`] devices, the first `devices` of which can sign.
	fn new(devices: u32) -> Self {
		let key = sp_io::crypto::ed25519_generate(KEY_TYPE, None);
		let (cap, proof) = tree(devices, &DeviceKey::Ed25519(key.0));
		Self { key, proof, ..Self::with_fleet(COUNT, cap) }
	}

	/// A fleet of devices that cannot sign.
	fn with_fleet(count: u32, cap: Vec<Hash32>) -> Self {
		frame_system::Pallet::<T>::set_block_number(1u32.into());
		let vendor: T::AccountId = account("vendor", 0, 0);
		fund::<T>(&vendor, Pallet::<T>::times(T::MinReward::get(), count).unwrap() + T::MinReward::get());
		// Twice the money, because the benchmark of `raise` raises the reward.
		fund::<T>(&vendor, Pallet::<T>::times(T::MinReward::get(), count).unwrap());
		T::BountyDeposit::ensure_successful(&vendor, Pallet::<T>::bounty_footprint(count));
		let (release, fleet) = T::Registry::benchmark_release(&vendor, DIGEST, cap, count);
		Self { vendor, release, fleet, key: Default::default(), proof: vec![] }
	}

	/// Opens the bounty and returns its id.
	fn open(&self) -> BountyId {
		let id = NextBounty::<T>::get();
		Pallet::<T>::open(
			RawOrigin::Signed(self.vendor.clone()).into(),
			self.release,
			self.fleet,
			T::MinReward::get(),
			expiry::<T>(),
		)
		.unwrap();
		id
	}

	fn receipt(&self, bounty: BountyId, device_index: DeviceIndex, distributor: &T::AccountId) -> SubmittedReceipt {
		let lock = lock(device_index);
		let valid_until = 1;
		let statement = ReceiptStatement { bounty, device_index, digest: DIGEST, lock, distributor, valid_until };
		let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero()).0;
		let signature = sp_io::crypto::ed25519_sign(KEY_TYPE, &self.key, &statement.signing_bytes(&genesis)).unwrap();
		SubmittedReceipt {
			device_index,
			device_key: DeviceKey::Ed25519(self.key.0),
			lock,
			valid_until,
			signature: DeviceSignature::Ed25519(signature.0),
			replaces: None,
		}
	}
}

fn expiry<T: Config>() -> u32 {
	Pallet::<T>::now() + T::MinDuration::get()
}

fn fund<T: Config>(who: &T::AccountId, amount: BalanceOf<T>)
where
	T::Currency: Mutate<T::AccountId>,
{
	T::Currency::mint_into(who, amount + T::Currency::minimum_balance()).unwrap();
}

/// A distributor that can afford the deposits of a batch.
fn distributor<T: Config>(seed: u32) -> T::AccountId
where
	T::Currency: Mutate<T::AccountId>,
{
	let who: T::AccountId = account("distributor", seed, 0);
	fund::<T>(&who, Pallet::<T>::times(T::ReservationDeposit::get(), T::MaxBatch::get()).unwrap());
	who
}

/// A lock key that is valid under the suite: numbers of 30 bits.
fn lock_key(index: DeviceIndex) -> LockKey {
	let mut key = BlakeTwo256::hash(&index.encode()).0;
	key.iter_mut().skip(3).step_by(4).for_each(|byte| *byte &= 0x3f);
	key
}

fn lock(index: DeviceIndex) -> Lock {
	DIGEST.suite.lock(&lock_key(index)).unwrap()
}

/// Stores a reservation of a full batch from `first` on, with its deposit. It has lapsed from the
/// start.
fn store_reservation<T: Config>(
	bounty: BountyId,
	number: ReservationId,
	first: DeviceIndex,
	lock: impl Fn(DeviceIndex) -> Lock,
) where
	T::Currency: Mutate<T::AccountId>,
{
	let who = distributor::<T>(number);
	let deposit = T::ReservationDeposit::get();
	let batch = T::MaxBatch::get();
	T::Currency::hold(&HoldReason::Reservation.into(), &who, Pallet::<T>::times(deposit, batch).unwrap()).unwrap();
	let slots: Vec<_> =
		(first..first + batch).map(|device_index| ReservedSlot { device_index, lock: lock(device_index) }).collect();
	let reservation = Reservation {
		distributor: who,
		reward: T::MinReward::get(),
		deposit,
		exclusive_until: 0,
		slots: slots.try_into().unwrap(),
	};
	Reservations::<T>::insert(bounty, number, reservation);
	Bounties::<T>::mutate(bounty, |bounty| {
		let bounty = bounty.as_mut().unwrap();
		bounty.reserved += batch;
		bounty.next_reservation = bounty.next_reservation.max(number + 1);
	});
}

/// Stores `pages` pages of `S`, each with one bit set. It is not the first bit.
fn store_pages<S: frame_support::storage::StorageDoubleMap<BountyId, u32, Page, Query = Page>>(
	bounty: BountyId,
	pages: u32,
) {
	let mut bitmap = Pages::<S>::new(bounty);
	(0..pages).for_each(|page| bitmap.set(page * PAGE_DEVICES + 1, true));
	bitmap.store();
}

#[benchmarks(where T::Currency: Mutate<T::AccountId>)]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn open() {
		let scene = Scene::<T>::new(1);

		#[extrinsic_call]
		_(RawOrigin::Signed(scene.vendor), scene.release, scene.fleet, T::MinReward::get(), expiry::<T>());

		assert_eq!(ActiveBounties::<T>::get(scene.release, scene.fleet), Some(0));
	}

	#[benchmark]
	fn raise() {
		let scene = Scene::<T>::new(1);
		let bounty = scene.open();
		let reward = T::MinReward::get() + 1u32.into();

		#[extrinsic_call]
		_(RawOrigin::Signed(scene.vendor), bounty, reward, expiry::<T>());

		assert_eq!(Bounties::<T>::get(bounty).unwrap().reward, reward);
	}

	#[benchmark]
	fn reserve(n: Linear<1, { T::MaxBatch::get() }>) {
		let scene = Scene::<T>::new(n);
		let bounty = scene.open();
		let who = distributor::<T>(0);
		let receipts: Vec<_> = (0..n).map(|index| scene.receipt(bounty, index, &who)).collect();

		#[extrinsic_call]
		_(RawOrigin::Signed(who), bounty, receipts.try_into().unwrap(), scene.proof.try_into().unwrap());

		assert_eq!(Bounties::<T>::get(bounty).unwrap().reserved, n);
	}

	// Whole paths: each leads from one device to a node of the cap of its own.
	#[benchmark]
	fn prove(h: Linear<0, { T::MaxBatch::get() * cap_height() }>) {
		let member = |path: u32| (path << cap_height(), DeviceKey::Ed25519([7; 32]));
		let members: Vec<_> = (0..h / cap_height()).map(member).collect();
		let proof = vec![H256::repeat_byte(7); members.len() * cap_height() as usize];
		let verdicts;

		#[block]
		{
			verdicts = fleet::verify_members::<BlakeTwo256>(COUNT, cap_height(), &members, &proof, |_| None);
		}

		assert_eq!(verdicts, Ok(vec![false; members.len()]));
	}

	#[benchmark]
	fn read_cap(c: Linear<0, MAX_CAP_PAGES>) {
		let scene = Scene::<T>::new(1);
		let mut cap = Cap::<T>::new(scene.fleet);

		#[block]
		{
			(0..c).for_each(|page| assert!(cap.node(page * fleet::CAP_PAGE_NODES).is_some()));
		}

		assert_eq!(cap.node(MAX_CAP_PAGES * fleet::CAP_PAGE_NODES), None);
	}

	#[benchmark]
	fn mark_reserved(p: Linear<0, { T::MaxBatch::get() }>) {
		store_pages::<PaidPages<T>>(0, p);
		store_pages::<ReservedPages<T>>(0, p);

		#[block]
		{
			let (mut paid, mut reserved) = (Pages::<PaidPages<T>>::new(0), Pages::<ReservedPages<T>>::new(0));
			for index in (0..p).map(|page| page * PAGE_DEVICES) {
				assert!(!paid.contains(index) && !reserved.contains(index));
				reserved.set(index, true);
			}
			reserved.store();
		}

		assert!((0..p).all(|page| ReservedPages::<T>::get(0, page).count() == 2));
	}

	#[benchmark]
	fn replace(r: Linear<0, { T::MaxBatch::get() }>) {
		let bounty = Scene::<T>::new(1).open();
		let first = |number: ReservationId| number * T::MaxBatch::get();
		(0..r).for_each(|number| store_reservation::<T>(bounty, number, first(number), |_| [7; 32]));

		#[block]
		{
			let mut replacements = Replacements::<T>::new(bounty, 1);
			for number in 0..r {
				assert!(replacements.check(number, first(number)).is_ok());
				replacements.take(number, first(number));
			}
			assert_eq!(replacements.settle(r), Ok(r));
		}

		assert!((0..r).all(|number| !Reservations::<T>::get(bounty, number).unwrap().holds(first(number))));
	}

	#[benchmark]
	fn claim(n: Linear<1, { T::MaxBatch::get() }>) {
		let bounty = Scene::<T>::new(1).open();
		store_reservation::<T>(bounty, 0, 0, lock);
		let keys: Vec<_> = (0..n).map(|index| (index, lock_key(index))).collect();
		let keys = BoundedVec::try_from(keys).unwrap();

		#[extrinsic_call]
		_(RawOrigin::Signed(account("distributor", 0, 0)), bounty, 0, keys);

		assert_eq!(Bounties::<T>::get(bounty).unwrap().paid, n);
	}

	#[benchmark]
	fn mark_paid(p: Linear<0, { T::MaxBatch::get() }>) {
		store_pages::<PaidPages<T>>(0, p);
		store_pages::<ReservedPages<T>>(0, p);

		#[block]
		{
			let (mut paid, mut reserved) = (Pages::<PaidPages<T>>::new(0), Pages::<ReservedPages<T>>::new(0));
			for index in (0..p).map(|page| page * PAGE_DEVICES) {
				paid.set(index, true);
				reserved.set(index, false);
			}
			paid.store();
			reserved.store();
		}

		assert!((0..p).all(|page| PaidPages::<T>::get(0, page).count() == 2));
	}

	#[benchmark]
	fn close(r: Linear<0, 100>, p: Linear<1, 100>) {
		let bounty = Scene::<T>::with_fleet(p * PAGE_DEVICES, vec![[7; 32]]).open();
		store_pages::<PaidPages<T>>(bounty, p);
		store_pages::<ReservedPages<T>>(bounty, p);
		(0..r).for_each(|number| store_reservation::<T>(bounty, number, number * T::MaxBatch::get(), |_| [7; 32]));
		frame_system::Pallet::<T>::set_block_number(expiry::<T>().into());
		let caller: T::AccountId = whitelisted_caller();

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), bounty, (r + p + 1).max(T::MinClosePages::get()));

		assert!(!Bounties::<T>::contains_key(bounty));
	}

	#[benchmark]
	fn announce() {
		let who = distributor::<T>(0);
		T::AnnounceDeposit::ensure_successful(&who, Pallet::<T>::announcement_footprint());
		let endpoint = BoundedVec::try_from(vec![b'a'; T::MaxEndpointLen::get() as usize]).unwrap();

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), endpoint);

		assert!(Distributors::<T>::contains_key(who));
	}

	#[benchmark]
	fn withdraw() {
		let who = distributor::<T>(0);
		T::AnnounceDeposit::ensure_successful(&who, Pallet::<T>::announcement_footprint());
		let endpoint = BoundedVec::try_from(vec![b'a'; T::MaxEndpointLen::get() as usize]).unwrap();
		Pallet::<T>::announce(RawOrigin::Signed(who.clone()).into(), endpoint).unwrap();

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));

		assert!(!Distributors::<T>::contains_key(who));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::benchmark_ext(), crate::mock::Test);
}
