//! A distributor's transactions.

use crate::{
	account::Account,
	amount::Amount,
	api,
	connect::Chain,
	error::Result,
	runtime::{bounded, text, wrapped},
	submit::{Included, Terms, Until},
	types::ReceiptBatch,
};
use codec::Encode;
use subxt::{
	config::substrate::H256,
	rpcs::{client::rpc_params, Error as RpcsError},
};
use waybill_primitives::{
	view::{ClaimFault, ReceiptFault},
	BountyId, DeviceIndex, LockKey, ReservationId,
};

use api::pod_bounty::events;

/// A batch that was reserved, at least in part.
#[derive(Debug)]
pub struct Reserved {
	/// The reservation.
	pub reservation: ReservationId,
	/// The devices that it does not hold, each with the chain's reason.
	pub rejected: Vec<(DeviceIndex, ReceiptFault)>,
	/// The transaction.
	pub included: Included,
}

/// A batch that was claimed, at least in part.
#[derive(Debug)]
pub struct Claimed {
	/// The devices that were not paid, each with the chain's reason.
	pub rejected: Vec<(DeviceIndex, ClaimFault)>,
	/// The transaction.
	pub included: Included,
}

impl Chain {
	/// Reserves the devices that signed these receipts.
	pub async fn reserve(&self, account: &Account, bounty: BountyId, batch: ReceiptBatch, until: Until) -> Result<Reserved> {
		let receipts = wrapped(batch.receipts);
		let proof = bounded(batch.proof.into_iter().map(H256).collect());
		let call = api::transactions().pod_bounty().reserve(bounty, receipts, proof);
		let included = self.submit(account, &call, until).await?;
		let event: events::Reserved = included.one()?;
		let rejected: Vec<events::ReceiptRejected> = included.all()?;
		Ok(Reserved {
			reservation: event.reservation,
			rejected: rejected.into_iter().map(|event| (event.device_index, event.reason.0)).collect(),
			included,
		})
	}

	/// Reveals the keys of reserved devices and takes the reward.
	pub async fn claim(
		&self,
		account: &Account,
		bounty: BountyId,
		reservation: ReservationId,
		keys: Vec<(DeviceIndex, LockKey)>,
		terms: Terms,
		until: Until,
	) -> Result<Claimed> {
		let call = api::transactions().pod_bounty().claim(bounty, reservation, bounded(keys));
		let included = match self.submit_on(account, &call, terms, until).await {
			// What the account has may still be enough for the fee.
			Err(error) if terms.tip > Amount(0) && error.is_refusal("Transaction.Payment") => {
				tracing::warn!(bounty, reservation, tip = %terms.tip, "the account cannot pay the tip; claiming without");
				self.submit_on(account, &call, Terms { tip: Amount(0), ..terms }, until).await?
			},
			other => other?,
		};
		let rejected: Vec<events::ClaimRejected> = included.all()?;
		Ok(Claimed { rejected: rejected.into_iter().map(|event| (event.device_index, event.reason.0)).collect(), included })
	}

	/// Announces where devices reach the distributor.
	pub async fn announce(&self, account: &Account, endpoint: &str, until: Until) -> Result<Included> {
		self.submit(account, &api::transactions().pod_bounty().announce(text(endpoint)), until).await
	}

	/// Takes the announcement back.
	pub async fn withdraw(&self, account: &Account, until: Until) -> Result<Included> {
		self.submit(account, &api::transactions().pod_bounty().withdraw(), until).await
	}

	/// The key revealed for a device, from the node's off-chain index. Nothing if the node keeps none, or does not tell strangers.
	/// The key may stem from an abandoned block: check it against the lock.
	pub async fn revealed_key(&self, bounty: BountyId, device_index: DeviceIndex) -> Result<Option<LockKey>> {
		let key = format!("0x{}", hex::encode(revealed_key_index(bounty, device_index)));
		let found: Result<Option<String>, RpcsError> =
			self.raw().request("offchain_localStorageGet", rpc_params!["PERSISTENT", key]).await;
		let text = match found {
			Ok(text) => text.unwrap_or_default(),
			Err(RpcsError::User(error)) => {
				tracing::debug!(%error, "the node does not tell what its off-chain index holds");
				return Ok(None);
			},
			Err(error) => return Err(self.explain(error).await),
		};
		let mut key = LockKey::default();
		Ok(hex::decode_to_slice(text.trim_start_matches("0x"), &mut key).is_ok().then_some(key))
	}
}

/// Where a node's off-chain index keeps the key revealed for a device (`pallet-pod-bounty`).
fn revealed_key_index(bounty: BountyId, device_index: DeviceIndex) -> Vec<u8> {
	("waybill/revealed-key/1", bounty, device_index).encode()
}
