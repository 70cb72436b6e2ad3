//! Builds UnixFS DAGs byte by byte as kubo does.

use prost::Message;
use std::collections::HashMap;
use waybill_primitives::{Cid, Codec, Multihash};

/// kubo's chunk size and the most links of a node.
pub const CHUNK: usize = 256 * 1024;
pub const WIDTH: usize = 174;

/// UnixFS node types.
pub const RAW: i32 = 0;
pub const DIRECTORY: i32 = 1;
pub const FILE: i32 = 2;
pub const SYMLINK: i32 = 4;
pub const HAMT_SHARD: i32 = 5;

#[derive(Clone, PartialEq, Message)]
pub struct PbLink {
	#[prost(bytes = "vec", optional, tag = "1")]
	pub hash: Option<Vec<u8>>,
	#[prost(string, optional, tag = "2")]
	pub name: Option<String>,
	#[prost(uint64, optional, tag = "3")]
	pub tsize: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PbNode {
	#[prost(bytes = "vec", optional, tag = "1")]
	pub data: Option<Vec<u8>>,
	#[prost(message, repeated, tag = "2")]
	pub links: Vec<PbLink>,
}

#[derive(Clone, PartialEq, Message)]
pub struct UnixFs {
	#[prost(int32, required, tag = "1")]
	pub kind: i32,
	#[prost(bytes = "vec", optional, tag = "2")]
	pub data: Option<Vec<u8>>,
	#[prost(uint64, optional, tag = "3")]
	pub filesize: Option<u64>,
	#[prost(uint64, repeated, packed = "false", tag = "4")]
	pub blocksizes: Vec<u64>,
	#[prost(uint32, optional, tag = "7")]
	pub mode: Option<u32>,
}

/// A dag-pb block with the links before the data, as dag-pb wants it and prost does not write it.
pub fn encode(links: &[PbLink], data: Option<Vec<u8>>) -> Vec<u8> {
	let mut block = PbNode { data: None, links: links.to_vec() }.encode_to_vec();
	block.extend(PbNode { data, links: vec![] }.encode_to_vec());
	block
}

pub fn dag_pb(block: &[u8]) -> Cid {
	Cid { codec: Codec::DagPb, hash: Multihash::Sha2_256(sp_sha256(block)) }
}

fn sp_sha256(bytes: &[u8]) -> [u8; 32] {
	use sha2::Digest;
	sha2::Sha256::digest(bytes).into()
}

/// A part of a file that is already a block.
#[derive(Clone, Copy, Debug)]
pub struct Part {
	pub cid: Cid,
	/// Bytes of the file.
	pub size: u64,
	/// Bytes of all blocks.
	pub tsize: u64,
}

/// The blocks of one or more DAGs.
#[derive(Clone, Default)]
pub struct Store(pub HashMap<Cid, Vec<u8>>);

impl Store {
	pub fn get(&self, cid: Cid) -> &[u8] {
		&self.0[&cid]
	}

	/// A raw leaf.
	pub fn raw(&mut self, data: &[u8]) -> Part {
		let cid = Cid::raw(data);
		self.0.insert(cid, data.to_vec());
		Part { cid, size: data.len() as u64, tsize: data.len() as u64 }
	}

	/// Any dag-pb block over the parts' links.
	pub fn node(&mut self, parts: &[Part], unixfs: UnixFs) -> Part {
		let link =
			|part: &Part| PbLink { hash: Some(part.cid.to_bytes()), name: Some(String::new()), tsize: Some(part.tsize) };
		let links: Vec<_> = parts.iter().map(link).collect();
		let size = unixfs.filesize.unwrap_or_default();
		let block = encode(&links, Some(unixfs.encode_to_vec()));
		let tsize = block.len() as u64 + parts.iter().map(|part| part.tsize).sum::<u64>();
		let cid = dag_pb(&block);
		self.0.insert(cid, block);
		Part { cid, size, tsize }
	}

	/// A file's node over the parts, with bytes of its own before them.
	pub fn file(&mut self, data: Option<&[u8]>, parts: &[Part]) -> Part {
		let own = data.map_or(0, |data| data.len() as u64);
		let unixfs = UnixFs {
			kind: FILE,
			data: data.map(<[u8]>::to_vec),
			filesize: Some(own + parts.iter().map(|part| part.size).sum::<u64>()),
			blocksizes: parts.iter().map(|part| part.size).collect(),
			mode: None,
		};
		self.node(parts, unixfs)
	}

	/// kubo's balanced layout. A file of one chunk is that chunk.
	pub fn balanced(&mut self, data: &[u8], chunk: usize, width: usize, raw_leaves: bool) -> Part {
		let mut level: Vec<Part> =
			data.chunks(chunk).map(|chunk| if raw_leaves { self.raw(chunk) } else { self.file(Some(chunk), &[]) }).collect();
		if level.is_empty() {
			level.push(if raw_leaves { self.raw(&[]) } else { self.file(None, &[]) });
		}
		while level.len() > 1 {
			level = level.chunks(width).map(|parts| self.file(None, parts)).collect();
		}
		level[0]
	}
}

/// Bytes without repetition nearby: a counter through a multiplicative hash.
pub fn pattern(len: usize) -> Vec<u8> {
	(0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}
