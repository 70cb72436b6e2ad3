//! What goes wrong on devices with nobody near: damaged files, full disks, missing programs.

use super::*;
use crate::SlotError;
use std::collections::BTreeSet;
use waybill_chain::State as _;

#[tokio::test(flavor = "multi_thread")]
async fn damaged_state_should_be_set_aside_and_old_releases_still_be_refused() {
	let field = Field::new(1).await;
	field.release(0, 1);
	field.release(1, 5);
	let path = field.provision(0);
	let (mut agent, _) = field.agent(&path, &lenient()).unwrap();
	until_hindered(&mut agent, "no distributor").await;
	drop(agent);
	field.scene.chain.edit(|world| world.releases.get_mut(&1).unwrap().state = ReleaseState::Unavailable);
	let contents = [Vec::new(), b"{".to_vec(), vec![0xff; 100], b"\"text\"".to_vec()];
	for name in ["exchange.cbor", "memory.json", "trial.json", "order.json"] {
		for content in &contents {
			fs::write(path.join(name), content).unwrap();
			let (mut agent, _) = field.agent(&path, &lenient()).unwrap();
			until_hindered(&mut agent, "lower security version").await;
			assert_eq!(&fs::read(path.join(format!("{name}.damaged"))).unwrap(), content);
			// Both copies of what was lost are there again.
			agent.context.save().unwrap();
		}
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn state_of_a_newer_version_should_not_stop_a_device() {
	let field = Field::new(1).await;
	let path = field.provision(0);
	let memory = r#"{"invented": 1, "least_security_version": 7, "last_update": "of another kind"}"#;
	fs::write(path.join("memory.json"), memory).unwrap();
	let (agent, _) = field.agent(&path, &lenient()).unwrap();
	assert_eq!(agent.context.exchange.least_security_version(), 7);
	assert!(!path.join("memory.json.damaged").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_record_should_be_written_again_when_the_image_is_whole() {
	let field = Field::new(1).await;
	field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	field.update(&path).await;
	let installed = Home::read(&path).unwrap().firmware().unwrap();
	for content in ["", "{"] {
		fs::write(path.join("current/release.json"), content).unwrap();
		assert!(matches!(Home::read(&path).unwrap().firmware(), Err(Error::Slot(SlotError::Record { .. }))));
		assert!(matches!(&field.update(&path).await[..], [Event::UpToDate { installed: Some(_) }]));
		assert_eq!(Home::read(&path).unwrap().firmware().unwrap(), installed);
	}
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_should_be_asked_for_or_signed_when_there_is_no_room() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	let payee = account(&field.folder, "one");
	let idler = Idler::start(&field, &payee, |_| (), None).await;
	idler.announce(&field);
	let path = field.provision(0);
	let config = Config { min_free: u64::MAX, ..lenient() };
	let (mut agent, events) = field.agent(&path, &config).unwrap();
	until_hindered(&mut agent, "Nothing was signed").await;
	// The ciphertext, the image, and a 64th of both.
	let words = format!("version 1.0.0 needs {} bytes", 1_400_000 + 1_400_000 / 64);
	assert!(agent.obstacle().contains(&words) && agent.obstacle().contains("and 0 are free"), "{}", agent.obstacle());
	assert_eq!(idler.hellos.load(Ordering::Relaxed), 0);
	assert!(events.lock().unwrap().is_empty());
	let ended = timeout(LIMIT, agent.run(true)).await.unwrap();
	assert!(matches!(ended.unwrap_err(), Error::NoRoom { .. }));
	drop((agent, idler));

	field.scene.chain.edit(|world| world.distributors.clear());
	let running = field.distributor(&payee, |_| ()).await;
	field.update(&path).await;
	assert_eq!(image(&path), image_bytes);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn room_should_be_checked_again_before_the_receipt() {
	let field = Field::new(1).await;
	field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	let (mut agent, events) = field.agent(&path, &lenient()).unwrap();
	timeout(LIMIT, async {
		while !matches!(agent.context.exchange.stage(), Stage::NeedReceipt(_)) {
			let state = field.scene.chain.newest().await.unwrap();
			let _ = agent.step(&state).await;
			sleep(BLOCK_TIME).await;
		}
	})
	.await
	.unwrap();
	// Somebody else has filled the disk meanwhile.
	agent.context.min_free = u64::MAX;
	until_hindered(&mut agent, "Nothing was signed").await;
	assert!(!events.lock().unwrap().iter().any(|event| matches!(event, Event::Signed { .. })));
	agent.context.min_free = 0;
	timeout(LIMIT, agent.run(true)).await.unwrap().unwrap();
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn update_should_go_on_by_itself_when_a_full_disk_has_room_again() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	// The image cannot be written.
	let full = path.join("slots/a/firmware.bin.part");
	fs::remove_dir(path.join("slots")).unwrap_or_default();
	fs::create_dir_all(&full).unwrap();
	let (mut agent, _) = field.agent(&path, &lenient()).unwrap();
	until_hindered(&mut agent, "cannot write the new image").await;
	fs::remove_dir(&full).unwrap();
	timeout(LIMIT, agent.run(true)).await.unwrap().unwrap();
	assert_eq!(image(&path), image_bytes);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_should_be_signed_when_the_hook_is_missing() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	let config = Config { hook: Some(field.path("hook.sh")), ..lenient() };
	let error = field.agent(&path, &config).map(drop).unwrap_err();
	assert!(matches!(error, Error::Hook(_)) && error.to_string().contains("hook.sh"), "{error}");
	let hook = field.program("hook.sh", "exit 0");
	let (mut agent, events) = field.agent(&path, &config).unwrap();
	fs::remove_file(&hook).unwrap();
	until_hindered(&mut agent, "nothing was signed").await;
	assert!(!events.lock().unwrap().iter().any(|event| matches!(event, Event::Signed { .. })));
	field.program("hook.sh", "exit 0");
	timeout(LIMIT, agent.run(true)).await.unwrap().unwrap();
	assert_eq!(image(&path), image_bytes);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trial_should_end_without_a_node() {
	let field = Field::new(1).await;
	field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	let config = Config { health: Some(field.program("health.sh", "exit 75")), ..lenient() };
	let (mut agent, events) = field.agent(&path, &config).unwrap();
	until_hindered(&mut agent, "asked later").await;
	field.scene.chain.edit(|world| world.down = true);
	drop(agent);
	field.program("health.sh", "exit 0");
	let (mut agent, more) = field.agent(&path, &config).unwrap();
	timeout(LIMIT, agent.run(true)).await.unwrap().unwrap();
	assert!(!events.lock().unwrap().iter().any(|event| matches!(event, Event::Confirmed { .. })));
	assert!(matches!(&more.lock().unwrap()[..], [Event::Confirmed { .. }]));
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn release_should_not_be_installed_when_it_is_yanked_while_the_hook_waits() {
	let field = Field::new(1).await;
	field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	let config = Config { hook: Some(field.program("hook.sh", "[ $1 = install ] && exit 75; exit 0")), ..lenient() };
	let (mut agent, _) = field.agent(&path, &config).unwrap();
	until_hindered(&mut agent, "asked later").await;
	field.scene.chain.edit(|world| world.releases.get_mut(&0).unwrap().state = ReleaseState::Yanked);
	let ended = timeout(LIMIT, agent.run(true)).await.unwrap();
	let Err(Error::RolledBack(update)) = ended else { panic!("{ended:?}") };
	assert_eq!(update.reason, waybill_primitives::UpdateReason::Yanked);
	assert!(!path.join("current").exists());
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_should_not_wait_when_kubo_hangs() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	field.scene.chain.bounty(7, 0, 0, REWARD, EXPIRES_AT);
	let running = field.distributor(&account(&field.folder, "one"), |config| config.max_delay = 3).await;
	running.shows(|status| status.bounties.iter().filter(|bounty| bounty.serving).count() == 2).await;
	let path = field.provision(0);
	field.acknowledge(&path).await;
	let exchange = Home::read(&path).unwrap().exchange(lenient().policy()).unwrap();
	let other = 7 - exchange.awaited().next().unwrap().bounty;
	// The other bounty ends, and the distributor has it unpinned.
	field.ipfs.hang();
	field.scene.chain.edit(|world| world.bounties.remove(&other));
	timeout(Duration::from_secs(60), field.update(&path)).await.unwrap();
	assert_eq!(image(&path), image_bytes);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipt_should_be_reserved_at_once_when_the_distributor_restarts() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	let payee = account(&field.folder, "one");
	// The receipt would wait for others for an hour.
	let running = field.distributor(&payee, |config| config.max_delay = 3_600).await;
	let path = field.provision(0);
	field.acknowledge(&path).await;
	running.stop().await;
	assert_eq!(field.paid(), 0);
	let running = field.distributor(&payee, |config| config.max_delay = 3_600).await;
	until(|| field.paid() == 1).await;
	field.update(&path).await;
	assert_eq!(image(&path), image_bytes);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_release_should_be_seen_while_an_older_one_comes_over_a_slow_link() {
	let field = Field::new(1).await;
	field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	running.serves().await;
	let path = field.provision(0);
	let (mut agent, events) = field.agent(&path, &lenient()).unwrap();
	agent.context.slice = Duration::from_millis(100);
	// The whole file takes a minute.
	field.ipfs.throttle(12_000);
	until_hindered(&mut agent, "slow link").await;
	assert!(matches!(agent.context.exchange.stage(), Stage::NeedCiphertext(_)));
	let newer = field.release(1, 1);
	while matches!(agent.context.exchange.stage(), Stage::NeedCiphertext(_)) {
		assert!(timeout(Duration::from_millis(200), agent.run(false)).await.is_err());
	}
	field.ipfs.throttle(100_000_000);
	agent.context.slice = Duration::from_secs(60);
	timeout(LIMIT, agent.run(true)).await.unwrap().unwrap();
	assert_eq!(image(&path), newer);
	// Nobody was paid for the older one.
	assert_eq!(events.lock().unwrap().iter().filter(|event| matches!(event, Event::Signed { .. })).count(), 1);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ciphertext_of_a_lapsed_contract_should_make_room() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	let _idler = Idler::announced(&field).await;
	let path = field.provision(0);
	field.acknowledge(&path).await;
	let kept = || fs::read_dir(path.join("ciphertexts")).unwrap().count();
	assert_eq!(kept(), 1);
	field.scene.chain.edit(|world| world.distributors.clear());
	field.scene.chain.advance(LIFETIME + 1);
	let (mut agent, events) = field.agent(&path, &lenient()).unwrap();
	until_hindered(&mut agent, "no distributor").await;
	assert!(matches!(events.lock().unwrap()[..], [Event::Lapsed { .. }]));
	assert_eq!(kept(), 1, "while there is room, it may yet be of use");
	agent.context.min_free = u64::MAX;
	until_hindered(&mut agent, "and 0 are free").await;
	assert_eq!(kept(), 0);
	agent.context.min_free = 0;
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	timeout(LIMIT, agent.run(true)).await.unwrap().unwrap();
	assert_eq!(image(&path), image_bytes);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn search_for_a_key_should_not_wear_out_the_flash() {
	let field = Field::new(1).await;
	field.ticker.abort();
	field.release(0, 1);
	let _idler = Idler::announced(&field).await;
	let path = field.provision(0);
	field.acknowledge(&path).await;
	// It was paid for through another distributor, so the device seeks a key in every block.
	field.scene.chain.edit(|world| assert!(world.paid.insert((0, 0))));
	let (mut agent, _) = field.agent(&path, &lenient()).unwrap();
	let on_disk = || Home::read(&path).unwrap().memory().unwrap().searched;
	let paid = field.scene.chain.newest().await.unwrap();
	agent.step(&paid).await.unwrap();
	let mut stored = BTreeSet::from([on_disk()]);
	for _ in 0..600 {
		field.scene.chain.advance(1);
		let state = field.scene.chain.newest().await.unwrap();
		agent.step(&state).await.unwrap();
		assert_eq!(agent.context.memory.searched, state.head().number);
		stored.insert(on_disk());
	}
	// At every 256th of them.
	assert_eq!(stored.len(), 3, "{stored:?}");
}
