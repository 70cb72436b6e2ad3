use crate::shop::{config, Shop};
use rand_core::{OsRng, TryRngCore};
use std::{
	fs,
	os::unix::fs::PermissionsExt,
	path::{Path, PathBuf},
};
use tempfile::TempDir;
use waybill_chain::{Account, Amount};
use waybill_distributor::{open_store, restore_store, Claim, Earnings, Error, Store};
use waybill_exchange::{ContentContext, Epoch, Rejection, SessionStage};
use waybill_primitives::Version;
use waybill_testkit::{
	ledger::GENESIS,
	scene::{account, Scene, REWARD},
};

const PAGE: usize = 4_096;

/// A store in use, and what it must not lose.
struct Used {
	folder: TempDir,
	scene: Scene,
	payee: Account,
	shop: Shop,
}

impl Used {
	/// Device 0 is paid, device 1 has signed.
	async fn new() -> Self {
		let folder = tempfile::tempdir().unwrap();
		let (scene, payee, payload) = (Scene::new(4), account(&folder, "payee"), vec![9; 5_000]);
		scene.release(0, Version::new(1, 0, 0), 1, &payload, scene.manifest_cid);
		let shop = Shop::open(&scene, folder.path(), &payee, 0, &payload, 64).await;
		for index in 0..2 {
			let receipt = shop.receipt(&scene, 0, index).await.unwrap();
			shop.desk.receipt(&receipt).unwrap().unwrap();
		}
		let store = &shop.store;
		store.update(0, &[0], |session| session.reserved(5)).unwrap();
		store.begin_claim(0, 5, &Claim { reward: REWARD, devices: vec![0], first: 8, last: 8 }).unwrap();
		store.settle_claim(0, 5, |_| Some(waybill_distributor::Fate::Paid)).unwrap();
		Self { folder, scene, payee, shop }
	}

	fn file(&self) -> PathBuf {
		self.folder.path().join("store.redb")
	}

	fn open(&self, data: &Path) -> Result<Store, Error> {
		open_store(data, &GENESIS, &self.payee.id().0)
	}
}

fn store_in(data: &Path) -> PathBuf {
	data.join("distributor.redb")
}

/// The stores that were set aside.
fn kept(data: &Path) -> Vec<PathBuf> {
	let names = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
	names.filter(|path| path.to_string_lossy().contains(".before-")).collect()
}

/// Devices 0 and 1 as [`Used::new`] leaves them, and what the bounty brought.
fn is_whole(store: &Store) -> bool {
	let stage = |index| store.session(0, index).unwrap().map(|session| session.progress().clone());
	let earned = Earnings { devices: 1, earned: REWARD, fees: 0, unknown: 0 };
	stage(0) == Some(SessionStage::Revealed)
		&& matches!(stage(1), Some(SessionStage::Signed(_)))
		&& store.unsettled().unwrap() == [0]
		&& store.earnings().unwrap() == [(0, earned)]
		&& store.epochs(0).unwrap().len() == 1
}

/// Takes a content key as a distributor does once it has to serve again.
fn draw(store: &Store, like: &ContentContext) -> u32 {
	let epoch = store.next_epoch(0).unwrap();
	store.put_epoch(&Epoch::generate(&ContentContext { epoch, ..like.clone() }, 64, &mut OsRng.unwrap_err())).unwrap();
	epoch
}

#[tokio::test(flavor = "multi_thread")]
async fn store_should_be_usable_whatever_page_is_damaged() {
	let used = Used::new().await;
	let context = used.shop.store.epochs(0).unwrap().pop().unwrap().context();
	let file = used.file();
	let Used { folder, scene: _scene, payee, shop } = used;
	// Once as a power cut leaves it, and once closed in good order.
	let cut = fs::read(&file).unwrap();
	drop(shop);
	for (case, bytes) in [("cut", cut), ("closed", fs::read(&file).unwrap())] {
		damage_each_page(&folder.path().join(case), &bytes, &payee, &context);
	}
}

fn damage_each_page(folder: &Path, bytes: &[u8], payee: &Account, context: &ContentContext) {
	fs::create_dir(folder).unwrap();
	let (mut whole, mut replaced, mut kept_keys) = (0, 0, 0);
	let used: Vec<usize> =
		(0..bytes.len() / PAGE).filter(|page| bytes[page * PAGE..][..PAGE].iter().any(|b| *b != 0)).collect();
	for page in used.iter().copied() {
		let data = folder.join(format!("page-{page}"));
		fs::create_dir(&data).unwrap();
		let mut damaged = bytes.to_vec();
		damaged[page * PAGE..(page + 1) * PAGE].fill(0x5a);
		fs::write(store_in(&data), damaged).unwrap();
		let store = open_store(&data, &GENESIS, &payee.id().0).unwrap();
		match kept(&data).as_slice() {
			[] => assert!(is_whole(&store), "page {page}: nothing is lost unless the store was replaced"),
			[_] => {
				replaced += 1;
				kept_keys += u32::from(store.unsettled().unwrap() == [0]);
				assert!(store.epochs(0).unwrap().iter().all(|epoch| epoch.left() == 0), "page {page}");
			},
			more => panic!("page {page}: {more:?}"),
		}
		whole += u32::from(is_whole(&store));
		// It takes what comes.
		assert_ne!(draw(&store, context), context.epoch, "page {page}");
		store.add_fee(0, Amount(1)).unwrap();
		drop(store);
		// Once is enough.
		let before = kept(&data).len();
		drop(open_store(&data, &GENESIS, &payee.id().0).unwrap());
		assert_eq!(kept(&data).len(), before, "page {page}");
		fs::remove_dir_all(&data).unwrap();
	}
	println!(
		"{}: {} pages, {replaced} stores replaced, {kept_keys} with the receipt, {whole} whole",
		folder.display(),
		used.len()
	);
	assert!(replaced > 0 && kept_keys * 3 > replaced, "of {replaced} stores, {kept_keys} kept the receipt");
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_is_no_store_should_be_set_aside() {
	let used = Used::new().await;
	let whole = fs::read(used.file()).unwrap();
	for (name, bytes) in [("zeros", vec![0; 10_000]), ("short", whole[..whole.len() / 2].to_vec()), ("text", b"x".to_vec())]
	{
		let data = used.folder.path().join(name);
		fs::create_dir(&data).unwrap();
		fs::write(store_in(&data), &bytes).unwrap();
		let store = used.open(&data).unwrap();
		assert!(store.bounties().unwrap().is_empty());
		assert_eq!(fs::read(kept(&data).pop().unwrap()).unwrap(), bytes, "{name}");
	}
	// A file that a power cut left empty holds nothing to keep.
	let data = used.folder.path().join("empty");
	fs::create_dir(&data).unwrap();
	fs::write(store_in(&data), []).unwrap();
	let store = used.open(&data).unwrap();
	let context = used.shop.store.epochs(0).unwrap().pop().unwrap().context();
	assert_ne!(draw(&store, &context), context.epoch);
}

#[tokio::test(flavor = "multi_thread")]
async fn older_copy_should_issue_no_lock_twice() {
	let used = Used::new().await;
	let Used { folder, scene, payee, shop } = used;
	let (data, copy) = (config(folder.path()).data, folder.path().join("copy"));
	drop(shop);
	let file = folder.path().join("store.redb");
	fs::copy(&file, &copy).unwrap();
	// As a backup should be.
	fs::set_permissions(&copy, fs::Permissions::from_mode(0o400)).unwrap();
	// Device 2 gets a lock, and then the disk is lost.
	let shop = Shop::open(&scene, folder.path(), &payee, 0, &[9; 5_000], 64).await;
	shop.receipt(&scene, 0, 2).await.unwrap();
	let (left, context) = shop.store.epochs(0).unwrap().pop().map(|epoch| (epoch.left(), epoch.context())).unwrap();
	assert_eq!(left, 61);
	drop(shop);

	let bytes = fs::read(&copy).unwrap();
	let restored = restore_store(&data, &copy).unwrap();
	assert_eq!(fs::read(&copy).unwrap(), bytes, "a copy is only read");
	assert!(restored.from_before.is_none() && restored.kept.is_none());
	assert_eq!((restored.from_copy.exchanges, restored.from_copy.content_keys), (2, 1));
	assert!(!restored.from_copy.is_partial && restored.from_copy.damaged == 0);

	let store = open_store(&data, &GENESIS, &payee.id().0).unwrap();
	assert!(is_whole(&store));
	let refused = store.begin(0, 3, |_| Err(Rejection::OutOfOrder)).unwrap();
	assert_eq!(refused.unwrap_err(), Rejection::EpochFull, "the old content key serves nobody any more");
	assert!(draw(&store, &context) > 1 << 20, "nor does its number come again");
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_should_add_what_the_store_has_lost() {
	let used = Used::new().await;
	let copy = used.folder.path().join("copy");
	let Used { folder, payee, shop, scene: _scene } = used;
	let context = shop.store.epochs(0).unwrap().pop().unwrap().context();
	drop(shop);
	fs::copy(folder.path().join("store.redb"), &copy).unwrap();

	// A distributor that had to begin anew.
	let data = config(folder.path()).data;
	fs::create_dir(&data).unwrap();
	let store = open_store(&data, &GENESIS, &payee.id().0).unwrap();
	let drawn = draw(&store, &context);
	store.add_fee(7, Amount(3)).unwrap();
	let error = restore_store(&data, &copy).unwrap_err();
	assert!(matches!(error, Error::StoreInUse(_)), "{error}");
	drop(store);

	let restored = restore_store(&data, &copy).unwrap();
	assert_eq!(kept(&data), [restored.kept.unwrap()]);
	assert_eq!(restored.from_before.unwrap().content_keys, 1);
	let store = open_store(&data, &GENESIS, &payee.id().0).unwrap();
	assert!(matches!(store.session(0, 1).unwrap().unwrap().progress(), SessionStage::Signed(_)));
	let numbers: Vec<_> = store.epochs(0).unwrap().iter().map(|epoch| epoch.context().epoch).collect();
	assert_eq!(numbers, [0, drawn]);
	assert_eq!(store.earnings().unwrap().len(), 2);
	assert!(store.next_epoch(0).unwrap() > drawn);
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_of_another_account_or_of_no_store_should_be_refused() {
	let used = Used::new().await;
	let data = used.folder.path().join("data");
	let text = used.folder.path().join("text");
	fs::write(&text, "no store").unwrap();
	let error = restore_store(&data, &text).unwrap_err();
	assert!(matches!(error, Error::DamagedCopy(_)), "{error}");
	drop(open_store(&data, &GENESIS, &[9; 32]).unwrap());
	let copy = used.folder.path().join("copy");
	let file = used.file();
	drop(used.shop);
	fs::copy(file, &copy).unwrap();
	let error = restore_store(&data, &copy).unwrap_err();
	assert!(matches!(error, Error::ForeignStore(_)), "{error}");
	let owned = data.join("distributor.redb.new");
	fs::copy(&copy, &owned).unwrap();
	let error = restore_store(&data, &owned).unwrap_err();
	assert!(matches!(error, Error::CopyInPlace(_)) && owned.exists(), "{error}");
	fs::remove_file(owned).unwrap();
	assert!(restore_store(&data, &used.folder.path().join("nothing")).unwrap_err().to_string().contains("nothing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn power_cut_while_the_store_is_replaced_should_lose_nothing() {
	let used = Used::new().await;
	let Used { folder, payee, shop, scene: _scene } = used;
	drop(shop);
	let whole = folder.path().join("store.redb");
	let new = |data: &Path| data.join("distributor.redb.new");
	// Before the store before was set aside, with the new one half written.
	let data = folder.path().join("early");
	fs::create_dir(&data).unwrap();
	fs::copy(&whole, store_in(&data)).unwrap();
	fs::write(new(&data), [0; 100]).unwrap();
	let store = open_store(&data, &GENESIS, &payee.id().0).unwrap();
	assert!(is_whole(&store) && !new(&data).exists());
	assert_eq!(store.epochs(0).unwrap().pop().unwrap().left(), 0, "nobody knows why it was to be replaced");
	// After that.
	let data = folder.path().join("late");
	fs::create_dir(&data).unwrap();
	fs::copy(&whole, new(&data)).unwrap();
	let store = open_store(&data, &GENESIS, &payee.id().0).unwrap();
	assert!(is_whole(&store) && !new(&data).exists() && kept(&data).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_that_was_settled_since_the_copy_should_not_count_again() {
	let used = Used::new().await;
	let store = &used.shop.store;
	store.update(0, &[1], |session| session.reserved(6)).unwrap();
	store.begin_claim(0, 6, &Claim { reward: REWARD, devices: vec![1], first: 9, last: 9 }).unwrap();
	let copy = used.folder.path().join("copy");
	fs::copy(used.file(), &copy).unwrap();
	store.settle_claim(0, 6, |_| Some(waybill_distributor::Fate::Paid)).unwrap();
	store.handle(70).unwrap();
	let (data, file) = (config(used.folder.path()).data, used.file());
	fs::create_dir(&data).unwrap();
	let Used { payee, shop, folder: _folder, .. } = used;
	drop(shop);
	fs::rename(file, store_in(&data)).unwrap();
	restore_store(&data, &copy).unwrap();
	let store = open_store(&data, &GENESIS, &payee.id().0).unwrap();
	assert!(store.claimed().unwrap().is_empty());
	assert_eq!(store.earnings().unwrap()[0].1.devices, 2);
	assert_eq!(store.handled().unwrap(), 70, "older states stay refused");
}
