//! A vendor, a fleet, a chain and IPFS, for tests.

use super::{
	content::Served,
	desk::Desk,
	http::{router, Shared},
	settle::{Margins, Rules, Settler},
	status::About,
	store::Store,
	Config,
};
use crate::{
	device::view,
	ledger::fake::{Fake, GENESIS},
	manifest::Manifest,
};
use ed25519_dalek::{Signer, SigningKey};
use rand_core::{OsRng, TryRngCore};
use std::{path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use waybill_chain::{
	ledger::Ledger,
	types::{AccountId, Distributor, Hash, KeySetLink},
	Account, BlockTime,
};
use waybill_daemon::clock::Time;
use waybill_daemon::serve;
use waybill_exchange::{
	Ciphertext, ContentContext, DeviceExchange, Epoch, Installed, Policy, Profile, Proofs, Receipt, Rejection, TrustedKeys,
	Wanted,
};
use waybill_ipfs::ContentHasher;
use waybill_primitives::{
	BountyId, Cid, DeviceIndex, DeviceKey, Digest, KeySet, KeySetStatement, ReleaseId, ReleaseSignature, ReleaseStatement,
	Statement, Suite, Version,
};
use waybill_testkit::ipfs::Ipfs;
use waybill_zkcp::{ChunkDigests, Layout};

/// The reward for a device.
pub const REWARD: u128 = 1_000;
/// The model of all devices.
pub const MODEL: u64 = 3;
/// The block at which bounties end: later than any test that does not mean it gets to.
pub const EXPIRES_AT: u32 = 1_000_000;

/// A vendor's world: fleet 0 of so many devices of one model, on a chain of its own.
pub struct Scene {
	/// The chain.
	pub chain: Fake,
	/// The vendor's account.
	pub vendor: AccountId,
	/// The devices' keys.
	pub devices: Vec<SigningKey>,
	/// The fleet.
	pub manifest: Arc<Manifest>,
	/// Its CID.
	pub manifest_cid: Cid,
}

/// The one key of a version of the vendor's key set.
fn release_key(version: u32) -> SigningKey {
	let mut seed = [0xfe; 32];
	seed[..4].copy_from_slice(&version.to_le_bytes());
	SigningKey::from_bytes(&seed)
}

/// The vendor's key set of this version.
fn key_set(version: u32) -> KeySet {
	KeySet { threshold: 1, keys: vec![public(&release_key(version))].try_into().unwrap() }
}

/// An account with a name.
pub fn account(folder: &TempDir, name: &str) -> Account {
	Account::generate(&folder.path().join(name)).unwrap()
}

/// The signature of a version's key.
fn signature(version: u32, statement: &impl Statement) -> ReleaseSignature {
	ReleaseSignature::Ed25519(release_key(version).sign(&statement.signing_bytes(&GENESIS)).to_bytes())
}

fn public(key: &SigningKey) -> DeviceKey {
	DeviceKey::Ed25519(key.verifying_key().to_bytes())
}

impl Scene {
	/// A fleet without releases.
	pub fn new(devices: u8) -> Self {
		let devices: Vec<_> = (0..devices).map(|number| SigningKey::from_bytes(&[number + 1; 32])).collect();
		let manifest = Manifest::new(devices.iter().map(public).collect()).unwrap();
		let manifest_cid = Cid::raw(&manifest.encode());
		let chain = Fake::new();
		chain.fleet(0, MODEL, &manifest, manifest_cid);
		Self { chain, vendor: AccountId([0x56; 32]), devices, manifest: Arc::new(manifest), manifest_cid }
	}

	/// Puts what is in IPFS by now there.
	pub fn publish_manifest(&self, ipfs: &Ipfs) {
		assert_eq!(ipfs.add(&self.manifest.encode(), 1 << 20), self.manifest_cid);
	}

	/// The keys that sign releases at first.
	pub fn trusted_keys(&self) -> TrustedKeys {
		TrustedKeys { version: 1, key_set: key_set(1) }
	}

	/// The vendor's key set of this version as it follows the one before, for a vendor of this account.
	pub fn link(&self, vendor: AccountId, version: u32) -> KeySetLink {
		let statement = KeySetStatement { vendor: vendor.0, version, key_set: key_set(version) };
		let signed = |by: u32| vec![(0, signature(by, &statement))];
		let (old_signatures, new_signatures) = (signed(version - 1), signed(version));
		KeySetLink { version, key_set: statement.key_set.clone(), old_signatures, new_signatures }
	}

	/// Replaces the vendor's release keys.
	pub fn rotate(&self) {
		let version = self.chain.edit(|world| world.key_set_version()) + 1;
		self.chain.edit(|world| world.key_sets.insert(version, self.link(self.vendor, version)));
	}

	/// Lets the current keys sign a release, too.
	pub fn resign(&self, id: ReleaseId) {
		self.chain.edit(|world| {
			let version = world.key_set_version();
			let release = world.releases.get_mut(&id).unwrap();
			release.key_set_version = version;
			release.signatures = vec![(0, signature(version, &release.statement))];
		});
	}

	/// Publishes a release of these bytes, found available, and opens a bounty of the same number for it.
	pub fn release(&self, id: ReleaseId, version: Version, security_version: u32, payload: &[u8], cid: Cid) {
		self.release_under(Suite::Plain, id, version, security_version, payload, cid);
	}

	/// The same under this suite.
	pub fn release_under(
		&self,
		suite: Suite,
		id: ReleaseId,
		version: Version,
		security_version: u32,
		payload: &[u8],
		cid: Cid,
	) {
		let sha256 = sp_crypto_hashing::sha2_256(payload);
		let bytes = match suite {
			Suite::Plain => sha256,
			Suite::Zkcp => {
				let layout = Layout::new(payload.len() as u64).unwrap();
				ChunkDigests::of_payload(payload, layout, &mut waybill_zkcp::unwatched).unwrap().id()
			},
		};
		let statement = ReleaseStatement {
			model: MODEL,
			version,
			security_version,
			payload: cid,
			size: payload.len() as u64,
			sha256,
			digest: Digest { suite, bytes },
		};
		let signature = signature(self.chain.edit(|world| world.key_set_version()), &statement);
		self.chain.release(id, &self.vendor, statement, vec![(0, signature)]);
		self.chain.bounty(id, id, 0, REWARD, EXPIRES_AT);
	}

	/// A distributor that serves bounty `id` and whose ciphertext is at hand.
	pub async fn shop(&self, folder: &Path, account: &Account, id: BountyId, payload: &[u8], epoch_size: u32) -> Shop {
		self.shop_of(folder, account, id, epoch_size, |epoch| {
			let mut ciphertext = Vec::new();
			let mut encryptor = epoch.content_key().unwrap().encryptor(payload.len() as u64).unwrap();
			encryptor.update(payload, &mut ciphertext).unwrap();
			encryptor.finish(&mut ciphertext).unwrap();
			let published = described(&ciphertext, Cid::raw(&ciphertext));
			(ciphertext, published, None)
		})
		.await
	}

	/// The same, with a ciphertext and proofs that are made here.
	pub async fn shop_of(
		&self,
		folder: &Path,
		account: &Account,
		id: BountyId,
		epoch_size: u32,
		make: impl FnOnce(&Epoch) -> (Vec<u8>, Ciphertext, Option<Proofs>),
	) -> Shop {
		let store = Store::open(&folder.join("store.redb"), &GENESIS, &account.id().0).unwrap();
		let release = self.chain.edit(|world| world.releases[&id].clone());
		let bounty = self.chain.edit(|world| world.bounties[&id].clone());
		let context = ContentContext {
			genesis: GENESIS,
			bounty: id,
			distributor: account.id().0,
			digest: release.statement.digest,
			epoch: 0,
		};
		let mut rng = OsRng.unwrap_err();
		if store.epochs(id).unwrap().is_empty() {
			store.put_epoch(&Epoch::generate(&context, epoch_size, &mut rng)).unwrap();
		}
		let epoch = store.epochs(id).unwrap().pop().unwrap();
		let (ciphertext, published, proofs) = make(&epoch);
		store.publish(id, 0, published, proofs).unwrap();

		let (newest, following) = watch::channel(Some(Arc::new(self.chain.newest().await.unwrap())));
		let desk = Desk::new(&self.chain, &account.id(), store.clone(), following, 5);
		desk.book.put(Served { bounty, release, manifest: self.manifest.clone() });
		Shop { desk, store, newest, ciphertext }
	}

	/// A device's side of the exchange, with nothing installed.
	pub fn device(&self, index: usize) -> DeviceExchange {
		let profile = Profile {
			genesis: GENESIS,
			vendor: self.vendor.0,
			model: MODEL,
			keys: self.trusted_keys(),
			installed: Installed::default(),
		};
		let policy = Policy { accept_unproven: true, ..Policy::default() };
		DeviceExchange::new(profile, policy, public(&self.devices[index]))
	}

	/// Takes a device from the greeting to its signed receipt.
	pub async fn receipt(&self, shop: &Shop, id: BountyId, index: usize) -> Result<Receipt, Rejection> {
		let (mut device, key) = (self.device(index), &self.devices[index]);
		let invite = shop.desk.invite();
		let wanted = Wanted { distributor: invite.distributor, bounty: id };
		let hello = device.hello(key, &invite, wanted, &mut OsRng.unwrap_err()).unwrap();
		let offer = shop.desk.hello(&hello).await.unwrap()?;
		let now = Time::now().0;
		let view = || async {
			let state = self.chain.newest().await.unwrap();
			view::of(&state, GENESIS, id, id, index as DeviceIndex).await.unwrap()
		};
		device.offer(&offer, &view().await, now).unwrap();
		let mut check = device.ciphertext_check().unwrap();
		check.update(&shop.ciphertext).unwrap();
		device.ciphertext_complete(check).unwrap();
		Ok(device.sign_receipt(key, &view().await, Time::now().0).unwrap().persisted())
	}
}

/// How a ciphertext that IPFS has under this CID is offered.
pub fn described(ciphertext: &[u8], cid: Cid) -> Ciphertext {
	let mut hasher = ContentHasher::new();
	hasher.update(ciphertext);
	let content = hasher.finish();
	Ciphertext { cid, size: content.size, sha256: content.sha256 }
}

/// A distributor's desk and what is behind it.
pub struct Shop {
	/// The desk.
	pub desk: Desk<Fake>,
	/// Its store.
	pub store: Store,
	/// What the desk takes for the newest state.
	pub newest: watch::Sender<Option<Arc<<Fake as Ledger>::State>>>,
	/// The ciphertext.
	pub ciphertext: Vec<u8>,
}

/// A shop that serves devices and settles, for as long as this value lives.
pub struct Serving {
	_tasks: JoinSet<()>,
}

impl Shop {
	/// Serves devices as they come, announced on the chain.
	pub async fn serve(self, chain: &Fake, account: &Account) -> Serving {
		let Self { desk, store, newest, .. } = self;
		let about = About { account: account.id(), genesis: Hash(GENESIS), endpoint: None, started_ms: 0 };
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let endpoint = format!("http://{}", listener.local_addr().unwrap());
		chain.edit(|world| world.distributors.push(Distributor { account: account.id(), endpoint }));
		let mut tasks = JoinSet::new();
		tasks.spawn(serve(listener, router(Arc::new(Shared::new(desk, about))), 64, std::future::pending()));
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
