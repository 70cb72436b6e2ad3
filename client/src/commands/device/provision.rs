//! `waybill device provision`

use crate::{
	context::Context,
	error::{Kind, OrFail, Result},
};
use serde::Serialize;
use std::{
	fmt,
	fs::OpenOptions,
	io::{self, Read, Seek, SeekFrom, Write},
	path::{Path, PathBuf},
};
use waybill_primitives::DeviceKey;

/// Arguments.
#[derive(clap::Args, Debug)]
pub struct Args {
	/// The folder to make; with --count, the folder in which to make a folder for each device (000,
	/// 001, ...)
	folder: PathBuf,
	/// How many devices to make
	#[arg(long, value_name = "DEVICES", value_parser = clap::value_parser!(u32).range(1..=100_000))]
	count: Option<u32>,
	/// Also append the public keys to this file: one a line, as `waybill vendor fleet` reads them
	#[arg(long, value_name = "FILE")]
	keys: Option<PathBuf>,
}

#[derive(Serialize)]
struct Device {
	folder: PathBuf,
	key: DeviceKey,
}

#[derive(Serialize)]
struct Provisioned {
	devices: Vec<Device>,
}

/// One key a line.
impl fmt::Display for Provisioned {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		self.devices.iter().try_for_each(|device| writeln!(f, "{}", device.key))
	}
}

/// Adds lines to a file, which may have some already. They are on the disk when this returns.
fn append(file: &Path, lines: &str) -> io::Result<()> {
	let mut open = OpenOptions::new().create(true).read(true).append(true).open(file)?;
	let length = open.metadata()?.len();
	let mut last = [b'\n'];
	if length > 0 {
		open.seek(SeekFrom::End(-1))?;
		open.read_exact(&mut last)?;
	}
	if last != *b"\n" {
		open.write_all(b"\n")?;
	}
	open.write_all(lines.as_bytes())?;
	open.sync_all()
}

/// Runs the command.
pub fn run(args: &Args, ctx: &Context) -> Result<()> {
	let folders: Vec<PathBuf> = match args.count {
		None => vec![args.folder.clone()],
		Some(count) => (0..count).map(|number| args.folder.join(format!("{number:03}"))).collect(),
	};
	let mut devices = Vec::new();
	for folder in folders {
		let key = waybill_device::provision(&folder)?.public();
		devices.push(Device { folder, key });
	}
	let provisioned = Provisioned { devices };
	if let Some(file) = &args.keys {
		append(file, &provisioned.to_string()).or_fail(Kind::File, || {
			format!(
				"the devices are made, but their keys cannot be added to {}; list them with `waybill key show`",
				file.display()
			)
		})?;
	}
	ctx.output.report(&provisioned);
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn lists_should_grow_and_never_lose_a_line() {
		let folder = tempfile::tempdir().unwrap();
		let file = folder.path().join("keys.txt");
		append(&file, "one\n").unwrap();
		append(&file, "two\nthree\n").unwrap();
		assert_eq!(std::fs::read_to_string(&file).unwrap(), "one\ntwo\nthree\n");
		// Somebody's editor left out the last line's end.
		std::fs::write(&file, "one").unwrap();
		append(&file, "two\n").unwrap();
		assert_eq!(std::fs::read_to_string(&file).unwrap(), "one\ntwo\n");
	}
}
