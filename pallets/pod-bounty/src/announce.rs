//! Announcements: where devices reach distributors.

use crate::{pallet::*, Announcement};
use codec::MaxEncodedLen;
use frame_support::{
	ensure,
	traits::{Consideration, Footprint},
	BoundedVec,
};
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
	pub(crate) fn do_announce(who: T::AccountId, endpoint: BoundedVec<u8, T::MaxEndpointLen>) -> DispatchResult {
		let printable = endpoint.iter().all(u8::is_ascii_graphic);
		ensure!(printable && !endpoint.is_empty(), Error::<T>::InvalidEndpoint);
		let ticket = match Distributors::<T>::get(&who) {
			Some(earlier) => earlier.ticket,
			None => T::AnnounceDeposit::new(&who, Self::announcement_footprint())?,
		};
		Distributors::<T>::insert(&who, Announcement { endpoint: endpoint.clone(), ticket });
		Self::deposit_event(Event::DistributorAnnounced { distributor: who, endpoint });
		Ok(())
	}

	pub(crate) fn do_withdraw(who: T::AccountId) -> DispatchResult {
		let announcement = Distributors::<T>::take(&who).ok_or(Error::<T>::NotAnnounced)?;
		announcement.ticket.drop(&who)?;
		Self::deposit_event(Event::DistributorWithdrawn { distributor: who });
		Ok(())
	}

	/// One item with the longest endpoint, so a new endpoint needs no new deposit.
	pub(crate) fn announcement_footprint() -> Footprint {
		Footprint { count: 1, size: Announcement::<T>::max_encoded_len() as u64 }
	}
}
