//! From version 1 to version 2: every fleet gets a cap.

use crate::{pallet::*, Fleet, WeightInfo};
use alloc::{vec, vec::Vec};
use core::marker::PhantomData;
#[cfg(any(feature = "try-runtime", test))]
use frame_support::ensure;
use frame_support::{
	migrations::{MigrationId, SteppedMigration, SteppedMigrationError},
	storage::StoragePrefixedMap,
	traits::{GetStorageVersion, StorageVersion},
	weights::WeightMeter,
};
use sp_core::Get;
#[cfg(any(feature = "try-runtime", test))]
use sp_runtime::TryRuntimeError;
use waybill_primitives::{fleet::depth, FleetId};

/// What version 1 stored in a different layout.
pub(crate) mod v1 {
	use crate::{pallet::*, Config};
	use codec::{Decode, Encode};
	use frame_support::{storage_alias, Twox64Concat};
	use waybill_primitives::{Cid, FleetId, Hash32, ModelId};

	/// A fleet without a cap.
	#[derive(Encode, Decode)]
	#[codec(encode_bound())]
	#[codec(decode_bound())]
	pub struct Fleet<T: Config> {
		pub model: ModelId,
		pub root: Hash32,
		pub count: u32,
		pub manifest: Cid,
		pub users: u32,
		pub ticket: T::Consideration,
	}

	#[storage_alias]
	pub type Fleets<T: Config> = StorageMap<Pallet<T>, Twox64Concat, FleetId, Fleet<T>>;
}

/// The pallet's name in the migration's id.
const PALLET_ID: &[u8; 15] = b"pallet-firmware";

/// Gives every fleet of storage version 1 a cap of one node, its root. When all fleets have one, it
/// raises the storage version.
///
/// It does nothing if the storage has another version. A step moves as many fleets as its weight
/// allows; the cursor is the last fleet moved. A fleet keeps the deposit that was taken for it.
pub struct AddFleetCaps<T>(PhantomData<T>);

impl<T: Config> AddFleetCaps<T> {
	/// Moves the fleet after `cursor` in the storage's order and returns its id, or `None` if no
	/// fleet is left.
	pub(crate) fn migrate_next(cursor: Option<FleetId>) -> Option<FleetId> {
		let mut rest = match cursor {
			Some(last) => v1::Fleets::<T>::iter_from(v1::Fleets::<T>::hashed_key_for(last)),
			None => v1::Fleets::<T>::iter(),
		};
		let (id, v1::Fleet { model, root, count, manifest, users, ticket }) = rest.next()?;
		let cap_height = u8::try_from(depth(count)).unwrap_or(u8::MAX);
		Pallet::<T>::insert_cap(id, &[root]);
		Fleets::<T>::insert(id, Fleet { model, root, count, cap_height, manifest, users, ticket });
		Some(id)
	}
}

impl<T: Config> SteppedMigration for AddFleetCaps<T> {
	type Cursor = FleetId;
	type Identifier = MigrationId<15>;

	fn id() -> Self::Identifier {
		MigrationId { pallet_id: *PALLET_ID, version_from: 1, version_to: 2 }
	}

	fn migrating_prefixes() -> Option<impl IntoIterator<Item = Vec<u8>>> {
		Some(vec![Fleets::<T>::final_prefix().to_vec(), FleetCaps::<T>::final_prefix().to_vec()])
	}

	fn step(
		mut cursor: Option<Self::Cursor>,
		meter: &mut WeightMeter,
	) -> Result<Option<Self::Cursor>, SteppedMigrationError> {
		let required = T::WeightInfo::migrate_fleet();
		if !meter.can_consume(required) {
			return Err(SteppedMigrationError::InsufficientWeight { required });
		}
		if Pallet::<T>::on_chain_storage_version() != 1 {
			meter.consume(T::DbWeight::get().reads(1));
			return Ok(None);
		}
		while meter.try_consume(required).is_ok() {
			cursor = Self::migrate_next(cursor);
			if cursor.is_none() {
				StorageVersion::new(2).put::<Pallet<T>>();
				break;
			}
		}
		Ok(cursor)
	}

	#[cfg(feature = "try-runtime")]
	fn pre_upgrade() -> Result<Vec<u8>, TryRuntimeError> {
		Ok(codec::Encode::encode(&Self::fleets_before()))
	}

	#[cfg(feature = "try-runtime")]
	fn post_upgrade(state: Vec<u8>) -> Result<(), TryRuntimeError> {
		let before =
			codec::Decode::decode(&mut &state[..]).map_err(|_| "the fleets before the migration cannot be decoded")?;
		Self::check_after(before)
	}
}

/// What both versions store of a fleet: its id, root, number of devices and number of users.
#[cfg(any(feature = "try-runtime", test))]
type Known = (FleetId, waybill_primitives::Hash32, u32, u32);

#[cfg(any(feature = "try-runtime", test))]
impl<T: Config> AddFleetCaps<T> {
	/// The fleets that the migration must move.
	pub(crate) fn fleets_before() -> Vec<Known> {
		if Pallet::<T>::on_chain_storage_version() != 1 {
			return Vec::new();
		}
		v1::Fleets::<T>::iter().map(|(id, fleet)| (id, fleet.root, fleet.count, fleet.users)).collect()
	}

	/// Checks that these fleets were moved and that every invariant holds.
	pub(crate) fn check_after(before: Vec<Known>) -> Result<(), TryRuntimeError> {
		ensure!(Pallet::<T>::on_chain_storage_version() >= 2, "the storage is of an earlier version");
		for (id, root, count, users) in before {
			let fleet = Fleets::<T>::get(id).ok_or("a fleet is missing")?;
			ensure!((fleet.root, fleet.count, fleet.users) == (root, count, users), "a fleet has changed");
			let cap = FleetCaps::<T>::get(id, 0).ok_or("a fleet's cap is missing")?;
			ensure!(cap.as_slice() == [root], "a fleet's cap is not its root");
		}
		Pallet::<T>::do_try_state()
	}
}
