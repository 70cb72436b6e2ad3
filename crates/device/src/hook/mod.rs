//! The programs of the device's maker: the hook, which makes an image the one that runs, and the
//! health check.
//!
//! Each runs in a process group of its own, which ends as a whole. Never do two run at once, also
//! not after the agent was killed.

mod group;
mod lock;

use crate::{config::Config, slots::Firmware};
use group::Group;
use lock::{kill_holder, Lock};
use rustix::fs::{access, Access};
use std::{
	fmt, io,
	path::{Path, PathBuf},
	process::{ExitStatus, Stdio},
	time::{Duration, Instant},
};
use tokio::{process::Command, time::sleep};
use waybill_primitives::{Hash32, ReleaseId};

/// The exit status of a program that wants to be asked again later: EX_TEMPFAIL of sysexits(3).
const LATER: i32 = 75;
/// The exit status of a hook that finds an image to be for other devices: EX_DATAERR of
/// sysexits(3).
const INCOMPATIBLE: i32 = 65;
/// How often to look whether an earlier hook has ended.
const LOOK: Duration = Duration::from_millis(200);
/// How long a killed hook may take to be gone.
const GONE: Duration = Duration::from_secs(5);

/// What a program is asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
	/// Make the image the firmware that runs.
	Install,
	/// Keep the firmware: it has proven itself.
	Confirm,
	/// Make the image before, or the factory's, the firmware that runs.
	Rollback,
	/// Say whether the firmware runs and works.
	Health,
}

impl fmt::Display for Action {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::Install => "install",
			Self::Confirm => "confirm",
			Self::Rollback => "rollback",
			Self::Health => "health",
		})
	}
}

/// How a program ended.
#[derive(Debug)]
pub(crate) enum Ended {
	/// With success. Has the hash of what it printed.
	Done(Hash32),
	/// It wants to be asked again.
	Later,
	/// The image is not for this device.
	Incompatible,
	/// With this exit status, which is not 0. Has the hash of what it printed.
	Failed(u8, Hash32),
	/// By a signal or its time limit, or it cannot be run.
	Stopped(Stop),
	/// It did not start, because an earlier one is still at work.
	Busy,
}

/// Why a program ended without an exit status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
	#[error("it cannot be run: {0}")]
	Start(io::Error),
	#[error("it was ended by a signal ({0})")]
	Signal(ExitStatus),
	#[error("it took longer than {} s and was stopped", .0.as_secs())]
	Limit(Duration),
}

/// A program that is configured and cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("cannot run the {role} {}: {cause}; check the file and its mode", program.display())]
pub struct HookError {
	/// "hook" or "health check".
	pub role: &'static str,
	/// The program.
	pub program: PathBuf,
	/// Why.
	pub cause: io::Error,
}

/// The maker's programs, and the one that runs.
#[derive(Debug)]
pub(crate) struct Hooks {
	hook: Option<PathBuf>,
	health: Option<PathBuf>,
	limit: Duration,
	lock: PathBuf,
	state: PathBuf,
	running: Option<Group>,
}

impl Hooks {
	/// The programs that the configuration names, for the device in the folder `state`.
	pub fn new(config: &Config, state: &Path) -> Self {
		// A name without a slash would be looked up in PATH.
		let place = |program: &PathBuf| std::path::absolute(program).unwrap_or_else(|_| program.clone());
		Self {
			hook: config.hook.as_ref().map(place),
			health: config.health.as_ref().map(place),
			limit: Duration::from_secs(config.hook_timeout),
			lock: state.join("hook.lock"),
			state: state.into(),
			running: None,
		}
	}

	/// Whether there is a program for this.
	pub fn has(&self, action: Action) -> bool {
		self.program(action).is_some()
	}

	/// Whether a program runs.
	pub const fn is_running(&self) -> bool {
		self.running.is_some()
	}

	/// Checks that the programs are there and can be run.
	pub fn check(&self) -> Result<(), HookError> {
		for (role, program) in [("hook", &self.hook), ("health check", &self.health)] {
			let Some(program) = program else { continue };
			let is_file = || if program.is_file() { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) };
			is_file().and_then(|()| Ok(access(program, Access::EXEC_OK)?)).map_err(|cause| HookError {
				role,
				program: program.clone(),
				cause,
			})?;
		}
		Ok(())
	}

	/// Runs a program and waits for its end. After a cancelled call, the next one waits for the
	/// program that still runs.
	///
	/// `trial` is the release on trial. `image` is what the program is asked about: an image in a
	/// slot, or `None` for the factory's.
	pub async fn run(&mut self, action: Action, trial: ReleaseId, image: Option<(&Firmware, PathBuf)>) -> Ended {
		let Some(program) = self.program(action).cloned() else { return Ended::Done([0; 32]) };
		if self.running.is_none() {
			let lock = match self.free().await {
				Ok(Some(lock)) => lock,
				Ok(None) => return Ended::Busy,
				Err(error) => return Ended::Stopped(Stop::Start(error)),
			};
			let mut command = command(&program, action, image);
			command.env("WAYBILL_STATE", &self.state).env("WAYBILL_TRIAL", trial.to_string());
			match Group::start(command, self.limit, lock) {
				Ok(group) => self.running = Some(group),
				Err(error) => return Ended::Stopped(Stop::Start(error)),
			}
		}
		let Some(group) = &mut self.running else { return Ended::Busy };
		let waited = group.wait().await;
		let printed = group.printed();
		self.running = None;
		match waited {
			Ok(Some(status)) => match status.code() {
				Some(0) => Ended::Done(printed),
				Some(LATER) => Ended::Later,
				Some(INCOMPATIBLE) if action == Action::Install => Ended::Incompatible,
				Some(code) => Ended::Failed(u8::try_from(code).unwrap_or(u8::MAX), printed),
				None => Ended::Stopped(Stop::Signal(status)),
			},
			Ok(None) => Ended::Stopped(Stop::Limit(self.limit)),
			Err(error) => Ended::Stopped(Stop::Start(error)),
		}
	}

	/// Ends the program that runs, with its children.
	pub async fn stop(&mut self) {
		if let Some(mut group) = self.running.take() {
			group.end().await;
		}
	}

	fn program(&self, action: Action) -> Option<&PathBuf> {
		match action {
			Action::Health => self.health.as_ref(),
			Action::Install | Action::Confirm | Action::Rollback => self.hook.as_ref(),
		}
	}

	/// Takes the lock, once an earlier hook has ended. That one may take the time that it had, and
	/// is killed then. `None` if it is still there.
	async fn free(&self) -> io::Result<Option<Lock>> {
		let since = Instant::now();
		let (mut is_announced, mut is_killed) = (false, false);
		loop {
			if let Some(lock) = Lock::take(&self.lock)? {
				return Ok(Some(lock));
			}
			if !is_announced {
				tracing::warn!("an earlier run of the hook is still at work; waiting for its end");
				is_announced = true;
			}
			if !is_killed && since.elapsed() >= self.limit {
				kill_holder(&self.lock);
				is_killed = true;
			}
			if since.elapsed() >= self.limit + GONE {
				return Ok(None);
			}
			sleep(LOOK).await;
		}
	}
}

fn command(program: &Path, action: Action, image: Option<(&Firmware, PathBuf)>) -> Command {
	let mut command = Command::new(program);
	command.arg(action.to_string()).env("WAYBILL_ACTION", action.to_string());
	match image {
		Some((firmware, image)) => command
			.env("WAYBILL_IMAGE", image)
			.env("WAYBILL_RELEASE", firmware.release.to_string())
			.env("WAYBILL_VERSION", firmware.version.to_string())
			.env("WAYBILL_SECURITY_VERSION", firmware.security_version.to_string()),
		None => command
			.env_remove("WAYBILL_IMAGE")
			.env_remove("WAYBILL_RELEASE")
			.env_remove("WAYBILL_VERSION")
			.env_remove("WAYBILL_SECURITY_VERSION"),
	};
	match action {
		Action::Health => command.stdout(Stdio::piped()),
		// The agent's standard output is for results.
		_ => command.stdout(Stdio::from(io::stderr())),
	};
	command
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::{fs, os::unix::fs::PermissionsExt};
	use tempfile::TempDir;

	fn hooks(text: &str, limit: u64) -> (TempDir, Hooks) {
		let folder = tempfile::tempdir().unwrap();
		let program = folder.path().join("hook");
		fs::write(&program, format!("#!/bin/sh\ncd {}\n{text}\n", folder.path().display())).unwrap();
		fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
		let config = Config { hook: Some(program.clone()), health: Some(program), hook_timeout: limit, ..Config::default() };
		let hooks = Hooks::new(&config, folder.path());
		(folder, hooks)
	}

	async fn until(mut done: impl FnMut() -> bool) {
		for _ in 0..500 {
			if done() {
				return;
			}
			sleep(Duration::from_millis(20)).await;
		}
		panic!("not within 10 s");
	}

	fn is_alive(pid: &str) -> bool {
		// A killed process that nobody has waited for is a zombie.
		fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "))
	}

	#[test]
	fn programs_should_be_named_by_absolute_paths() {
		let config = Config { hook: Some("hook.sh".into()), health: Some("/bin/true".into()), ..Config::default() };
		let hooks = Hooks::new(&config, Path::new("/state"));
		assert_eq!(hooks.hook, Some(std::env::current_dir().unwrap().join("hook.sh")));
		assert_eq!(hooks.health, Some("/bin/true".into()));
	}

	#[tokio::test]
	async fn exit_status_should_decide() {
		for (status, action, expected) in [
			(0, Action::Install, "Done"),
			(75, Action::Install, "Later"),
			(75, Action::Health, "Later"),
			(65, Action::Install, "Incompatible"),
			(65, Action::Health, "Failed(65"),
			(3, Action::Rollback, "Failed(3"),
		] {
			let (_folder, mut hooks) = hooks(&format!("exit {status}"), 60);
			let ended = format!("{:?}", hooks.run(action, 7, None).await);
			assert!(ended.starts_with(expected), "{ended}, not {expected}");
			assert!(!hooks.is_running());
		}
		let (_folder, mut hooks) = hooks("kill -9 $$", 60);
		assert!(matches!(hooks.run(Action::Confirm, 7, None).await, Ended::Stopped(Stop::Signal(_))));
	}

	#[tokio::test]
	async fn health_should_be_hashed_as_it_is_printed() {
		let (_folder, mut hooks) = hooks("echo $1 is fine", 60);
		let Ended::Done(printed) = hooks.run(Action::Health, 7, None).await else { panic!("it failed") };
		assert_eq!(printed, <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(b"health is fine\n")));
	}

	#[tokio::test]
	async fn children_should_end_with_a_hook_that_takes_too_long() {
		let (folder, mut hooks) = hooks("sleep 900 & echo $! > child; wait", 1);
		assert!(matches!(hooks.run(Action::Install, 7, None).await, Ended::Stopped(Stop::Limit(_))));
		let child = fs::read_to_string(folder.path().join("child")).unwrap();
		until(|| !is_alive(&child)).await;
	}

	#[tokio::test]
	async fn children_should_end_when_the_agent_stops_or_is_dropped() {
		for is_told in [true, false] {
			let (folder, mut hooks) = hooks("sleep 900 & echo $! > child; wait", 600);
			let path = folder.path().join("child");
			tokio::select! {
				ended = hooks.run(Action::Install, 7, None) => panic!("{ended:?}"),
				() = until(|| fs::read_to_string(&path).is_ok_and(|pid| pid.ends_with('\n'))) => {},
			}
			assert!(hooks.is_running());
			let child = fs::read_to_string(&path).unwrap();
			assert!(is_alive(&child));
			if is_told {
				hooks.stop().await;
			}
			drop(hooks);
			until(|| !is_alive(&child)).await;
		}
	}

	#[tokio::test]
	async fn two_hooks_should_never_work_at_once_when_an_agent_is_killed() {
		let (folder, mut hooks) = hooks("echo $1 begins >> log; sleep 1; echo $1 ends >> log", 60);
		let log = folder.path().join("log");
		let read = || fs::read_to_string(&log).unwrap_or_default();
		// An agent that is killed leaves its hook running.
		let killed = Lock::take(&hooks.lock).unwrap().unwrap();
		let mut orphan = command(hooks.hook.as_ref().unwrap(), Action::Install, None);
		let mut orphan = killed.inherited(|| orphan.process_group(0).spawn()).unwrap();
		drop(killed);
		assert!(matches!(hooks.run(Action::Rollback, 7, None).await, Ended::Done(_)));
		assert_eq!(read(), "install begins\ninstall ends\nrollback begins\nrollback ends\n");
		orphan.wait().await.unwrap();
	}

	#[tokio::test]
	async fn service_that_a_hook_leaves_running_should_not_hold_up_the_next() {
		let (folder, mut hooks) = hooks("sleep 900 & echo $! > child", 2);
		for _ in 0..2 {
			assert!(matches!(hooks.run(Action::Install, 7, None).await, Ended::Done(_)));
			let child = fs::read_to_string(folder.path().join("child")).unwrap();
			assert!(is_alive(&child));
			rustix::process::kill_process(
				rustix::process::Pid::from_raw(child.trim().parse().unwrap()).unwrap(),
				rustix::process::Signal::KILL,
			)
			.unwrap();
		}
	}

	#[tokio::test]
	async fn programs_that_cannot_run_should_be_found_beforehand() {
		let (folder, mut hooks) = hooks("exit 0", 60);
		hooks.check().unwrap();
		let program = folder.path().join("hook");
		fs::set_permissions(&program, fs::Permissions::from_mode(0o644)).unwrap();
		assert!(hooks.check().unwrap_err().to_string().contains("hook"));
		fs::remove_file(&program).unwrap();
		assert!(hooks.check().unwrap_err().to_string().contains("check the file"));
		hooks.hook = None;
		assert!(hooks.check().unwrap_err().to_string().contains("health check"));
		assert!(matches!(hooks.run(Action::Health, 7, None).await, Ended::Stopped(Stop::Start(_))));
		assert!(matches!(hooks.run(Action::Install, 7, None).await, Ended::Done(_)));
		hooks.health = Some(folder.path().into());
		assert!(hooks.check().is_err());
	}
}
