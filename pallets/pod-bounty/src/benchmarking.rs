//! Benchmarks of every call.
//!
//! A batch lies on one page in the benchmarks of `reserve` and `claim`; further pages and replaced reservations have
//! benchmarks of their own, as their number varies independently. The fleet is as large as can be, and so are the proofs.

use crate::{bitmap::Pages, pallet::*, replace::Replacements, *};
use alloc::{collections::BTreeMap, vec, vec::Vec};
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
	fleet, BountyId, DeviceIndex, DeviceKey, DeviceSignature, Digest, FleetId, LockKey, ReceiptStatement, Registry,
	ReleaseId, ReservationId, Statement, Suite,
};

const KEY_TYPE: KeyTypeId = KeyTypeId(*b"wbbm");
const DIGEST: Digest = Digest { suite: Suite::Plain, bytes: [7; 32] };
/// As many devices as can be.
const COUNT: u32 = u32::MAX;

/// The few known nodes of a tree over [`COUNT`] devices; all others are zero.
struct SparseTree {
	levels: Vec<(u32, BTreeMap<u32, H256>)>,
}

impl SparseTree {
	/// The devices at `indices` all have the same key.
	fn new(indices: impl Iterator<Item = DeviceIndex>, key: &DeviceKey) -> Self {
		let mut level: BTreeMap<_, _> = indices.map(|index| (index, BlakeTwo256::hash(&fleet::leaf(index, key)))).collect();
		let (mut width, mut levels) = (COUNT, vec![]);
		while width > 1 {
			let node = |place: u32| level.get(&place).copied().unwrap_or_default();
			let above = level.keys().map(|place| {
				let (left, right) = (place & !1, place | 1);
				let hash = || BlakeTwo256::hash(&[node(left).0, node(right).0].concat());
				(place >> 1, if right < width { hash() } else { node(left) })
			});
			let above = above.collect();
			levels.push((width, core::mem::replace(&mut level, above)));
			width = width.div_ceil(2);
		}
		levels.push((width, level));
		Self { levels }
	}

	fn root(&self) -> H256 {
		self.levels.last().and_then(|(_, level)| level.get(&0)).copied().unwrap_or_default()
	}

	fn proof(&self, index: DeviceIndex) -> Vec<H256> {
		let siblings = (0u32..).zip(&self.levels).filter_map(|(height, (width, level))| {
			let sibling = index.checked_shr(height).unwrap_or_default() ^ 1;
			(sibling < *width).then(|| level.get(&sibling).copied().unwrap_or_default())
		});
		siblings.collect()
	}
}

/// A bounty for a fleet in which the devices at `indices` share one key.
struct Scene<T: Config> {
	vendor: T::AccountId,
	release: ReleaseId,
	fleet: FleetId,
	key: ed25519::Public,
	tree: SparseTree,
}

impl<T: Config> Scene<T>
where
	T::Currency: Mutate<T::AccountId>,
{
	fn new(indices: impl Iterator<Item = DeviceIndex>) -> Self {
		let key = sp_io::crypto::ed25519_generate(KEY_TYPE, None);
		let tree = SparseTree::new(indices, &DeviceKey::Ed25519(key.0));
		Self::with_fleet(key, tree, COUNT)
	}

	fn with_fleet(key: ed25519::Public, tree: SparseTree, count: u32) -> Self {
		frame_system::Pallet::<T>::set_block_number(1u32.into());
		let vendor: T::AccountId = account("vendor", 0, 0);
		fund::<T>(&vendor, Pallet::<T>::times(T::MinReward::get(), count).unwrap() + T::MinReward::get());
		// Twice: the rewards rise in the benchmark of `raise`.
		fund::<T>(&vendor, Pallet::<T>::times(T::MinReward::get(), count).unwrap());
		T::BountyDeposit::ensure_successful(&vendor, Pallet::<T>::bounty_footprint(count));
		let (release, fleet) = T::Registry::benchmark_release(&vendor, DIGEST, tree.root().0, count);
		Self { vendor, release, fleet, key, tree }
	}

	/// Opens the bounty and answers its id.
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

	fn receipt(&self, bounty: BountyId, device_index: DeviceIndex, distributor: &T::AccountId) -> Receipt {
		let lock = Suite::Plain.lock(&lock_key(device_index));
		let valid_until = 1;
		let statement = ReceiptStatement { bounty, device_index, digest: DIGEST, lock, distributor, valid_until };
		let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero()).0;
		let signature = sp_io::crypto::ed25519_sign(KEY_TYPE, &self.key, &statement.signing_bytes(&genesis)).unwrap();
		Receipt {
			device_index,
			device_key: DeviceKey::Ed25519(self.key.0),
			proof: self.tree.proof(device_index).try_into().unwrap(),
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

fn lock_key(index: DeviceIndex) -> LockKey {
	BlakeTwo256::hash(&index.encode()).0
}

/// Stores a reservation of a full batch from `first` on, with its deposit, lapsed from the start.
fn store_reservation<T: Config>(bounty: BountyId, number: ReservationId, first: DeviceIndex)
where
	T::Currency: Mutate<T::AccountId>,
{
	let who = distributor::<T>(number);
	let deposit = T::ReservationDeposit::get();
	let batch = T::MaxBatch::get();
	T::Currency::hold(&HoldReason::Reservation.into(), &who, Pallet::<T>::times(deposit, batch).unwrap()).unwrap();
	let slots: Vec<_> = (first..first + batch)
		.map(|device_index| Slot { device_index, lock: Suite::Plain.lock(&lock_key(device_index)) })
		.collect();
	let reservation = Reservation {
		distributor: who,
		reward: T::MinReward::get(),
		deposit,
		exclusive_until: 0,
		slots: slots.try_into().unwrap(),
	};
	Reservations::<T>::insert(bounty, number, reservation);
	let mut reserved = Pages::<ReservedPages<T>>::new(bounty);
	(first..first + batch).for_each(|index| reserved.set(index, true));
	reserved.store();
	Bounties::<T>::mutate(bounty, |bounty| {
		let bounty = bounty.as_mut().unwrap();
		bounty.reserved += batch;
		bounty.next_reservation = bounty.next_reservation.max(number + 1);
	});
}

/// Stores `pages` pages of `S` with a bit set that is not the first.
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
		let scene = Scene::<T>::new(0..1);

		#[extrinsic_call]
		_(RawOrigin::Signed(scene.vendor), scene.release, scene.fleet, T::MinReward::get(), expiry::<T>());

		assert_eq!(ActiveBounties::<T>::get(scene.release, scene.fleet), Some(0));
	}

	#[benchmark]
	fn raise() {
		let scene = Scene::<T>::new(0..1);
		let bounty = scene.open();
		let reward = T::MinReward::get() + 1u32.into();

		#[extrinsic_call]
		_(RawOrigin::Signed(scene.vendor), bounty, reward, expiry::<T>());

		assert_eq!(Bounties::<T>::get(bounty).unwrap().reward, reward);
	}

	#[benchmark]
	fn reserve(n: Linear<1, { T::MaxBatch::get() }>) {
		let scene = Scene::<T>::new(0..n);
		let bounty = scene.open();
		let who = distributor::<T>(0);
		let receipts: Vec<_> = (0..n).map(|index| scene.receipt(bounty, index, &who)).collect();

		#[extrinsic_call]
		_(RawOrigin::Signed(who), bounty, receipts.try_into().unwrap());

		assert_eq!(Bounties::<T>::get(bounty).unwrap().reserved, n);
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
		let bounty = Scene::<T>::new(0..1).open();
		let first = |number: ReservationId| number * T::MaxBatch::get();
		(0..r).for_each(|number| store_reservation::<T>(bounty, number, first(number)));

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
		let bounty = Scene::<T>::new(0..1).open();
		store_reservation::<T>(bounty, 0, 0);
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
		let key = sp_io::crypto::ed25519_generate(KEY_TYPE, None);
		let tree = SparseTree::new(0..1, &DeviceKey::Ed25519(key.0));
		let bounty = Scene::<T>::with_fleet(key, tree, p * PAGE_DEVICES).open();
		store_pages::<PaidPages<T>>(bounty, p);
		store_pages::<ReservedPages<T>>(bounty, p);
		(0..r).for_each(|number| store_reservation::<T>(bounty, number, number * T::MaxBatch::get()));
		frame_system::Pallet::<T>::set_block_number(expiry::<T>().into());
		let caller: T::AccountId = whitelisted_caller();

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), bounty, r + p + 1);

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
