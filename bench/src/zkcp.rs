//! What proofs and their algorithms cost.

mod cases;
mod common;
mod disk;
mod hash;
mod peer;

pub use cases::measure;

use crate::{
	devices::{claim_with, full_batch, lock_key, Devices},
	measures::LOCK_HASH,
	micros::median,
	report::{round, Report},
	wasm::Wasm,
	world::World,
};
use anyhow::{ensure, Result};
use sp_core::H256;
use std::{hint::black_box, process::Command, time::Instant};
use waybill_primitives::{DeviceIndex, LockKey, Suite};

/// How often each claim is applied.
const REPEATS: usize = 20;

/// Prints the figures.
pub fn run(report: &mut Report) -> Result<()> {
	let peer = peer::program()?;
	lock_hash(report)?;
	hash::run(report)?;
	cases::run(report)?;
	report.run(&mut Command::new(peer))
}

/// The hash of a revealed key, as the chain's runtime computes it in a claim and as this program
/// does.
fn lock_hash(report: &mut Report) -> Result<()> {
	let devices = Devices::new(full_batch(), H256::zero());
	let indices: Vec<_> = (0..devices.count()).collect();
	let mut print = |case: &str, value: f64| report.figure(&LOCK_HASH, case, round(value));
	print("wasm", in_runtime(&devices, &indices)?);

	let keys: Vec<_> = indices.iter().map(|index| lock_key(*index)).collect();
	let native = median(|| {
		for key in &keys {
			ensure!(black_box(Suite::Zkcp.lock(black_box(key))).is_some(), "a lock key is not a key of the suite");
		}
		Ok(())
	})?;
	print("native", native.as_secs_f64() * 1e6 / keys.len() as f64);
	Ok(())
}

/// The time of a hash in the runtime, as a difference. A claim with wrong keys takes one hash for
/// each key more than a claim with bytes that are not keys, and nothing else.
fn in_runtime(devices: &Devices, indices: &[DeviceIndex]) -> Result<f64> {
	let mut world = World::new(devices)?;
	world.register_fleet(devices)?;
	let bounty = world.open()?;
	let account = world.distributor.account();
	world.by_distributor(devices.reserve(indices, bounty, &account))?;

	let wasm = Wasm::new()?;
	let claim = |last: u8| {
		// The first key is right, because a claim that pays for nothing is refused.
		let keys = indices.iter().map(|index| if *index == 0 { lock_key(0) } else { ending_in(*index, last) });
		world.distributor.clone().sign(claim_with(bounty, 0, indices.iter().copied().zip(keys)))
	};
	let claims = [claim(0), claim(0xff)];
	// The claims take turns, and the shortest time of each counts: other work of the machine only
	// adds to a time.
	let mut least = [f64::INFINITY; 2];
	for _ in 0..REPEATS {
		for (claim, least) in claims.iter().zip(&mut least) {
			let start = Instant::now();
			wasm.apply_and_undo(&mut world, claim)?;
			*least = least.min(start.elapsed().as_secs_f64());
		}
	}
	let [hashed, refused] = least;
	Ok((hashed - refused) * 1e6 / (indices.len() - 1) as f64)
}

/// Another device's key with another last byte: with 0 it is a key, with 255 it is not.
fn ending_in(index: DeviceIndex, last: u8) -> LockKey {
	let mut key = lock_key(index + 1);
	key[31] = last;
	key
}
