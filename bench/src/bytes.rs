//! The bytes on chain for one delivery, `reserve` and `claim` together, and what other forms of the
//! proof of membership would take.

use crate::{
	devices::{claim, full_batch, Devices},
	measures::DELIVERY_BYTES,
	report::{round, Report},
	signer::Signer,
};
use codec::Encode;
use sp_core::H256;
use waybill_primitives::{fleet::depth, DeviceIndex, DeviceSignature, Hash32};
use waybill_runtime::AccountId;

/// A batch of a distributor that does not wait for many receipts.
const SMALL_BATCH: u32 = 25;

/// Prints the figures.
pub fn run(devices: &Devices, report: &mut Report) {
	let full = full_batch();
	let random = |count| {
		let mut indices = devices.random(count);
		indices.sort_unstable();
		indices
	};
	let neighbours: Vec<_> = (0..full).map(|place| devices.count() / 3 + place).collect();
	let (small, full) = (random(SMALL_BATCH), random(full));
	let mut print = |case: &str, value: f64| report.figure(&DELIVERY_BYTES, case, round(value));

	print("random", per_delivery(devices, &full));
	print("neighbours", per_delivery(devices, &neighbours));
	print(&format!("random batch={SMALL_BATCH}"), per_delivery(devices, &small));
	// The alternatives, for the same devices.
	for (case, indices) in [("random", &full), ("neighbours", &neighbours), ("random batch=25", &small)] {
		let rest = per_delivery(devices, indices) - share(devices.proof_to_cap(indices).encode().len(), indices);
		let to_root = devices.proof(depth(devices.count()), indices).encode().len();
		let singles: usize = indices.iter().map(|index| single_proof(devices, *index).encode().len()).sum();
		let certificate = DeviceSignature::Ed25519([0; 64]).encoded_size() as f64;
		print(&format!("{case}, multiproof up to the root"), rest + share(to_root, indices));
		print(&format!("{case}, a path each"), rest + share(singles, indices));
		print(&format!("{case}, a certificate each"), rest + certificate);
	}
}

fn single_proof(devices: &Devices, index: DeviceIndex) -> Vec<Hash32> {
	devices.proof(depth(devices.count()), &[index])
}

fn share(bytes: usize, indices: &[DeviceIndex]) -> f64 {
	bytes as f64 / indices.len() as f64
}

/// A delivery's share of the two transactions, as they stand in a block.
fn per_delivery(devices: &Devices, indices: &[DeviceIndex]) -> f64 {
	let mut signer = Signer::new("//Alice//bytes", H256::zero());
	let distributor: AccountId = signer.account();
	let reserve = signer.sign(devices.reserve(indices, 0, &distributor));
	let claim = signer.sign(claim(0, 0, indices));
	// With the length before each, as in a block.
	share(reserve.len() + claim.len(), indices)
}
