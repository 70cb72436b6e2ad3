//! Watches whether the device sees recent blocks.

use crate::{
	context::Context,
	error::{Error, Result},
	freeze::{held_back, look, unseen, Freeze, Frozen},
	home::Home,
	report::Event,
};
use waybill_chain::{DatedBlock, Head};
use waybill_daemon::clock::Time;
use waybill_exchange::{Policy, Refusal, Stage};

/// How often to store the newest block seen, if nothing else is stored: flash memory wears out.
const STORE_EVERY_MS: u64 = 3_600_000;

/// The error of the device in this folder when it can reach no node.
///
/// Once the newest block that the device has seen is too old, this is a freeze. The device
/// remembers it.
pub fn unreachable(home: &Home, policy: Policy, why: Error) -> Result<Error> {
	let (exchange, mut memory) = (home.exchange(policy.clone())?, home.memory()?);
	let Some(frozen) = unseen(&exchange, &policy, &why, memory.freeze, Time::now()) else { return Ok(why) };
	if memory.freeze.is_none() {
		memory.freeze = Some(Freeze { since_ms: frozen.since_ms });
		home.save_memory(&memory)?;
	}
	Ok(Error::Frozen { frozen, why: Some(Box::new(why)) })
}

/// Watches the blocks that a device sees.
pub(crate) struct Watch {
	/// The time of the newest block seen, as the disk has it.
	stored_ms: u64,
	/// Whether the current freeze was reported.
	reported: bool,
}

impl Watch {
	/// Goes on from a block with this time.
	pub const fn new(stored_ms: u64) -> Self {
		Self { stored_ms, reported: false }
	}

	/// Looks at a final block before the device decides anything by it.
	pub fn see(&mut self, context: &mut Context, head: Head) -> Result<()> {
		let now = Time::now();
		match look(&mut context.exchange, head, now) {
			Ok(()) => {
				// The stored exchange holds the key, which must stay on the disk until the image is
				// installed.
				let storable = !matches!(context.exchange.stage(), Stage::Ready(_));
				if storable && head.timestamp_ms.saturating_sub(self.stored_ms) >= STORE_EVERY_MS {
					context.home.save_exchange(&context.exchange.to_bytes())?;
					self.stored_ms = head.timestamp_ms;
				}
				self.thaw(context, head)
			},
			Err(Refusal::StaleChainView) => {
				let since = freeze_since(context, Time(head.timestamp_ms))?;
				let frozen = held_back(head, since, now);
				self.report(context, &frozen);
				Err(Error::Frozen { frozen, why: None })
			},
			Err(Refusal::FutureChainView) => {
				let time = Time(head.timestamp_ms);
				Err(self.unseen(context, Error::Clock { now, block: head.number, time })?)
			},
			Err(refusal) => Err(self.unseen(context, refusal.into())?),
		}
	}

	/// The error when the device, for the reason `why`, sees no newer block than before.
	pub fn unseen(&mut self, context: &mut Context, why: Error) -> Result<Error> {
		let frozen = unseen(&context.exchange, &context.policy, &why, context.memory.freeze, Time::now());
		let Some(frozen) = frozen else { return Ok(why) };
		freeze_since(context, frozen.since_ms)?;
		self.report(context, &frozen);
		Ok(Error::Frozen { frozen, why: Some(Box::new(why)) })
	}

	/// Reports a freeze once, and again after each start of the program.
	fn report(&mut self, context: &Context, frozen: &Frozen) {
		if !self.reported {
			tracing::error!("{frozen}");
			context.reporter.tell(&Event::Frozen(frozen.clone()));
			self.reported = true;
		}
	}

	fn thaw(&mut self, context: &mut Context, head: Head) -> Result<()> {
		self.reported = false;
		let Some(Freeze { since_ms }) = context.memory.freeze.take() else { return Ok(()) };
		context.remember()?;
		let block = DatedBlock { number: head.number, about: Time(head.timestamp_ms) };
		context.reporter.tell(&Event::Thawed { block, since_ms });
		Ok(())
	}
}

/// Since when the freeze lasts. A new one is on the disk when this returns.
fn freeze_since(context: &mut Context, newest: Time) -> Result<Time> {
	if let Some(freeze) = context.memory.freeze {
		return Ok(freeze.since_ms);
	}
	context.memory.freeze = Some(Freeze { since_ms: newest });
	context.remember()?;
	Ok(newest)
}
