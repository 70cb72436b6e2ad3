//! The device against a running distributor, over HTTP, with IPFS over HTTP and a chain in memory.

mod crowd;
mod field;
mod freshness;
mod overtaken;
mod proved;
#[path = "../../../distributor/tests/program/shop.rs"]
mod shop;
mod trust;

use crate::{Agent, Config, Error, Event, Home, Identity, Order, Outcome, Place, Result, StoredKeySet};
use axum::{
	body::Bytes,
	http::StatusCode,
	routing::{get, post},
	Router,
};
use rand_core::{OsRng, TryRngCore};
use shop::{config, Shop};
use std::{
	fs,
	net::SocketAddr,
	os::unix::fs::{symlink, PermissionsExt},
	path::{Path, PathBuf},
	sync::{
		atomic::{AtomicUsize, Ordering},
		Arc, Mutex,
	},
	time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
	net::TcpListener,
	sync::oneshot,
	task::JoinHandle,
	time::{sleep, timeout},
};
use waybill_chain::{
	ledger::Ledger,
	types::{AccountId, Distributor, Hash},
	Account,
};
use waybill_daemon::{clock::Time, Listening};
use waybill_exchange::{Ciphertext, ContentContext, Epoch, Hello, Message, Offer, Stage};
use waybill_ipfs_http::{Gateway, Kubo};
use waybill_keys::write_secret;
use waybill_primitives::{view::ReleaseState, Cid, DeviceKey, UpdateOutcome, Version};
use waybill_testkit::{
	ipfs::{Ipfs, Trick},
	ledger::{Fake, GENESIS},
	scene::{account, Scene, EXPIRES_AT, MODEL, REWARD},
};

const BLOCK_TIME: Duration = Duration::from_millis(50);
/// Only a test that hangs takes this long.
const LIMIT: Duration = Duration::from_secs(180);
/// For how many blocks a receipt can be reserved: more than pass by themselves during a test.
const LIFETIME: u32 = 100_000;

/// A fleet, IPFS, and a chain that makes blocks by itself.
struct Field {
	folder: TempDir,
	scene: Scene,
	ipfs: Ipfs,
	ticker: JoinHandle<()>,
}

/// The events that a device reported.
type Heard = Arc<Mutex<Vec<Event>>>;

impl Drop for Field {
	fn drop(&mut self) {
		self.ticker.abort();
	}
}

/// The configuration of a device that takes releases without proofs, as most tests publish them.
fn lenient() -> Config {
	Config { accept_unproven: true, ..Config::default() }
}

fn payload(seed: u8) -> Vec<u8> {
	(0..700_000u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8 ^ seed).collect()
}

impl Field {
	async fn new(devices: u8) -> Self {
		let (folder, scene, ipfs) = (tempfile::tempdir().unwrap(), Scene::new(devices), Ipfs::start().await);
		scene.publish_manifest(&ipfs);
		let chain = scene.chain.clone();
		let ticker = tokio::spawn(async move {
			loop {
				sleep(BLOCK_TIME).await;
				chain.advance(1);
			}
		});
		Self { folder, scene, ipfs, ticker }
	}

	/// Publishes a release and opens its bounty.
	fn release(&self, id: u64, security_version: u32) -> Vec<u8> {
		let payload = payload(id as u8);
		let cid = self.ipfs.add(&payload, 262_144);
		self.scene.release(id, Version::new(1, 0, id as u32), security_version, &payload, cid);
		payload
	}

	fn path(&self, name: &str) -> PathBuf {
		self.folder.path().join(name)
	}

	/// Writes a program that a device can run.
	fn program(&self, name: &str, text: &str) -> PathBuf {
		let path = self.path(name);
		let _ = fs::remove_file(&path);
		fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
		fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
		path
	}

	/// Makes a device's state folder.
	fn provision(&self, index: usize) -> PathBuf {
		let path = self.path(&format!("device-{index}"));
		fs::create_dir(&path).unwrap();
		let secret = format!("waybill-ed25519-secret:{}", hex::encode(self.scene.devices[index].to_bytes()));
		write_secret(&path.join("device.key"), &secret).unwrap();
		let trusted = self.scene.trusted_keys();
		let identity = Identity {
			genesis: Hash(GENESIS),
			vendor: self.scene.vendor,
			model: MODEL,
			place: Some(Place { fleet: 0, index: index as u32 }),
			factory: Default::default(),
			key_set: StoredKeySet::new(trusted.version, &trusted.key_set),
		};
		identity.save(&path).unwrap();
		path
	}

	fn agent(&self, path: &Path, config: &Config) -> Result<(Agent<Fake>, Heard)> {
		let events = Arc::new(Mutex::new(Vec::new()));
		let heard = events.clone();
		let gateway = Gateway::new(&[self.ipfs.url()])?;
		let config = Config { receipt_lifetime: LIFETIME, private_addresses: true, ..config.clone() };
		let tell = Box::new(move |event: &Event| heard.lock().unwrap().push(event.clone()));
		Ok((Agent::new(self.scene.chain.clone(), Home::open(path)?, gateway, &config, tell)?, events))
	}

	/// Runs a device until it is up to date.
	async fn update(&self, path: &Path) -> Vec<Event> {
		let (mut agent, events) = self.agent(path, &lenient()).unwrap();
		timeout(LIMIT, agent.run(true)).await.unwrap_or_else(|_| panic!("{}", agent.obstacle())).unwrap();
		let events = events.lock().unwrap().clone();
		events
	}

	/// Cuts a device's power after every step until it is up to date. Returns its events of each
	/// step.
	async fn update_by_steps(&self, path: &Path) -> Vec<Vec<Event>> {
		let mut steps = Vec::new();
		timeout(LIMIT, async {
			loop {
				// A new agent on the same folder for every step. The decrypted image is lost with
				// the old one.
				let (mut agent, events) = self.agent(path, &lenient()).unwrap();
				let state = self.scene.chain.newest().await.unwrap();
				match agent.step(&state).await {
					Ok(Outcome::UpToDate) => break,
					Ok(Outcome::Again) if matches!(agent.context.exchange.stage(), Stage::Ready(_)) => {
						// The last step needs the image that the one before it has decrypted.
						let state = self.scene.chain.newest().await.unwrap();
						assert_eq!(agent.step(&state).await.unwrap(), Outcome::Again);
					},
					Ok(_) => {},
					Err(error) => assert!(!error.is_local(), "{error}"),
				}
				steps.push(events.lock().unwrap().clone());
				sleep(Duration::from_millis(20)).await;
			}
		})
		.await
		.unwrap();
		steps
	}

	/// Runs a device until a distributor has its receipt, then cuts its power.
	async fn acknowledge(&self, path: &Path) {
		let (mut agent, events) = self.agent(path, &lenient()).unwrap();
		timeout(LIMIT, async {
			while !events.lock().unwrap().iter().any(|event| matches!(event, Event::Acknowledged { .. })) {
				let state = self.scene.chain.newest().await.unwrap();
				if !matches!(agent.step(&state).await, Ok(Outcome::Again)) {
					sleep(BLOCK_TIME).await;
				}
			}
		})
		.await
		.unwrap_or_else(|_| panic!("{}", agent.obstacle()));
	}

	/// Starts a distributor and announces it.
	async fn distributor(&self, payee: &Account, change: impl FnOnce(&mut waybill_distributor::Config)) -> Running {
		let mut config = config(&self.path(&payee.id().to_string()));
		change(&mut config);
		let parts = waybill_distributor::Parts {
			ledger: self.scene.chain.clone(),
			account: payee.clone(),
			gateway: Gateway::new(&[self.ipfs.url()]).unwrap(),
			kubo: Kubo::new(&[self.ipfs.url()]).unwrap(),
			config,
			reporter: waybill_distributor::Reporter::default(),
		};
		let (tell, told) = oneshot::channel();
		let (stop, stopped) = oneshot::channel::<()>();
		let task = tokio::spawn(async move {
			let stopped = async {
				let _ = stopped.await;
			};
			waybill_distributor::run(parts, |address| tell.send(address).unwrap(), stopped).await
		});
		let Listening { listen: address, status } = told.await.unwrap();
		let one = Distributor { account: payee.id(), endpoint: format!("http://{address}").into() };
		self.scene.chain.edit(|world| {
			world.distributors.retain(|known| known.account != one.account);
			world.distributors.push(one);
		});
		Running { task, stop, address, status: status.unwrap() }
	}

	fn paid(&self) -> usize {
		self.scene.chain.edit(|world| world.paid.len())
	}
}

/// A distributor that runs.
struct Running {
	task: JoinHandle<waybill_distributor::Result<()>>,
	stop: oneshot::Sender<()>,
	address: SocketAddr,
	/// Where operators ask.
	status: SocketAddr,
}

impl Running {
	/// Waits until its status meets the condition.
	async fn shows(&self, is_like: impl Fn(&waybill_distributor::Status) -> bool) {
		let url = format!("http://{}/status", self.status);
		let shows = || async {
			let status: waybill_distributor::Status = reqwest::get(&url).await.unwrap().json().await.unwrap();
			is_like(&status)
		};
		timeout(LIMIT, async { while !shows().await {} }).await.unwrap();
	}

	/// Waits until it serves a bounty.
	async fn serves(&self) {
		self.shows(|status| status.bounties.iter().any(|bounty| bounty.serving)).await;
	}

	/// Waits until it says why it does not serve this bounty.
	async fn refuses(&self, id: u64, why: &str) {
		let is_why = |trouble: &Option<String>| trouble.as_ref().is_some_and(|trouble| trouble.contains(why));
		self.shows(|status| {
			status.bounties.iter().any(|bounty| bounty.bounty == id && !bounty.serving && is_why(&bounty.trouble))
		})
		.await;
	}

	async fn stop(self) {
		let _ = self.stop.send(());
		self.task.await.unwrap().unwrap();
	}
}

/// The address that a distributor announced.
fn address_of(distributor: &Distributor) -> String {
	waybill_chain::types::text(&distributor.endpoint)
}

/// A distributor that offers bounty 0, takes receipts and never claims.
struct Idler {
	task: JoinHandle<()>,
	one: Distributor,
	ciphertext: Vec<u8>,
	/// How often devices greeted it, and asked it for a key.
	hellos: Arc<AtomicUsize>,
	keys: Arc<AtomicUsize>,
}

impl Drop for Idler {
	fn drop(&mut self) {
		self.task.abort();
	}
}

impl Idler {
	/// Starts one that is not announced. Its offers can be changed, or be of another ciphertext.
	async fn start(field: &Field, payee: &Account, change: fn(&mut Offer), other: Option<Ciphertext>) -> Self {
		let folder = field.path(&format!("idler-{}", payee.id()));
		fs::create_dir(&folder).unwrap();
		let shop = Shop::open(&field.scene, &folder, payee, 0, &payload(0), 64).await;
		if let Some(other) = other {
			let digest = field.scene.chain.edit(|world| world.bounties[&0].digest);
			let context = ContentContext { genesis: GENESIS, bounty: 0, distributor: payee.id().0, digest, epoch: 1 };
			let mut epoch = Epoch::generate(&context, 64, &mut OsRng.unwrap_err());
			epoch.publish(other, None);
			shop.store.put_epoch(&epoch).unwrap();
		}
		let (desk, ciphertext) = (Arc::new(shop.desk), shop.ciphertext);
		let (hellos, keys) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
		let inviting = desk.clone();
		let invite = move || std::future::ready(inviting.invite().to_cbor());
		let greeted = hellos.clone();
		let hello = move |hello: Bytes| {
			let desk = desk.clone();
			greeted.fetch_add(1, Ordering::Relaxed);
			async move {
				let mut offer = desk.hello(&Hello::from_cbor(&hello).unwrap()).await.unwrap().unwrap();
				change(&mut offer);
				offer.to_cbor()
			}
		};
		let asked = keys.clone();
		let key = move || {
			asked.fetch_add(1, Ordering::Relaxed);
			std::future::ready(StatusCode::NOT_FOUND)
		};
		let routes = Router::new()
			.route("/exchange/v1/invite", get(invite))
			.route("/exchange/v1/hello", post(hello))
			.route("/exchange/v1/receipt", post(|| std::future::ready(StatusCode::NO_CONTENT)))
			.route("/exchange/v1/key/{bounty}/{index}", get(key));
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let one = Distributor { account: payee.id(), endpoint: format!("http://{}", listener.local_addr().unwrap()).into() };
		let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
		Self { task, one, ciphertext, hellos, keys }
	}

	/// Starts one whose ciphertext can be had, and announces it.
	async fn announced(field: &Field) -> Self {
		let idler = Self::start(field, &account(&field.folder, "idler"), |_| (), None).await;
		field.ipfs.put(waybill_primitives::Codec::Raw, idler.ciphertext.clone());
		idler.announce(field);
		idler
	}

	fn announce(&self, field: &Field) {
		field.scene.chain.edit(|world| world.distributors.push(self.one.clone()));
	}
}

fn image(path: &Path) -> Vec<u8> {
	fs::read(path.join("current/firmware.bin")).unwrap()
}

async fn until(mut done: impl FnMut() -> bool) {
	timeout(LIMIT, async {
		while !done() {
			sleep(Duration::from_millis(10)).await;
		}
	})
	.await
	.unwrap();
}

/// Runs a device until it says this.
async fn until_hindered(agent: &mut Agent<Fake>, words: &str) {
	timeout(LIMIT, async {
		while !agent.obstacle().contains(words) {
			assert!(timeout(Duration::from_millis(200), agent.run(false)).await.is_err(), "{}", agent.obstacle());
		}
	})
	.await
	.unwrap_or_else(|_| panic!("{}", agent.obstacle()));
}

/// Runs a device for at least this time and until it says why there is no update. The device must
/// not end.
async fn hindered(agent: &mut Agent<Fake>, time: Duration, once: bool) {
	timeout(LIMIT, async {
		while agent.context.reporter.obstacle().is_none() {
			assert!(timeout(time, agent.run(once)).await.is_err());
		}
	})
	.await
	.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_should_update_twice_from_two_distributors() {
	let field = Field::new(6).await;
	let payees = [account(&field.folder, "one"), account(&field.folder, "two")];
	let running = [field.distributor(&payees[0], |_| ()).await, field.distributor(&payees[1], |_| ()).await];
	let paths: Vec<_> = (0..6).map(|index| field.provision(index)).collect();
	let mut images = Vec::new();
	for id in 0..2 {
		images.push(field.release(id, 1));
		futures::future::join_all(paths.iter().map(|path| field.update(path))).await;
		for path in &paths {
			assert_eq!(image(path), images[id as usize]);
			let home = Home::read(path).unwrap();
			assert_eq!(home.firmware().unwrap().unwrap().release, id);
			assert!(fs::read_dir(path.join("ciphertexts")).unwrap().next().is_none());
		}
	}
	assert_eq!(fs::read(paths[0].join("slots/a/firmware.bin")).unwrap(), images[0]);
	assert_eq!(field.paid(), 12);
	for path in &paths {
		let events = field.update(path).await;
		assert!(matches!(&events[..], [Event::UpToDate { installed: Some(one) }] if one.release == 1));
	}
	for running in running {
		running.stop().await;
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn update_should_carry_on_when_the_power_fails_after_any_step() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	let steps = field.update_by_steps(&path).await.len();
	assert!(steps >= 5, "{steps}");
	assert_eq!(image(&path), image_bytes);
	assert_eq!(field.paid(), 1);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn device_should_turn_to_another_when_the_distributor_disappears_with_the_receipt() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	let (gone, other) = (account(&field.folder, "gone"), account(&field.folder, "other"));
	let running = field.distributor(&gone, |config| config.max_delay = 3_600).await;
	let path = field.provision(0);
	let (mut agent, events) = field.agent(&path, &lenient()).unwrap();
	let update = tokio::spawn(async move { agent.run(true).await });
	until(|| events.lock().unwrap().iter().any(|event| matches!(event, Event::Acknowledged { .. }))).await;
	running.stop().await;
	field.scene.chain.advance(LIFETIME + 1);
	let running = field.distributor(&other, |_| ()).await;
	timeout(LIMIT, update).await.unwrap().unwrap().unwrap();
	let events = events.lock().unwrap().clone();
	let signed = |payee: &Account| {
		let id = payee.id().to_string();
		events.iter().filter(|event| matches!(event, Event::Signed { distributor, .. } if *distributor == id)).count()
	};
	assert_eq!((signed(&gone), signed(&other)), (1, 1), "{events:?}");
	assert!(events
		.iter()
		.any(|event| matches!(event, Event::Lapsed { distributor, .. } if *distributor == gone.id().to_string())));
	assert_eq!(image(&path), image_bytes);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn device_should_find_its_key_when_it_was_away_and_events_and_distributor_are_gone() {
	for pruned in [false, true] {
		let field = Field::new(1).await;
		let image_bytes = field.release(0, 1);
		let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
		let path = field.provision(0);
		field.acknowledge(&path).await;
		until(|| field.paid() == 1).await;
		running.stop().await;
		field.scene.chain.advance(600);
		field.scene.chain.edit(|world| {
			world.pruned = if pruned { world.number } else { 0 };
			world.distributors.clear();
		});
		let events = field.update(&path).await;
		assert!(events.iter().any(|event| matches!(event, Event::Revealed { block: Some(_), .. })), "{events:?}");
		assert_eq!(image(&path), image_bytes);
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn device_should_find_its_key_when_the_bounty_is_over() {
	for (closing, known_by) in [(true, "blocks"), (false, "blocks"), (true, "distributor"), (false, "distributor")] {
		let field = Field::new(1).await;
		let image_bytes = field.release(0, 1);
		let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
		let path = field.provision(0);
		field.acknowledge(&path).await;
		let url = format!("http://{}/exchange/v1/key/0/0", running.address);
		let tells_key = || async { reqwest::get(&url).await.unwrap().status() == StatusCode::OK };
		timeout(LIMIT, async { while !tells_key().await {} }).await.unwrap();
		field.scene.chain.edit(|world| match closing {
			true => world.bounties.get_mut(&0).unwrap().closing = true,
			false => world.bounties.clear(),
		});
		let running = match known_by {
			"blocks" => {
				running.stop().await;
				None
			},
			_ => {
				field.scene.chain.edit(|world| {
					world.events.clear();
					world.bodies.clear();
				});
				Some(running)
			},
		};
		let events = field.update(&path).await;
		let from_block =
			|event: &Event| matches!(event, Event::Revealed { block, .. } if block.is_some() == running.is_none());
		assert!(events.iter().any(from_block), "{events:?}");
		assert_eq!(image(&path), image_bytes);
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn key_should_be_asked_for_more_and_more_rarely_when_nobody_has_it() {
	for gone in [false, true] {
		let field = Field::new(1).await;
		field.release(0, 1);
		let idler = Idler::announced(&field).await;
		let path = field.provision(0);
		field.acknowledge(&path).await;
		// Either paid for through another distributor, whose key is of no use here, or never paid
		// for.
		field.scene.chain.edit(|world| match gone {
			true => world.bounties.clear(),
			false => assert!(world.paid.insert((0, 0))),
		});
		let (mut agent, _) = field.agent(&path, &lenient()).unwrap();
		let asked = || idler.keys.load(Ordering::Relaxed);
		let over = || Home::read(&path).unwrap().memory().unwrap().over.len();
		let started = Instant::now();
		// With pauses of at least 2 s, 4 s, 8 s and so on.
		let most = || 1 + (1 + started.elapsed().as_secs() / 2).ilog2() as usize;
		tokio::select! {
			ended = agent.run(false) => panic!("{ended:?}"),
			() = async {
				until(|| asked() > 0 && over() == usize::from(gone)).await;
				let first = asked();
				assert!(first <= most(), "{first}");
				sleep(Duration::from_secs(3)).await;
				let then = asked();
				assert!(if gone { then == first } else { then <= most() }, "{first} {then}");
			} => {},
		}
		assert_eq!(agent.context.home.memory().unwrap().over.len(), usize::from(gone));
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn round_should_go_on_when_an_offer_is_for_another_release_or_bounty() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	let changes: [fn(&mut Offer); 2] = [|offer| offer.release_id = 77, |offer| offer.bounty = 77];
	let mut idlers = Vec::new();
	for (number, change) in changes.into_iter().enumerate() {
		let idler = Idler::start(&field, &account(&field.folder, &number.to_string()), change, None).await;
		idler.announce(&field);
		idlers.push(idler);
	}
	let path = field.provision(0);
	let (mut agent, events) = field.agent(&path, &lenient()).unwrap();
	let state = field.scene.chain.newest().await.unwrap();
	assert_eq!(agent.step(&state).await.unwrap(), Outcome::Wait);
	assert!(idlers.iter().all(|idler| idler.hellos.load(Ordering::Relaxed) == 1));
	assert!(agent.obstacle().contains("another bounty or release"), "{}", agent.obstacle());
	assert!(events.lock().unwrap().is_empty());
	drop(agent);
	let running = field.distributor(&account(&field.folder, "honest"), |_| ()).await;
	field.update(&path).await;
	assert_eq!(image(&path), image_bytes);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn distributor_should_be_left_alone_when_its_ciphertext_cannot_be_had() {
	let field = Field::new(1).await;
	field.release(0, 1);
	let idler = Idler::start(&field, &account(&field.folder, "idler"), |_| (), None).await;
	let path = field.provision(0);
	// The device knows only its address.
	let config = Config { distributors: vec![address_of(&idler.one)], ..lenient() };
	let (mut agent, _) = field.agent(&path, &config).unwrap();
	let gateway = std::mem::replace(&mut agent.context.gateway, Gateway::new(&["http://127.0.0.1:1"]).unwrap());
	let state = field.scene.chain.newest().await.unwrap();
	assert_eq!(agent.context.peers.ranked(&[], |_| false).len(), 1);
	assert_eq!(agent.step(&state).await.unwrap(), Outcome::Again);
	assert_eq!(agent.context.peers.ranked(&[], |_| false).len(), 1);
	// A gateway that is away is not the distributor's fault.
	let state = field.scene.chain.newest().await.unwrap();
	assert!(matches!(agent.step(&state).await.unwrap_err(), Error::Ipfs(_)));
	assert_eq!(agent.context.peers.ranked(&[], |_| false).len(), 1);
	assert!(matches!(agent.context.exchange.stage(), Stage::NeedCiphertext(_)));
	// The gateway finds nothing.
	agent.context.gateway = gateway;
	let state = field.scene.chain.newest().await.unwrap();
	assert!(matches!(agent.step(&state).await.unwrap_err(), Error::Ipfs(_)));
	assert!(agent.context.peers.ranked(&[], |_| false).is_empty());
	assert!(agent.context.memory.cheats.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn distributor_should_be_left_alone_when_its_ciphertext_is_not_what_it_offered() {
	let size = 700_000;
	for length in [size, size - 1] {
		let field = Field::new(1).await;
		field.release(0, 1);
		let cid: Cid = field.ipfs.add(&vec![7; length], 262_144);
		let (payee, other) = (account(&field.folder, "cheat"), Ciphertext { cid, size: size as u64, sha256: [9; 32] });
		let idler = Idler::start(&field, &payee, |_| (), Some(other)).await;
		let path = field.provision(0);
		// The device knows only its address.
		let config = Config { distributors: vec![address_of(&idler.one)], ..lenient() };
		let (mut agent, events) = field.agent(&path, &config).unwrap();
		for expected in [Outcome::Again, Outcome::Again, Outcome::Wait] {
			let state = field.scene.chain.newest().await.unwrap();
			assert_eq!(agent.step(&state).await.unwrap(), expected);
		}
		// Somebody on the network path could have forged the offer, so the device asks again,
		// later.
		assert!(
			agent.context.home.memory().unwrap().cheats.is_empty() && agent.context.peers.ranked(&[], |_| false).is_empty()
		);
		assert!(matches!(events.lock().unwrap()[..], [Event::Offered { .. }, Event::Refused { .. }]));
		assert_eq!(idler.hellos.load(Ordering::Relaxed), 1);
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn receipt_should_reach_the_distributor_when_another_takes_it_too() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	let other = Idler::start(&field, &account(&field.folder, "other"), |offer| offer.release_id = 77, None).await;
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	running.serves().await;
	field.scene.chain.edit(|world| world.distributors.clear());
	let path = field.provision(0);
	let endpoint = format!("http://{}", running.address);
	let config = Config { distributors: vec![address_of(&other.one), endpoint.clone()], ..lenient() };
	let (mut agent, events) = field.agent(&path, &config).unwrap();
	timeout(LIMIT, agent.run(true)).await.unwrap_or_else(|_| panic!("{}", agent.obstacle())).unwrap();
	assert!(events.lock().unwrap().iter().any(|event| matches!(event, Event::Acknowledged { .. })));
	assert_eq!(agent.context.home.memory().unwrap().offered_by, Some(format!("{endpoint}/")));
	assert_eq!(image(&path), image_bytes);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn update_should_go_on_when_the_hook_fails() {
	let field = Field::new(1).await;
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	let hook = field.program("hook.sh", "[ $1 = rollback ] || [ $WAYBILL_VERSION != 1.0.0 ]");
	let config = Config { hook: Some(hook), ..lenient() };
	field.release(0, 1);
	let (mut agent, events) = field.agent(&path, &config).unwrap();
	let update = tokio::spawn(async move { agent.run(false).await });
	let is_skipped = |event: &Event| matches!(event, Event::Skipped { release: 0, .. });
	until(|| events.lock().unwrap().iter().any(is_skipped)).await;
	assert!(!path.join("current").exists());
	let bytes = field.release(1, 1);
	until(|| fs::read(path.join("current/firmware.bin")).is_ok_and(|image| image == bytes)).await;
	until(|| !path.join("trial.json").exists()).await;
	update.abort();
	let _ = update.await;
	let last = Home::read(&path).unwrap().memory().unwrap().last_update.unwrap();
	assert_eq!((last.release, last.outcome, last.boots), (1, UpdateOutcome::Confirmed, 1));
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_ciphertext_should_be_fetched_again() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	field.acknowledge(&path).await;
	until(|| field.paid() == 1).await;
	let file = fs::read_dir(path.join("ciphertexts")).unwrap().next().unwrap().unwrap().path();
	let bytes = fs::read(&file).unwrap();
	fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
	field.update(&path).await;
	assert_eq!(image(&path), image_bytes);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payload_should_be_served_although_the_gateway_stumbles() {
	let field = Field::new(1).await;
	let bytes = field.release(0, 1);
	for chunk in bytes.chunks(262_144) {
		field.ipfs.trick(&waybill_primitives::Cid::raw(chunk), [Trick::Status(500), Trick::Html, Trick::Truncated]);
	}
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	field.update(&path).await;
	assert_eq!(image(&path), bytes);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_disk_should_end_the_update_with_one_line_and_leave_nothing_half_installed() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	// Up to the offer, to know the ciphertext's name.
	let (mut agent, _) = field.agent(&path, &lenient()).unwrap();
	let cid = timeout(LIMIT, async {
		loop {
			let state = field.scene.chain.newest().await.unwrap();
			let _ = agent.step(&state).await;
			if let Stage::NeedCiphertext(terms) = agent.context.exchange.stage() {
				return terms.ciphertext.cid;
			}
			sleep(BLOCK_TIME).await;
		}
	})
	.await
	.unwrap();
	drop(agent);
	let part = path.join(format!("ciphertexts/{cid}.part"));
	fs::create_dir_all(part.parent().unwrap()).unwrap();
	symlink("/dev/full", &part).unwrap();
	let (mut agent, _) = field.agent(&path, &lenient()).unwrap();
	let error = timeout(LIMIT, agent.run(true)).await.unwrap().unwrap_err();
	assert!(error.is_local());
	assert!(error.to_string().contains("No space left") && error.to_string().contains("carries on"), "{error}");
	assert!(agent.context.home.firmware().unwrap().is_none());
	drop(agent);
	fs::remove_file(part).unwrap();
	field.update(&path).await;
	assert_eq!(image(&path), image_bytes);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_should_be_signed_when_the_chain_is_held_back() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	running.serves().await;
	let path = field.provision(0);
	for (shift, words, said) in [(-600_000, "frozen", 1), (600_000, "set the clock", 0)] {
		let held = Time::now().0.saturating_add_signed(shift);
		field.scene.chain.edit(|world| world.timestamp_ms = Some(held));
		let (mut agent, events) = field.agent(&path, &lenient()).unwrap();
		hindered(&mut agent, Duration::from_secs(2), false).await;
		assert!(agent.obstacle().contains(words), "{}", agent.obstacle());
		if shift > 0 {
			// A command with an end does not wait for somebody to set the clock.
			let ended = timeout(LIMIT, agent.run(true)).await.unwrap();
			assert!(matches!(ended.unwrap_err(), Error::Clock { .. }));
		}
		let events = events.lock().unwrap();
		assert!(events.len() == said && events.iter().all(|event| matches!(event, Event::Frozen(_))), "{events:?}");
	}
	field.scene.chain.edit(|world| world.timestamp_ms = None);
	field.update(&path).await;
	assert_eq!(image(&path), image_bytes);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_should_be_installed_when_the_release_is_yanked_after_the_receipt() {
	let field = Field::new(1).await;
	field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	field.acknowledge(&path).await;
	until(|| field.paid() == 1).await;
	field.scene.chain.edit(|world| world.releases.get_mut(&0).unwrap().state = ReleaseState::Yanked);
	let events = field.update(&path).await;
	assert_eq!(events.last(), Some(&Event::UpToDate { installed: None }));
	assert!(events.iter().any(|event| matches!(event, Event::Revealed { .. })), "{events:?}");
	assert!(!path.join("current").exists());
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn yanked_release_should_not_be_offered_and_not_be_asked_for() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	field.release(1, 2);
	field.scene.chain.edit(|world| world.releases.get_mut(&1).unwrap().state = ReleaseState::Yanked);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	running.serves().await;
	running.refuses(1, "yanked").await;
	// The device takes the older release, and nobody is paid for the other.
	let path = field.provision(0);
	field.update(&path).await;
	assert_eq!(image(&path), image_bytes);
	assert!(field.scene.chain.edit(|world| world.paid.iter().all(|(bounty, _)| *bounty == 0)));
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn distributor_should_serve_other_bounties_when_a_fleets_list_is_wrong() {
	let field = Field::new(2).await;
	let image_bytes = field.release(0, 1);
	// A list that is as long as the fleet's, in another order.
	let swapped = waybill_primitives::Manifest::new({
		let key = |device: &ed25519_dalek::SigningKey| DeviceKey::Ed25519(device.verifying_key().to_bytes());
		field.scene.devices.iter().rev().map(key).collect()
	});
	let cid = field.ipfs.add(&swapped.unwrap().encode(), 262_144);
	field.scene.chain.fleet(1, MODEL, &field.scene.manifest, cid);
	field.scene.chain.bounty(7, 0, 1, REWARD, EXPIRES_AT);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	field.update(&path).await;
	assert_eq!(image(&path), image_bytes);
	running.refuses(7, "lists other devices").await;
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn device_should_be_served_when_strangers_announce_the_distributors_address() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "honest"), |_| ()).await;
	running.serves().await;
	let endpoint = format!("http://{}", running.address);
	field.scene.chain.edit(|world| {
		let stranger = |seed| Distributor { account: AccountId([seed; 32]), endpoint: endpoint.clone().into() };
		let honest = world.distributors.remove(0);
		world.distributors = (1..=50).map(stranger).collect();
		world.distributors.push(honest);
	});
	let path = field.provision(0);
	field.update(&path).await;
	assert_eq!(image(&path), image_bytes);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_release_should_not_be_taken_when_it_is_the_chains_latest() {
	let field = Field::new(1).await;
	field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let newer = field.release(1, 2);
	let path = field.provision(0);
	field.update(&path).await;
	field.scene.chain.edit(|world| world.releases.get_mut(&1).unwrap().state = ReleaseState::Unavailable);
	let (mut agent, events) = field.agent(&path, &lenient()).unwrap();
	hindered(&mut agent, Duration::from_secs(1), true).await;
	assert!(agent.obstacle().contains("lower security version"), "{}", agent.obstacle());
	assert!(events.lock().unwrap().is_empty());
	assert_eq!(image(&path), newer);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cheat_should_be_named_and_not_asked_again() {
	let field = Field::new(1).await;
	field.release(0, 1);
	let cheat = account(&field.folder, "cheat");
	let wrong = payload(0x77);
	let shop = Shop::open(&field.scene, field.folder.path(), &cheat, 0, &wrong, 64).await;
	field.ipfs.put(waybill_primitives::Codec::Raw, shop.ciphertext.clone());
	let served = shop.serve(&field.scene.chain, &cheat).await;
	let path = field.provision(0);
	let (mut agent, events) = field.agent(&path, &lenient()).unwrap();
	let heard = events.clone();
	let update = tokio::spawn(async move { timeout(LIMIT, agent.run(true)).await });
	until(|| heard.lock().unwrap().iter().any(|event| matches!(event, Event::Cheated { .. }))).await;
	update.abort();
	let _ = update.await;
	assert!(!path.join("current").exists());
	let home = Home::open(&path).unwrap();
	assert_eq!(home.memory().unwrap().cheats.keys().collect::<Vec<_>>(), [&cheat.id().to_string()]);
	drop(home);

	// The vendor offers the release once more. The device asks only the honest distributor.
	let honest = field.distributor(&account(&field.folder, "honest"), |_| ()).await;
	field.scene.chain.bounty(1, 0, 0, REWARD, EXPIRES_AT);
	let events = field.update(&path).await;
	assert!(events.iter().all(|event| !matches!(event, Event::Cheated { .. })));
	assert_eq!(image(&path), payload(0));
	honest.stop().await;
	drop(served);
}

#[tokio::test(flavor = "multi_thread")]
async fn release_should_be_tried_again_only_when_the_device_is_told_to() {
	let field = Field::new(1).await;
	field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	let log = field.path("hook.log");
	let script = |exit: u8| {
		let asked = "$1 $WAYBILL_VERSION $WAYBILL_RELEASE $([ -z $WAYBILL_IMAGE ] || wc -c < $WAYBILL_IMAGE)";
		field.program("hook.sh", &format!("echo {asked} >> {}; [ $1 = rollback ] || exit {exit}", log.display()))
	};
	let config = Config { hook: Some(script(3)), ..lenient() };
	let (mut agent, _) = field.agent(&path, &config).unwrap();
	let ended = timeout(LIMIT, agent.run(true)).await.unwrap();
	assert!(matches!(ended.unwrap_err(), Error::RolledBack(update) if update.boots == 3));
	let ended = timeout(LIMIT, agent.run(true)).await.unwrap();
	assert!(matches!(ended.unwrap_err(), Error::Skipped(skipped) if skipped.release == 0));
	assert_eq!(fs::read_to_string(&log).unwrap(), "install 1.0.0 0 700000\n".repeat(3) + "rollback\n");
	drop(agent);
	fs::remove_file(&log).unwrap();
	script(0);
	let home = Home::open(&path).unwrap();
	home.leave_order(&Order::Retry).unwrap();
	drop(home);
	for _ in 0..2 {
		let (mut agent, _) = field.agent(&path, &config).unwrap();
		timeout(LIMIT, agent.run(true)).await.unwrap().unwrap();
	}
	// The image was still there, so nobody was paid again.
	assert_eq!(fs::read_to_string(&log).unwrap(), "install 1.0.0 0 700000\nconfirm 1.0.0 0 700000\n");
	assert_eq!(field.paid(), 1);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_should_be_one_devices_on_one_chain_in_one_process() {
	let field = Field::new(2).await;
	let path = field.provision(0);
	let (mut agent, _) = field.agent(&path, &lenient()).unwrap();
	agent.context.save().unwrap();
	let saved = field.path("saved");
	fs::rename(path.join("exchange.cbor"), &saved).unwrap();
	assert!(Home::open(&path).unwrap_err().to_string().contains("another program"));
	Home::read(&path).unwrap();
	drop(agent);
	let mut identity = Identity::load(&path).unwrap();
	identity.genesis = Hash([1; 32]);
	identity.save(&path).unwrap();
	let (mut agent, _) = field.agent(&path, &lenient()).unwrap();
	assert!(matches!(timeout(LIMIT, agent.run(true)).await.unwrap().unwrap_err(), Error::OtherChain));
	// Perhaps somebody mends the node.
	let ended = timeout(Duration::from_millis(200), agent.run(false)).await;
	assert!(ended.is_err() && agent.obstacle().contains("a different chain"), "{ended:?}: {}", agent.obstacle());
	drop(agent);
	assert!(matches!(Home::open(&field.path("none")).unwrap_err(), Error::NoDevice(_)));
	let other = field.provision(1);
	fs::write(other.join("exchange.cbor"), [1, 2, 3]).unwrap();
	// Somebody who only looks changes nothing.
	Home::read(&other).unwrap().exchange(lenient().policy()).unwrap();
	assert!(other.join("exchange.cbor").exists());
	drop(field.agent(&other, &lenient()).unwrap());
	assert_eq!(fs::read(other.join("exchange.cbor.damaged")).unwrap(), [1, 2, 3]);
	// The state of another device is not damaged: somebody has mixed up folders.
	fs::copy(saved, other.join("exchange.cbor")).unwrap();
	let error = field.agent(&other, &lenient()).map(drop).unwrap_err();
	assert!(matches!(error, Error::Exchange { .. }));
	assert!(error.to_string().contains("exchange.cbor"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bounty_should_be_served_when_it_has_more_devices_than_a_content_key() {
	let field = Field::new(5).await;
	let image_bytes = field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |config| config.epoch_size = 2).await;
	let paths: Vec<_> = (0..5).map(|index| field.provision(index)).collect();
	futures::future::join_all(paths.iter().map(|path| field.update(path))).await;
	assert!(paths.iter().all(|path| image(path) == image_bytes));
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn distributor_should_clean_up_when_the_bounty_is_gone() {
	let field = Field::new(1).await;
	field.release(0, 1);
	let payee = account(&field.folder, "one");
	let running = field.distributor(&payee, |_| ()).await;
	let path = field.provision(0);
	field.update(&path).await;
	let payloads = field.path(&payee.id().to_string()).join("data/payloads");
	field.scene.chain.edit(|world| world.bounties.clear());
	until(|| !field.ipfs.unpinned().is_empty()).await;
	until(|| fs::read_dir(&payloads).unwrap().next().is_none()).await;
	running.stop().await;
}

#[tokio::test]
async fn release_of_another_vendor_or_model_should_not_be_taken() {
	let field = Field::new(1).await;
	field.release(0, 1);
	let path = field.provision(0);
	let judge = |release: &waybill_chain::types::Release| {
		let mut exchange = Home::read(&path).unwrap().exchange(lenient().policy()).unwrap();
		crate::check_release(&mut exchange, release)
	};
	let release = field.scene.chain.edit(|world| world.releases[&0].clone());
	let refusal = |change: fn(&mut waybill_chain::types::Release)| {
		let mut release = release.clone();
		change(&mut release);
		judge(&release).unwrap_err()
	};
	use crate::Objection::Refused;
	use waybill_exchange::Refusal;
	assert_eq!(judge(&release), Ok(()));
	assert_eq!(refusal(|release| release.vendor = AccountId([9; 32])), Refused(Refusal::ForeignVendor));
	assert_eq!(refusal(|release| release.statement.model = 9), Refused(Refusal::WrongModel));
	assert_eq!(refusal(|release| release.key_set_version = 2), Refused(Refusal::UnknownKeySet));
	assert!(matches!(refusal(|release| release.statement.size += 1), Refused(Refusal::Signatures(_))));
	assert!(matches!(refusal(|release| release.signatures.clear()), Refused(Refusal::Signatures(_))));
	assert_eq!(refusal(|release| release.state = ReleaseState::Yanked), Refused(Refusal::ReleaseYanked));
}
