//! Bytes that can be read and written at any offset: payloads and ciphertexts in memory or on disk.

use alloc::vec::Vec;

/// Bytes that can be read at any offset.
pub trait ReadAt {
	/// Why reading failed.
	type Error;

	/// Fills `buffer` with the bytes from `offset` on.
	fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Self::Error>;
}

/// Bytes that can be written at any offset.
pub trait WriteAt {
	/// Why writing failed.
	type Error;

	/// Writes `bytes` from `offset` on.
	fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// The requested range goes beyond the bytes in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfRange;

impl core::fmt::Display for OutOfRange {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		f.write_str("the bytes end before the requested range does")
	}
}

impl core::error::Error for OutOfRange {}

impl ReadAt for [u8] {
	type Error = OutOfRange;

	fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), OutOfRange> {
		let start = usize::try_from(offset).map_err(|_| OutOfRange)?;
		let end = start.checked_add(buffer.len()).ok_or(OutOfRange)?;
		buffer.copy_from_slice(self.get(start..end).ok_or(OutOfRange)?);
		Ok(())
	}
}

impl ReadAt for Vec<u8> {
	type Error = OutOfRange;

	fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), OutOfRange> {
		self.as_slice().read_at(offset, buffer)
	}
}

impl WriteAt for Vec<u8> {
	type Error = OutOfRange;

	fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), OutOfRange> {
		let start = usize::try_from(offset).map_err(|_| OutOfRange)?;
		let end = start.checked_add(bytes.len()).ok_or(OutOfRange)?;
		if self.len() < end {
			self.resize(end, 0);
		}
		self.get_mut(start..end).ok_or(OutOfRange)?.copy_from_slice(bytes);
		Ok(())
	}
}

#[cfg(all(feature = "std", unix))]
impl ReadAt for std::fs::File {
	type Error = std::io::Error;

	fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
		std::os::unix::fs::FileExt::read_exact_at(self, buffer, offset)
	}
}

#[cfg(all(feature = "std", unix))]
impl WriteAt for std::fs::File {
	type Error = std::io::Error;

	fn write_at(&mut self, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
		std::os::unix::fs::FileExt::write_all_at(self, bytes, offset)
	}
}
