//! In which order bounties are prepared: those that promise most first, and no vendor keeps others
//! waiting, however many bounties it opens.

use std::{
	cmp::Reverse,
	collections::{BTreeMap, HashMap},
	time::Duration,
};
use waybill_chain::{types::Bounty, AccountId};
use waybill_primitives::BountyId;

/// How many bounties are prepared at once. Most of the time they wait for a gateway, or for the proof
/// of another one.
const WIDTH: usize = 32;
/// How many of them may be one vendor's. One whose files nobody has takes no more.
const SHARE: usize = 2;

/// A vendor, as a key.
type Vendor = [u8; 32];

/// The bounties that wait to be prepared, and those that are under way.
///
/// Vendors take turns by start-time fair queuing (Goyal, Vin and Cheng 1996): a turn begins where the
/// vendor's last one ended, by the time that it took, but not before those that begin now. So past work
/// does not count against a vendor for ever.
#[derive(Debug, Default)]
pub struct Queue {
	waiting: BTreeMap<BountyId, Bounty>,
	/// Each with the beginning of its turn.
	under_way: HashMap<BountyId, (Vendor, Duration)>,
	/// Where each vendor's last turn ended.
	ended: HashMap<Vendor, Duration>,
	/// Where the turns begin that begin now.
	now: Duration,
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
		let start = self.start(&bounty.vendor);
		self.under_way.insert(bounty.id, (bounty.vendor.0, start));
	}

	/// Begins with the bounty that is next; `None` if none waits, or enough is under way.
	///
	/// The vendor is next whose turn begins first, and of its bounties the one that still pays most.
	pub fn next(&mut self) -> Option<Bounty> {
		if self.under_way.len() >= WIDTH {
			return None;
		}
		let mut busy: HashMap<Vendor, usize> = HashMap::new();
		for (vendor, _) in self.under_way.values() {
			let count = busy.entry(*vendor).or_default();
			*count = count.saturating_add(1);
		}
		let busy = |bounty: &Bounty| busy.get(&bounty.vendor.0).copied().unwrap_or_default();
		let may = self.waiting.values().filter(|bounty| busy(bounty) < SHARE);
		let next = may.min_by_key(|bounty| (busy(bounty), self.start(&bounty.vendor), Reverse(promise(bounty))))?.id;
		let bounty = self.waiting.remove(&next)?;
		self.begin(&bounty);
		self.now = self.start(&bounty.vendor);
		let now = self.now;
		self.ended.retain(|_, ended| *ended > now);
		Some(bounty)
	}

	/// Notes that a bounty is no longer under way, after so long.
	pub fn end(&mut self, bounty: BountyId, took: Duration) {
		let Some((vendor, start)) = self.under_way.remove(&bounty) else { return };
		let ended = self.ended.entry(vendor).or_default();
		*ended = (*ended).max(start.saturating_add(took));
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

	/// Where a vendor's next turn begins.
	fn start(&self, vendor: &AccountId) -> Duration {
		self.ended.get(&vendor.0).copied().unwrap_or_default().max(self.now)
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
	fn past_work_should_not_count_against_a_vendor_for_ever() {
		let (mut queue, make) = (Queue::default(), maker());
		// A vendor was served for long, and then others were.
		for (id, vendor) in [(0, 1), (1, 2), (2, 3)] {
			queue.push(make(id, vendor, 1));
			let begun = queue.next().unwrap().id;
			queue.end(begun, 3_600 * SECOND);
		}
		queue.push(make(10, 1, 1));
		let begun = queue.next().unwrap().id;
		queue.end(begun, SECOND);
		// Newcomers come before its next turn, each once.
		(20..24).for_each(|id| queue.push(make(id, id as u8, 1)));
		queue.push(make(11, 1, 9));
		for _ in 0..4 {
			let begun = queue.next().unwrap();
			assert_ne!(begun.vendor.0, [1; 32]);
			queue.push(make(begun.id + 100, begun.vendor.0[0], 1));
			queue.end(begun.id, 120 * SECOND);
		}
		assert_eq!(queue.next().unwrap().id, 11);
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
		(0..60).for_each(|id| queue.push(make(id, id as u8, 1)));
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
		queue.retain(|bounty| bounty == 59);
		assert_eq!(queue.next().map(|bounty| bounty.id), Some(59));
		assert!(queue.next().is_none());
	}
}
