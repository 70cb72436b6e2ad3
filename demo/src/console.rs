//! Shows progress while the demonstration runs: a moving line on a terminal, plain lines elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::{
	io::IsTerminal,
	time::{Duration, Instant},
};

/// Where progress is shown: standard error. Standard output is for the summary.
pub struct Console {
	start: Instant,
	terminal: bool,
}

/// A step in progress.
pub struct Step<'a> {
	console: &'a Console,
	bar: Option<ProgressBar>,
}

impl Console {
	/// Starts the clock.
	pub fn new() -> Self {
		Self { start: Instant::now(), terminal: std::io::stderr().is_terminal() }
	}

	/// The time since the beginning.
	pub fn elapsed(&self) -> Duration {
		self.start.elapsed()
	}

	/// A line that stays.
	pub fn line(&self, text: impl AsRef<str>) {
		eprintln!("[{:>4}s] {}", self.elapsed().as_secs(), text.as_ref());
	}

	/// The heading of a chapter of the story.
	pub fn heading(&self, text: &str) {
		eprintln!();
		self.line(text);
	}

	/// Begins a step.
	pub fn step(&self, text: impl Into<String>) -> Step<'_> {
		let text = text.into();
		let bar = self.terminal.then(|| {
			let bar = ProgressBar::new_spinner().with_message(text.clone());
			bar.set_style(
				ProgressStyle::with_template("        {spinner} {msg} ({elapsed})")
					.unwrap_or(ProgressStyle::default_spinner()),
			);
			bar.enable_steady_tick(Duration::from_millis(120));
			bar
		});
		if bar.is_none() {
			self.line(format!("  {text} …"));
		}
		Step { console: self, bar }
	}

	/// Begins a step of `total` parts.
	pub fn count(&self, text: impl Into<String>, total: usize) -> Step<'_> {
		let text = text.into();
		let bar = self.terminal.then(|| {
			let bar = ProgressBar::new(total as u64).with_message(text.clone());
			let style = ProgressStyle::with_template("        {spinner} {msg} [{bar:25}] {pos}/{len} ({elapsed})");
			bar.set_style(style.unwrap_or(ProgressStyle::default_bar()).progress_chars("=> "));
			bar.enable_steady_tick(Duration::from_millis(120));
			bar
		});
		if bar.is_none() {
			self.line(format!("  {text} …"));
		}
		Step { console: self, bar }
	}
}

impl Step<'_> {
	/// Counts one more part as done.
	pub fn advance(&self) {
		if let Some(bar) = &self.bar {
			bar.inc(1);
		}
	}

	/// Ends the step with a line that stays.
	pub fn done(self, text: impl AsRef<str>) {
		if let Some(bar) = &self.bar {
			bar.finish_and_clear();
		}
		self.console.line(format!("  {}", text.as_ref()));
	}
}

impl Drop for Step<'_> {
	fn drop(&mut self) {
		if let Some(bar) = &self.bar {
			bar.finish_and_clear();
		}
	}
}
