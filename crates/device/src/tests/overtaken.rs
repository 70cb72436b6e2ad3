//! Releases that were paid for and can no longer be installed.

use super::*;

/// A device whose receipt for release 0 was paid while its power was off.
async fn paid(field: &Field) -> (Running, PathBuf) {
	field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	field.acknowledge(&path).await;
	until(|| field.paid() == 1).await;
	(running, path)
}

/// Takes steps until there is nothing to do but wait. Returns what the device waits for.
async fn waits_for(field: &Field, path: &Path) -> String {
	let (mut agent, _) = field.agent(path, &lenient()).unwrap();
	timeout(LIMIT, async {
		loop {
			let state = field.scene.chain.newest().await.unwrap();
			match agent.step(&state).await {
				Ok(Outcome::Again) => {},
				Ok(Outcome::Wait) => return agent.obstacle().to_owned(),
				Ok(outcome) => panic!("{outcome:?}"),
				Err(error) => return error.to_string(),
			}
		}
	})
	.await
	.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_release_should_wait_for_the_new_keys_when_its_own_were_replaced() {
	let field = Field::new(1).await;
	let (running, path) = paid(&field).await;
	field.scene.rotate();
	let words = waits_for(&field, &path).await;
	assert!(words.contains("signed by keys that the vendor has replaced"), "{words}");
	// A node claims that the new keys signed it, too.
	field.scene.chain.edit(|world| world.releases.get_mut(&0).unwrap().key_set_version = 2);
	let words = waits_for(&field, &path).await;
	assert!(words.contains("arbitrary installation: "), "{words}");
	assert!(!path.join("current").exists());
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_release_should_be_installed_when_the_new_keys_sign_it() {
	let field = Field::new(1).await;
	let (running, path) = paid(&field).await;
	field.scene.rotate();
	waits_for(&field, &path).await;
	field.scene.resign(0);
	field.update(&path).await;
	assert_eq!(image(&path), payload(0));
	assert_eq!(Home::read(&path).unwrap().firmware().unwrap().unwrap().key_set_version, 2);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_release_should_be_given_up_when_the_new_keys_sign_a_newer_one() {
	let field = Field::new(1).await;
	let (running, path) = paid(&field).await;
	field.scene.rotate();
	waits_for(&field, &path).await;
	let newer = field.release(1, 1);
	field.update(&path).await;
	assert_eq!(image(&path), newer);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipt_should_not_be_signed_when_the_keys_were_replaced_since_the_offer() {
	let field = Field::new(1).await;
	field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	let (mut agent, events) = field.agent(&path, &lenient()).unwrap();
	timeout(LIMIT, async {
		while !matches!(agent.context.exchange.stage(), Stage::NeedReceipt(_)) {
			let state = field.scene.chain.newest().await.unwrap();
			if !matches!(agent.step(&state).await, Ok(Outcome::Again)) {
				sleep(BLOCK_TIME).await;
			}
		}
	})
	.await
	.unwrap();
	field.scene.rotate();
	let error = agent.step(&field.scene.chain.newest().await.unwrap()).await.unwrap_err();
	assert_eq!(error.refusal(), Some(waybill_exchange::Refusal::KeySetReplaced));
	assert!(!events.lock().unwrap().iter().any(|event| matches!(event, Event::Signed { .. })));
	assert!(matches!(agent.context.exchange.stage(), Stage::Idle));
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_release_should_be_given_up_for_a_newer_one_when_nobody_has_its_ciphertext() {
	let field = Field::new(1).await;
	let (running, path) = paid(&field).await;
	let file = fs::read_dir(path.join("ciphertexts")).unwrap().next().unwrap().unwrap().path();
	fs::remove_file(&file).unwrap();
	field.ipfs.remove(&file.file_name().unwrap().to_string_lossy());
	let words = waits_for(&field, &path).await;
	assert!(words.contains("404"), "{words}");
	let newer = field.release(1, 1);
	field.update(&path).await;
	assert_eq!(image(&path), newer);
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_release_should_be_kept_when_the_newer_one_is_not_to_be_had() {
	let field = Field::new(1).await;
	let (running, path) = paid(&field).await;
	field.scene.rotate();
	field.release(1, 1);
	field.scene.chain.edit(|world| world.bounties.remove(&1));
	let words = waits_for(&field, &path).await;
	assert!(words.contains("signed by keys that the vendor has replaced"), "{words}");
	field.scene.resign(0);
	field.update(&path).await;
	assert_eq!(image(&path), payload(0));
	running.stop().await;
}
