//! Which receipts to reserve, and when.

use super::{
	context::Context,
	pauses::Pauses,
	places::{Place, Places, Standing},
	rules::Rules,
	window::safe_until,
};
use crate::{
	batch::batch,
	error::{Error, Result},
	report::Event,
};
use std::{
	collections::{BTreeMap, HashMap, HashSet},
	time::{Duration, Instant},
};
use tokio::task::JoinSet;
use waybill_chain::{
	ledger::{BatchOutcome, Payee, State},
	types::Bounty,
};
use waybill_exchange::{Session, Submission};
use waybill_primitives::{
	view::{ReceiptFault, ReleaseState},
	BlockNumber, BountyId, DeviceIndex, ReservationId,
};

/// A reserving transaction that has ended.
pub struct Ended {
	/// Its bounty.
	pub bounty: BountyId,
	/// The devices of its receipts.
	pub devices: Vec<DeviceIndex>,
	/// Its outcome.
	pub result: waybill_chain::Result<(ReservationId, BatchOutcome<ReceiptFault>)>,
}

/// The receipts that wait to be reserved, and the transactions that reserve them: one at a time for
/// each bounty.
#[derive(Default)]
pub struct Reservations {
	/// When each receipt was first seen here.
	seen: HashMap<(BountyId, DeviceIndex), Instant>,
	/// The receipts from before the start. They have waited long enough.
	old: HashSet<(BountyId, DeviceIndex)>,
	/// The bounties whose places on the chain were not looked at since the start.
	unseen: HashSet<BountyId>,
	places: Places,
	under_way: HashSet<BountyId>,
	pauses: Pauses<BountyId>,
	running: JoinSet<Ended>,
}

impl Reservations {
	/// The reservations of a distributor that starts with these receipts in its store.
	pub fn with(old: HashSet<(BountyId, DeviceIndex)>) -> Self {
		Self { unseen: old.iter().map(|(bounty, _)| *bounty).collect(), old, ..Self::default() }
	}

	/// Reserves the due receipts of a bounty, unless such a transaction is under way. In quiet
	/// times only what cannot wait is due.
	pub async fn reserve<L: Payee>(
		&mut self,
		context: &Context<L>,
		state: &L::State,
		bounty: &Bounty,
		mut signed: Vec<Submission>,
		quiet: bool,
	) -> Result<()> {
		// A batch takes what expires first.
		signed.sort_by_key(|one| one.receipt.valid_until);
		if signed.is_empty() || self.under_way.contains(&bounty.id) {
			return Ok(());
		}
		let (head, rules, store) = (state.head().number, &context.rules, &context.store);
		let is_due = self.is_due(rules, head, bounty, &signed, quiet);
		// A transaction from before the start may have reserved them. However often the distributor
		// is restarted, it must not forget its own reservations: each costs a deposit.
		if !self.unseen.remove(&bounty.id) && !is_due {
			return Ok(());
		}
		let yanked = state.release(bounty.release).await?.is_some_and(|release| release.state == ReleaseState::Yanked);
		let mut standing = Standing::default();
		let (mut receipts, mut lapsed) = (Vec::new(), Vec::new());
		for mut one in signed {
			if receipts.len() >= rules.max_batch {
				break;
			}
			let place = self.places.find(state, &mut standing, bounty.id, one.receipt.device_index).await?;
			match decide(head, bounty, yanked, rules, &one, &context.account.id().0, place) {
				Decision::Reserve { replaces } => {
					one.receipt.replaces = replaces;
					receipts.push(one);
				},
				Decision::Ours(reservation) => {
					store.update(bounty.id, &[one.receipt.device_index], |session| session.reserved(reservation))?;
				},
				Decision::Wait => {},
				Decision::Lapse => lapsed.push(one.receipt.device_index),
			}
		}
		if !lapsed.is_empty() {
			tracing::warn!(bounty = bounty.id, devices = ?lapsed, "these receipts can no longer be reserved");
			self.forget(bounty.id, &lapsed);
			store.update(bounty.id, &lapsed, Session::lapsed)?;
		}
		if !is_due || receipts.is_empty() || self.pauses.hold(&bounty.id, false, Instant::now()) {
			return Ok(());
		}
		let devices: Vec<_> = receipts.iter().map(|one: &Submission| one.receipt.device_index).collect();
		let fleet = state.fleet(bounty.fleet).await?.ok_or(Error::NoFleet(bounty.fleet))?;
		let receipts = batch(&fleet, receipts).ok_or(Error::ForeignProofs(fleet.id))?;
		tracing::info!(bounty = bounty.id, devices = devices.len(), "reserving");
		let (ledger, account, bounty) = (context.ledger.clone(), context.account.clone(), bounty.id);
		self.under_way.insert(bounty);
		self.running.spawn(async move {
			let result = ledger.reserve(&account, bounty, receipts).await;
			Ended { bounty, devices, result }
		});
		Ok(())
	}

	/// Whether the batch is full, has waited long enough, or cannot wait. In quiet times only the
	/// last counts.
	fn is_due(&mut self, rules: &Rules, head: BlockNumber, bounty: &Bounty, signed: &[Submission], quiet: bool) -> bool {
		let now = Instant::now();
		let is_urgent = |until: BlockNumber| until.saturating_sub(head) <= rules.margins.urgent;
		let (mut due, mut urgent) = (signed.len() >= rules.max_batch, is_urgent(bounty.expires_at));
		for one in signed {
			let first = *self.seen.entry((bounty.id, one.receipt.device_index)).or_insert(now);
			let is_old = self.old.contains(&(bounty.id, one.receipt.device_index));
			due |= is_old || now.duration_since(first) >= rules.max_delay;
			urgent |= is_urgent(one.receipt.valid_until);
		}
		urgent || (due && !quiet)
	}

	/// Whether a transaction is under way.
	pub fn is_busy(&self) -> bool {
		!self.running.is_empty()
	}

	/// Waits until a transaction ends; `None` if none is under way.
	pub async fn ended(&mut self) -> Option<Ended> {
		let ended = self.running.join_next().await?.ok()?;
		self.under_way.remove(&ended.bounty);
		Some(ended)
	}

	/// Notes a reservation that is final.
	pub fn note<L>(
		&mut self,
		context: &Context<L>,
		bounty: BountyId,
		reservation: ReservationId,
		devices: &[DeviceIndex],
		batch: &BatchOutcome<ReceiptFault>,
	) -> Result<()> {
		let store = &context.store;
		self.forget(bounty, devices);
		let rejected: BTreeMap<_, _> = batch.rejected.iter().map(|(device, fault)| (*device, fault)).collect();
		let (mut refused, held): (Vec<_>, Vec<_>) = devices.iter().partition(|device| rejected.contains_key(device));
		refused.retain(|device| rejected.get(device).is_some_and(|fault| !is_undecided(**fault)));
		store.update(bounty, &held, |session| session.reserved(reservation))?;
		store.update(bounty, &refused, Session::lapsed)?;
		store.add_fee(bounty, batch.fee)?;
		if !rejected.is_empty() {
			tracing::warn!(bounty, ?rejected, "the chain did not take these receipts");
		}
		tracing::info!(bounty, reservation, devices = held.len(), block = batch.block.number, "reserved");
		let (devices, block) = (held.len(), batch.block);
		context.reporter.tell(&Event::Reserved { bounty, reservation, devices, block });
		Ok(())
	}

	/// Reserves nothing of a bounty for a while, longer each time.
	///
	/// A successful reservation does not end this: each one that is never claimed costs a deposit.
	pub fn pause(&mut self, bounty: BountyId) -> Duration {
		self.pauses.begin(bounty, false, Instant::now())
	}

	/// Forgets the failures of a bounty of which something was claimed.
	pub fn resume(&mut self, bounty: BountyId) {
		self.pauses.end(&bounty);
	}

	/// Forgets receipts that no longer wait.
	pub fn forget(&mut self, bounty: BountyId, devices: &[DeviceIndex]) {
		for device in devices {
			self.old.remove(&(bounty, *device));
			self.seen.remove(&(bounty, *device));
			self.places.forget(bounty, *device);
		}
	}
}

/// Whether the fault only says where the slot stands. The receipt may then be reserved later, or is
/// already reserved for this distributor.
const fn is_undecided(fault: ReceiptFault) -> bool {
	matches!(fault, ReceiptFault::AlreadyReserved | ReceiptFault::WrongReservation | ReceiptFault::StillExclusive)
}

/// What to do with a receipt.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Decision {
	Reserve {
		replaces: Option<ReservationId>,
	},
	/// It is already reserved, by a transaction whose outcome was unknown.
	Ours(ReservationId),
	/// Wait: the reservation that holds it may lapse.
	Wait,
	Lapse,
}

fn decide(
	head: BlockNumber,
	bounty: &Bounty,
	yanked: bool,
	rules: &Rules,
	one: &Submission,
	account: &[u8; 32],
	place: Place,
) -> Decision {
	let over = yanked || one.receipt.valid_until <= head || bounty.expires_at <= head.saturating_add(1);
	let can_claim = |until| rules.claim_late || !rules.margins.is_missed(head, safe_until(head, bounty, yanked, until));
	match place {
		Place::Paid => Decision::Lapse,
		Place::Reserved { id, distributor, lock, exclusive_until }
			if distributor == *account && lock == one.receipt.lock && can_claim(exclusive_until) =>
		{
			Decision::Ours(id)
		},
		_ if over => Decision::Lapse,
		Place::Open => Decision::Reserve { replaces: None },
		Place::Reserved { id, exclusive_until, .. } if exclusive_until <= head => Decision::Reserve { replaces: Some(id) },
		Place::Reserved { .. } => Decision::Wait,
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use waybill_primitives::{view::SubmittedReceipt, DeviceKey, DeviceSignature, Version};
	use waybill_testkit::scene::Scene;

	const HEAD: BlockNumber = 1_000;
	const OURS: [u8; 32] = [1; 32];
	const LOCK: [u8; 32] = [2; 32];

	fn bounty(expires_at: BlockNumber) -> Bounty {
		let scene = Scene::new(1);
		scene.release(0, Version::new(1, 0, 0), 1, &[9; 100], scene.manifest_cid);
		Bounty { expires_at, ..scene.chain.edit(|world| world.bounties[&0].clone()) }
	}

	fn receipt(valid_until: BlockNumber) -> Submission {
		let receipt = SubmittedReceipt {
			device_index: 0,
			device_key: DeviceKey::Ed25519([3; 32]),
			lock: LOCK,
			valid_until,
			signature: DeviceSignature::Ed25519([0; 64]),
			replaces: None,
		};
		Submission { bounty: 0, receipt, proof: Vec::new() }
	}

	fn reserved(distributor: [u8; 32], lock: [u8; 32], exclusive_until: BlockNumber) -> Place {
		Place::Reserved { id: 7, distributor, lock, exclusive_until }
	}

	#[test]
	fn receipt_should_be_reserved_only_where_nobody_holds_the_device() {
		let (bounty, rules) = (bounty(2 * HEAD), Rules::hasty());
		let decide = |place| decide(HEAD, &bounty, false, &rules, &receipt(HEAD + 100), &OURS, place);
		assert_eq!(decide(Place::Open), Decision::Reserve { replaces: None });
		assert_eq!(decide(Place::Paid), Decision::Lapse);
		assert_eq!(decide(reserved([9; 32], LOCK, HEAD + 1)), Decision::Wait);
		assert_eq!(decide(reserved([9; 32], LOCK, HEAD)), Decision::Reserve { replaces: Some(7) });
		// Ours, but under a lock that this device no longer has.
		assert_eq!(decide(reserved(OURS, [9; 32], HEAD + 100)), Decision::Wait);
	}

	#[test]
	fn own_reservation_should_count_as_long_as_it_can_be_claimed() {
		let (bounty, rules) = (bounty(2 * HEAD), Rules::hasty());
		let decide =
			|rules, until| decide(HEAD, &bounty, false, rules, &receipt(HEAD + 100), &OURS, reserved(OURS, LOCK, until));
		let last = HEAD + rules.margins.last_blocks;
		assert_eq!(decide(&rules, last + 1), Decision::Ours(7));
		assert_eq!(decide(&rules, last), Decision::Wait);
		assert_eq!(decide(&rules, HEAD), Decision::Reserve { replaces: Some(7) });
		assert_eq!(decide(&Rules { claim_late: true, ..rules }, HEAD), Decision::Ours(7));
	}

	#[test]
	fn receipt_should_lapse_when_it_or_its_bounty_is_over() {
		let rules = Rules::hasty();
		let decide = |expires_at, yanked, valid_until| {
			decide(HEAD, &bounty(expires_at), yanked, &rules, &receipt(valid_until), &OURS, Place::Open)
		};
		assert_eq!(decide(HEAD + 2, false, HEAD + 1), Decision::Reserve { replaces: None });
		assert_eq!(decide(HEAD + 1, false, HEAD + 1), Decision::Lapse);
		assert_eq!(decide(HEAD + 2, false, HEAD), Decision::Lapse);
		assert_eq!(decide(HEAD + 2, true, HEAD + 1), Decision::Lapse);
	}

	#[test]
	fn receipts_from_before_the_start_should_be_due_at_once() {
		let (bounty, rules) = (bounty(2 * HEAD), Rules { max_delay: Duration::from_secs(3_600), ..Rules::hasty() });
		let mut reservations = Reservations::with(HashSet::from([(bounty.id, 0)]));
		let signed = [receipt(HEAD + 100)];
		assert!(reservations.is_due(&rules, HEAD, &bounty, &signed, false));
		assert!(!reservations.is_due(&rules, HEAD, &bounty, &signed, true));
		reservations.forget(bounty.id, &[0]);
		assert!(!reservations.is_due(&rules, HEAD, &bounty, &signed, false));
	}

	#[test]
	fn only_urgent_receipts_should_be_due_in_quiet_times() {
		let (bounty, rules) = (bounty(2 * HEAD), Rules::hasty());
		let due = |valid_until, quiet| Reservations::default().is_due(&rules, HEAD, &bounty, &[receipt(valid_until)], quiet);
		let urgent = HEAD + rules.margins.urgent;
		assert_eq!((due(urgent + 1, false), due(urgent + 1, true)), (true, false));
		assert_eq!((due(urgent, false), due(urgent, true)), (true, true));
	}
}
