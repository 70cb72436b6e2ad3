//! The parameters that root can change while the chain runs, and their first values.

pub mod genesis;

use crate::{
	slot::Blocks,
	time::{in_blocks, DAY, DEFAULT_SLOT_DURATION, HOUR, MINUTE},
	BlockNumber, Runtime,
};
use core::marker::PhantomData;
use frame_support::{
	dynamic_params::{dynamic_pallet_params, dynamic_params},
	traits::{ConstU32, Get},
};

/// The lower bound of every period of the registry and the escrow, whatever its parameter is set
/// to. Without it a period could be zero: rounds would take no votes or follow each other within a
/// block, a vendor could not veto a key set, and a bounty would expire before a device saw it.
pub const MIN_PERIOD: BlockNumber = 5;

/// [`MIN_PERIOD`] as a type.
pub type MinPeriod = ConstU32<MIN_PERIOD>;

/// The upper bound of rounds, of pauses between rounds and of veto periods, whatever their
/// parameters are set to. A period that was stored outlives a repair of its parameter: a key set
/// that waits for ever keeps all others out until it is vetoed.
pub type MaxPeriod = Blocks<{ 30 * DAY }>;

/// The upper bound of the shortest time for which a bounty is open, whatever its parameter is set
/// to. It is well below the longest time.
pub type MaxMinDuration = Blocks<{ 30 * DAY }>;

/// A parameter, clamped to at least `Min` and at most `Max`.
pub struct Within<Parameter, Min, Max>(PhantomData<(Parameter, Min, Max)>);

impl<Parameter, Min, Max> Get<BlockNumber> for Within<Parameter, Min, Max>
where
	Parameter: Get<BlockNumber>,
	Min: Get<BlockNumber>,
	Max: Get<BlockNumber>,
{
	fn get() -> BlockNumber {
		Parameter::get().max(Min::get()).min(Max::get())
	}
}

/// The default periods, in seconds, for a chain whose genesis does not set them.
pub mod default {
	use super::*;

	/// The length of a session.
	pub const SESSION_LENGTH: u32 = 30 * MINUTE;
	/// The time between a decision on a release and its next check.
	pub const RECHECK_PERIOD: u32 = DAY;
	/// The time in which a round takes votes.
	pub const RETRY_PERIOD: u32 = 10 * MINUTE;
	/// The time in which a vendor's account can veto a new key set.
	pub const KEY_SET_DELAY: u32 = DAY;
	/// The exclusive window of a reservation.
	pub const EXCLUSIVE_WINDOW: u32 = 30 * MINUTE;
	/// The shortest time for which a bounty is open.
	pub const MIN_BOUNTY_DURATION: u32 = 2 * HOUR;
}

/// A period for a chain that stores none. Such a chain began before genesis wrote all periods, and
/// has slots of the default length.
const fn unset(seconds: u32) -> BlockNumber {
	in_blocks(seconds, DEFAULT_SLOT_DURATION)
}

/// The parameters, and their values on a chain that stores none.
#[dynamic_params(RuntimeParameters, pallet_parameters::Parameters::<Runtime>)]
pub mod dynamic_params {
	use super::*;

	/// Sessions.
	#[dynamic_pallet_params]
	#[codec(index = 0)]
	pub mod session {
		/// The length of a session, in blocks.
		#[codec(index = 0)]
		pub static Length: BlockNumber = unset(default::SESSION_LENGTH);
	}

	/// The registry.
	#[dynamic_pallet_params]
	#[codec(index = 1)]
	pub mod firmware {
		/// The number of blocks between a decision on a release and its next check.
		#[codec(index = 0)]
		pub static RecheckPeriod: BlockNumber = unset(default::RECHECK_PERIOD);

		/// The number of blocks in which a round takes votes.
		#[codec(index = 1)]
		pub static RetryPeriod: BlockNumber = unset(default::RETRY_PERIOD);

		/// The number of blocks in which a vendor's account can veto a new key set.
		#[codec(index = 2)]
		pub static KeySetDelay: BlockNumber = unset(default::KEY_SET_DELAY);
	}

	/// The escrow.
	#[dynamic_pallet_params]
	#[codec(index = 2)]
	pub mod pod_bounty {
		/// The number of blocks in which a reservation keeps others out: enough for several rounds
		/// of authors, and finality.
		#[codec(index = 0)]
		pub static ExclusiveWindow: BlockNumber = unset(default::EXCLUSIVE_WINDOW);

		/// The smallest number of blocks for which a bounty is open.
		#[codec(index = 1)]
		pub static MinDuration: BlockNumber = unset(default::MIN_BOUNTY_DURATION);
	}
}
