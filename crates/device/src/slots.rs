//! Two places for the firmware, `slots/a` and `slots/b`, and the link `current` to the one in use.
//!
//! An update goes to the spare slot, the one that is not in use. Turning the link is the one step
//! that changes the firmware. Whenever the power fails, the device has the old firmware before that
//! step and the new one after it. The slot before then is the spare one, and keeps its firmware as
//! the way back.

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
/// The record of a version that the device left.
const LEFT: &str = "left.json";
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
	/// The image before is not whole any more.
	#[error("the image of version {0} in the other slot is damaged; the device cannot go back to it")]
	Damaged(Version),
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
		record(self.root.join(CURRENT).join(RECORD))
	}

	/// Sets damaged records aside. That of the slot in use is written again if its image is one of
	/// the known versions'.
	pub fn repair(&self, known: &[Firmware]) -> Result<(), SlotError> {
		let in_use = self.root.join(CURRENT);
		for path in [in_use.join(RECORD), self.slot(self.spare_name()?).join(RECORD)] {
			let Err(error @ SlotError::Record { .. }) = record(path.clone()) else { continue };
			tracing::error!(%error, "a damaged record is set aside");
			fs::rename(&path, path.with_extension("json.damaged"))?;
		}
		if known.is_empty() || self.current()?.is_some() || !self.image().exists() {
			return Ok(());
		}
		let found = hash(&self.image())?;
		if let Some(firmware) = known.iter().find(|known| (known.size, known.sha256.0) == found) {
			tracing::warn!(version = %firmware.version, "the image in use is whole; writing its record again");
			write_record(&in_use.join(RECORD), firmware)?;
		}
		Ok(())
	}

	/// The image of the slot in use.
	pub fn image(&self) -> PathBuf {
		self.root.join(CURRENT).join(IMAGE)
	}

	/// What the spare slot holds, if that is whole: the firmware to go back to.
	pub fn spare(&self) -> Result<Option<Firmware>, SlotError> {
		record(self.slot(self.spare_name()?).join(RECORD))
	}

	/// Checks the spare slot's image on the disk.
	pub fn check_spare(&self, expected: &Firmware) -> Result<(), SlotError> {
		let image = self.slot(self.spare_name()?).join(IMAGE);
		match hash(&image) {
			Ok(found) if found == (expected.size, expected.sha256.0) => Ok(()),
			Ok(_) => Err(SlotError::Damaged(expected.version)),
			Err(error) => {
				tracing::error!(%error, image = %image.display(), "cannot read the other slot's image");
				Err(SlotError::Damaged(expected.version))
			},
		}
	}

	/// The room, in bytes, that the spare slot takes now and that the next image gets.
	pub fn spare_room(&self) -> io::Result<u64> {
		let slot = self.slot(self.spare_name()?);
		let room = |file| fs::metadata(slot.join(file)).map_or(0, |file| file.len());
		Ok(room(IMAGE) + room(UNFINISHED))
	}

	/// Turns the link to the spare slot, which becomes the one in use.
	pub fn turn(&self) -> io::Result<()> {
		let spare = self.spare_name()?;
		TURN.iter().try_for_each(|step| step(self, spare))
	}

	/// Takes the link away: the firmware from the factory is in use again.
	pub fn leave(&self) -> io::Result<()> {
		disk::remove(&self.root.join(CURRENT))?;
		disk::sync_folder(&self.root)
	}

	/// Notes that the device left the version in the spare slot, so that nothing goes back to it.
	pub fn leave_spare(&self) -> io::Result<()> {
		let slot = self.slot(self.spare_name()?);
		match fs::rename(slot.join(RECORD), slot.join(LEFT)) {
			Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
			_ => disk::sync_folder(&slot),
		}
	}

	/// The version in the spare slot that the device left, if it left one.
	pub fn left(&self) -> Result<Option<Firmware>, SlotError> {
		record(self.slot(self.spare_name()?).join(LEFT))
	}

	/// Makes the version that the device left one to install again. Returns whether its image is
	/// still whole.
	pub fn take_back(&self, left: &Firmware) -> Result<bool, SlotError> {
		let slot = self.slot(self.spare_name()?);
		match self.check_spare(left) {
			Ok(()) => fs::rename(slot.join(LEFT), slot.join(RECORD))?,
			Err(SlotError::Damaged(_)) => disk::remove(&slot.join(LEFT))?,
			Err(error) => return Err(error),
		}
		disk::sync_folder(&slot)?;
		Ok(slot.join(RECORD).exists())
	}

	/// Empties the spare slot for a new image.
	pub fn prepare(&self) -> io::Result<Staging> {
		let slot = self.slot(self.spare_name()?);
		// The record goes first, so that none ever describes another image.
		for file in [RECORD, LEFT, IMAGE, UNFINISHED] {
			disk::remove(&slot.join(file))?;
			disk::sync_folder(&slot)?;
		}
		let image = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(slot.join(UNFINISHED))?;
		Ok(Staging { slot, image })
	}

	fn spare_name(&self) -> io::Result<&'static str> {
		match fs::read_link(self.root.join(CURRENT)) {
			Ok(link) if link.ends_with("a") => Ok("b"),
			Ok(_) => Ok("a"),
			Err(error) if error.kind() == io::ErrorKind::NotFound => Ok("a"),
			Err(error) => Err(error),
		}
	}

	fn slot(&self, name: &str) -> PathBuf {
		self.root.join("slots").join(name)
	}

	fn make_link(&self, spare: &str) -> io::Result<()> {
		disk::remove(&self.root.join(NEXT))?;
		symlink(Path::new("slots").join(spare), self.root.join(NEXT))
	}

	fn rename_link(&self, _: &str) -> io::Result<()> {
		fs::rename(self.root.join(NEXT), self.root.join(CURRENT))
	}

	fn sync_root(&self, _: &str) -> io::Result<()> {
		disk::sync_folder(&self.root)
	}
}

type Turn = fn(&Slots, &str) -> io::Result<()>;

/// The steps that turn the link, in this order.
const TURN: [Turn; 3] = [Slots::make_link, Slots::rename_link, Slots::sync_root];

/// An image on its way into the spare slot.
#[derive(Debug)]
pub struct Staging {
	slot: PathBuf,
	image: File,
}

type Store = fn(&Staging, &Firmware) -> Result<(), SlotError>;

/// The steps that store an image in the spare slot, in this order.
const STORE: [Store; 4] = [Staging::sync_image, Staging::check_image, Staging::place_image, Staging::write_record];

impl Staging {
	/// The file to write the image to. It can be read back, too.
	pub fn image(&mut self) -> &mut File {
		&mut self.image
	}

	/// Checks the image on the disk, and stores it in the spare slot.
	pub fn store(self, firmware: &Firmware) -> Result<(), SlotError> {
		STORE.iter().try_for_each(|step| step(&self, firmware))
	}

	fn sync_image(&self, _: &Firmware) -> Result<(), SlotError> {
		Ok(self.image.sync_all()?)
	}

	fn check_image(&self, firmware: &Firmware) -> Result<(), SlotError> {
		let (size, sha256) = hash(&self.slot.join(UNFINISHED))?;
		if (size, sha256) == (firmware.size, firmware.sha256.0) {
			return Ok(());
		}
		disk::remove(&self.slot.join(UNFINISHED))?;
		Err(SlotError::NotTheRelease)
	}

	fn place_image(&self, _: &Firmware) -> Result<(), SlotError> {
		fs::rename(self.slot.join(UNFINISHED), self.slot.join(IMAGE))?;
		Ok(disk::sync_folder(&self.slot)?)
	}

	fn write_record(&self, firmware: &Firmware) -> Result<(), SlotError> {
		write_record(&self.slot.join(RECORD), firmware)
	}
}

/// Writes a slot's record.
fn write_record(path: &Path, firmware: &Firmware) -> Result<(), SlotError> {
	let json = serde_json::to_vec_pretty(firmware).map_err(|source| SlotError::Record { path: path.into(), source })?;
	Ok(disk::write(path, &json)?)
}

/// Reads a slot's record, if it has one.
fn record(path: PathBuf) -> Result<Option<Firmware>, SlotError> {
	match disk::read(&path)? {
		Some(json) => serde_json::from_slice(&json).map(Some).map_err(|source| SlotError::Record { path, source }),
		None => Ok(None),
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
		staging.store(&release(number, image)).unwrap();
		slots.turn().unwrap();
	}

	fn is_whole(slots: &Slots) -> bool {
		let installed = slots.current().unwrap().unwrap();
		hash(&slots.image()).unwrap() == (installed.size, installed.sha256.0)
	}

	#[test]
	fn updates_should_alternate_and_keep_the_way_back() {
		let folder = tempfile::tempdir().unwrap();
		let slots = Slots::open(folder.path()).unwrap();
		assert_eq!((slots.current().unwrap(), slots.spare().unwrap()), (None, None));
		for (number, slot, image) in [(0, "a", "zero"), (1, "b", "one"), (2, "a", "two")] {
			install(&slots, number, image.as_bytes());
			assert_eq!(fs::read_link(folder.path().join("current")).unwrap(), Path::new("slots").join(slot));
			assert_eq!(fs::read(slots.image()).unwrap(), image.as_bytes());
		}
		assert_eq!(slots.current().unwrap(), Some(release(2, b"two")));
		assert_eq!(slots.spare().unwrap(), Some(release(1, b"one")));
		assert_eq!(slots.spare_room().unwrap(), 3);
		slots.check_spare(&release(1, b"one")).unwrap();

		slots.turn().unwrap();
		assert_eq!(slots.current().unwrap(), Some(release(1, b"one")));
		slots.leave_spare().unwrap();
		assert_eq!((slots.spare().unwrap(), slots.left().unwrap()), (None, Some(release(2, b"two"))));
		slots.leave_spare().unwrap();
		assert!(slots.take_back(&release(2, b"two")).unwrap());
		assert_eq!((slots.spare().unwrap(), slots.left().unwrap()), (Some(release(2, b"two")), None));
		slots.leave_spare().unwrap();
		fs::write(folder.path().join("slots/a/firmware.bin"), b"twO").unwrap();
		assert!(!slots.take_back(&release(2, b"two")).unwrap());
		assert_eq!((slots.spare().unwrap(), slots.left().unwrap()), (None, None));
		slots.leave().unwrap();
		assert_eq!(slots.current().unwrap(), None);
	}

	#[test]
	fn damaged_way_back_should_be_found() {
		let folder = tempfile::tempdir().unwrap();
		let slots = Slots::open(folder.path()).unwrap();
		install(&slots, 0, b"zero");
		install(&slots, 1, b"one");
		let image = folder.path().join("slots/a/firmware.bin");
		fs::write(&image, b"zerO").unwrap();
		assert!(matches!(slots.check_spare(&release(0, b"zero")), Err(SlotError::Damaged(_))));
		fs::remove_file(&image).unwrap();
		assert!(matches!(slots.check_spare(&release(0, b"zero")), Err(SlotError::Damaged(_))));
	}

	#[test]
	fn power_loss_should_leave_the_old_or_the_new_firmware_when_it_strikes_at_any_step() {
		let old = b"the old image";
		let new = b"the new image, which is longer";
		for steps in 0..=STORE.len() + TURN.len() {
			for written in [0, 10, new.len()] {
				let folder = tempfile::tempdir().unwrap();
				let slots = Slots::open(folder.path()).unwrap();
				install(&slots, 0, old);
				let mut staging = slots.prepare().unwrap();
				staging.image().write_all(&new[..written]).unwrap();
				let result = STORE.iter().take(steps).try_for_each(|step| step(&staging, &release(1, new)));
				assert_eq!(result.is_ok(), written == new.len() || steps < 2, "{steps} steps, {written} bytes");
				if result.is_ok() {
					let turns = TURN.iter().take(steps.saturating_sub(STORE.len()));
					turns.for_each(|step| step(&slots, "b").unwrap());
				}

				let again = Slots::open(folder.path()).unwrap();
				let turned = result.is_ok() && steps >= STORE.len() + 2;
				assert_eq!(again.current().unwrap().unwrap().release, u64::from(turned), "{steps} steps");
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
		assert!(matches!(staging.store(&release(1, b"the image")), Err(SlotError::NotTheRelease)));
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
