use crate::shop::Shop;
use std::sync::Arc;
use tempfile::TempDir;
use waybill_chain::Ledger;
use waybill_exchange::{Rejection, SessionStage};
use waybill_primitives::{view::ReleaseState, Version};
use waybill_testkit::scene::{account, Scene, EXPIRES_AT};

fn scene(devices: u8) -> (TempDir, Scene, Vec<u8>) {
	let (folder, scene, payload) = (tempfile::tempdir().unwrap(), Scene::new(devices), vec![9; 5_000]);
	scene.release(0, Version::new(1, 0, 0), 1, &payload, scene.manifest_cid);
	(folder, scene, payload)
}

#[tokio::test(flavor = "multi_thread")]
async fn device_should_get_the_same_lock_when_it_asks_again() {
	let (folder, scene, payload) = scene(2);
	let shop = Shop::open(&scene, folder.path(), &account(&folder, "payee"), 0, &payload, 64).await;
	let first = shop.receipt(&scene, 0, 1).await.unwrap();
	let second = shop.receipt(&scene, 0, 1).await.unwrap();
	assert_eq!(first.lock, second.lock);
	assert_eq!(shop.store.epochs(0).unwrap().pop().unwrap().left(), 63);
	assert_eq!(shop.desk.receipt(&first).unwrap(), Ok(()));
	assert_eq!(shop.desk.receipt(&first).unwrap(), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn next_content_key_should_be_asked_for_when_one_has_served_all_its_devices() {
	let (folder, scene, payload) = scene(3);
	let shop = Shop::open(&scene, folder.path(), &account(&folder, "payee"), 0, &payload, 2).await;
	for index in 0..2 {
		shop.receipt(&scene, 0, index).await.unwrap();
	}
	shop.desk.key_ran_out().await;
	assert_eq!(shop.receipt(&scene, 0, 2).await, Err(Rejection::EpochFull));
	shop.desk.key_ran_out().await;
	// A device that has an offer is still served.
	shop.receipt(&scene, 0, 0).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_settled_devices_should_be_rejected() {
	let (folder, scene, payload) = scene(2);
	let payee = account(&folder, "payee");
	let shop = Shop::open(&scene, folder.path(), &payee, 0, &payload, 64).await;
	let refresh = || async {
		shop.newest.send_replace(Some(Arc::new(scene.chain.newest().await.unwrap())));
	};
	let other = Scene::new(20);
	other.release(0, Version::new(1, 0, 0), 1, &payload, scene.manifest_cid);
	assert_eq!(shop.receipt(&other, 0, 15).await, Err(Rejection::NotInFleet));
	assert_eq!(shop.receipt(&scene, 7, 1).await, Err(Rejection::NotServed));
	scene.chain.edit(|world| world.paid.insert((0, 1)));
	refresh().await;
	assert_eq!(shop.receipt(&scene, 0, 1).await, Err(Rejection::AlreadyPaid));

	let served = shop.desk.book().get(0).unwrap();
	let mut yanked = (*served).clone();
	yanked.release.state = ReleaseState::Yanked;
	shop.desk.book().put(yanked);
	assert_eq!(shop.receipt(&scene, 0, 0).await, Err(Rejection::ReleaseYanked));
	shop.desk.book().put((*served).clone());
	scene.chain.advance(EXPIRES_AT);
	refresh().await;
	assert_eq!(shop.receipt(&scene, 0, 0).await, Err(Rejection::BountyNotOpen));
	assert!(shop.store.counts().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn receipt_should_not_be_taken_when_it_is_forged_or_too_short() {
	let (folder, scene, payload) = scene(2);
	let shop = Shop::open(&scene, folder.path(), &account(&folder, "payee"), 0, &payload, 64).await;
	let receipt = shop.receipt(&scene, 0, 0).await.unwrap();
	let forged = |change: fn(&mut waybill_exchange::Receipt)| {
		let mut forged = receipt.clone();
		change(&mut forged);
		shop.desk.receipt(&forged).unwrap()
	};
	assert_eq!(forged(|receipt| receipt.valid_until += 1), Err(Rejection::BadSignature));
	assert_eq!(forged(|receipt| receipt.lock = [1; 32]), Err(Rejection::WrongOffer));
	assert_eq!(forged(|receipt| receipt.device_index = 1), Err(Rejection::WrongOffer));
	scene.chain.advance(receipt.valid_until - 5);
	shop.newest.send_replace(Some(Arc::new(scene.chain.newest().await.unwrap())));
	assert_eq!(shop.desk.receipt(&receipt).unwrap(), Err(Rejection::ReceiptTooShort));
	assert_eq!(shop.store.session(0, 0).unwrap().unwrap().progress(), &SessionStage::Offered);
	assert_eq!(shop.desk.key(0, 0).unwrap(), Err(Rejection::NotRevealed));
}
