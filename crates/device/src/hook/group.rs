//! A program in a process group of its own, which ends as a whole.

use super::lock::Lock;
use rustix::process::{kill_process_group, Pid, Signal};
use sha2::{Digest, Sha256};
use std::{
	convert::Infallible,
	future::pending,
	io,
	process::{ExitStatus, Stdio},
	time::Duration,
};
use tokio::{
	io::AsyncReadExt,
	process::{Child, ChildStdout, Command},
	time::{sleep_until, timeout, Instant},
};
use waybill_primitives::Hash32;

/// How long a program may take to end after SIGTERM, before SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// How long to read on from a program that has ended, because its children may still write.
const DRAIN: Duration = Duration::from_millis(200);
const BUFFER: usize = 4 * 1024;

/// A running program with its children. Dropping it kills them.
#[derive(Debug)]
pub(super) struct Group {
	child: Child,
	/// The group's number: that of its leader.
	pid: Option<Pid>,
	until: Instant,
	printed: Printed,
	/// Held as long as the program or one of its children lives.
	lock: Lock,
}

/// What a program prints, as a hash.
#[derive(Debug, Default)]
struct Printed {
	pipe: Option<ChildStdout>,
	hasher: Sha256,
}

impl Group {
	/// Starts a program, which may run this long. Its children inherit the lock.
	pub fn start(mut command: Command, limit: Duration, lock: Lock) -> io::Result<Self> {
		command.process_group(0).stdin(Stdio::null());
		let mut child = lock.inherited(|| command.spawn())?;
		let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
		if let Some(pid) = pid {
			lock.note(pid);
		}
		let printed = Printed { pipe: child.stdout.take(), hasher: Sha256::new() };
		Ok(Self { child, pid, until: Instant::now() + limit, printed, lock })
	}

	/// Waits for the program's end; `None` if its time is over and it was stopped. Can be called
	/// again after it was cancelled.
	pub async fn wait(&mut self) -> io::Result<Option<ExitStatus>> {
		let Self { child, until, printed, .. } = self;
		let reading = async {
			printed.read().await;
			pending::<Infallible>().await
		};
		let status = tokio::select! {
			status = child.wait() => status?,
			never = reading => match never {},
			() = sleep_until(*until) => {
				self.end().await;
				return Ok(None);
			},
		};
		let _ = timeout(DRAIN, self.printed.read()).await;
		if status.success() {
			// What a hook leaves running, such as a service that it restarted, may keep the lock.
			self.lock.forget();
			self.pid = None;
		} else {
			self.kill(Signal::KILL);
		}
		Ok(Some(status))
	}

	/// The SHA-256 of what the program has printed.
	pub fn printed(&self) -> Hash32 {
		self.printed.hasher.clone().finalize().into()
	}

	/// Ends the whole group: it may end by itself first.
	pub async fn end(&mut self) {
		self.kill(Signal::TERM);
		let _ = timeout(GRACE, self.child.wait()).await;
		self.kill(Signal::KILL);
		let _ = self.child.wait().await;
	}

	fn kill(&self, signal: Signal) {
		if let Some(pid) = self.pid {
			// There may be nobody left in the group.
			let _ = kill_process_group(pid, signal);
		}
	}
}

impl Drop for Group {
	fn drop(&mut self) {
		self.kill(Signal::KILL);
	}
}

impl Printed {
	/// Reads until the pipe is closed.
	async fn read(&mut self) {
		let Some(pipe) = &mut self.pipe else { return };
		let mut buffer = [0; BUFFER];
		while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
			self.hasher.update(buffer.get(..read).unwrap_or_default());
		}
		self.pipe = None;
	}
}
