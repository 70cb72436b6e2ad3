//! Writes that survive a power cut: a file holds either its old content or all of its new content.

use atomic_write_file::OpenOptions;
use std::{
	fs::{self, File},
	io::{self, Write},
	os::unix::fs::{DirBuilderExt, OpenOptionsExt},
	path::{Path, PathBuf},
};

/// A file or folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {cause}", path.display())]
pub struct DiskError {
	/// What was tried, as a verb.
	pub action: &'static str,
	/// The file or folder.
	pub path: PathBuf,
	/// Why it failed.
	pub cause: io::Error,
}

/// Adds to an I/O error what was tried with which file or folder.
pub fn failed<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> DiskError + 'a {
	move |cause| DiskError { action, path: path.into(), cause }
}

/// Whether an error says that the disk, or the program's share of it, is full. That can pass without
/// a person.
pub fn is_full(cause: &io::Error) -> bool {
	matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Replaces the file at `path`, readable only by its owner, and returns once it is on the disk.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
	let mut options = OpenOptions::new();
	options.mode(0o600);
	let mut file = options.open(path)?;
	file.write_all(bytes)?;
	file.commit()
}

/// Reads the file at `path`, if it is there.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
	match fs::read(path) {
		Ok(bytes) => Ok(Some(bytes)),
		Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
		Err(error) => Err(error),
	}
}

/// Removes the file at `path`, if it is there.
pub fn remove(path: &Path) -> io::Result<()> {
	match fs::remove_file(path) {
		Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
		_ => Ok(()),
	}
}

/// Gives the file at `from` the name `to`, in place of the file that has it, and returns once that is
/// on the disk.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
	fs::rename(from, to)?;
	match to.parent() {
		Some(folder) if !folder.as_os_str().is_empty() => sync_folder(folder),
		_ => sync_folder(Path::new(".")),
	}
}

/// Makes the folder at `path` and those above it, accessible only to their owner.
pub fn folder(path: &Path) -> io::Result<()> {
	fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Waits until the names in a folder are on the disk.
pub fn sync_folder(path: &Path) -> io::Result<()> {
	File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn failure_should_say_what_was_tried_with_which_file() {
		let path = Path::new("/nowhere/file");
		let error = File::open(path).map_err(failed("read", path)).unwrap_err();
		assert!(error.to_string().starts_with("cannot read /nowhere/file: "), "{error}");
	}
}
