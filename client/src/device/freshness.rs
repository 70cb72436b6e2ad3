//! Whether what the device is shown of the chain is current.
//!
//! A device that is shown an old state, or none, would believe for ever that there is nothing new. So what it cannot decide by is not
//! merely waited out: it is said, with the time since when, and remembered across restarts until a recent final block is seen.

use super::{
	agent::{refused, Agent},
	home::Home,
	report::Event,
};
use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use waybill_chain::ledger::{Head, Ledger};
use waybill_daemon::clock::Time;
use waybill_exchange::{DeviceExchange, Policy, Refusal, Stage};
use waybill_primitives::BlockNumber;

/// How often the newest block is stored that was seen, if nothing else is stored: flash memory wears out.
const STORE_EVERY_MS: u64 = 3_600_000;

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
	let head = waybill_exchange::Head { genesis, number: head.number, timestamp_ms: head.timestamp_ms };
	exchange.look(&head, now.0)
}

/// What to say of a block that is too old to decide by.
pub fn held_back(head: Head, since: Time, now: Time) -> Frozen {
	let cause =
		"no node shows a newer one: either the network is at a standstill or the node is behind, or somebody holds newer \
	             blocks back (indefinite freeze); try another node";
	Frozen { block: head.number, age: Time(head.timestamp_ms).age(now), since_ms: since, cause: cause.into() }
}

/// What to say when nothing newer than before was seen, for this reason; nothing as long as the newest block is recent, or if there never
/// was one.
fn unseen(exchange: &DeviceExchange, policy: &Policy, why: &Error, freeze: Option<Freeze>, now: Time) -> Option<Frozen> {
	let (block, timestamp_ms) = exchange.seen();
	let is_recent = now.0.saturating_sub(timestamp_ms) <= policy.max_view_age_ms;
	(block > 0 && !is_recent).then(|| {
		let newest = Time(timestamp_ms);
		let since_ms = freeze.map_or(newest, |freeze| freeze.since_ms);
		Frozen { block, age: newest.age(now), since_ms, cause: why.to_string() }
	})
}

/// What it comes to for the device in this folder that no node can be reached: a freeze, which it remembers, once the newest block that it
/// has seen is too old.
pub fn unreachable(home: &Home, policy: Policy, why: Error) -> Result<Error> {
	let (exchange, mut memory) = (home.exchange(policy.clone())?, home.memory()?);
	let Some(frozen) = unseen(&exchange, &policy, &why, memory.freeze, Time::now()) else { return Ok(why) };
	if memory.freeze.is_none() {
		memory.freeze = Some(Freeze { since_ms: frozen.since_ms });
		home.save_memory(&memory)?;
	}
	Ok(frozen.error(why.kind()))
}

impl Frozen {
	/// The freeze as a failure.
	pub fn error(&self, kind: Kind) -> Error {
		Error::new(kind, self).named(format!("{:?}", Refusal::StaleChainView))
	}
}

impl<L: Ledger> Agent<L> {
	/// The state at the newest final block.
	pub(super) async fn newest(&mut self) -> Result<L::State> {
		match self.ledger.newest().await {
			Ok(state) => Ok(state),
			Err(error) => Err(self.unseen(error.into())?),
		}
	}

	/// Looks at a final block before anything is decided by it.
	pub(super) fn see(&mut self, head: Head) -> Result<()> {
		let now = Time::now();
		match look(&mut self.exchange, head, now) {
			Ok(()) => {
				// Until what was decrypted is installed, its key must stay on the disk.
				let storable = !matches!(self.exchange.stage(), Stage::Ready(_));
				if storable && head.timestamp_ms.saturating_sub(self.seen_stored_ms) >= STORE_EVERY_MS {
					self.home.save_exchange(&self.exchange.to_bytes())?;
					self.seen_stored_ms = head.timestamp_ms;
				}
				self.thaw(head.number)
			},
			Err(Refusal::StaleChainView) => {
				let since = self.freeze_since(Time(head.timestamp_ms))?;
				let frozen = held_back(head, since, now);
				self.say_frozen(&frozen);
				Err(frozen.error(Kind::Check))
			},
			Err(refusal) => {
				let error = refused(refusal);
				Err(self.unseen(error)?)
			},
		}
	}

	/// What it comes to that nothing newer than before was seen.
	fn unseen(&mut self, why: Error) -> Result<Error> {
		let frozen = unseen(&self.exchange, &self.policy, &why, self.memory.freeze, Time::now());
		let Some(frozen) = frozen else { return Ok(why) };
		self.freeze_since(frozen.since_ms)?;
		self.say_frozen(&frozen);
		Ok(frozen.error(why.kind()))
	}

	/// Since when the freeze lasts; one that begins is on the disk when this returns.
	fn freeze_since(&mut self, newest: Time) -> Result<Time> {
		if let Some(freeze) = self.memory.freeze {
			return Ok(freeze.since_ms);
		}
		self.memory.freeze = Some(Freeze { since_ms: newest });
		self.home.save_memory(&self.memory)?;
		Ok(newest)
	}

	/// Once for each freeze and each start of the program.
	fn say_frozen(&mut self, frozen: &Frozen) {
		if !self.frozen_said {
			tracing::error!("{frozen}");
			(self.tell)(&Event::Frozen(frozen.clone()));
			self.frozen_said = true;
		}
	}

	fn thaw(&mut self, block: BlockNumber) -> Result<()> {
		self.frozen_said = false;
		let Some(Freeze { since_ms }) = self.memory.freeze.take() else { return Ok(()) };
		self.home.save_memory(&self.memory)?;
		(self.tell)(&Event::Thawed { block, since_ms });
		Ok(())
	}
}
