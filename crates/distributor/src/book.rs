//! The bounties that are served, and what is wrong with others.

use crate::prove::Proved;
use std::{
	collections::BTreeMap,
	sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};
use waybill_chain::types::{Bounty, Release};
use waybill_primitives::{BountyId, Manifest};

/// A bounty that is served.
#[derive(Clone, Debug)]
pub struct Served {
	/// The bounty as the newest final block has it.
	pub bounty: Bounty,
	/// Its release.
	pub release: Release,
	/// Its fleet.
	pub manifest: Arc<Manifest>,
}

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
		read(&self.served).get(&bounty).cloned()
	}

	/// Every bounty that is served.
	pub fn all(&self) -> Vec<Arc<Served>> {
		read(&self.served).values().cloned().collect()
	}

	/// Serves a bounty from now on, or as it is now.
	pub fn put(&self, served: Served) {
		write(&self.served).insert(served.bounty.id, Arc::new(served));
	}

	/// Serves a bounty no longer.
	pub fn remove(&self, bounty: BountyId) {
		write(&self.served).remove(&bounty);
		write(&self.proved).remove(&bounty);
	}

	/// Notes what is wrong with a bounty, or that nothing is.
	pub fn trouble(&self, bounty: BountyId, words: Option<String>) {
		let mut trouble = write(&self.trouble);
		match words {
			Some(words) => trouble.insert(bounty, words),
			None => trouble.remove(&bounty),
		};
	}

	/// Notes what the newest proofs for a bounty took.
	pub fn proved(&self, bounty: BountyId, proved: Proved) {
		write(&self.proved).insert(bounty, proved);
	}

	/// What the newest proofs for a bounty took, if any were made since the start.
	pub fn proof(&self, bounty: BountyId) -> Option<Proved> {
		read(&self.proved).get(&bounty).copied()
	}

	/// What is wrong, by bounty.
	pub fn troubles(&self) -> BTreeMap<BountyId, String> {
		read(&self.trouble).clone()
	}
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
	lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
	lock.write().unwrap_or_else(PoisonError::into_inner)
}
