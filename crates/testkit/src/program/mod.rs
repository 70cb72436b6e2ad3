//! The programs as their users run them: a running chain, and `waybill` in a home of its own.

mod kubo;
mod node;
mod service;
mod world;

pub use crate::ipfs::Ipfs;
pub use kubo::Kubo;
pub use node::Node;
pub use service::Service;
pub use world::{program, release_of, vendor, vendor_of, World, DEVICES};

use serde_json::Value;
use std::{
	env,
	io::{BufRead, BufReader},
	path::PathBuf,
	process::{Command, Stdio},
	thread::{self, sleep},
	time::{Duration, Instant},
};
use tempfile::TempDir;

/// A program that the build has put where this one is, or above it.
pub fn built(name: &str) -> PathBuf {
	let this = env::current_exe().unwrap();
	let found = this.ancestors().skip(1).map(|folder| folder.join(name)).find(|program| program.is_file());
	found.unwrap_or_else(|| panic!("there is no {name} beside {}; run `make build`", this.display()))
}

/// A program that `make setup` has put into the project's folder for tools.
pub fn installed(name: &str) -> PathBuf {
	let cache = env::var_os("WAYBILL_CACHE").map(PathBuf::from);
	let cache = cache.unwrap_or_else(|| PathBuf::from(env::var_os("HOME").unwrap()).join(".cache/waybill"));
	let program = cache.join("bin").join(name);
	assert!(program.is_file(), "{} is missing; run `make setup`", program.display());
	program
}

/// A port that nobody uses.
pub fn free_port() -> u16 {
	portpicker::pick_unused_port().unwrap()
}

/// A file or folder of the checkout that runs the test. Found when the test runs: checkouts share what
/// was compiled.
pub fn in_checkout(path: &str) -> PathBuf {
	let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests"));
	let checkout = package.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
	checkout.expect("the workspace has a lock file").join(path)
}

/// The longest time that a command may take.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A command to run.
pub struct Run(Command);

impl Run {
	/// With a variable in its environment.
	pub fn env(mut self, name: &str, value: &str) -> Self {
		self.0.env(name, value);
		self
	}

	/// With one more argument.
	pub fn arg(mut self, arg: &str) -> Self {
		self.0.arg(arg);
		self
	}

	/// Starts it.
	pub fn start(mut self) -> Running {
		let words = format!("{:?}", self.0.get_args().collect::<Vec<_>>());
		self.0.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
		Running { words, process: self.0.spawn().unwrap() }
	}

	/// Runs it to its end.
	pub fn run(self) -> Done {
		self.start().wait()
	}
}

/// A command that runs.
pub struct Running {
	words: String,
	process: std::process::Child,
}

impl Running {
	/// Waits until it prints this on standard error. The test can no longer read that output
	/// afterwards.
	pub fn until_said(mut self, text: &str) -> Self {
		let mut lines = BufReader::new(self.process.stderr.take().unwrap()).lines();
		assert!(lines.any(|line| line.unwrap().contains(text)), "waybill {} did not say {text}", self.words);
		// Drain the pipe, so that the command can go on printing.
		thread::spawn(move || lines.for_each(drop));
		self
	}

	/// Whether it has ended.
	pub fn has_ended(&mut self) -> bool {
		self.process.try_wait().unwrap().is_some()
	}

	/// The most memory that it has had so far, in bytes, while it runs.
	pub fn peak_memory(&self) -> Option<u64> {
		let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
		let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
		Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
	}

	/// Ends it at once.
	pub fn kill(mut self) {
		self.process.kill().unwrap();
		self.process.wait().unwrap();
	}

	/// Waits for its end.
	pub fn wait(self) -> Done {
		self.wait_within(TIMEOUT)
	}

	/// Waits for its end, at most this long.
	pub fn wait_within(mut self, limit: Duration) -> Done {
		let started = Instant::now();
		while self.process.try_wait().unwrap().is_none() {
			if started.elapsed() > limit {
				self.process.kill().unwrap();
				panic!("waybill {} did not end", self.words);
			}
			sleep(Duration::from_millis(20));
		}
		let output = self.process.wait_with_output().unwrap();
		let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
		Done {
			words: self.words,
			code: output.status.code().unwrap(),
			stdout: text(&output.stdout),
			stderr: text(&output.stderr),
		}
	}
}

/// What a command did.
pub struct Done {
	words: String,
	code: i32,
	/// What it printed.
	pub stdout: String,
	/// What it printed on standard error.
	pub stderr: String,
}

impl Done {
	/// Its exit code.
	pub const fn code(&self) -> i32 {
		self.code
	}

	/// Fails unless it exited with this code.
	pub fn exits(self, code: i32) -> Self {
		assert_eq!(self.code, code, "waybill {}: {}{}", self.words, self.stdout, self.stderr);
		self
	}

	/// Fails unless it printed this.
	pub fn prints(self, text: &str) -> Self {
		assert!(self.stdout.contains(text), "waybill {} did not print {text}: {}", self.words, self.stdout);
		self
	}

	/// Fails if it printed something.
	pub fn prints_nothing(self) -> Self {
		assert_eq!(self.stdout, "", "waybill {}", self.words);
		self
	}

	/// Fails unless it printed this on standard error.
	pub fn says(self, text: &str) -> Self {
		assert!(self.stderr.contains(text), "waybill {} did not say {text}: {}", self.words, self.stderr);
		self
	}

	/// The JSON that it printed.
	pub fn json(&self) -> Value {
		serde_json::from_str(&self.stdout)
			.unwrap_or_else(|error| panic!("waybill {}: {error}: {}{}", self.words, self.stdout, self.stderr))
	}
}

/// The program in a home of its own.
pub struct Waybill {
	home: TempDir,
	globals: Vec<String>,
}

impl Waybill {
	/// Without a network.
	pub fn offline() -> Self {
		Self { home: tempfile::tempdir().unwrap(), globals: Vec::new() }
	}

	/// With a node to talk to.
	pub fn with(node: &Node) -> Self {
		let mut waybill = Self::offline();
		waybill.globals = vec!["--node".into(), node.url()];
		waybill
	}

	/// Without the node and the flags that every command had.
	pub fn without_flags(mut self) -> Self {
		self.globals.clear();
		self
	}

	/// With a flag for every command.
	pub fn flag(mut self, flag: &str, value: &str) -> Self {
		self.globals.extend([flag.into(), value.into()]);
		self
	}

	/// A file in the program's home.
	pub fn file(&self, name: &str) -> PathBuf {
		self.home.path().join(name)
	}

	/// The path of such a file, as an argument.
	pub fn arg(&self, name: &str) -> String {
		self.file(name).to_str().unwrap().into()
	}

	/// The program with these arguments, separated by spaces.
	pub fn command(&self, args: &str) -> Run {
		self.command_of(Command::new(built("waybill")), args)
	}

	/// Another program with these arguments, in the same home.
	pub fn command_of(&self, mut command: Command, args: &str) -> Run {
		command.env_clear().env("HOME", self.home.path()).current_dir(self.home.path());
		command.args(args.split_whitespace()).args(&self.globals);
		Run(command)
	}

	/// Runs a command to its end.
	pub fn run(&self, args: &str) -> Done {
		self.command(args).run()
	}

	/// The JSON that a command prints when it succeeds.
	pub fn json(&self, args: &str) -> Value {
		self.command(args).arg("--json").run().exits(0).json()
	}

	/// The exit code and the JSON object of a command that fails.
	pub fn failure(&self, args: &str) -> (i32, Value) {
		let done = self.command(args).arg("--json").run();
		assert_ne!(done.code, 0, "waybill {args} did not fail");
		(done.code, done.json()["error"].clone())
	}

	/// Fails unless the chain refuses the command with the error of this name.
	pub fn refused(&self, args: &str, name: &str) {
		let (code, error) = self.failure(args);
		assert_eq!((code, error["name"].as_str()), (3, Some(name)), "waybill {args}: {error}");
	}

	/// Makes a new account with this amount, in a file of this name. Returns its address.
	pub fn account(&self, name: &str, amount: &str) -> String {
		let key = self.json(&format!("key generate {name} --account-key"));
		let address = key["address"].as_str().unwrap().to_owned();
		self.json(&format!("account transfer {address} {amount} --account //Alice"));
		address
	}
}

/// The status and the body of the answer at an HTTP address.
pub fn fetched(url: &str) -> (u16, String) {
	let fetch = async {
		let answer = reqwest::get(url).await.unwrap();
		(answer.status().as_u16(), answer.text().await.unwrap())
	};
	tokio::runtime::Runtime::new().unwrap().block_on(fetch)
}

/// An amount in JSON.
pub fn amount(value: &Value) -> u128 {
	value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value} is not an amount"))
}
