//! Releases that are delivered with proofs.

use super::*;
use waybill_exchange::{Proofs, Stored};
use waybill_keys::StatementKey;
use waybill_primitives::Suite;
use waybill_testkit::scene::described;
use waybill_zkcp::{encrypt, prove, prove_locks, unwatched, ChunkDigests, Layout, OutOfRange};

/// Small, so that proving is quick: 20 chunks.
fn firmware(seed: u8) -> Vec<u8> {
	(0..75_000u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8 ^ seed).collect()
}

fn digests(payload: &[u8]) -> ChunkDigests {
	ChunkDigests::of_payload(payload, Layout::new(payload.len() as u64).unwrap(), &mut unwatched).unwrap()
}

impl Field {
	/// Publishes a release that is delivered with proofs, and opens its bounty.
	fn proved_release(&self, id: u64, security_version: u32) -> Vec<u8> {
		let payload = firmware(id as u8);
		let cid = self.ipfs.add(&payload, 262_144);
		let version = Version::new(1, 0, id as u32);
		self.scene.release_under(Suite::Zkcp, id, version, security_version, &payload, cid);
		payload
	}

	/// A distributor of bounty 0 that encrypts `encrypted` and proves what it can of `claimed`. It
	/// settles as an honest one does.
	async fn cheat(&self, payee: &Account, encrypted: &[u8], claimed: &[u8]) -> shop::Serving {
		let folder = self.path(&format!("cheat-{}", payee.id()));
		fs::create_dir(&folder).unwrap();
		let shop = Shop::open_with(&self.scene, &folder, payee, 0, 64, |epoch| {
			let (key, nonce) = epoch.content_key().unwrap().provable().unwrap();
			let of = |payload: &[u8]| {
				let mut ciphertext = Vec::new();
				let layout = Layout::new(payload.len() as u64).unwrap();
				let made = encrypt::<_, _, OutOfRange>(payload, layout, &key, &nonce, &mut ciphertext, &mut unwatched);
				(ciphertext, made.unwrap())
			};
			let (proved, proved_digests) = of(claimed);
			let data = prove(&proved, &digests(claimed), &proved_digests, &key, &nonce, &mut unwatched).unwrap();
			let locks = prove_locks(&key, &epoch.lock_keys(), &nonce).unwrap();
			let store = |bytes: &[u8]| Stored { cid: self.ipfs.add(bytes, 262_144), size: bytes.len() as u64 };
			let proofs = Proofs { data: store(&data), locks: store(&locks) };
			let (ciphertext, _) = of(encrypted);
			let published = described(&ciphertext, self.ipfs.add(&ciphertext, 262_144));
			(ciphertext, published, Some(proofs))
		});
		shop.await.serve(&self.scene.chain, payee).await
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_should_update_when_the_proofs_hold() {
	let field = Field::new(3).await;
	let firmware = field.proved_release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let is_proved = |bounty: &waybill_distributor::BountyStatus| bounty.proved.is_some_and(|proved| proved.bytes > 100_000);
	running.shows(|status| status.bounties.iter().any(is_proved)).await;
	for index in 0..3 {
		let path = field.provision(index);
		let events = field.update(&path).await;
		assert_eq!(image(&path), firmware);
		let place = |is: fn(&Event) -> bool| events.iter().position(is).unwrap();
		let verified = place(|event| matches!(event, Event::Verified { .. }));
		assert!(place(|event| matches!(event, Event::Downloaded { .. })) < verified);
		assert!(verified < place(|event| matches!(event, Event::Signed { .. })));
	}
	assert_eq!(field.paid(), 3);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn proved_update_should_carry_on_when_the_power_fails_after_any_step() {
	let field = Field::new(1).await;
	let firmware = field.proved_release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	let steps = field.update_by_steps(&path).await;
	let verified = steps.iter().flatten().filter(|event| matches!(event, Event::Verified { .. })).count();
	assert_eq!((verified, field.paid()), (1, 1));
	assert_eq!(image(&path), firmware);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn release_without_proofs_should_be_refused_unless_the_device_takes_it() {
	let field = Field::new(1).await;
	let firmware = field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	running.serves().await;
	let path = field.provision(0);
	let (mut agent, events) = field.agent(&path, &Config::default()).unwrap();
	let state = field.scene.chain.newest().await.unwrap();
	assert_eq!(agent.step(&state).await.unwrap(), Outcome::Wait);
	assert!(agent.obstacle().contains("release 0 is refused: the release is published under a suite without proofs"));
	assert!(events.lock().unwrap().is_empty());
	drop(agent);
	field.update(&path).await;
	assert_eq!(image(&path), firmware);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_should_be_signed_when_the_proofs_do_not_hold() {
	let right = firmware(0);
	let mut wrong = right.clone();
	wrong[70_000] ^= 1;
	// A wrong ciphertext with its own proof or with the right one's, and a right ciphertext with a
	// proof of something else.
	for (encrypted, claimed) in [(&wrong, &wrong), (&wrong, &right), (&right, &wrong)] {
		let field = Field::new(1).await;
		field.proved_release(0, 1);
		let cheat = account(&field.folder, "cheat");
		let served = field.cheat(&cheat, encrypted, claimed).await;
		let path = field.provision(0);
		let (mut agent, events) = field.agent(&path, &Config::default()).unwrap();
		let heard = events.clone();
		let update = tokio::spawn(async move { timeout(LIMIT, agent.run(true)).await });
		until(|| heard.lock().unwrap().iter().any(|event| matches!(event, Event::Refused { .. }))).await;
		update.abort();
		let _ = update.await;
		assert!(!events.lock().unwrap().iter().any(|event| matches!(event, Event::Signed { .. } | Event::Verified { .. })));
		assert_eq!(field.paid(), 0);
		assert!(Home::open(&path).unwrap().memory().unwrap().cheats.is_empty());

		let honest = field.distributor(&account(&field.folder, "honest"), |_| ()).await;
		honest.serves().await;
		let events = field.update(&path).await;
		assert_eq!(image(&path), right);
		let paid_to =
			|event: &Event| matches!(event, Event::Signed { distributor, .. } if *distributor == cheat.id().to_string());
		assert!(!events.iter().any(paid_to));
		honest.stop().await;
		drop(served);
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_proof_should_be_fetched_again_after_the_payment() {
	let field = Field::new(1).await;
	let firmware = field.proved_release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	let (mut agent, _) = field.agent(&path, &Config::default()).unwrap();
	timeout(LIMIT, async {
		while !matches!(agent.context.exchange.stage(), Stage::NeedDecryption(_)) {
			let state = field.scene.chain.newest().await.unwrap();
			let _ = agent.step(&state).await;
			sleep(BLOCK_TIME).await;
		}
	})
	.await
	.unwrap();
	let Stage::NeedDecryption(terms) = agent.context.exchange.stage() else { panic!("no key") };
	let proof = agent.context.home.file(&terms.evidence.proofs().unwrap().data.cid).unwrap();
	let mut bytes = fs::read(&proof).unwrap();
	bytes[100] ^= 1;
	fs::write(&proof, bytes).unwrap();
	drop(agent);
	field.update(&path).await;
	assert_eq!(image(&path), firmware);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn device_should_take_the_verdict_of_the_hub_that_it_names() {
	let field = Field::new(1).await;
	let firmware = field.proved_release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let key = StatementKey::generate(&field.path("hub.key")).unwrap();
	let hub_key = key.public();
	let parts = waybill_hub::Parts {
		gateway: Gateway::new(&[field.ipfs.url()]).unwrap(),
		key,
		config: waybill_hub::Config {
			listen: ([127, 0, 0, 1], 0).into(),
			data: field.path("hub"),
			..waybill_hub::Config::default()
		},
		reporter: waybill_hub::Reporter::default(),
	};
	let (tell, told) = oneshot::channel();
	let serving = tokio::spawn(waybill_hub::run(parts, |address| tell.send(address).unwrap(), std::future::pending()));
	let address = told.await.unwrap().listen;
	let path = field.provision(0);

	// An answer that another key has signed is no verdict.
	let stranger = field.scene.devices[0].verifying_key().to_bytes();
	let config =
		Config { hub: Some(format!("http://{address}")), hub_key: Some(DeviceKey::Ed25519(stranger)), ..Config::default() };
	let (mut agent, events) = field.agent(&path, &config).unwrap();
	// On a busy machine the device may report other obstacles first.
	timeout(LIMIT, async {
		while !agent.obstacle().contains("not signed by the hub") {
			assert!(timeout(Duration::from_secs(5), agent.run(true)).await.is_err());
		}
	})
	.await
	.unwrap_or_else(|_| panic!("{}", agent.obstacle()));
	assert!(!events.lock().unwrap().iter().any(|event| matches!(event, Event::Verified { .. } | Event::Signed { .. })));
	drop(agent);

	let config = Config { hub_key: Some(hub_key), ..config };
	let (mut agent, events) = field.agent(&path, &config).unwrap();
	timeout(LIMIT, async {
		while !matches!(agent.context.exchange.stage(), Stage::AwaitKey(..)) {
			let state = field.scene.chain.newest().await.unwrap();
			let _ = agent.step(&state).await;
			sleep(BLOCK_TIME).await;
		}
	})
	.await
	.unwrap();
	// Once it has signed, it needs only the key.
	let files: Vec<_> = agent.context.exchange.files().collect();
	assert_eq!(files.len(), 2);
	files.iter().for_each(|cid| field.ipfs.remove(&cid.to_string()));
	timeout(LIMIT, agent.run(true)).await.unwrap_or_else(|_| panic!("{}", agent.obstacle())).unwrap();
	let by_hub = format!("checked by the hub http://{address}/ in ");
	assert!(events.lock().unwrap().iter().any(|event| event.to_string().contains(&by_hub)), "{by_hub}");
	assert_eq!(image(&path), firmware);
	serving.abort();
	running.stop().await;
}
