//! The slot length: genesis sets it, and it never changes.
//!
//! Limits that mean hours or days are counted in this chain's own blocks; see [`Blocks`].

use crate::{
	time::{in_blocks, DEFAULT_SLOT_DURATION},
	BlockNumber, Runtime,
};
use frame_support::traits::Get;

pub use pallet::*;

/// The shortest slot, in milliseconds. Within one, an author fills a block and the others check it.
pub const MIN_SLOT_DURATION: u64 = 500;
/// The longest slot, in milliseconds.
pub const MAX_SLOT_DURATION: u64 = 60_000;

/// The pallet. It has no calls: only the genesis sets the slot length.
#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::pallet_prelude::*;
	use frame_system::pallet_prelude::BlockNumberFor;

	/// The pallet.
	#[pallet::pallet]
	pub struct Pallet<T>(_);

	/// This pallet needs nothing of the runtime.
	#[pallet::config]
	pub trait Config: frame_system::Config {}

	/// The length of a slot, in milliseconds. If it is not set, it is [`DEFAULT_SLOT_DURATION`].
	///
	/// A slot's number is the time divided by this length, so a chain on which it changed would
	/// stop.
	#[pallet::storage]
	#[pallet::whitelist_storage]
	pub type Length<T> = StorageValue<_, u64>;

	/// The slot length.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// The length of a slot in milliseconds, from [`MIN_SLOT_DURATION`] to
		/// [`MAX_SLOT_DURATION`].
		pub length: Option<u64>,
		#[serde(skip)]
		#[allow(missing_docs)]
		pub _config: PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			let Some(length) = self.length else { return };
			assert!(
				(MIN_SLOT_DURATION..=MAX_SLOT_DURATION).contains(&length),
				"slot.length must be from {MIN_SLOT_DURATION} to {MAX_SLOT_DURATION} ms, not {length}"
			);
			Length::<T>::put(length);
		}
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		/// Returns the weight of `on_finalize`.
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			T::DbWeight::get().reads(3)
		}

		/// Undoes a change of the slot length by root, for example with `System::set_storage`.
		fn on_finalize(_: BlockNumberFor<T>) {
			if let Err(length) = unchanged() {
				log::error!(target: "runtime::slot", "the slot length of a running chain cannot change; it is set back");
				Length::<T>::set((length != DEFAULT_SLOT_DURATION).then_some(length));
			}
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			unchanged().map_err(|_| "the slot length has changed".into())
		}
	}

	/// Checks that the slot length is the one with which this block was made. The error is that
	/// length.
	///
	/// Aura has checked in this block that its timestamp divided by the slot length is the slot's
	/// number. Slot numbers are far larger than the length, so time and number give the length.
	fn unchanged() -> Result<(), u64> {
		let (now, slot) = (pallet_timestamp::Now::<Runtime>::get(), *pallet_aura::CurrentSlot::<Runtime>::get());
		if now.checked_div(SlotDuration::get()) == Some(slot) {
			return Ok(());
		}
		Err(now.checked_div(slot).unwrap_or(DEFAULT_SLOT_DURATION))
	}
}

/// The time between two blocks of this chain, in milliseconds.
pub struct SlotDuration;

impl Get<u64> for SlotDuration {
	fn get() -> u64 {
		Length::<Runtime>::get().unwrap_or(DEFAULT_SLOT_DURATION)
	}
}

/// The least time between two timestamps: half a slot, as Aura wants it.
pub struct MinimumPeriod;

impl Get<u64> for MinimumPeriod {
	fn get() -> u64 {
		SlotDuration::get() / 2
	}
}

/// `SECONDS` in blocks of this chain.
pub struct Blocks<const SECONDS: u32>;

impl<const SECONDS: u32> Get<BlockNumber> for Blocks<SECONDS> {
	fn get() -> BlockNumber {
		in_blocks(SECONDS, SlotDuration::get())
	}
}

impl<const SECONDS: u32> Get<u64> for Blocks<SECONDS> {
	fn get() -> u64 {
		<Self as Get<BlockNumber>>::get().into()
	}
}
