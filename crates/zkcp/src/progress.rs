//! Progress and cancellation of long work.

use core::{fmt, ops::ControlFlow};

/// What is being done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
	/// Chunks are read, encrypted or hashed.
	Chunks,
	/// Chunks are proved.
	Proof,
}

/// How far the work has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
	/// What is being done.
	pub phase: Phase,
	/// The number of chunks that are done.
	pub done: u64,
	/// The number of chunks in all.
	pub total: u64,
}

/// Called with the progress of long work. Returning [`ControlFlow::Break`] cancels the work.
pub type Watch<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// A [`Watch`] that ignores the progress and never cancels.
pub fn unwatched(_: Progress) -> ControlFlow<()> {
	ControlFlow::Continue(())
}

/// The work was cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str("cancelled")
	}
}

impl core::error::Error for Cancelled {}

pub(crate) fn tell(watch: Watch<'_>, phase: Phase, done: u64, total: u64) -> Result<(), Cancelled> {
	match watch(Progress { phase, done, total }) {
		ControlFlow::Continue(()) => Ok(()),
		ControlFlow::Break(()) => Err(Cancelled),
	}
}
