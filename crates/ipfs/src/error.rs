//! Why a block or a DAG is refused.

use core::fmt;
use waybill_primitives::CidError;

/// Why [`DagReader::supply`](crate::DagReader::supply) refused a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DagError {
	/// The block is larger than a block may be.
	BlockTooLarge {
		/// Its length.
		len: usize,
		/// The greatest length.
		limit: usize,
	},
	/// The block is not the one that its CID names.
	WrongBlock {
		/// Its length.
		len: usize,
	},
	/// The file is complete; no block was asked for.
	NothingWanted,
	/// A dag-pb block cannot be read as a UnixFS node.
	MalformedNode,
	/// The node is a directory, a link or anything else but a file.
	NotAFile,
	/// A node links to something that Waybill does not read.
	UnreadableLink(CidError),
	/// A node or the file is of another size than declared.
	WrongSize {
		/// The size that its parent, or the reader's caller, declared.
		declared: u64,
		/// The size that it has.
		found: u64,
	},
	/// The DAG has more levels than allowed.
	TooDeep,
	/// The DAG has more blocks than allowed for a file of its size.
	TooManyBlocks,
}

impl DagError {
	/// Whether the block's source is to blame, not the file. Another source may have the right
	/// block.
	pub fn blames_source(&self) -> bool {
		matches!(self, Self::BlockTooLarge { .. } | Self::WrongBlock { .. } | Self::NothingWanted)
	}
}

impl fmt::Display for DagError {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::BlockTooLarge { len, limit } => write!(f, "a block of at least {len} bytes where {limit} are allowed"),
			Self::WrongBlock { len } => write!(f, "{len} bytes that are not the block with this CID"),
			Self::NothingWanted => f.write_str("a block that was not asked for"),
			Self::MalformedNode => f.write_str("a block that is not a UnixFS node"),
			Self::NotAFile => f.write_str("the CID of something that is not a file"),
			Self::UnreadableLink(error) => write!(f, "a link to {error}"),
			Self::WrongSize { declared, found } => write!(f, "{found} bytes where {declared} are declared"),
			Self::TooDeep => f.write_str("a DAG with too many levels"),
			Self::TooManyBlocks => f.write_str("a DAG with too many blocks for its size"),
		}
	}
}

impl core::error::Error for DagError {}
