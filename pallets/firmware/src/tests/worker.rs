//! The off-chain worker, against gateways that misbehave in every way.

mod dag;
mod log;
mod net;

use crate::{mock::*, worker, *};
use codec::{Decode, Encode};
use frame_support::{assert_ok, traits::Hooks};
use log::Log;
use net::{Answer, Net};
use sp_core::offchain::{
	testing::{PoolState, TestOffchainExt, TestTransactionPoolExt},
	DbExternalities, OffchainDbExt, OffchainWorkerExt, StorageKind, Timestamp, TransactionPoolExt,
};
use std::sync::Arc;
use waybill_primitives::{Cid, Digest, ReleaseId, ReleaseStatement, Suite, Verdict, Yank};
use waybill_zkcp::{unwatched, ChunkDigests, Layout};

/// A node with attester 11's key, its gateway, its pool and its off-chain storage.
struct Node {
	net: Net,
	pool: Arc<parking_lot::RwLock<PoolState>>,
	storage: TestOffchainExt,
	log: Log,
}

impl Node {
	/// Runs `test` on a node that has these validators' keys.
	fn with_keys(keys: &[AccountId], test: impl FnOnce(&mut Node)) {
		let mut ext = new_test_ext();
		let net = Net::default();
		let (pool_ext, pool) = TestTransactionPoolExt::new();
		let (storage, _) = TestOffchainExt::new();
		ext.register_extension(OffchainWorkerExt::new(net.clone()));
		ext.register_extension(OffchainDbExt::new(storage.clone()));
		ext.register_extension(TransactionPoolExt::new(pool_ext));
		ext.register_extension(keystore(keys));
		let mut node = Node { net, pool, storage, log: Log::start() };
		execute(ext, || test(&mut node));
	}

	fn run_test(test: impl FnOnce(&mut Node)) {
		Self::with_keys(&[11], test);
	}

	/// Runs the worker for this block, which must end in bounded time.
	fn block(&mut self, number: u32) {
		System::set_block_number(number);
		let before = self.net.now();
		Firmware::offchain_worker(number);
		assert!(self.net.now() - before <= 20_000 + 300_000 + 10_000, "a run of {} ms", self.net.now() - before);
		assert_eq!(self.local(b"waybill/attest/lock"), None, "the lock was left");
		// The next block follows after three seconds.
		self.net.pass(3_000);
	}

	/// Runs the worker for these blocks and returns those in which it asked the gateway.
	fn blocks(&mut self, numbers: std::ops::RangeInclusive<u32>) -> Vec<u32> {
		let mut asked = vec![];
		for number in numbers {
			self.net.take_requests();
			self.block(number);
			if !self.net.take_requests().is_empty() {
				asked.push(number);
			}
		}
		asked
	}

	/// The votes sent since the last call: release, round, verdict. The pool must accept them for
	/// the next block.
	fn votes(&mut self) -> Vec<(ReleaseId, u32, Verdict)> {
		let sent: Vec<Vec<u8>> = self.pool.write().transactions.drain(..).collect();
		let best = System::block_number();
		System::set_block_number(best + 1);
		let read = |bytes: Vec<u8>| {
			let xt = UncheckedExtrinsic::decode(&mut &bytes[..]).unwrap();
			assert_ok!(validate(xt.clone()));
			match xt.function {
				RuntimeCall::Firmware(Call::attest { release, round, verdict, .. }) => (release, round, verdict),
				other => panic!("{other:?}"),
			}
		};
		let votes = sent.into_iter().map(read).collect();
		System::set_block_number(best);
		votes
	}

	/// Includes the sent votes in a block.
	fn include(&mut self) {
		for bytes in self.pool.write().transactions.drain(..) {
			assert_ok!(apply(UncheckedExtrinsic::decode(&mut &bytes[..]).unwrap()).unwrap());
		}
	}

	fn local(&mut self, key: &[u8]) -> Option<Vec<u8>> {
		self.storage.local_storage_get(StorageKind::PERSISTENT, key)
	}

	fn set_local(&mut self, key: &[u8], value: &[u8]) {
		self.storage.local_storage_set(StorageKind::PERSISTENT, key, value);
	}

	/// Asserts that the worker does not vote in the first 60 blocks, and that its log names the
	/// cause.
	fn assert_no_vote(&mut self, cause: &str) {
		self.blocks(2..=60);
		assert_eq!(self.votes(), []);
		self.log.assert_has(cause);
	}

	/// Asserts that the worker votes `Unreachable` after five failed attempts, spread over blocks,
	/// and not before.
	fn assert_unreachable(&mut self, cause: &str) {
		assert_eq!(self.blocks(2..=31), vec![2, 4, 8, 16]);
		assert_eq!(self.votes(), []);
		self.log.assert_has("attempt 4 of 5 failed");
		self.block(32);
		assert_eq!(self.votes(), [(0, 1, Verdict::Unreachable)]);
		self.log.assert_has("unreachable after 5 attempts");
		self.log.assert_has(cause);
	}

	fn assert_mismatch(&mut self, cause: &str) {
		self.block(2);
		assert_eq!(self.votes(), [(0, 0, Verdict::Mismatch)]);
		self.log.assert_has("not what it declares");
		self.log.assert_has(cause);
	}
}

/// Publishes a payload of 5 leaves that the gateway has. Returns the release, the root and the
/// leaves.
fn released(node: &Node) -> (ReleaseId, Cid, Vec<Cid>) {
	let file = dag::file(&payload(), 1000);
	node.net.add(&file);
	let release = release_file(&file, |_| {});
	(release, file.root, file.leaves)
}

fn payload() -> Vec<u8> {
	(0..4500u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn release_file(file: &dag::File, change: impl FnOnce(&mut ReleaseStatement)) -> ReleaseId {
	release_of(VENDOR, file, change)
}

/// Publishes a release of a vendor's first model.
fn release_of(vendor: AccountId, file: &dag::File, change: impl FnOnce(&mut ReleaseStatement)) -> ReleaseId {
	let own = |(id, model): (u64, Model<Test>)| (model.vendor == vendor).then_some(id);
	let model = Models::<Test>::iter().find_map(own).unwrap_or_else(|| register_model(vendor));
	let version = (1, 0, NextReleaseId::<Test>::get() as u32);
	let mut statement = statement(model, version, 0, &file.data);
	statement.payload = file.root;
	change(&mut statement);
	publish(statement).unwrap()
}

#[test]
fn payload_should_be_fetched_block_by_block_and_voted_available() {
	Node::run_test(|node| {
		let (release, root, leaves) = released(node);
		node.block(2);
		let url = |cid: &Cid| format!("http://127.0.0.1:8080/ipfs/{cid}?format=raw");
		let expected: Vec<String> = [root].iter().chain(&leaves).map(url).collect();
		assert_eq!(node.net.take_requests(), expected);
		assert_eq!(node.net.headers(), vec![("Accept".into(), "application/vnd.ipld.raw".into())]);
		assert_eq!(node.votes(), [(release, 0, Verdict::Available)]);
		node.log.assert_has("available: 4500 bytes in 6 blocks checked");
	});
}

#[test]
fn vote_should_count_on_chain() {
	Node::with_keys(&[11, 12], |node| {
		let (release, ..) = released(node);
		node.block(2);
		// One check, and a vote for each key.
		assert_eq!(node.net.take_requests().len(), 6);
		node.include();
		assert_eq!(state(release), ReleaseState::Available);
		assert_eq!(node.blocks(3..=RECHECK - 1), Vec::<u32>::new());
		assert_eq!(node.votes(), []);
	});
}

#[test]
fn gateway_of_the_node_should_be_asked() {
	Node::run_test(|node| {
		let (_, root, _) = released(node);
		node.set_local(worker::GATEWAY_KEY, &b"http://10.0.0.7:8081/".to_vec().encode());
		node.block(2);
		assert_eq!(node.net.take_requests()[0], format!("http://10.0.0.7:8081/ipfs/{root}?format=raw"));
		assert_eq!(node.votes().len(), 1);
	});
}

#[test]
fn other_gateways_should_be_asked_when_one_is_away() {
	Node::run_test(|node| {
		let (first, root, _) = released(node);
		let gateways = ["http://10.0.0.7:8081", "http://10.0.0.8:8081", "https://ipfs.example"];
		node.set_local(worker::GATEWAY_KEY, &gateways.join(" ").into_bytes().encode());
		let asked = |node: &mut Node, number, payload| {
			node.block(number);
			let url = |request: &String| request.strip_suffix(&format!("/ipfs/{payload}?format=raw")).map(String::from);
			node.net.take_requests().first().and_then(url)
		};
		node.net.answer_all(Answer::NoConnection);
		// Each in the next block, and then a pause.
		let seen = (2..=7).map(|number| asked(node, number, root)).collect::<Vec<_>>();
		let [one, two, three] = gateways.map(|gateway| Some(gateway.to_owned()));
		assert_eq!(seen, [one.clone(), two.clone(), three.clone(), None, one, two.clone()]);
		assert_eq!(node.votes(), []);
		// The one that answers is asked from then on.
		node.net.answer_all(Answer::Block);
		assert_eq!(asked(node, 8, root), three);
		assert!(matches!(node.votes()[..], [(id, _, Verdict::Available)] if id == first));
		let next = release_file(&dag::file(&payload(), 1_000), |_| ());
		assert_eq!(asked(node, 9, root), three);
		assert!(matches!(node.votes()[..], [(id, _, Verdict::Available)] if id == next));
	});
}

#[test]
fn release_should_be_sought_at_another_gateway_when_one_does_not_have_it() {
	Node::run_test(|node| {
		let (_, root, _) = released(node);
		node.set_local(worker::GATEWAY_KEY, &b"http://10.0.0.7 http://10.0.0.8".to_vec().encode());
		node.net.answer(root, Answer::Status(404));
		for (number, gateway) in [(2, "http://10.0.0.7"), (4, "http://10.0.0.8"), (8, "http://10.0.0.7")] {
			node.block(number);
			assert_eq!(node.net.take_requests(), [format!("{gateway}/ipfs/{root}?format=raw")]);
		}
	});
}

#[test]
fn gateway_that_is_no_url_should_be_named_in_the_log() {
	Node::run_test(|node| {
		released(node);
		node.set_local(worker::GATEWAY_KEY, &vec![0xffu8, 0xfe].encode());
		node.assert_no_vote("no UTF-8 text");
		node.set_local(worker::GATEWAY_KEY, &[0xff]);
		node.assert_no_vote("no UTF-8 text");
		node.set_local(worker::GATEWAY_KEY, &b"no-url".to_vec().encode());
		node.assert_no_vote("the IPFS gateway no-url is at fault: not an HTTP URL");
	});
}

#[test]
fn node_without_an_attesters_key_should_do_nothing() {
	for keys in [&[][..], &[99]] {
		Node::with_keys(keys, |node| {
			released(node);
			assert_eq!(node.blocks(2..=10), Vec::<u32>::new());
			assert_eq!(node.votes(), []);
			assert_eq!(node.local(b"waybill/attest/gateway"), None);
		});
	}
}

#[test]
fn no_vote_should_be_sent_when_there_is_no_gateway() {
	Node::run_test(|node| {
		let (release, ..) = released(node);
		node.net.answer_all(Answer::NoConnection);
		// The pauses grow up to eight blocks.
		assert_eq!(node.blocks(2..=40), vec![2, 4, 8, 16, 24, 32, 40]);
		assert_eq!(node.votes(), []);
		node.log.assert_has("release 0: no vote: the IPFS gateway http://127.0.0.1:8080 is at fault: no connection");
		// It votes as soon as there is a gateway.
		node.net.answer_all(Answer::Block);
		assert_eq!(node.blocks(41..=48), vec![48]);
		assert_eq!(node.votes(), [(release, 2, Verdict::Available)]);
	});
}

#[test]
fn gateway_that_came_back_should_be_asked_as_often_as_at_first_when_it_goes_again() {
	Node::run_test(|node| {
		released(node);
		node.net.answer_all(Answer::NoConnection);
		assert_eq!(node.blocks(2..=16), vec![2, 4, 8, 16]);
		node.net.answer_all(Answer::Block);
		assert_eq!(node.blocks(17..=24), vec![24]);
		node.include();
		node.net.answer_all(Answer::NoConnection);
		assert_eq!(node.blocks(25..=47), vec![40, 42, 46]);
	});
}

#[test]
fn gateway_that_goes_away_within_a_payload_should_not_count_against_the_release() {
	Node::run_test(|node| {
		let (_, _, leaves) = released(node);
		node.net.answer(leaves[3], Answer::NoConnection);
		node.assert_no_vote("is at fault: no connection");
	});
}

#[test]
fn missing_block_should_make_a_release_unreachable_after_several_attempts() {
	for code in [404, 410, 451, 500, 504] {
		Node::run_test(|node| {
			let (_, _, leaves) = released(node);
			node.net.answer(leaves[2], Answer::Status(code));
			node.assert_unreachable(&format!("block {}: HTTP {code}", leaves[2]));
		});
	}
}

#[test]
fn no_vote_should_be_sent_when_the_gateway_refuses() {
	for code in [307, 401, 407, 429, 502, 503] {
		Node::run_test(|node| {
			let (_, _, leaves) = released(node);
			node.net.answer(leaves[2], Answer::Status(code));
			node.assert_no_vote(&format!("is at fault: HTTP {code}"));
		});
	}
}

#[test]
fn redirect_should_be_named_in_the_log() {
	Node::run_test(|node| {
		let (_, root, _) = released(node);
		node.net.answer(root, Answer::Status(301));
		node.assert_no_vote("is at fault: HTTP 301: a redirect, which is not followed");
	});
}

#[test]
fn html_should_not_be_taken_for_a_block() {
	Node::run_test(|node| {
		let (_, root, _) = released(node);
		node.net.answer(root, Answer::Body(b"<html>hello</html>".to_vec()));
		node.assert_no_vote("the gateway sent 18 bytes that are not the block with this CID");
	});
}

#[test]
fn wrong_block_should_not_be_taken_for_the_right_one() {
	Node::run_test(|node| {
		let (_, _, leaves) = released(node);
		node.net.answer(leaves[0], Answer::BlockOf(leaves[1]));
		node.assert_no_vote("the gateway sent 1000 bytes that are not the block");
	});
}

#[test]
fn truncated_block_should_not_be_taken_for_a_whole_one() {
	Node::run_test(|node| {
		let (_, _, leaves) = released(node);
		node.net.answer(leaves[4], Answer::Truncated(499));
		node.assert_no_vote("the gateway sent 499 bytes that are not the block");
	});
	Node::run_test(|node| {
		let (_, _, leaves) = released(node);
		node.net.answer(leaves[4], Answer::Truncated(0));
		node.assert_no_vote("the gateway sent 0 bytes");
	});
	Node::run_test(|node| {
		let (_, _, leaves) = released(node);
		node.net.answer(leaves[4], Answer::Broken(100));
		node.assert_no_vote("the connection broke off");
	});
}

#[test]
fn gateway_that_hangs_should_cost_ten_seconds_a_run() {
	for answer in [Answer::Hang, Answer::HangInBody(100)] {
		Node::run_test(|node| {
			let (_, _, leaves) = released(node);
			node.net.answer(leaves[1], answer.clone());
			let before = node.net.now();
			node.block(2);
			assert!(node.net.now() - before < 3_000 + 11_000);
			node.blocks(3..=31);
			node.block(32);
			assert_eq!(node.votes(), [(0, 1, Verdict::Unreachable)]);
			node.log.assert_has("timed out");
		});
	}
}

#[test]
fn gateway_that_drips_should_cost_ten_seconds_a_run() {
	for answer in [Answer::Drip, Answer::DripPastDeadline] {
		Node::run_test(|node| {
			let (_, _, leaves) = released(node);
			node.net.answer(leaves[1], answer.clone());
			let before = node.net.now();
			node.block(2);
			assert!(node.net.now() - before < 3_000 + 12_000);
			assert_eq!(node.blocks(3..=31), vec![4, 8, 16]);
			node.block(32);
			assert_eq!(node.votes(), [(0, 1, Verdict::Unreachable)]);
			node.log.assert_has("timed out");
		});
	}
}

#[test]
fn payload_should_be_given_up_when_every_block_is_slow() {
	Node::run_test(|node| {
		released(node);
		// Each block comes in time, but all of them together do not.
		node.net.set_latency(9_000);
		let before = node.net.now();
		node.block(2);
		assert!(node.net.now() - before < 3_000 + 31_000);
		node.log.assert_has("the whole payload was not checked in time");
		assert_eq!(node.votes(), []);
	});
}

#[test]
fn endless_block_should_be_cut_off() {
	Node::run_test(|node| {
		let (_, root, _) = released(node);
		node.net.answer(root, Answer::Endless);
		node.block(2);
		assert!(node.net.bytes_read() <= waybill_ipfs::MAX_BLOCK + 64 * 1024);
		node.log.assert_has("more bytes than a block may have");
		node.blocks(3..=31);
		node.block(32);
		assert_eq!(node.votes(), [(0, 1, Verdict::Unreachable)]);
	});
}

#[test]
fn largest_block_should_be_taken() {
	Node::run_test(|node| {
		let leaf = vec![7; waybill_ipfs::MAX_BLOCK];
		let file = dag::file(&leaf, leaf.len());
		node.net.add(&file);
		release_file(&file, |_| {});
		node.block(2);
		assert_eq!(node.votes(), [(0, 0, Verdict::Available)]);
	});
}

#[test]
fn release_should_be_found_again_when_blocks_come_back() {
	Node::run_test(|node| {
		let (_, root, _) = released(node);
		node.net.answer(root, Answer::Status(404));
		assert_eq!(node.blocks(2..=7), vec![2, 4]);
		node.net.answer(root, Answer::Block);
		assert_eq!(node.blocks(8..=19), vec![8]);
		assert_eq!(node.votes()[0], (0, 0, Verdict::Available));
	});
}

#[test]
fn payload_of_another_hash_should_be_a_mismatch() {
	Node::run_test(|node| {
		let file = dag::file(&payload(), 1000);
		node.net.add(&file);
		release_file(&file, |statement| {
			statement.sha256 = [9; 32];
			statement.digest.bytes = [9; 32];
		});
		let found: String = sp_io::hashing::sha2_256(&file.data).iter().map(|byte| format!("{byte:02x}")).collect();
		node.assert_mismatch(&format!("its SHA-256 is {found}"));
	});
}

/// The digest of a payload under the suite with proofs.
fn proven_digest(data: &[u8]) -> Digest {
	let layout = Layout::new(data.len() as u64).unwrap();
	let bytes = ChunkDigests::of_payload(data, layout, &mut unwatched).unwrap().id();
	Digest { suite: Suite::Zkcp, bytes }
}

#[test]
fn payload_of_a_proven_release_should_be_voted_available_when_its_digest_is_right() {
	// The second payload is extended by the code. Its blocks have the usual size.
	for (data, chunk) in [(payload(), 1000), (payload().repeat(933)[..MAX_PAYLOAD as usize].to_vec(), 262_144)] {
		Node::run_test(|node| {
			let file = dag::file(&data, chunk);
			node.net.add(&file);
			let release = release_file(&file, |statement| statement.digest = proven_digest(&data));
			node.block(2);
			assert_eq!(node.votes(), [(release, 0, Verdict::Available)]);
			node.log.assert_has(&format!("available: {} bytes", data.len()));
		});
	}
}

#[test]
fn payload_of_a_proven_release_should_be_a_mismatch_when_its_digest_is_another() {
	for data in [payload(), payload().repeat(933)[..MAX_PAYLOAD as usize].to_vec()] {
		Node::run_test(|node| {
			let file = dag::file(&data, data.len().min(262_144));
			node.net.add(&file);
			release_file(&file, |statement| statement.digest = Digest { suite: Suite::Zkcp, bytes: statement.sha256 });
			let found: String = proven_digest(&data).bytes.iter().map(|byte| format!("{byte:02x}")).collect();
			node.assert_mismatch(&format!("its digest is {found}"));
		});
	}
}

#[test]
fn payload_of_a_proven_release_should_be_a_mismatch_when_its_hash_is_another() {
	Node::run_test(|node| {
		let file = dag::file(&payload(), 1000);
		node.net.add(&file);
		release_file(&file, |statement| {
			statement.sha256 = [9; 32];
			statement.digest = proven_digest(&file.data);
		});
		node.assert_mismatch("its SHA-256 is");
	});
}

#[test]
fn digest_should_not_be_computed_when_the_time_is_over() {
	Node::run_test(|node| {
		let file = dag::file(&payload(), 1000);
		node.net.add(&file);
		release_file(&file, |statement| statement.digest = proven_digest(&file.data));
		node.net.answer(file.leaves[4], Answer::SleepAtEnd(31_000));
		node.block(2);
		node.log.assert_has(&format!("block {}: the whole payload was not checked in time", file.root));
		assert_eq!(node.votes(), []);
		node.net.answer(file.leaves[4], Answer::Block);
		node.blocks(3..=4);
		assert_eq!(node.votes(), [(0, 0, Verdict::Available)]);
	});
}

#[test]
fn payload_of_another_size_should_be_a_mismatch_at_its_root() {
	for (size, cause) in [(4499, "4500 bytes where 4499 are declared"), (4501, "4500 bytes where 4501 are declared")] {
		Node::run_test(|node| {
			let file = dag::file(&payload(), 1000);
			node.net.add(&file);
			release_file(&file, |statement| statement.size = size);
			node.assert_mismatch(cause);
			assert_eq!(node.net.take_requests().len(), 1);
		});
	}
}

#[test]
fn dag_that_lies_about_a_leaf_should_be_a_mismatch() {
	Node::run_test(|node| {
		let mut file = dag::file(&payload(), 1000);
		file.lie();
		node.net.add(&file);
		release_file(&file, |_| {});
		node.assert_mismatch("1000 bytes where 999 are declared");
	});
}

#[test]
fn deep_dag_should_be_a_mismatch() {
	Node::run_test(|node| {
		let mut file = dag::file(&payload(), 1000);
		(0..17).for_each(|_| file.wrap());
		node.net.add(&file);
		release_file(&file, |_| {});
		node.assert_mismatch("a DAG with too many levels");
	});
}

#[test]
fn wide_dag_should_be_a_mismatch() {
	Node::run_test(|node| {
		let file = dag::file(&payload(), 10);
		node.net.add(&file);
		release_file(&file, |_| {});
		node.assert_mismatch("a DAG with too many blocks for its size");
		assert_eq!(node.net.take_requests().len(), 1);
	});
}

#[test]
fn directory_should_be_a_mismatch() {
	Node::run_test(|node| {
		let directory = dag::directory();
		node.net.add(&directory);
		release_file(&directory, |statement| statement.size = 1);
		node.assert_mismatch("the CID of something that is not a file");
	});
}

#[test]
fn node_that_is_no_node_should_be_a_mismatch() {
	Node::run_test(|node| {
		let garbage = dag::garbage(b"<html></html>");
		node.net.add(&garbage);
		release_file(&garbage, |_| {});
		node.assert_mismatch("a block that is not a UnixFS node");
	});
}

#[test]
fn vote_should_be_sent_again_when_it_is_not_included() {
	Node::run_test(|node| {
		let (release, ..) = released(node);
		node.block(2);
		assert_eq!(node.votes().len(), 1);
		// It does not fetch the release again.
		assert_eq!(node.blocks(3..=11), Vec::<u32>::new());
		assert_eq!(node.votes(), []);
		assert_eq!(node.blocks(12..=12), Vec::<u32>::new());
		assert_eq!(node.votes(), [(release, 0, Verdict::Available)]);
	});
}

#[test]
fn each_round_should_be_checked_anew() {
	Node::run_test(|node| {
		let (release, root, _) = released(node);
		node.block(2);
		node.include();
		// Attester 11 cannot decide by itself. The round ends at block 21, and the run of block 20
		// sends the vote for it.
		assert_eq!(node.blocks(3..=20), vec![20]);
		assert_eq!(node.votes(), [(release, 1, Verdict::Available)]);
		node.net.answer(root, Answer::Status(404));
		assert_eq!(node.blocks(21..=39), Vec::<u32>::new());
		assert_eq!(node.blocks(40..=41), vec![40]);
		assert_eq!(state(release), ReleaseState::Pending);
	});
}

#[test]
fn yanked_release_should_not_be_fetched() {
	Node::run_test(|node| {
		let (release, ..) = released(node);
		assert_ok!(Firmware::yank_release(RuntimeOrigin::signed(VENDOR), release, Yank::Faulty, None));
		assert_eq!(node.blocks(2..=30), Vec::<u32>::new());
	});
}

#[test]
fn note_on_another_release_of_the_same_id_should_not_count() {
	Node::run_test(|node| {
		let (_, root, _) = released(node);
		node.net.answer(root, Answer::Status(404));
		node.blocks(2..=20);
		// The chain is reverted, and release 0 is now another one.
		let mut other = Releases::<Test>::get(0).unwrap();
		other.statement.sha256 = [9; 32];
		ReleaseSignatures::<Test>::insert(0, signatures(&other.statement, &[(0, 1), (2, 3)]));
		Releases::<Test>::insert(0, other);
		node.net.answer(root, Answer::Block);
		assert_eq!(node.blocks(21..=21), vec![21]);
		assert_eq!(node.votes(), [(0, 1, Verdict::Mismatch)]);
	});
}

#[test]
fn note_of_a_chain_that_is_no_more_should_not_hold_up() {
	Node::run_test(|node| {
		released(node);
		node.set_local(b"waybill/attest/gateway", &(3u32, 5_000_000u32).encode());
		assert_eq!(node.blocks(2..=2), vec![2]);
	});
}

#[test]
fn notes_that_cannot_be_read_should_be_replaced() {
	Node::run_test(|node| {
		released(node);
		for key in [&b"waybill/attest/gateway"[..], b"waybill/attest/cursor", &(*b"waybill/attest/release/", 0u64).encode()]
		{
			node.set_local(key, &[1]);
		}
		node.block(2);
		assert_eq!(node.votes().len(), 1);
	});
}

#[test]
fn run_should_be_skipped_while_another_is_under_way() {
	Node::run_test(|node| {
		released(node);
		// Another run holds the lock until block 6 and for 30 seconds.
		let held = (6u32, Timestamp::from_unix_millis(node.net.now() + 30_000)).encode();
		node.set_local(b"waybill/attest/lock", &held);
		for number in 2..=6 {
			System::set_block_number(number);
			Firmware::offchain_worker(number);
		}
		assert_eq!(node.net.take_requests(), Vec::<String>::new());
		// The run that held it is dead.
		node.net.pass(31_000);
		assert_eq!(node.blocks(7..=7), vec![7]);
	});
}

#[test]
fn check_should_stop_when_its_lock_is_lost() {
	Node::run_test(|node| {
		let (_, _, leaves) = released(node);
		// A node that sleeps during a request wakes up after its lock has expired.
		node.net.answer(leaves[0], Answer::Sleep(100_000));
		System::set_block_number(2);
		Firmware::offchain_worker(2);
		assert!(node.net.take_requests().len() <= 2);
		assert_eq!(node.votes(), []);
	});
}

#[test]
fn many_releases_should_all_be_voted_on_in_time() {
	Node::run_test(|node| {
		let file = dag::file(b"firmware", 1000);
		node.net.add(&file);
		Balances::force_set_balance(RuntimeOrigin::root(), VENDOR, 1_000_000_000).unwrap();
		let count = 200;
		for _ in 0..count {
			release_file(&file, |_| {});
		}
		let mut voted = std::collections::BTreeSet::new();
		for number in 2..=4 {
			node.block(number);
			let votes = node.votes();
			assert!(votes.len() <= 160, "a run looks at a limited number of releases");
			voted.extend(votes.iter().map(|(release, ..)| *release));
		}
		assert_eq!(voted.len(), count);
	});
}

#[test]
fn run_should_start_no_check_when_its_time_is_over() {
	Node::run_test(|node| {
		for name in 0..10u8 {
			let file = dag::file(&[name; 100], 1000);
			node.net.add(&file);
			release_file(&file, |_| {});
			node.net.answer(file.root, Answer::Hang);
		}
		let before = node.net.now();
		node.block(2);
		assert!(node.net.now() - before <= 3_000 + 31_000);
		assert!(node.net.take_requests().len() <= 3);
	});
}

#[test]
fn release_should_be_voted_on_when_many_newer_ones_hang() {
	Node::run_test(|node| {
		let (good, ..) = released(node);
		for name in 0..10u8 {
			let file = dag::file(&[name; 100], 1000);
			node.net.add(&file);
			release_file(&file, |_| {});
			node.net.answer(file.root, Answer::Hang);
		}
		// Two or three of them fill a run. They are due again before the last one had its turn, but
		// they queue behind it.
		for number in 2..=7 {
			node.block(number);
		}
		assert_eq!(node.votes(), [(good, 0, Verdict::Available)]);
	});
}

/// Publishes a vendor's payload of 5 leaves, each of whose blocks takes the gateway `millis`
/// milliseconds.
fn slow_release(node: &Node, vendor: AccountId, name: u8, millis: u64) -> (ReleaseId, dag::File) {
	let data: Vec<u8> = payload().iter().map(|byte| byte ^ !name).collect();
	let file = dag::file(&data, 1000);
	node.net.add(&file);
	for cid in [file.root].iter().chain(&file.leaves) {
		node.net.answer(*cid, Answer::Slow(millis));
	}
	(release_of(vendor, &file, |_| {}), file)
}

#[test]
fn release_should_be_voted_on_when_another_vendor_has_many_slow_ones() {
	Node::run_test(|node| {
		for name in 0..10 {
			slow_release(node, OTHER_VENDOR, name, 9_000);
		}
		let (good, ..) = released(node);
		slow_release(node, OTHER_VENDOR, 10, 9_000);
		node.block(2);
		assert_eq!(node.votes(), [(good, 0, Verdict::Available)]);
		node.log.assert_has("in the time that it has while others wait");
	});
}

#[test]
fn releases_should_be_voted_on_when_slow_ones_are_published_before_every_run() {
	Node::run_test(|node| {
		let mut voted = vec![];
		for number in 2..=11 {
			let file = dag::file(&[number as u8; 100], 1000);
			node.net.add(&file);
			let good = release_file(&file, |_| {});
			slow_release(node, OTHER_VENDOR, 2 * number as u8, 9_000);
			slow_release(node, OTHER_VENDOR, 2 * number as u8 + 1, 9_000);
			node.block(number);
			voted.push((good, node.votes()));
		}
		// Each gets its vote at once.
		for (good, votes) in voted {
			assert_eq!(votes, [(good, 0, Verdict::Available)]);
		}
	});
}

#[test]
fn release_should_be_voted_on_when_several_vendors_have_older_slow_ones() {
	Node::run_test(|node| {
		for vendor in [OTHER_VENDOR, ANYONE] {
			for name in 0..8 {
				slow_release(node, vendor, 8 * vendor as u8 + name, 9_000);
			}
		}
		let (good, ..) = released(node);
		// A release of each other vendor fills a run.
		node.block(2);
		assert_eq!(node.votes(), []);
		node.block(3);
		assert_eq!(node.votes(), [(good, 0, Verdict::Available)]);
	});
}

#[test]
fn vendors_turn_of_a_chain_that_is_no_more_should_not_hold_up() {
	Node::run_test(|node| {
		let (good, ..) = released(node);
		node.set_local(&(*b"waybill/attest/vendor/", VENDOR).encode(), &5_000_000u32.encode());
		slow_release(node, OTHER_VENDOR, 0, 9_000);
		slow_release(node, ANYONE, 1, 9_000);
		node.block(2);
		assert_eq!(node.votes(), [(good, 0, Verdict::Available)]);
	});
}

#[test]
fn vendors_should_take_turns_by_how_long_they_have_waited() {
	Node::run_test(|node| {
		let published = [VENDOR, VENDOR, VENDOR, OTHER_VENDOR, OTHER_VENDOR].into_iter().enumerate();
		let roots: Vec<_> = published
			.map(|(name, vendor)| {
				let file = dag::file(&[name as u8; 100], 1000);
				node.net.add(&file);
				release_of(vendor, &file, |_| {});
				file.root
			})
			.collect();
		let late = dag::file(&[9; 100], 1000);
		let asked = |node: &Node| -> Vec<usize> {
			let all: Vec<_> = roots.iter().chain([&late.root]).map(Cid::to_string).collect();
			let place = |url: String| all.iter().position(|root| url.contains(root)).unwrap();
			node.net.take_requests().into_iter().map(place).collect()
		};
		node.net.answer(roots[0], Answer::Status(404));
		node.net.answer(roots[3], Answer::Status(404));
		node.net.answer(roots[4], Answer::Status(404));
		node.block(2);
		assert_eq!(asked(node), [0, 3, 1, 4, 2]);
		// A new release queues behind those that have waited since block 4, but before the same
		// vendor's failed ones.
		node.block(3);
		release_of(OTHER_VENDOR, &late, |_| {});
		node.net.answer(late.root, Answer::Status(404));
		node.block(5);
		assert_eq!(asked(node), [0, 5, 3, 4]);
	});
}

#[test]
fn slow_payload_should_have_its_whole_time_when_nothing_else_waits() {
	Node::run_test(|node| {
		// It takes 24 of its 30 seconds.
		let (slow, _) = slow_release(node, VENDOR, 0, 4_000);
		node.block(2);
		assert_eq!(node.votes(), [(slow, 0, Verdict::Available)]);
	});
}

#[test]
fn slow_payload_should_have_more_time_with_each_attempt_when_others_always_wait() {
	Node::run_test(|node| {
		let (slow, _) = slow_release(node, VENDOR, 0, 4_000);
		let mut votes = vec![];
		for number in 2..=8 {
			// A new release whose gateway hangs.
			slow_release(node, OTHER_VENDOR, number as u8, u64::MAX / 2);
			node.block(number);
			votes.push((number, node.votes()));
		}
		// 10 seconds, then 20, then as long as it needs.
		node.log.assert_has(&format!("release {slow}, round 0: attempt 1 of 5 failed"));
		node.log.assert_has(&format!("release {slow}, round 0: attempt 2 of 5 failed"));
		votes.retain(|(_, votes)| !votes.is_empty());
		assert_eq!(votes, [(8, vec![(slow, 0, Verdict::Available)])]);
	});
}

#[test]
fn last_attempt_should_have_all_its_time_although_others_wait() {
	assert_eq!([0, 1, 2, 3].map(|failures| worker::fair_time(failures).unwrap().millis()), [10_000, 20_000, 40_000, 80_000]);
	assert_eq!(worker::fair_time(4), None);
	assert_eq!(worker::fair_time(u32::MAX), None);
}

#[test]
fn cursor_should_move_on_when_a_run_is_out_of_time() {
	Node::run_test(|node| {
		Balances::force_set_balance(RuntimeOrigin::root(), VENDOR, 1_000_000_000).unwrap();
		let file = dag::file(b"firmware", 1000);
		node.net.add(&file);
		node.net.answer(file.root, Answer::Hang);
		// 32 new releases and 130 older ones.
		for _ in 0..162 {
			release_file(&file, |_| {});
		}
		let cursor = |node: &mut Node| u64::decode(&mut &node.local(b"waybill/attest/cursor").unwrap()[..]).unwrap();
		node.block(2);
		assert_eq!((cursor(node), node.net.take_requests().len()), (128, 2));
		node.block(3);
		assert_eq!(cursor(node), 130);
		node.block(4);
		assert_eq!(cursor(node), 128);
	});
}

#[test]
fn release_on_which_the_gateway_breaks_should_not_keep_others_waiting() {
	Node::run_test(|node| {
		let (bad, _, leaves) = released(node);
		node.net.answer(leaves[3], Answer::NoConnection);
		let file = dag::file(b"firmware", 1000);
		node.net.add(&file);
		let good = release_of(OTHER_VENDOR, &file, |_| {});
		node.block(2);
		node.log.assert_has(&format!("release {bad}: no vote: the IPFS gateway http://127.0.0.1:8080 is at fault"));
		assert_eq!(node.votes(), []);
		assert_eq!(node.blocks(3..=4), [4]);
		assert_eq!(node.votes(), [(good, 0, Verdict::Available)]);
	});
}
