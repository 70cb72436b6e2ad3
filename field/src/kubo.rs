//! kubo, the real one.

use std::{
	net::TcpStream,
	process::{Child, Command, Stdio},
	thread::sleep,
	time::Duration,
};
use tempfile::TempDir;
use waybill_testkit::program::{free_port, installed};

/// A kubo node that talks to no other one. Dropping this value kills it.
pub struct Kubo {
	process: Child,
	folder: TempDir,
	ports: [u16; 2],
}

impl Kubo {
	/// Starts it.
	pub fn start() -> Self {
		let folder = tempfile::tempdir().unwrap();
		let ports = [free_port(), free_port()];
		let ipfs = |args: &[&str]| {
			let mut command = Command::new(installed("ipfs"));
			command.env("IPFS_PATH", folder.path()).args(args).stdout(Stdio::null()).stderr(Stdio::null());
			command
		};
		let [gateway, api] = ports.map(|port| format!("/ip4/127.0.0.1/tcp/{port}"));
		assert!(ipfs(&["init", "--profile=test"]).status().unwrap().success());
		assert!(ipfs(&["config", "Addresses.Gateway", &gateway]).status().unwrap().success());
		assert!(ipfs(&["config", "Addresses.API", &api]).status().unwrap().success());
		let process = ipfs(&["daemon"]).spawn().unwrap();
		let kubo = Self { process, folder, ports };
		// The gateway is the last to listen.
		let listens = (0..300).any(|_| {
			sleep(Duration::from_millis(200));
			TcpStream::connect(("127.0.0.1", ports[0])).is_ok()
		});
		assert!(listens, "kubo did not start in {}", kubo.folder.path().display());
		kubo
	}

	/// The address of its gateway.
	pub fn gateway(&self) -> String {
		format!("http://127.0.0.1:{}", self.ports[0])
	}

	/// The address of its RPC server.
	pub fn api(&self) -> String {
		format!("http://127.0.0.1:{}", self.ports[1])
	}
}

impl Drop for Kubo {
	fn drop(&mut self) {
		let _ = self.process.kill();
		let _ = self.process.wait();
	}
}
