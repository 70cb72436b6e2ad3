//! One content key and the devices it serves.

use crate::{
	cbor::{self, Message, V1},
	message::{Ciphertext, Evidence, LockPlace, Proofs},
	suite::Algorithms,
	AccountId, ContentContext, ContentKey, LockSecrets, Rejection, Secret,
};
use alloc::vec::Vec;
use minicbor::{Decode, Encode};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, RngCore, SeedableRng};
use waybill_primitives::{BountyId, Digest, Hash32, Suite};
use waybill_zkcp::{Key, LOCKS_IN_GROUP, MOST_LOCKS};

/// A content key of a distributor for a bounty, and how many devices it may still serve.
///
/// If someone gives the key away, the distributor loses at most the payments for this epoch's
/// devices that are still unpaid. Store the epoch ([`Message::to_cbor`]) when it is made, when its
/// ciphertext is known, and after each device.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub struct Epoch {
	#[n(0)]
	version: V1,
	#[cbor(n(1), with = "minicbor::bytes")]
	genesis: Hash32,
	#[n(2)]
	bounty: BountyId,
	#[cbor(n(3), with = "minicbor::bytes")]
	distributor: AccountId,
	#[cbor(n(4), with = "cbor::scale")]
	digest: Digest,
	#[n(5)]
	number: u32,
	#[n(6)]
	key: Secret,
	#[n(7)]
	limit: u32,
	#[n(8)]
	issued: u32,
	#[n(9)]
	ciphertext: Option<Ciphertext>,
	/// The seed of the lock keys, which one proof covers; none under a suite without proofs.
	#[n(10)]
	seed: Option<Secret>,
	#[n(11)]
	proofs: Option<Proofs>,
}

impl Epoch {
	/// Draws a content key that serves at most `limit` devices. Under a suite with proofs it serves
	/// no more than the largest table of locks has room for.
	pub fn generate<R: CryptoRng>(context: &ContentContext, limit: u32, rng: &mut R) -> Self {
		let suite = context.digest.suite;
		let (limit, seed) = match suite {
			Suite::Plain => (limit, None),
			Suite::Zkcp => (limit.min(MOST_LOCKS), Some(Secret::random(rng))),
		};
		Self {
			version: V1,
			genesis: context.genesis,
			bounty: context.bounty,
			distributor: context.distributor,
			digest: context.digest,
			number: context.epoch,
			key: suite.draw(rng),
			limit,
			issued: 0,
			ciphertext: None,
			seed,
			proofs: None,
		}
	}

	/// What the content key is for.
	pub const fn context(&self) -> ContentContext {
		ContentContext {
			genesis: self.genesis,
			bounty: self.bounty,
			distributor: self.distributor,
			digest: self.digest,
			epoch: self.number,
		}
	}

	/// The content key; `None` if what was stored is damaged.
	pub fn content_key(&self) -> Option<ContentKey> {
		ContentKey::restore(&self.context(), self.key.clone())
	}

	/// The lock keys of all locks in the table that is to be proved; none under a suite without
	/// proofs.
	pub fn lock_keys(&self) -> Vec<Key> {
		let count = waybill_zkcp::locks_in_table(self.limit).unwrap_or_default();
		(0..count).map_while(|index| self.lock_key(index)).collect()
	}

	fn lock_key(&self, index: u32) -> Option<Key> {
		let mut rng = ChaCha20Rng::from_seed(*self.seed.as_ref()?.expose());
		rng.set_stream(index.into());
		Some(Key::generate(|| rng.next_u32()))
	}

	/// The ciphertext, once it is published.
	pub const fn ciphertext(&self) -> Option<&Ciphertext> {
		self.ciphertext.as_ref()
	}

	/// The proofs, once they are published; none under a suite without proofs.
	pub const fn proofs(&self) -> Option<&Proofs> {
		self.proofs.as_ref()
	}

	/// Records that the ciphertext and the proofs are in IPFS. Only the first call has an effect.
	pub fn publish(&mut self, ciphertext: Ciphertext, proofs: Option<Proofs>) {
		if self.ciphertext.is_none() {
			self.ciphertext = Some(ciphertext);
			self.proofs = proofs;
		}
	}

	/// Records that IPFS has lost the ciphertext or the proofs. They have to be published again, with
	/// the same CIDs.
	pub fn withdraw(&mut self) {
		self.ciphertext = None;
		self.proofs = None;
	}

	/// Ends the service to further devices: nobody can tell any more which shares have left. Those
	/// who have a share keep it.
	pub const fn close(&mut self) {
		// The limit is part of what is proved, so it stays.
		self.issued = self.limit;
	}

	/// The number of devices that it can still serve.
	pub const fn left(&self) -> u32 {
		self.limit.saturating_sub(self.issued)
	}

	/// The share of the next device, and the evidence for it.
	pub(super) fn issue<R: CryptoRng>(&mut self, rng: &mut R) -> Result<(LockSecrets, Evidence), Rejection> {
		let index = self.issued;
		if index >= self.limit {
			return Err(Rejection::EpochFull);
		}
		let content = self.content_key().ok_or(Rejection::NotReady)?;
		let (lock_key, evidence) = match content.provable() {
			None => (self.digest.suite.draw(rng), Evidence::Unproven),
			Some((key, _)) => {
				let proofs = self.proofs.ok_or(Rejection::NotReady)?;
				let lock_key = self.lock_key(index).ok_or(Rejection::NotReady)?;
				let place = self.place(&key, index).ok_or(Rejection::NotReady)?;
				(Secret::new(lock_key.to_bytes()), Evidence::Proven(proofs, place))
			},
		};
		let share = content.share(lock_key).ok_or(Rejection::NotReady)?;
		self.issued = index.saturating_add(1);
		Ok((share, evidence))
	}

	fn place(&self, content: &Key, index: u32) -> Option<LockPlace> {
		let group = u32::try_from(LOCKS_IN_GROUP).ok()?;
		let first = index.checked_sub(index.checked_rem(group)?)?;
		let keys: Vec<Key> = (first..first.checked_add(group)?).map_while(|index| self.lock_key(index)).collect();
		let keys: [Key; LOCKS_IN_GROUP] = keys.try_into().ok()?;
		Some(waybill_zkcp::lock_place(content, &keys, index).into())
	}
}

impl Message for Epoch {
	const MAX_LEN: usize = 1_024;
}
