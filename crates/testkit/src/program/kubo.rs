//! kubo, the real one.

use super::{free_port, installed};
use std::{
	net::TcpStream,
	path::Path,
	process::{Child, Command, Stdio},
	thread::sleep,
	time::Duration,
};
use tempfile::TempDir;

/// A kubo node that talks to no other one. Dropping this value kills it.
pub struct Kubo {
	process: Child,
	folder: TempDir,
	ports: [u16; 2],
}

impl Kubo {
	/// Starts it.
	pub fn start() -> Self {
		Self::with(&[])
	}

	/// Starts it with these settings, each a name and its value in JSON.
	pub fn with(settings: &[(&str, &str)]) -> Self {
		let folder = tempfile::tempdir().unwrap();
		let ports = [free_port(), free_port()];
		let ipfs = |args: &[&str]| ipfs(folder.path(), args);
		let [gateway, api] = ports.map(|port| format!("/ip4/127.0.0.1/tcp/{port}"));
		assert!(ipfs(&["init", "--profile=test"]).status().unwrap().success());
		assert!(ipfs(&["config", "Addresses.Gateway", &gateway]).status().unwrap().success());
		assert!(ipfs(&["config", "Addresses.API", &api]).status().unwrap().success());
		for (name, value) in settings {
			assert!(ipfs(&["config", "--json", name, value]).status().unwrap().success());
		}
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

	/// The CID that it gives a file if nobody says how to divide it.
	pub fn cid_of(&self, file: &Path) -> String {
		let add = ["add", "--only-hash", "--quieter", "--cid-version=1"];
		let added = ipfs(self.folder.path(), &add).arg(file).stdout(Stdio::piped()).output().unwrap();
		String::from_utf8(added.stdout).unwrap().trim().to_owned()
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

fn ipfs(repository: &Path, args: &[&str]) -> Command {
	let mut command = Command::new(installed("ipfs"));
	command.env("IPFS_PATH", repository).args(args).stdout(Stdio::null()).stderr(Stdio::null());
	command
}

impl Drop for Kubo {
	fn drop(&mut self) {
		let _ = self.process.kill();
		let _ = self.process.wait();
	}
}
