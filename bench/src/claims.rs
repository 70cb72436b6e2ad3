//! Deliveries: from receipts in a distributor's hands to rewards in final blocks. Beside them,
//! plain transfers on the same node.

use crate::{
	bytes,
	chain::Chain,
	devices::{claim, digest, full_batch, Devices, PAYLOAD},
	gateway,
	measures::{DELIVERIES_PER_SECOND, SLOT_MILLISECONDS, TRANSFERS_PER_SECOND},
	micros,
	node::{Node, CHAIN},
	report::{round, Report},
	signer::Signer,
	state,
};
use anyhow::{ensure, Context, Result};
use ed25519_dalek::{Signer as _, SigningKey};
use sp_core::H256;
use sp_crypto_hashing::{blake2_256, sha2_256};
use sp_runtime::MultiAddress;
use std::{
	collections::BTreeMap,
	time::{Duration, Instant},
};
use waybill_primitives::{
	view::ReleaseState, BountyId, Cid, DeviceIndex, FleetId, IndexedSignature, KeySet, ModelId, ReleaseId, ReleaseKey,
	ReleaseSignature, ReleaseStatement, Statement, Version,
};
use waybill_runtime::{AccountId, Runtime, RuntimeCall, RuntimeEvent, UNIT};

type FirmwareCall = pallet_firmware::Call<Runtime>;
type BountyCall = pallet_pod_bounty::Call<Runtime>;
type BountyEvent = pallet_pod_bounty::Event<Runtime>;

/// The devices of the fleet.
const FLEET: u32 = 1_000_000;
/// How many of them, drawn at random, are delivered to.
const DELIVERIES: u32 = 50_000;
/// How many transfers are sent.
///
/// Every sender sends one, and every distributor delivers one batch. Rows of transactions of one
/// account would measure the pool: it drops parts of long rows while blocks arrive.
const TRANSFERS: u32 = 20_000;
/// The money that every account starts with: more than a batch's deposits and fees.
const FUNDS: u128 = 10 * UNIT;
/// How many accounts get it in one transaction.
const FUNDED_AT_ONCE: usize = 500;
/// A rate whose measurement takes longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// Runs the measurements.
pub async fn run(report: &mut Report) -> Result<()> {
	let gateway = gateway::serve(PAYLOAD.to_vec()).await?;
	let node = Node::start(&format!("http://{gateway}")).await?;
	let mut chain = Chain::follow(node.rpc()).await?;
	let genesis = chain.genesis().await?;
	report.figure(&SLOT_MILLISECONDS, CHAIN, chain.slot_milliseconds().await?);
	let mut faucet = Signer::new("//Alice", genesis);
	let batch = full_batch();
	let signers = |kind, count| (0..count).map(|number| Signer::numbered(kind, number, genesis)).collect::<Vec<_>>();
	let distributors = signers("distributor", DELIVERIES.div_ceil(batch));
	let senders = signers("sender", TRANSFERS);

	eprintln!("funding accounts");
	let accounts: Vec<_> = distributors.iter().chain(&senders).map(Signer::account).collect();
	fund(&mut chain, &mut faucet, &accounts).await?;

	eprintln!("{TRANSFERS} transfers");
	let rate = transfers(&mut chain, senders, faucet.account()).await?;
	report.figure(&TRANSFERS_PER_SECOND, "balances.transfer_keep_alive", round(rate));

	eprintln!("making the keys of {FLEET} devices");
	let devices = Devices::new(FLEET, genesis);
	bytes::run(&devices, report);
	micros::run(&devices, report)?;
	state::run(&devices, report)?;

	eprintln!("publishing a release; its checks take some blocks");
	let bounty = open_bounty(&mut chain, &mut faucet, &devices, genesis).await?;
	eprintln!("{DELIVERIES} deliveries by {} distributors, {batch} a batch", distributors.len());
	let rate = deliveries(&mut chain, distributors, &devices, bounty, batch).await?;
	report.figure(&DELIVERIES_PER_SECOND, &format!("fleet={FLEET}"), round(rate));
	Ok(())
}

async fn fund(chain: &mut Chain<'_>, faucet: &mut Signer, accounts: &[AccountId]) -> Result<()> {
	let transfer = |account: &AccountId| {
		let dest = MultiAddress::Id(account.clone());
		RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive { dest, value: FUNDS })
	};
	let done = |event| matches!(event, RuntimeEvent::Utility(pallet_utility::Event::BatchCompleted)).then_some(());
	let parts = accounts.chunks(FUNDED_AT_ONCE).map(|part| {
		let calls = part.iter().map(transfer).collect();
		faucet.sign(pallet_utility::Call::<Runtime>::batch_all { calls })
	});
	let parts: Vec<_> = parts.collect();
	let count = parts.len();
	chain.submit_and_collect(parts, count, done).await?;
	Ok(())
}

/// Transfers a second, from the first submission to the block that makes the last one final.
async fn transfers(chain: &mut Chain<'_>, senders: Vec<Signer>, dest: AccountId) -> Result<f64> {
	let dest = MultiAddress::Id(dest);
	let call = pallet_balances::Call::<Runtime>::transfer_keep_alive { dest, value: UNIT / 1000 };
	let queues: Vec<_> = senders.into_iter().map(|mut sender| vec![sender.sign(call.clone())]).collect();

	let start = Instant::now();
	chain.submit(queues).await?;
	let mut done = 0;
	while done < TRANSFERS {
		ensure!(start.elapsed() < PATIENCE, "{done} of {TRANSFERS} transfers are final after {PATIENCE:?}");
		for record in chain.next().await? {
			if let RuntimeEvent::Balances(pallet_balances::Event::Transfer { .. }) = record.event {
				done += 1;
			}
		}
	}
	Ok(f64::from(TRANSFERS) / start.elapsed().as_secs_f64())
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
	let signatures = vec![IndexedSignature { key: 0, signature: ReleaseSignature::Ed25519(signature.to_bytes()) }]
		.try_into()
		.expect("one signature");
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
		RuntimeEvent::Firmware(pallet_firmware::Event::ReleaseStateChanged { release, state: ReleaseState::Available }) => {
			Some(release)
		},
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
	chain.submit_and_collect(transactions, 1, wanted).await?.pop().context("the event is missing")
}

/// Deliveries a second, from the first `reserve` submitted to the block that makes the last `claim`
/// final. Each claim goes out when its reservation is final, as a distributor does it.
async fn deliveries(
	chain: &mut Chain<'_>,
	distributors: Vec<Signer>,
	devices: &Devices,
	bounty: BountyId,
	batch: u32,
) -> Result<f64> {
	let mut indices = devices.random(DELIVERIES);
	indices.chunks_mut(batch as usize).for_each(<[DeviceIndex]>::sort_unstable);
	let (mut reserves, mut batches) = (Vec::new(), BTreeMap::new());
	for (part, mut distributor) in indices.chunks(batch as usize).zip(distributors) {
		let account = distributor.account();
		reserves.push(vec![distributor.sign(devices.reserve(part, bounty, &account))]);
		batches.insert(account, (distributor, part));
	}

	let start = Instant::now();
	chain.submit(reserves).await?;
	let mut revealed = 0;
	while revealed < DELIVERIES {
		ensure!(start.elapsed() < PATIENCE, "{revealed} of {DELIVERIES} deliveries are final after {PATIENCE:?}");
		let mut claims = Vec::new();
		for record in chain.next().await? {
			match record.event {
				RuntimeEvent::PodBounty(BountyEvent::Reserved { reservation, distributor, devices, .. }) => {
					let (mut signer, part) = batches.remove(&distributor).context("a reservation by an unknown account")?;
					ensure!(devices as usize == part.len(), "{devices} of {} devices were reserved", part.len());
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
			chain.submit(claims).await?;
		}
	}
	Ok(f64::from(DELIVERIES) / start.elapsed().as_secs_f64())
}
