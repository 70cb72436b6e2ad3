//! The firmware images to deliver.

use anyhow::{ensure, Result};
use std::path::{Path, PathBuf};

/// The images of the two releases.
pub struct Firmware {
	/// The image of 1.0.0.
	pub first: PathBuf,
	/// The image of 1.0.1.
	pub second: PathBuf,
}

impl Firmware {
	/// Finds the images that `scripts/setup-firmware.sh` has fetched.
	pub fn find(folder: &Path) -> Result<Self> {
		let firmware = Self { first: folder.join("u-boot-1.0.0.bin"), second: folder.join("u-boot-1.0.1.bin") };
		for file in [&firmware.first, &firmware.second] {
			ensure!(file.is_file(), "{} is missing; run `make setup`", file.display());
		}
		ensure!(std::fs::read(&firmware.first)? != std::fs::read(&firmware.second)?, "the two images are the same");
		Ok(firmware)
	}
}
