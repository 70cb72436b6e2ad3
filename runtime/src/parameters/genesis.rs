//! The first value of every parameter: what genesis gives, or the default period in blocks of this
//! chain.
//!
//! [`pallet_parameters`] takes no values at genesis.

use super::{
	default,
	dynamic_params::{firmware, pod_bounty, session},
};
use crate::{configs::RuntimeParameters, slot::SlotDuration, time::in_blocks, BlockNumber, Runtime};
use frame_support::traits::{dynamic_params::AggregatedKeyValue, Get};

pub use pallet::*;

/// The pallet. It has no calls and stores nothing of its own.
#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::pallet_prelude::*;

	/// The pallet.
	#[pallet::pallet]
	pub struct Pallet<T>(_);

	/// This pallet needs nothing of the runtime.
	#[pallet::config]
	pub trait Config: frame_system::Config {}

	/// The parameters that differ from [`default`].
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
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
			self.parameters().into_iter().for_each(store);
		}
	}

	impl<T: Config> GenesisConfig<T> {
		/// All parameters. Those that are not given get their default period.
		fn parameters(&self) -> [RuntimeParameters; 6] {
			let slot_duration = SlotDuration::get();
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
