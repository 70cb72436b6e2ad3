use super::chain::{signed, Chain};
use crate::{
	configs::RuntimeBlockLength, Balance, Balances, BlockNumber, Executive, Firmware, PodBounty, Runtime, RuntimeCall,
	RuntimeHoldReason, System, UncheckedExtrinsic, MILLIUNIT, UNIT,
};
use codec::Encode;
use frame_support::{
	dispatch::DispatchClass,
	traits::{
		fungible::{Inspect, InspectHold},
		Get,
	},
};
use frame_system::offchain::CreateAuthorizedTransaction;
use pallet_firmware::{AttesterPair, VendorMetadata};
use pallet_pod_bounty::HoldReason;
use sp_core::{ed25519, Pair};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve};
use sp_runtime::transaction_validity::{InvalidTransaction, TransactionSource};
use std::ops::Range;
use waybill_primitives::{
	fleet::{usual_cap_height, FleetTree},
	view::{ReleaseState, SubmittedReceipt},
	Cid, DeviceKey, DeviceSignature, Digest, IndexedSignature, KeySet, LockKey, ReceiptStatement, ReleaseStatement,
	Statement, Suite, Verdict, Version, VoteStatement,
};

/// The vendor of the release and the fleet.
pub const VENDOR: Sr25519Keyring = Charlie;
const PAYLOAD: &[u8] = b"firmware";
/// The number of devices in the fleet.
pub const DEVICES: u32 = 600;
const REWARD: Balance = 5 * MILLIUNIT;

fn device(index: u32) -> ed25519::Pair {
	ed25519::Pair::from_seed_slice(&sp_io::hashing::blake2_256(&index.encode())).unwrap()
}

fn device_key(index: u32) -> DeviceKey {
	DeviceKey::Ed25519(device(index).public().0)
}

/// Numbers of 30 bits, which are a key under every suite.
fn key_of(index: u32) -> LockKey {
	let mut key = sp_io::hashing::blake2_256(&("key", index).encode());
	key.iter_mut().skip(3).step_by(4).for_each(|byte| *byte &= 0x3f);
	key
}

/// Any digest will do: the attesters compare it with the payload, the chain does not.
fn digest() -> Digest {
	Digest { suite: Suite::Zkcp, bytes: [7; 32] }
}

fn release(genesis: &[u8; 32], release_key: &ed25519::Pair) -> RuntimeCall {
	let statement = ReleaseStatement {
		model: 0,
		version: Version::new(1, 0, 0),
		security_version: 1,
		payload: Cid::raw(PAYLOAD),
		size: PAYLOAD.len() as u64,
		sha256: sp_io::hashing::sha2_256(PAYLOAD),
		digest: digest(),
	};
	let signature = DeviceSignature::Ed25519(release_key.sign(&statement.signing_bytes(genesis)).0);
	let signatures = vec![IndexedSignature { key: 0, signature }].try_into().unwrap();
	RuntimeCall::Firmware(pallet_firmware::Call::publish_release { statement, advisory: None, signatures })
}

/// A vote as an appointed collator's off-chain worker sends it.
fn vote(genesis: &[u8; 32], who: Sr25519Keyring, verdict: Verdict) -> UncheckedExtrinsic {
	let attester = AttesterPair::from(who.pair());
	let statement = VoteStatement { release: 0, round: 0, verdict };
	let call = pallet_firmware::Call::<Runtime>::attest {
		attester: attester.public(),
		release: 0,
		round: 0,
		verdict,
		signature: attester.sign(&statement.signing_bytes(genesis)),
	};
	<Runtime as CreateAuthorizedTransaction<pallet_firmware::Call<Runtime>>>::create_authorized_transaction(call.into())
}

/// A call by which Dave reserves these devices of bounty 0.
fn reserve(
	genesis: &[u8; 32],
	tree: &FleetTree,
	cap_height: u32,
	devices: Range<u32>,
	valid_until: BlockNumber,
) -> RuntimeCall {
	let indices: Vec<_> = devices.collect();
	let receipts = indices.iter().map(|&device_index| {
		let lock = digest().suite.lock(&key_of(device_index)).unwrap();
		let statement = ReceiptStatement {
			bounty: 0,
			device_index,
			digest: digest(),
			lock,
			distributor: Dave.to_account_id(),
			valid_until,
		};
		SubmittedReceipt {
			device_index,
			device_key: device_key(device_index),
			lock,
			valid_until,
			signature: DeviceSignature::Ed25519(device(device_index).sign(&statement.signing_bytes(genesis)).0),
			replaces: None,
		}
	});
	let proof: Vec<_> = tree.multiproof(cap_height, &indices).unwrap().into_iter().map(Into::into).collect();
	RuntimeCall::PodBounty(pallet_pod_bounty::Call::reserve {
		bounty: 0,
		receipts: receipts.collect::<Vec<_>>().try_into().unwrap(),
		proof: proof.try_into().unwrap(),
	})
}

/// A call by which Dave claims these devices.
fn claim(devices: Range<u32>) -> RuntimeCall {
	let keys = devices.map(|index| (index, key_of(index))).collect::<Vec<_>>().try_into().unwrap();
	RuntimeCall::PodBounty(pallet_pod_bounty::Call::claim { bounty: 0, reservation: 0, keys })
}

/// Registers vendor, model and fleet, and publishes the release.
pub fn chain_with_release(tree: &FleetTree, cap_height: u32) -> (Chain, [u8; 32]) {
	let mut chain = Chain::new("local_testnet");
	let genesis = chain.with(|| System::block_hash(0).0);
	let release_key = ed25519::Pair::from_seed(&[9; 32]);
	let key_set = KeySet { threshold: 1, keys: vec![DeviceKey::Ed25519(release_key.public().0)].try_into().unwrap() };
	let metadata = VendorMetadata {
		name: b"Vendor".to_vec().try_into().unwrap(),
		url: Default::default(),
		security_contact: Default::default(),
	};
	for call in [
		pallet_firmware::Call::register_vendor { metadata, key_set },
		pallet_firmware::Call::register_model { name: b"Model".to_vec().try_into().unwrap() },
		pallet_firmware::Call::register_fleet {
			model: 0,
			count: DEVICES,
			cap: tree.cap(cap_height).to_vec().try_into().unwrap(),
			manifest: Cid::raw(b"list"),
		},
	] {
		chain.author(vec![(VENDOR, RuntimeCall::Firmware(call))]);
	}
	chain.author(vec![(VENDOR, release(&genesis, &release_key))]);
	(chain, genesis)
}

/// Has the release attested and opens bounty 0 for `duration` blocks. Returns the block in which it
/// expires.
pub fn open_bounty(chain: &mut Chain, genesis: &[u8; 32], duration: BlockNumber) -> BlockNumber {
	let votes = chain.with(|| vec![vote(genesis, Alice, Verdict::Available), vote(genesis, Bob, Verdict::Available)]);
	assert_eq!(chain.author_if(|_| true, votes), [Ok(Ok(())), Ok(Ok(()))]);
	let expires_at = chain.with(System::block_number) + 1 + duration;
	let open = pallet_pod_bounty::Call::open { release: 0, fleet: 0, reward: REWARD, expires_at };
	chain.author(vec![(VENDOR, RuntimeCall::PodBounty(open))]);
	expires_at
}

/// Reserves these devices as Dave, then claims them.
pub fn deliver(
	chain: &mut Chain,
	genesis: &[u8; 32],
	tree: &FleetTree,
	cap_height: u32,
	devices: Range<u32>,
	valid_until: BlockNumber,
) {
	chain.author(vec![(Dave, reserve(genesis, tree, cap_height, devices.clone(), valid_until))]);
	chain.author(vec![(Dave, claim(devices.clone()))]);
	chain.with(|| assert!(devices.into_iter().all(|index| PodBounty::device_status(0, index).unwrap().paid)));
}

/// The tree over the fleet's devices.
pub fn fleet() -> FleetTree {
	FleetTree::new(&(0..DEVICES).map(device_key).collect::<Vec<_>>())
}

fn reward_hold() -> Balance {
	Balances::balance_on_hold(&RuntimeHoldReason::PodBounty(HoldReason::Reward), &VENDOR.to_account_id())
}

#[test]
fn release_should_become_available_when_the_appointed_vote_for_it() {
	let (mut chain, genesis) = chain_with_release(&fleet(), usual_cap_height(DEVICES));
	let state = |chain: &mut Chain| chain.with(|| Firmware::release_view(0).unwrap().state);
	let votes = chain.with(|| [Alice, Bob, Eve].map(|who| vote(&genesis, who, Verdict::Available)));
	let [alice, bob, stranger] = votes;
	chain.with(|| {
		let validate = |transaction: &UncheckedExtrinsic| {
			Executive::validate_transaction(TransactionSource::Local, transaction.clone(), System::parent_hash())
		};
		assert!(validate(&alice).is_ok());
		assert_eq!(validate(&stranger), Err(InvalidTransaction::BadSigner.into()));
	});
	assert_eq!(chain.author_if(|_| true, vec![alice.clone()]), [Ok(Ok(()))]);
	assert_eq!(state(&mut chain), ReleaseState::Pending);
	assert_eq!(
		chain.author_if(|_| true, vec![alice, stranger, bob]),
		[Err(InvalidTransaction::Stale.into()), Err(InvalidTransaction::BadSigner.into()), Ok(Ok(()))]
	);
	assert_eq!(state(&mut chain), ReleaseState::Available);
	chain.with(|| assert_eq!(Firmware::latest_release(0), Some(0)));
}

#[test]
fn deliveries_should_be_paid_and_the_rest_refunded() {
	let tree = fleet();
	let cap_height = usual_cap_height(DEVICES);
	let (mut chain, genesis) = chain_with_release(&tree, cap_height);
	let expires_at = open_bounty(&mut chain, &genesis, 20);
	chain.with(|| assert_eq!(reward_hold(), REWARD * Balance::from(DEVICES)));

	// The largest batch, in one transaction of one block.
	let batch: u32 = <Runtime as pallet_pod_bounty::Config>::MaxBatch::get();
	let reserve = reserve(&genesis, &tree, cap_height, 0..batch, expires_at);
	let limit = *RuntimeBlockLength::get().max.get(DispatchClass::Normal) as usize;
	assert!(reserve.encoded_size() < limit / 4, "{} bytes", reserve.encoded_size());
	chain.author(vec![(Dave, reserve)]);
	chain.with(|| assert_eq!(PodBounty::device_status(0, batch - 1).unwrap().reserved, Some(0)));

	let before = chain.with(|| Balances::total_balance(&Dave.to_account_id()));
	chain.author(vec![(Dave, claim(0..batch))]);
	chain.with(|| {
		let earned = Balances::total_balance(&Dave.to_account_id()) - before;
		let reward = REWARD * Balance::from(batch);
		assert!(earned <= reward && reward - earned < UNIT, "the fee for the claim is {}", reward - earned);
		assert_eq!(Balances::reserved_balance(Dave.to_account_id()), 0);
		assert_eq!(reward_hold(), REWARD * Balance::from(DEVICES - batch));
		assert!(PodBounty::device_status(0, 0).unwrap().paid);
	});

	chain.run_to(expires_at);
	let close = || RuntimeCall::PodBounty(pallet_pod_bounty::Call::close { bounty: 0, max_pages: 64 });
	chain.author(vec![(Eve, close())]);
	chain.with(|| {
		assert_eq!(reward_hold(), 0);
		assert_eq!(PodBounty::bounty(0), None);
		let storage = RuntimeHoldReason::PodBounty(HoldReason::Storage);
		assert_eq!(Balances::balance_on_hold(&storage, &VENDOR.to_account_id()), 0);
	});
}

#[test]
fn claim_should_be_delayed_by_full_blocks_and_paid_all_the_same() {
	let tree = fleet();
	let cap_height = usual_cap_height(DEVICES);
	let (mut chain, genesis) = chain_with_release(&tree, cap_height);
	let expires_at = open_bounty(&mut chain, &genesis, 10);
	// The last block before the bounty expires.
	chain.run_to(expires_at - 2);
	let batch: u32 = <Runtime as pallet_pod_bounty::Config>::MaxBatch::get();
	chain.author(vec![(Dave, reserve(&genesis, &tree, cap_height, 0..batch, expires_at))]);

	let claim = chain.with(|| signed(Dave, claim(0..batch)));
	let limit = *RuntimeBlockLength::get().max.get(DispatchClass::Normal) as usize;
	let remark = vec![0; limit - claim.encoded_size()];
	let full = RuntimeCall::System(frame_system::Call::remark { remark });
	for _ in 0..2 {
		let full = chain.with(|| signed(Eve, full.clone()));
		let results = chain.author_if(|_| true, vec![full, claim.clone()]);
		assert_eq!(results[1], Err(InvalidTransaction::ExhaustsResources.into()));
	}
	// The bounty has expired and the exclusive window has passed before there is room.
	let exclusive_until = chain.with(|| PodBounty::reservation(0, 0).unwrap().exclusive_until);
	chain.run_to(exclusive_until + 5);
	let before = chain.with(|| Balances::free_balance(Dave.to_account_id()));
	// The first block of a session takes no transactions, whether it is full or not.
	assert!((0..2).any(|_| chain.author_if(|_| true, vec![claim.clone()]) == [Ok(Ok(()))]));
	chain.with(|| {
		assert!(Balances::free_balance(Dave.to_account_id()) > before + REWARD * Balance::from(batch) - UNIT);
		assert_eq!(reward_hold(), REWARD * Balance::from(DEVICES - batch));
	});
}
