//! The lock that a hook and all its children hold while they live.
//!
//! It outlives the agent: whoever finds it taken knows that an earlier hook is still at work.

use crate::boot::Moment;
use rustix::{
	io::{fcntl_setfd, FdFlags},
	process::{kill_process_group, Pid, Signal},
};
use std::{
	fs::{self, File, OpenOptions, TryLockError},
	io::{self, Write},
	path::{Path, PathBuf},
};
use waybill_daemon::disk;

/// The taken lock. The operating system releases it when the last process that inherited it ends.
#[derive(Debug)]
pub(super) struct Lock {
	path: PathBuf,
	file: File,
}

impl Lock {
	/// Takes the lock; `None` if an earlier hook or one of its children lives.
	pub fn take(path: &Path) -> io::Result<Option<Self>> {
		let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
		match file.try_lock() {
			Ok(()) => Ok(Some(Self { path: path.into(), file })),
			Err(TryLockError::WouldBlock) => Ok(None),
			Err(TryLockError::Error(error)) => Err(error),
		}
	}

	/// Starts a program that inherits the lock.
	pub fn inherited<T>(&self, spawn: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
		fcntl_setfd(&self.file, FdFlags::empty())?;
		let spawned = spawn();
		fcntl_setfd(&self.file, FdFlags::CLOEXEC)?;
		spawned
	}

	/// Notes who leads the group that inherited the lock. It matters only until the machine
	/// restarts, so it need not reach the disk.
	pub fn note(&self, leader: Pid) {
		let note = || {
			let leader = Leader::of(leader)?;
			self.file.set_len(0)?;
			(&self.file).write_all(leader.to_line().as_bytes())
		};
		if let Err(error) = note() {
			tracing::warn!(%error, "cannot note the hook's process group");
		}
	}

	/// Makes way for the next lock, whoever still holds this one.
	pub fn forget(&self) {
		if let Err(error) = disk::remove(&self.path) {
			tracing::warn!(%error, path = %self.path.display(), "cannot remove the hook's lock");
		}
	}
}

/// Kills the group that holds the lock, if it is surely the one that was noted.
pub(super) fn kill_holder(path: &Path) {
	let Some(leader) = fs::read_to_string(path).ok().and_then(|line| Leader::from_line(&line)) else { return };
	let Some(pid) = leader.is_this_boots().then(|| Pid::from_raw(leader.pid)).flatten() else { return };
	// The kernel gives a group's number to no new process while the group has a member. So another
	// process of that number means that the group is gone.
	if Leader::of(pid).is_ok_and(|found| found.started != leader.started) {
		return;
	}
	let _ = kill_process_group(pid, Signal::KILL);
}

/// The leader of a process group.
struct Leader {
	pid: i32,
	/// When it started, in the kernel's ticks since boot.
	started: u64,
	boot: String,
}

impl Leader {
	fn of(pid: Pid) -> io::Result<Self> {
		let pid = pid.as_raw_nonzero().get();
		let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
		// The program's name, in parentheses, may hold anything. `started` is field 22 of proc(5).
		let fields = stat.rsplit(')').next().unwrap_or_default();
		let started = fields.split_whitespace().nth(19).and_then(|ticks| ticks.parse().ok());
		let started = started.ok_or(io::ErrorKind::InvalidData)?;
		Ok(Self { pid, started, boot: Moment::now().boot })
	}

	fn is_this_boots(&self) -> bool {
		!self.boot.is_empty() && self.boot == Moment::now().boot
	}

	fn to_line(&self) -> String {
		format!("{} {} {}\n", self.pid, self.started, self.boot)
	}

	fn from_line(line: &str) -> Option<Self> {
		let mut words = line.split_whitespace();
		let (pid, started, boot) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.into());
		Some(Self { pid, started, boot })
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::{os::unix::process::CommandExt, process::Command, thread::sleep, time::Duration};

	#[test]
	fn lock_should_be_free_only_when_every_child_has_ended() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("hook.lock");
		let lock = Lock::take(&path).unwrap().unwrap();
		let mut command = Command::new("sh");
		// The leader ends at once, its child does not.
		command.args(["-c", "sleep 60 &"]).process_group(0);
		let mut leader = lock.inherited(|| command.spawn()).unwrap();
		lock.note(Pid::from_child(&leader));
		leader.wait().unwrap();
		drop(lock);
		assert!(Lock::take(&path).unwrap().is_none());
		kill_holder(&path);
		for _ in 0..100 {
			if Lock::take(&path).unwrap().is_some() {
				return;
			}
			sleep(Duration::from_millis(20));
		}
		panic!("the child of the hook lives");
	}

	#[test]
	fn nobody_should_be_killed_when_the_note_is_of_another_boot_or_process() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("hook.lock");
		let mut command = Command::new("sleep");
		let mut child = command.arg("60").process_group(0).spawn().unwrap();
		let leader = Leader::of(Pid::from_child(&child)).unwrap();
		for note in [
			Leader { boot: "another".into(), ..Leader::from_line(&leader.to_line()).unwrap() }.to_line(),
			Leader { started: leader.started + 1, ..Leader::from_line(&leader.to_line()).unwrap() }.to_line(),
			"1 2".into(),
			String::new(),
		] {
			fs::write(&path, note).unwrap();
			kill_holder(&path);
			assert!(child.try_wait().unwrap().is_none());
		}
		child.kill().unwrap();
		child.wait().unwrap();
	}
}
