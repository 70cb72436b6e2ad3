//! `waybill device provision`

use crate::{
	context::Context,
	error::{Kind, OrFail, Result},
};
use serde::Serialize;
use std::{fmt, path::PathBuf};
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
	/// Also write the public keys to this file: one a line, as `waybill vendor fleet` reads them
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
		std::fs::write(file, provisioned.to_string()).or_fail(Kind::File, || format!("cannot write {}", file.display()))?;
	}
	ctx.output.report(&provisioned);
	Ok(())
}
