//! Answers devices, whatever the transport.

use crate::{
	book::{Book, Served},
	error::Result,
	store::Store,
};
use rand_core::{OsRng, TryRngCore};
use std::sync::Arc;
use tokio::sync::{watch, Notify};
use waybill_chain::{
	exchange_view::slot,
	ledger::{Ledger, State},
	types::AccountId,
};
use waybill_daemon::clock::Time;
use waybill_exchange::{Distributor, Hello, Invite, Job, Member, Offer, Receipt, Rejection, RevealedKey, Session};
use waybill_primitives::{view::ReleaseState, BlockNumber, BountyId, DeviceIndex, Hash32};

/// How long a device can answer an invitation.
const INVITE_LIFETIME_MS: u64 = 60_000;

/// The newest final state; `None` before the first.
pub type Newest<S> = watch::Receiver<Option<Arc<S>>>;

/// The answer to a device: a message or a rejection. An error means that the distributor has a
/// fault.
pub type Answer<T> = Result<Result<T, Rejection>>;

/// The distributor towards devices.
pub struct Desk<L: Ledger> {
	distributor: Distributor,
	store: Store,
	book: Book,
	newest: Newest<L::State>,
	full: Notify,
	min_receipt: BlockNumber,
}

impl<L: Ledger> Desk<L> {
	/// The desk of this account. It takes only receipts that are valid for `min_receipt` more
	/// blocks.
	pub fn new(
		genesis: Hash32,
		account: &AccountId,
		store: Store,
		newest: Newest<L::State>,
		min_receipt: BlockNumber,
	) -> Self {
		let distributor = Distributor::new(genesis, account.0, INVITE_LIFETIME_MS, &mut OsRng.unwrap_err());
		let (book, full) = (Book::default(), Notify::new());
		Self { distributor, store, book, newest, full, min_receipt }
	}

	/// Content keys, exchanges, earnings.
	pub const fn store(&self) -> &Store {
		&self.store
	}

	/// The bounties.
	pub const fn book(&self) -> &Book {
		&self.book
	}

	/// The newest final state.
	pub const fn newest(&self) -> &Newest<L::State> {
		&self.newest
	}

	/// Waits until a content key has served all its devices since the last call.
	pub async fn key_ran_out(&self) {
		self.full.notified().await;
	}

	/// Invites a device.
	pub fn invite(&self) -> Invite {
		self.distributor.invite(Time::now().0, &mut OsRng.unwrap_err())
	}

	/// Answers a greeting with an offer.
	pub async fn hello(&self, hello: &Hello) -> Answer<Offer> {
		let greeting = match self.distributor.greet(hello, Time::now().0) {
			Ok(greeting) => greeting,
			Err(rejection) => return Ok(Err(rejection)),
		};
		let Some(served) = self.book.get(greeting.bounty()) else { return Ok(Err(Rejection::NotServed)) };
		let Some(index) = served.manifest.index(greeting.device_key()) else { return Ok(Err(Rejection::NotInFleet)) };
		let Some(state) = self.state() else { return Ok(Err(Rejection::NotReady)) };
		let (bounty, number) = (served.bounty.id, state.head().number);
		let job = job(&served);
		if let Some(session) = self.store.session(bounty, index)? {
			return Ok(session.offer(&greeting, &job, number, &mut OsRng.unwrap_err()));
		}
		let slot = slot(&*state, bounty, index).await?;
		let proof = served.manifest.proof(index).unwrap_or_default();
		let member = Member { device_index: index, proof, slot, number };
		let begun = tokio::task::block_in_place(|| {
			self.store.begin(bounty, index, |epoch| {
				Session::open(&self.distributor, &greeting, &job, member, epoch, &mut OsRng.unwrap_err())
			})
		})?;
		if matches!(begun, Err(Rejection::EpochFull) | Ok((_, 0))) {
			self.full.notify_one();
		}
		Ok(begun.map(|(offer, _)| offer))
	}

	/// Takes a receipt. It is on the disk when this returns.
	pub fn receipt(&self, receipt: &Receipt) -> Answer<()> {
		let Some(state) = self.state() else { return Ok(Err(Rejection::NotReady)) };
		let number = state.head().number;
		tokio::task::block_in_place(|| self.store.receipt(receipt, number, self.min_receipt))
	}

	/// A key that is public.
	pub fn key(&self, bounty: BountyId, index: DeviceIndex) -> Answer<RevealedKey> {
		let session = self.store.session(bounty, index)?;
		Ok(session.ok_or(Rejection::NotRevealed).and_then(|session| session.revealed_key()))
	}

	fn state(&self) -> Option<Arc<L::State>> {
		self.newest.borrow().clone()
	}
}

/// What an offer says about a bounty.
fn job(served: &Served) -> Job {
	let Served { bounty, release, .. } = served;
	Job {
		bounty: bounty.id,
		root: bounty.root,
		count: bounty.count,
		expires_at: bounty.expires_at,
		closing: bounty.closing,
		release_id: release.id,
		release: release.statement.clone(),
		key_set_version: release.key_set_version,
		signatures: release.signatures.clone(),
		yanked: release.state == ReleaseState::Yanked,
	}
}
