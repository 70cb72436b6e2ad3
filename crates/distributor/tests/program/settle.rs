use crate::shop::Shop;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tempfile::TempDir;
use waybill_chain::{
	ledger::{Ledger, State},
	types::{AccountId, Event, Reservation},
	Account, Amount,
};
use waybill_daemon::clock::Time;
use waybill_distributor::{Earnings, Margins, Rules, Settler, Store};
use waybill_exchange::SessionStage;
use waybill_primitives::{
	view::{ReleaseState, ReservedSlot},
	Version,
};
use waybill_testkit::{
	ledger::{Fake, Fault, FEE, GENESIS, WINDOW},
	scene::{account, Scene, REWARD},
};

const RULES: Rules = Rules {
	max_batch: 100,
	max_delay: Duration::ZERO,
	margins: Margins { inclusion: 2, last_blocks: LAST_BLOCKS, urgent: 5, patience: 64 },
	late_margin: 6,
	claim_late: false,
	claim_tip_percent: 0,
	max_block_age: Duration::from_secs(120),
};
/// [`Margins::last_blocks`] with blocks of three seconds.
const LAST_BLOCKS: u32 = 4;
/// How many blocks the reservations of others are exclusive for.
const OTHERS_WINDOW: u32 = 20;
/// This many blocks after it was sent, a claim can no longer get into a block.
const FORGOTTEN: u32 = 200;

struct Stage {
	folder: TempDir,
	scene: Scene,
	payee: Account,
	shop: Shop,
	troubles: BTreeMap<u64, String>,
}

impl Stage {
	/// A distributor with the receipts of these devices.
	async fn with_receipts(devices: u8, receipts: impl IntoIterator<Item = usize>) -> Self {
		let (folder, scene, payload) = (tempfile::tempdir().unwrap(), Scene::new(devices), vec![9; 5_000]);
		scene.release(0, Version::new(1, 0, 0), 1, &payload, scene.manifest_cid);
		let payee = account(&folder, "payee");
		let shop = Shop::open(&scene, folder.path(), &payee, 0, &payload, 64).await;
		let stage = Self { folder, scene, payee, shop, troubles: BTreeMap::new() };
		for index in receipts {
			stage.sign(index).await;
		}
		stage
	}

	async fn sign(&self, index: usize) {
		let receipt = self.shop.receipt(&self.scene, 0, index).await.unwrap();
		self.shop.desk.receipt(&receipt).unwrap().unwrap();
	}

	fn settler(&self, rules: Rules) -> Settler<Fake> {
		Settler::new(self.scene.chain.clone(), self.payee.clone(), self.shop.store.clone(), rules)
	}

	/// Looks at the newest state, and waits for the transactions that this starts.
	async fn round(&mut self, settler: &mut Settler<Fake>) {
		let state = Arc::new(self.scene.chain.newest().await.unwrap());
		let troubles = &mut self.troubles;
		let mut note = |bounty, words| match words {
			Some(words) => drop(troubles.insert(bounty, words)),
			None => drop(troubles.remove(&bounty)),
		};
		settler.settle(&state, &mut note).await.unwrap();
		while settler.is_busy() {
			settler.finish(&mut note).await.unwrap();
		}
	}

	fn progress(&self, index: u32) -> SessionStage {
		self.shop.store.session(0, index).unwrap().unwrap().progress().clone()
	}

	fn earnings(&self) -> Earnings {
		self.shop.store.earnings().unwrap().first().map_or(Earnings::default(), |(_, earnings)| *earnings)
	}

	fn sent(&self) -> u32 {
		self.scene.chain.edit(|world| world.sent)
	}

	fn is_public(&self, index: u32) -> bool {
		self.shop.desk.key(0, index).unwrap().is_ok()
	}

	/// Another distributor takes these devices from reservation 0.
	fn take_over(&self, devices: &[u32]) -> AccountId {
		let other = account(&self.folder, &format!("other-{devices:?}")).id();
		self.scene.chain.edit(|world| {
			if let Some(standing) = world.reservations.get_mut(&(0, 0)) {
				standing.slots.retain(|slot| !devices.contains(&slot.device_index));
			}
			world.reservations.retain(|_, one| !one.slots.is_empty());
			let slots = devices.iter().map(|index| ReservedSlot { device_index: *index, lock: [7; 32] }).collect();
			let exclusive_until = world.number + OTHERS_WINDOW;
			let (reward, deposit) = (Amount(REWARD), Amount(1));
			let reservation = Reservation { distributor: other, reward, deposit, exclusive_until, slots };
			world.reservations.insert((0, 90 + devices[0]), reservation);
		});
		other
	}

	/// The other distributor is paid for these devices.
	fn pay(&self, other: AccountId, devices: &[u32]) {
		self.scene.chain.advance(1);
		self.scene.chain.edit(|world| {
			world.reservations.remove(&(0, 90 + devices[0]));
			world.paid.extend(devices.iter().map(|index| (0, *index)));
			let revealed =
				|index: &u32| Event::KeyRevealed { bounty: 0, device_index: *index, key: [8; 32], distributor: other };
			world.events.insert(world.number, devices.iter().map(revealed).collect());
		});
	}

	/// A settler whose claim of the receipts meets this fault.
	async fn claimed_with(receipts: std::ops::Range<usize>, fault: Fault) -> Self {
		let mut stage = Self::with_receipts(4, receipts).await;
		let mut settler = stage.settler(RULES);
		stage.round(&mut settler).await;
		stage.scene.chain.edit(|world| world.faults = vec![fault]);
		stage.round(&mut settler).await;
		assert_eq!(stage.sent(), 2);
		stage
	}
}

fn earned(devices: u32, transactions: u128) -> Earnings {
	Earnings { devices, earned: REWARD * u128::from(devices), fees: FEE * transactions, unknown: 0 }
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_should_be_reserved_and_claimed_in_one_batch() {
	let mut stage = Stage::with_receipts(5, 0..4).await;
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 1);
	assert!((0..4).all(|index| matches!(stage.progress(index), SessionStage::Reserved(_, 0))));
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 2);
	assert!((0..4).all(|index| stage.progress(index) == SessionStage::Revealed));
	assert_eq!(stage.earnings(), earned(4, 2));
	for index in 0..4 {
		let key = stage.shop.desk.key(0, index).unwrap().unwrap().key;
		assert_eq!(sp_crypto_hashing::sha2_256(&key), *stage.shop.store.session(0, index).unwrap().unwrap().lock());
	}
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 2);
	assert!(stage.troubles.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_should_wait_until_it_is_full_or_old_or_urgent() {
	let mut stage = Stage::with_receipts(5, 0..0).await;
	let mut settler = stage.settler(Rules { max_batch: 3, max_delay: Duration::from_secs(3_600), ..RULES });
	stage.round(&mut settler).await;
	stage.sign(0).await;
	stage.sign(1).await;
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 0);
	stage.sign(2).await;
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 1);

	let mut stage = Stage::with_receipts(5, 0..0).await;
	let mut settler = stage.settler(Rules { max_delay: Duration::from_millis(50), ..RULES });
	stage.round(&mut settler).await;
	stage.sign(0).await;
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 0);
	tokio::time::sleep(Duration::from_millis(60)).await;
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 1);

	let mut stage = Stage::with_receipts(5, 0..0).await;
	let mut settler = stage.settler(Rules { max_delay: Duration::from_secs(3_600), ..RULES });
	stage.round(&mut settler).await;
	stage.sign(0).await;
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 0);
	stage.scene.chain.advance(97);
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_from_before_a_start_should_not_wait_again() {
	let mut stage = Stage::with_receipts(5, 0..2).await;
	let mut settler = stage.settler(Rules { max_delay: Duration::from_secs(3_600), ..RULES });
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_should_be_filled_by_what_expires_first() {
	let stage = Stage::with_receipts(3, [2]).await;
	for later in [0, 1] {
		stage.scene.chain.advance(1);
		stage.sign(later).await;
	}
	let mut settler = stage.settler(Rules { max_batch: 1, ..RULES });
	for (sent, index) in [(1, 2), (2, 0), (3, 1)] {
		let state = Arc::new(stage.scene.chain.newest().await.unwrap());
		settler.settle(&state, |_, _| ()).await.unwrap();
		// One transaction of each kind at a time; claims follow reservations.
		while settler.is_busy() {
			settler.finish(|_, _| ()).await.unwrap();
		}
		let reserved = |index| !matches!(stage.progress(index), SessionStage::Signed(_));
		assert!(reserved(index), "device {index} after {sent} rounds");
		assert_eq!((0..3).filter(|index| reserved(*index)).count(), sent);
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn larger_batches_should_be_cut() {
	let mut stage = Stage::with_receipts(5, 0..5).await;
	let mut settler = stage.settler(Rules { max_batch: 2, ..RULES });
	for _ in 0..5 {
		stage.round(&mut settler).await;
	}
	assert_eq!(stage.earnings(), earned(5, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_between_any_two_steps_should_lose_nothing() {
	let mut stage = Stage::with_receipts(4, 0..3).await;
	for _ in 0..4 {
		// A new settler on the same store is like a restart.
		let mut settler = stage.settler(RULES);
		stage.round(&mut settler).await;
	}
	assert_eq!(stage.earnings(), earned(3, 2));
	assert_eq!(stage.sent(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_should_count_once_when_their_answers_are_lost() {
	let mut stage = Stage::with_receipts(4, 0..3).await;
	stage.scene.chain.edit(|world| world.faults = vec![Fault::AnswerLost, Fault::AnswerLost]);
	for _ in 0..5 {
		let mut settler = stage.settler(RULES);
		stage.round(&mut settler).await;
	}
	// The distributor never learnt their fees.
	assert_eq!(stage.earnings(), earned(3, 0));
	assert_eq!(stage.sent(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_should_be_sent_again_when_they_are_lost() {
	let mut stage = Stage::with_receipts(4, 0..3).await;
	stage.scene.chain.edit(|world| world.faults = vec![Fault::Lost]);
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	assert!(stage.troubles[&0].contains("lost the node"));
	// Not at once.
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 1);
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	stage.scene.chain.edit(|world| world.faults = vec![Fault::Lost]);
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	assert_eq!(stage.earnings(), earned(3, 2));
	assert_eq!(stage.sent(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn receipt_should_lapse_when_another_distributor_was_paid() {
	let mut stage = Stage::with_receipts(4, 0..3).await;
	stage.scene.chain.edit(|world| world.paid.insert((0, 1)));
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	stage.round(&mut settler).await;
	assert_eq!(stage.progress(1), SessionStage::Offered);
	assert_eq!(stage.earnings(), earned(2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_distributors_reservation_should_be_waited_for_and_replaced_when_it_lapses() {
	// Shorter than the receipt is valid for.
	const EXCLUSIVE: u32 = 20;
	let mut stage = Stage::with_receipts(4, [2]).await;
	let other = account(&stage.folder, "other").id();
	let exclusive_until = stage.scene.chain.edit(|world| {
		let reservation = Reservation {
			distributor: other,
			reward: Amount(REWARD),
			deposit: Amount(1),
			exclusive_until: world.number + EXCLUSIVE,
			slots: vec![ReservedSlot { device_index: 2, lock: [7; 32] }],
		};
		world.reservations.insert((0, 90), reservation);
		world.number + EXCLUSIVE
	});
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 0);
	assert!(matches!(stage.progress(2), SessionStage::Signed(_)));
	stage.scene.chain.advance(EXCLUSIVE);
	assert!(stage.scene.chain.edit(|world| world.number) >= exclusive_until);
	stage.round(&mut settler).await;
	stage.round(&mut settler).await;
	assert_eq!(stage.earnings(), earned(1, 2));
	assert!(stage.scene.chain.edit(|world| world.reservations.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_should_be_shown_when_the_reservation_was_taken_over() {
	let mut stage = Stage::with_receipts(4, 0..2).await;
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	stage.scene.chain.edit(|world| world.reservations.get_mut(&(0, 0)).unwrap().slots.retain(|slot| slot.device_index != 1));
	stage.round(&mut settler).await;
	assert_eq!(stage.progress(0), SessionStage::Revealed);
	assert_eq!(stage.progress(1), SessionStage::Offered);
	assert_eq!(stage.earnings(), earned(1, 2));
	let key = stage.shop.store.session(0, 1).unwrap().unwrap();
	assert!(key.revealed_key().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_should_lapse_when_they_expire_or_the_bounty_closes() {
	let mut stage = Stage::with_receipts(4, 0..2).await;
	stage.scene.chain.advance(200);
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 0);
	assert!((0..2).all(|index| stage.progress(index) == SessionStage::Offered));

	let mut stage = Stage::with_receipts(4, 0..2).await;
	stage.scene.chain.edit(|world| world.bounties.get_mut(&0).unwrap().closing = true);
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	assert!((0..2).all(|index| stage.progress(index) == SessionStage::Offered));

	let mut stage = Stage::with_receipts(4, 0..2).await;
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	stage.scene.chain.edit(|world| {
		world.bounties.clear();
		world.reservations.clear();
	});
	stage.round(&mut settler).await;
	assert!((0..2).all(|index| stage.progress(index) == SessionStage::Offered));
	assert_eq!(stage.sent(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn state_from_before_the_reservation_should_not_undo_it() {
	let mut stage = Stage::with_receipts(4, 0..2).await;
	let old = Arc::new(stage.scene.chain.newest().await.unwrap());
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	settler.settle(&old, |_, _| ()).await.unwrap();
	assert!((0..2).all(|index| matches!(stage.progress(index), SessionStage::Reserved(_, 0))));
	let store = Store::open(&stage.folder.path().join("other.redb"), &GENESIS, &[0; 32]).unwrap();
	assert!(store.unsettled().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_should_be_given_up_when_the_node_lags_behind_after_a_restart() {
	let mut stage = Stage::with_receipts(4, 0..2).await;
	let old = Arc::new(stage.scene.chain.newest().await.unwrap());
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	let mut settler = stage.settler(RULES);
	assert!(!settler.admits(&old).unwrap());
	settler.settle(&old, |_, _| ()).await.unwrap();
	assert!((0..2).all(|index| matches!(stage.progress(index), SessionStage::Reserved(_, 0))));

	stage.scene.chain.edit(|world| world.timestamp_ms = Some(Time::now().0 - 600_000));
	stage.scene.chain.advance(1);
	let number = stage.scene.chain.newest().await.unwrap().head().number;
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 1);
	assert!(stage.shop.store.handled().unwrap() < number);

	stage.scene.chain.edit(|world| world.timestamp_ms = None);
	stage.round(&mut settler).await;
	assert_eq!(stage.earnings(), earned(2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn reservation_should_be_claimed_when_its_receipts_were_sent_again_with_others() {
	let mut stage = Stage::with_receipts(4, 0..2).await;
	stage.scene.chain.edit(|world| world.faults = vec![Fault::AnswerLost]);
	let old = Arc::new(stage.scene.chain.newest().await.unwrap());
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	stage.sign(2).await;
	let mut settler = stage.settler(RULES);
	settler.settle(&old, |_, _| ()).await.unwrap();
	settler.finish(|_, _| ()).await.unwrap();
	assert!((0..2).all(|index| matches!(stage.progress(index), SessionStage::Signed(_))));
	assert!(matches!(stage.progress(2), SessionStage::Reserved(_, 1)));
	for _ in 0..3 {
		stage.round(&mut settler).await;
	}
	// The fee was in the lost answer.
	assert_eq!(stage.earnings(), earned(3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_should_be_shown_when_the_bounty_closes() {
	let mut stage = Stage::with_receipts(4, 0..2).await;
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	stage.scene.chain.edit(|world| world.bounties.get_mut(&0).unwrap().closing = true);
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 1);
	assert!((0..2).all(|index| stage.progress(index) == SessionStage::Offered));
	assert!(stage.shop.desk.key(0, 0).unwrap().is_err());
	assert!(stage.shop.store.unsettled().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn reservation_should_be_claimed_after_its_window_while_it_stands() {
	let mut stage = Stage::with_receipts(4, 0..2).await;
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	stage.scene.chain.advance(WINDOW + 5);
	let mut settler = stage.settler(Rules { claim_late: true, ..RULES });
	stage.round(&mut settler).await;
	assert_eq!(stage.earnings(), earned(2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn reservation_should_not_be_claimed_at_the_end_of_its_window() {
	for (left, claimed) in [(LAST_BLOCKS + 1, true), (LAST_BLOCKS, false), (0, false)] {
		let mut stage = Stage::with_receipts(4, 0..2).await;
		let mut settler = stage.settler(RULES);
		stage.round(&mut settler).await;
		stage.scene.chain.advance(WINDOW - left);
		for _ in 0..2 {
			stage.round(&mut settler).await;
		}
		assert_eq!(stage.earnings(), if claimed { earned(2, 2) } else { earned(0, 1) });
		assert_eq!((stage.is_public(0), stage.is_public(1)), (claimed, claimed));
		// The receipts are too old to be reserved again.
		assert!(claimed || stage.progress(0) == SessionStage::Offered);
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_should_be_reserved_again_when_they_were_not_claimed_in_time() {
	for expired in [false, true] {
		let mut stage = Stage::with_receipts(4, 0..2).await;
		let mut settler = stage.settler(RULES);
		stage.round(&mut settler).await;
		stage.scene.chain.edit(|world| {
			world.reservations.get_mut(&(0, 0)).unwrap().exclusive_until = world.number + LAST_BLOCKS;
		});
		// Nobody can take the devices yet.
		for _ in 0..2 {
			stage.round(&mut settler).await;
			assert!(matches!(stage.progress(0), SessionStage::Signed(_)));
		}
		assert_eq!(stage.sent(), 1);
		stage.scene.chain.advance(if expired { 200 } else { LAST_BLOCKS });
		// Not at once, because each attempt costs a deposit.
		stage.round(&mut settler).await;
		assert_eq!(stage.sent(), 1);
		let mut settler = stage.settler(RULES);
		stage.round(&mut settler).await;
		if expired {
			assert!((0..2).all(|index| stage.progress(index) == SessionStage::Offered));
			for index in 0..2 {
				stage.sign(index).await;
			}
			stage.round(&mut settler).await;
		}
		assert!((0..2).all(|index| matches!(stage.progress(index), SessionStage::Reserved(_, 1)) && !stage.is_public(index)));
		stage.round(&mut settler).await;
		assert_eq!(stage.earnings(), earned(2, 3));
		assert!(stage.scene.chain.edit(|world| world.reservations.is_empty()));
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn reservation_that_was_not_claimed_in_time_should_lapse_when_it_is_taken_over_or_the_bounty_ends() {
	for closing in [false, true] {
		let mut stage = Stage::with_receipts(4, 0..2).await;
		let mut settler = stage.settler(RULES);
		stage.round(&mut settler).await;
		stage.scene.chain.advance(WINDOW);
		stage.round(&mut settler).await;
		match closing {
			false => drop(stage.take_over(&[0, 1])),
			true => stage.scene.chain.edit(|world| world.bounties.get_mut(&0).unwrap().closing = true),
		}
		stage.round(&mut settler).await;
		assert!((0..2).all(|index| stage.progress(index) == SessionStage::Offered && !stage.is_public(index)));
		assert_eq!(stage.sent(), 1);
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_should_not_be_sent_when_blocks_are_further_than_the_state() {
	let mut stage = Stage::with_receipts(4, 0..2).await;
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	let state = Arc::new(stage.scene.chain.newest().await.unwrap());
	stage.scene.chain.advance(WINDOW - 2);
	settler.settle(&state, |_, _| ()).await.unwrap();
	settler.finish(|_, _| ()).await.unwrap();
	assert_eq!(stage.sent(), 1);
	assert!((0..2).all(|index| matches!(stage.progress(index), SessionStage::Reserved(_, 0)) && !stage.is_public(index)));
	// Nothing was sent, so there is nothing to wait for.
	assert!(stage.shop.store.claimed().unwrap().is_empty());
	stage.round(&mut settler).await;
	assert!((0..2).all(|index| matches!(stage.progress(index), SessionStage::Signed(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_that_was_not_sent_should_be_known_from_one_that_may_have_been() {
	let stage = Stage::claimed_with(0..2, Fault::Lost).await;
	let mut settler = stage.settler(RULES);
	let state = Arc::new(stage.scene.chain.newest().await.unwrap());
	stage.scene.chain.advance(WINDOW - 2);
	settler.settle(&state, |_, _| ()).await.unwrap();
	settler.finish(|_, _| ()).await.unwrap();
	// The first claim may be in a block.
	assert_eq!(stage.shop.store.claimed().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn reservation_should_be_claimed_after_its_window_when_nobody_else_can_reserve() {
	for expired in [false, true] {
		let mut stage = Stage::with_receipts(4, 0..2).await;
		let mut settler = stage.settler(RULES);
		stage.round(&mut settler).await;
		stage.scene.chain.advance(WINDOW + 5);
		stage.scene.chain.edit(|world| {
			let head = world.number;
			let bounty = world.bounties.get_mut(&0).unwrap();
			bounty.exclusive_until = head + 10;
			match expired {
				true => bounty.expires_at = head - 1,
				false => world.releases.get_mut(&0).unwrap().state = ReleaseState::Yanked,
			}
		});
		stage.round(&mut settler).await;
		assert_eq!(stage.earnings(), earned(2, 2));
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn reservation_should_not_be_claimed_when_its_bounty_can_be_closed() {
	let mut stage = Stage::with_receipts(4, 0..2).await;
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	stage.scene.chain.advance(WINDOW + 5);
	stage.scene.chain.edit(|world| {
		let head = world.number;
		let bounty = world.bounties.get_mut(&0).unwrap();
		(bounty.expires_at, bounty.exclusive_until) = (head - 1, head - 5);
	});
	for _ in 0..2 {
		stage.round(&mut settler).await;
	}
	assert_eq!(stage.earnings(), earned(0, 1));
	assert!((0..2).all(|index| stage.progress(index) == SessionStage::Offered && !stage.is_public(index)));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_distributors_pay_should_not_be_booked_when_the_end_of_a_claim_was_not_seen() {
	let mut stage = Stage::claimed_with(0..2, Fault::Lost).await;
	let other = stage.take_over(&[0, 1]);
	stage.pay(other, &[0, 1]);
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	// The claim can still get into a block.
	assert!((0..2).all(|index| matches!(stage.progress(index), SessionStage::Reserved(_, 0)) && !stage.is_public(index)));
	stage.scene.chain.advance(FORGOTTEN);
	stage.round(&mut settler).await;
	assert!((0..2).all(|index| stage.progress(index) == SessionStage::Offered && !stage.is_public(index)));
	assert_eq!(stage.earnings(), earned(0, 1));
	assert!(stage.shop.store.claimed().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn device_should_be_served_again_when_the_reservation_that_took_it_over_lapses() {
	let mut stage = Stage::claimed_with(0..1, Fault::Lost).await;
	stage.scene.chain.advance(WINDOW);
	stage.take_over(&[0]);
	stage.scene.chain.advance(FORGOTTEN);
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	assert_eq!(stage.progress(0), SessionStage::Offered);
	stage.shop.newest.send_replace(Some(Arc::new(stage.scene.chain.newest().await.unwrap())));
	stage.sign(0).await;
	for _ in 0..2 {
		stage.round(&mut settler).await;
	}
	assert_eq!(stage.earnings(), earned(1, 3));
	assert!(stage.is_public(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_in_a_block_should_be_public_and_only_this_distributors_pay_booked() {
	for other_is_paid in [false, true] {
		let mut stage = Stage::with_receipts(4, 0..3).await;
		let mut settler = stage.settler(RULES);
		stage.round(&mut settler).await;
		let state = Arc::new(stage.scene.chain.newest().await.unwrap());
		// The claim meets a reservation that lost a device.
		let other = stage.take_over(&[1]);
		stage.scene.chain.edit(|world| world.faults = vec![Fault::AnswerLost]);
		settler.settle(&state, |_, _| ()).await.unwrap();
		settler.finish(|_, _| ()).await.unwrap();
		if other_is_paid {
			stage.pay(other, &[1]);
		}
		let mut settler = stage.settler(RULES);
		stage.round(&mut settler).await;
		assert_eq!(stage.earnings(), earned(2, 1));
		assert!(stage.is_public(0) && stage.is_public(2) && !stage.is_public(1));
		stage.scene.chain.advance(FORGOTTEN);
		stage.round(&mut settler).await;
		assert!(stage.is_public(1));
		assert_eq!(stage.earnings(), earned(2, 1));
		assert!(stage.shop.store.claimed().unwrap().is_empty());
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn pay_should_be_unknown_only_where_the_state_does_not_tell_either() {
	let mut stage = Stage::claimed_with(0..2, Fault::Lost).await;
	stage.take_over(&[1]);
	let other = stage.take_over(&[0]);
	stage.pay(other, &[0]);
	stage.scene.chain.advance(FORGOTTEN);
	stage.scene.chain.edit(|world| world.pruned = world.number);
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	assert_eq!(stage.earnings(), Earnings { unknown: 1, ..earned(0, 1) });
	assert_eq!((stage.progress(0), stage.progress(1)), (SessionStage::Revealed, SessionStage::Offered));
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_should_be_forgotten_when_its_reservation_outlasts_it() {
	let mut stage = Stage::claimed_with(0..2, Fault::Lost).await;
	stage.scene.chain.advance(WINDOW);
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	assert!(stage.shop.store.claimed().unwrap().is_empty());
	assert!((0..2).all(|index| matches!(stage.progress(index), SessionStage::Signed(_)) && !stage.is_public(index)));
	// The chain's state shows who took the devices over, even if the blocks are gone.
	let other = stage.take_over(&[0, 1]);
	stage.pay(other, &[0, 1]);
	stage.scene.chain.edit(|world| world.pruned = world.number);
	stage.round(&mut settler).await;
	assert!((0..2).all(|index| stage.progress(index) == SessionStage::Offered));
	assert_eq!((stage.sent(), stage.earnings()), (2, earned(0, 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_should_lapse_and_reservations_be_claimed_when_the_release_is_yanked() {
	let mut stage = Stage::with_receipts(4, 0..2).await;
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	stage.sign(2).await;
	let receipt = stage.shop.receipt(&stage.scene, 0, 3).await.unwrap();
	stage.scene.chain.edit(|world| world.releases.get_mut(&0).unwrap().state = ReleaseState::Yanked);
	stage.round(&mut settler).await;
	assert_eq!((stage.sent(), stage.progress(2)), (2, SessionStage::Offered));
	assert_eq!(stage.earnings(), earned(2, 2));
	assert!(stage.troubles.is_empty());

	// A receipt that was signed before comes now.
	stage.shop.desk.receipt(&receipt).unwrap().unwrap();
	stage.round(&mut settler).await;
	assert_eq!((stage.sent(), stage.progress(3)), (2, SessionStage::Offered));
}

#[tokio::test(flavor = "multi_thread")]
async fn reservation_should_not_be_sent_again_when_the_release_was_yanked_before_it_was_in_a_block() {
	let mut stage = Stage::with_receipts(4, 0..2).await;
	let state = Arc::new(stage.scene.chain.newest().await.unwrap());
	stage.scene.chain.edit(|world| world.releases.get_mut(&0).unwrap().state = ReleaseState::Yanked);
	let mut settler = stage.settler(RULES);
	settler.settle(&state, |_, _| ()).await.unwrap();
	settler.finish(|_, _| ()).await.unwrap();
	assert_eq!(stage.sent(), 1);
	tokio::time::sleep(Duration::from_millis(3_100)).await;
	for _ in 0..2 {
		stage.round(&mut settler).await;
	}
	assert_eq!(stage.sent(), 1);
	assert!((0..2).all(|index| stage.progress(index) == SessionStage::Offered));
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_should_not_wait_when_a_reservation_failed() {
	let mut stage = Stage::with_receipts(4, [0]).await;
	stage.scene.chain.edit(|world| world.faults = vec![Fault::Lost]);
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	let mut another = stage.settler(RULES);
	stage.round(&mut another).await;
	assert_eq!((stage.sent(), matches!(stage.progress(0), SessionStage::Reserved(..))), (2, true));
	stage.sign(1).await;
	stage.round(&mut settler).await;
	assert_eq!(stage.earnings(), earned(1, 2));
	assert!(matches!(stage.progress(1), SessionStage::Signed(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_that_failed_should_wait_unless_its_window_ends() {
	let mut stage = Stage::with_receipts(4, 0..2).await;
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	stage.scene.chain.edit(|world| world.faults = vec![Fault::Lost; 2]);
	for _ in 0..3 {
		stage.round(&mut settler).await;
	}
	assert_eq!(stage.sent(), 2);
	stage.scene.chain.advance(WINDOW - RULES.late_margin);
	for sent in 3..=4 {
		stage.round(&mut settler).await;
		assert_eq!(stage.sent(), sent);
	}
	assert_eq!(stage.earnings(), earned(2, 2));

	let mut stage = Stage::with_receipts(4, 0..2).await;
	let mut settler = stage.settler(Rules { claim_late: true, ..RULES });
	stage.round(&mut settler).await;
	stage.scene.chain.edit(|world| world.faults = vec![Fault::Lost]);
	stage.scene.chain.advance(WINDOW);
	for _ in 0..2 {
		stage.round(&mut settler).await;
	}
	assert_eq!(stage.sent(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_should_carry_a_share_of_their_reward_as_a_tip() {
	for (percent, tip) in [(0, 0), (3, 3 * 4 * REWARD / 100)] {
		let mut stage = Stage::with_receipts(5, 0..4).await;
		let mut settler = stage.settler(Rules { claim_tip_percent: percent, ..RULES });
		for _ in 0..2 {
			stage.round(&mut settler).await;
		}
		assert_eq!(stage.scene.chain.edit(|world| world.tips.clone()), [Amount(tip)]);
		assert_eq!(stage.earnings(), Earnings { fees: 2 * FEE + tip, ..earned(4, 2) });
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_should_count_when_the_bounty_is_gone_before_its_end_is_seen() {
	for pruned in [false, true] {
		let mut stage = Stage::with_receipts(4, 0..2).await;
		let mut settler = stage.settler(RULES);
		stage.round(&mut settler).await;
		stage.scene.chain.edit(|world| world.faults = vec![Fault::AnswerLost]);
		let mut settler = stage.settler(RULES);
		stage.round(&mut settler).await;
		stage.scene.chain.advance(3);
		stage.scene.chain.edit(|world| {
			world.bounties.clear();
			world.reservations.clear();
			world.pruned = if pruned { world.number } else { 0 };
		});
		let mut settler = stage.settler(RULES);
		stage.round(&mut settler).await;
		let unknown = Earnings { devices: 0, earned: 0, fees: FEE, unknown: 2 };
		assert_eq!(stage.earnings(), if pruned { unknown } else { earned(2, 1) });
		assert!((0..2).all(|index| stage.progress(index) == SessionStage::Revealed));
	}
}
