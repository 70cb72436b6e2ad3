//! What root can change while the chain runs, and what a chain starts with.

pub mod genesis;

use crate::{
	time::{in_blocks, Blocks, DAY, DEFAULT_SLOT_DURATION, HOUR, MINUTE},
	BlockNumber, Runtime,
};
use core::marker::PhantomData;
use frame_support::{
	dynamic_params::{dynamic_pallet_params, dynamic_params},
	traits::{ConstU32, Get},
};

/// No period of the registry or the escrow is shorter, whatever its parameter says. With none at all rounds would take no votes or
/// follow each other within a block, a vendor could not veto a key set, and a bounty would expire before a device saw it.
pub const MIN_PERIOD: BlockNumber = 5;

/// [`MIN_PERIOD`] as a type.
pub type MinPeriod = ConstU32<MIN_PERIOD>;

/// No round, no pause between rounds and no veto of the registry takes longer, whatever its parameter says. What a period became
/// part of outlives a repair of the parameter: a key set that waits for ever keeps all others out until it is vetoed.
pub type MaxPeriod = Blocks<{ 30 * DAY }>;

/// The shortest time of a bounty is no longer, whatever its parameter says: it is well below the longest.
pub type MaxMinDuration = Blocks<{ 30 * DAY }>;

/// A parameter, but at least `Min` and at most `Max`.
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

/// The periods of a chain whose genesis sets none, in seconds.
pub mod default {
	use super::*;

	/// The length of a session.
	pub const SESSION_LENGTH: u32 = 30 * MINUTE;
	/// The time between a decision about a release and its next check.
	pub const RECHECK_PERIOD: u32 = DAY;
	/// The time in which a round takes votes.
	pub const RETRY_PERIOD: u32 = 10 * MINUTE;
	/// The time in which a vendor's account can veto a new key set.
	pub const KEY_SET_DELAY: u32 = DAY;
	/// The time in which a reservation keeps others out.
	pub const EXCLUSIVE_WINDOW: u32 = 30 * MINUTE;
	/// The shortest time that a bounty is open.
	pub const MIN_BOUNTY_DURATION: u32 = 2 * HOUR;
}

/// A period of a chain that has none in its state: one from before genesis wrote all of them, with
/// slots of the default length.
const fn unset(seconds: u32) -> BlockNumber {
	in_blocks(seconds, DEFAULT_SLOT_DURATION)
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
		pub static Length: BlockNumber = unset(default::SESSION_LENGTH);
	}

	/// The registry.
	#[dynamic_pallet_params]
	#[codec(index = 1)]
	pub mod firmware {
		/// How long after a decision the attesters check a release again.
		#[codec(index = 0)]
		pub static RecheckPeriod: BlockNumber = unset(default::RECHECK_PERIOD);

		/// For how long a round takes votes.
		#[codec(index = 1)]
		pub static RetryPeriod: BlockNumber = unset(default::RETRY_PERIOD);

		/// How long a vendor's account can veto a new key set.
		#[codec(index = 2)]
		pub static KeySetDelay: BlockNumber = unset(default::KEY_SET_DELAY);
	}

	/// The escrow.
	#[dynamic_pallet_params]
	#[codec(index = 2)]
	pub mod pod_bounty {
		/// For how long a reservation keeps others out: several rounds of authors, and finality.
		#[codec(index = 0)]
		pub static ExclusiveWindow: BlockNumber = unset(default::EXCLUSIVE_WINDOW);

		/// The shortest time that a bounty is open.
		#[codec(index = 1)]
		pub static MinDuration: BlockNumber = unset(default::MIN_BOUNTY_DURATION);
	}
}
