//! Small UnixFS DAGs, encoded byte by byte.

use waybill_primitives::{Cid, Codec, Multihash};

/// The blocks of a file, and the bytes that they make.
pub struct File {
	pub root: Cid,
	pub leaves: Vec<Cid>,
	pub data: Vec<u8>,
	pub blocks: Vec<(Cid, Vec<u8>)>,
	sizes: Vec<u64>,
}

fn varint(mut value: u64) -> Vec<u8> {
	let mut bytes = vec![];
	while value > 0x7f {
		bytes.push(value as u8 | 0x80);
		value >>= 7;
	}
	bytes.push(value as u8);
	bytes
}

/// A length-delimited protobuf field.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
	[&[number << 3 | 2][..], &varint(bytes.len() as u64), bytes].concat()
}

/// A dag-pb block of the given UnixFS type, with links to parts and their sizes.
fn node(kind: u8, parts: &[(Cid, u64)]) -> (Cid, Vec<u8>) {
	let links: Vec<u8> = parts.iter().flat_map(|(cid, _)| field(2, &field(1, &cid.to_bytes()))).collect();
	let size: u64 = parts.iter().map(|(_, size)| size).sum();
	let mut unixfs = [&[0x08, kind, 0x18][..], &varint(size)].concat();
	for (_, size) in parts {
		unixfs.push(0x20);
		unixfs.extend(varint(*size));
	}
	named([links, field(1, &unixfs)].concat())
}

fn named(block: Vec<u8>) -> (Cid, Vec<u8>) {
	let hash = Multihash::Sha2_256(sp_io::hashing::sha2_256(&block));
	(Cid { codec: Codec::DagPb, hash }, block)
}

/// A file with one level above raw leaves. A single leaf is the file itself.
pub fn file(data: &[u8], chunk: usize) -> File {
	let blocks: Vec<_> = data.chunks(chunk).map(|leaf| (Cid::raw(leaf), leaf.to_vec())).collect();
	let mut file = File {
		root: blocks[0].0,
		leaves: blocks.iter().map(|(cid, _)| *cid).collect(),
		data: data.to_vec(),
		sizes: blocks.iter().map(|(_, leaf)| leaf.len() as u64).collect(),
		blocks,
	};
	if file.leaves.len() > 1 {
		file.over_leaves();
	}
	file
}

/// A directory without entries.
pub fn directory() -> File {
	single(node(1, &[]), b"")
}

/// A dag-pb block with arbitrary bytes.
pub fn garbage(bytes: &[u8]) -> File {
	single(named(bytes.to_vec()), bytes)
}

fn single(block: (Cid, Vec<u8>), data: &[u8]) -> File {
	File { root: block.0, leaves: vec![], data: data.to_vec(), blocks: vec![block], sizes: vec![] }
}

impl File {
	fn over_leaves(&mut self) {
		let parts: Vec<_> = self.leaves.iter().copied().zip(self.sizes.iter().copied()).collect();
		let root = node(2, &parts);
		self.root = root.0;
		self.blocks.push(root);
	}

	/// Replaces the root by one that takes a byte from its first leaf and gives it to the second.
	pub fn lie(&mut self) {
		self.sizes[0] -= 1;
		self.sizes[1] += 1;
		self.over_leaves();
	}

	/// Puts another root above the root.
	pub fn wrap(&mut self) {
		let root = node(2, &[(self.root, self.data.len() as u64)]);
		self.root = root.0;
		self.blocks.push(root);
	}
}
