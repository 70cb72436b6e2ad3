//! Files as kubo lays them out are read.

use crate::common::{self, pattern, Store, CHUNK, WIDTH};
use proptest::prelude::*;
use waybill_ipfs::{ContentHasher, DagError, DagReader, Limits};
use waybill_primitives::Cid;

fn read(store: &Store, root: Cid, limits: Limits) -> Result<Vec<u8>, DagError> {
	let mut reader = DagReader::new(root, limits);
	let mut file = Vec::new();
	while let Some(cid) = reader.next() {
		if let Some(bytes) = reader.supply(store.get(cid))? {
			file.extend_from_slice(bytes);
		}
		assert_eq!(reader.position(), file.len() as u64);
	}
	assert!(reader.is_complete());
	Ok(file)
}

fn assert_reads(store: &Store, root: Cid, data: &[u8]) {
	assert!(read(store, root, Limits::for_size(data.len() as u64)).unwrap() == data);
}

#[test]
fn single_raw_block_should_be_a_file() {
	let mut store = Store::default();
	for data in [&b""[..], b"hello", &pattern(CHUNK)] {
		let root = store.balanced(data, CHUNK, WIDTH, true);
		assert_reads(&store, root.cid, data);
	}
}

#[test]
fn single_dag_pb_block_should_be_a_file() {
	let mut store = Store::default();
	for data in [&b""[..], b"hello", &pattern(CHUNK)] {
		let root = store.balanced(data, CHUNK, WIDTH, false);
		assert_reads(&store, root.cid, data);
	}
}

/// The roots that kubo 0.43.0 gives the same bytes, with `ipfs add --cid-version=1 --raw-leaves=…`.
const KUBO_ROOTS: [(usize, bool, &str); 14] = [
	(0, true, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
	(0, false, "bafybeif7ztnhq65lumvvtr4ekcwd2ifwgm3awq4zfr3srh462rwyinlb4y"),
	(5, true, "bafkreiawwg77ikxguo2m6r67joyuujsz2d7ypq2bqiofhhmj5lh4wpbb2a"),
	(5, false, "bafybeifmoemjc32436fh4c4txylbofsuyi44zihee7hifge26oakxwreba"),
	(CHUNK, true, "bafkreiecq6sthzzdvpdhqwwpdczxx26e4t3e5wmnzviqmqdphldgfqoe3m"),
	(CHUNK, false, "bafybeif24fdlqdjk2b5uiq6jlge5uspjqnfs4ixxvexdabu2vlsa3t4x6i"),
	(CHUNK + 1, true, "bafybeigipb3upfgc7d3pg3llsnskvcftvdsi6mhqvmuxde2mq3do4gk47m"),
	(CHUNK + 1, false, "bafybeihfg7k2x7j2xmp6q5bacvyxzmcnzgcbgjjaxmn6ecd7db3ftwegqq"),
	(3 * CHUNK + 17, true, "bafybeicfwbnzmqri55vrwff4u374vmdkxu3iwiuktuvuxoahdrcia7mvha"),
	(3 * CHUNK + 17, false, "bafybeidma2kefgpr2anp3vvmlplg2zvisvnqadmqysj4hka5yy7clpkgme"),
	(WIDTH * CHUNK, true, "bafybeidimne5wf5ewfzo7j3i6rqielsyhrfd3gchn3xe5vjxbzxs5d5rye"),
	(WIDTH * CHUNK, false, "bafybeig5mqnia6cxj72qq5d7i4i56koct3nwjoomwo3lmgtqzlxjcmak3e"),
	(WIDTH * CHUNK + 1, true, "bafybeiajrrb2wso56upygo5ncasyf7ychzfsllqzv4yen5vlyacji47x5q"),
	(WIDTH * CHUNK + 1, false, "bafybeibl4s5eyw5mvdcdhoonozqf2qkcnvlgygffdwaex2fq22z6g3me7i"),
];

#[test]
fn layout_should_be_that_of_kubo() {
	for (len, raw_leaves, root) in KUBO_ROOTS {
		let data = pattern(len);
		let mut store = Store::default();
		let file = store.balanced(&data, CHUNK, WIDTH, raw_leaves);
		assert_eq!(file.cid.to_string(), root, "{len} bytes");
		assert_reads(&store, file.cid, &data);
	}
}

#[test]
fn repeated_blocks_should_be_read_as_often_as_linked() {
	let mut store = Store::default();
	let data = vec![0xff; 5 * CHUNK + 7];
	let root = store.balanced(&data, CHUNK, WIDTH, true);
	assert_eq!(store.0.len(), 3);
	assert_reads(&store, root.cid, &data);
}

#[test]
fn bytes_of_an_inner_node_should_come_before_its_links() {
	let mut store = Store::default();
	let leaf = store.raw(b"b");
	let inner = store.file(Some(b"a"), &[leaf]);
	let last = store.file(Some(b"c"), &[]);
	let root = store.file(None, &[inner, last]);
	assert_reads(&store, root.cid, b"abc");
}

#[test]
fn node_types_raw_and_file_should_be_read() {
	let mut store = Store::default();
	let part = |kind, data: &[u8]| common::UnixFs {
		kind,
		data: Some(data.to_vec()),
		filesize: Some(data.len() as u64),
		mode: Some(0o644),
		..Default::default()
	};
	let parts = [store.node(&[], part(common::RAW, b"x")), store.node(&[], part(common::FILE, b"y"))];
	let root = store.file(None, &parts);
	assert_reads(&store, root.cid, b"xy");
}

#[test]
fn blake2b_blocks_should_be_read() {
	let mut store = Store::default();
	let data = pattern(100);
	let hash = waybill_primitives::Multihash::Blake2b256(sp_crypto_hashing::blake2_256(&data));
	let cid = Cid { codec: waybill_primitives::Codec::Raw, hash };
	store.0.insert(cid, data.clone());
	let root = store.file(None, &[common::Part { cid, size: 100, tsize: 100 }]);
	assert_reads(&store, root.cid, &data);
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	#[test]
	fn any_layout_should_be_read(
		data in proptest::collection::vec(any::<u8>(), 0..3000),
		chunk in 64usize..400,
		width in 2usize..9,
		raw_leaves: bool,
	) {
		let mut store = Store::default();
		let root = store.balanced(&data, chunk, width, raw_leaves);
		let limits = Limits { max_blocks: 1000, ..Limits::for_size(data.len() as u64) };
		prop_assert_eq!(read(&store, root.cid, limits).unwrap(), data.clone());

		let mut hasher = ContentHasher::new();
		hasher.update(&data);
		prop_assert_eq!(hasher.finish().size, data.len() as u64);
	}
}
