//! What a chain is given at its genesis: its slot length for ever, and the first value of every
//! parameter.
//!
//! [`pallet_parameters`] takes no values at genesis.

use super::{
	default,
	dynamic_params::{firmware, pod_bounty, session},
};
use crate::{
	configs::RuntimeParameters,
	time::{in_blocks, DEFAULT_SLOT_DURATION},
	BlockNumber, Runtime,
};
use frame_support::traits::dynamic_params::AggregatedKeyValue;

pub use pallet::*;

/// The shortest slot, in milliseconds: an author fills a block, and the others check it, within one.
pub const MIN_SLOT_DURATION: u64 = 500;
/// The longest slot, in milliseconds.
pub const MAX_SLOT_DURATION: u64 = 60_000;

/// The pallet. It has no calls: nothing but the genesis sets the slot length.
#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::pallet_prelude::*;
	use frame_system::pallet_prelude::BlockNumberFor;

	/// The pallet.
	#[pallet::pallet]
	pub struct Pallet<T>(_);

	/// Nothing is needed.
	#[pallet::config]
	pub trait Config: frame_system::Config {}

	/// The length of a slot, in milliseconds; [`DEFAULT_SLOT_DURATION`] if there is none.
	///
	/// A slot's number is the time divided by this: a chain on which it changed would stand still.
	#[pallet::storage]
	#[pallet::whitelist_storage]
	pub type SlotDuration<T> = StorageValue<_, u64>;

	/// The slot length, and the parameters that differ from [`default`].
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// The length of a slot in milliseconds, from [`MIN_SLOT_DURATION`] to [`MAX_SLOT_DURATION`].
		pub slot_duration: Option<u64>,
		/// [`session::Length`].
		pub session_length: Option<BlockNumber>,
		/// [`firmware::RecheckPeriod`].
		pub recheck_period: Option<BlockNumber>,
		/// [`firmware::RetryPeriod`].
		pub retry_period: Option<BlockNumber>,
		/// [`firmware::KeySetDelay`].
		pub key_set_delay: Option<BlockNumber>,
		/// [`pod_bounty::ExclusiveWindow`].
		pub exclusive_window: Option<BlockNumber>,
		/// [`pod_bounty::MinDuration`].
		pub min_bounty_duration: Option<BlockNumber>,
		#[serde(skip)]
		#[allow(missing_docs)]
		pub _config: PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			if let Some(slot_duration) = self.slot_duration {
				assert!(
					(MIN_SLOT_DURATION..=MAX_SLOT_DURATION).contains(&slot_duration),
					"slotDuration must be from {MIN_SLOT_DURATION} to {MAX_SLOT_DURATION} ms, not {slot_duration}"
				);
				SlotDuration::<T>::put(slot_duration);
			}
			self.parameters().into_iter().for_each(store);
		}
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		/// The weight of `on_finalize`.
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			T::DbWeight::get().reads(3)
		}

		/// Takes back what root wrote over the slot length by `System::set_storage` and the like.
		fn on_finalize(_: BlockNumberFor<T>) {
			if let Err(slot_duration) = unchanged() {
				log::error!(target: "runtime::genesis", "the slot length of a running chain cannot change");
				SlotDuration::<T>::set((slot_duration != DEFAULT_SLOT_DURATION).then_some(slot_duration));
			}
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			unchanged().map_err(|_| "the slot length has changed".into())
		}
	}

	/// Whether the slot length is the one that this block was made with; that one, if not.
	///
	/// Aura checked in the block's timestamp that the time over the slot length is the slot's number.
	/// Numbers of slots are far larger than their length, so time and number give the length.
	fn unchanged() -> Result<(), u64> {
		let (now, slot) = (pallet_timestamp::Now::<Runtime>::get(), *pallet_aura::CurrentSlot::<Runtime>::get());
		if now.checked_div(crate::time::SlotDuration::get()) == Some(slot) {
			return Ok(());
		}
		Err(now.checked_div(slot).unwrap_or(DEFAULT_SLOT_DURATION))
	}

	impl<T: Config> GenesisConfig<T> {
		/// Every parameter, with the default period where none is given.
		fn parameters(&self) -> [RuntimeParameters; 6] {
			let slot_duration = self.slot_duration.unwrap_or(DEFAULT_SLOT_DURATION);
			let or = |given: Option<BlockNumber>, seconds| Some(given.unwrap_or_else(|| in_blocks(seconds, slot_duration)));
			let session_length = or(self.session_length, default::SESSION_LENGTH);
			let recheck_period = or(self.recheck_period, default::RECHECK_PERIOD);
			let retry_period = or(self.retry_period, default::RETRY_PERIOD);
			let key_set_delay = or(self.key_set_delay, default::KEY_SET_DELAY);
			let exclusive_window = or(self.exclusive_window, default::EXCLUSIVE_WINDOW);
			let min_duration = or(self.min_bounty_duration, default::MIN_BOUNTY_DURATION);
			use RuntimeParameters::{Firmware, PodBounty, Session};
			[
				Session(session::Parameters::Length(session::Length, session_length)),
				Firmware(firmware::Parameters::RecheckPeriod(firmware::RecheckPeriod, recheck_period)),
				Firmware(firmware::Parameters::RetryPeriod(firmware::RetryPeriod, retry_period)),
				Firmware(firmware::Parameters::KeySetDelay(firmware::KeySetDelay, key_set_delay)),
				PodBounty(pod_bounty::Parameters::ExclusiveWindow(pod_bounty::ExclusiveWindow, exclusive_window)),
				PodBounty(pod_bounty::Parameters::MinDuration(pod_bounty::MinDuration, min_duration)),
			]
		}
	}

	fn store(parameter: RuntimeParameters) {
		let (key, value) = parameter.into_parts();
		if let Some(value) = value {
			pallet_parameters::Parameters::<Runtime>::insert(key, value);
		}
	}
}
