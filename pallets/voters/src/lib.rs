#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

extern crate alloc;

mod handler;
#[cfg(test)]
mod mock;
mod report;
#[cfg(test)]
mod tests;
#[cfg(feature = "try-runtime")]
mod try_state;

pub use pallet::*;
pub use report::OnRecord;

use alloc::vec::Vec;
use frame_support::{traits::Get, BoundedVec};
use sp_consensus_grandpa::{AuthorityId, RoundNumber, SetId};

const LOG_TARGET: &str = "runtime::voters";

/// The number of sets whose voters are kept: the current set and those before it. Equivocations in
/// older sets cannot be reported.
pub const KEPT_SETS: SetId = 16;

/// A voter: its key, and the account that it had at that time.
pub type Voter<T> = (AuthorityId, <T as frame_system::Config>::AccountId);

/// Ends the appointment of a voter.
pub trait Appointments<AccountId> {
	/// Ends the appointment of `who` from the next session on. Returns whether it ended. It does
	/// not end if `who` has none, or if no other appointed account could vote.
	fn end(who: &AccountId) -> bool;
}

/// The pallet.
// FRAME's macros write `expect`.
#[allow(clippy::expect_used)]
#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::pallet_prelude::*;
	use frame_system::{offchain::CreateBare, pallet_prelude::BlockNumberFor};

	/// The version of the storage layout. It is also that of chains whose runtime did not set one.
	pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

	/// The pallet.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What the pallet needs of the runtime.
	#[pallet::config]
	pub trait Config:
		frame_system::Config<RuntimeEvent: From<Event<Self>>>
		+ pallet_grandpa::Config
		+ pallet_session::Config
		+ CreateBare<pallet_grandpa::Call<Self>>
	{
		/// Ends the appointment of a voter that voted twice.
		type Appointments: Appointments<Self::AccountId>;

		/// The number of blocks for which a report waits in the pool of the node that made it. Only
		/// that node can include it, when it authors a block.
		type ReportLifetime: Get<u64>;
	}

	/// The voters of the latest [`KEPT_SETS`] sets.
	#[pallet::storage]
	pub type Sets<T: Config> =
		StorageMap<_, Twox64Concat, SetId, BoundedVec<Voter<T>, <T as pallet_grandpa::Config>::MaxAuthorities>, ValueQuery>;

	/// The latest set in which an account is known to have voted twice, while that set is kept.
	#[pallet::storage]
	pub type Offences<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, SetId>;

	/// What happened.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A voter voted for two blocks in one round.
		Equivocated {
			/// The voter's account.
			who: T::AccountId,
			/// The set's id.
			set_id: SetId,
			/// The round's number.
			round: RoundNumber,
			/// Whether its appointment ended. The last account that can vote keeps it, and an
			/// account without an appointment has none to lose.
			removed: bool,
		},
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}
}

impl<T: Config> Pallet<T> {
	/// The account whose key voted in this set, if the set is kept.
	pub fn voter(set_id: SetId, key: &AuthorityId) -> Option<T::AccountId> {
		Sets::<T>::get(set_id).into_iter().find_map(|(voter, who)| (voter == *key).then_some(who))
	}

	/// Records the voters of the current set and removes the set that is now too old.
	fn note(voters: Vec<Voter<T>>) {
		let set_id = pallet_grandpa::Pallet::<T>::current_set_id();
		// The voters of a set never change under its id.
		if Sets::<T>::contains_key(set_id) {
			return;
		}
		Sets::<T>::insert(set_id, BoundedVec::truncate_from(voters));
		let Some(old) = set_id.checked_sub(KEPT_SETS) else { return };
		for (_, who) in Sets::<T>::take(old) {
			if Offences::<T>::get(&who).is_some_and(|set_id| set_id <= old) {
				Offences::<T>::remove(who);
			}
		}
	}
}
