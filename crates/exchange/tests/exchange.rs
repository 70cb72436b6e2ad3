//! Both machines against each other.

mod common;

use common::*;
use std::collections::BTreeSet;
use waybill_exchange::{verify, Installed, Observation, Refusal, Rejection, SessionStage, Slot, Stage};
use waybill_primitives::{Cid, ReceiptStatement, Suite, Version};
use waybill_zkcp::unwatched;

under_each_suite!(
	device_should_be_updated_and_distributor_be_paid,
	both_sides_should_carry_on_when_restarted_at_every_step,
	restored_device_should_forget_what_is_installed_when_power_was_lost_after_the_installation,
	receipt_should_be_what_the_chain_checks,
	receipt_should_end_with_the_bounty_when_it_expires_sooner,
	key_should_be_taken_from_anybody_before_the_chain_is_looked_at,
	device_should_turn_to_another_distributor_when_the_first_disappears,
	device_should_take_the_first_distributors_key_when_it_comes_after_the_second_receipt,
	key_of_an_earlier_bounty_should_wait_when_a_receipt_stands_for_another,
	receipt_should_no_longer_stand_when_the_bounty_is_closing,
	receipt_should_stand_until_it_runs_out_when_another_holds_the_slot,
	earlier_contracts_should_be_bounded,
	next_release_should_follow_and_the_older_one_be_refused_after_it,
	device_that_greets_again_should_get_the_same_lock_under_a_new_mask,
	receipt_that_comes_again_should_be_acknowledged_again,
	files_of_lapsed_contracts_should_not_pile_up,
	distributor_should_reserve_anew_when_a_reservation_lapsed,
	key_should_be_given_to_nobody_before_it_is_public,
	secrets_should_not_be_printed,
);

fn device_should_be_updated_and_distributor_be_paid(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	let key = server.settle(&receipt, &mut world.chain);
	assert_eq!(device.exchange.observe(&world.chain.view(), NOW), Ok(Observation::Paid));
	device.exchange.key(&key).unwrap();
	assert_eq!(device.decrypt(&server).unwrap(), world.payload);
	let installed = Installed { version: Version::new(1, 1, 0), security_version: 2 };
	assert_eq!(device.install(&world.chain), Ok(installed));
	assert_eq!(device.exchange.profile().installed, installed);
	assert_eq!(device.exchange.stage(), Stage::Idle);
	assert_eq!(device.exchange.files().count(), 0);
}

fn both_sides_should_carry_on_when_restarted_at_every_step(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	device.restart();
	let hello = device.hello(&mut server, BOUNTY).unwrap();
	device.restart();
	assert!(matches!(device.exchange.stage(), Stage::AwaitOffer(wanted) if wanted.bounty == BOUNTY));
	let offer = server.open(&hello, &world, 2).unwrap();
	server.restart();
	device.exchange.offer(&offer, &world.chain.view(), NOW).unwrap();
	device.restart();
	assert!(matches!(device.exchange.stage(), Stage::NeedCiphertext(terms) if terms.lock == offer.lock));
	let kept = |device: &Device| device.exchange.files().collect::<BTreeSet<_>>();
	let (data, locks) =
		(server.epoch.proofs().map(|proofs| proofs.data.cid), server.epoch.proofs().map(|proofs| proofs.locks.cid));
	let lasting: BTreeSet<_> = data.into_iter().chain([Cid::raw(&server.ciphertext)]).collect();
	assert_eq!(kept(&device), lasting);
	device.fetch(&server.ciphertext).unwrap();
	device.restart();
	if suite == Suite::Zkcp {
		let proofs = server.epoch.proofs().unwrap();
		assert!(matches!(device.exchange.stage(), Stage::NeedProofs(terms, of) if terms.lock == offer.lock && of == proofs));
		assert_eq!(kept(&device), lasting.iter().copied().chain(locks).collect());
		// Power is lost before the verdict is taken.
		let verification = device.exchange.verification().unwrap();
		let ProofFiles { data, locks } = &server.proofs;
		let _ = verification.run(&server.ciphertext, data, locks, &mut unwatched).unwrap();
		device.restart();
		assert!(matches!(device.exchange.stage(), Stage::NeedProofs(..)));
	}
	device.verify(&server).unwrap();
	device.restart();
	assert_eq!(kept(&device), lasting);
	assert!(matches!(device.exchange.stage(), Stage::NeedReceipt(_)));
	let unsent = device.exchange.sign_receipt(&device.signer, &world.chain.view(), NOW).unwrap();
	assert_eq!(unsent.state(), device.exchange.to_bytes().as_slice());
	let receipt = unsent.persisted();
	device.restart();
	assert!(matches!(device.exchange.stage(), Stage::AwaitKey(_, until) if until == receipt.valid_until));
	assert_eq!(device.exchange.receipt().unwrap().persisted(), receipt);

	let unsent = server.session().receipt(&receipt, NUMBER, 5).unwrap();
	assert_eq!(unsent.state(), server.session().to_bytes().as_slice());
	server.restart();
	let submission = server.session().submission().unwrap();
	assert_eq!(submission.receipt.lock, offer.lock);
	server.session().reserved(7).unwrap();
	server.restart();
	let (reservation, index, key) = server.session().claim_key().unwrap();
	assert_eq!((reservation, index, suite.lock(&key)), (7, 2, Some(offer.lock)));
	server.session().revealed().unwrap();
	server.restart();
	assert_eq!(server.session().revealed_key().unwrap().key, key);

	world.chain.place.slot = Slot::Paid;
	assert_eq!(device.exchange.observe(&world.chain.view(), NOW), Ok(Observation::Paid));
	device.restart();
	assert_eq!(device.exchange.awaited().map(|terms| terms.lock).collect::<Vec<_>>(), [offer.lock]);
	device.exchange.key(&key).unwrap();
	device.restart();
	assert!(matches!(device.exchange.stage(), Stage::NeedDecryption(_)));
	// Power is lost halfway through.
	let half = device.exchange.decryption().unwrap();
	let (mut payload, data) = (Vec::new(), &server.proofs.data);
	assert!(half.run(&server.ciphertext[..5000], data, &mut payload, &mut unwatched).is_err());
	assert_eq!(kept(&device), lasting);
	device.restart();
	assert_eq!(device.decrypt(&server).unwrap(), world.payload);
	device.restart();
	let mut check = device.exchange.payload_check().unwrap();
	check.update(&world.payload).unwrap();
	check.finish().unwrap();
	// Power is lost between approval and installation.
	let _ = device.exchange.approve(&world.chain.view(), NOW).unwrap();
	device.restart();
	device.install(&world.chain).unwrap();
	device.restart();
	assert_eq!(device.exchange.stage(), Stage::Idle);
}

fn restored_device_should_forget_what_is_installed_when_power_was_lost_after_the_installation(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	let key = server.settle(&receipt, &mut world.chain);
	device.exchange.key(&key).unwrap();
	device.decrypt(&server).unwrap();
	let bytes = device.exchange.to_bytes();
	let mut profile = world.profile();
	profile.installed = profile.installed.after(&world.release);
	let restored = waybill_exchange::DeviceExchange::restore(
		profile,
		common::policy(),
		waybill_exchange::Signer::public(&device.signer),
		&bytes,
	);
	assert_eq!(restored.unwrap().stage(), Stage::Idle);
}

fn receipt_should_be_what_the_chain_checks(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	server.session().receipt(&receipt, NUMBER, 5).unwrap().persisted();
	let submission = server.session().submission().unwrap();
	let statement = ReceiptStatement {
		bounty: BOUNTY,
		device_index: 2,
		digest: world.release.digest,
		lock: submission.receipt.lock,
		distributor: server.account,
		valid_until: NUMBER + 100,
	};
	verify(&submission.receipt.device_key, &statement, &GENESIS, &submission.receipt.signature).unwrap();
	assert!(waybill_primitives::fleet::verify::<waybill_primitives::fleet::Blake2b256>(
		&world.tree.root(),
		5,
		submission.receipt.device_index,
		&submission.receipt.device_key,
		&submission.proof
	));
}

fn receipt_should_end_with_the_bounty_when_it_expires_sooner(suite: Suite) {
	let mut world = World::of(suite);
	world.chain.place.bounty.expires_at = NUMBER + 30;
	let (mut device, mut server) = (world.device(), world.server(1));
	assert_eq!(device.until_signed(&world, &mut server).valid_until, NUMBER + 29);
}

fn key_should_be_taken_from_anybody_before_the_chain_is_looked_at(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	let key = server.settle(&receipt, &mut world.chain);
	device.exchange.key(&key).unwrap();
	assert_eq!(device.decrypt(&server).unwrap(), world.payload);
}

fn device_should_turn_to_another_distributor_when_the_first_disappears(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut first, mut second) = (world.device(), world.server(1), world.server(2));
	let receipt = device.until_signed(&world, &mut first);
	world.chain.advance(100);
	let now = world.chain.timestamp_ms;
	assert_eq!(device.exchange.observe(&world.chain.view(), now), Ok(Observation::Waiting));
	assert_eq!(device.hello(&mut second, BOUNTY), Err(Refusal::ReceiptStanding(receipt.valid_until)));
	world.chain.advance(1);
	let now = world.chain.timestamp_ms;
	assert_eq!(device.exchange.observe(&world.chain.view(), now), Ok(Observation::Lapsed));
	let receipt = device.until_signed(&world, &mut second);
	let key = second.settle(&receipt, &mut world.chain);
	device.exchange.key(&key).unwrap();
	assert_eq!(device.decrypt(&second).unwrap(), world.payload);
	device.install(&world.chain).unwrap();
}

fn device_should_take_the_first_distributors_key_when_it_comes_after_the_second_receipt(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut first, mut second) = (world.device(), world.server(1), world.server(2));
	let receipt = device.until_signed(&world, &mut first);
	first.session().receipt(&receipt, NUMBER, 5).unwrap().persisted();
	world.chain.reserve(first.account, receipt.lock);
	first.session().reserved(0).unwrap();
	world.chain.advance(49);
	let now = world.chain.timestamp_ms;
	assert_eq!(device.exchange.observe(&world.chain.view(), now), Ok(Observation::Reserved));
	world.chain.advance(1);
	let now = world.chain.timestamp_ms;
	assert_eq!(device.exchange.observe(&world.chain.view(), now), Ok(Observation::Lapsed));

	device.until_signed(&world, &mut second);
	assert_eq!(device.exchange.observe(&world.chain.view(), now), Ok(Observation::Waiting));
	assert_eq!(device.exchange.files().count(), if suite == Suite::Plain { 2 } else { 4 });
	device.restart();
	// The first claims after all, and is paid.
	let (_, _, key) = first.session().claim_key().unwrap();
	world.chain.place.slot = Slot::Paid;
	device.exchange.key(&key).unwrap();
	assert_eq!(device.decrypt(&first).unwrap(), world.payload);
	device.install(&world.chain).unwrap();
	assert_eq!(device.exchange.awaited().count(), 0);
}

fn files_of_lapsed_contracts_should_not_pile_up(suite: Suite) {
	let mut world = World::of(suite);
	let mut device = world.device();
	let each = if suite == Suite::Plain { 1 } else { 2 };
	let mut files = Vec::new();
	for number in 1..=3 {
		let mut server = world.server(number);
		device.until_signed(&world, &mut server);
		// The contract that stands, and the newest of those before.
		assert_eq!(device.exchange.files().count(), each * usize::from(number).min(2));
		assert_eq!(device.exchange.lapsed_files().collect::<Vec<_>>(), files);
		files.extend(device.exchange.files().take(each));
		world.chain.advance(101);
		let now = world.chain.timestamp_ms;
		assert_eq!(device.exchange.observe(&world.chain.view(), now), Ok(Observation::Lapsed));
	}
	assert_eq!(device.exchange.files().count(), each);
	assert_eq!(device.exchange.lapsed_files().collect::<Vec<_>>(), files);
	assert_eq!(device.exchange.awaited().count(), 3);
}

fn key_of_an_earlier_bounty_should_wait_when_a_receipt_stands_for_another(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut first) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut first);
	first.session().receipt(&receipt, NUMBER, 5).unwrap().persisted();
	first.session().reserved(0).unwrap();
	let (_, _, key) = first.session().claim_key().unwrap();
	let mut gone = world.chain.view();
	gone.place = None;
	assert_eq!(device.exchange.observe(&gone, NOW), Ok(Observation::Lapsed));

	let mut other = World::of(suite);
	other.chain.place.bounty.id = BOUNTY + 1;
	let mut second = other.server(2);
	let standing = device.until_signed(&other, &mut second);
	assert_eq!(device.exchange.key(&key), Err(Refusal::ReceiptStanding(standing.valid_until)));
	other.chain.advance(101);
	let now = other.chain.timestamp_ms;
	assert_eq!(device.exchange.observe(&other.chain.view(), now), Ok(Observation::Lapsed));
	device.exchange.key(&key).unwrap();
	assert_eq!(device.decrypt(&first).unwrap(), world.payload);
}

fn receipt_should_no_longer_stand_when_the_bounty_is_closing(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	device.until_signed(&world, &mut server);
	world.chain.place.bounty.closing = true;
	assert_eq!(device.exchange.observe(&world.chain.view(), NOW), Ok(Observation::Lapsed));
}

fn receipt_should_stand_until_it_runs_out_when_another_holds_the_slot(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let lock = device.until_signed(&world, &mut server).lock;
	for (distributor, lock) in [([9; 32], [9; 32]), (server.account, [9; 32]), ([9; 32], lock)] {
		world.chain.reserve(distributor, lock);
		assert_eq!(device.exchange.observe(&world.chain.view(), NOW), Ok(Observation::Waiting));
	}
	world.chain.advance(101);
	let now = world.chain.timestamp_ms;
	assert_eq!(device.exchange.observe(&world.chain.view(), now), Ok(Observation::Lapsed));
}

fn earlier_contracts_should_be_bounded(suite: Suite) {
	let mut world = World::of(suite);
	let mut device = world.device();
	for round in 0..12 {
		let mut server = world.server_without_proofs(round);
		device.until_signed(&world, &mut server);
		world.chain.advance(101);
		world.chain.place.bounty.expires_at += 101;
		let now = world.chain.timestamp_ms;
		assert_eq!(device.exchange.observe(&world.chain.view(), now), Ok(Observation::Lapsed));
		device.restart();
	}
	let awaited: Vec<_> = device.exchange.awaited().map(|terms| terms.distributor[0]).collect();
	assert_eq!(awaited, [4, 5, 6, 7, 8, 9, 10, 11]);
	assert!(device.exchange.to_bytes().len() <= 16_384);
}

fn next_release_should_follow_and_the_older_one_be_refused_after_it(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	let key = server.settle(&receipt, &mut world.chain);
	device.exchange.key(&key).unwrap();
	device.decrypt(&server).unwrap();
	device.install(&world.chain).unwrap();

	let mut older = World::of_with(suite, |release| release.version = Version::new(1, 0, 9));
	older.chain.place.bounty.id = BOUNTY + 1;
	let offer = older.server(3).offer_to(&mut device, &older).unwrap();
	assert_eq!(device.exchange.offer(&offer, &older.chain.view(), NOW), Err(Refusal::NotNewer));

	let mut newer = World::of_with(suite, |release| release.version = Version::new(1, 1, 1));
	newer.chain.place.bounty.id = BOUNTY + 2;
	let mut server = newer.server(4);
	let receipt = device.until_signed(&newer, &mut server);
	let key = server.settle(&receipt, &mut newer.chain);
	device.exchange.key(&key).unwrap();
	device.decrypt(&server).unwrap();
	assert_eq!(device.install(&newer.chain).unwrap().version, Version::new(1, 1, 1));
}

fn device_that_greets_again_should_get_the_same_lock_under_a_new_mask(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let first = server.offer_to(&mut device, &world).unwrap();
	let left = server.epoch.left();
	let hello = device.hello(&mut server, BOUNTY).unwrap();
	let greeting = server.distributor.greet(&hello, NOW).unwrap();
	let mut rng = rng(9);
	let again = server.session().offer(&greeting, &world.job(), NUMBER, &mut rng).unwrap();
	assert_eq!((again.lock, again.commitment), (first.lock, first.commitment));
	assert_ne!(again.mask, first.mask);
	assert_eq!(server.epoch.left(), left);
	assert_eq!(device.exchange.offer(&first, &world.chain.view(), NOW), Err(Refusal::MaskUnreadable));
	device.exchange.offer(&again, &world.chain.view(), NOW).unwrap();
}

fn receipt_that_comes_again_should_be_acknowledged_again(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	for _ in 0..2 {
		server.session().receipt(&receipt, NUMBER, 5).unwrap().persisted();
		assert_eq!(server.session().progress(), &SessionStage::Signed(receipt.clone()));
	}
	server.settle(&receipt, &mut world.chain);
	server.session().receipt(&receipt, NUMBER, 5).unwrap().persisted();
	assert_eq!(server.session().progress(), &SessionStage::Revealed);
	assert_eq!(server.session().submission(), None);
}

fn distributor_should_reserve_anew_when_a_reservation_lapsed(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	server.session().receipt(&receipt, NUMBER, 5).unwrap().persisted();
	server.session().reserved(0).unwrap();
	// It is too late to claim, but the receipt can still be reserved.
	server.session().missed().unwrap();
	assert_eq!(server.session().progress(), &SessionStage::Signed(receipt.clone()));
	assert_eq!(server.session().claim_key(), None);
	server.session().reserved(1).unwrap();
	server.session().lapsed().unwrap();
	assert_eq!(server.session().progress(), &SessionStage::Offered);
	assert_eq!(server.session().claim_key(), None);
	server.settle(&receipt, &mut world.chain);
}

fn key_should_be_given_to_nobody_before_it_is_public(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	let session = server.session();
	assert_eq!((session.claim_key(), session.revealed_key()), (None, Err(Rejection::NotRevealed)));
	session.receipt(&receipt, NUMBER, 5).unwrap().persisted();
	assert_eq!((session.claim_key(), session.revealed_key()), (None, Err(Rejection::NotRevealed)));
	session.reserved(3).unwrap();
	assert!(session.claim_key().is_some());
	assert_eq!(session.revealed_key(), Err(Rejection::NotRevealed));
	session.revealed().unwrap();
	assert!(session.revealed_key().is_ok());
}

fn secrets_should_not_be_printed(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	let printed = format!("{:?} {:?} {:?}", device.exchange, server.session, server.epoch);
	let key = format!("{:?}", server.epoch.content_key().unwrap().secret().expose());
	let lock_key = format!("{:?}", server.settle(&receipt, &mut world.chain));
	assert!(printed.contains("Secret(..)"));
	for secret in [key, lock_key] {
		assert!(!printed.contains(secret.trim_matches(['[', ']'])));
	}
}
