//! Freezes: the device sees no recent final block.
//!
//! A device that is shown an old state, or none, would believe for ever that there is nothing new.
//! It therefore reports the freeze with the time at which it began, and remembers it across
//! restarts until it sees a recent final block.

use serde::{Deserialize, Serialize};
use std::fmt;
use waybill_chain::Head;
use waybill_daemon::clock::Time;
use waybill_exchange::{DeviceExchange, Policy, Refusal};
use waybill_primitives::BlockNumber;

/// A freeze, as the device remembers it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Freeze {
	/// The time of the newest final block when the freeze began.
	pub since_ms: Time,
}

/// A device's report of a freeze.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Frozen {
	/// The newest final block that is known; 0 if there is none.
	pub block: BlockNumber,
	/// How old it is.
	pub age: String,
	/// Since when there has been no recent one, in milliseconds since 1970.
	pub since_ms: Time,
	/// What may be the cause.
	pub cause: String,
}

impl fmt::Display for Frozen {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let Self { block, age, since_ms, cause } = self;
		write!(f, "frozen since {since_ms}: the newest final block ({block}) is {age} old; {cause}")
	}
}

/// Lets the exchange look at this block of the device's chain.
///
/// # Errors
/// The block is too old, ahead of the device's clock, or older than one that the exchange has seen.
pub fn look(exchange: &mut DeviceExchange, head: Head, now: Time) -> Result<(), Refusal> {
	let genesis = exchange.profile().genesis;
	let head = waybill_exchange::ChainHead { genesis, number: head.number, timestamp_ms: head.timestamp_ms };
	exchange.look(&head, now.0)
}

/// The report for a block that is too old to decide by.
pub fn held_back(head: Head, since: Time, now: Time) -> Frozen {
	let cause = format!(
		"this device's clock, which says {now}, is ahead, or no node shows a newer block: the network is at a standstill, \
		 the node is behind, or somebody holds newer blocks back (indefinite freeze); check the clock, or try another node"
	);
	Frozen { block: head.number, age: Time(head.timestamp_ms).age(now), since_ms: since, cause }
}

/// The report when the device, for the reason `why`, sees no newer block than before. `None` as
/// long as the newest block is recent, or if the device has never seen one.
pub(crate) fn unseen(
	exchange: &DeviceExchange,
	policy: &Policy,
	why: &impl fmt::Display,
	freeze: Option<Freeze>,
	now: Time,
) -> Option<Frozen> {
	let (block, timestamp_ms) = exchange.seen();
	let is_recent = now.0.saturating_sub(timestamp_ms) <= policy.max_view_age_ms;
	(block > 0 && !is_recent).then(|| {
		let newest = Time(timestamp_ms);
		let since_ms = freeze.map_or(newest, |freeze| freeze.since_ms);
		Frozen { block, age: newest.age(now), since_ms, cause: why.to_string() }
	})
}
