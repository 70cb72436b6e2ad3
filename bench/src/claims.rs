//! Deliveries: from receipts in a distributor's hands to rewards in final blocks. Beside them, plain transfers on the same node.

use crate::{
	chain::Chain,
	gateway,
	node::Node,
	report::{figure, round},
	signer::Signer,
};
use anyhow::{ensure, Context, Result};
use ed25519_dalek::{Signer as _, SigningKey};
use sp_core::{Get, H256};
use sp_crypto_hashing::{blake2_256, sha2_256};
use sp_runtime::{MultiAddress, Weight};
use std::{collections::BTreeMap, time::Instant};
use waybill_primitives::{
	fleet::FleetTree, BountyId, Cid, DeviceIndex, DeviceKey, DeviceSignature, Digest, FleetId, KeySet, LockKey, ModelId,
	ReceiptStatement, ReleaseId, ReleaseKey, ReleaseSignature, ReleaseStatement, ReservationId, Statement, Suite, Version,
};
use waybill_runtime::{configs::RuntimeBlockWeights, AccountId, Runtime, RuntimeCall, RuntimeEvent, UNIT};

type FirmwareCall = pallet_firmware::Call<Runtime>;
type BountyCall = pallet_pod_bounty::Call<Runtime>;
type BountyEvent = pallet_pod_bounty::Event<Runtime>;

/// The devices of the fleet.
const FLEET: u32 = 10_000;
/// The distributors among which they are shared.
const DISTRIBUTORS: u32 = 8;
/// The accounts that send transfers, and how many each sends.
const SENDERS: u32 = 100;
const TRANSFERS_EACH: u32 = 100;
/// The batch for which the bytes of a delivery are counted.
const SMALL_BATCH: u32 = 25;
/// The blocks after which a measurement that is not through has failed.
const MOST_BLOCKS: u32 = 100;
/// Some firmware; its content does not matter here.
const PAYLOAD: &[u8] = &[0x5a; 4096];

/// Runs the measurements.
pub async fn run() -> Result<()> {
	let gateway = gateway::serve(PAYLOAD.to_vec()).await?;
	let node = Node::start(&format!("http://{gateway}")).await?;
	let mut chain = Chain::follow(node.rpc()).await?;
	let genesis = chain.genesis().await?;
	let mut faucet = Signer::new("//Alice", genesis);
	let mut distributors: Vec<_> =
		(0..DISTRIBUTORS).map(|i| Signer::new(&format!("//Alice//distributor{i}"), genesis)).collect();
	let mut senders: Vec<_> = (0..SENDERS).map(|i| Signer::new(&format!("//Alice//sender{i}"), genesis)).collect();

	eprintln!("funding accounts");
	let accounts: Vec<_> = distributors.iter().chain(&senders).map(Signer::account).collect();
	fund(&mut chain, &mut faucet, &accounts).await?;

	eprintln!("{} transfers", SENDERS * TRANSFERS_EACH);
	let rate = transfers(&mut chain, &mut senders, faucet.account()).await?;
	figure("transfers_per_second", "balances.transfer_keep_alive", round(rate), "1/s");

	eprintln!("publishing a release for {FLEET} devices; its checks take some blocks");
	let devices = Devices::new(FLEET, genesis);
	let bounty = open_bounty(&mut chain, &mut faucet, &devices, genesis).await?;

	let bytes = delivery_bytes(&mut distributors[0], &devices, bounty);
	figure("delivery_bytes", &format!("batch={SMALL_BATCH}"), round(bytes), "B");

	let batch = largest_batch();
	eprintln!("{FLEET} deliveries by {DISTRIBUTORS} distributors, {batch} a batch");
	let rate = deliveries(&mut chain, &mut distributors, &devices, bounty, batch).await?;
	figure("deliveries_per_second", &format!("fleet={FLEET}"), round(rate), "1/s");
	Ok(())
}

/// Devices with their keys, and the tree over them.
struct Devices {
	keys: Vec<SigningKey>,
	tree: FleetTree,
	genesis: H256,
}

impl Devices {
	fn new(count: u32, genesis: H256) -> Self {
		let keys: Vec<_> =
			(0..count).map(|i| SigningKey::from_bytes(&blake2_256(&[&b"device"[..], &i.to_le_bytes()].concat()))).collect();
		let public: Vec<_> = keys.iter().map(device_key).collect();
		Self { tree: FleetTree::new(&public), keys, genesis }
	}

	/// The key behind the device's lock.
	fn lock_key(index: DeviceIndex) -> LockKey {
		blake2_256(&[&b"lock"[..], &index.to_le_bytes()].concat())
	}

	fn receipt(&self, index: DeviceIndex, bounty: BountyId, distributor: &AccountId) -> pallet_pod_bounty::Receipt {
		let key = &self.keys[index as usize];
		let lock = Suite::Plain.lock(&Self::lock_key(index));
		let valid_until = u32::MAX;
		let distributor = distributor.clone();
		let statement = ReceiptStatement { bounty, device_index: index, digest: digest(), lock, distributor, valid_until };
		let signature = key.sign(&statement.signing_bytes(&self.genesis.0));
		let proof: Vec<_> = self.tree.proof(index).expect("the index is below the count").into_iter().map(H256).collect();
		pallet_pod_bounty::Receipt {
			device_index: index,
			device_key: device_key(key),
			proof: proof.try_into().expect("no proof is longer than the longest"),
			lock,
			valid_until,
			signature: DeviceSignature::Ed25519(signature.to_bytes()),
			replaces: None,
		}
	}

	fn reserve(&self, indices: &[DeviceIndex], bounty: BountyId, distributor: &AccountId) -> BountyCall {
		let receipts: Vec<_> = indices.iter().map(|index| self.receipt(*index, bounty, distributor)).collect();
		BountyCall::reserve { bounty, receipts: receipts.try_into().expect("batches are no larger than the largest") }
	}
}

fn claim(bounty: BountyId, reservation: ReservationId, indices: &[DeviceIndex]) -> BountyCall {
	let keys: Vec<_> = indices.iter().map(|index| (*index, Devices::lock_key(*index))).collect();
	BountyCall::claim { bounty, reservation, keys: keys.try_into().expect("batches are no larger than the largest") }
}

fn device_key(key: &SigningKey) -> DeviceKey {
	DeviceKey::Ed25519(key.verifying_key().to_bytes())
}

fn digest() -> Digest {
	Digest { suite: Suite::Plain, bytes: sha2_256(PAYLOAD) }
}

/// The largest batch whose `reserve` fits into a block beside nothing else, at most the largest allowed.
fn largest_batch() -> u32 {
	use frame_support::dispatch::{DispatchClass, GetDispatchInfo};
	let limit = RuntimeBlockWeights::get().get(DispatchClass::Normal).max_extrinsic.unwrap_or(Weight::MAX);
	let most = <Runtime as pallet_pod_bounty::Config>::MaxBatch::get();
	let devices = Devices::new(most, H256::zero());
	let account = AccountId::new([0; 32]);
	(1..=most)
		.rev()
		.find(|count| {
			let indices: Vec<_> = (0..*count).collect();
			devices.reserve(&indices, 0, &account).get_dispatch_info().call_weight.all_lte(limit)
		})
		.unwrap_or(1)
}

async fn fund(chain: &mut Chain<'_>, faucet: &mut Signer, accounts: &[AccountId]) -> Result<()> {
	let transfer = |account: &AccountId| {
		let dest = MultiAddress::Id(account.clone());
		RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive { dest, value: 100 * UNIT })
	};
	let calls = accounts.iter().map(transfer).collect();
	let batch = faucet.sign(pallet_utility::Call::<Runtime>::batch_all { calls });
	let done = |event| matches!(event, RuntimeEvent::Utility(pallet_utility::Event::BatchCompleted)).then_some(());
	chain.submit_and_collect(vec![batch], 1, done).await?;
	Ok(())
}

/// Transfers a second, from the first submission to the block that makes the last one final.
async fn transfers(chain: &mut Chain<'_>, senders: &mut [Signer], dest: AccountId) -> Result<f64> {
	let dest = MultiAddress::Id(dest);
	let queues: Vec<Vec<_>> = senders
		.iter_mut()
		.map(|sender| {
			let call = pallet_balances::Call::<Runtime>::transfer_keep_alive { dest: dest.clone(), value: UNIT / 1000 };
			(0..TRANSFERS_EACH).map(|_| sender.sign(call.clone())).collect()
		})
		.collect();
	let wanted = SENDERS * TRANSFERS_EACH;

	let start = Instant::now();
	chain.submit(queues).await?;
	let (mut done, mut blocks) = (0, 0);
	while done < wanted {
		blocks += 1;
		ensure!(blocks <= MOST_BLOCKS, "{done} of {wanted} transfers are final after {MOST_BLOCKS} blocks");
		for record in chain.next().await? {
			if let RuntimeEvent::Balances(pallet_balances::Event::Transfer { .. }) = record.event {
				done += 1;
			}
		}
	}
	Ok(f64::from(wanted) / start.elapsed().as_secs_f64())
}

/// Registers a vendor, a release and a fleet, waits for the attesters and opens a bounty.
async fn open_bounty(chain: &mut Chain<'_>, vendor: &mut Signer, devices: &Devices, genesis: H256) -> Result<BountyId> {
	let text = |text: &str| text.as_bytes().to_vec();
	let release_key = SigningKey::from_bytes(&blake2_256(b"release"));
	let metadata = pallet_firmware::VendorMetadata {
		name: text("Bench").try_into().expect("short"),
		url: text("https://example.org").try_into().expect("short"),
		security_contact: text("security@example.org").try_into().expect("short"),
	};
	let keys = vec![ReleaseKey::Ed25519(release_key.verifying_key().to_bytes())];
	let key_set = KeySet { threshold: 1, keys: keys.try_into().expect("one key") };
	let register = vendor.sign(FirmwareCall::register_vendor { metadata, key_set });
	let model = vendor.sign(FirmwareCall::register_model { name: text("bench").try_into().expect("short") });
	let model: ModelId = one(chain, vec![register, model], |event| match event {
		RuntimeEvent::Firmware(pallet_firmware::Event::ModelRegistered { model, .. }) => Some(model),
		_ => None,
	})
	.await?;

	let statement = ReleaseStatement {
		model,
		version: Version::new(1, 0, 0),
		security_version: 1,
		payload: Cid::raw(PAYLOAD),
		size: PAYLOAD.len() as u64,
		sha256: digest().bytes,
		digest: digest(),
	};
	let signature = release_key.sign(&statement.signing_bytes(&genesis.0));
	let signatures = vec![(0, ReleaseSignature::Ed25519(signature.to_bytes()))].try_into().expect("one signature");
	let (root, count) = (devices.tree.root(), devices.keys.len() as u32);
	let fleet = vendor.sign(FirmwareCall::register_fleet { model, root, count, manifest: Cid::raw(PAYLOAD) });
	let publish = vendor.sign(FirmwareCall::publish_release { statement, advisory: None, signatures });
	let fleet: FleetId = one(chain, vec![fleet], |event| match event {
		RuntimeEvent::Firmware(pallet_firmware::Event::FleetRegistered { fleet, .. }) => Some(fleet),
		_ => None,
	})
	.await?;
	let release: ReleaseId = one(chain, vec![publish], |event| match event {
		RuntimeEvent::Firmware(pallet_firmware::Event::ReleaseStateChanged {
			release,
			state: pallet_firmware::ReleaseState::Available,
		}) => Some(release),
		_ => None,
	})
	.await?;

	let expires_at = chain.number().await? + 10_000;
	let open = vendor.sign(BountyCall::open { release, fleet, reward: UNIT / 100, expires_at });
	one(chain, vec![open], |event| match event {
		RuntimeEvent::PodBounty(BountyEvent::BountyOpened { bounty, .. }) => Some(bounty),
		_ => None,
	})
	.await
}

async fn one<T>(chain: &mut Chain<'_>, transactions: Vec<Vec<u8>>, wanted: impl Fn(RuntimeEvent) -> Option<T>) -> Result<T> {
	chain.submit_and_collect(transactions, 1, wanted).await?.pop().context("an event that was counted is there")
}

/// Bytes on chain for one delivery when `SMALL_BATCH` go together: its share of the two transactions.
fn delivery_bytes(distributor: &mut Signer, devices: &Devices, bounty: BountyId) -> f64 {
	let step = FLEET / SMALL_BATCH;
	let indices: Vec<_> = (0..SMALL_BATCH).map(|i| i * step).collect();
	let mut stranger = Signer::new("//Alice//bytes", devices.genesis);
	let reserve = stranger.sign(devices.reserve(&indices, bounty, &distributor.account()));
	let claim = stranger.sign(claim(bounty, 0, &indices));
	(reserve.len() + claim.len()) as f64 / f64::from(SMALL_BATCH)
}

/// Deliveries a second, from the first `reserve` submitted to the block that makes the last `claim` final. Each claim goes out
/// when its reservation is final, as a distributor does it.
async fn deliveries(
	chain: &mut Chain<'_>,
	distributors: &mut [Signer],
	devices: &Devices,
	bounty: BountyId,
	batch: u32,
) -> Result<f64> {
	let indices: Vec<_> = (0..devices.keys.len() as u32).collect();
	let mut queues: Vec<Vec<_>> = distributors.iter().map(|_| Vec::new()).collect();
	let mut batches: BTreeMap<AccountId, Vec<&[DeviceIndex]>> = BTreeMap::new();
	for (number, part) in indices.chunks(batch as usize).enumerate() {
		let place = number % distributors.len();
		let distributor = &mut distributors[place];
		let account = distributor.account();
		queues[place].push(distributor.sign(devices.reserve(part, bounty, &account)));
		batches.entry(account).or_default().push(part);
	}
	for parts in batches.values_mut() {
		parts.reverse();
	}

	let start = Instant::now();
	chain.submit(queues).await?;
	let (mut revealed, mut blocks) = (0, 0);
	while revealed < devices.keys.len() {
		blocks += 1;
		ensure!(blocks <= MOST_BLOCKS, "{revealed} deliveries are final after {MOST_BLOCKS} blocks");
		let mut claims = Vec::new();
		for record in chain.next().await? {
			match record.event {
				// A distributor's transactions are included in the order of their nonces.
				RuntimeEvent::PodBounty(BountyEvent::Reserved { reservation, distributor, devices, .. }) => {
					let part = batches.get_mut(&distributor).and_then(Vec::pop).context("a reservation nobody made")?;
					ensure!(devices as usize == part.len(), "{devices} of {} devices were reserved", part.len());
					let signer = distributors.iter_mut().find(|signer| signer.account() == distributor);
					let signer = signer.context("a reservation of a stranger")?;
					claims.push(vec![signer.sign(claim(bounty, reservation, part))]);
				},
				RuntimeEvent::PodBounty(BountyEvent::KeyRevealed { .. }) => revealed += 1,
				RuntimeEvent::System(frame_system::Event::ExtrinsicFailed { dispatch_error, .. }) => {
					anyhow::bail!("a transaction failed: {dispatch_error:?}")
				},
				_ => (),
			}
		}
		if !claims.is_empty() {
			// Those of one distributor must reach the pool in the order of their nonces, which the pool sees to.
			chain.submit(claims).await?;
		}
	}
	Ok(devices.keys.len() as f64 / start.elapsed().as_secs_f64())
}
