//! What a distributor rejects, by the name of each rejection.

mod common;

use common::*;
use waybill_exchange::{sign, Hello, Invite, Rejection, Session, Signer, Slot, Wanted};
use waybill_primitives::view::ReleaseState;
use waybill_primitives::{DeviceKey, Suite};

under_each_suite!(
	relayed_greeting_should_be_rejected,
	relayed_invitation_should_be_refused_by_the_device,
	foreign_nonces_should_be_rejected,
	old_invitations_should_be_rejected,
	bad_signatures_and_weak_keys_should_be_rejected,
	weak_exchange_keys_should_be_rejected,
	other_bounties_should_be_rejected,
	epoch_of_another_distributor_should_be_rejected,
	closed_bounties_and_yanked_releases_should_be_rejected,
	strangers_should_be_rejected,
	paid_and_reserved_devices_should_be_rejected,
	content_key_should_serve_no_more_devices_than_its_limit,
	devices_should_not_share_locks_or_masks,
	offer_should_be_rejected_when_the_ciphertext_is_not_published,
	published_ciphertext_should_not_be_replaced,
	receipts_for_something_else_should_be_rejected,
	receipt_for_another_distributor_should_be_rejected,
	receipt_that_ends_too_soon_should_be_rejected,
	offer_to_another_device_should_not_be_made_again_from_a_session,
	session_should_reject_steps_out_of_order,
	damaged_session_state_should_be_refused,
);

/// A greeting, altered and signed again by the device.
fn resigned(mut hello: Hello, alter: impl FnOnce(&mut Hello), device: &Device) -> Hello {
	alter(&mut hello);
	hello.signature = sign(&device.signer, &hello.statement(), &GENESIS);
	hello
}

fn greeted(suite: Suite) -> (World, Device, Server, Hello) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let hello = device.hello(&mut server, BOUNTY).unwrap();
	(world, device, server, hello)
}

fn relayed_greeting_should_be_rejected(suite: Suite) {
	let (world, _, _, hello) = greeted(suite);
	// A distributor in the middle passes the device's answer on as an answer to itself.
	let mut other = world.server(2);
	assert_eq!(other.open(&hello, &world, 2), Err(Rejection::ForeignDistributor));
	// It rewrites the account: the signature no longer fits.
	let mut rewritten = hello.clone();
	rewritten.distributor = other.account;
	rewritten.distributor_nonce = other.distributor.invite(NOW, &mut other.rng).nonce;
	assert_eq!(other.open(&rewritten, &world, 2), Err(Rejection::BadSignature));
}

fn relayed_invitation_should_be_refused_by_the_device(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut honest) = (world.device(), world.server(1));
	// The device asks distributor 2, which passes on the invitation of distributor 1.
	let invite: Invite = honest.distributor.invite(NOW, &mut honest.rng);
	let wanted = Wanted { distributor: [2; 32], bounty: BOUNTY };
	assert_eq!(
		device.exchange.hello(&device.signer, &invite, wanted, &mut device.rng),
		Err(waybill_exchange::Refusal::ForeignDistributor)
	);
}

fn foreign_nonces_should_be_rejected(suite: Suite) {
	let (world, device, mut server, hello) = greeted(suite);
	for at in [0, 8, 16, 31] {
		let forged = resigned(hello.clone(), |hello| hello.distributor_nonce[at] ^= 1, &device);
		assert_eq!(server.open(&forged, &world, 2), Err(Rejection::UnknownInvite));
	}
	// The nonce of the same distributor before its restart.
	let mut restarted = world.server_with(1, 100, |payload| payload);
	restarted.distributor = waybill_exchange::Distributor::new(GENESIS, restarted.account, 60_000, &mut restarted.rng);
	assert_eq!(restarted.open(&hello, &world, 2), Err(Rejection::UnknownInvite));
}

fn old_invitations_should_be_rejected(suite: Suite) {
	let (_, _, server, hello) = greeted(suite);
	assert!(server.distributor.greet(&hello, NOW + 60_000).is_ok());
	assert_eq!(server.distributor.greet(&hello, NOW + 60_001), Err(Rejection::InviteExpired));
}

fn bad_signatures_and_weak_keys_should_be_rejected(suite: Suite) {
	let (world, device, mut server, hello) = greeted(suite);
	let mut unsigned = hello.clone();
	unsigned.device_nonce[0] ^= 1;
	assert_eq!(server.open(&unsigned, &world, 2), Err(Rejection::BadSignature));
	let mut rekeyed = hello.clone();
	rekeyed.exchange_key[0] ^= 1;
	assert_eq!(server.open(&rekeyed, &world, 2), Err(Rejection::BadSignature));
	let mut weak = hello.clone();
	weak.device_key = DeviceKey::Ed25519([0; 32]);
	assert_eq!(server.open(&weak, &world, 2), Err(Rejection::WeakKey));
	let mut other_chain = hello.clone();
	other_chain.signature = sign(&device.signer, &hello.statement(), &[0; 32]);
	assert_eq!(server.open(&other_chain, &world, 2), Err(Rejection::BadSignature));
}

fn weak_exchange_keys_should_be_rejected(suite: Suite) {
	let (world, device, mut server, hello) = greeted(suite);
	let mut one = [0; 32];
	one[0] = 1;
	for weak in [[0; 32], one] {
		let hello = resigned(hello.clone(), |hello| hello.exchange_key = weak, &device);
		assert_eq!(server.open(&hello, &world, 2), Err(Rejection::WeakExchangeKey));
	}
}

fn other_bounties_should_be_rejected(suite: Suite) {
	let (world, _, mut server, mut hello) = greeted(suite);
	hello.bounty += 1;
	assert_eq!(server.open(&hello, &world, 2), Err(Rejection::NotServed));
}

fn epoch_of_another_distributor_should_be_rejected(suite: Suite) {
	let (world, _, mut server, hello) = greeted(suite);
	server.epoch = world.server(2).epoch;
	assert_eq!(server.open(&hello, &world, 2), Err(Rejection::ForeignDistributor));
}

fn closed_bounties_and_yanked_releases_should_be_rejected(suite: Suite) {
	let (mut world, _, mut server, hello) = greeted(suite);
	let fresh = world.chain.clone();
	world.chain.place.bounty.closing = true;
	assert_eq!(server.open(&hello, &world, 2), Err(Rejection::BountyNotOpen));
	world.chain = fresh.clone();
	world.chain.number = EXPIRES_AT;
	assert_eq!(server.open(&hello, &world, 2), Err(Rejection::BountyNotOpen));
	world.chain = fresh;
	world.chain.release.state = ReleaseState::Yanked;
	assert_eq!(server.open(&hello, &world, 2), Err(Rejection::ReleaseYanked));
}

fn strangers_should_be_rejected(suite: Suite) {
	let world = World::of(suite);
	let mut server = world.server(1);
	let mut stranger = world.device();
	stranger.signer = key(2000);
	stranger.exchange = waybill_exchange::DeviceExchange::new(
		world.profile(),
		waybill_exchange::Policy::default(),
		stranger.signer.public(),
	);
	let hello = stranger.hello(&mut server, BOUNTY).unwrap();
	for index in 0..5 {
		assert_eq!(server.open(&hello, &world, index), Err(Rejection::NotInFleet));
	}
	let (_, mut device, _, _) = greeted(suite);
	let hello = device.hello(&mut server, BOUNTY).unwrap();
	assert_eq!(server.open(&hello, &world, 1), Err(Rejection::NotInFleet));
	let mut empty = world.member(2);
	empty.proof.clear();
	assert_eq!(server.open_with(&hello, &world.job(), empty), Err(Rejection::NotInFleet));
}

fn paid_and_reserved_devices_should_be_rejected(suite: Suite) {
	let (mut world, _, mut server, hello) = greeted(suite);
	world.chain.place.slot = Slot::Paid;
	assert_eq!(server.open(&hello, &world, 2), Err(Rejection::AlreadyPaid));
	let reserved = |exclusive_until| Slot::Reserved { distributor: [9; 32], lock: [9; 32], exclusive_until };
	world.chain.place.slot = reserved(NUMBER + 1);
	assert_eq!(server.open(&hello, &world, 2), Err(Rejection::SlotReserved));
	world.chain.place.slot = reserved(NUMBER);
	assert!(server.open(&hello, &world, 2).is_ok());
}

fn content_key_should_serve_no_more_devices_than_its_limit(suite: Suite) {
	let world = World::of(suite);
	let mut server = world.server_with(1, 2, |payload| payload);
	for index in 0..3 {
		let mut device = world.device_with(world.profile(), index);
		let hello = device.hello(&mut server, BOUNTY).unwrap();
		let expected = if index < 2 { None } else { Some(Rejection::EpochFull) };
		assert_eq!(server.open(&hello, &world, index).err(), expected);
		server.restart();
	}
	assert_eq!(server.epoch.left(), 0);
}

fn devices_should_not_share_locks_or_masks(suite: Suite) {
	let world = World::of(suite);
	let mut server = world.server(1);
	let mut locks: Vec<_> = (0..5)
		.map(|index| {
			let mut device = world.device_with(world.profile(), index);
			let hello = device.hello(&mut server, BOUNTY).unwrap();
			server.open(&hello, &world, index).unwrap().lock
		})
		.collect();
	locks.sort_unstable();
	locks.dedup();
	assert_eq!(locks.len(), 5);
}

fn offer_should_be_rejected_when_the_ciphertext_is_not_published(suite: Suite) {
	let (world, _, mut server, hello) = greeted(suite);
	server.epoch = waybill_exchange::Epoch::generate(&server.epoch.context(), 10, &mut server.rng);
	assert_eq!(server.open(&hello, &world, 2), Err(Rejection::NotReady));
}

fn published_ciphertext_should_not_be_replaced(suite: Suite) {
	let mut server = World::of(suite).server(1);
	let first = *server.epoch.ciphertext().unwrap();
	let proofs = server.epoch.proofs().copied();
	server.epoch.publish(described(b"another"), None);
	assert_eq!((server.epoch.ciphertext(), server.epoch.proofs()), (Some(&first), proofs.as_ref()));
}

fn receipts_for_something_else_should_be_rejected(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	let mut take = |alter: fn(&mut waybill_exchange::Receipt)| {
		let mut receipt = receipt.clone();
		alter(&mut receipt);
		server.session().receipt(&receipt, NUMBER, 5).map(|unsent| unsent.persisted())
	};
	assert_eq!(take(|receipt| receipt.bounty += 1), Err(Rejection::WrongOffer));
	assert_eq!(take(|receipt| receipt.device_index += 1), Err(Rejection::WrongOffer));
	assert_eq!(take(|receipt| receipt.lock[0] ^= 1), Err(Rejection::WrongOffer));
	assert_eq!(take(|receipt| receipt.valid_until += 1), Err(Rejection::BadSignature));
	assert_eq!(take(|_| ()), Ok(()));
}

fn receipt_for_another_distributor_should_be_rejected(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	device.until_held(&world, &mut server);
	let receipt = device.exchange.sign_receipt(&device.signer, &world.chain.view(), NOW).unwrap().persisted();
	let mut forged = receipt.clone();
	forged.signature = sign(&device.signer, &receipt.statement(world.release.digest, [2; 32]), &GENESIS);
	assert_eq!(server.session().receipt(&forged, NUMBER, 5).err(), Some(Rejection::BadSignature));
}

fn receipt_that_ends_too_soon_should_be_rejected(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	let too_short = server.session().receipt(&receipt, receipt.valid_until - 4, 5);
	assert_eq!(too_short.err(), Some(Rejection::ReceiptTooShort));
	assert!(server.session().receipt(&receipt, receipt.valid_until - 5, 5).is_ok());
	assert!(server.session().receipt(&receipt, u32::MAX, 5).is_ok(), "what was acknowledged stays so");
}

fn offer_to_another_device_should_not_be_made_again_from_a_session(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	server.offer_to(&mut device, &world).unwrap();
	let mut other = world.device_with(world.profile(), 3);
	let hello = other.hello(&mut server, BOUNTY).unwrap();
	let greeting = server.distributor.greet(&hello, NOW).unwrap();
	let mut rng = rng(1);
	let job = world.job();
	assert_eq!(server.session().offer(&greeting, &job, NUMBER, &mut rng), Err(Rejection::NotInFleet));
}

fn session_should_reject_steps_out_of_order(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	let session = server.session();
	assert_eq!(session.reserved(0), Err(Rejection::OutOfOrder));
	assert_eq!(session.revealed(), Err(Rejection::OutOfOrder));
	assert_eq!(session.missed(), Err(Rejection::OutOfOrder));
	session.receipt(&receipt, NUMBER, 5).unwrap().persisted();
	assert_eq!(session.revealed(), Err(Rejection::OutOfOrder));
	session.reserved(4).unwrap();
	assert_eq!(session.reserved(4), Ok(()));
	assert_eq!(session.reserved(5), Err(Rejection::OutOfOrder));
	session.revealed().unwrap();
	assert_eq!(session.revealed(), Ok(()));
	assert_eq!(session.lapsed(), Err(Rejection::OutOfOrder));
	assert_eq!(session.missed(), Err(Rejection::OutOfOrder));
	let hello = {
		let mut again = world.device();
		again.hello(&mut server, BOUNTY).unwrap()
	};
	let greeting = server.distributor.greet(&hello, NOW).unwrap();
	world.chain.place.slot = Slot::Paid;
	let (job, mut rng) = (world.job(), rng(1));
	assert_eq!(server.session().offer(&greeting, &job, NUMBER, &mut rng), Err(Rejection::AlreadyPaid));
}

fn damaged_session_state_should_be_refused(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	server.offer_to(&mut device, &world).unwrap();
	let bytes = server.session().to_bytes();
	for length in 0..bytes.len() {
		assert!(Session::restore(&bytes[..length]).is_err());
	}
}
