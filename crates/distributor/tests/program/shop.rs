//! A distributor for tests, in a world of `waybill_testkit`.
//!
//! The device's tests include this file, too, so it uses nothing from the tests beside it.
#![allow(dead_code)] // Not every program needs all of it.

use rand_core::{OsRng, TryRngCore};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use waybill_chain::{
	exchange_view::chain_view,
	ledger::Ledger,
	types::{Distributor, Hash},
	Account, BlockTime,
};
use waybill_daemon::{clock::Time, serve};
use waybill_distributor::{router, About, Config, Desk, Insight, Margins, Reporter, Rules, Served, Settler, Store};
use waybill_exchange::{Ciphertext, ContentContext, Epoch, Proofs, Receipt, Rejection, Wanted};
use waybill_primitives::{BountyId, Cid, DeviceIndex};
use waybill_testkit::{
	ledger::{Fake, GENESIS},
	scene::{described, Scene},
};

/// A distributor's desk with its store and ciphertext.
pub struct Shop {
	/// The desk.
	pub desk: Desk<Fake>,
	/// Its store.
	pub store: Store,
	/// Sets the desk's newest state.
	pub newest: watch::Sender<Option<Arc<<Fake as Ledger>::State>>>,
	/// The ciphertext.
	pub ciphertext: Vec<u8>,
}

/// A shop that serves devices and settles, for as long as this value lives.
pub struct Serving {
	_tasks: JoinSet<()>,
}

impl Shop {
	/// A distributor that serves bounty `id` of a scene, with its ciphertext at hand.
	pub async fn open(
		scene: &Scene,
		folder: &Path,
		account: &Account,
		id: BountyId,
		payload: &[u8],
		epoch_size: u32,
	) -> Self {
		Self::open_with(scene, folder, account, id, epoch_size, |epoch| {
			let mut ciphertext = Vec::new();
			let mut encryptor = epoch.content_key().unwrap().encryptor(payload.len() as u64).unwrap();
			encryptor.update(payload, &mut ciphertext).unwrap();
			encryptor.finish(&mut ciphertext).unwrap();
			let published = described(&ciphertext, Cid::raw(&ciphertext));
			(ciphertext, published, None)
		})
		.await
	}

	/// Like the function above, with a ciphertext and proofs from `make`.
	pub async fn open_with(
		scene: &Scene,
		folder: &Path,
		account: &Account,
		id: BountyId,
		epoch_size: u32,
		make: impl FnOnce(&Epoch) -> (Vec<u8>, Ciphertext, Option<Proofs>),
	) -> Self {
		let store = Store::open(&folder.join("store.redb"), &GENESIS, &account.id().0).unwrap();
		let release = scene.chain.edit(|world| world.releases[&id].clone());
		let bounty = scene.chain.edit(|world| world.bounties[&id].clone());
		let context = ContentContext {
			genesis: GENESIS,
			bounty: id,
			distributor: account.id().0,
			digest: release.statement.digest,
			epoch: 0,
		};
		if store.epochs(id).unwrap().is_empty() {
			store.put_epoch(&Epoch::generate(&context, epoch_size, &mut OsRng.unwrap_err())).unwrap();
		}
		let epoch = store.epochs(id).unwrap().pop().unwrap();
		let (ciphertext, published, proofs) = make(&epoch);
		store.publish(id, 0, published, proofs).unwrap();

		let (newest, following) = watch::channel(Some(Arc::new(scene.chain.newest().await.unwrap())));
		let desk = Desk::new(GENESIS, &account.id(), store.clone(), following, 5);
		desk.book().put(Served { bounty, release, manifest: scene.manifest.clone() });
		Self { desk, store, newest, ciphertext }
	}

	/// Takes a device of a scene from the greeting to its signed receipt.
	pub async fn receipt(&self, scene: &Scene, id: BountyId, index: usize) -> Result<Receipt, Rejection> {
		let (mut device, key) = (scene.device(index), &scene.devices[index]);
		let invite = self.desk.invite();
		let wanted = Wanted { distributor: invite.distributor, bounty: id };
		let hello = device.hello(key, &invite, wanted, &mut OsRng.unwrap_err()).unwrap();
		let offer = self.desk.hello(&hello).await.unwrap()?;
		let now = Time::now().0;
		let view = || async {
			let state = scene.chain.newest().await.unwrap();
			chain_view(&state, GENESIS, id, id, index as DeviceIndex).await.unwrap()
		};
		device.offer(&offer, &view().await, now).unwrap();
		let mut check = device.ciphertext_check().unwrap();
		check.update(&self.ciphertext).unwrap();
		device.ciphertext_complete(check).unwrap();
		Ok(device.sign_receipt(key, &view().await, Time::now().0).unwrap().persisted())
	}

	/// Serves devices as they come, announced on the chain.
	pub async fn serve(self, chain: &Fake, account: &Account) -> Serving {
		let Self { desk, store, newest, .. } = self;
		let about = About { account: account.id(), genesis: Hash(GENESIS), endpoint: None, started_ms: 0 };
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let endpoint = format!("http://{}", listener.local_addr().unwrap());
		chain.edit(|world| world.distributors.push(Distributor { account: account.id(), endpoint: endpoint.into() }));
		let mut tasks = JoinSet::new();
		let insight = Arc::new(Insight::new(about, Reporter::default()));
		tasks.spawn(serve(listener, router(Arc::new(desk), insight), 64, std::future::pending()));
		let rules = Rules {
			margins: Margins::new(BlockTime::DEFAULT),
			max_batch: 100,
			max_delay: Duration::ZERO,
			late_margin: 6,
			claim_late: false,
			claim_tip_percent: 1,
			max_block_age: Duration::from_secs(120),
		};
		let mut settler = Settler::new(chain.clone(), account.clone(), store, rules);
		let chain = chain.clone();
		tasks.spawn(async move {
			loop {
				tokio::time::sleep(Duration::from_millis(50)).await;
				let state = Arc::new(chain.newest().await.unwrap());
				newest.send_replace(Some(state.clone()));
				settler.settle(&state, |_, _| ()).await.unwrap();
				while settler.is_busy() {
					settler.finish(|_, _| ()).await.unwrap();
				}
			}
		});
		Serving { _tasks: tasks }
	}
}

/// A configuration for tests: a free port, no waiting.
pub fn config(folder: &Path) -> Config {
	Config { listen: ([127, 0, 0, 1], 0).into(), data: folder.join("data"), max_delay: 0, ..Config::default() }
}
