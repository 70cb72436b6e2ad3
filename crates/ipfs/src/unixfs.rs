//! UnixFS nodes in dag-pb (<https://specs.ipfs.tech/unixfs/>).

use crate::{
	protobuf::{varint, Fields, Malformed, Value},
	DagError,
};
use alloc::vec::Vec;
use waybill_primitives::Cid;

/// UnixFS node types: a file, or a part of one.
const RAW: u64 = 0;
const FILE: u64 = 2;

impl From<Malformed> for DagError {
	fn from(_: Malformed) -> Self {
		Self::MalformedNode
	}
}

/// A part of a file: bytes of its own, then those below its links.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Node<'a> {
	/// Its own bytes.
	pub(crate) data: &'a [u8],
	/// The parts that follow them, each with its size in bytes of the file.
	pub(crate) links: Vec<(Cid, u64)>,
	/// Its size in bytes of the file.
	pub(crate) size: u64,
}

impl<'a> Node<'a> {
	/// A raw block.
	pub(crate) fn raw(block: &'a [u8]) -> Self {
		Self { data: block, links: Vec::new(), size: len(block) }
	}

	/// Reads a dag-pb block. More than `max_links` links are refused before they take any memory.
	pub(crate) fn dag_pb(block: &'a [u8], max_links: usize) -> Result<Self, DagError> {
		let (mut links, mut unixfs) = (Vec::new(), None);
		for field in Fields::of(block) {
			match field? {
				(1, data) if unixfs.is_none() => unixfs = Some(data.bytes()?),
				(2, link) => push(&mut links, read_link(link.bytes()?)?, max_links)?,
				_ => return Err(DagError::MalformedNode),
			}
		}
		let file = File::read(unixfs.ok_or(DagError::MalformedNode)?, max_links)?;
		if file.blocksizes.len() != links.len() {
			return Err(DagError::MalformedNode);
		}
		let below = file.blocksizes.iter().try_fold(0u64, |sum, size| sum.checked_add(*size));
		let size = below.and_then(|below| below.checked_add(len(file.data))).ok_or(DagError::MalformedNode)?;
		match file.filesize {
			Some(declared) if declared != size => return Err(DagError::WrongSize { declared, found: size }),
			_ => {},
		}
		Ok(Self { data: file.data, links: links.into_iter().zip(file.blocksizes).collect(), size })
	}
}

fn len(bytes: &[u8]) -> u64 {
	u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn push<T>(list: &mut Vec<T>, item: T, limit: usize) -> Result<(), DagError> {
	if list.len() >= limit {
		return Err(DagError::TooManyBlocks);
	}
	list.push(item);
	Ok(())
}

/// The CID of a dag-pb link; its name and its `Tsize` mean nothing for a file.
fn read_link(link: &[u8]) -> Result<Cid, DagError> {
	let mut hash = None;
	for field in Fields::of(link) {
		match field? {
			(1, value) if hash.is_none() => hash = Some(value.bytes()?),
			(2, Value::Bytes(_)) | (3, Value::Varint(_)) => {},
			_ => return Err(DagError::MalformedNode),
		}
	}
	Cid::from_bytes(hash.ok_or(DagError::MalformedNode)?).map_err(DagError::UnreadableLink)
}

/// The UnixFS message of a file's node.
struct File<'a> {
	data: &'a [u8],
	filesize: Option<u64>,
	blocksizes: Vec<u64>,
}

impl<'a> File<'a> {
	fn read(message: &'a [u8], max_links: usize) -> Result<Self, DagError> {
		let (mut kind, mut file) = (None, Self { data: &[], filesize: None, blocksizes: Vec::new() });
		for field in Fields::of(message) {
			match field? {
				(1, value) => kind = Some(value.varint()?),
				(2, value) => file.data = value.bytes()?,
				(3, value) => file.filesize = Some(value.varint()?),
				(4, Value::Varint(size)) => push(&mut file.blocksizes, size, max_links)?,
				// The packed form.
				(4, Value::Bytes(mut sizes)) => {
					while !sizes.is_empty() {
						push(&mut file.blocksizes, varint(&mut sizes)?, max_links)?;
					}
				},
				(4, Value::Fixed) => return Err(DagError::MalformedNode),
				// Mode, modification time, and fields of later versions.
				_ => {},
			}
		}
		match kind {
			Some(RAW | FILE) => Ok(file),
			Some(_) => Err(DagError::NotAFile),
			None => Err(DagError::MalformedNode),
		}
	}
}
