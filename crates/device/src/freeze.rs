//! Whether what the device is shown of the chain is current.
//!
//! A device that is shown an old state, or none, would believe for ever that there is nothing new. It
//! therefore reports the freeze with the time at which it began, and remembers it across restarts until
//! it sees a recent final block.

use serde::{Deserialize, Serialize};
use std::fmt;
use waybill_chain::ledger::Head;
use waybill_daemon::clock::Time;
use waybill_exchange::{DeviceExchange, Policy, Refusal};
use waybill_primitives::BlockNumber;

/// The chain stands still for the device.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
	/// The time of the final block that was the newest when it began.
	pub since_ms: Time,
}

/// What a device says about a freeze.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Frozen {
	/// The newest final block that is known; 0 if there is none.
	pub block: BlockNumber,
	/// How old it is.
	pub age: String,
	/// Since when there is no recent one, in milliseconds since 1970.
	pub since_ms: Time,
	/// What may be the cause.
	pub cause: String,
}

impl fmt::Display for Frozen {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let Self { block, age, since_ms, cause } = self;
		write!(
			f,
			"frozen: the newest final block ({block}) is {age} old, and there is no recent one since {since_ms}; {cause}"
		)
	}
}

/// The state of this block of the device's chain as the exchange looks at it.
pub fn look(exchange: &mut DeviceExchange, head: Head, now: Time) -> Result<(), Refusal> {
	let genesis = exchange.profile().genesis;
	let head = waybill_exchange::ChainHead { genesis, number: head.number, timestamp_ms: head.timestamp_ms };
	exchange.look(&head, now.0)
}

/// What to say of a block that is too old to decide by.
pub fn held_back(head: Head, since: Time, now: Time) -> Frozen {
	let cause =
		"no node shows a newer one: either the network is at a standstill or the node is behind, or somebody holds newer \
	             blocks back (indefinite freeze); try another node";
	Frozen { block: head.number, age: Time(head.timestamp_ms).age(now), since_ms: since, cause: cause.into() }
}

/// What to say when nothing newer than before was seen, for this reason. Nothing as long as the newest block is recent, or if
/// there never was one.
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
