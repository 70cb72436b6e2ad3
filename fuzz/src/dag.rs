//! UnixFS DAGs: blocks as any gateway or peer may send them.

use codec::Decode;
use prost::Message;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use waybill_ipfs::{Checksum, ContentHasher, DagError, DagReader, Limits};
use waybill_primitives::{Cid, Codec, Multihash};

/// Blocks, each of which can link to the blocks before it. The last one is the root.
#[derive(Decode, Debug)]
struct Case {
	/// The file's declared size; `None` for the size that the blocks add up to.
	size: Option<u64>,
	max_depth: u8,
	max_blocks: u8,
	blocks: Vec<Block>,
}

#[derive(Decode, Debug)]
enum Block {
	/// A leaf.
	Raw(Vec<u8>),
	/// Bytes under a dag-pb CID.
	DagPb(Vec<u8>),
	/// A node as IPFS programs write it, with alterations.
	Node { kind: u8, data: Option<Vec<u8>>, packed: bool, links: Vec<Link>, filesize: Option<u8> },
}

#[derive(Decode, Debug)]
struct Link {
	/// The number of blocks back from this one.
	back: u8,
	/// The error in the declared size.
	off: i8,
	/// Bytes that replace the block's CID.
	cid: Option<Vec<u8>>,
}

/// A finished block, and the size of the file below it according to its links.
struct Made {
	cid: Cid,
	size: u64,
}

/// Reads the DAG with the right blocks and with wrong ones.
pub fn run(data: &[u8]) {
	// Any bytes as a single block, then with the size that the block declares.
	let (whole, store) = (dag_pb(data), HashMap::from([(dag_pb(data), data.to_vec())]));
	if let Err(DagError::WrongSize { found, .. }) = walk(whole, &store, limits(u64::MAX, 16, 64)) {
		let _ = walk(whole, &store, limits(found, 16, 64));
	}

	let Ok(case) = Case::decode(&mut &*data) else { return };
	let (mut made, mut store) = (Vec::<Made>::new(), HashMap::new());
	for block in case.blocks.iter().take(64) {
		let (bytes, codec, size) = block.make(&made);
		let cid = match codec {
			Codec::Raw => Cid::raw(&bytes),
			Codec::DagPb => dag_pb(&bytes),
		};
		store.insert(cid, bytes);
		made.push(Made { cid, size });
	}
	if let Some(root) = made.last() {
		let limits = limits(case.size.unwrap_or(root.size), case.max_depth, case.max_blocks);
		let _ = walk(root.cid, &store, limits);
	}
}

fn limits(size: u64, max_depth: u8, max_blocks: u8) -> Limits {
	Limits { max_depth: u32::from(max_depth), max_blocks: usize::from(max_blocks) + 1, max_block: 64 * 1024, size }
}

fn dag_pb(block: &[u8]) -> Cid {
	Cid { codec: Codec::DagPb, hash: Multihash::Sha2_256(Sha256::digest(block).into()) }
}

/// Reads until the file ends, or a block is missing or refused. Memory and work must stay within
/// the limits. A complete file must have the declared size and the content that a plain walk finds.
fn walk(root: Cid, store: &HashMap<Cid, Vec<u8>>, limits: Limits) -> Result<(), DagError> {
	let mut reader = DagReader::new(root, limits);
	let mut hasher = ContentHasher::new();
	while let Some(cid) = reader.next() {
		let (blocks, position) = (reader.blocks(), reader.position());
		assert!(blocks < limits.max_blocks && reader.upcoming().count() + blocks <= limits.max_blocks);
		// A wrong block does not change the reader.
		assert!(reader.supply(b"\0not what the CID names").is_err_and(|error| error.blames_source()));
		assert_eq!((reader.next(), reader.blocks(), reader.position()), (Some(cid), blocks, position));
		let Some(block) = store.get(&cid) else { return Ok(()) };
		match reader.supply(block) {
			Ok(bytes) => hasher.update(bytes.unwrap_or_default()),
			Err(error) => {
				assert_eq!((reader.next(), reader.blocks(), reader.position()), (Some(cid), blocks, position));
				return Err(error);
			},
		}
		assert!(reader.position() <= limits.size, "more bytes than declared");
	}
	assert!(reader.is_complete() && reader.supply(b"").is_err());
	let Checksum { size, sha256 } = hasher.finish();
	assert_eq!((size, reader.position()), (limits.size, limits.size));
	let mut file = Vec::new();
	if plain(root, store, &mut file).is_some() {
		assert_eq!(sha256, <[u8; 32]>::from(Sha256::digest(&file)));
	}
	Ok(())
}

/// Reads the file by recursion, with prost reading the nodes. Returns `None` where prost refuses a
/// node: it checks fields that the reader skips.
fn plain(cid: Cid, store: &HashMap<Cid, Vec<u8>>, file: &mut Vec<u8>) -> Option<()> {
	let block = &store[&cid];
	if cid.codec == Codec::Raw {
		file.extend(block);
		return Some(());
	}
	let node = PbNode::decode(&block[..]).ok()?;
	let unixfs = UnixFs::decode(&node.data?[..]).ok()?;
	file.extend(unixfs.data.unwrap_or_default());
	node.links.into_iter().try_for_each(|link| plain(Cid::from_bytes(&link.hash?).ok()?, store, file))
}

impl Block {
	/// The block's bytes, their codec, and the size of the file below.
	fn make(&self, before: &[Made]) -> (Vec<u8>, Codec, u64) {
		let (kind, data, packed, links, filesize) = match self {
			Self::Raw(bytes) => return (bytes.clone(), Codec::Raw, bytes.len() as u64),
			Self::DagPb(bytes) => return (bytes.clone(), Codec::DagPb, bytes.len() as u64),
			Self::Node { kind, data, packed, links, filesize } => (kind, data, packed, links, filesize),
		};
		let linked: Vec<_> = links
			.iter()
			.filter_map(|link| {
				let made = before.get(before.len().checked_sub(usize::from(link.back) + 1)?)?;
				let hash = link.cid.clone().unwrap_or_else(|| made.cid.to_bytes());
				Some((hash, made.size.wrapping_add_signed(link.off.into())))
			})
			.collect();
		let blocksizes: Vec<_> = linked.iter().map(|(_, size)| *size).collect();
		let own = data.as_ref().map_or(0, |data| data.len() as u64);
		let size = blocksizes.iter().fold(own, |sum, size| sum.wrapping_add(*size));
		let mut unixfs = UnixFs {
			kind: Some(u64::from(*kind)),
			data: data.clone(),
			filesize: Some(filesize.map_or(size, u64::from)),
			blocksizes: if *packed { vec![] } else { blocksizes.clone() },
		}
		.encode_to_vec();
		if *packed {
			unixfs.extend(PackedSizes { blocksizes }.encode_to_vec());
		}
		let links = linked.into_iter().map(|(hash, _)| PbLink { hash: Some(hash) }).collect();
		// dag-pb puts the links before the data, and prost does not write a single message that
		// way.
		let mut block = PbNode { data: None, links }.encode_to_vec();
		block.extend(PbNode { data: Some(unixfs), links: vec![] }.encode_to_vec());
		(block, Codec::DagPb, size)
	}
}

#[derive(Clone, PartialEq, Message)]
struct PbLink {
	#[prost(bytes = "vec", optional, tag = "1")]
	hash: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct PbNode {
	#[prost(bytes = "vec", optional, tag = "1")]
	data: Option<Vec<u8>>,
	#[prost(message, repeated, tag = "2")]
	links: Vec<PbLink>,
}

#[derive(Clone, PartialEq, Message)]
struct UnixFs {
	#[prost(uint64, optional, tag = "1")]
	kind: Option<u64>,
	#[prost(bytes = "vec", optional, tag = "2")]
	data: Option<Vec<u8>>,
	#[prost(uint64, optional, tag = "3")]
	filesize: Option<u64>,
	#[prost(uint64, repeated, packed = "false", tag = "4")]
	blocksizes: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct PackedSizes {
	#[prost(uint64, repeated, packed = "true", tag = "4")]
	blocksizes: Vec<u64>,
}
