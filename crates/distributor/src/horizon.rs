//! Which final states the distributor may act on.
//!
//! A lagging node does not know everything that is on the chain. Acting on its state would give up
//! receipts, earnings and content keys. Claiming by it would show keys after their exclusive
//! window. So a state counts only if it is not older than the newest one acted on before, which may
//! have come from another node or before a restart, and if it is not too old by the clock.

use crate::{error::Result, store::Store};
use std::time::{Duration, Instant};
use waybill_chain::Head;
use waybill_daemon::clock::Time;
use waybill_primitives::BlockNumber;

/// How long a node may lag before the distributor logs a warning.
const LAG: Duration = Duration::from_secs(15);

/// The newest block that the distributor acted on, in the store.
#[derive(Debug)]
pub struct Horizon {
	store: Store,
	max_age: Duration,
	/// Since when the node lags, and whether that was logged.
	lags: Option<(Instant, bool)>,
}

impl Horizon {
	/// The horizon in the store.
	pub const fn new(store: Store, max_age: Duration) -> Self {
		Self { store, max_age, lags: None }
	}

	/// Whether the distributor may act on the state with this head. If so, it refuses older ones
	/// from now on.
	pub fn admits(&mut self, head: Head) -> Result<bool> {
		let handled = self.store.handled()?;
		let age = Duration::from_millis(Time::now().0.saturating_sub(head.timestamp_ms));
		if head.number >= handled && age <= self.max_age {
			self.store.handle(head.number)?;
			self.lags = None;
			return Ok(true);
		}
		let (since, said) = self.lags.get_or_insert((Instant::now(), false));
		if !*said && since.elapsed() >= LAG {
			*said = true;
			let (block, age) = (head.number, age.as_secs());
			tracing::warn!(
				block,
				handled,
				age,
				"settling is paused: the newest final block is old; check the node and this machine's clock"
			);
		}
		Ok(false)
	}

	/// Notes that the chain has this final block.
	pub fn raise(&self, block: BlockNumber) -> Result<()> {
		self.store.handle(block)
	}
}
