//! Two places for the firmware, `slots/a` and `slots/b`, and the link `current` to the one in use.
//!
//! An update goes to the slot that is not in use. Switching the link is the one step that installs
//! it. Whenever the power fails, the device has the old firmware before that step and the new one
//! after it. The other slot keeps its firmware.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
	fs::{self, File, OpenOptions},
	io::{self, Read},
	os::unix::fs::{symlink, OpenOptionsExt},
	path::{Path, PathBuf},
};
use waybill_chain::types::Hash;
use waybill_daemon::disk;
use waybill_primitives::{Hash32, ModelId, ReleaseId, Version};

const IMAGE: &str = "firmware.bin";
const UNFINISHED: &str = "firmware.bin.part";
const RECORD: &str = "release.json";
const CURRENT: &str = "current";
const NEXT: &str = "current.next";

/// What a slot holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Firmware {
	/// The model it is for.
	pub model: ModelId,
	/// The release.
	pub release: ReleaseId,
	/// Its version.
	pub version: Version,
	/// Its security version.
	pub security_version: u32,
	/// The version of the vendor's key set that signed it.
	pub key_set_version: u32,
	/// The image's length in bytes.
	pub size: u64,
	/// The image's SHA-256.
	pub sha256: Hash,
}

/// Why an image was not installed.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
	/// The disk failed.
	#[error("cannot write the firmware slot: {0}")]
	Disk(#[from] io::Error),
	/// The written file is not the release's image.
	#[error("the image is not the one that the vendor signed (its SHA-256 or length differs); nothing was installed")]
	NotTheRelease,
	/// The record of a slot is damaged.
	#[error("{path} is damaged: {source}")]
	Record {
		/// The record's file.
		path: PathBuf,
		/// The cause.
		source: serde_json::Error,
	},
}

/// The two slots in a device's state folder.
#[derive(Clone, Debug)]
pub struct Slots {
	root: PathBuf,
}

impl Slots {
	/// The slots in the state folder `root`.
	pub fn open(root: &Path) -> io::Result<Self> {
		for name in ["a", "b"] {
			disk::folder(&root.join("slots").join(name))?;
		}
		Ok(Self { root: root.into() })
	}

	/// What is installed, if anything is.
	pub fn current(&self) -> Result<Option<Firmware>, SlotError> {
		let path = self.root.join(CURRENT).join(RECORD);
		match disk::read(&path)? {
			Some(json) => serde_json::from_slice(&json).map(Some).map_err(|source| SlotError::Record { path, source }),
			None => Ok(None),
		}
	}

	/// The installed image.
	pub fn image(&self) -> PathBuf {
		self.root.join(CURRENT).join(IMAGE)
	}

	/// Empties the slot that is not in use.
	pub fn prepare(&self) -> io::Result<Staging> {
		let name = match fs::read_link(self.root.join(CURRENT)) {
			Ok(link) if link.ends_with("a") => "b",
			Ok(_) => "a",
			Err(error) if error.kind() == io::ErrorKind::NotFound => "a",
			Err(error) => return Err(error),
		};
		let slot = self.root.join("slots").join(name);
		// The record goes first, so that none ever describes another image.
		for file in [RECORD, IMAGE, UNFINISHED] {
			disk::remove(&slot.join(file))?;
			disk::sync_folder(&slot)?;
		}
		let image = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(slot.join(UNFINISHED))?;
		Ok(Staging { root: self.root.clone(), name, slot, image })
	}
}

/// An image on its way into a slot.
#[derive(Debug)]
pub struct Staging {
	root: PathBuf,
	name: &'static str,
	slot: PathBuf,
	image: File,
}

type Step = fn(&Staging, &Firmware) -> Result<(), SlotError>;

/// The steps that make the image in the slot the installed one, in this order.
const STEPS: [Step; 7] = [
	Staging::sync_image,
	Staging::check_image,
	Staging::place_image,
	Staging::write_record,
	Staging::make_link,
	Staging::switch,
	Staging::sync_root,
];

impl Staging {
	/// The file to write the image to. It can be read back, too.
	pub fn image(&mut self) -> &mut File {
		&mut self.image
	}

	/// Checks the image on the disk, and makes it the installed one.
	pub fn commit(self, installed: &Firmware) -> Result<(), SlotError> {
		STEPS.iter().try_for_each(|step| step(&self, installed))
	}

	fn sync_image(&self, _: &Firmware) -> Result<(), SlotError> {
		Ok(self.image.sync_all()?)
	}

	fn check_image(&self, installed: &Firmware) -> Result<(), SlotError> {
		let (size, sha256) = hash(&self.slot.join(UNFINISHED))?;
		if (size, sha256) == (installed.size, installed.sha256.0) {
			return Ok(());
		}
		disk::remove(&self.slot.join(UNFINISHED))?;
		Err(SlotError::NotTheRelease)
	}

	fn place_image(&self, _: &Firmware) -> Result<(), SlotError> {
		fs::rename(self.slot.join(UNFINISHED), self.slot.join(IMAGE))?;
		Ok(disk::sync_folder(&self.slot)?)
	}

	fn write_record(&self, installed: &Firmware) -> Result<(), SlotError> {
		let path = self.slot.join(RECORD);
		let json =
			serde_json::to_vec_pretty(installed).map_err(|source| SlotError::Record { path: path.clone(), source })?;
		Ok(disk::write(&path, &json)?)
	}

	fn make_link(&self, _: &Firmware) -> Result<(), SlotError> {
		disk::remove(&self.root.join(NEXT))?;
		Ok(symlink(Path::new("slots").join(self.name), self.root.join(NEXT))?)
	}

	fn switch(&self, _: &Firmware) -> Result<(), SlotError> {
		Ok(fs::rename(self.root.join(NEXT), self.root.join(CURRENT))?)
	}

	fn sync_root(&self, _: &Firmware) -> Result<(), SlotError> {
		Ok(disk::sync_folder(&self.root)?)
	}
}

/// The length and SHA-256 of a file, read from the disk.
pub fn hash(path: &Path) -> io::Result<(u64, Hash32)> {
	let mut file = File::open(path)?;
	let mut hasher = Sha256::new();
	let mut buffer = vec![0; 64 * 1024];
	let mut size = 0u64;
	loop {
		let read = file.read(&mut buffer)?;
		if read == 0 {
			return Ok((size, hasher.finalize().into()));
		}
		hasher.update(&buffer[..read]);
		size = size.saturating_add(read as u64);
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::io::Write;

	fn release(number: u64, image: &[u8]) -> Firmware {
		Firmware {
			model: 7,
			release: number,
			version: Version::new(1, 0, number as u32),
			security_version: 1,
			key_set_version: 1,
			size: image.len() as u64,
			sha256: Hash(Sha256::digest(image).into()),
		}
	}

	fn install(slots: &Slots, number: u64, image: &[u8]) {
		let mut staging = slots.prepare().unwrap();
		staging.image().write_all(image).unwrap();
		staging.commit(&release(number, image)).unwrap();
	}

	fn is_whole(slots: &Slots) -> bool {
		let installed = slots.current().unwrap().unwrap();
		hash(&slots.image()).unwrap() == (installed.size, installed.sha256.0)
	}

	#[test]
	fn updates_should_alternate_and_keep_the_previous_slot() {
		let folder = tempfile::tempdir().unwrap();
		let slots = Slots::open(folder.path()).unwrap();
		assert_eq!(slots.current().unwrap(), None);
		for (number, slot, image) in [(0, "a", "zero"), (1, "b", "one"), (2, "a", "two")] {
			install(&slots, number, image.as_bytes());
			assert_eq!(fs::read_link(folder.path().join("current")).unwrap(), Path::new("slots").join(slot));
			assert_eq!(fs::read(slots.image()).unwrap(), image.as_bytes());
		}
		assert_eq!(slots.current().unwrap(), Some(release(2, b"two")));
		assert_eq!(fs::read(folder.path().join("slots/b/firmware.bin")).unwrap(), b"one");
	}

	#[test]
	fn power_loss_should_leave_the_old_or_the_new_firmware_when_it_strikes_at_any_step() {
		let old = b"the old image";
		let new = b"the new image, which is longer";
		for steps in 0..=STEPS.len() {
			for written in [0, 10, new.len()] {
				let folder = tempfile::tempdir().unwrap();
				let slots = Slots::open(folder.path()).unwrap();
				install(&slots, 0, old);
				let mut staging = slots.prepare().unwrap();
				staging.image().write_all(&new[..written]).unwrap();
				let result = STEPS[..steps].iter().try_for_each(|step| step(&staging, &release(1, new)));
				assert_eq!(result.is_ok(), written == new.len() || steps < 2, "{steps} steps, {written} bytes");

				let again = Slots::open(folder.path()).unwrap();
				let switched = result.is_ok() && steps >= 6;
				assert_eq!(again.current().unwrap().unwrap().release, u64::from(switched), "{steps} steps");
				assert!(is_whole(&again));
				install(&again, 2, b"the one after");
				assert_eq!(again.current().unwrap().unwrap().release, 2);
				assert!(is_whole(&again));
			}
		}
	}

	#[test]
	fn wrong_image_should_be_refused_and_removed() {
		let folder = tempfile::tempdir().unwrap();
		let slots = Slots::open(folder.path()).unwrap();
		let mut staging = slots.prepare().unwrap();
		staging.image().write_all(b"something else").unwrap();
		assert!(matches!(staging.commit(&release(1, b"the image")), Err(SlotError::NotTheRelease)));
		assert_eq!(slots.current().unwrap(), None);
		assert!(!folder.path().join("slots/a/firmware.bin.part").exists());
	}

	#[test]
	fn damaged_record_should_be_an_error_that_names_the_file() {
		let folder = tempfile::tempdir().unwrap();
		let slots = Slots::open(folder.path()).unwrap();
		install(&slots, 0, b"zero");
		fs::write(folder.path().join("slots/a/release.json"), "{").unwrap();
		assert!(slots.current().unwrap_err().to_string().contains("release.json"));
	}
}
