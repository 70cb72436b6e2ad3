//! Fleets and the stored caps of their trees.

use crate::{pallet::*, Fleet};
use alloc::vec::Vec;
use codec::MaxEncodedLen;
use frame_support::{traits::Footprint, BoundedVec};
use sp_core::H256;
use sp_runtime::traits::BlakeTwo256;
use waybill_primitives::{
	fleet::{cap_height, level_width, root_of_cap, CAP_PAGE_NODES},
	FleetId, Hash32,
};

impl<T: Config> Fleet<T> {
	/// The number of nodes of its cap.
	pub fn cap_nodes(&self) -> u32 {
		level_width(self.count, self.cap_height.into())
	}
}

impl<T: Config> Pallet<T> {
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

	pub(crate) fn remove_cap(fleet: FleetId, pages: u32) {
		(0..pages).for_each(|page| FleetCaps::<T>::remove(fleet, page));
	}

	/// What a fleet stores: itself and its cap.
	pub(crate) fn fleet_footprint(cap: &[Hash32]) -> Footprint {
		Footprint::from_parts(1, Fleet::<T>::max_encoded_len().saturating_add(core::mem::size_of_val(cap)))
	}
}
