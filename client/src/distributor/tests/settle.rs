use crate::{
	chain::types::Reservation,
	distributor::{
		now_ms,
		scene::{account, Scene, Shop, REWARD},
		settle::{Rules, Settler},
		store::{Earnings, Store},
	},
	keys::Account,
	ledger::{
		fake::{Fake, Fault, FEE, GENESIS, WINDOW},
		Ledger, State,
	},
	units::Amount,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tempfile::TempDir;
use waybill_exchange::Progress;
use waybill_primitives::Version;

const RULES: Rules =
	Rules { max_batch: 100, max_delay: Duration::ZERO, late_margin: 3, max_block_age: Duration::from_secs(120) };

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
		let shop = scene.shop(folder.path(), &payee, 0, &payload, 64).await;
		let stage = Self { folder, scene, payee, shop, troubles: BTreeMap::new() };
		for index in receipts {
			stage.sign(index).await;
		}
		stage
	}

	async fn sign(&self, index: usize) {
		let receipt = self.scene.receipt(&self.shop, 0, index).await.unwrap();
		self.shop.desk.receipt(&receipt).unwrap().unwrap();
	}

	fn settler(&self, rules: Rules) -> Settler<Fake> {
		Settler::new(self.scene.chain.clone(), self.payee.clone(), self.shop.store.clone(), rules)
	}

	/// Looks at the newest state, and waits for what that sets off.
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

	fn progress(&self, index: u32) -> Progress {
		self.shop.store.session(0, index).unwrap().unwrap().progress().clone()
	}

	fn earnings(&self) -> Earnings {
		self.shop.store.earnings().unwrap().first().map_or(Earnings::default(), |(_, earnings)| *earnings)
	}

	fn sent(&self) -> u32 {
		self.scene.chain.edit(|world| world.sent)
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
	assert!((0..4).all(|index| matches!(stage.progress(index), Progress::Reserved(_, 0))));
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 2);
	assert!((0..4).all(|index| stage.progress(index) == Progress::Revealed));
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
	let mut stage = Stage::with_receipts(5, 0..2).await;
	let mut settler = stage.settler(Rules { max_batch: 3, max_delay: Duration::from_secs(3_600), ..RULES });
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 0);
	stage.sign(2).await;
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 1);

	let mut stage = Stage::with_receipts(5, 0..2).await;
	let mut settler = stage.settler(Rules { max_delay: Duration::from_millis(50), ..RULES });
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 0);
	tokio::time::sleep(Duration::from_millis(60)).await;
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 1);

	let mut stage = Stage::with_receipts(5, 0..2).await;
	let mut settler = stage.settler(Rules { max_delay: Duration::from_secs(3_600), ..RULES });
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 0);
	stage.scene.chain.advance(97);
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 1);
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
		// A new settler on the same store is what a restart is.
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
	// Their fees were never told.
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
	assert_eq!(stage.progress(1), Progress::Offered);
	assert_eq!(stage.earnings(), earned(2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_distributors_reservation_should_be_waited_for_and_replaced_when_it_lapses() {
	let mut stage = Stage::with_receipts(4, [2]).await;
	let other = account(&stage.folder, "other").id();
	let exclusive_until = stage.scene.chain.edit(|world| {
		let reservation = Reservation {
			distributor: other,
			reward: Amount(REWARD),
			deposit: Amount(1),
			exclusive_until: world.number + WINDOW,
			slots: vec![(2, [7; 32])],
		};
		world.reservations.insert((0, 90), reservation);
		world.number + WINDOW
	});
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	assert_eq!(stage.sent(), 0);
	assert!(matches!(stage.progress(2), Progress::Signed(_)));
	stage.scene.chain.advance(WINDOW);
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
	stage.scene.chain.edit(|world| world.reservations.get_mut(&(0, 0)).unwrap().slots.retain(|slot| slot.0 != 1));
	stage.round(&mut settler).await;
	assert_eq!(stage.progress(0), Progress::Revealed);
	assert_eq!(stage.progress(1), Progress::Offered);
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
	assert!((0..2).all(|index| stage.progress(index) == Progress::Offered));

	let mut stage = Stage::with_receipts(4, 0..2).await;
	stage.scene.chain.edit(|world| world.bounties.get_mut(&0).unwrap().closing = true);
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	assert!((0..2).all(|index| stage.progress(index) == Progress::Offered));

	let mut stage = Stage::with_receipts(4, 0..2).await;
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	stage.scene.chain.edit(|world| {
		world.bounties.clear();
		world.reservations.clear();
	});
	stage.round(&mut settler).await;
	assert!((0..2).all(|index| stage.progress(index) == Progress::Offered));
	assert_eq!(stage.sent(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn state_from_before_the_reservation_should_not_undo_it() {
	let mut stage = Stage::with_receipts(4, 0..2).await;
	let old = Arc::new(stage.scene.chain.newest().await.unwrap());
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	settler.settle(&old, |_, _| ()).await.unwrap();
	assert!((0..2).all(|index| matches!(stage.progress(index), Progress::Reserved(_, 0))));
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
	assert!((0..2).all(|index| matches!(stage.progress(index), Progress::Reserved(_, 0))));

	stage.scene.chain.edit(|world| world.timestamp_ms = Some(now_ms() - 600_000));
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
	assert!((0..2).all(|index| matches!(stage.progress(index), Progress::Signed(_))));
	assert!(matches!(stage.progress(2), Progress::Reserved(_, 1)));
	for _ in 0..3 {
		stage.round(&mut settler).await;
	}
	// The fee of the lost answer was never told.
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
	assert!((0..2).all(|index| stage.progress(index) == Progress::Offered));
	assert!(stage.shop.desk.key(0, 0).unwrap().is_err());
	assert!(stage.shop.store.unsettled().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn reservation_should_be_claimed_after_its_window_while_it_stands() {
	let mut stage = Stage::with_receipts(4, 0..2).await;
	let mut settler = stage.settler(RULES);
	stage.round(&mut settler).await;
	stage.scene.chain.advance(WINDOW + 5);
	stage.round(&mut settler).await;
	assert_eq!(stage.earnings(), earned(2, 2));
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
		assert!((0..2).all(|index| stage.progress(index) == Progress::Revealed));
	}
}
