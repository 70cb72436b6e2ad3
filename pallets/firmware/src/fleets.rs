//! Fleets and the stored caps of their trees.

use crate::{pallet::*, Fleet, WeightInfo};
use alloc::vec::Vec;
use codec::MaxEncodedLen;
use frame_support::{
	dispatch::DispatchResultWithPostInfo,
	ensure,
	traits::{Consideration, Footprint},
	BoundedVec,
};
use sp_core::{ConstU32, H256};
use sp_runtime::{traits::BlakeTwo256, ArithmeticError, DispatchResult};
use waybill_primitives::{
	fleet::{cap_height, level_width, root_of_cap, CAP_PAGE_NODES, MAX_CAP_NODES},
	Cid, FleetId, Hash32, ModelId,
};

impl<T: Config> Fleet<T> {
	/// The number of nodes in its cap.
	pub fn cap_nodes(&self) -> u32 {
		level_width(self.count, self.cap_height.into())
	}
}

impl<T: Config> Pallet<T> {
	pub(crate) fn do_register_fleet(
		vendor: T::AccountId,
		model: ModelId,
		count: u32,
		cap: BoundedVec<Hash32, ConstU32<MAX_CAP_NODES>>,
		manifest: Cid,
	) -> DispatchResult {
		Self::model_of(model, &vendor)?;
		ensure!(count > 0, Error::<T>::EmptyFleet);
		let (cap_height, root) = Self::check_cap(count, &cap)?;

		let fleet = NextFleetId::<T>::get();
		let next = fleet.checked_add(1).ok_or(ArithmeticError::Overflow)?;
		let ticket = T::Consideration::new(&vendor, Self::fleet_footprint(&cap))?;
		NextFleetId::<T>::put(next);
		FleetIds::<T>::insert(model, fleet, ());
		Self::insert_cap(fleet, &cap);
		Fleets::<T>::insert(fleet, Fleet { model, root, count, cap_height, manifest, users: 0, ticket });
		Self::deposit_event(Event::FleetRegistered { fleet, model, root, count, manifest });
		Ok(())
	}

	pub(crate) fn do_remove_fleet(vendor: T::AccountId, fleet: FleetId) -> DispatchResultWithPostInfo {
		let record = Fleets::<T>::get(fleet).ok_or(Error::<T>::UnknownFleet)?;
		Self::model_of(record.model, &vendor)?;
		ensure!(record.users == 0, Error::<T>::FleetInUse);

		let pages = Self::cap_pages(record.cap_nodes());
		record.ticket.drop(&vendor)?;
		Self::remove_cap(fleet, pages);
		Fleets::<T>::remove(fleet);
		FleetIds::<T>::remove(record.model, fleet);
		Self::deposit_event(Event::FleetRemoved { fleet });
		Ok(Some(T::WeightInfo::remove_fleet(pages)).into())
	}

	/// The number of pages that a cap takes.
	pub(crate) fn cap_pages(nodes: u32) -> u32 {
		nodes.div_ceil(CAP_PAGE_NODES)
	}

	/// The height of a cap above `count` devices, and the root above the cap.
	pub(crate) fn check_cap(count: u32, cap: &[Hash32]) -> Result<(u8, Hash32), Error<T>> {
		let nodes = u32::try_from(cap.len()).map_err(|_| Error::<T>::InvalidCap)?;
		let height = cap_height(count, nodes).and_then(|height| u8::try_from(height).ok());
		let nodes: Vec<H256> = cap.iter().map(H256::from).collect();
		let root = root_of_cap::<BlakeTwo256>(&nodes);
		height.zip(root).map(|(height, root)| (height, root.0)).ok_or(Error::<T>::InvalidCap)
	}

	pub(crate) fn insert_cap(fleet: FleetId, cap: &[Hash32]) {
		for (page, nodes) in (0u32..).zip(cap.chunks(CAP_PAGE_NODES as usize)) {
			FleetCaps::<T>::insert(fleet, page, BoundedVec::truncate_from(nodes.to_vec()));
		}
	}

	fn remove_cap(fleet: FleetId, pages: u32) {
		(0..pages).for_each(|page| FleetCaps::<T>::remove(fleet, page));
	}

	/// What a fleet stores: itself and its cap.
	pub(crate) fn fleet_footprint(cap: &[Hash32]) -> Footprint {
		Footprint::from_parts(1, Fleet::<T>::max_encoded_len().saturating_add(core::mem::size_of_val(cap)))
	}
}
