//! Progress on standard error, only for people at a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{borrow::Cow, io::IsTerminal, time::Duration};

const TICK: Duration = Duration::from_millis(120);

/// Makes progress displays, or silent ones with `--json` or without a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
	shown: bool,
}

/// A progress display. Dropping it removes it.
#[derive(Debug)]
pub struct Shown(ProgressBar);

impl Progress {
	/// Progress for a command that prints words (`json` false) or JSON.
	pub fn new(json: bool) -> Self {
		Self { shown: !json && std::io::stderr().is_terminal() }
	}

	/// A display for something that takes a while.
	pub fn spinner(&self, words: impl Into<Cow<'static, str>>) -> Shown {
		let bar = ProgressBar::with_draw_target(None, self.target());
		// The style of a bar of unknown length shows neither words nor movement.
		bar.set_style(ProgressStyle::default_spinner());
		bar.set_message(words);
		if self.shown {
			bar.enable_steady_tick(TICK);
		}
		Shown(bar)
	}

	/// A display of the bytes of a file that is read or sent.
	pub fn bytes(&self, total: u64, words: impl Into<Cow<'static, str>>) -> Shown {
		let bar = ProgressBar::with_draw_target(Some(total), self.target());
		if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}") {
			bar.set_style(style);
		}
		bar.set_message(words);
		Shown(bar)
	}

	fn target(&self) -> ProgressDrawTarget {
		match self.shown {
			true => ProgressDrawTarget::stderr(),
			false => ProgressDrawTarget::hidden(),
		}
	}
}

impl Shown {
	/// Shows what happens now.
	pub fn say(&self, words: impl Into<Cow<'static, str>>) {
		self.0.set_message(words);
	}

	/// Shows how many bytes are done.
	pub fn meter(&self) -> impl Fn(u64) + Send + Sync + 'static {
		let bar = self.0.clone();
		move |bytes| bar.set_position(bytes)
	}
}

impl Drop for Shown {
	fn drop(&mut self) {
		self.0.finish_and_clear();
	}
}
