//! Files that hold a secret.

use crate::error::{Error, Result};
use rand_core::{OsRng, TryRngCore};
use std::{
	fs::{self, File, OpenOptions},
	io::{self, Read, Write},
	os::unix::fs::{MetadataExt, OpenOptionsExt},
	path::Path,
};
use zeroize::Zeroizing;

/// The longest file that is read, in bytes.
const MAX_LEN: u64 = 4_096;

/// The mode of secrets that deployment tools mount, owned by root.
const MOUNTED: u32 = 0o440;

/// Reads a secret from a file that nobody but its owner can read, or that a deployment tool mounted:
/// owned by root, and only readable, by a group at most.
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>> {
	let unreadable = |cause| Error::Read { path: path.into(), cause };
	let file = File::open(path).map_err(unreadable)?;
	let metadata = file.metadata().map_err(unreadable)?;
	if !metadata.is_file() || metadata.len() > MAX_LEN {
		return Err(Error::NoKeyFile(path.into()));
	}
	let is_mounted = metadata.uid() == 0 && metadata.mode() & 0o777 & !MOUNTED == 0;
	if metadata.mode() & 0o077 != 0 && !is_mounted {
		return Err(Error::Exposed { path: path.into(), mode: metadata.mode() & 0o777 });
	}
	let mut text = Zeroizing::new(String::new());
	file.take(MAX_LEN).read_to_string(&mut text).map_err(unreadable)?;
	Ok(text)
}

/// Writes a secret to a new file of mode 0600; an existing file is left alone.
pub fn write_secret(path: &Path, secret: &str) -> Result<()> {
	let unwritable = |cause: io::Error| match cause.kind() {
		io::ErrorKind::AlreadyExists => Error::Exists(path.into()),
		_ => Error::Write { path: path.into(), cause },
	};
	let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(unwritable)?;
	// The name has to be on the disk, too: who gets the public key relies on it.
	let synced =
		|| File::open(path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new(".")))?.sync_all();
	writeln!(file, "{secret}").and_then(|()| file.sync_all()).and_then(|()| synced()).map_err(|cause| {
		// Leave no truncated key behind.
		let _ = fs::remove_file(path);
		unwritable(cause)
	})
}

/// 32 random bytes from the operating system.
pub fn random_seed() -> Result<Zeroizing<[u8; 32]>> {
	let mut seed = Zeroizing::new([0; 32]);
	OsRng.try_fill_bytes(seed.as_mut_slice()).map_err(|cause| Error::NoRandomness(cause.to_string()))?;
	Ok(seed)
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::os::unix::fs::PermissionsExt;

	#[test]
	fn secrets_should_be_kept_in_files_of_mode_0600_that_are_never_overwritten() {
		let dir = tempfile::tempdir().unwrap();
		let file = dir.path().join("account.key");
		write_secret(&file, "//Alice").unwrap();
		assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
		assert_eq!(read_secret(&file).unwrap().trim(), "//Alice");
		assert!(matches!(write_secret(&file, "//Bob"), Err(Error::Exists(path)) if path == file));
		assert_eq!(read_secret(&file).unwrap().trim(), "//Alice");
		let nowhere = dir.path().join("missing/account.key");
		assert!(matches!(write_secret(&nowhere, "//Bob"), Err(Error::Write { .. })));
	}

	#[test]
	fn files_that_others_can_read_should_be_refused() {
		let dir = tempfile::tempdir().unwrap();
		let file = dir.path().join("account.key");
		write_secret(&file, "//Alice").unwrap();
		for mode in [0o640, 0o604, 0o666, 0o620] {
			fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
			let error = read_secret(&file).unwrap_err();
			assert!(error.to_string().contains("chmod 600"), "{error}");
			assert!(matches!(error, Error::Exposed { mode: found, .. } if found == mode));
		}
		// As deployment tools mount secrets for a group.
		let is_root = fs::metadata(&file).unwrap().uid() == 0;
		for (mode, is_taken) in [(0o440, is_root), (0o400, true), (0o444, false), (0o460, false)] {
			fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
			assert_eq!(read_secret(&file).is_ok(), is_taken, "{mode:o}");
		}
		assert!(matches!(read_secret(dir.path()), Err(Error::NoKeyFile(_))));
		assert!(matches!(read_secret(&dir.path().join("none")), Err(Error::Read { .. })));
	}
}
