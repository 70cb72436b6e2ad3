//! Transactions: signed, sent, and watched until they are in a block.

use crate::{
	account::Account,
	amount::Amount,
	block_time::BlockTime,
	connect::Chain,
	error::{Error, Refused, Result},
	events::unreadable,
	refusal,
	runtime::api::transaction_payment::events::TransactionFeePaid,
	types::{BlockId, Hash},
	view::View,
};
use serde::Serialize;
use std::{fmt, time::Duration};
use subxt::{
	client::{OnlineClientAtBlock, OnlineClientAtBlockImpl},
	config::{substrate::H256, DefaultExtrinsicParamsBuilder, SubstrateConfig},
	error::DispatchError,
	events::{DecodeAsEvent, Events, Phase},
	tx::{Payload, SubmittableTransaction, TransactionProgress, TransactionStatus},
};
use waybill_daemon::clock::Time;
use waybill_primitives::BlockNumber;

/// How long a transaction can enter a block.
const MORTALITY: Duration = Duration::from_secs(192);

/// For how many blocks a transaction can enter the chain: a power of two, as mortal eras are.
pub fn mortality(block_time: BlockTime) -> BlockNumber {
	// Eras of more than 4,096 blocks begin only at round numbers.
	block_time.blocks(MORTALITY).clamp(64, 4_096).next_power_of_two()
}

type AtBlock = OnlineClientAtBlockImpl<SubstrateConfig>;

/// Until when a transaction is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Until {
	/// It is in a block, which a reorganisation can still take back.
	InBlock,
	/// It is in a final block.
	#[default]
	Finalized,
}

/// What a transaction offers for its place in a block, and how late it may be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SubmitTerms {
	/// What the account pays beyond the fee, so that the transaction comes before others.
	pub tip: Amount,
	/// Do not send the transaction once the node's best block is above this one.
	pub latest: Option<BlockNumber>,
}

/// A transaction that succeeded in a block.
pub struct Included {
	/// The block.
	pub block: BlockId,
	/// The transaction's hash.
	pub extrinsic: Hash,
	/// What the account paid for it, the tip included.
	pub fee: Amount,
	/// The block's time.
	pub time: Time,
	events: Events<SubstrateConfig>,
	index: u32,
}

impl fmt::Debug for Included {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.debug_struct("Included").field("block", &self.block).field("extrinsic", &self.extrinsic).finish_non_exhaustive()
	}
}

impl Included {
	/// The transaction's events of one type.
	pub fn all<E: DecodeAsEvent>(&self) -> Result<Vec<E>> {
		of_extrinsic(&self.events, self.index)
	}

	/// The transaction's first event of a type.
	///
	/// # Errors
	/// There is none, although every transaction of this kind has one.
	pub fn one<E: DecodeAsEvent>(&self) -> Result<E> {
		let missing = || Error::Nonsense(format!("block {} lacks an event of the transaction", self.block.number));
		self.all()?.into_iter().next().ok_or_else(missing)
	}

	/// What every report of a transaction says.
	pub const fn receipt(&self) -> TxReport {
		TxReport { block: self.block, extrinsic: self.extrinsic, fee: self.fee, time_ms: self.time }
	}
}

/// What every report of a transaction says.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TxReport {
	/// The block that holds it.
	pub block: BlockId,
	/// Its hash.
	pub extrinsic: Hash,
	/// What was paid for it.
	pub fee: Amount,
	/// The block's time.
	pub time_ms: Time,
}

impl fmt::Display for TxReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "block {} on {}, fee {}", self.block.number, self.time_ms, self.fee)
	}
}

impl Chain {
	/// Signs and sends a call, and waits until it is in a block. Before it sends the call it tries it
	/// on the newest block, so that one that would fail costs no fee.
	///
	/// If the node goes away in between, this waits for it, sends the transaction again, and
	/// searches the final blocks for it. The transaction can enter the chain only once.
	pub async fn submit<C: Payload>(&self, account: &Account, call: &C, until: Until) -> Result<Included> {
		self.deliver(account, call, None, until).await
	}

	/// Like [`Self::submit`], on these terms, and without trying the call: only a block decides.
	pub async fn submit_on<C: Payload>(
		&self,
		account: &Account,
		call: &C,
		terms: SubmitTerms,
		until: Until,
	) -> Result<Included> {
		self.deliver(account, call, Some(terms), until).await
	}

	/// Tries a call on the newest block and sends nothing. Fails if the chain would refuse it.
	///
	/// For calls whose preparation is costly: files to upload, for example.
	pub async fn rehearse<C: Payload>(&self, account: &Account, call: &C) -> Result<()> {
		let (transaction, _) = self.signed(account, call, Amount(0)).await?;
		self.dry_run(transaction.encoded()).await
	}

	/// Submits a call: on these terms, or if it passes a dry run.
	async fn deliver<C: Payload>(
		&self,
		account: &Account,
		call: &C,
		terms: Option<SubmitTerms>,
		until: Until,
	) -> Result<Included> {
		let (transaction, progress, born) = self.send(account, call, terms).await?;
		let hash = transaction.hash();
		tracing::debug!(%hash, born, "transaction sent");
		let included = async {
			match self.watch(progress, until).await? {
				Some(block) => self.included(block, hash).await?.ok_or_else(|| lost(hash)),
				None => self.search(&transaction, born).await,
			}
		};
		included.await.map_err(|error| error.after(Hash(hash.0)))
	}

	/// Signs a call and hands it to the node's pool. Also returns the block at which its era
	/// begins.
	async fn send<C: Payload>(
		&self,
		account: &Account,
		call: &C,
		terms: Option<SubmitTerms>,
	) -> Result<(SubmittableTransaction<SubstrateConfig, AtBlock>, TransactionProgress<SubstrateConfig, AtBlock>, BlockNumber)>
	{
		let _guard = self.nonces.lock().await;
		let (transaction, born) = self.signed(account, call, terms.unwrap_or_default().tip).await?;
		match terms {
			None => self.dry_run(transaction.encoded()).await?,
			// Last, because everything before may have waited for a node that went away.
			Some(terms) => self.check_time(terms).await?,
		}
		match transaction.submit_and_watch().await {
			Ok(progress) => Ok((transaction, progress, born)),
			Err(error) => match refusal::pool(&error) {
				Some(Refused { name, message }) => {
					Err(Refused { name, message: format!("{}: {message}", account.id()) }.into())
				},
				None => Err(self.explain(error).await),
			},
		}
	}

	/// Signs a call with the account's next nonce. Also returns the block at which its era begins.
	async fn signed<C: Payload>(
		&self,
		account: &Account,
		call: &C,
		tip: Amount,
	) -> Result<(SubmittableTransaction<SubstrateConfig, AtBlock>, BlockNumber)> {
		let mortality = mortality(self.block_time().await?);
		let at = match self.client.at_current_block().await {
			Ok(at) => at,
			Err(error) => return Err(self.explain(error).await),
		};
		let nonce = match self.rpc.system_account_next_index(&account.id()).await {
			Ok(nonce) => nonce,
			Err(error) => return Err(self.explain(error).await),
		};
		let params = DefaultExtrinsicParamsBuilder::new()
			.nonce(nonce)
			.tip(tip.0)
			.mortal_from_unchecked(mortality.into(), at.block_number(), at.block_hash())
			.build();
		let signed = at.tx().create_signable_offline(call, params).and_then(|mut signable| signable.sign(account));
		match signed {
			Ok(transaction) => Ok((transaction, number(&at))),
			Err(error) => Err(self.explain(error).await),
		}
	}

	/// Fails if it is too late to send a transaction on these terms.
	async fn check_time(&self, terms: SubmitTerms) -> Result<()> {
		let Some(latest) = terms.latest else { return Ok(()) };
		let best = match self.rpc.chain_get_header(None).await {
			Ok(header) => header.map(|header| header.number),
			Err(error) => return Err(self.explain(error).await),
		};
		match best {
			Some(best) if best <= latest.into() => Ok(()),
			Some(best) => Err(Error::TooLate { best, latest }),
			None => Err(Error::Lacking { url: self.url().into(), what: "best block" }),
		}
	}

	/// The block that a transaction got into; `None` if the node stopped reporting.
	async fn watch(
		&self,
		mut progress: TransactionProgress<SubstrateConfig, AtBlock>,
		until: Until,
	) -> Result<Option<H256>> {
		while let Some(status) = progress.next().await {
			match status {
				Ok(TransactionStatus::InBestBlock(block)) if until == Until::InBlock => return Ok(Some(block.block_hash())),
				Ok(TransactionStatus::InFinalizedBlock(block)) => return Ok(Some(block.block_hash())),
				Ok(TransactionStatus::Invalid { message }) => {
					let name = "Transaction.Invalid";
					let message = format!("the chain refused the transaction: {name}: {message}; try again");
					return Err(Refused { name: name.into(), message }.into());
				},
				// The pool is full, or finality is late. The transaction may still get in.
				Ok(TransactionStatus::Error { message } | TransactionStatus::Dropped { message }) => {
					tracing::warn!(%message, "the node no longer watches the transaction");
					return Ok(None);
				},
				Ok(_) => {},
				Err(error) => {
					tracing::warn!(%error, "the connection to the node was lost");
					return Ok(None);
				},
			}
		}
		Ok(None)
	}

	/// Sends a transaction again and searches every final block that it can be in.
	async fn search(
		&self,
		transaction: &SubmittableTransaction<SubstrateConfig, AtBlock>,
		born: BlockNumber,
	) -> Result<Included> {
		let last = born.saturating_add(mortality(self.block_time().await?));
		let hash = transaction.hash();
		if let Err(error) = self.rpc.author_submit_extrinsic(transaction.encoded()).await {
			tracing::debug!(%error, "not sent again");
		}
		let mut blocks = self.blocks_from(born.saturating_add(1)).await?;
		loop {
			let block = blocks.next_id().await?;
			if let Some(included) = self.included(H256(block.hash.0), hash).await? {
				return Ok(included);
			}
			if block.number >= last {
				return Err(lost(hash));
			}
		}
	}

	/// The transaction's result, if it is in this block.
	async fn included(&self, block: H256, extrinsic: H256) -> Result<Option<Included>> {
		let Some(index) = self.place(block, extrinsic).await? else { return Ok(None) };
		let at = match self.client.at_block(block).await {
			Ok(at) => at,
			Err(error) => return Err(self.explain(error).await),
		};
		let events = match at.events().fetch().await {
			Ok(events) => events,
			Err(error) => return Err(self.explain(error).await),
		};
		if let Some(error) = failure(&at, &events, index)? {
			return Err(error);
		}
		let fee = of_extrinsic::<TransactionFeePaid>(&events, index)?.first().map_or(0, |paid| paid.actual_fee);
		let block = BlockId { number: number(&at), hash: Hash(block.0) };
		let time = Time(View::new(self.clone(), at).timestamp().await?);
		Ok(Some(Included { block, extrinsic: Hash(extrinsic.0), fee: Amount(fee), time, events, index }))
	}

	/// A transaction's place in a block, if it is there.
	async fn place(&self, block: H256, extrinsic: H256) -> Result<Option<u32>> {
		let body = match self.rpc.chain_get_block(Some(block)).await {
			Ok(Some(details)) => details.block.extrinsics,
			Ok(None) => return Ok(None),
			Err(error) => return Err(self.explain(error).await),
		};
		let place = body.iter().position(|bytes| sp_crypto_hashing::blake2_256(bytes) == extrinsic.0);
		Ok(place.and_then(|place| u32::try_from(place).ok()))
	}
}

fn number(at: &OnlineClientAtBlock<SubstrateConfig>) -> BlockNumber {
	BlockNumber::try_from(at.block_number()).unwrap_or(BlockNumber::MAX)
}

fn lost(hash: H256) -> Error {
	Error::NotIncluded(Hash(hash.0))
}

/// The events of one type that belong to the extrinsic at this place.
fn of_extrinsic<E: DecodeAsEvent>(events: &Events<SubstrateConfig>, index: u32) -> Result<Vec<E>> {
	let mut found = Vec::new();
	for event in events.iter() {
		let event = event.map_err(unreadable)?;
		if event.phase() == Phase::ApplyExtrinsic(index) {
			found.extend(event.decode_fields_as::<E>().transpose().map_err(unreadable)?);
		}
	}
	Ok(found)
}

/// Why the extrinsic failed, or the call that it made as a proxy; `None` if both succeeded.
fn failure(
	at: &OnlineClientAtBlock<SubstrateConfig>,
	events: &Events<SubstrateConfig>,
	index: u32,
) -> Result<Option<Error>> {
	for event in events.iter() {
		let event = event.map_err(unreadable)?;
		if event.phase() != Phase::ApplyExtrinsic(index) {
			continue;
		}
		let bytes = event.field_bytes();
		let error = match (event.pallet_name(), event.event_name()) {
			("System", "ExtrinsicFailed") => bytes,
			// The field is a Result<(), DispatchError>.
			("Proxy", "ProxyExecuted") => match bytes {
				[1, error @ ..] => error,
				_ => continue,
			},
			_ => continue,
		};
		let error = DispatchError::decode_from(error, at.metadata()).map_err(unreadable)?;
		return Ok(Some(refusal::dispatch(&error).into()));
	}
	Ok(None)
}
