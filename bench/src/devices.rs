//! A fleet of devices whose keys follow from their indices.

use ed25519_dalek::{Signer as _, SigningKey};
use sp_core::{Get, H256};
use sp_crypto_hashing::blake2_256;
use std::sync::LazyLock;
use waybill_primitives::{
	fleet::{usual_cap_height, FleetTree},
	view::SubmittedReceipt,
	BountyId, DeviceIndex, DeviceKey, DeviceSignature, Digest, Hash32, LockKey, ReceiptStatement, ReservationId, Statement,
	Suite,
};
use waybill_runtime::{AccountId, Runtime};
use waybill_zkcp::{unwatched, ChunkDigests, Layout};

type BountyCall = pallet_pod_bounty::Call<Runtime>;

/// Some firmware; its content does not matter here.
pub const PAYLOAD: &[u8] = &[0x5a; 4096];

/// The digest of [`PAYLOAD`] under the suite that vendors use.
pub fn digest() -> Digest {
	static BYTES: LazyLock<Hash32> = LazyLock::new(|| {
		let layout = Layout::new(PAYLOAD.len() as u64).expect("it is short");
		ChunkDigests::of_payload(PAYLOAD, layout, &mut unwatched).expect("it is as long as it says").id()
	});
	Digest { suite: Suite::Zkcp, bytes: *BYTES }
}

/// The most devices of a batch.
pub fn full_batch() -> u32 {
	<Runtime as pallet_pod_bounty::Config>::MaxBatch::get()
}

/// A fleet, with the tree over it.
pub struct Devices {
	tree: FleetTree,
	count: u32,
	cap_height: u32,
	genesis: H256,
}

impl Devices {
	/// A fleet of `count` devices, with the usual cap.
	pub fn new(count: u32, genesis: H256) -> Self {
		Self { tree: FleetTree::new(&public_keys(count)), count, cap_height: usual_cap_height(count), genesis }
	}

	/// The number of devices.
	pub fn count(&self) -> u32 {
		self.count
	}

	/// The hash of the first block of the chain they are on.
	pub fn genesis(&self) -> H256 {
		self.genesis
	}

	/// The height of the cap that the chain stores.
	pub fn cap_height(&self) -> u32 {
		self.cap_height
	}

	/// The cap that the chain stores.
	pub fn cap(&self) -> &[Hash32] {
		self.tree.cap(self.cap_height)
	}

	/// `count` different devices, drawn at random but the same in every run.
	pub fn random(&self, count: u32) -> Vec<DeviceIndex> {
		let mut indices: Vec<_> = (0..self.count).collect();
		indices.sort_by_cached_key(|index| blake2_256(&[&b"draw"[..], &index.to_le_bytes()].concat()));
		indices.truncate(count as usize);
		indices
	}

	/// The multiproof of devices at rising indices, up to the cap at a height.
	pub fn proof(&self, height: u32, indices: &[DeviceIndex]) -> Vec<Hash32> {
		self.tree.multiproof(height, indices).expect("the indices rise and are in the fleet")
	}

	/// The multiproof up to the stored cap.
	pub fn proof_to_cap(&self, indices: &[DeviceIndex]) -> Vec<Hash32> {
		self.proof(self.cap_height, indices)
	}

	/// The call that reserves these devices, whose indices rise.
	pub fn reserve(&self, indices: &[DeviceIndex], bounty: BountyId, distributor: &AccountId) -> BountyCall {
		let receipts: Vec<_> = indices.iter().map(|index| self.receipt(*index, bounty, distributor)).collect();
		let proof: Vec<_> = self.proof_to_cap(indices).into_iter().map(H256).collect();
		BountyCall::reserve {
			bounty,
			receipts: receipts.try_into().expect("batches are no larger than the largest"),
			proof: proof.try_into().expect("so are their proofs"),
		}
	}

	/// What a device signs for a distributor.
	pub fn statement(index: DeviceIndex, bounty: BountyId, distributor: &AccountId) -> ReceiptStatement<&AccountId> {
		let lock = digest().suite.lock(&lock_key(index)).expect("a key of the suite");
		ReceiptStatement { bounty, device_index: index, digest: digest(), lock, distributor, valid_until: u32::MAX }
	}

	/// A device's receipt.
	pub fn receipt(&self, index: DeviceIndex, bounty: BountyId, distributor: &AccountId) -> SubmittedReceipt {
		let key = secret_key(index);
		let statement = Self::statement(index, bounty, distributor);
		let signature = key.sign(&statement.signing_bytes(&self.genesis.0));
		SubmittedReceipt {
			device_index: index,
			device_key: DeviceKey::Ed25519(key.verifying_key().to_bytes()),
			lock: statement.lock,
			valid_until: statement.valid_until,
			signature: DeviceSignature::Ed25519(signature.to_bytes()),
			replaces: None,
		}
	}
}

/// The call that claims these devices.
pub fn claim(bounty: BountyId, reservation: ReservationId, indices: &[DeviceIndex]) -> BountyCall {
	claim_with(bounty, reservation, indices.iter().map(|index| (*index, lock_key(*index))))
}

/// The call that claims devices by these keys.
pub fn claim_with(
	bounty: BountyId,
	reservation: ReservationId,
	keys: impl IntoIterator<Item = (DeviceIndex, LockKey)>,
) -> BountyCall {
	let keys: Vec<_> = keys.into_iter().collect();
	BountyCall::claim { bounty, reservation, keys: keys.try_into().expect("batches are no larger than the largest") }
}

/// The key behind a device's lock: numbers of 30 bits, which are a key under every suite.
pub fn lock_key(index: DeviceIndex) -> LockKey {
	let mut key = blake2_256(&[&b"lock"[..], &index.to_le_bytes()].concat());
	key.iter_mut().skip(3).step_by(4).for_each(|byte| *byte &= 0x3f);
	key
}

/// A device's public key.
pub fn device_key(index: DeviceIndex) -> DeviceKey {
	DeviceKey::Ed25519(secret_key(index).verifying_key().to_bytes())
}

fn secret_key(index: DeviceIndex) -> SigningKey {
	SigningKey::from_bytes(&blake2_256(&[&b"device"[..], &index.to_le_bytes()].concat()))
}

/// The public keys of `count` devices, made on all cores.
fn public_keys(count: u32) -> Vec<DeviceKey> {
	let cores = std::thread::available_parallelism().map_or(1, usize::from);
	let mut keys = vec![DeviceKey::Ed25519([0; 32]); count as usize];
	let share = keys.len().div_ceil(cores).max(1);
	std::thread::scope(|scope| {
		for (place, part) in keys.chunks_mut(share).enumerate() {
			let first = (place * share) as DeviceIndex;
			scope.spawn(move || (first..).zip(part).for_each(|(index, key)| *key = device_key(index)));
		}
	});
	keys
}
