//! Blocks and DAGs that are wrong in every way a block or a DAG can be.

use crate::common::{self, encode, Part, PbLink, Store, UnixFs, DIRECTORY, FILE, HAMT_SHARD, SYMLINK};
use proptest::prelude::*;
use prost::Message;
use waybill_ipfs::{DagError, DagReader, Limits, MAX_BLOCK};
use waybill_primitives::{Cid, CidError};

/// Reads as far as it goes; never more blocks than allowed.
fn read(store: &Store, root: Cid, limits: Limits) -> Result<Vec<u8>, DagError> {
	let mut reader = DagReader::new(root, limits);
	let mut file = Vec::new();
	while let Some(cid) = reader.next() {
		file.extend_from_slice(reader.supply(store.get(cid))?.unwrap_or_default());
		assert!(reader.blocks() <= limits.max_blocks);
		assert!(file.len() as u64 <= limits.size);
	}
	Ok(file)
}

fn sized(kind: i32, filesize: u64, blocksizes: &[u64]) -> UnixFs {
	UnixFs { kind, data: None, filesize: Some(filesize), blocksizes: blocksizes.to_vec(), mode: None }
}

fn store_block(store: &mut Store, block: Vec<u8>) -> Cid {
	let cid = common::dag_pb(&block);
	store.0.insert(cid, block);
	cid
}

#[test]
fn wrong_block_should_be_refused_and_the_right_one_taken_after() {
	let mut reader = DagReader::new(Cid::raw(b"hello"), Limits::for_size(5));
	for block in [&b""[..], b"hellp", b"hello ", b"<html></html>", b"hell"] {
		let error = reader.supply(block).unwrap_err();
		assert_eq!(error, DagError::WrongBlock { len: block.len() });
		assert!(error.blames_source());
	}
	assert_eq!(reader.supply(b"hello"), Ok(Some(&b"hello"[..])));
	assert_eq!(reader.next(), None);
	assert_eq!(reader.supply(b"hello"), Err(DagError::NothingWanted));
}

#[test]
fn large_block_should_be_refused_before_it_is_hashed() {
	let block = vec![7; MAX_BLOCK + 1];
	let mut reader = DagReader::new(Cid::raw(&block), Limits::for_size(block.len() as u64));
	let error = reader.supply(&block).unwrap_err();
	assert_eq!(error, DagError::BlockTooLarge { len: MAX_BLOCK + 1, limit: MAX_BLOCK });
	assert!(error.blames_source());

	let mut reader = DagReader::new(Cid::raw(&block[1..]), Limits::for_size(MAX_BLOCK as u64));
	assert_eq!(reader.supply(&block[1..]).unwrap().map(<[u8]>::len), Some(MAX_BLOCK));
}

#[test]
fn file_should_be_refused_at_its_root_when_its_size_differs() {
	let mut store = Store::default();
	let root = store.balanced(&common::pattern(1000), 100, 4, true).cid;
	for declared in [0, 1, 999, 1001, u64::MAX] {
		let limits = Limits { size: declared, ..Limits::for_size(1000) };
		let error = read(&store, root, limits).unwrap_err();
		assert_eq!(error, DagError::WrongSize { declared, found: 1000 });
		assert!(!error.blames_source());
	}
	let error = read(&store, Cid::raw(&common::pattern(100)), Limits::for_size(99));
	assert_eq!(error, Err(DagError::WrongSize { declared: 99, found: 100 }));
}

#[test]
fn lying_block_sizes_should_be_refused() {
	let mut store = Store::default();
	let leaf = store.raw(b"1234");
	// A sum that is not the file's size.
	let root = store.node(&[leaf, leaf], sized(FILE, 9, &[4, 4])).cid;
	assert_eq!(read(&store, root, Limits::for_size(9)), Err(DagError::WrongSize { declared: 9, found: 8 }));
	// Sizes that are not those of the parts: a leaf, then an inner node.
	let root = store.node(&[leaf, leaf], sized(FILE, 8, &[3, 5])).cid;
	assert_eq!(read(&store, root, Limits::for_size(8)), Err(DagError::WrongSize { declared: 3, found: 4 }));
	let inner = store.file(None, &[leaf, leaf]);
	let root = store.node(&[inner], sized(FILE, 7, &[7])).cid;
	assert_eq!(read(&store, root, Limits::for_size(7)), Err(DagError::WrongSize { declared: 7, found: 8 }));
	// Sizes whose sum does not fit 64 bits.
	let root = store.node(&[leaf, leaf], sized(FILE, 3, &[u64::MAX, 4])).cid;
	assert_eq!(read(&store, root, Limits::for_size(3)), Err(DagError::MalformedNode));
	// Fewer and more sizes than links.
	for sizes in [&[][..], &[4], &[4, 4, 4]] {
		let root = store.node(&[leaf, leaf], sized(FILE, sizes.iter().sum(), sizes)).cid;
		assert_eq!(read(&store, root, Limits::for_size(8)), Err(DagError::MalformedNode));
	}
}

#[test]
fn deep_dag_should_be_refused_at_the_limit() {
	let mut store = Store::default();
	let limits = Limits::for_size(4);
	let mut part = store.raw(b"1234");
	for _ in 0..limits.max_depth {
		part = store.file(None, &[part]);
	}
	assert_eq!(read(&store, part.cid, limits).unwrap(), b"1234");
	part = store.file(None, &[part]);
	assert_eq!(read(&store, part.cid, limits), Err(DagError::TooDeep));
}

#[test]
fn wide_dag_should_be_refused_at_its_root() {
	let mut store = Store::default();
	let (leaf, empty) = (store.raw(b"1"), store.raw(b""));
	let limits = Limits { max_blocks: 10, ..Limits::for_size(9) };
	let root = store.file(None, &[leaf; 9]).cid;
	assert_eq!(read(&store, root, limits).unwrap(), b"111111111");
	let parts: Vec<_> = [leaf; 9].into_iter().chain([empty]).collect();
	let root = store.file(None, &parts).cid;
	assert_eq!(read(&store, root, limits), Err(DagError::TooManyBlocks));
}

#[test]
fn empty_parts_should_not_go_on_for_ever() {
	let mut store = Store::default();
	let mut part = store.raw(b"");
	// 8^10 blocks below the root, none with a byte.
	for _ in 0..10 {
		part = store.file(None, &[part; 8]);
	}
	assert_eq!(read(&store, part.cid, Limits::for_size(0)), Err(DagError::TooManyBlocks));
}

#[test]
fn a_block_of_links_should_be_refused_before_it_takes_memory() {
	// A million empty links in 2 MiB.
	let block = [0x12, 0x00].repeat(MAX_BLOCK / 2);
	let mut store = Store::default();
	let cid = store_block(&mut store, block);
	assert_eq!(read(&store, cid, Limits::for_size(1)), Err(DagError::MalformedNode));
	let link = PbLink { hash: Some(Cid::raw(b"").to_bytes()), name: None, tsize: None };
	let cid = store_block(&mut store, encode(&vec![link; 40_000], None));
	assert_eq!(read(&store, cid, Limits::for_size(1)), Err(DagError::TooManyBlocks));
	// Two million packed sizes, without a link.
	let unixfs = [&[0x08, 0x02, 0x22, 0x80, 0x80, 0x7c][..], &vec![0; 0x1f0000]].concat();
	let cid = store_block(&mut store, encode(&[], Some(unixfs)));
	assert_eq!(read(&store, cid, Limits::for_size(1)), Err(DagError::TooManyBlocks));
}

#[test]
fn packed_block_sizes_should_be_read() {
	let mut store = Store::default();
	let leaf = store.raw(b"1234");
	let link = PbLink { hash: Some(leaf.cid.to_bytes()), name: None, tsize: None };
	let block = encode(&[link.clone(), link], Some(vec![0x08, 0x02, 0x18, 0x08, 0x22, 0x02, 0x04, 0x04]));
	let cid = store_block(&mut store, block);
	assert_eq!(read(&store, cid, Limits::for_size(8)).unwrap(), b"12341234");
}

#[test]
fn what_is_not_a_file_should_be_refused() {
	let mut store = Store::default();
	for kind in [DIRECTORY, 3, SYMLINK, HAMT_SHARD, 6, -1] {
		let root = store.node(&[], sized(kind, 0, &[])).cid;
		assert_eq!(read(&store, root, Limits::for_size(0)), Err(DagError::NotAFile));
	}
}

#[test]
fn malformed_nodes_should_be_refused() {
	let mut store = Store::default();
	let leaf = store.raw(b"1234");
	let hash = leaf.cid.to_bytes();
	let unixfs = sized(FILE, 4, &[4]).encode_to_vec();
	let link = |hash: Option<Vec<u8>>| PbLink { hash, name: None, tsize: None };
	let good = encode(&[link(Some(hash.clone()))], Some(unixfs.clone()));
	let cut = good[..good.len() - 1].to_vec();
	let blocks = [
		vec![],
		b"<html>not found</html>".to_vec(),
		cut,
		[&good[..], &[0x1a, 0x00]].concat(),                      // an unknown field
		[&good[..], &encode(&[], Some(unixfs.clone()))].concat(), // data twice
		encode(&[link(Some(hash.clone()))], None),                // no data
		encode(&[link(Some(hash.clone()))], Some(vec![0x18, 0x04, 0x20, 0x04])), // no type
		encode(&[link(None)], Some(unixfs.clone())),              // a link to nothing
		encode(&[link(Some(hash))], Some(vec![0xff])),            // no UnixFS message
	];
	for block in blocks {
		let cid = store_block(&mut store, block.clone());
		assert_eq!(read(&store, cid, Limits::for_size(4)), Err(DagError::MalformedNode), "{block:?}");
	}
	let cid = store_block(&mut store, good);
	assert_eq!(read(&store, cid, Limits::for_size(4)).unwrap(), b"1234");
}

#[test]
fn links_to_unknown_codecs_and_hashes_should_be_refused_by_name() {
	let mut store = Store::default();
	let unixfs = sized(FILE, 4, &[4]).encode_to_vec();
	let mut refused = |hash: Vec<u8>| {
		let block = encode(&[PbLink { hash: Some(hash), name: None, tsize: None }], Some(unixfs.clone()));
		let cid = store_block(&mut store, block);
		read(&store, cid, Limits::for_size(4)).unwrap_err()
	};
	let raw = Cid::raw(b"1234").to_bytes();
	let with = |place: usize, byte: u8| {
		let mut bytes = raw.clone();
		bytes[place] = byte;
		bytes
	};
	assert_eq!(refused(with(1, 0x71)), DagError::UnreadableLink(CidError::UnsupportedCodec));
	assert_eq!(refused(with(2, 0x1e)), DagError::UnreadableLink(CidError::UnsupportedHash));
	assert_eq!(refused(raw[2..].to_vec()), DagError::UnreadableLink(CidError::UnsupportedVersion));
	assert_eq!(refused([&raw[..], &[0]].concat()), DagError::UnreadableLink(CidError::TrailingBytes));
	assert_eq!(refused(raw[..20].to_vec()), DagError::UnreadableLink(CidError::Malformed));
}

#[test]
fn an_error_should_leave_the_reader_as_it_was() {
	let mut store = Store::default();
	let (one, two) = (store.raw(b"1111"), store.raw(b"2222"));
	let root = store.file(None, &[one, two]);
	let mut reader = DagReader::new(root.cid, Limits::for_size(8));
	assert_eq!(reader.supply(store.get(root.cid)), Ok(None));
	assert!(reader.supply(store.get(two.cid)).is_err());
	assert_eq!((reader.next(), reader.blocks(), reader.position()), (Some(one.cid), 1, 0));
	assert_eq!(reader.supply(store.get(one.cid)), Ok(Some(&b"1111"[..])));
	assert_eq!(reader.supply(store.get(two.cid)), Ok(Some(&b"2222"[..])));
	assert!(reader.is_complete());
}

proptest! {
	#[test]
	fn no_block_should_panic(block in proptest::collection::vec(any::<u8>(), 0..300), size: u64) {
		let mut store = Store::default();
		let cid = store_block(&mut store, block);
		let mut reader = DagReader::new(cid, Limits::for_size(size));
		let _ = reader.supply(store.get(cid));
	}

	#[test]
	fn one_changed_byte_of_a_node_should_be_refused_or_read_within_limits(place in any::<prop::sample::Index>(), byte: u8) {
		let mut store = Store::default();
		let data = common::pattern(900);
		let root = store.balanced(&data, 100, 3, true);
		let mut block = store.get(root.cid).to_vec();
		let place = place.index(block.len());
		block[place] = byte;
		let cid = store_block(&mut store, block);
		let mut reader = DagReader::new(cid, Limits::for_size(900));
		let mut read = 0;
		while let Some(cid) = reader.next() {
			let Some(block) = store.0.get(&cid) else { break };
			match reader.supply(block) {
				Ok(bytes) => read += bytes.unwrap_or_default().len(),
				Err(_) => break,
			}
		}
		prop_assert!(read <= 900);
	}

	#[test]
	fn random_dags_should_stay_within_limits(shape in proptest::collection::vec((0usize..6, 0usize..6, 0u64..20), 1..40)) {
		let mut store = Store::default();
		let mut parts: Vec<Part> = vec![store.raw(b"0123456789")];
		for (first, count, lie) in shape {
			let chosen: Vec<Part> = (0..count).map(|i| parts[(first + i) % parts.len()]).collect();
			let sizes: Vec<u64> = chosen.iter().map(|part| part.size).collect();
			// Now and then a node that lies.
			let size = sizes.iter().sum::<u64>() + u64::from(lie == 0);
			let part = store.node(&chosen, sized(FILE, size, &sizes));
			parts.push(part);
		}
		let root = parts[parts.len() - 1];
		let limits = Limits { max_blocks: 200, ..Limits::for_size(root.size) };
		let _ = read(&store, root.cid, limits);
	}
}
