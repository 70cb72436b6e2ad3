//! The program that runs when a new version is installed.

use crate::{context::Context, error::Result, slots::Firmware};
use std::{
	io,
	path::{Path, PathBuf},
	process::{ExitStatus, Stdio},
	time::{Duration, Instant},
};
use tokio::{process::Command, time::timeout};
use waybill_daemon::backoff::Backoff;
use waybill_primitives::ReleaseId;

/// Why the hook is still due.
#[derive(Debug, thiserror::Error)]
enum Failure {
	#[error("it cannot be run: {0}")]
	Start(io::Error),
	#[error("it failed ({0}); it will be retried")]
	Status(ExitStatus),
	#[error("it cannot be waited for: {0}")]
	Wait(io::Error),
	#[error("it took longer than {} s and was stopped; it will be retried", .0.as_secs())]
	Timeout(Duration),
}

/// The configured hook, and when to retry it.
pub(crate) struct Hook {
	program: Option<PathBuf>,
	timeout: Duration,
	backoff: Backoff,
}

impl Hook {
	/// Runs `program`, each time for at most this long.
	pub fn new(program: Option<PathBuf>, timeout: Duration) -> Self {
		Self { program, timeout, backoff: Backoff::default() }
	}

	/// Runs the hook that is due, if it is for the installed release.
	///
	/// A hook that fails stays due, and does not hold up the device: the next version may bring the
	/// cure.
	pub async fn run(&mut self, context: &mut Context) -> Result<()> {
		let Some(release) = context.memory.hook else { return Ok(()) };
		if !self.backoff.is_due(Instant::now()) {
			return Ok(());
		}
		let installed = context.home.firmware()?.filter(|installed| installed.release == release);
		if let (Some(installed), Some(program)) = (installed, &self.program) {
			if let Err(failure) = run(program, &context.home.slots.image(), &installed, self.timeout).await {
				tracing::error!(error = %failure, release, "the hook is still due");
				context.reporter.hindered_by(format_args!("the hook {}: {failure}", program.display()));
				self.backoff.fail(Instant::now());
				return Ok(());
			}
		}
		context.memory.hook = None;
		context.remember()
	}

	/// Notes that the hook is due once this release is installed.
	pub fn owe(&mut self, context: &mut Context, release: ReleaseId) -> Result<()> {
		if self.program.is_some() {
			context.memory.hook = Some(release);
			self.backoff = Backoff::default();
			context.remember()?;
		}
		Ok(())
	}
}

/// Runs the hook and waits for it. Its environment says what is installed.
async fn run(hook: &Path, image: &Path, installed: &Firmware, limit: Duration) -> Result<(), Failure> {
	let mut child = Command::new(hook)
		.env("WAYBILL_IMAGE", image)
		.env("WAYBILL_RELEASE", installed.release.to_string())
		.env("WAYBILL_VERSION", installed.version.to_string())
		.env("WAYBILL_SECURITY_VERSION", installed.security_version.to_string())
		.stdin(Stdio::null())
		// Standard output is for results.
		.stdout(Stdio::from(io::stderr()))
		.kill_on_drop(true)
		.spawn()
		.map_err(Failure::Start)?;
	match timeout(limit, child.wait()).await {
		Ok(Ok(status)) if status.success() => Ok(()),
		Ok(Ok(status)) => Err(Failure::Status(status)),
		Ok(Err(error)) => Err(Failure::Wait(error)),
		Err(_) => Err(Failure::Timeout(limit)),
	}
}
