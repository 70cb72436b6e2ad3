//! A development node.

use std::{
	fs::File,
	io::Read,
	net::{TcpListener, TcpStream},
	path::{Path, PathBuf},
	process::{Child, Command, Stdio},
	thread::sleep,
	time::{Duration, Instant},
};
use tempfile::TempDir;

const START: Duration = Duration::from_secs(120);

/// A `waybill-node --dev`, with Alice as its only collator. It ends with this value.
pub struct Node {
	process: Child,
	folder: TempDir,
	port: u16,
	gateway: String,
}

impl Node {
	/// Starts a new chain whose off-chain workers use the gateway at this address.
	pub fn start(gateway: &str) -> Self {
		let folder = tempfile::tempdir().unwrap();
		let port = free_port();
		let process = spawn(folder.path(), port, gateway);
		let mut node = Self { process, folder, port, gateway: gateway.into() };
		node.wait();
		node
	}

	/// The RPC address.
	pub fn url(&self) -> String {
		format!("ws://127.0.0.1:{}", self.port)
	}

	/// Ends the process at once.
	pub fn kill(&mut self) {
		let _ = self.process.kill();
		let _ = self.process.wait();
	}

	/// Starts the same chain again, at the same address.
	pub fn restart(&mut self) {
		self.kill();
		self.process = spawn(self.folder.path(), self.port, &self.gateway);
		self.wait();
	}

	fn wait(&mut self) {
		let started = Instant::now();
		while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
			let ended = self.process.try_wait().unwrap().is_some();
			assert!(!ended && started.elapsed() < START, "the node did not start:\n{}", log_of(self.folder.path()));
			sleep(Duration::from_millis(100));
		}
	}
}

impl Drop for Node {
	fn drop(&mut self) {
		self.kill();
		if std::thread::panicking() {
			eprintln!("the node's log:\n{}", log_of(self.folder.path()));
		}
	}
}

fn spawn(folder: &Path, port: u16, gateway: &str) -> Child {
	let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
	Command::new(program())
		.args(["--dev", "--no-mdns", "--no-prometheus", "--no-telemetry", "--base-path"])
		.arg(folder.join("chain"))
		.args(["--rpc-port", &port.to_string(), "--listen-addr", &format!("/ip4/127.0.0.1/tcp/{}", free_port())])
		.args(["--ipfs-gateway", gateway])
		.stdin(Stdio::null())
		.stdout(log.try_clone().unwrap())
		.stderr(log)
		.spawn()
		.unwrap()
}

/// The node's program, which is built into the same folder as the one under test.
fn program() -> PathBuf {
	let program = Path::new(super::PROGRAM).with_file_name("waybill-node");
	assert!(program.is_file(), "{} is missing; build it with `cargo build --release -p waybill-node`", program.display());
	program
}

fn free_port() -> u16 {
	TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// The end of the node's log.
fn log_of(folder: &Path) -> String {
	let mut bytes = Vec::new();
	let _ = File::open(folder.join("log")).and_then(|mut log| log.read_to_end(&mut bytes));
	let start = bytes.len().saturating_sub(8_000);
	String::from_utf8_lossy(&bytes[start..]).into_owned()
}
