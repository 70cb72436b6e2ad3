//! What the escrow sees of the registry.

use crate::{pallet::*, Fleet, Release};
use alloc::vec::Vec;
use waybill_primitives::{view::ReleaseState, FleetId, FleetInfo, Hash32, Registry, ReleaseId, ReleaseInfo};

impl<T: Config> Registry<T::AccountId> for Pallet<T> {
	fn release(id: ReleaseId) -> Option<ReleaseInfo<T::AccountId>> {
		let Release { vendor, statement, state, yank, .. } = Releases::<T>::get(id)?;
		Some(ReleaseInfo {
			vendor,
			model: statement.model,
			digest: statement.digest,
			available: state == ReleaseState::Available,
			yanked: yank.is_some(),
		})
	}

	fn fleet(id: FleetId) -> Option<FleetInfo> {
		let Fleet { model, root, count, cap_height, .. } = Fleets::<T>::get(id)?;
		Some(FleetInfo { model, root, count, cap_height: cap_height.into() })
	}

	fn cap_page(id: FleetId, page: u32) -> Vec<Hash32> {
		FleetCaps::<T>::get(id, page).unwrap_or_default().into_inner()
	}

	fn fleet_in_use(id: FleetId) {
		Fleets::<T>::mutate_extant(id, |fleet| fleet.users = fleet.users.saturating_add(1));
	}

	fn fleet_released(id: FleetId) {
		Fleets::<T>::mutate_extant(id, |fleet| fleet.users = fleet.users.saturating_sub(1));
	}

	fn users(id: FleetId) -> Option<u32> {
		Fleets::<T>::get(id).map(|fleet| fleet.users)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_release(
		vendor: &T::AccountId,
		digest: waybill_primitives::Digest,
		cap: Vec<Hash32>,
		count: u32,
	) -> (ReleaseId, FleetId) {
		crate::benchmarking::available_release::<T>(vendor, digest, cap, count)
	}
}
