//! Deliveries: from receipts in a distributor's hands to rewards in final blocks. Beside them, plain transfers on the same node.

use crate::{
	bytes,
	chain::Chain,
	devices::{claim, digest, full_batch, Devices, PAYLOAD},
	gateway, micros,
	node::Node,
	report::{figure, round},
	signer::Signer,
	state,
};
use anyhow::{ensure, Context, Result};
use ed25519_dalek::{Signer as _, SigningKey};
use sp_core::H256;
use sp_crypto_hashing::{blake2_256, sha2_256};
use sp_runtime::MultiAddress;
use std::{collections::BTreeMap, time::Instant};
use waybill_primitives::{
	BountyId, Cid, DeviceIndex, FleetId, KeySet, ModelId, ReleaseId, ReleaseKey, ReleaseSignature, ReleaseStatement,
	Statement, Version,
};
use waybill_runtime::{AccountId, Runtime, RuntimeCall, RuntimeEvent, UNIT};

type FirmwareCall = pallet_firmware::Call<Runtime>;
type BountyCall = pallet_pod_bounty::Call<Runtime>;
type BountyEvent = pallet_pod_bounty::Event<Runtime>;

/// The devices of the fleet.
const FLEET: u32 = 1_000_000;
/// How many of them, drawn at random, are delivered to.
const DELIVERIES: u32 = 50_000;
/// The distributors among which they are shared.
const DISTRIBUTORS: u32 = 8;
/// The accounts that send transfers, and how many each sends.
const SENDERS: u32 = 100;
const TRANSFERS_EACH: u32 = 200;
/// What every account starts with.
const FUNDS: u128 = 1_000 * UNIT;
/// The blocks after which a measurement that is not through has failed.
const MOST_BLOCKS: u32 = 200;

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

	eprintln!("making the keys of {FLEET} devices");
	let devices = Devices::new(FLEET, genesis);
	bytes::run(&devices);
	micros::run(&devices)?;
	state::run(&devices)?;

	eprintln!("publishing a release; its checks take some blocks");
	let bounty = open_bounty(&mut chain, &mut faucet, &devices, genesis).await?;
	let batch = full_batch();
	eprintln!("{DELIVERIES} deliveries by {DISTRIBUTORS} distributors, {batch} a batch");
	let rate = deliveries(&mut chain, &mut distributors, &devices, bounty, batch).await?;
	figure("deliveries_per_second", &format!("fleet={FLEET}"), round(rate), "1/s");
	Ok(())
}

async fn fund(chain: &mut Chain<'_>, faucet: &mut Signer, accounts: &[AccountId]) -> Result<()> {
	let transfer = |account: &AccountId| {
		let dest = MultiAddress::Id(account.clone());
		RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive { dest, value: FUNDS })
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
		sha256: sha2_256(PAYLOAD),
		digest: digest(),
	};
	let signature = release_key.sign(&statement.signing_bytes(&genesis.0));
	let signatures = vec![(0, ReleaseSignature::Ed25519(signature.to_bytes()))].try_into().expect("one signature");
	let cap = devices.cap().to_vec().try_into().expect("no cap is larger than the largest");
	let count = devices.count();
	let fleet = vendor.sign(FirmwareCall::register_fleet { model, count, cap, manifest: Cid::raw(PAYLOAD) });
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

/// Deliveries a second, from the first `reserve` submitted to the block that makes the last `claim` final. Each claim goes out
/// when its reservation is final, as a distributor does it.
async fn deliveries(
	chain: &mut Chain<'_>,
	distributors: &mut [Signer],
	devices: &Devices,
	bounty: BountyId,
	batch: u32,
) -> Result<f64> {
	let mut indices = devices.random(DELIVERIES);
	indices.chunks_mut(batch as usize).for_each(<[DeviceIndex]>::sort_unstable);
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
	while revealed < DELIVERIES {
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
	Ok(f64::from(DELIVERIES) / start.elapsed().as_secs_f64())
}
