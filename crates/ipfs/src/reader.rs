//! Walks a file's DAG from its root, in the order of the file's bytes.

use crate::{unixfs::Node, DagError};
use alloc::{vec, vec::Vec};
use waybill_primitives::{Cid, Codec};

/// The largest block that IPFS implementations exchange: 2 MiB.
pub const MAX_BLOCK: usize = 2 * 1024 * 1024;

/// Limits on a file's DAG, which bound the reader's memory and work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
	/// The file's exact size in bytes.
	pub size: u64,
	/// How many links may lie between the root and a leaf.
	pub max_depth: u32,
	/// The largest block, in bytes.
	pub max_block: usize,
	/// The most blocks.
	pub max_blocks: usize,
}

impl Limits {
	/// Limits that every usual DAG over a file of this size keeps: leaves of 4 KiB on average, 16
	/// levels, blocks of 2 MiB.
	pub fn for_size(size: u64) -> Self {
		let leaves = usize::try_from(size.div_ceil(4096)).unwrap_or(usize::MAX);
		Self { size, max_depth: 16, max_block: MAX_BLOCK, max_blocks: leaves.saturating_add(64) }
	}
}

/// A block that is still wanted.
#[derive(Clone, Copy, Debug)]
struct Wanted {
	cid: Cid,
	/// The number of the file's bytes that its parent declared for it.
	size: u64,
	/// The number of links above it.
	depth: u32,
}

/// Reads the file under a CID, block by block.
///
/// An error leaves the reader as it was.
#[derive(Clone, Debug)]
pub struct DagReader {
	limits: Limits,
	/// What is wanted, the next block last.
	wanted: Vec<Wanted>,
	/// The number of blocks read.
	blocks: usize,
	/// The number of the file's bytes read.
	position: u64,
}

impl DagReader {
	/// A reader of the file under `root`.
	pub fn new(root: Cid, limits: Limits) -> Self {
		let root = Wanted { cid: root, size: limits.size, depth: 0 };
		Self { limits, wanted: vec![root], blocks: 0, position: 0 }
	}

	/// The block that is wanted now; `None` when the file is complete.
	pub fn next(&self) -> Option<Cid> {
		self.wanted.last().map(|wanted| wanted.cid)
	}

	/// The blocks that are known to be wanted, the next one first, so the caller can fetch several
	/// at once. If a block turns out to be an inner node, its links come before the blocks that
	/// follow it here.
	pub fn upcoming(&self) -> impl Iterator<Item = Cid> + '_ {
		self.wanted.iter().rev().map(|wanted| wanted.cid)
	}

	/// Whether the whole file was read.
	pub fn is_complete(&self) -> bool {
		self.wanted.is_empty()
	}

	/// How many of the file's bytes were read.
	pub fn position(&self) -> u64 {
		self.position
	}

	/// How many blocks were read.
	pub fn blocks(&self) -> usize {
		self.blocks
	}

	/// Takes the block that [`DagReader::next`] names, and returns the file's next bytes if the
	/// block holds any.
	pub fn supply<'a>(&mut self, block: &'a [u8]) -> Result<Option<&'a [u8]>, DagError> {
		let Wanted { cid, size, depth } = *self.wanted.last().ok_or(DagError::NothingWanted)?;
		let limit = self.limits.max_block;
		if block.len() > limit {
			return Err(DagError::BlockTooLarge { len: block.len(), limit });
		}
		if !cid.matches(block) {
			return Err(DagError::WrongBlock { len: block.len() });
		}
		let known = self.blocks.saturating_add(self.wanted.len());
		let node = match cid.codec {
			Codec::Raw => Node::raw(block),
			Codec::DagPb => Node::dag_pb(block, self.limits.max_blocks.saturating_sub(known))?,
		};
		if node.size != size {
			return Err(DagError::WrongSize { declared: size, found: node.size });
		}
		if !node.links.is_empty() && depth >= self.limits.max_depth {
			return Err(DagError::TooDeep);
		}

		self.wanted.pop();
		self.blocks = self.blocks.saturating_add(1);
		self.position = self.position.saturating_add(u64::try_from(node.data.len()).unwrap_or(u64::MAX));
		let depth = depth.saturating_add(1);
		self.wanted.extend(node.links.into_iter().rev().map(|(cid, size)| Wanted { cid, size, depth }));
		Ok(Some(node.data).filter(|data| !data.is_empty()))
	}
}
