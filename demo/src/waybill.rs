//! Calls the `waybill` program as a person or a script would.

use crate::process::{command, run};
use anyhow::{anyhow, bail, ensure, Context, Error, Result};
use serde::{de::DeserializeOwned, Deserialize};
use std::{
	fmt,
	path::{Path, PathBuf},
	time::Duration,
};
use tokio::{process::Command, time::timeout};

/// How long a call may take. Some wait for final blocks or for attesters.
const PATIENCE: Duration = Duration::from_secs(300);

/// Bounties are short here. So devices accept five remaining blocks, and distributors reserve
/// receipts after two seconds.
const IN_A_HURRY: &str = "[distributor]\nmax_delay = 2\n[device]\nmin_margin = 5\n";

/// How to call the program.
#[derive(Clone)]
pub struct Waybill {
	program: PathBuf,
	config: PathBuf,
	log: PathBuf,
}

/// The program's answer when it failed.
#[derive(Debug, Deserialize)]
pub struct Failure {
	/// The kind of the failure.
	pub kind: String,
	/// The name of the chain's error or of the device's refusal.
	pub name: Option<String>,
	/// The program's message.
	pub message: String,
}

#[derive(Deserialize)]
struct Failed {
	error: Failure,
}

/// The log to look at when something failed. It is a context of errors that their text does not
/// show.
#[derive(Debug)]
pub struct Log(pub PathBuf);

impl fmt::Display for Log {
	fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
		Ok(())
	}
}

impl Waybill {
	/// Gives the program its own configuration file, so that it does not read the user's.
	pub fn new(program: &Path, folder: &Path, name: &str, node: &str, gateway: &str, kubo: &str) -> Result<Self> {
		ensure!(program.is_file(), "{} is missing: build it first", program.display());
		let config = folder.join(format!("{name}.toml"));
		let text = format!("node = \"{node}\"\ngateway = \"{gateway}\"\nkubo = \"{kubo}\"\n{IN_A_HURRY}");
		std::fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
		Ok(Self { program: program.into(), config, log: folder.join(format!("{name}.log")) })
	}

	/// The same program, with a configuration that names a distributor to devices.
	pub fn knowing(&self, url: &str) -> Result<Self> {
		let config = self.config.with_extension("more.toml");
		let text =
			std::fs::read_to_string(&self.config).with_context(|| format!("cannot read {}", self.config.display()))?;
		// The section `[device]` is the last one.
		std::fs::write(&config, format!("{text}distributors = [\"{url}\"]\n"))
			.with_context(|| format!("cannot write {}", config.display()))?;
		Ok(Self { config, ..self.clone() })
	}

	/// The same program with another log.
	pub fn with_log(&self, log: PathBuf) -> Self {
		Self { log, ..self.clone() }
	}

	/// The command for some arguments.
	pub fn command(&self, arguments: &[&str]) -> Command {
		let mut command = command(&self.program);
		command.arg("--config").arg(&self.config).arg("--json").args(arguments);
		command
	}

	/// Runs the program and reads its answer.
	pub async fn ask<T: DeserializeOwned>(&self, arguments: &[&str]) -> Result<T> {
		match self.call(arguments).await? {
			Ok(answer) => serde_json::from_str(&answer)
				.with_context(|| format!("`waybill {}` answered {answer}", arguments.join(" ")))
				.context(Log(self.log.clone())),
			Err(failure) => Err(self.explain(arguments, &failure)),
		}
	}

	/// Runs the program, which must succeed.
	pub async fn tell(&self, arguments: &[&str]) -> Result<()> {
		match self.call(arguments).await? {
			Ok(_) => Ok(()),
			Err(failure) => Err(self.explain(arguments, &failure)),
		}
	}

	/// Runs the program, which must fail.
	pub async fn refused(&self, arguments: &[&str]) -> Result<Failure> {
		match self.call(arguments).await? {
			Ok(answer) => bail!("`waybill {}` should have failed, but answered {answer}", arguments.join(" ")),
			Err(failure) => Ok(failure),
		}
	}

	fn explain(&self, arguments: &[&str], failure: &Failure) -> Error {
		Error::msg(format!("`waybill {}`: {}", arguments.join(" "), failure.message)).context(Log(self.log.clone()))
	}

	async fn call(&self, arguments: &[&str]) -> Result<Result<String, Failure>> {
		let called = timeout(PATIENCE, run(self.command(arguments), &self.log)).await;
		let late = || anyhow!("`waybill {}` has not ended after {} s", arguments.join(" "), PATIENCE.as_secs());
		let (status, output) = called.map_err(|_| late().context(Log(self.log.clone())))??;
		if status.success() {
			return Ok(Ok(output));
		}
		let last = output.lines().last().unwrap_or_default();
		match serde_json::from_str::<Failed>(last) {
			Ok(failed) => Ok(Err(failed.error)),
			Err(_) => {
				let error = anyhow!("`waybill {}` ended with {status}", arguments.join(" "));
				Err(error.context(Log(self.log.clone())))
			},
		}
	}
}

/// A path as an argument.
pub fn text(path: &Path) -> Result<&str> {
	path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}
