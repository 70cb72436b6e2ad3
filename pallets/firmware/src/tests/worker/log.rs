//! Records what the worker logs.

use parking_lot::Mutex;
use std::sync::{Arc, Once};
use tracing::subscriber::DefaultGuard;

/// The log lines of the thread since [`Log::start`].
pub struct Log {
	lines: Lines,
	_guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
	fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
		self.0.lock().extend_from_slice(bytes);
		Ok(bytes.len())
	}

	fn flush(&mut self) -> std::io::Result<()> {
		Ok(())
	}
}

/// Forwards the lines of the `log` crate to `tracing`, unless something else in this process does
/// so already.
fn forward_log() {
	static ONCE: Once = Once::new();
	ONCE.call_once(|| {
		let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::ERROR).try_init();
		while log::max_level() == log::LevelFilter::Off {
			std::thread::yield_now();
		}
		log::set_max_level(log::LevelFilter::Info);
	});
}

impl Log {
	/// Starts an empty record.
	pub fn start() -> Self {
		forward_log();
		let lines = Lines::default();
		let writer = lines.clone();
		let subscriber = tracing_subscriber::fmt()
			.with_max_level(tracing::Level::INFO)
			.with_ansi(false)
			.with_writer(move || writer.clone())
			.finish();
		Self { lines, _guard: tracing::subscriber::set_default(subscriber) }
	}

	/// Asserts that one of the worker's lines contains this text.
	pub fn assert_has(&self, text: &str) {
		let lines = String::from_utf8(self.lines.0.lock().clone()).unwrap();
		let own = |line: &&str| line.contains(crate::worker::LOG_TARGET) && line.contains(text);
		assert!(lines.lines().any(|line| own(&line)), "no line has {text:?}:\n{lines}");
	}
}
