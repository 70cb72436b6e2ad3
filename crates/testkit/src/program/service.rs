//! A command that runs until it is stopped.

use super::Run;
use std::{
	io::{BufRead, BufReader, Read},
	process::{Child, ChildStdout, Command, Stdio},
	thread,
};

/// A running command. Dropping this value kills it.
pub struct Service {
	process: Child,
	first: String,
	lines: BufReader<ChildStdout>,
}

impl Service {
	/// Starts it, and waits for its first line. Fails with its output if it ends before that.
	pub fn start(mut run: Run) -> Self {
		run.0.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
		let mut process = run.0.spawn().unwrap();
		let mut lines = BufReader::new(process.stdout.take().unwrap());
		let mut errors = process.stderr.take().unwrap();
		let said = thread::spawn(move || {
			let mut said = String::new();
			let _ = errors.read_to_string(&mut said);
			said
		});
		let mut line = String::new();
		lines.read_line(&mut line).unwrap();
		if line.is_empty() {
			panic!("{:?} ended: {}", run.0.get_args().collect::<Vec<_>>(), said.join().unwrap());
		}
		Self { process, first: line, lines }
	}

	/// The line that it printed when it had started.
	pub fn first_line(&self) -> &str {
		&self.first
	}

	/// The next line.
	pub fn line(&mut self) -> String {
		let mut line = String::new();
		self.lines.read_line(&mut line).unwrap();
		line
	}

	/// Waits until it prints a line with this.
	pub fn until_line(&mut self, text: &str) {
		loop {
			let line = self.line();
			assert!(!line.is_empty(), "it ended before it printed {text}");
			if line.contains(text) {
				return;
			}
		}
	}

	/// Ends it as an init system does: by SIGTERM.
	pub fn stop(&mut self) {
		let pid = self.process.id().to_string();
		assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
		self.process.wait().unwrap();
	}

	/// Ends it at once, as a power cut does.
	pub fn kill(&mut self) {
		let _ = self.process.kill();
		let _ = self.process.wait();
	}
}

impl Drop for Service {
	fn drop(&mut self) {
		self.kill();
	}
}
