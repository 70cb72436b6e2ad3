//! Which final states may be acted on.
//!
//! What a lagging node does not know yet may be there on the chain. To act on its state would give
//! up receipts, earnings and content keys, and to claim by it would show keys after their exclusive
//! window. So a state counts only if it is no older than the newest one acted on before, even
//! before a restart or by another node, and if it is not too old by the clock.

use crate::{error::Result, store::Store};
use std::time::{Duration, Instant};
use waybill_chain::ledger::Head;
use waybill_daemon::clock::Time;
use waybill_primitives::BlockNumber;

/// How long a node may lag before that is worth a warning.
const LAG: Duration = Duration::from_secs(15);

/// The newest block that was acted on, in the store.
#[derive(Debug)]
pub struct Horizon {
	store: Store,
	max_age: Duration,
	/// Since when the node lags, and whether that was said.
	lags: Option<(Instant, bool)>,
}

impl Horizon {
	/// The horizon that the store holds.
	pub const fn new(store: Store, max_age: Duration) -> Self {
		Self { store, max_age, lags: None }
	}

	/// Whether the state with this head may be acted on. If so, no older one may be from now on.
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
				"the node lags behind, or this machine's clock is wrong: nothing is settled"
			);
		}
		Ok(false)
	}

	/// The chain is known to have this final block.
	pub fn raise(&self, block: BlockNumber) -> Result<()> {
		self.store.handle(block)
	}
}
