//! Where the runtime's time for a delivery goes, `reserve` and `claim` together, in full batches of
//! devices drawn at random.
//!
//! `total` is the time of the two transactions in the wasm runtime, on a state in memory.
//! `signature` is the host function for the device's signature, `proof` the multiproof up to the
//! fleet's cap, and `hash` the lock's hash. These three are timed separately and natively in this
//! program. Natively, the code around host functions is faster than in wasm. `storage` is the rest:
//! state, events, decoding, and the time that wasm adds to proof and hash.

use crate::{
	devices::{claim, device_key, digest, full_batch, lock_key, Devices},
	measures::DELIVERY_MICROSECONDS,
	report::{round, Report},
	wasm::Wasm,
	world::World,
};
use anyhow::{ensure, Context, Result};
use sp_core::{ed25519, H256};
use sp_runtime::traits::BlakeTwo256;
use std::{
	hint::black_box,
	time::{Duration, Instant},
};
use waybill_primitives::{fleet::verify_members, DeviceIndex, DeviceKey, DeviceSignature, LockKey, Statement};
use waybill_runtime::AccountId;

/// How often each measurement is repeated; the median counts.
const REPEATS: usize = 15;

/// Prints the figures.
pub fn run(devices: &Devices, report: &mut Report) -> Result<()> {
	let mut indices = devices.random(full_batch());
	indices.sort_unstable();
	let each = |time: Duration| time.as_secs_f64() * 1e6 / indices.len() as f64;
	let total = each(total(devices, &indices)?);
	let signature = each(signatures(devices, &indices)?);
	let proof = each(proof(devices, &indices)?);
	let hash = each(hashes(&indices)?);
	let mut print = |case: &str, value: f64| report.figure(&DELIVERY_MICROSECONDS, case, round(value));
	print("signature", signature);
	print("proof", proof);
	print("hash", hash);
	print("storage", total - signature - proof - hash);
	print("total", total);
	Ok(())
}

/// The median time of some work.
pub fn median(mut work: impl FnMut() -> Result<()>) -> Result<Duration> {
	let mut times = Vec::new();
	for _ in 0..REPEATS {
		let start = Instant::now();
		work()?;
		times.push(start.elapsed());
	}
	times.sort_unstable();
	times.get(REPEATS / 2).copied().context("nothing was repeated")
}

/// Both transactions, as blocks have them.
fn total(devices: &Devices, indices: &[DeviceIndex]) -> Result<Duration> {
	let mut world = World::new(devices)?;
	world.register_fleet(devices)?;
	let bounty = world.open()?;
	let account = world.distributor.account();
	let reserve = world.distributor.sign(devices.reserve(indices, bounty, &account));
	let claim = world.distributor.sign(claim(bounty, 0, indices));

	let wasm = Wasm::new()?;
	wasm.apply_and_undo(&mut world, &reserve)?;
	let reserving = median(|| wasm.apply_and_undo(&mut world, &reserve))?;
	wasm.apply(&mut world, &reserve)?;
	let claiming = median(|| wasm.apply_and_undo(&mut world, &claim))?;
	Ok(reserving + claiming)
}

/// The devices' signatures.
fn signatures(devices: &Devices, indices: &[DeviceIndex]) -> Result<Duration> {
	let distributor = AccountId::new([1; 32]);
	let signed = indices.iter().map(|index| {
		let receipt = devices.receipt(*index, 0, &distributor);
		let message = Devices::statement(*index, 0, &distributor).signing_bytes(&devices.genesis().0);
		let (DeviceKey::Ed25519(key), DeviceSignature::Ed25519(signature)) = (receipt.device_key, receipt.signature);
		(ed25519::Signature::from_raw(signature), message, ed25519::Public::from_raw(key))
	});
	let signed: Vec<_> = signed.collect();
	median(|| {
		let right = signed.iter().all(|(signature, message, key)| sp_io::crypto::ed25519_verify(signature, message, key));
		ensure!(right, "a device's signature is wrong");
		Ok(())
	})
}

/// The proof that the devices are in the fleet.
fn proof(devices: &Devices, indices: &[DeviceIndex]) -> Result<Duration> {
	let members: Vec<_> = indices.iter().map(|index| (*index, device_key(*index))).collect();
	let proof: Vec<_> = devices.proof_to_cap(indices).into_iter().map(H256).collect();
	let cap: Vec<_> = devices.cap().iter().copied().map(H256).collect();
	median(|| {
		let node = |place: u32| cap.get(place as usize).copied();
		let verdicts = verify_members::<BlakeTwo256>(devices.count(), devices.cap_height(), &members, &proof, node);
		ensure!(verdicts.is_ok_and(|verdicts| verdicts.iter().all(|member| *member)), "a proof is wrong");
		Ok(())
	})
}

/// The hashes of the locks' keys.
fn hashes(indices: &[DeviceIndex]) -> Result<Duration> {
	let keys: Vec<LockKey> = indices.iter().map(|index| lock_key(*index)).collect();
	median(|| {
		for key in &keys {
			black_box(digest().suite.lock(key));
		}
		Ok(())
	})
}
