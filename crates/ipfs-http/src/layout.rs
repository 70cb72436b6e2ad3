//! The CID that a file has under the settings with which this crate adds files. Computing it here
//! shows whether kubo kept to them.

use crate::error::{Error, Result};
use prost::Message;
use sha2::{Digest, Sha256};
use std::{
	fs::File,
	io::{self, Write},
	path::Path,
};
use waybill_primitives::{Cid, Codec, Multihash};

/// The bytes of a leaf.
const LEAF: usize = 262_144;
/// The most links of a node.
pub const MAX_LINKS: usize = 174;
/// The UnixFS type of a file's node.
const UNIXFS_FILE: i32 = 2;

/// Computes the CID of a file from its bytes: raw leaves of 256 KiB, and over them balanced nodes
/// (<https://specs.ipfs.tech/unixfs/>).
#[derive(Debug, Default)]
pub struct FileCid {
	leaf: Vec<u8>,
	/// The nodes of each level that have no parent yet, the leaves first.
	levels: Vec<Vec<Node>>,
}

/// A node, as its parent links to it.
#[derive(Debug)]
struct Node {
	cid: Cid,
	/// The bytes of the file below it.
	content: u64,
	/// The bytes of its block and of all blocks below it.
	total: u64,
}

#[derive(Message)]
struct PbLink {
	#[prost(bytes = "vec", optional, tag = "1")]
	hash: Option<Vec<u8>>,
	#[prost(string, optional, tag = "2")]
	name: Option<String>,
	#[prost(uint64, optional, tag = "3")]
	tsize: Option<u64>,
}

/// The links of a dag-pb node. They stand before its data.
#[derive(Message)]
struct PbLinks {
	#[prost(message, repeated, tag = "2")]
	links: Vec<PbLink>,
}

#[derive(Message)]
struct PbData {
	#[prost(bytes = "vec", optional, tag = "1")]
	data: Option<Vec<u8>>,
}

#[derive(Message)]
struct UnixFs {
	#[prost(int32, optional, tag = "1")]
	kind: Option<i32>,
	#[prost(uint64, optional, tag = "3")]
	filesize: Option<u64>,
	#[prost(uint64, repeated, packed = "false", tag = "4")]
	blocksizes: Vec<u64>,
}

impl FileCid {
	/// The CID of a file with these bytes.
	pub fn of(bytes: &[u8]) -> Cid {
		let mut cid = Self::default();
		cid.update(bytes);
		cid.finish()
	}

	/// The CID of the file at `path`.
	pub fn of_file(path: &Path) -> Result<Cid> {
		let mut cid = Self::default();
		let read = File::open(path).and_then(|mut file| io::copy(&mut file, &mut cid));
		read.map(|_| cid.finish()).map_err(|cause| Error::read(path, &cause))
	}

	/// Takes the next bytes of the file.
	pub fn update(&mut self, mut bytes: &[u8]) {
		while !bytes.is_empty() {
			if self.leaf.len() == LEAF {
				self.end_leaf();
			}
			let (now, later) = bytes.split_at(bytes.len().min(LEAF.saturating_sub(self.leaf.len())));
			self.leaf.extend_from_slice(now);
			bytes = later;
		}
	}

	/// The file's CID.
	pub fn finish(mut self) -> Cid {
		self.end_leaf();
		let mut level = 0;
		loop {
			let nodes = self.levels.get_mut(level).map(std::mem::take).unwrap_or_default();
			let is_top = self.levels.iter().skip(level).all(Vec::is_empty);
			match &nodes[..] {
				[root] if is_top => return root.cid,
				[] => {},
				nodes => {
					let parent = parent(nodes);
					self.push(level.saturating_add(1), parent);
				},
			}
			level = level.saturating_add(1);
		}
	}

	fn end_leaf(&mut self) {
		let leaf = std::mem::take(&mut self.leaf);
		let length = leaf.len() as u64;
		self.push(0, Node { cid: Cid::raw(&leaf), content: length, total: length });
	}

	fn push(&mut self, level: usize, node: Node) {
		if self.levels.len() <= level {
			self.levels.resize_with(level.saturating_add(1), Vec::new);
		}
		let Some(nodes) = self.levels.get_mut(level) else { return };
		if nodes.len() == MAX_LINKS {
			let full = std::mem::take(nodes);
			nodes.push(node);
			self.push(level.saturating_add(1), parent(&full));
		} else {
			nodes.push(node);
		}
	}
}

impl Write for FileCid {
	fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
		self.update(bytes);
		Ok(bytes.len())
	}

	fn flush(&mut self) -> io::Result<()> {
		Ok(())
	}
}

fn parent(children: &[Node]) -> Node {
	let link = |node: &Node| PbLink { hash: Some(node.cid.to_bytes()), name: Some(String::new()), tsize: Some(node.total) };
	let content = children.iter().map(|node| node.content).sum();
	let unixfs = UnixFs {
		kind: Some(UNIXFS_FILE),
		filesize: Some(content),
		blocksizes: children.iter().map(|node| node.content).collect(),
	};
	let mut block = PbLinks { links: children.iter().map(link).collect() }.encode_to_vec();
	block.extend(PbData { data: Some(unixfs.encode_to_vec()) }.encode_to_vec());
	let below: u64 = children.iter().map(|node| node.total).sum();
	Node {
		cid: Cid { codec: Codec::DagPb, hash: Multihash::Sha2_256(Sha256::digest(&block).into()) },
		content,
		total: below.saturating_add(block.len() as u64),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn file_on_the_disk_should_have_the_cid_of_its_bytes() {
		let (file, bytes) = (tempfile::NamedTempFile::new().unwrap(), vec![7; LEAF + 1]);
		std::fs::write(file.path(), &bytes).unwrap();
		assert_eq!(FileCid::of_file(file.path()).unwrap(), FileCid::of(&bytes));
		assert!(matches!(FileCid::of_file(Path::new("/nowhere")), Err(Error::Read { .. })));
	}

	/// Of `ipfs add --only-hash --cid-version=1 --raw-leaves --chunker=size-262144` of kubo 0.43.0.
	#[test]
	fn cids_should_be_those_of_kubo() {
		let pattern: Vec<u8> = (0..1u64 << 16).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
		for (size, expected) in [
			(0, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
			(1, "bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu"),
			(262_144, "bafkreiawd2wl5maxm6xwizm6vkcr5e2ibe2shjmft6xzfhfbvn6t7r7fz4"),
			(262_145, "bafybeidrj4vousjdlfzburqjauerdpkpsgs5skxr2q3nxgddd3txpg52ju"),
			(174 * 262_144, "bafybeifncgibmrrxxrxygsrpppbf35dyrkuoeks7gmxmvnzwyhfxal3fmi"),
			(174 * 262_144 + 1, "bafybeie7pfdtrjygudckdnhjg4jwonymawq3yql5hk2eshvvohfud3lxvm"),
			(175 * 262_144, "bafybeicpytikrcnpp5uk6xanbffbesdjm2thkbnedxwandeovq6rbmfkwm"),
			(350 * 262_144 + 5, "bafybeihvl3jpxa3f4ut3wsozawhy7cqxcnih25lsdzhce7ee5zzimz752a"),
		] {
			for step in [pattern.len(), 1_000_003] {
				let (mut file, mut left) = (FileCid::default(), size);
				let mut buffer = Vec::new();
				while left > 0 {
					while buffer.len() < step.min(left) {
						buffer.extend_from_slice(&pattern);
					}
					let now = step.min(left);
					file.update(&buffer[..now]);
					// What follows continues the pattern.
					buffer.drain(..now);
					left -= now;
				}
				assert_eq!(file.finish().to_string(), expected, "{size}");
			}
		}
	}
}
