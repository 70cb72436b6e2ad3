//! What root can change while the chain runs, and what a chain starts with.

use crate::{
	time::{DAYS, HOURS, MINUTES},
	BlockNumber, Runtime,
};
use core::marker::PhantomData;
use frame_support::{
	dynamic_params::{dynamic_pallet_params, dynamic_params},
	traits::Get,
};

/// No period of the registry or the escrow is shorter, whatever its parameter says. With none at all rounds would take no votes or
/// follow each other within a block, a vendor could not veto a key set, and a bounty would expire before a device saw it.
pub const MIN_PERIOD: BlockNumber = 5;

/// No round, no pause between rounds and no veto of the registry takes longer, whatever its parameter says. What a period became
/// part of outlives a repair of the parameter: a key set that waits for ever keeps all others out until it is vetoed.
pub const MAX_PERIOD: BlockNumber = 30 * DAYS;

/// The shortest time of a bounty is no longer, whatever its parameter says: it is well below the longest.
pub const MAX_MIN_DURATION: BlockNumber = 30 * DAYS;

/// A parameter, but at least `MIN` and at most `MAX`.
pub struct Within<Parameter, const MIN: BlockNumber, const MAX: BlockNumber>(PhantomData<Parameter>);

impl<Parameter: Get<BlockNumber>, const MIN: BlockNumber, const MAX: BlockNumber> Get<BlockNumber>
	for Within<Parameter, MIN, MAX>
{
	fn get() -> BlockNumber {
		Parameter::get().max(MIN).min(MAX)
	}
}

/// The parameters and their values on a chain that sets none.
#[dynamic_params(RuntimeParameters, pallet_parameters::Parameters::<Runtime>)]
pub mod dynamic_params {
	use super::*;

	/// Sessions.
	#[dynamic_pallet_params]
	#[codec(index = 0)]
	pub mod session {
		/// The length of a session, in blocks.
		#[codec(index = 0)]
		pub static Length: BlockNumber = 30 * MINUTES;
	}

	/// The registry.
	#[dynamic_pallet_params]
	#[codec(index = 1)]
	pub mod firmware {
		/// How long after a decision the attesters check a release again.
		#[codec(index = 0)]
		pub static RecheckPeriod: BlockNumber = DAYS;

		/// For how long a round takes votes.
		#[codec(index = 1)]
		pub static RetryPeriod: BlockNumber = 10 * MINUTES;

		/// How long a vendor's account can veto a new key set.
		#[codec(index = 2)]
		pub static KeySetDelay: BlockNumber = DAYS;
	}

	/// The escrow.
	#[dynamic_pallet_params]
	#[codec(index = 2)]
	pub mod pod_bounty {
		/// For how long a reservation keeps others out: several rounds of authors, and finality.
		#[codec(index = 0)]
		pub static ExclusiveWindow: BlockNumber = 30 * MINUTES;

		/// The shortest time that a bounty is open.
		#[codec(index = 1)]
		pub static MinDuration: BlockNumber = 2 * HOURS;
	}
}

/// Gives a chain other parameters from its first block on.
///
/// [`pallet_parameters`] takes none at genesis.
#[frame_support::pallet]
pub mod genesis {
	use super::dynamic_params::{firmware, pod_bounty, session};
	use crate::{configs::RuntimeParameters, BlockNumber, Runtime};
	use frame_support::{pallet_prelude::*, traits::dynamic_params::AggregatedKeyValue};

	/// The pallet. It has a genesis configuration and nothing else.
	#[pallet::pallet]
	pub struct Pallet<T>(_);

	/// Nothing is needed.
	#[pallet::config]
	pub trait Config: frame_system::Config {}

	/// The parameters that differ from the values in the code.
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
			let set = |parameter: RuntimeParameters| {
				let (key, value) = parameter.into_parts();
				if let Some(value) = value {
					pallet_parameters::Parameters::<Runtime>::insert(key, value);
				}
			};
			set(RuntimeParameters::Session(session::Parameters::Length(session::Length, self.session_length)));
			set(RuntimeParameters::Firmware(firmware::Parameters::RecheckPeriod(
				firmware::RecheckPeriod,
				self.recheck_period,
			)));
			set(RuntimeParameters::Firmware(firmware::Parameters::RetryPeriod(firmware::RetryPeriod, self.retry_period)));
			set(RuntimeParameters::Firmware(firmware::Parameters::KeySetDelay(firmware::KeySetDelay, self.key_set_delay)));
			set(RuntimeParameters::PodBounty(pod_bounty::Parameters::ExclusiveWindow(
				pod_bounty::ExclusiveWindow,
				self.exclusive_window,
			)));
			set(RuntimeParameters::PodBounty(pod_bounty::Parameters::MinDuration(
				pod_bounty::MinDuration,
				self.min_bounty_duration,
			)));
		}
	}
}
