//! One content key and the devices it serves.

use crate::{
	cbor::{self, Message, V1},
	message::Ciphertext,
	AccountId, ContentContext, ContentKey, LockSecrets, Rejection, Secret,
};
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use waybill_primitives::{BountyId, Digest, Hash32};

/// A content key of a distributor for a bounty, and how many devices it may still serve.
///
/// Who gives the key away can cost the distributor at most the devices of this epoch that have not been paid for yet.
/// Store it ([`Message::to_cbor`]) when it is made, when its ciphertext is known and after each device.
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
}

impl Epoch {
	/// Draws a content key that serves at most `limit` devices.
	pub fn generate<R: CryptoRng>(context: &ContentContext, limit: u32, rng: &mut R) -> Self {
		Self {
			version: V1,
			genesis: context.genesis,
			bounty: context.bounty,
			distributor: context.distributor,
			digest: context.digest,
			number: context.epoch,
			key: Secret::random(rng),
			limit,
			issued: 0,
			ciphertext: None,
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

	/// The content key.
	pub fn content_key(&self) -> ContentKey {
		ContentKey::restore(&self.context(), self.key.clone())
	}

	/// The ciphertext, once it is published.
	pub const fn ciphertext(&self) -> Option<&Ciphertext> {
		self.ciphertext.as_ref()
	}

	/// The ciphertext is in IPFS. It stays the one that was published first.
	pub fn publish(&mut self, ciphertext: Ciphertext) {
		self.ciphertext.get_or_insert(ciphertext);
	}

	/// How many further devices it serves.
	pub const fn left(&self) -> u32 {
		self.limit.saturating_sub(self.issued)
	}

	pub(super) fn issue<R: CryptoRng>(&mut self, rng: &mut R) -> Result<LockSecrets, Rejection> {
		if self.issued >= self.limit {
			return Err(Rejection::EpochFull);
		}
		self.issued = self.issued.saturating_add(1);
		self.content_key().split(rng).ok_or(Rejection::NotReady)
	}
}

impl Message for Epoch {
	const MAX_LEN: usize = 512;
}
