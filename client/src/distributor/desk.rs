//! What the distributor answers to devices, whatever the transport.

use super::{
	content::{job, Served},
	prove::Proved,
	store::Store,
};
use crate::{device::view, error::Result};
use rand_core::{OsRng, TryRngCore};
use std::{
	collections::BTreeMap,
	sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::{watch, Notify};
use waybill_chain::{
	ledger::{Ledger, State},
	types::AccountId,
};
use waybill_daemon::clock::Time;
use waybill_exchange::{Distributor, Hello, Invite, Member, Offer, Receipt, Rejection, RevealedKey, Session};
use waybill_primitives::{BlockNumber, BountyId, DeviceIndex};

/// How long an invitation can be answered.
const INVITE_LIFETIME_MS: u64 = 60_000;

/// The newest final state; nothing before the first.
pub type Newest<S> = watch::Receiver<Option<Arc<S>>>;

/// What a device is answered: a message, a rejection, or that something here is out of order.
pub type Answer<T> = Result<Result<T, Rejection>>;

/// The bounties that are served, and what is wrong with others.
#[derive(Debug, Default)]
pub struct Book {
	served: RwLock<BTreeMap<BountyId, Arc<Served>>>,
	trouble: RwLock<BTreeMap<BountyId, String>>,
	proved: RwLock<BTreeMap<BountyId, Proved>>,
}

impl Book {
	/// A bounty, if it is served.
	pub fn get(&self, bounty: BountyId) -> Option<Arc<Served>> {
		self.served.read().unwrap_or_else(PoisonError::into_inner).get(&bounty).cloned()
	}

	/// Every bounty that is served.
	pub fn all(&self) -> Vec<Arc<Served>> {
		self.served.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
	}

	/// Serves a bounty from now on, or as it is now.
	pub fn put(&self, served: Served) {
		self.served.write().unwrap_or_else(PoisonError::into_inner).insert(served.bounty.id, Arc::new(served));
	}

	/// Serves a bounty no longer.
	pub fn remove(&self, bounty: BountyId) {
		self.served.write().unwrap_or_else(PoisonError::into_inner).remove(&bounty);
		self.proved.write().unwrap_or_else(PoisonError::into_inner).remove(&bounty);
	}

	/// Notes what is wrong with a bounty, or that nothing is.
	pub fn trouble(&self, bounty: BountyId, words: Option<String>) {
		let mut trouble = self.trouble.write().unwrap_or_else(PoisonError::into_inner);
		match words {
			Some(words) => trouble.insert(bounty, words),
			None => trouble.remove(&bounty),
		};
	}

	/// Notes what the newest proofs for a bounty took.
	pub fn proved(&self, bounty: BountyId, proved: Proved) {
		self.proved.write().unwrap_or_else(PoisonError::into_inner).insert(bounty, proved);
	}

	/// What the newest proofs for a bounty took, if any were made since the start.
	pub fn proof(&self, bounty: BountyId) -> Option<Proved> {
		self.proved.read().unwrap_or_else(PoisonError::into_inner).get(&bounty).copied()
	}

	/// What is wrong, by bounty.
	pub fn troubles(&self) -> BTreeMap<BountyId, String> {
		self.trouble.read().unwrap_or_else(PoisonError::into_inner).clone()
	}
}

/// The distributor towards devices.
pub struct Desk<L: Ledger> {
	distributor: Distributor,
	/// Content keys, exchanges, earnings.
	pub store: Store,
	/// The bounties.
	pub book: Book,
	/// The newest final state.
	pub newest: Newest<L::State>,
	/// Told when a receipt has come.
	pub receipts: Notify,
	/// Told when a content key has served all its devices.
	pub full: Notify,
	min_receipt: BlockNumber,
}

impl<L: Ledger> Desk<L> {
	/// The desk of this account.
	pub fn new(ledger: &L, account: &AccountId, store: Store, newest: Newest<L::State>, min_receipt: BlockNumber) -> Self {
		let distributor = Distributor::new(ledger.genesis(), account.0, INVITE_LIFETIME_MS, &mut OsRng.unwrap_err());
		let (book, receipts, full) = (Book::default(), Notify::new(), Notify::new());
		Self { distributor, store, book, newest, receipts, full, min_receipt }
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
		let job = job(&served.bounty, &served.release);
		if let Some(session) = self.store.session(bounty, index)? {
			return Ok(session.offer(&greeting, &job, number, &mut OsRng.unwrap_err()));
		}
		let slot = view::slot(&*state, bounty, index).await?;
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

	/// Takes a receipt; it is safe once this returns.
	pub fn receipt(&self, receipt: &Receipt) -> Answer<()> {
		let Some(state) = self.state() else { return Ok(Err(Rejection::NotReady)) };
		let number = state.head().number;
		let taken = tokio::task::block_in_place(|| self.store.receipt(receipt, number, self.min_receipt))?;
		if taken.is_ok() {
			self.receipts.notify_one();
		}
		Ok(taken)
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
