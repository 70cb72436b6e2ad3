//! In which order bounties are prepared: those that promise most first, and no vendor keeps others
//! waiting, however many bounties it opens.

use std::{
	cmp::Reverse,
	collections::{BTreeMap, HashMap},
	time::Duration,
};
use waybill_chain::{types::Bounty, AccountId};
use waybill_primitives::BountyId;

/// How many bounties are prepared at once. Most of the time they wait for a gateway.
const WIDTH: usize = 8;
/// How many of them may be one vendor's. One whose files nobody has takes no more.
const SHARE: usize = 2;
/// The most vendors whose share of the work is remembered.
const MAX_VENDORS: usize = 4_096;

/// A vendor, as a key.
type Vendor = [u8; 32];

/// The bounties that wait to be prepared, and those that are under way.
#[derive(Debug, Default)]
pub struct Queue {
	waiting: BTreeMap<BountyId, Bounty>,
	under_way: HashMap<BountyId, Vendor>,
	/// How long the distributor has worked for each vendor.
	spent: HashMap<Vendor, Duration>,
}

impl Queue {
	/// Adds a bounty, or replaces what is known of one that waits.
	pub fn push(&mut self, bounty: Bounty) {
		if !self.under_way.contains_key(&bounty.id) {
			self.waiting.insert(bounty.id, bounty);
		}
	}

	/// Begins with a bounty, whoever waits.
	pub fn begin(&mut self, bounty: &Bounty) {
		self.waiting.remove(&bounty.id);
		self.under_way.insert(bounty.id, bounty.vendor.0);
	}

	/// Begins with the bounty that is next; `None` if none waits, or enough is under way.
	///
	/// The vendor is next for which the distributor has worked least, and of its bounties the one
	/// that still pays most.
	pub fn next(&mut self) -> Option<Bounty> {
		if self.under_way.len() >= WIDTH {
			return None;
		}
		let mut busy: HashMap<Vendor, usize> = HashMap::new();
		for vendor in self.under_way.values() {
			let count = busy.entry(*vendor).or_default();
			*count = count.saturating_add(1);
		}
		let busy = |bounty: &Bounty| busy.get(&bounty.vendor.0).copied().unwrap_or_default();
		let may = self.waiting.values().filter(|bounty| busy(bounty) < SHARE);
		let next = may.min_by_key(|bounty| (busy(bounty), self.spent(&bounty.vendor), Reverse(promise(bounty))))?.id;
		let bounty = self.waiting.remove(&next)?;
		self.begin(&bounty);
		Some(bounty)
	}

	/// Notes that a bounty is no longer under way, after so long.
	pub fn end(&mut self, bounty: BountyId, took: Duration) {
		let Some(vendor) = self.under_way.remove(&bounty) else { return };
		let spent = self.spent.entry(vendor).or_default();
		*spent = spent.saturating_add(took);
		if self.spent.len() > MAX_VENDORS {
			self.spent.clear();
		}
	}

	/// Whether a bounty is under way.
	pub fn is_under_way(&self, bounty: BountyId) -> bool {
		self.under_way.contains_key(&bounty)
	}

	/// Whether any bounty is under way.
	pub fn is_idle(&self) -> bool {
		self.under_way.is_empty()
	}

	/// Forgets those that wait, except these.
	pub fn retain(&mut self, is_open: impl Fn(BountyId) -> bool) {
		self.waiting.retain(|bounty, _| is_open(*bounty));
	}

	fn spent(&self, vendor: &AccountId) -> Duration {
		self.spent.get(&vendor.0).copied().unwrap_or_default()
	}
}

/// What a bounty can still pay.
fn promise(bounty: &Bounty) -> u128 {
	bounty.reward.0.saturating_mul(u128::from(bounty.count.saturating_sub(bounty.paid)))
}

#[cfg(test)]
mod tests {
	use super::*;
	use waybill_chain::Amount;
	use waybill_primitives::Version;
	use waybill_testkit::scene::Scene;

	const SECOND: Duration = Duration::from_secs(1);

	/// Makes bounties of a vendor.
	fn maker() -> impl Fn(u64, u8, u128) -> Bounty {
		let scene = Scene::new(3);
		scene.release(0, Version::new(1, 0, 0), 1, &[9; 100], scene.manifest_cid);
		let bounty = scene.chain.edit(|world| world.bounties[&0].clone());
		move |id, vendor, reward| Bounty {
			id,
			vendor: AccountId([vendor; 32]),
			reward: Amount(reward),
			count: 1,
			..bounty.clone()
		}
	}

	#[test]
	fn vendor_with_ten_thousand_bounties_should_not_keep_another_waiting() {
		let (mut queue, make) = (Queue::default(), maker());
		(0..10_000).for_each(|id| queue.push(make(id, 1, 1_000)));
		// While everything is under way that may be.
		let hostile = [queue.next().unwrap(), queue.next().unwrap()];
		assert!(queue.next().is_none());
		queue.push(make(20_000, 2, 1));
		assert_eq!(queue.next().unwrap().id, 20_000);
		// And while there is room: its second one comes before the other's third.
		queue.push(make(20_001, 2, 1));
		hostile.iter().for_each(|bounty| queue.end(bounty.id, 60 * SECOND));
		queue.end(20_000, SECOND);
		assert_eq!(queue.next().unwrap().id, 20_001);
	}

	#[test]
	fn bounty_that_pays_most_should_come_first_within_a_vendors_turn() {
		let (mut queue, make) = (Queue::default(), maker());
		queue.push(make(1, 1, 5));
		queue.push(Bounty { count: 10, paid: 9, ..make(2, 1, 7) });
		queue.push(Bounty { count: 10, paid: 0, ..make(3, 1, 6) });
		let order = [(), (), ()].map(|()| {
			let next = queue.next().unwrap().id;
			queue.end(next, SECOND);
			next
		});
		assert_eq!(order, [3, 2, 1]);
	}

	#[test]
	fn many_vendors_should_take_turns_and_no_more_be_under_way_than_may() {
		let (mut queue, make) = (Queue::default(), maker());
		(0..20).for_each(|id| queue.push(make(id, id as u8, 1)));
		let begun: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
		assert_eq!(begun.len(), WIDTH);
		assert!(!queue.is_idle() && queue.is_under_way(begun[0].id));
		// What is served already waits for nobody.
		queue.begin(&make(99, 1, 1));
		assert!(queue.is_under_way(99));
		// It is under way, so it does not wait, too.
		queue.push(make(99, 1, 1));
		queue.end(99, SECOND);
		begun.iter().for_each(|bounty| queue.end(bounty.id, SECOND));
		assert!(queue.is_idle());
		queue.retain(|bounty| bounty == 19);
		assert_eq!(queue.next().map(|bounty| bounty.id), Some(19));
		assert!(queue.next().is_none());
	}
}
