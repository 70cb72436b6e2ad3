//! Opening and raising a bounty.

use crate::{page_count, pallet::*, BalanceOf, Bounty, PAGE_BYTES};
use codec::MaxEncodedLen;
use frame_support::{
	ensure,
	traits::{fungible::MutateHold, Consideration, Footprint, Get},
};
use sp_runtime::{
	traits::{CheckedMul, CheckedSub, SaturatedConversion, Zero},
	ArithmeticError, DispatchResult,
};
use waybill_primitives::{BlockNumber, BountyId, FleetId, Registry, ReleaseId};

/// The bytes that a storage item takes besides its value: its key and its place in the trie.
const ITEM_OVERHEAD: u64 = 64;

impl<T: Config> Pallet<T> {
	pub(crate) fn do_open(
		vendor: T::AccountId,
		release_id: ReleaseId,
		fleet_id: FleetId,
		reward: BalanceOf<T>,
		expires_at: BlockNumber,
	) -> DispatchResult {
		let release = T::Registry::release(release_id).ok_or(Error::<T>::UnknownRelease)?;
		ensure!(release.vendor == vendor, Error::<T>::NotVendor);
		ensure!(!release.yanked, Error::<T>::ReleaseYanked);
		ensure!(release.available, Error::<T>::ReleaseUnavailable);
		let fleet = T::Registry::fleet(fleet_id).ok_or(Error::<T>::UnknownFleet)?;
		ensure!(fleet.model == release.model, Error::<T>::WrongModel);
		ensure!(fleet.count > 0, Error::<T>::EmptyFleet);
		ensure!(!ActiveBounties::<T>::contains_key(release_id, fleet_id), Error::<T>::AlreadyOpen);
		ensure!(reward >= T::MinReward::get(), Error::<T>::RewardTooLow);
		let now = Self::now();
		// Nobody wants a bounty that is open for no block at all.
		let shortest = T::MinDuration::get().max(1);
		ensure!(expires_at >= now.saturating_add(shortest), Error::<T>::DurationTooShort);
		Self::ensure_not_too_long(now, expires_at)?;

		let id = NextBounty::<T>::get();
		NextBounty::<T>::put(id.checked_add(1).ok_or(ArithmeticError::Overflow)?);
		let held = Self::times(reward, fleet.count)?;
		T::Currency::hold(&HoldReason::Reward.into(), &vendor, held)?;
		let ticket = T::BountyDeposit::new(&vendor, Self::bounty_footprint(fleet.count))?;
		T::Registry::fleet_in_use(fleet_id);
		ActiveBounties::<T>::insert(release_id, fleet_id, id);
		Bounties::<T>::insert(
			id,
			Bounty {
				vendor: vendor.clone(),
				release: release_id,
				fleet: fleet_id,
				root: fleet.root,
				count: fleet.count,
				digest: release.digest,
				reward,
				expires_at,
				held,
				paid: 0,
				reserved: 0,
				exclusive_until: 0,
				next_reservation: 0,
				ticket,
				closing: None,
			},
		);
		Self::deposit_event(Event::BountyOpened {
			bounty: id,
			vendor,
			release: release_id,
			fleet: fleet_id,
			devices: fleet.count,
			reward,
			expires_at,
		});
		Ok(())
	}

	pub(crate) fn do_raise(
		who: T::AccountId,
		id: BountyId,
		reward: BalanceOf<T>,
		expires_at: BlockNumber,
	) -> DispatchResult {
		let mut bounty = Bounties::<T>::get(id).ok_or(Error::<T>::UnknownBounty)?;
		ensure!(bounty.vendor == who, Error::<T>::NotVendor);
		ensure!(bounty.closing.is_none(), Error::<T>::Closing);
		let now = Self::now();
		ensure!(now < bounty.expires_at, Error::<T>::Expired);
		let unpaid = bounty.unpaid();
		ensure!(unpaid > 0, Error::<T>::FullyPaid);
		Self::ensure_not_yanked(bounty.release)?;
		ensure!(reward >= bounty.reward && expires_at >= bounty.expires_at, Error::<T>::CannotReduce);
		ensure!(reward > bounty.reward || expires_at > bounty.expires_at, Error::<T>::NothingRaised);
		if expires_at > bounty.expires_at {
			Self::ensure_not_too_long(now, expires_at)?;
		}

		// Money saved on devices that were paid at an older reward counts.
		let needed = Self::times(reward, unpaid)?;
		if let Some(more) = needed.checked_sub(&bounty.held).filter(|more| !more.is_zero()) {
			T::Currency::hold(&HoldReason::Reward.into(), &who, more)?;
			bounty.held = needed;
		}
		bounty.reward = reward;
		bounty.expires_at = expires_at;
		Bounties::<T>::insert(id, bounty);
		Self::deposit_event(Event::BountyRaised { bounty: id, reward, expires_at });
		Ok(())
	}

	/// The number of the current block.
	pub(crate) fn now() -> BlockNumber {
		frame_system::Pallet::<T>::block_number().saturated_into()
	}

	/// `amount` for each of `devices` devices.
	pub(crate) fn times(amount: BalanceOf<T>, devices: u32) -> Result<BalanceOf<T>, ArithmeticError> {
		amount.checked_mul(&devices.into()).ok_or(ArithmeticError::Overflow)
	}

	/// Fails if the release was yanked.
	pub(crate) fn ensure_not_yanked(release: ReleaseId) -> DispatchResult {
		let release = T::Registry::release(release).ok_or(Error::<T>::UnknownRelease)?;
		ensure!(!release.yanked, Error::<T>::ReleaseYanked);
		Ok(())
	}

	/// The most that a bounty may store, as one item: itself, its entry among the active ones, and
	/// both bitmaps.
	pub(crate) fn bounty_footprint(count: u32) -> Footprint {
		let pages = u64::from(page_count(count)).saturating_mul(2);
		let page = ITEM_OVERHEAD.saturating_add(PAGE_BYTES as u64);
		let fixed = Bounty::<T>::max_encoded_len().saturating_add(BountyId::max_encoded_len()) as u64;
		let size = ITEM_OVERHEAD.saturating_mul(2).saturating_add(fixed).saturating_add(pages.saturating_mul(page));
		Footprint { count: 1, size }
	}

	fn ensure_not_too_long(now: BlockNumber, expires_at: BlockNumber) -> DispatchResult {
		ensure!(expires_at <= now.saturating_add(T::MaxDuration::get()), Error::<T>::DurationTooLong);
		Ok(())
	}
}

impl<T: Config> Bounty<T> {
	/// The number of unpaid devices.
	pub(crate) fn unpaid(&self) -> u32 {
		self.count.saturating_sub(self.paid)
	}
}
