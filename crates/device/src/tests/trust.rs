//! Following the vendor's key sets.

use super::*;
use crate::follow_keys as follow;
use waybill_primitives::view::KeySetLink;
use waybill_testkit::ledger::World;

/// The result of a step for a device that must follow the chain's key sets, and the device's
/// events.
async fn step(field: &Field, path: &Path) -> (Outcome, String) {
	let (mut agent, _) = field.agent(path, &lenient()).unwrap();
	let state = field.scene.chain.newest().await.unwrap();
	let outcome = agent.step(&state).await.unwrap();
	(outcome, agent.obstacle().to_owned())
}

fn trusted(path: &Path) -> u32 {
	Identity::load(path).unwrap().key_set.version
}

#[tokio::test(flavor = "multi_thread")]
async fn device_should_catch_up_when_it_slept_through_many_key_sets() {
	let field = Field::new(1).await;
	let path = field.provision(0);
	for _ in 0..20 {
		field.scene.rotate();
	}
	let image_bytes = field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let events = field.update(&path).await;
	let followed = events.iter().filter_map(|event| match event {
		Event::KeysFollowed { version } => Some(*version),
		_ => None,
	});
	assert_eq!(followed.collect::<Vec<_>>(), (2..=21).collect::<Vec<_>>());
	assert_eq!((image(&path), trusted(&path)), (image_bytes, 21));
	assert_eq!(Home::read(&path).unwrap().firmware().unwrap().unwrap().key_set_version, 21);
	running.stop().await;
}

#[tokio::test]
async fn device_should_go_on_where_it_was_when_the_power_fails_between_key_sets() {
	let field = Field::new(1).await;
	let path = field.provision(0);
	for _ in 0..5 {
		field.scene.rotate();
	}
	let state = field.scene.chain.newest().await.unwrap();
	for stored in 1..=6 {
		assert_eq!(trusted(&path), stored);
		let mut home = Home::open(&path).unwrap();
		let mut exchange = home.exchange(lenient().policy()).unwrap();
		let mut steps = 0;
		// The power fails after the first set, before the second is stored.
		let result = follow(&mut exchange, &state, |keys| {
			steps += 1;
			match steps {
				1 => home.trust(keys),
				_ => Err(Error::FaultyDisk),
			}
		});
		assert_eq!(result.await.is_ok(), stored >= 5);
	}
	assert_eq!(trusted(&path), 6);
}

#[tokio::test]
async fn wrong_key_set_should_be_refused_by_its_name_and_change_nothing() {
	let field = Field::new(1).await;
	let path = field.provision(0);
	field.scene.rotate();
	field.release(0, 1);
	let (other, scene) = (AccountId([9; 32]), &field.scene);
	let cases: [(&str, KeySetLink); 6] = [
		("KeySet(BelowThreshold)", KeySetLink { old_signatures: Vec::new(), ..scene.link(scene.vendor, 2) }),
		("KeySet(BelowThreshold)", KeySetLink { new_signatures: Vec::new(), ..scene.link(scene.vendor, 2) }),
		("KeySet(SkippedVersion)", scene.link(scene.vendor, 3)),
		("KeySet(KeySetRollback)", KeySetLink { version: 1, ..scene.link(scene.vendor, 2) }),
		("KeySet(Signature(BadSignature))", scene.link(other, 2)),
		("KeySet(Signature(BadSignature))", KeySetLink { key_set: scene.link(other, 3).key_set, ..scene.link(other, 2) }),
	];
	for (name, link) in cases {
		scene.chain.edit(|world| world.key_sets.insert(2, link));
		let mut exchange = Home::read(&path).unwrap().exchange(lenient().policy()).unwrap();
		let state = scene.chain.newest().await.unwrap();
		let error = follow(&mut exchange, &state, |_| panic!("{name} was taken")).await.unwrap_err();
		assert_eq!(error.refusal().map(|refusal| format!("{refusal:?}")).as_deref(), Some(name), "{error}");
		assert_eq!(exchange.profile().keys, scene.trusted_keys());
		let (outcome, obstacle) = step(&field, &path).await;
		assert_eq!(outcome, Outcome::Wait);
		assert!(obstacle.contains("key set"), "{obstacle}");
		assert_eq!(trusted(&path), 1);
	}
	scene.chain.edit(|world| world.key_sets.insert(2, scene.link(scene.vendor, 2)));
	step(&field, &path).await;
	assert_eq!(trusted(&path), 2);
}

#[tokio::test]
async fn key_set_rollback_should_be_named_when_the_chain_has_an_older_set() {
	let field = Field::new(1).await;
	let path = field.provision(0);
	field.scene.rotate();
	step(&field, &path).await;
	assert_eq!(trusted(&path), 2);
	// A state, or a chain, in which the vendor has never replaced its keys.
	let chain: &Fake = &field.scene.chain;
	let forget = |world: &mut World| world.key_sets.clear();
	chain.edit(forget);
	field.release(0, 1);
	let (outcome, obstacle) = step(&field, &path).await;
	assert_eq!(outcome, Outcome::Wait);
	assert!(obstacle.contains("rollback: the key set is older"), "{obstacle}");
	assert_eq!(trusted(&path), 2);
}

#[tokio::test]
async fn chain_that_tells_no_key_sets_should_be_named() {
	let field = Field::new(1).await;
	let path = field.provision(0);
	for _ in 0..2 {
		field.scene.rotate();
	}
	field.scene.chain.edit(|world| {
		// The current version is there, but not the key sets that lead to it.
		let current = world.key_sets.remove(&3).unwrap();
		world.key_sets.clear();
		world.key_sets.insert(3, current);
	});
	let (_, obstacle) = step(&field, &path).await;
	assert!(obstacle.contains("fast-forward"), "{obstacle}");
	assert_eq!(trusted(&path), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn release_of_replaced_keys_should_be_taken_only_when_the_new_ones_sign_it() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	running.serves().await;
	let path = field.provision(0);
	field.scene.rotate();
	let (outcome, obstacle) = step(&field, &path).await;
	assert_eq!(outcome, Outcome::Wait);
	assert!(
		obstacle.contains("release 0 is refused: the release is signed by keys that the vendor has replaced"),
		"{obstacle}"
	);
	field.scene.resign(0);
	field.update(&path).await;
	assert_eq!(image(&path), image_bytes);
	running.stop().await;
}
