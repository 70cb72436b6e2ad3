//! Where and when the figures were measured.

use anyhow::{Context, Result};
use std::{
	fs,
	process::Command,
	thread::sleep,
	time::{Duration, Instant},
};

/// Above this load, other work of the machine shows in the figures.
pub const BUSY: f64 = 0.5;
/// How long to wait for the load to fall. The average remembers the build for a minute or two.
const PATIENCE: Duration = Duration::from_secs(180);

/// What the head of the document says.
pub struct Head {
	/// The processor's name.
	pub processor: String,
	/// Cores that this program may use.
	pub cores: usize,
	/// The machine's memory, in bytes.
	pub memory: u64,
	/// Processes that ran or waited, on average over the minute before the start.
	pub load: f64,
	/// The start, in UTC.
	pub date: String,
	/// The commit; none outside a Git checkout.
	pub commit: Option<Commit>,
	/// The compiler's version.
	pub compiler: Option<String>,
	/// When the run started.
	pub start: Instant,
}

/// The state of the checkout.
pub struct Commit {
	/// The first digits of its hash.
	pub id: String,
	/// Whether tracked files differ from it.
	pub is_changed: bool,
}

impl Head {
	/// Reads it at the start of a run. `document` does not count as a change of the checkout.
	pub fn read(document: &str) -> Result<Self> {
		let field = |file: &str, name: &str| -> Result<String> {
			let text = fs::read_to_string(file).with_context(|| format!("cannot read {file}; run this on Linux"))?;
			let value = text.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.trim() == name);
			Ok(value.with_context(|| format!("{file} has no {name}"))?.1.trim().into())
		};
		let memory = field("/proc/meminfo", "MemTotal")?;
		let kibibytes: u64 = memory.trim_end_matches("kB").trim().parse()?;
		Ok(Self {
			processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|_| std::env::consts::ARCH.into()),
			cores: std::thread::available_parallelism()?.get(),
			memory: kibibytes << 10,
			load: load()?,
			date: first_line("date", &["-u", "+%F %H:%M UTC"]).context("`date` failed")?,
			commit: first_line("git", &["rev-parse", "--short", "HEAD"])
				.map(|id| Commit { id, is_changed: is_changed(document) }),
			compiler: first_line("rustc", &["--version"]),
			start: Instant::now(),
		})
	}
}

/// Waits until the machine is quiet, but at most `PATIENCE`: it may have other work.
pub fn wait_for_quiet() -> Result<()> {
	let start = Instant::now();
	while load()? > BUSY && start.elapsed() < PATIENCE {
		sleep(Duration::from_secs(5));
	}
	Ok(())
}

/// The load average of the last minute.
fn load() -> Result<f64> {
	let text = fs::read_to_string("/proc/loadavg")?;
	Ok(text.split_whitespace().next().context("/proc/loadavg is empty")?.parse()?)
}

/// Whether tracked files other than the document, which a run writes anew, differ from the commit.
fn is_changed(document: &str) -> bool {
	let except = format!(":(exclude){document}");
	let same = Command::new("git").args(["diff", "--quiet", "HEAD", "--", ".", &except]).status();
	!same.is_ok_and(|status| status.success())
}

/// The first line that a program prints; none if it is missing or fails.
fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
	let output = Command::new(program).args(arguments).output().ok()?;
	let text = String::from_utf8(output.stdout).ok()?;
	output.status.success().then(|| text.lines().next().map(Into::into))?
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn head_should_be_read_on_this_machine() {
		let head = Head::read("docs/figures.md").unwrap();
		assert!(!head.processor.is_empty() && head.cores > 0 && head.memory > 1 << 20 && head.load >= 0.0);
		assert!(head.date.ends_with(" UTC"), "{}", head.date);
	}

	#[test]
	fn program_should_give_no_line_when_it_fails() {
		assert_eq!(first_line("echo", &["one\ntwo"]).as_deref(), Some("one"));
		assert_eq!(first_line("false", &[]), None);
		assert_eq!(first_line("./nothing-of-this-name", &[]), None);
	}
}
