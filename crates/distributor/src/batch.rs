//! Receipts as the chain takes them: together, in the order of their devices, with one proof for
//! all.

use waybill_chain::{types::Fleet, ReceiptBatch};
use waybill_exchange::Submission;
use waybill_primitives::fleet::multiproof;

/// A batch of these receipts. They must be of different devices. `None` if their proofs are not of
/// this fleet.
pub fn batch(fleet: &Fleet, mut due: Vec<Submission>) -> Option<ReceiptBatch> {
	due.sort_unstable_by_key(|one| one.receipt.device_index);
	let proofs: Vec<_> = due.iter().map(|one| (one.receipt.device_index, one.proof.clone())).collect();
	let proof = multiproof(fleet.count, fleet.cap_height, &proofs)?;
	Some(ReceiptBatch { receipts: due.into_iter().map(|one| one.receipt).collect(), proof })
}

#[cfg(test)]
mod tests {
	use super::*;
	use waybill_primitives::{
		fleet::{verify_members, Blake2b256, FleetTree},
		view::SubmittedReceipt,
		Cid, DeviceKey, DeviceSignature,
	};

	const COUNT: u32 = 21;

	fn key(index: u32) -> DeviceKey {
		DeviceKey::Ed25519([index as u8; 32])
	}

	fn tree() -> FleetTree {
		FleetTree::new(&(0..COUNT).map(key).collect::<Vec<_>>())
	}

	fn fleet(count: u32) -> Fleet {
		Fleet { id: 0, model: 0, root: tree().root(), count, cap_height: 2, manifest: Cid::raw(&[]), bounties: 0 }
	}

	fn due(index: u32) -> Submission {
		let receipt = SubmittedReceipt {
			device_index: index,
			device_key: key(index),
			lock: [index as u8; 32],
			valid_until: 100,
			signature: DeviceSignature::Ed25519([0; 64]),
			replaces: (index == 7).then_some(3),
		};
		Submission { bounty: 0, receipt, proof: tree().proof(index).unwrap() }
	}

	#[test]
	fn batch_should_be_in_order_and_proved_by_one_proof() {
		let batch = batch(&fleet(COUNT), [20, 7, 6, 0, 13].map(due).to_vec()).unwrap();
		let members: Vec<_> = batch.receipts.iter().map(|one| (one.device_index, one.device_key)).collect();
		assert_eq!(members, [0, 6, 7, 13, 20].map(|index| (index, key(index))));
		let (tree, ReceiptBatch { receipts, proof }) = (tree(), &batch);
		let node = |place: u32| tree.cap(2).get(place as usize).copied();
		assert_eq!(verify_members::<Blake2b256>(COUNT, 2, &members, proof, node), Ok(vec![true; 5]));
		// Neighbours share the nodes above them, and no proof goes up to the root.
		assert!(proof.len() < 5 * 2);
		assert_eq!(receipts.iter().filter_map(|one| one.replaces).collect::<Vec<_>>(), [3]);
		assert!(receipts.iter().all(|one| one.lock == [one.device_index as u8; 32]));
	}

	#[test]
	fn proofs_of_another_fleet_should_make_no_batch() {
		assert!(batch(&fleet(1_000), vec![due(1)]).is_none());
		assert!(batch(&fleet(COUNT), vec![due(1), due(1)]).is_none());
	}
}
