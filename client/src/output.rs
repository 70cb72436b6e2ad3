//! What the program prints: words for people, or with `--json` an object for other programs.

use crate::error::{Error, Result};
use serde::Serialize;
use std::{
	fmt::Display,
	io::{ErrorKind, Write},
	sync::atomic::{AtomicBool, Ordering},
};

/// Whether something could not be printed.
static LOST: AtomicBool = AtomicBool::new(false);

/// A command's result: `Display` for the words, `Serialize` for the JSON object.
pub trait Report: Serialize + Display {}

impl<T: Serialize + Display> Report for T {}

/// Where results go: standard output. Logs and progress go to standard error.
#[derive(Clone, Copy, Debug)]
pub struct Output {
	json: bool,
}

impl Output {
	/// Prints words, or JSON.
	pub const fn new(json: bool) -> Self {
		Self { json }
	}

	/// Whether it prints JSON.
	pub const fn is_json(&self) -> bool {
		self.json
	}

	/// Prints a command's result. A command that keeps running prints one result a line.
	pub fn report(&self, report: &impl Report) {
		let text = match self.json {
			true => serde_json::to_string(report).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}")),
			false => plain(&report.to_string()),
		};
		print(text.trim_end());
	}

	/// Prints what happens meanwhile, for people only: with `--json` a command has one result.
	pub fn progress(&self, event: &impl Display) {
		if !self.json {
			print(&plain(&event.to_string()));
		}
	}

	/// Prints a failure: a line on standard error, and with `--json` an object on standard output. It
	/// holds what was done before, too.
	pub fn failure(&self, error: &Error) {
		if self.json {
			let (kind, name) = (error.kind(), error.name());
			let mut object = error.done().cloned().unwrap_or_else(|| serde_json::json!({}));
			object["error"] = serde_json::json!({
				"kind": kind.name(),
				"name": name,
				"message": error.to_string(),
				"exit_code": kind.exit_code(),
			});
			print(&object.to_string());
		}
		let _ = writeln!(std::io::stderr().lock(), "error: {}", plain(&error.to_string()));
	}
}

/// Words without control characters except line ends: what nodes, kubo or other people's releases say
/// must not steer a terminal.
fn plain(text: &str) -> String {
	text.chars().filter(|character| *character == '\n' || !character.is_control()).collect()
}

fn print(line: &str) {
	let mut stdout = std::io::stdout().lock();
	match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
		Ok(()) => {},
		// The reader closed our standard output and wants no more.
		Err(error) if error.kind() == ErrorKind::BrokenPipe => {},
		Err(error) => {
			tracing::error!(%error, "cannot write to standard output");
			LOST.store(true, Ordering::Relaxed);
		},
	}
}

/// Fails if a result could not be printed, as on a full disk.
pub fn complete() -> Result<()> {
	match LOST.load(Ordering::Relaxed) {
		true => Err(Error::file("cannot write to standard output; what was printed is incomplete")),
		false => Ok(()),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn words_should_not_steer_a_terminal() {
		assert_eq!(plain("one\n\u{1b}[31mtwo\u{7}\r\u{9b}three é"), "one\n[31mtwothree é");
	}
}
