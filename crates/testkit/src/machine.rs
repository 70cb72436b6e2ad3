//! A machine with two slots that is a folder, for hooks of `contrib/hooks`.

use crate::program::in_checkout;
use std::{
	env, fs,
	os::unix::fs::PermissionsExt,
	path::{Path, PathBuf},
	process::Command,
	thread::sleep,
	time::Duration,
};
use tempfile::TempDir;

/// A machine with two slots, of which it runs one.
pub struct Machine {
	folder: TempDir,
	hook: PathBuf,
}

impl Machine {
	/// A machine that runs slot a and uses this hook.
	pub fn new(hook: &str) -> Self {
		let folder = tempfile::tempdir().unwrap();
		let hook = in_checkout("contrib/hooks").join(hook);
		let machine = Self { folder, hook };
		let at = machine.folder.path().display();
		machine.write(
			"hook.conf",
			format!(
				"HEALTH_CHECKS={at}/checks\nDEVICE_A={at}/a\nDEVICE_B={at}/b\nFW_ENV_CONFIG={at}/fw_env.config\n\
				 CMDLINE={at}/cmdline\nREBOOT='touch {at}/restarted'\n\
				 SWUPDATE_OPTIONS='-k {at}/cert.pem -H board:1.0'\n"
			),
		);
		// Two copies, of which one is always whole.
		machine.write("fw_env.config", format!("{at}/env 0x0000 0x4000\n{at}/env 0x4000 0x4000\n"));
		machine.write("env", [0; 0x8000]);
		machine.write("defaults", "waybill_slot=a\n");
		machine.runs("fw_setenv", &["-f", &machine.arg("defaults"), "bootlimit", "3"]);
		for name in ["checks", "bin", "state"] {
			fs::create_dir(machine.path(name)).unwrap();
		}
		machine.write("a", [b'a'; 4096]);
		machine.write("b", [0; 4096]);
		machine.starts("a");
		machine.check("exit 0");
		machine
	}

	/// A file of the machine.
	pub fn path(&self, name: &str) -> PathBuf {
		self.folder.path().join(name)
	}

	fn arg(&self, name: &str) -> String {
		self.path(name).to_str().unwrap().into()
	}

	/// Writes a file.
	pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
		fs::write(self.path(name), bytes).unwrap();
	}

	/// Reads a file.
	pub fn read(&self, name: &str) -> Vec<u8> {
		fs::read(self.path(name)).unwrap()
	}

	/// Reads a text file.
	pub fn text(&self, name: &str) -> String {
		String::from_utf8(self.read(name)).unwrap()
	}

	/// Writes a program.
	pub fn program(&self, name: &str, text: &str) {
		self.write(name, format!("#!/bin/sh\n{text}\n"));
		fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
	}

	/// Runs a program of libubootenv, and returns what it prints.
	fn runs(&self, program: &str, args: &[&str]) -> String {
		let output = Command::new(program).args(["-c", &self.arg("fw_env.config")]).args(args).output().unwrap();
		assert!(output.status.success(), "{program} {args:?}: {output:?}");
		String::from_utf8(output.stdout).unwrap().trim().into()
	}

	/// A variable of U-Boot.
	pub fn variable(&self, name: &str) -> String {
		self.runs("fw_printenv", &["-n", name])
	}

	/// The maker's own health check.
	pub fn check(&self, text: &str) {
		self.program("checks/10-it-works", text);
	}

	/// The machine starts this slot.
	pub fn starts(&self, slot: &str) {
		self.write("cmdline", format!("quiet waybill.slot={slot} ro\n"));
		let _ = fs::remove_file(self.path("restarted"));
	}

	/// What the agent would get from the hook: its exit status.
	pub fn asks(&self, action: &str, trial: u64, image: Option<&str>) -> i32 {
		let (hook, environment) = self.hook();
		let mut command = Command::new(hook);
		command.arg(action).envs(environment);
		command.env("WAYBILL_STATE", self.path("state")).env("WAYBILL_TRIAL", trial.to_string());
		if let Some(image) = image {
			command.env("WAYBILL_IMAGE", self.path(image)).env("WAYBILL_RELEASE", trial.to_string());
		}
		let output = command.output().unwrap();
		let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
		println!("{action}: {}: {said}", output.status);
		output.status.code().unwrap_or(-1)
	}

	/// Whether the hook restarts the machine.
	pub fn restarts(&self) -> bool {
		for _ in 0..150 {
			if self.path("restarted").exists() {
				return true;
			}
			sleep(Duration::from_millis(20));
		}
		false
	}

	/// U-Boot after `bootlimit` starts: `altbootcmd` of the README.
	pub fn goes_back(&self) {
		let before = self.variable("waybill_before");
		self.write("script", format!("waybill_slot={before}\nwaybill_release=\nupgrade_available=0\nbootcount=0\n"));
		self.runs("fw_setenv", &["-s", &self.arg("script")]);
		self.starts(&before);
	}

	/// Makes the file `image`: a signed `.swu` file that writes `content` to either slot.
	pub fn swu(&self, content: &[u8]) {
		let shell = |text: &str| {
			let output = Command::new("sh").args(["-euc", text]).current_dir(self.folder.path()).output().unwrap();
			assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
		};
		self.write("rootfs.img", content);
		let mode = |slot: &str| {
			let device = self.arg(slot);
			let image = format!("filename = \"rootfs.img\"; device = \"{device}\"; type = \"raw\"; sha256 = \"SHA\";");
			format!("{slot}: {{ images: ({{ {image} }}); }};")
		};
		let about = "version = \"1.0.0\"; hardware-compatibility: [ \"1.0\" ];";
		self.write("sw-description", format!("software = {{ {about} stable = {{ {} {} }}; }}\n", mode("a"), mode("b")));
		shell("sed -i s/SHA/$(sha256sum rootfs.img | cut -c -64)/g sw-description");
		shell(
			"[ -e key.pem ] || openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=maker \
			 -addext extendedKeyUsage=emailProtection -days 30",
		);
		shell(
			"openssl cms -sign -in sw-description -out sw-description.sig -signer cert.pem -inkey key.pem \
			 -outform DER -nosmimecap -binary",
		);
		shell("printf 'sw-description\\nsw-description.sig\\nrootfs.img\\n' | cpio -o -H crc >image");
	}

	/// The hook's path, and the environment that it needs.
	pub fn hook(&self) -> (&Path, [(&'static str, String); 3]) {
		let path = format!("{}:{}", self.arg("bin"), env::var("PATH").unwrap());
		// SWUpdate makes its sockets in TMPDIR.
		let environment = [("WAYBILL_HOOK_CONFIG", self.arg("hook.conf")), ("PATH", path), ("TMPDIR", self.arg("state"))];
		(&self.hook, environment)
	}
}
