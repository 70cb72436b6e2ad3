//! The answers of the runtime API.

use crate::{page_count, page_of, pallet::*, BalanceOf, BountyInfo, DeviceStatus, ReservationInfo};
use alloc::vec::Vec;
use waybill_primitives::{BountyId, DeviceIndex, ReleaseId, ReservationId};

type InfoOf<T> = BountyInfo<<T as frame_system::Config>::AccountId, BalanceOf<T>>;

impl<T: Config> Pallet<T> {
	/// The bounties for a release that have not started closing.
	pub fn bounties_of(release: ReleaseId) -> Vec<(BountyId, InfoOf<T>)> {
		let ids = ActiveBounties::<T>::iter_prefix_values(release);
		let mut bounties: Vec<_> = ids.filter_map(|id| Some((id, Self::bounty(id)?))).collect();
		bounties.sort_unstable_by_key(|(id, _)| *id);
		bounties
	}

	/// A bounty.
	pub fn bounty(id: BountyId) -> Option<InfoOf<T>> {
		Bounties::<T>::get(id).map(Into::into)
	}

	/// The bounties that are neither expired nor closing.
	pub fn open_bounties() -> Vec<(BountyId, InfoOf<T>)> {
		let now = Self::now();
		let open = Bounties::<T>::iter().filter(|(_, bounty)| bounty.closing.is_none() && now < bounty.expires_at);
		let mut bounties: Vec<_> = open.map(|(id, bounty)| (id, bounty.into())).collect();
		bounties.sort_unstable_by_key(|(id, _)| *id);
		bounties
	}

	/// A standing reservation.
	pub fn reservation(id: BountyId, number: ReservationId) -> Option<ReservationInfo<T::AccountId, BalanceOf<T>>> {
		Reservations::<T>::get(id, number).map(Into::into)
	}

	/// Where a device stands, until closing starts.
	pub fn device_status(id: BountyId, index: DeviceIndex) -> Option<DeviceStatus> {
		Bounties::<T>::get(id).filter(|bounty| bounty.closing.is_none() && index < bounty.count)?;
		let page = page_of(index);
		let reserved = ReservedPages::<T>::get(id, page).contains(index).then(|| {
			let mut standing = Reservations::<T>::iter_prefix(id);
			standing.find(|(_, reservation)| reservation.holds(index)).map(|(number, _)| number)
		});
		Some(DeviceStatus { paid: PaidPages::<T>::get(id, page).contains(index), reserved: reserved.flatten() })
	}

	/// A page of the bitmap of paid devices, until closing starts.
	pub fn paid_page(id: BountyId, page: u32) -> Option<Vec<u8>> {
		let bounty = Bounties::<T>::get(id).filter(|bounty| bounty.closing.is_none())?;
		(page < page_count(bounty.count)).then(|| PaidPages::<T>::get(id, page).as_bytes().to_vec())
	}

	/// The distributors and where devices reach them.
	pub fn distributors() -> Vec<(T::AccountId, Vec<u8>)> {
		Distributors::<T>::iter().map(|(who, announcement)| (who, announcement.endpoint.into_inner())).collect()
	}
}
