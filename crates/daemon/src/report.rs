//! Tells people and programs what happens to a program that keeps running.

use std::{fmt, sync::Arc};

type Tell<E> = dyn Fn(&E) + Send + Sync;

/// Whom a program tells its events. Cheap to clone; the default tells nobody.
pub struct Reporter<E>(Option<Arc<Tell<E>>>);

impl<E> Reporter<E> {
	/// Reports to `tell`.
	pub fn new(tell: impl Fn(&E) + Send + Sync + 'static) -> Self {
		Self(Some(Arc::new(tell)))
	}

	/// Reports an event.
	pub fn tell(&self, event: &E) {
		if let Some(tell) = &self.0 {
			tell(event);
		}
	}
}

impl<E> Clone for Reporter<E> {
	fn clone(&self) -> Self {
		Self(self.0.clone())
	}
}

impl<E> Default for Reporter<E> {
	fn default() -> Self {
		Self(None)
	}
}

impl<E> fmt::Debug for Reporter<E> {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str("Reporter")
	}
}
