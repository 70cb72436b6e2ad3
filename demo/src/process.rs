//! Child processes. Each has a process group of its own and a log, and ends with the demonstration.

use anyhow::{bail, Context, Result};
use std::{
	ffi::OsStr,
	fs::File,
	io::Write,
	path::{Path, PathBuf},
	process::{ExitStatus, Stdio},
	time::Duration,
};
use tokio::{
	io::{AsyncBufReadExt, BufReader},
	process::{Child, Command},
	time::timeout,
};

/// How long a process may take to end by itself.
const GRACE: Duration = Duration::from_secs(15);

/// A process that runs in the background. Dropping it kills its whole group.
pub struct Process {
	child: Child,
	name: String,
	log: PathBuf,
	group: Option<u32>,
}

impl Process {
	/// Starts a program. Its output goes to `log`, except standard output if `read_output`.
	pub fn start(name: &str, mut command: Command, log: &Path, read_output: bool) -> Result<Self> {
		let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
		let output = if read_output { Stdio::piped() } else { file.try_clone()?.into() };
		let child = command
			.stdin(Stdio::piped())
			.stdout(output)
			.stderr(file)
			.process_group(0)
			.kill_on_drop(true)
			.spawn()
			.with_context(|| format!("cannot start {}", command.as_std().get_program().display()))?;
		let group = child.id();
		Ok(Self { child, name: name.into(), log: log.into(), group })
	}

	/// The next line that the program prints. Fails if the program ends before that.
	pub async fn line(&mut self, wait: Duration) -> Result<String> {
		let output = self.child.stdout.take().context("the output is not read")?;
		let mut lines = BufReader::new(output).lines();
		let line = match timeout(wait, lines.next_line()).await {
			Ok(Ok(Some(line))) => line,
			Ok(_) => bail!("{} ended before it was ready", self.name),
			Err(_) => bail!("{} was not ready within {} s", self.name, wait.as_secs()),
		};
		// Read and drop the rest, because a full pipe would stop the program.
		tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
		Ok(line)
	}

	/// Fails if the program has ended.
	pub fn check(&mut self) -> Result<()> {
		match self.child.try_wait()? {
			None => Ok(()),
			Some(status) => {
				self.group = None;
				bail!("{} ended: {status}; its log is {}", self.name, self.log.display())
			},
		}
	}

	/// Asks the program to end, by SIGINT and by closing its standard input. Kills it if it does
	/// not.
	pub async fn stop(mut self) {
		drop(self.child.stdin.take());
		signal(self.group, "INT");
		if timeout(GRACE, self.child.wait()).await.is_err() {
			signal(self.group, "KILL");
			let _ = self.child.wait().await;
		}
		// The program may have left processes behind in its group.
		signal(self.group.take(), "KILL");
	}
}

impl Drop for Process {
	fn drop(&mut self) {
		signal(self.group, "KILL");
	}
}

/// Runs a program to its end, and returns its output. Appends standard output and standard error to
/// a log.
pub async fn run(command: Command, log: &Path) -> Result<(ExitStatus, String)> {
	let (child, mut file) = logged(command, log)?;
	let output = child.wait_with_output().await?;
	file.write_all(&output.stdout)?;
	Ok((output.status, String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// Like [`run`], but passes on each line of output as it arrives.
pub async fn watch(command: Command, log: &Path, mut seen: impl FnMut(&str)) -> Result<ExitStatus> {
	let (mut child, mut file) = logged(command, log)?;
	let output = child.stdout.take().context("the output is not read")?;
	let mut lines = BufReader::new(output).lines();
	while let Some(line) = lines.next_line().await? {
		writeln!(file, "{line}")?;
		seen(&line);
	}
	Ok(child.wait().await?)
}

/// Starts a program with standard error in a log and its output piped. Dropping it kills it.
fn logged(mut command: Command, log: &Path) -> Result<(Child, File)> {
	let file = File::options().create(true).append(true).open(log);
	let mut file = file.with_context(|| format!("cannot write {}", log.display()))?;
	let arguments: Vec<_> = command.as_std().get_args().map(OsStr::to_string_lossy).collect();
	writeln!(file, "$ {} {}", command.as_std().get_program().display(), arguments.join(" "))?;
	let child = command
		.stdin(Stdio::null())
		.stdout(Stdio::piped())
		.stderr(file.try_clone()?)
		.process_group(0)
		.kill_on_drop(true)
		.spawn()
		.with_context(|| format!("cannot start {}", command.as_std().get_program().display()))?;
	Ok((child, file))
}

/// A command without this process's `WAYBILL_` variables.
pub fn command(program: impl AsRef<OsStr>) -> Command {
	let mut command = Command::new(program);
	for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WAYBILL_")) {
		command.env_remove(name);
	}
	command
}

/// The last lines of a log.
pub fn tail(log: &Path, lines: usize) -> String {
	let text = String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned();
	let all: Vec<_> = text.lines().collect();
	all[all.len().saturating_sub(lines)..].join("\n")
}

/// Sends a signal to a process group. The shell's own `kill`: there is one on every system.
fn signal(group: Option<u32>, name: &str) {
	if let Some(group) = group {
		let _ = std::process::Command::new("sh")
			.args(["-c", &format!("kill -s {name} -- -{group}")])
			.stdin(Stdio::null())
			.stdout(Stdio::null())
			.stderr(Stdio::null())
			.status();
	}
}
