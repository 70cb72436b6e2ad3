use crate::shop::Shop;
use waybill_chain::Amount;
use waybill_distributor::{Claim, Counts, Earnings, Error, Fate, Store};
use waybill_exchange::{Rejection, Session, SessionStage};
use waybill_primitives::Version;
use waybill_testkit::{
	ledger::GENESIS,
	scene::{account, Scene, REWARD},
};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_should_be_lost_when_the_store_is_opened_again() {
	let folder = tempfile::tempdir().unwrap();
	let (scene, payee, payload) = (Scene::new(3), account(&folder, "payee"), vec![9; 5_000]);
	scene.release(0, Version::new(1, 0, 0), 1, &payload, scene.manifest_cid);
	let (lock, receipt) = {
		let shop = Shop::open(&scene, folder.path(), &payee, 0, &payload, 64).await;
		let receipt = shop.receipt(&scene, 0, 1).await.unwrap();
		assert_eq!(shop.desk.receipt(&receipt).unwrap(), Ok(()));
		(*shop.store.session(0, 1).unwrap().unwrap().lock(), receipt)
	};
	let store = Store::open(&folder.path().join("store.redb"), &GENESIS, &payee.id().0).unwrap();
	let session = store.session(0, 1).unwrap().unwrap();
	assert_eq!(*session.lock(), lock);
	assert_eq!(session.progress(), &SessionStage::Signed(receipt));
	assert_eq!(store.unsettled().unwrap(), [0]);
	assert_eq!(store.bounties().unwrap(), [0]);
	let epoch = store.epochs(0).unwrap().pop().unwrap();
	assert_eq!(epoch.left(), 63);
	assert!(epoch.ciphertext().is_some());
	assert!(store.session(0, 0).unwrap().is_none() && store.session(1, 1).unwrap().is_none());
}

#[test]
fn store_should_be_one_accounts_on_one_chain_in_one_process() {
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("store.redb");
	let store = Store::open(&path, &GENESIS, &[1; 32]).unwrap();
	let error = Store::open(&path, &GENESIS, &[1; 32]).unwrap_err();
	assert!(matches!(error, Error::StoreInUse(_)) && error.to_string().contains("another distributor"), "{error}");
	drop(store);
	for (genesis, payee) in [([0; 32], [1; 32]), (GENESIS, [2; 32])] {
		let error = Store::open(&path, &genesis, &payee).unwrap_err();
		assert!(matches!(error, Error::ForeignStore(_)) && error.to_string().contains("another account"), "{error}");
	}
	Store::open(&path, &GENESIS, &[1; 32]).unwrap();
}

#[test]
fn file_that_is_no_store_should_be_an_error() {
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("store.redb");
	std::fs::write(&path, [7; 10_000]).unwrap();
	assert!(matches!(Store::open(&path, &GENESIS, &[1; 32]), Err(Error::Damaged)));
	assert!(matches!(Store::open(folder.path(), &GENESIS, &[1; 32]), Err(Error::Disk(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_should_be_counted_once() {
	let folder = tempfile::tempdir().unwrap();
	let (scene, payee, payload) = (Scene::new(3), account(&folder, "payee"), vec![9; 100]);
	scene.release(0, Version::new(1, 0, 0), 1, &payload, scene.manifest_cid);
	let shop = Shop::open(&scene, folder.path(), &payee, 0, &payload, 64).await;
	for index in 0..3 {
		let receipt = shop.receipt(&scene, 0, index).await.unwrap();
		shop.desk.receipt(&receipt).unwrap().unwrap();
	}
	let store = &shop.store;
	store.update(0, &[0, 1, 2], |session| session.reserved(5)).unwrap();
	let claim = Claim { reward: REWARD, devices: vec![0, 1, 2], first: 8, last: 8 };
	store.begin_claim(0, 5, &claim).unwrap();
	store.begin_claim(0, 5, &Claim { first: 9, last: 9, ..claim.clone() }).unwrap();
	assert_eq!(store.claims(0).unwrap(), [(5, Claim { last: 9, ..claim })]);
	assert_eq!(store.claimed().unwrap(), [0]);
	let fate = |index| Some(if index == 1 { Fate::Shown } else { Fate::Paid });
	assert_eq!(store.settle_claim(0, 5, fate).unwrap(), Some(Amount(2 * REWARD)));
	assert_eq!(store.settle_claim(0, 5, fate).unwrap(), None);
	store.add_fee(0, Amount(3)).unwrap();
	assert_eq!(store.earnings().unwrap(), [(0, Earnings { devices: 2, earned: 2 * REWARD, fees: 3, unknown: 0 })]);
	// The third key was shown, too, although it was not paid.
	assert!((0..3).all(|index| store.session(0, index).unwrap().unwrap().revealed_key().is_ok()));
	assert!(store.unsettled().unwrap().is_empty() && store.claims(0).unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_should_stay_until_the_fate_of_each_device_is_certain() {
	let folder = tempfile::tempdir().unwrap();
	let (scene, payee, payload) = (Scene::new(4), account(&folder, "payee"), vec![9; 100]);
	scene.release(0, Version::new(1, 0, 0), 1, &payload, scene.manifest_cid);
	let shop = Shop::open(&scene, folder.path(), &payee, 0, &payload, 64).await;
	for index in 0..4 {
		let receipt = shop.receipt(&scene, 0, index).await.unwrap();
		shop.desk.receipt(&receipt).unwrap().unwrap();
	}
	let store = &shop.store;
	let progress = |index| store.session(0, index).unwrap().unwrap().progress().clone();
	store.update(0, &[0, 1, 2, 3], |session| session.reserved(5)).unwrap();
	let claim = Claim { reward: REWARD, devices: vec![0, 1, 2, 3], first: 8, last: 9 };
	store.begin_claim(0, 5, &claim).unwrap();
	let paid = store.settle_claim(0, 5, |index| (index == 0).then_some(Fate::Paid)).unwrap();
	assert_eq!(paid, Some(Amount(REWARD)));
	assert!(matches!(progress(1), SessionStage::Reserved(_, 5)));
	// Sent again for one device, the claim keeps the others.
	store.begin_claim(0, 5, &Claim { devices: vec![3], first: 30, last: 31, ..claim.clone() }).unwrap();
	assert_eq!(store.claims(0).unwrap(), [(5, Claim { devices: vec![3, 1, 2], first: 8, last: 31, ..claim })]);
	let rest = |index| Some([Fate::Lapsed, Fate::Unknown, Fate::Paid][index as usize - 1]);
	assert_eq!(store.settle_claim(0, 5, rest).unwrap(), Some(Amount(REWARD)));
	assert_eq!(
		(1..4).map(progress).collect::<Vec<_>>(),
		[SessionStage::Offered, SessionStage::Revealed, SessionStage::Revealed]
	);
	assert_eq!(store.earnings().unwrap(), [(0, Earnings { devices: 2, earned: 2 * REWARD, fees: 0, unknown: 1 })]);
	assert!(store.claims(0).unwrap().is_empty() && store.unsettled().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn exchange_should_stay_as_it_is_when_a_step_is_out_of_order() {
	let folder = tempfile::tempdir().unwrap();
	let (scene, payee, payload) = (Scene::new(1), account(&folder, "payee"), vec![9; 100]);
	scene.release(0, Version::new(1, 0, 0), 1, &payload, scene.manifest_cid);
	let shop = Shop::open(&scene, folder.path(), &payee, 0, &payload, 64).await;
	shop.receipt(&scene, 0, 0).await.unwrap();
	shop.store.update(0, &[0, 77], Session::revealed).unwrap();
	assert_eq!(shop.store.session(0, 0).unwrap().unwrap().progress(), &SessionStage::Offered);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_should_be_written_when_a_request_is_rejected_or_comes_again() {
	let folder = tempfile::tempdir().unwrap();
	let (scene, payee, payload) = (Scene::new(3), account(&folder, "payee"), vec![9; 100]);
	scene.release(0, Version::new(1, 0, 0), 1, &payload, scene.manifest_cid);
	let shop = Shop::open(&scene, folder.path(), &payee, 0, &payload, 1).await;
	let receipt = shop.receipt(&scene, 0, 0).await.unwrap();
	shop.desk.receipt(&receipt).unwrap().unwrap();
	let file = || std::fs::read(folder.path().join("store.redb")).unwrap();
	let before = file();
	let mut forged = receipt.clone();
	forged.valid_until += 1;
	assert_eq!(shop.desk.receipt(&forged).unwrap(), Err(Rejection::BadSignature));
	forged.device_index = 2;
	assert_eq!(shop.desk.receipt(&forged).unwrap(), Err(Rejection::WrongOffer));
	assert_eq!(shop.desk.receipt(&receipt).unwrap(), Ok(()));
	assert_eq!(shop.receipt(&scene, 0, 1).await, Err(Rejection::EpochFull));
	let begun = shop.store.begin(0, 0, |_| Err(Rejection::NotReady)).unwrap();
	assert!(begun.is_err());
	assert!(before == file());
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_exchange_should_not_be_begun() {
	let folder = tempfile::tempdir().unwrap();
	let (scene, payee, payload) = (Scene::new(3), account(&folder, "payee"), vec![9; 100]);
	scene.release(0, Version::new(1, 0, 0), 1, &payload, scene.manifest_cid);
	let shop = Shop::open(&scene, folder.path(), &payee, 0, &payload, 4).await;
	let file = || std::fs::read(folder.path().join("store.redb")).unwrap();
	let before = file();
	assert_eq!(shop.store.begin(0, 0, |_| Err(Rejection::AlreadyPaid)).unwrap().err(), Some(Rejection::AlreadyPaid));
	assert!(before == file());
	shop.receipt(&scene, 0, 0).await.unwrap();
	assert_eq!(shop.store.epochs(0).unwrap().pop().unwrap().left(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn retired_bounty_should_keep_public_keys_for_a_while_and_never_get_a_content_key_again() {
	let folder = tempfile::tempdir().unwrap();
	let (scene, payee, payload) = (Scene::new(3), account(&folder, "payee"), vec![9; 100]);
	scene.release(0, Version::new(1, 0, 0), 1, &payload, scene.manifest_cid);
	let shop = Shop::open(&scene, folder.path(), &payee, 0, &payload, 64).await;
	for index in 0..3 {
		let receipt = shop.receipt(&scene, 0, index).await.unwrap();
		if index < 2 {
			shop.desk.receipt(&receipt).unwrap().unwrap();
		}
	}
	let store = &shop.store;
	store.update(0, &[0], |session| session.reserved(5)).unwrap();
	assert_eq!(store.counts().unwrap(), [(0, Counts { offered: 1, signed: 1, reserved: 1, revealed: 0 })]);
	assert_eq!(store.unsettled_sessions(0).unwrap().len(), 2);
	store.update(0, &[0], Session::revealed).unwrap();
	store.update(0, &[1], Session::lapsed).unwrap();
	assert_eq!(store.counts().unwrap(), [(0, Counts { offered: 2, signed: 0, reserved: 0, revealed: 1 })]);
	assert!(store.unsettled().unwrap().is_empty() && store.unsettled_sessions(0).unwrap().is_empty());

	let epoch = store.epochs(0).unwrap().pop().unwrap();
	assert!(matches!(store.put_epoch(&epoch), Err(Error::SpentKey { bounty: 0, epoch: 0 })));
	store.retire(0, 70).unwrap();
	assert!(store.epochs(0).unwrap().is_empty());
	assert_eq!(store.counts().unwrap(), [(0, Counts { revealed: 1, ..Counts::default() })]);
	store.prune(69).unwrap();
	assert!(shop.desk.key(0, 0).unwrap().is_ok());
	for _ in 0..2 {
		store.prune(70).unwrap();
		assert!(store.session(0, 0).unwrap().is_none() && store.counts().unwrap().is_empty());
	}
	assert!(matches!(store.put_epoch(&epoch), Err(Error::SpentKey { bounty: 0, epoch: 0 })));
}

#[test]
fn newest_block_that_was_acted_on_should_not_be_lost_or_fall() {
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("store.redb");
	let open = || Store::open(&path, &GENESIS, &[1; 32]).unwrap();
	assert_eq!(open().handled().unwrap(), 0);
	open().handle(9).unwrap();
	open().handle(7).unwrap();
	assert_eq!(open().handled().unwrap(), 9);
}
