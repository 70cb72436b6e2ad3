//! A distributor's transactions.

use crate::{
	account::Account,
	amount::Amount,
	api,
	connect::Chain,
	error::Result,
	runtime::{bounded, text, wrapped},
	submit::{Included, SubmitTerms, Until},
};
use subxt::{
	config::substrate::H256,
	rpcs::{client::rpc_params, Error as RpcsError},
};
use waybill_primitives::{
	view::{revealed_key_index, ClaimFault, ReceiptFault, SubmittedReceipt},
	BountyId, DeviceIndex, Hash32, LockKey, ReservationId,
};

use api::pod_bounty::events;

/// Receipts that are reserved together.
#[derive(Clone, Debug)]
pub struct ReceiptBatch {
	/// The receipts, in rising order of their devices.
	pub receipts: Vec<SubmittedReceipt>,
	/// The multiproof that all their devices are in the fleet, up to the fleet's cap.
	pub proof: Vec<Hash32>,
}

/// A batch of which the chain reserved at least a part.
#[derive(Debug)]
pub struct Reserved {
	/// The reservation.
	pub reservation: ReservationId,
	/// The devices that the chain did not reserve, each with its reason.
	pub rejected: Vec<(DeviceIndex, ReceiptFault)>,
	/// The transaction.
	pub included: Included,
}

/// A batch of which the chain paid at least a part.
#[derive(Debug)]
pub struct Claimed {
	/// The devices that the chain did not pay for, each with its reason.
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
		let included = self.submit_on(account, &call, SubmitTerms::default(), until).await?;
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
		terms: SubmitTerms,
		until: Until,
	) -> Result<Claimed> {
		let call = api::transactions().pod_bounty().claim(bounty, reservation, bounded(keys));
		let included = match self.submit_on(account, &call, terms, until).await {
			// The account may still be able to pay the fee without the tip.
			Err(error) if terms.tip > Amount(0) && error.is_refusal("Transaction.Payment") => {
				tracing::warn!(bounty, reservation, tip = %terms.tip, "the account cannot pay the tip; claiming without it");
				self.submit_on(account, &call, SubmitTerms { tip: Amount(0), ..terms }, until).await?
			},
			other => other?,
		};
		let rejected: Vec<events::ClaimRejected> = included.all()?;
		Ok(Claimed { rejected: rejected.into_iter().map(|event| (event.device_index, event.reason.0)).collect(), included })
	}

	/// Announces where devices reach the distributor.
	pub async fn announce(&self, account: &Account, endpoint: &str, until: Until) -> Result<Included> {
		let call = api::transactions().pod_bounty().announce(text(endpoint));
		self.submit(account, &call, until).await
	}

	/// Takes the announcement back.
	pub async fn withdraw(&self, account: &Account, until: Until) -> Result<Included> {
		self.submit(account, &api::transactions().pod_bounty().withdraw(), until).await
	}

	/// The key revealed for a device, from the node's off-chain index. `None` if the node keeps no
	/// such index, or does not show it to strangers.
	///
	/// The key may stem from an abandoned block: check it against the lock.
	pub async fn revealed_key(&self, bounty: BountyId, device_index: DeviceIndex) -> Result<Option<LockKey>> {
		let key = format!("0x{}", hex::encode(revealed_key_index(bounty, device_index)));
		let found: Result<Option<String>, RpcsError> =
			self.raw().request("offchain_localStorageGet", rpc_params!["PERSISTENT", key]).await;
		let text = match found {
			Ok(text) => text.unwrap_or_default(),
			Err(RpcsError::User(error)) => {
				tracing::debug!(%error, "the node does not show its off-chain index");
				return Ok(None);
			},
			Err(error) => return Err(self.explain(error).await),
		};
		let mut key = LockKey::default();
		Ok(hex::decode_to_slice(text.trim_start_matches("0x"), &mut key).is_ok().then_some(key))
	}
}
