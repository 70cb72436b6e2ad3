//! Messages that wait until the state behind them is on disk.

use core::fmt;
use zeroize::Zeroizing;

/// A message that must not leave before the state that goes with it is stored.
#[must_use = "store the state, then take the message"]
pub struct Unsent<M> {
	pub(crate) state: Zeroizing<alloc::vec::Vec<u8>>,
	pub(crate) message: M,
}

impl<M> Unsent<M> {
	/// The state to store, durably.
	pub fn state(&self) -> &[u8] {
		&self.state
	}

	/// The message, once [`Unsent::state`] is stored.
	pub fn persisted(self) -> M {
		self.message
	}
}

impl<M> fmt::Debug for Unsent<M> {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str("Unsent(..)")
	}
}
