//! The bounties that the distributor serves, and what is wrong with others.

use crate::prove::Proved;
use std::{
	collections::BTreeMap,
	sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};
use waybill_chain::types::{Bounty, Release};
use waybill_primitives::{BountyId, Manifest};

/// A bounty that the distributor serves.
#[derive(Clone, Debug)]
pub struct Served {
	/// The bounty as the newest final block has it.
	pub bounty: Bounty,
	/// Its release.
	pub release: Release,
	/// Its fleet.
	pub manifest: Arc<Manifest>,
}

/// The bounties that the distributor serves, and what is wrong with others.
#[derive(Debug, Default)]
pub struct Book {
	served: RwLock<BTreeMap<BountyId, Arc<Served>>>,
	trouble: RwLock<BTreeMap<BountyId, String>>,
	passed: RwLock<BTreeMap<BountyId, String>>,
	proved: RwLock<BTreeMap<BountyId, Proved>>,
}

impl Book {
	/// A bounty; `None` if the distributor does not serve it.
	pub fn get(&self, bounty: BountyId) -> Option<Arc<Served>> {
		read(&self.served).get(&bounty).cloned()
	}

	/// Every bounty that the distributor serves.
	pub fn all(&self) -> Vec<Arc<Served>> {
		read(&self.served).values().cloned().collect()
	}

	/// Adds a bounty, or replaces what is known of it.
	pub fn put(&self, served: Served) {
		write(&self.served).insert(served.bounty.id, Arc::new(served));
	}

	/// Stops serving a bounty.
	pub fn remove(&self, bounty: BountyId) {
		write(&self.served).remove(&bounty);
		write(&self.proved).remove(&bounty);
	}

	/// Notes that the configuration or the release rules a bounty out. Returns whether that is new.
	pub fn pass_over(&self, bounty: BountyId, why: String) -> bool {
		write(&self.trouble).remove(&bounty);
		let before = write(&self.passed).insert(bounty, why.clone());
		before != Some(why)
	}

	/// Why bounties are passed over.
	pub fn passed(&self) -> BTreeMap<BountyId, String> {
		read(&self.passed).clone()
	}

	/// Notes what is wrong with a bounty; `None` if nothing is.
	pub fn trouble(&self, bounty: BountyId, words: Option<String>) {
		write(&self.passed).remove(&bounty);
		let mut trouble = write(&self.trouble);
		match words {
			Some(words) => trouble.insert(bounty, words),
			None => trouble.remove(&bounty),
		};
	}

	/// Notes what the newest proofs for a bounty cost.
	pub fn proved(&self, bounty: BountyId, proved: Proved) {
		write(&self.proved).insert(bounty, proved);
	}

	/// What the newest proofs for a bounty cost; `None` if none were made since the start.
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
