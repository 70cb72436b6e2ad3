//! A download on disk that can continue where it stopped.
//!
//! `NAME.part` holds the content, in file order. `NAME.journal` holds a record for each block, in
//! the order in which the DAG's reader asked for it: one byte, the block's length, and the block
//! itself unless it is in the content.
//!
//! Nothing on disk is trusted. When it is read again, every block goes through the reader, and
//! everything after the first wrong one is cut off.

use std::{
	fs::{self, File, OpenOptions},
	io::{self, Read, Seek, SeekFrom, Write},
	os::unix::fs::OpenOptionsExt,
	path::{Path, PathBuf},
};

use waybill_ipfs::MAX_BLOCK;

const IN_JOURNAL: u8 = 0;
const IN_CONTENT: u8 = 1;
const HEADER: u64 = 5;

/// The two files of an unfinished download.
#[derive(Debug)]
pub struct Journal {
	target: PathBuf,
	content: File,
	records: File,
	/// The length of each file up to which all is good.
	content_end: u64,
	records_end: u64,
}

impl Journal {
	/// Opens the unfinished download of `target`, or starts one.
	pub fn open(target: &Path) -> io::Result<Self> {
		let open = |path| OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
		let content = open(Self::beside(target, "part"))?;
		let records = open(Self::beside(target, "journal"))?;
		Ok(Self { target: target.into(), content, records, content_end: 0, records_end: 0 })
	}

	/// Hands every block on disk to `take`, which returns the block's content, or `None` if the
	/// block is wrong. A wrong or torn block and everything after it is removed.
	pub fn replay(&mut self, mut take: impl FnMut(&[u8]) -> Option<Option<Vec<u8>>>) -> io::Result<()> {
		self.records.seek(SeekFrom::Start(0))?;
		self.content.seek(SeekFrom::Start(0))?;
		while let Some((place, block)) = self.read_record()? {
			let Some(bytes) = take(&block) else { break };
			self.advance(place, block.len(), &bytes.unwrap_or_default())?;
		}
		cut(&self.records, self.records_end)?;
		cut(&self.content, self.content_end)?;
		self.records.seek(SeekFrom::End(0))?;
		self.content.seek(SeekFrom::End(0))?;
		Ok(())
	}

	/// Adds a block and the content that it carries.
	pub fn push(&mut self, block: &[u8], bytes: &[u8]) -> io::Result<()> {
		let place = if block == bytes { IN_CONTENT } else { IN_JOURNAL };
		self.content.write_all(bytes)?;
		let length = u32::try_from(block.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
		let mut record = vec![place];
		record.extend(length.to_le_bytes());
		if place == IN_JOURNAL {
			record.extend(block);
		}
		self.records.write_all(&record)?;
		self.content_end += bytes.len() as u64;
		self.records_end += record.len() as u64;
		Ok(())
	}

	/// The number of bytes of content on disk.
	pub const fn len(&self) -> u64 {
		self.content_end
	}

	/// Finishes a complete download: gives the content its name, and removes the journal.
	pub fn finish(self) -> io::Result<()> {
		self.content.sync_all()?;
		fs::rename(Self::beside(&self.target, "part"), &self.target)?;
		fs::remove_file(Self::beside(&self.target, "journal"))?;
		match self.target.parent() {
			Some(folder) => File::open(folder)?.sync_all(),
			None => Ok(()),
		}
	}

	/// `None` at the end and at a record that is torn.
	fn read_record(&mut self) -> io::Result<Option<(u8, Vec<u8>)>> {
		let mut header = [0; HEADER as usize];
		if !read_all(&mut self.records, &mut header)? {
			return Ok(None);
		}
		let [place, length @ ..] = header;
		let mut block = vec![0; (u32::from_le_bytes(length) as usize).min(MAX_BLOCK)];
		let source = match place {
			IN_JOURNAL => &mut self.records,
			IN_CONTENT => &mut self.content,
			_ => return Ok(None),
		};
		Ok(read_all(source, &mut block)?.then_some((place, block)))
	}

	fn advance(&mut self, place: u8, block: usize, bytes: &[u8]) -> io::Result<()> {
		self.records_end += HEADER;
		if place == IN_JOURNAL {
			self.records_end += block as u64;
			// The content of such a block may not have reached the disk.
			self.content.seek(SeekFrom::Start(self.content_end))?;
			self.content.write_all(bytes)?;
		}
		self.content_end += bytes.len() as u64;
		Ok(())
	}

	fn beside(target: &Path, extension: &str) -> PathBuf {
		let mut name = target.as_os_str().to_owned();
		name.push(".");
		name.push(extension);
		name.into()
	}
}

/// Removes what follows the first `length` bytes.
fn cut(file: &File, length: u64) -> io::Result<()> {
	match file.metadata()?.len() == length {
		true => Ok(()),
		false => file.set_len(length),
	}
}

/// Whether there was enough to fill the buffer.
fn read_all(file: &mut File, buffer: &mut [u8]) -> io::Result<bool> {
	match file.read_exact(buffer) {
		Ok(()) => Ok(true),
		Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
		Err(error) => Err(error),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	/// Blocks that start with `#` carry no content, those that start with `+` carry the rest,
	/// others are content.
	fn content(block: &[u8]) -> Vec<u8> {
		match block {
			[b'#', ..] => Vec::new(),
			[b'+', rest @ ..] => rest.to_vec(),
			all => all.to_vec(),
		}
	}

	const BLOCKS: [&[u8]; 5] = [b"#root", b"first leaf", b"#inner", b"+inline", b"last leaf"];

	fn take_up(target: &Path) -> (Journal, usize) {
		let mut journal = Journal::open(target).unwrap();
		let mut taken = 0;
		let take = |block: &[u8]| {
			(BLOCKS.get(taken) == Some(&block)).then(|| {
				taken += 1;
				Some(content(block))
			})
		};
		journal.replay(take).unwrap();
		(journal, taken)
	}

	fn write(target: &Path, count: usize) {
		let (mut journal, taken) = take_up(target);
		for block in &BLOCKS[taken..count] {
			journal.push(block, &content(block)).unwrap();
		}
	}

	#[test]
	fn download_should_carry_on_when_stopped_after_any_block() {
		for count in 0..=BLOCKS.len() {
			let folder = tempfile::tempdir().unwrap();
			let target = folder.path().join("file");
			write(&target, count);
			assert_eq!(take_up(&target).1, count);
			write(&target, BLOCKS.len());
			take_up(&target).0.finish().unwrap();
			assert_eq!(fs::read(&target).unwrap(), b"first leafinlinelast leaf");
			assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
		}
	}

	#[test]
	fn download_should_carry_on_when_any_byte_is_lost_or_wrong() {
		for file in ["file.part", "file.journal"] {
			let folder = tempfile::tempdir().unwrap();
			let (target, damaged) = (folder.path().join("file"), folder.path().join(file));
			write(&target, BLOCKS.len());
			let whole = fs::read(&damaged).unwrap();
			let other = ["file.part", "file.journal"].map(|name| (name, fs::read(folder.path().join(name)).unwrap()));
			for at in 0..whole.len() {
				for bytes in [whole[..at].to_vec(), [&whole[..at], &[whole[at] ^ 0x55], &whole[at + 1..]].concat()] {
					other.iter().for_each(|(name, bytes)| fs::write(folder.path().join(name), bytes).unwrap());
					fs::write(&damaged, bytes).unwrap();
					write(&target, BLOCKS.len());
					take_up(&target).0.finish().unwrap();
					assert_eq!(fs::read(&target).unwrap(), b"first leafinlinelast leaf", "{file} at {at}");
				}
			}
		}
	}
}
