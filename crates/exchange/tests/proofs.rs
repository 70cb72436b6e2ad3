//! Proofs before receipts: what a device signs for under a suite with proofs, and what it gets for
//! its signature.

mod common;

use common::*;
use std::ops::ControlFlow;
use waybill_exchange::{
	ContentContext, ContentKey, Epoch, Evidence, Fault, LockPlace, Message, Offer, ProofFault, ProofQuery, ProofVerdict,
	Proofs, Refusal, Secret, Stage, StreamError,
};
use waybill_primitives::{Digest, Suite};
use waybill_zkcp::{EnvelopeError, Key, Layout, Progress, VerifyError, CHUNK_CIPHERTEXT, LOCKS_IN_GROUP, SAMPLED_FROM};

fn world() -> World {
	World::of(Suite::Zkcp)
}

/// The keys and files that an honest distributor would have.
fn honest(world: &World) -> Server {
	let mut server = world.unpublished(1, 100);
	server.ciphertext = encrypted(&server.epoch, &world.payload);
	server.proofs = ProofFiles::of(&server.epoch, &world.payload);
	server
}

/// The result of the device's check of the proofs, once it has the ciphertext of an offer. If the
/// check fails, the device has signed nothing and gets the update elsewhere.
fn checked(world: &World, device: &mut Device, server: &Server) -> Result<(), Refusal> {
	let signs = |device: &mut Device| device.exchange.sign_receipt(&device.signer, &world.chain.view(), NOW).map(drop);
	assert!(matches!(device.exchange.stage(), Stage::NeedProofs(..)));
	assert_eq!(signs(device), Err(Refusal::OutOfOrder));
	device.restart();
	assert_eq!(signs(device), Err(Refusal::OutOfOrder));
	let outcome = device.verify(server);
	device.restart();
	if outcome.is_err() {
		assert_eq!(device.exchange.stage(), Stage::Idle);
		assert_eq!(signs(device), Err(Refusal::OutOfOrder));
		device.until_signed(world, &mut world.server(2));
	}
	outcome
}

/// The result if the distributor publishes other files than it should.
fn published(cheat: impl FnOnce(&World, &mut Server)) -> Result<(), Refusal> {
	let world = world();
	let (mut device, mut server) = (world.device(), honest(&world));
	cheat(&world, &mut server);
	server.publish();
	device.until_unverified(&world, &mut server);
	checked(&world, &mut device, &server)
}

/// The result if the distributor makes another offer than it should: `cheat` returns bytes of its
/// state for the device, and their replacement.
fn offered(cheat: impl FnOnce(&Server, &Offer) -> (Vec<u8>, Vec<u8>)) -> Result<(), Refusal> {
	let world = world();
	let (mut device, mut server) = (world.device(), honest(&world));
	server.publish();
	let offer = server.offer_to(&mut device, &world).unwrap();
	let (from, to) = cheat(&server, &offer);
	let stored = patched(&server.session().to_bytes(), &from, &to);
	server.session = Some(waybill_exchange::Session::restore(&stored).unwrap());
	let offer = server.offer_again(&mut device, &world);
	device.exchange.offer(&offer, &world.chain.view(), NOW)?;
	device.fetch(&server.ciphertext).unwrap();
	checked(&world, &mut device, &server)
}

fn data(error: VerifyError) -> Result<(), Refusal> {
	Err(Refusal::Proof(ProofFault::Data(error)))
}

fn locks(error: VerifyError) -> Result<(), Refusal> {
	Err(Refusal::Proof(ProofFault::Locks(error)))
}

const LOCK: Result<(), Refusal> = Err(Refusal::Proof(ProofFault::Lock));

/// The epoch of another distributor, which can prove anything about its own key.
fn other_epoch(world: &World) -> Epoch {
	world.unpublished(3, 100).epoch
}

/// Encrypts and proves with this key, as if it were for this context.
fn forged(key: &Key, lock_keys: &[Key], context: &ContentContext, payload: &[u8]) -> (Vec<u8>, ProofFiles) {
	let secret = Secret::new(key.to_bytes());
	let (key, nonce) = ContentKey::restore(context, secret).unwrap().provable().unwrap();
	let digests = chunk_digests(payload);
	let (mut ciphertext, watch) = (Vec::new(), &mut waybill_zkcp::unwatched);
	let of_ciphertext = waybill_zkcp::encrypt::<_, _, waybill_zkcp::OutOfRange>(
		payload,
		*digests.layout(),
		&key,
		&nonce,
		&mut ciphertext,
		watch,
	)
	.unwrap();
	let files = ProofFiles {
		data: waybill_zkcp::prove(&ciphertext, &digests, &of_ciphertext, &key, &nonce, watch).unwrap(),
		locks: waybill_zkcp::prove_locks(&key, lock_keys, &nonce).unwrap(),
	};
	(ciphertext, files)
}

fn key_of(epoch: &Epoch) -> Key {
	epoch.content_key().unwrap().provable().unwrap().0
}

#[test]
fn honest_proofs_should_be_taken() {
	assert_eq!(published(|_, _| ()), Ok(()));
}

#[test]
fn ciphertext_should_be_refused_when_it_is_not_the_one_that_is_proved() {
	let invalid = data(VerifyError::Invalid);
	assert_eq!(published(|_, server| server.ciphertext[4_000] ^= 1), invalid);
	// One chunk in the place of another.
	assert_eq!(published(|_, server| server.ciphertext.copy_within(..CHUNK_CIPHERTEXT, CHUNK_CIPHERTEXT)), invalid);
	// Cut off, and filled up to its length.
	assert_eq!(published(|_, server| server.ciphertext[10_000..].fill(0)), invalid);
	assert_eq!(published(|_, server| server.ciphertext.fill(0)), invalid);
	// The ciphertext of another release, under the right key.
	let mut other = world().payload;
	other[5_000] ^= 1;
	assert_eq!(published(|_, server| server.ciphertext = encrypted(&server.epoch, &other)), invalid);
	// The ciphertext of this release, under another key.
	assert_eq!(published(|world, server| server.ciphertext = encrypted(&other_epoch(world), &world.payload)), invalid);
	// Numbers that are not elements of the field.
	let unreadable = published(|_, server| server.ciphertext[64..68].fill(0xff));
	assert_eq!(unreadable, Err(Refusal::Proof(ProofFault::Ciphertext)));
}

#[test]
fn ciphertext_of_another_release_should_be_refused_when_its_own_proof_is_honest() {
	let outcome = published(|world, server| {
		let mut other = world.payload.clone();
		other[5_000] ^= 1;
		server.ciphertext = encrypted(&server.epoch, &other);
		server.proofs.data = prove_data(&server.epoch, &other, &server.ciphertext).unwrap();
	});
	assert_eq!(outcome, data(VerifyError::OtherPayload));
	// A longer release, of which this one is the beginning, and a shorter one.
	for length in [7_620, 12_000] {
		let outcome = published(|_, server| {
			let other = payload(length);
			let ciphertext = encrypted(&server.epoch, &other);
			server.proofs.data = prove_data(&server.epoch, &other, &ciphertext).unwrap();
		});
		assert_eq!(outcome, data(VerifyError::Shape));
	}
}

#[test]
fn truncated_ciphertext_should_be_refused_when_it_is_offered_and_when_the_disk_lost_a_part() {
	let world = world();
	let (mut device, mut server) = (world.device(), honest(&world));
	server.ciphertext.truncate(10_000);
	server.publish();
	let offer = server.offer_to(&mut device, &world).unwrap();
	let refused = device.exchange.offer(&offer, &world.chain.view(), NOW);
	assert_eq!(refused, Err(Refusal::CiphertextSizeMismatch));

	let (mut device, mut server) = (world.device(), world.server(1));
	device.until_unverified(&world, &mut server);
	let verification = device.exchange.verification().unwrap();
	let ProofFiles { data, locks } = &server.proofs;
	assert!(verification.run(&server.ciphertext[..10_000], data, locks, &mut waybill_zkcp::unwatched).is_err());
	assert!(matches!(device.exchange.stage(), Stage::NeedProofs(..)));
	assert_eq!(device.verify(&server), Ok(()));
}

#[test]
fn proofs_for_another_nonce_should_be_refused() {
	let own = world().context([1; 32]);
	let others = [
		ContentContext { genesis: [0; 32], ..own.clone() },
		ContentContext { bounty: BOUNTY + 1, ..own.clone() },
		ContentContext { distributor: [3; 32], ..own.clone() },
		ContentContext { digest: Digest { bytes: [1; 32], ..own.digest }, ..own.clone() },
		ContentContext { epoch: 1, ..own },
	];
	for context in others {
		let world = world();
		let epoch = honest(&world).epoch;
		let (ciphertext, files) = forged(&key_of(&epoch), &epoch.lock_keys(), &context, &world.payload);
		// First all files are for the other nonce, then only some of them.
		let outcome = published(|_, server| (server.ciphertext, server.proofs) = (ciphertext.clone(), files.clone()));
		assert_eq!(outcome, locks(VerifyError::Invalid));
		let outcome = published(|_, server| server.ciphertext = ciphertext.clone());
		assert_eq!(outcome, data(VerifyError::Invalid));
		let outcome = published(|_, server| server.proofs.data = files.data.clone());
		assert_eq!(outcome, data(VerifyError::Invalid));
		let outcome = published(|_, server| (server.ciphertext, server.proofs.data) = (ciphertext, files.data));
		assert_eq!(outcome, data(VerifyError::Invalid));
	}
}

#[test]
fn proofs_for_another_key_should_be_refused() {
	let forge = |world: &World, server: &Server| {
		let other = other_epoch(world);
		forged(&key_of(&other), &other.lock_keys(), &server.epoch.context(), &world.payload)
	};
	// Everything is for the other key, except the commitment.
	let outcome = published(|world, server| (server.ciphertext, server.proofs) = forge(world, server));
	assert_eq!(outcome, locks(VerifyError::Invalid));
	let outcome = published(|world, server| {
		let (ciphertext, files) = forge(world, server);
		(server.ciphertext, server.proofs.data) = (ciphertext, files.data);
	});
	assert_eq!(outcome, data(VerifyError::Invalid));
	// The commitment is the other key's, or is not canonical.
	for (to, expected) in [
		(key_of(&other_epoch(&world())).commitment(), locks(VerifyError::Invalid)),
		([0xff; 32], locks(VerifyError::Commitment)),
	] {
		let outcome = offered(|server, _| (server.epoch.content_key().unwrap().commitment().to_vec(), to.to_vec()));
		assert_eq!(outcome, expected);
	}
}

#[test]
fn lock_and_mask_should_be_refused_when_they_are_not_in_the_proved_table() {
	let mask = |server: &Server, at: usize| key_of(&server.epoch).mask(&server.epoch.lock_keys()[at]).to_bytes().to_vec();
	// Another mask, that of the neighbour, and one that is no key.
	assert_eq!(offered(|server, _| (mask(server, 0), Key::generate(|| 7).to_bytes().to_vec())), LOCK);
	assert_eq!(offered(|server, _| (mask(server, 0), mask(server, 1))), LOCK);
	assert_eq!(offered(|server, _| (mask(server, 0), vec![0xff; 32])), LOCK);
	// Another lock, that of the neighbour, and one that no key opens.
	let lock = |server: &Server, at: usize| server.epoch.lock_keys()[at].lock().to_vec();
	assert_eq!(offered(|_, offer| (offer.lock.to_vec(), Key::generate(|| 7).lock().to_vec())), LOCK);
	assert_eq!(offered(|server, offer| (offer.lock.to_vec(), lock(server, 1))), LOCK);
	assert_eq!(offered(|_, offer| (offer.lock.to_vec(), vec![0xff; 32])), LOCK);
}

#[test]
fn lock_table_of_another_key_or_with_other_locks_should_be_refused() {
	let outcome = published(|world, server| {
		let other = other_epoch(world);
		let nonce = server.epoch.content_key().unwrap().provable().unwrap().1;
		server.proofs.locks = waybill_zkcp::prove_locks(&key_of(&other), &other.lock_keys(), &nonce).unwrap();
	});
	assert_eq!(outcome, locks(VerifyError::Invalid));
	// The right key, but none of the device's locks.
	let outcome = published(|world, server| {
		let (key, nonce) = server.epoch.content_key().unwrap().provable().unwrap();
		server.proofs.locks = waybill_zkcp::prove_locks(&key, &other_epoch(world).lock_keys(), &nonce).unwrap();
	});
	assert_eq!(outcome, LOCK);
	let outcome = published(|_, server| server.proofs.locks = server.proofs.data.clone());
	assert_eq!(outcome, locks(VerifyError::Envelope(EnvelopeError::NoProof)));
	let outcome = published(|_, server| server.proofs.data = server.proofs.locks.clone());
	assert_eq!(outcome, data(VerifyError::Envelope(EnvelopeError::NoProof)));
	assert_eq!(published(|_, server| server.proofs.locks.clear()), locks(VerifyError::Envelope(EnvelopeError::NoProof)));
}

/// The result with another place in the same proofs.
fn placed(alter: impl FnOnce(&mut LockPlace)) -> Result<(), Refusal> {
	offered(|_, offer| {
		let mut other = offer.evidence.clone();
		let Evidence::Proven(_, place) = &mut other else { panic!("no evidence") };
		alter(place);
		(minicbor::to_vec(&offer.evidence).unwrap(), minicbor::to_vec(&other).unwrap())
	})
}

#[test]
fn place_of_another_device_should_be_refused() {
	assert_eq!(placed(|place| place.index += 1), LOCK);
	assert_eq!(placed(|place| place.index = 15), LOCK);
	assert_eq!(placed(|place| place.index = u8::MAX), LOCK);
	assert_eq!(placed(|place| place.group += 1), LOCK);
	assert_eq!(placed(|place| place.group = u32::MAX), LOCK);
	assert_eq!(placed(|place| place.others.swap(0, 1)), LOCK);
	assert_eq!(placed(|place| place.others[13] = [0xff; 32]), LOCK);
	// The whole place of the neighbour, and of the first lock in the next group.
	for index in [1, LOCKS_IN_GROUP as u32] {
		let outcome = offered(|server, offer| {
			let keys = server.epoch.lock_keys();
			let first = index as usize / LOCKS_IN_GROUP * LOCKS_IN_GROUP;
			let group = keys[first..first + LOCKS_IN_GROUP].try_into().unwrap();
			let other = waybill_zkcp::lock_place(&key_of(&server.epoch), group, index);
			let other = Evidence::Proven(*offer.evidence.proofs().unwrap(), other.into());
			(minicbor::to_vec(&offer.evidence).unwrap(), minicbor::to_vec(&other).unwrap())
		});
		assert_eq!(outcome, LOCK);
	}
}

#[test]
fn evidence_of_another_kind_or_shape_should_be_refused_with_the_offer() {
	for suite in SUITES {
		let world = World::of(suite);
		let (mut device, mut server) = (world.device(), world.server(1));
		let mut offer = server.offer_to(&mut device, &world).unwrap();
		let proofs = Proofs { data: stored(b"data"), locks: stored(b"locks") };
		offer.evidence = match suite {
			Suite::Plain => Evidence::Proven(proofs, LockPlace { group: 0, index: 0, others: vec![[0; 32]; 14] }),
			Suite::Zkcp => Evidence::Unproven,
		};
		let before = device.exchange.to_bytes();
		let refused = device.exchange.offer(&offer, &world.chain.view(), NOW);
		assert_eq!(refused, Err(Refusal::EvidenceRefused));
		assert_eq!(device.exchange.to_bytes(), before);
	}
	assert_eq!(placed(|place| place.others.truncate(13)), Err(Refusal::EvidenceRefused));
	assert_eq!(placed(|place| place.others.push([0; 32])), Err(Refusal::EvidenceRefused));
	assert_eq!(placed(|place| place.others.clear()), Err(Refusal::EvidenceRefused));
}

/// The query of a device whose payload has this length.
fn query(length: u64) -> ProofQuery {
	let world = world();
	let (mut device, mut server) = (world.device(), world.server(1));
	device.until_unverified(&world, &mut server);
	altered(device.exchange.verification().unwrap().query(), |query| {
		query.size = length;
		query.ciphertext.size = Layout::new(length).map_or(0, |layout| layout.ciphertext_length());
	})
}

fn altered(query: &ProofQuery, alter: impl FnOnce(&mut ProofQuery)) -> ProofQuery {
	let mut query = query.clone();
	alter(&mut query);
	query
}

#[test]
fn proofs_should_be_refused_unseen_when_they_are_larger_than_such_proofs_can_be() {
	let small = query(10_000);
	assert_eq!(small.check_sizes(), Ok(()));
	let with = |query: &ProofQuery, data, locks| {
		let mut query = query.clone();
		(query.proofs.data.size, query.proofs.locks.size) = (data, locks);
		query.check_sizes()
	};
	let too_large = Err(ProofFault::TooLarge);
	let most = 3 * 32 + (1 << 20);
	assert_eq!(with(&small, most, 1 << 20), Ok(()));
	assert_eq!(with(&small, most + 1, 0), too_large);
	assert_eq!(with(&small, 0, (1 << 20) + 1), too_large);
	assert_eq!(with(&small, u64::MAX, u64::MAX), too_large);
	// The digests of a sampled payload's chunks grow with it, its proofs do not.
	for (length, chunks) in [(32 << 20, 10_611), (1 << 30, 339_546)] {
		let sampled = query(length);
		assert_eq!(with(&sampled, chunks * 32 + (2 << 20), 0), Ok(()));
		assert_eq!(with(&sampled, chunks * 32 + (2 << 20) + 1, 0), too_large);
	}
	let longest = query(waybill_zkcp::MAX_LENGTH + 1);
	let malformed = Err(ProofFault::Malformed);
	assert_eq!(longest.check_sizes(), malformed);
	assert_eq!(altered(&small, |query| query.ciphertext.size += 1).check_sizes(), malformed);
	assert_eq!(altered(&small, |query| query.ciphertext.size -= 32).check_sizes(), malformed);
	assert_eq!(altered(&small, |query| query.digest.suite = Suite::Plain).check_sizes(), malformed);

	let world = world();
	let (mut device, mut server) = (world.device(), world.server(1));
	device.until_unverified(&world, &mut server);
	let verified = device.exchange.verification().unwrap().refuse(ProofFault::TooLarge);
	assert_eq!(device.exchange.verified(verified), Err(Refusal::Proof(ProofFault::TooLarge)));
	assert_eq!(device.exchange.stage(), Stage::Idle);
}

#[test]
fn key_that_is_not_canonical_should_be_refused() {
	let mut world = world();
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	let key = server.settle(&receipt, &mut world.chain);
	let before = device.exchange.to_bytes();
	assert_eq!(device.exchange.key(&[0xff; 32]), Err(Refusal::WrongKey));
	// The same element of the field, written in another way.
	let mut other = key;
	let number = u32::from_le_bytes(other[..4].try_into().unwrap()).wrapping_add(0x7f00_0001);
	other[..4].copy_from_slice(&number.to_le_bytes());
	assert_eq!(device.exchange.key(&other), Err(Refusal::WrongKey));
	assert_eq!(device.exchange.to_bytes(), before);
	assert_eq!(device.exchange.key(&key), Ok(()));
}

/// What a device does after it believed a hub that lied about a mask.
#[test]
fn mask_that_does_not_give_the_committed_key_should_be_named_a_fraud_when_a_hub_lied() {
	for to in [vec![0xff; 32], Key::generate(|| 7).to_bytes().to_vec()] {
		let mut world = world();
		let (mut device, mut server) = (world.device(), world.server(1));
		let (key, keys) = (key_of(&server.epoch), server.epoch.lock_keys());
		let offer = server.offer_with(&mut device, &world, &key.mask(&keys[0]).to_bytes(), &to);
		device.exchange.offer(&offer, &world.chain.view(), NOW).unwrap();
		device.fetch(&server.ciphertext).unwrap();
		let place = match &offer.evidence {
			Evidence::Proven(_, place) => place.proved().unwrap(),
			Evidence::Unproven => panic!("no evidence"),
		};
		let group = Key::from_bytes(&to.try_into().unwrap()).and_then(|mask| place.group_digest(&offer.lock, &mask));
		let verdict = ProofVerdict::new(&Ok(group.unwrap_or_default()));
		let verified = device.exchange.verification().unwrap().believe(&verdict, &server.proofs.data);
		// Not even the hub can make the device take a mask that is no key.
		let taken = device.exchange.verified(verified);
		assert_eq!(taken.is_ok(), group.is_some());
		if taken.is_err() {
			assert_eq!(taken, LOCK);
			continue;
		}
		let receipt = device.exchange.sign_receipt(&device.signer, &world.chain.view(), NOW).unwrap().persisted();
		let revealed = server.settle(&receipt, &mut world.chain);
		assert_eq!(device.exchange.key(&revealed), Err(Refusal::WrongContentKey));
		assert!(matches!(device.exchange.stage(), Stage::Failed(_, Fault::WrongContentKey)));
	}
}

#[test]
fn payload_should_come_out_whichever_lock_is_opened_when_the_proofs_were_checked() {
	let world = world();
	let mut server = world.server(1);
	for index in 0..LOCKS_IN_GROUP + 3 {
		let (mut device, mut world) = (world.device(), world.clone());
		device.rng = rng(300 + index as u64);
		let receipt = device.until_signed(&world, &mut server);
		let terms = device.exchange.awaited().next().unwrap().clone();
		let Evidence::Proven(_, place) = &terms.evidence else { panic!("no evidence") };
		assert_eq!(place.group as usize * LOCKS_IN_GROUP + usize::from(place.index), index);
		server.restart();
		let key = server.settle(&receipt, &mut world.chain);
		assert_eq!(server.epoch.lock_keys()[index].to_bytes(), key);
		device.exchange.key(&key).unwrap();
		assert_eq!(device.decrypt(&server).unwrap(), world.payload);
		let _ = device.install(&world.chain).unwrap();
	}
	assert_eq!(server.epoch.left(), 100 - 18);
}

#[test]
fn damaged_proof_should_be_fetched_again_when_the_payload_is_decrypted() {
	let mut world = world();
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	let key = server.settle(&receipt, &mut world.chain);
	device.exchange.key(&key).unwrap();
	let before = device.exchange.to_bytes();
	let proof = &server.proofs.data;
	let mut flipped = proof.clone();
	flipped[40] ^= 1;
	let mut other = world.payload.clone();
	other[0] ^= 1;
	let of_another = prove_data(&server.epoch, &other, &encrypted(&server.epoch, &other)).unwrap();
	let envelope = |error| VerifyError::Envelope(error);
	for (file, error) in [
		(&[][..], envelope(EnvelopeError::NoProof)),
		(&proof[..60], envelope(EnvelopeError::Malformed)),
		(&flipped, VerifyError::OtherPayload),
		(&of_another, VerifyError::OtherPayload),
		(&server.proofs.locks, envelope(EnvelopeError::NoProof)),
	] {
		let refused = Err(Refusal::Proof(ProofFault::Data(error)));
		assert_eq!(device.decrypt_with(&server.ciphertext, file), refused);
		assert_eq!(device.exchange.to_bytes(), before);
	}
	let mut ciphertext = server.ciphertext.clone();
	ciphertext[0] ^= 1;
	let damaged = device.decrypt_with(&ciphertext, &server.proofs.data);
	assert_eq!(damaged, Err(Refusal::Ciphertext(StreamError::HashMismatch)));
	device.restart();
	assert_eq!(device.decrypt(&server).unwrap(), world.payload);
}

#[test]
fn nothing_should_change_when_a_check_or_a_decryption_is_broken_off() {
	let mut stop = |_: Progress| ControlFlow::Break(());
	let cancelled = Refusal::Proof(ProofFault::Cancelled);
	let mut world = world();
	let (mut device, mut server) = (world.device(), world.server(1));
	device.until_unverified(&world, &mut server);
	let before = device.exchange.to_bytes();
	let ProofFiles { data, locks } = server.proofs.clone();
	let verified = device.exchange.verification().unwrap().run(&server.ciphertext, &data, &locks, &mut stop).unwrap();
	assert_eq!(device.exchange.verified(verified), Err(cancelled));
	assert_eq!(device.exchange.to_bytes(), before);

	device.verify(&server).unwrap();
	let receipt = device.exchange.sign_receipt(&device.signer, &world.chain.view(), NOW).unwrap().persisted();
	let key = server.settle(&receipt, &mut world.chain);
	device.exchange.key(&key).unwrap();
	let before = device.exchange.to_bytes();
	let decrypted =
		device.exchange.decryption().unwrap().run(&server.ciphertext, &data, &mut Vec::new(), &mut stop).unwrap();
	assert_eq!(device.exchange.decrypted(decrypted), Err(cancelled));
	assert_eq!(device.exchange.to_bytes(), before);
	assert_eq!(device.decrypt(&server).unwrap(), world.payload);
}

#[test]
fn verdict_should_hold_for_no_other_offer_even_with_the_same_lock() {
	let world = world();
	let (mut device, mut server) = (world.device(), world.server(1));
	device.until_unverified(&world, &mut server);
	let ProofFiles { data, locks } = server.proofs.clone();
	let honest = device.exchange.verification().unwrap();
	let verified = honest.run(&server.ciphertext, &data, &locks, &mut waybill_zkcp::unwatched).unwrap();
	device.exchange.abandon().unwrap();

	let mask = key_of(&server.epoch).mask(&server.epoch.lock_keys()[0]).to_bytes();
	let stored = patched(&server.session().to_bytes(), &mask, &Key::generate(|| 7).to_bytes());
	server.session = Some(waybill_exchange::Session::restore(&stored).unwrap());
	let offer = server.offer_again(&mut device, &world);
	device.exchange.offer(&offer, &world.chain.view(), NOW).unwrap();
	assert_eq!(device.exchange.verified(verified), Err(Refusal::OutOfOrder));
	device.fetch(&server.ciphertext).unwrap();
	let verified = honest.run(&server.ciphertext, &data, &locks, &mut waybill_zkcp::unwatched).unwrap();
	assert_eq!(device.exchange.verified(verified), Err(Refusal::OutOfOrder));
	assert_eq!(checked(&world, &mut device, &server), LOCK);
}

#[test]
fn hub_should_be_believed_for_the_devices_own_group_alone() {
	let believed = |verdict: &dyn Fn(&Server, &ProofQuery) -> ProofVerdict| {
		let world = world();
		let (mut device, mut server) = (world.device(), world.server(1));
		device.until_unverified(&world, &mut server);
		let verification = device.exchange.verification().unwrap();
		let verified = verification.believe(&verdict(&server, verification.query()), &server.proofs.data);
		let outcome = device.exchange.verified(verified);
		assert_eq!(outcome.is_ok(), matches!(device.exchange.stage(), Stage::NeedReceipt(_)));
		assert_eq!(outcome.is_err(), device.exchange.stage() == Stage::Idle);
		outcome
	};
	let of = |server: &Server, query: &ProofQuery| {
		let ProofFiles { data, locks } = &server.proofs;
		ProofVerdict::new(&query.check(&server.ciphertext, data, locks, &mut waybill_zkcp::unwatched).unwrap())
	};
	assert_eq!(believed(&of), Ok(()));
	assert_eq!(believed(&|server, query| ProofVerdict::from_cbor(&of(server, query).to_cbor()).unwrap()), Ok(()));
	assert_eq!(believed(&|server, query| of(server, &altered(query, |query| query.group = 1))), LOCK);
	assert_eq!(believed(&|_, _| ProofVerdict::new(&Ok([0; 32]))), LOCK);
	let hub = Err(Refusal::Proof(ProofFault::Hub));
	assert_eq!(believed(&|server, query| of(server, &altered(query, |query| query.group = 16))), hub);
	assert_eq!(believed(&|server, query| of(server, &altered(query, |query| query.nonce = [0; 32]))), hub);
	assert_eq!(believed(&|_, _| ProofVerdict::new(&Err(ProofFault::Ciphertext))), hub);
}

#[test]
fn hub_should_not_be_believed_when_the_digests_to_decrypt_with_are_not_at_hand() {
	let world = world();
	let other = World::for_payload(Suite::Zkcp, payload(40_000), |_| ());
	let believed = |data: &[u8]| {
		let (mut device, mut server) = (world.device(), world.server(1));
		device.until_unverified(&world, &mut server);
		let Stage::NeedProofs(terms, _) = device.exchange.stage() else { panic!("no proofs") };
		let verdict = ProofVerdict::new(&Ok(server.group_of(terms)));
		let verified = device.exchange.verification().unwrap().believe(&verdict, data);
		device.exchange.verified(verified)
	};
	let refused = |error| Err(Refusal::Proof(ProofFault::Data(error)));
	let data = world.server(1).proofs.data;
	assert_eq!(believed(&data), Ok(()));
	assert_eq!(believed(&[]), refused(VerifyError::Envelope(EnvelopeError::NoProof)));
	assert_eq!(believed(&data[..40]), refused(VerifyError::Envelope(EnvelopeError::Malformed)));
	assert_eq!(believed(&world.server(1).proofs.locks), refused(VerifyError::Envelope(EnvelopeError::NoProof)));
	assert_eq!(believed(&other.server(1).proofs.data), refused(VerifyError::Shape));
	let mut altered = data.clone();
	altered[50] ^= 1;
	assert_eq!(believed(&altered), refused(VerifyError::OtherPayload));
}

#[test]
fn key_should_serve_no_more_devices_than_the_largest_table_has_locks() {
	let world = world();
	let epoch = |limit| Epoch::generate(&world.context([1; 32]), limit, &mut rng(1));
	assert_eq!((epoch(u32::MAX).left(), epoch(15_361).left(), epoch(7).left()), (15_360, 15_360, 7));
	assert_eq!((epoch(7).lock_keys().len(), epoch(241).lock_keys().len(), epoch(0).lock_keys().len()), (240, 480, 240));
	let mut keys: Vec<_> = epoch(7_000).lock_keys().iter().map(Key::to_bytes).collect();
	keys.sort_unstable();
	keys.dedup();
	assert_eq!(keys.len(), 7_680);
	assert!(World::new().unpublished(1, 100).epoch.lock_keys().is_empty());
}

/// The longest test. A distributor spoils chunks of a sampled payload and hopes that they are not
/// drawn.
#[test]
fn sampled_payload_should_come_out_when_the_distributor_spoilt_as_much_as_the_proof_lets_pass() {
	let mut world = World::for_payload(Suite::Zkcp, payload(SAMPLED_FROM as usize + 5_000), |_| ());
	let layout = *chunk_digests(&world.payload).layout();
	let spare = (layout.total() - layout.chunks()) as usize;
	let mut server = world.unpublished(1, 100);
	let honest = encrypted(&server.epoch, &world.payload);
	let spoil = |ciphertext: &mut [u8], chunk: usize, bit: u8| ciphertext[chunk * CHUNK_CIPHERTEXT] ^= 1 << bit;

	// One of the payload's own chunks is spoilt. A quarter of all samples show it, so the
	// distributor tries until one does not.
	let tries = (0..8).find_map(|bit| {
		let mut ciphertext = honest.clone();
		spoil(&mut ciphertext, 700, bit);
		prove_data(&server.epoch, &world.payload, &ciphertext).map(|data| (ciphertext, data))
	});
	(server.ciphertext, server.proofs.data) = tries.unwrap();
	let (key, nonce) = server.epoch.content_key().unwrap().provable().unwrap();
	server.proofs.locks = waybill_zkcp::prove_locks(&key, &server.epoch.lock_keys(), &nonce).unwrap();
	server.publish();
	let mut device = world.device();
	device.until_unverified(&world, &mut server);
	assert_eq!(device.exchange.verification().unwrap().query().check_sizes(), Ok(()));
	assert_eq!(checked(&world, &mut device, &server), Ok(()));
	let receipt = device.exchange.sign_receipt(&device.signer, &world.chain.view(), NOW).unwrap().persisted();
	let chain = world.chain.clone();
	let key = server.settle(&receipt, &mut world.chain);
	world.chain = chain;
	device.exchange.key(&key).unwrap();
	assert_eq!(device.decrypt(&server).unwrap(), world.payload);

	// As many chunks are spoilt as the code can repair. No sample would miss all of them, so a hub
	// says that the proofs hold. With one more spoilt chunk the payload is lost.
	let data = server.proofs.data;
	for (count, expected) in [(spare, Ok(())), (spare + 1, Err(Refusal::PayloadMismatch))] {
		let mut cheat = world.unpublished(2, 100);
		cheat.ciphertext = encrypted(&cheat.epoch, &world.payload);
		(0..count).for_each(|chunk| spoil(&mut cheat.ciphertext, chunk * 5, 0));
		cheat.proofs.data.clone_from(&data);
		cheat.hub = true;
		cheat.publish();
		let mut device = world.device();
		let receipt = device.until_signed(&world, &mut cheat);
		let chain = world.chain.clone();
		let key = cheat.settle(&receipt, &mut world.chain);
		world.chain = chain;
		device.exchange.key(&key).unwrap();
		let outcome = device.decrypt_with(&cheat.ciphertext, &data).map(|payload| assert_eq!(payload, world.payload));
		assert_eq!(outcome, expected);
	}
}
