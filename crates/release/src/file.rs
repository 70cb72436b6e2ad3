//! Small files: read whole, written once.

use crate::error::{Error, Result};
use serde::Serialize;
use std::{
	fs::{self, File},
	io::{self, Write},
	path::Path,
};

/// The longest statement, in bytes.
pub const MAX_STATEMENT: u64 = 16_384;

/// Names the file that could not be read.
pub fn unreadable(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
	move |cause| Error::Read { path: path.into(), cause }
}

/// Reads a text of at most `limit` bytes.
pub fn read_text(path: &Path, limit: u64) -> Result<String> {
	let length = fs::metadata(path).map_err(unreadable(path))?.len();
	if length > limit {
		return Err(Error::TooLarge { path: path.into(), length, limit });
	}
	fs::read_to_string(path).map_err(unreadable(path))
}

/// Writes a value as JSON to a new file.
pub fn write_new(value: &impl Serialize, path: &Path) -> Result<()> {
	let unwritable = |cause| Error::Write { path: path.into(), cause };
	let text = serde_json::to_string_pretty(value).map_err(|error| unwritable(error.into()))?;
	let mut file = File::create_new(path).map_err(unwritable)?;
	writeln!(file, "{text}").and_then(|()| file.sync_all()).map_err(unwritable).inspect_err(|_| {
		// Half a statement is worth nothing.
		let _ = fs::remove_file(path);
	})
}
