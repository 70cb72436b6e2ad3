//! The answers of the runtime API.

use crate::{page_count, page_of, pallet::*, BalanceOf, Bounty, Reservation};
use alloc::vec::Vec;
use waybill_primitives::{
	view::{BountyView, DeviceStatus, DistributorView, ReservationView},
	BountyId, DeviceIndex, ReleaseId, ReservationId,
};

type BountyViewOf<T> = BountyView<<T as frame_system::Config>::AccountId, BalanceOf<T>>;
type ReservationViewOf<T> = ReservationView<<T as frame_system::Config>::AccountId, BalanceOf<T>>;

impl<T: Config> Pallet<T> {
	/// The bounties for a release that have not started closing.
	pub fn bounties_of(release: ReleaseId) -> Vec<BountyViewOf<T>> {
		let ids = ActiveBounties::<T>::iter_prefix_values(release);
		let mut bounties: Vec<_> = ids.filter_map(Self::bounty).collect();
		bounties.sort_unstable_by_key(|bounty| bounty.id);
		bounties
	}

	/// A bounty.
	pub fn bounty(id: BountyId) -> Option<BountyViewOf<T>> {
		Bounties::<T>::get(id).map(|bounty| view(id, bounty))
	}

	/// The bounties that are neither expired nor closing.
	pub fn open_bounties() -> Vec<BountyViewOf<T>> {
		let now = Self::now();
		let open = Bounties::<T>::iter().filter(|(_, bounty)| bounty.closing.is_none() && now < bounty.expires_at);
		let mut bounties: Vec<_> = open.map(|(id, bounty)| view(id, bounty)).collect();
		bounties.sort_unstable_by_key(|bounty| bounty.id);
		bounties
	}

	/// A standing reservation.
	pub fn reservation(id: BountyId, number: ReservationId) -> Option<ReservationViewOf<T>> {
		let Reservation { distributor, reward, deposit, exclusive_until, slots } = Reservations::<T>::get(id, number)?;
		Some(ReservationView { distributor, reward, deposit, exclusive_until, slots: slots.into_inner() })
	}

	/// Whether a device is paid or reserved. `None` once closing has started.
	pub fn device_status(id: BountyId, index: DeviceIndex) -> Option<DeviceStatus> {
		Bounties::<T>::get(id).filter(|bounty| bounty.closing.is_none() && index < bounty.count)?;
		let page = page_of(index);
		let reserved = ReservedPages::<T>::get(id, page).contains(index).then(|| {
			let mut standing = Reservations::<T>::iter_prefix(id);
			standing.find(|(_, reservation)| reservation.holds(index)).map(|(number, _)| number)
		});
		Some(DeviceStatus { paid: PaidPages::<T>::get(id, page).contains(index), reserved: reserved.flatten() })
	}

	/// A page of the bitmap of paid devices. `None` once closing has started.
	pub fn paid_page(id: BountyId, page: u32) -> Option<Vec<u8>> {
		let bounty = Bounties::<T>::get(id).filter(|bounty| bounty.closing.is_none())?;
		(page < page_count(bounty.count)).then(|| PaidPages::<T>::get(id, page).as_bytes().to_vec())
	}

	/// The distributors and where devices reach them.
	pub fn distributors() -> Vec<DistributorView<T::AccountId>> {
		Distributors::<T>::iter()
			.map(|(account, announcement)| DistributorView { account, endpoint: announcement.endpoint.into_inner() })
			.collect()
	}
}

fn view<T: Config>(id: BountyId, bounty: Bounty<T>) -> BountyViewOf<T> {
	BountyView {
		id,
		vendor: bounty.vendor,
		release: bounty.release,
		fleet: bounty.fleet,
		root: bounty.root,
		count: bounty.count,
		digest: bounty.digest,
		reward: bounty.reward,
		expires_at: bounty.expires_at,
		held: bounty.held,
		paid: bounty.paid,
		reserved: bounty.reserved,
		exclusive_until: bounty.exclusive_until,
		closing: bounty.closing.is_some(),
	}
}
