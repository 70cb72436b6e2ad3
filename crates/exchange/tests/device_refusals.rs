//! What a device refuses, by the name of each refusal, and that a refusal changes nothing.

mod common;

use common::*;
use waybill_exchange::{
	sign, ChainHead, ChainView, DeviceExchange, Evidence, Fault, Hello, Invite, LockPlace, Observation, Offer, Policy,
	Profile, Proofs, Refusal, RestoreError, Session, SignatureError, Signer, Stage, StreamError, TrustError, TrustedKeys,
	Wanted,
};
use waybill_primitives::{view::ReleaseState, DeviceKey, IndexedSignature, KeySet, Suite, Version};
use waybill_zkcp::unwatched;

under_each_suite!(
	honest_offer_should_be_taken,
	invitation_of_another_distributor_or_chain_should_be_refused,
	foreign_signer_should_be_refused,
	offer_of_another_distributor_or_bounty_should_be_refused,
	view_of_another_chain_should_be_refused,
	stale_view_should_be_refused_when_it_is_older_than_the_policy_allows,
	view_from_the_future_should_be_refused,
	view_older_than_one_before_should_be_refused_even_after_a_restart,
	view_about_something_else_should_be_refused,
	bounty_that_is_not_open_should_be_refused,
	bounty_that_expires_soon_should_be_refused,
	release_other_than_the_bountys_should_be_refused,
	release_other_than_the_chains_should_be_refused,
	another_vendors_release_should_be_refused,
	release_for_another_model_should_be_refused,
	release_of_another_key_set_should_be_refused,
	release_that_is_not_signed_by_the_threshold_should_be_refused,
	release_should_be_judged_before_any_offer_as_in_one,
	weak_release_keys_should_be_refused,
	rollback_of_the_security_version_should_be_refused_when_the_version_is_newer,
	release_below_a_security_version_that_was_seen_should_be_refused_even_after_a_restart,
	lapsed_receipt_should_be_forgotten_when_its_release_can_no_longer_be_taken,
	refused_release_should_not_count_as_seen,
	what_was_agreed_on_should_not_be_installed_when_its_keys_were_replaced,
	block_should_be_looked_at_before_anything_else,
	same_or_older_version_should_be_refused_unless_the_security_version_is_higher,
	yanked_release_should_be_refused,
	digest_that_is_not_the_payloads_should_be_refused,
	payload_that_does_not_fit_should_be_refused,
	ciphertext_of_another_length_should_be_refused,
	place_in_the_fleet_that_is_not_the_devices_should_be_refused,
	paid_or_reserved_slot_should_be_refused,
	mask_should_be_bound_to_everything_that_is_offered,
	mask_for_another_greeting_of_the_same_device_should_be_refused,
	ciphertext_that_is_not_the_offered_one_should_be_refused_before_anything_is_signed,
	receipt_should_be_refused_when_the_chain_has_changed_since_the_offer,
	second_receipt_should_be_refused_while_the_first_stands_even_after_a_restart,
	view_of_another_bounty_should_not_free_a_device_from_its_receipt,
	key_that_opens_no_lock_should_be_refused,
	damaged_file_should_not_be_blamed_on_the_distributor,
	release_yanked_or_overtaken_before_it_is_installed_should_be_refused,
	payload_replaced_before_it_is_installed_should_be_seen,
	steps_out_of_order_should_be_refused_at_every_stage,
	stored_state_of_another_device_or_chain_should_be_refused,
	device_should_sign_nothing_but_its_statements,
);

/// Gives the device an offer that was altered by the distributor or on the way, and an altered
/// view.
fn offered(world: &World, profile: Profile, alter: impl FnOnce(&mut Offer, &mut ChainView)) -> Result<(), Refusal> {
	let (mut device, mut server) = (world.device_with(profile, 2), world.server(1));
	let mut offer = server.offer_to(&mut device, world).unwrap();
	let mut view = world.chain.view();
	alter(&mut offer, &mut view);
	let before = device.exchange.to_bytes();
	let result = device.exchange.offer(&offer, &view, NOW);
	assert_eq!(result.is_ok(), device.exchange.to_bytes() != before);
	result
}

fn refuses(suite: Suite, alter: impl FnOnce(&mut Offer, &mut ChainView), refusal: Refusal) {
	let world = World::of(suite);
	assert_eq!(offered(&world, world.profile(), alter), Err(refusal));
}

fn honest_offer_should_be_taken(suite: Suite) {
	let world = World::of(suite);
	assert_eq!(offered(&world, world.profile(), |_, _| ()), Ok(()));
}

fn invitation_of_another_distributor_or_chain_should_be_refused(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let invite = server.distributor.invite(NOW, &mut server.rng);
	let mut hello = |invite: &Invite, distributor| {
		device.exchange.hello(&device.signer, invite, Wanted { distributor, bounty: BOUNTY }, &mut device.rng)
	};
	assert_eq!(hello(&invite, [2; 32]), Err(Refusal::ForeignDistributor));
	assert_eq!(hello(&Invite::new([0; 32], [1; 32], invite.nonce), [1; 32]), Err(Refusal::ForeignChain));
	assert!(hello(&invite, [1; 32]).is_ok());
}

fn foreign_signer_should_be_refused(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let stranger = key(2000);
	let invite = server.distributor.invite(NOW, &mut server.rng);
	let wanted = Wanted { distributor: server.account, bounty: BOUNTY };
	assert_eq!(device.exchange.hello(&stranger, &invite, wanted, &mut device.rng), Err(Refusal::ForeignSigner));
	device.until_held(&world, &mut server);
	assert_eq!(device.exchange.sign_receipt(&stranger, &world.chain.view(), NOW).unwrap_err(), Refusal::ForeignSigner);
}

fn offer_of_another_distributor_or_bounty_should_be_refused(suite: Suite) {
	refuses(suite, |offer, _| offer.distributor = [2; 32], Refusal::ForeignDistributor);
	refuses(suite, |offer, _| offer.bounty += 1, Refusal::WrongBounty);
}

fn view_of_another_chain_should_be_refused(suite: Suite) {
	refuses(suite, |_, view| view.head.genesis = [0; 32], Refusal::ForeignChain);
}

fn stale_view_should_be_refused_when_it_is_older_than_the_policy_allows(suite: Suite) {
	let at = |age: u64| {
		let world = World::of(suite);
		offered(&world, world.profile(), |_, view| view.head.timestamp_ms = NOW - age)
	};
	assert_eq!(at(120_000), Ok(()));
	assert_eq!(at(120_001), Err(Refusal::StaleChainView));
	assert_eq!(at(NOW), Err(Refusal::StaleChainView));
}

fn view_from_the_future_should_be_refused(suite: Suite) {
	let at = |ahead: u64| {
		let world = World::of(suite);
		offered(&world, world.profile(), |_, view| view.head.timestamp_ms = NOW + ahead)
	};
	assert_eq!(at(60_000), Ok(()));
	assert_eq!(at(60_001), Err(Refusal::FutureChainView));
}

fn view_older_than_one_before_should_be_refused_even_after_a_restart(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	device.until_held(&world, &mut server);
	device.restart();
	let mut sign = |number, timestamp_ms| {
		let view = ChainView { head: ChainHead { genesis: GENESIS, number, timestamp_ms }, ..world.chain.view() };
		device.exchange.sign_receipt(&device.signer, &view, NOW).map(|_| ())
	};
	assert_eq!(sign(NUMBER - 1, NOW), Err(Refusal::ChainViewRollback));
	assert_eq!(sign(NUMBER + 1, NOW - 1), Err(Refusal::ChainViewRollback));
	assert_eq!(sign(NUMBER, NOW), Ok(()));
}

fn view_about_something_else_should_be_refused(suite: Suite) {
	refuses(suite, |_, view| view.place.as_mut().unwrap().bounty.id += 1, Refusal::MismatchedView);
	refuses(suite, |_, view| view.place.as_mut().unwrap().device_index = 3, Refusal::MismatchedView);
	refuses(suite, |_, view| view.release.id += 1, Refusal::MismatchedView);
}

fn bounty_that_is_not_open_should_be_refused(suite: Suite) {
	refuses(suite, |_, view| view.place = None, Refusal::BountyNotOpen);
	refuses(suite, |_, view| view.place.as_mut().unwrap().bounty.closing = true, Refusal::BountyNotOpen);
	refuses(suite, |_, view| view.place.as_mut().unwrap().bounty.expires_at = NUMBER, Refusal::BountyNotOpen);
}

fn bounty_that_expires_soon_should_be_refused(suite: Suite) {
	refuses(suite, |_, view| view.place.as_mut().unwrap().bounty.expires_at = NUMBER + 19, Refusal::MarginTooSmall);
	let world = World::of(suite);
	assert_eq!(
		offered(&world, world.profile(), |_, view| view.place.as_mut().unwrap().bounty.expires_at = NUMBER + 20),
		Ok(())
	);
}

fn release_other_than_the_bountys_should_be_refused(suite: Suite) {
	refuses(suite, |offer, _| offer.release_id += 1, Refusal::WrongRelease);
}

fn release_other_than_the_chains_should_be_refused(suite: Suite) {
	refuses(suite, |offer, _| offer.release.version = Version::new(9, 0, 0), Refusal::ReleaseMismatch);
	refuses(suite, |offer, _| offer.key_set_version += 1, Refusal::ReleaseMismatch);
	refuses(suite, |_, view| view.release.statement.size += 1, Refusal::ReleaseMismatch);
}

fn another_vendors_release_should_be_refused(suite: Suite) {
	refuses(suite, |_, view| view.release.vendor = [0; 32], Refusal::ForeignVendor);
}

fn release_for_another_model_should_be_refused(suite: Suite) {
	let world = World::of_with(suite, |release| release.model = MODEL + 1);
	assert_eq!(offered(&world, world.profile(), |_, _| ()), Err(Refusal::WrongModel));
}

fn release_of_another_key_set_should_be_refused(suite: Suite) {
	let world = World::of(suite);
	let with = |version| {
		let mut profile = world.profile();
		profile.keys.version = version;
		offered(&world, profile, |_, _| ())
	};
	assert_eq!(with(KEY_SET_VERSION + 1), Err(Refusal::KeySetReplaced));
	assert_eq!(with(KEY_SET_VERSION - 1), Err(Refusal::UnknownKeySet));
}

fn release_that_is_not_signed_by_the_threshold_should_be_refused(suite: Suite) {
	let world = World::of(suite);
	let release = &world.release;
	let signed = |signatures: Vec<IndexedSignature>| {
		offered(&world, world.profile(), |offer, _| offer.signatures = signatures).unwrap_err()
	};
	let below = Refusal::Signatures(TrustError::BelowThreshold);
	assert_eq!(signed(Vec::new()), below);
	assert_eq!(signed(signatures(release, &[1])), below);
	assert_eq!(signed(signatures(release, &[1, 1])), Refusal::Signatures(TrustError::RepeatedKey));
	let bad = Refusal::Signatures(TrustError::Signature(SignatureError::BadSignature));
	// A stranger's signature under the name of a release key.
	let mut forged = signatures(release, &[0, 1]);
	forged[1].signature = sign(&key(2000), release, &GENESIS);
	assert_eq!(signed(forged), bad);
	// The signature of another key of the set.
	let mut swapped = signatures(release, &[0, 1]);
	swapped[0].key = 2;
	assert_eq!(signed(swapped), bad);
	// The signatures of another release.
	let mut other = release.clone();
	other.version = Version::new(7, 7, 7);
	assert_eq!(signed(signatures(&other, &[0, 1])), bad);
	let mut unknown = signatures(release, &[0, 1]);
	unknown[1].key = 3;
	assert_eq!(signed(unknown), Refusal::Signatures(TrustError::UnknownKey));
	// A good signature does not make up for a bad one beside it.
	let mut three = signatures(release, &[0, 1, 2]);
	three[2].signature = three[1].signature;
	assert_eq!(signed(three), bad);
}

fn release_should_be_judged_before_any_offer_as_in_one(suite: Suite) {
	let world = World::of(suite);
	let accepts = |profile: &Profile, keys: &[u8], state| {
		let mut release = world.chain.release.clone();
		release.state = state;
		release.signatures = signatures(&world.release, keys);
		world.device_with(profile.clone(), 2).exchange.judge(&release)
	};
	let profile = world.profile();
	assert_eq!(accepts(&profile, &[0, 2], ReleaseState::Available), Ok(()));
	assert_eq!(accepts(&profile, &[0, 2], ReleaseState::Yanked), Err(Refusal::ReleaseYanked));
	let below = Refusal::Signatures(TrustError::BelowThreshold);
	assert_eq!(accepts(&profile, &[0], ReleaseState::Available), Err(below));
	let after = Profile { installed: profile.installed.after(&world.release), ..profile.clone() };
	assert_eq!(accepts(&after, &[0, 2], ReleaseState::Available), Err(Refusal::NotNewer));
	let other = Profile { vendor: [0; 32], ..profile };
	assert_eq!(accepts(&other, &[0, 2], ReleaseState::Available), Err(Refusal::ForeignVendor));
}

fn weak_release_keys_should_be_refused(suite: Suite) {
	let world = World::of(suite);
	let mut profile = world.profile();
	let keys = vec![release_keys()[0].public(), DeviceKey::Ed25519([0; 32])];
	profile.keys =
		TrustedKeys { version: KEY_SET_VERSION, key_set: KeySet { threshold: 1, keys: keys.try_into().unwrap() } };
	assert_eq!(offered(&world, profile, |_, _| ()), Err(Refusal::Signatures(TrustError::InvalidKeySet)));
}

fn rollback_of_the_security_version_should_be_refused_when_the_version_is_newer(suite: Suite) {
	let world = World::of_with(suite, |release| {
		release.security_version = 1;
		release.version = Version::new(9, 0, 0);
	});
	assert_eq!(offered(&world, world.profile(), |_, _| ()), Err(Refusal::SecurityRollback));
}

fn release_below_a_security_version_that_was_seen_should_be_refused_even_after_a_restart(suite: Suite) {
	let newer = World::of_with(suite, |release| release.security_version = 3);
	let world = World::of(suite);
	for by_offer in [false, true] {
		let (mut device, mut server) = (newer.device(), newer.server(1));
		match by_offer {
			true => {
				let offer = server.offer_to(&mut device, &newer).unwrap();
				device.exchange.offer(&offer, &newer.chain.view(), NOW).unwrap();
				device.exchange.abandon().unwrap();
			},
			false => device.exchange.judge(&newer.chain.release).unwrap(),
		}
		device.restart();
		assert_eq!(device.exchange.judge(&world.chain.release), Err(Refusal::SecurityRollback));
		let offer = world.server(2).offer_to(&mut device, &world).unwrap();
		assert_eq!(device.exchange.offer(&offer, &world.chain.view(), NOW), Err(Refusal::SecurityRollback));
		assert_eq!(device.exchange.judge(&newer.chain.release), Ok(()));
	}
}

fn lapsed_receipt_should_be_forgotten_when_its_release_can_no_longer_be_taken(suite: Suite) {
	for (security_version, awaited) in [(2, 1), (3, 0)] {
		let world = World::of(suite);
		let (mut device, mut server) = (world.device(), world.server(1));
		device.until_signed(&world, &mut server);
		let newer = World::of_with(suite, |release| release.security_version = security_version);
		device.exchange.judge(&newer.chain.release).unwrap();
		let mut view = world.chain.view();
		view.place.as_mut().unwrap().bounty.closing = true;
		assert_eq!(device.exchange.observe(&view, NOW), Ok(Observation::Lapsed));
		assert_eq!(device.exchange.awaited().count(), awaited);
		device.restart();
		assert_eq!(device.exchange.awaited().count(), awaited);
	}
}

fn refused_release_should_not_count_as_seen(suite: Suite) {
	let newer = World::of_with(suite, |release| release.security_version = 3);
	let world = World::of(suite);
	let mut device = world.device();
	let mut yanked = newer.chain.release.clone();
	yanked.state = ReleaseState::Yanked;
	assert_eq!(device.exchange.judge(&yanked), Err(Refusal::ReleaseYanked));
	let mut unsigned = newer.chain.release.clone();
	unsigned.signatures.truncate(1);
	assert_eq!(device.exchange.judge(&unsigned), Err(Refusal::Signatures(TrustError::BelowThreshold)));
	assert_eq!(device.exchange.judge(&world.chain.release), Ok(()));
}

#[test]
fn release_without_proofs_should_be_refused_unless_the_policy_takes_it() {
	let mut world = World::of(Suite::Plain);
	let (mut device, mut server) = (world.device(), world.server(1));
	let offer = server.offer_to(&mut device, &world).unwrap();
	device.restart_under(Policy::default());
	assert_eq!(device.exchange.judge(&world.chain.release), Err(Refusal::Unproven));
	assert_eq!(device.exchange.offer(&offer, &world.chain.view(), NOW), Err(Refusal::Unproven));
	device.restart();
	device.exchange.offer(&offer, &world.chain.view(), NOW).unwrap();
	device.fetch(&server.ciphertext).unwrap();
	device.restart_under(Policy::default());
	let refused = device.exchange.sign_receipt(&device.signer, &world.chain.view(), NOW);
	assert_eq!(refused.unwrap_err(), Refusal::Unproven);
	device.restart();
	let receipt = device.exchange.sign_receipt(&device.signer, &world.chain.view(), NOW).unwrap().persisted();
	// What was paid for and decrypted is the release, proved or not.
	device.restart_under(Policy::default());
	let key = server.settle(&receipt, &mut world.chain);
	device.exchange.key(&key).unwrap();
	device.decrypt(&server).unwrap();
	device.install(&world.chain).unwrap();
}

#[test]
fn release_with_proofs_should_be_taken_under_every_policy() {
	let world = World::of(Suite::Zkcp);
	let (mut device, mut server) = (world.device(), world.server(1));
	device.restart_under(Policy::default());
	assert_eq!(device.exchange.judge(&world.chain.release), Ok(()));
	device.until_signed(&world, &mut server);
}

fn what_was_agreed_on_should_not_be_installed_when_its_keys_were_replaced(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	let key = server.settle(&receipt, &mut world.chain);
	let rotation = next_keys(KEY_SET_VERSION + 1);
	device.exchange.rotate(&rotation.statement, &rotation.by_old, &rotation.by_new).unwrap();
	device.exchange.key(&key).unwrap();
	device.decrypt(&server).unwrap();
	let mut view = world.chain.view();
	assert_eq!(device.exchange.approve(&view, NOW).unwrap_err(), Refusal::KeySetReplaced);
	// A node claims that the vendor's new keys signed the release, too.
	view.release.key_set_version = KEY_SET_VERSION + 1;
	assert!(matches!(device.exchange.approve(&view, NOW), Err(Refusal::Signatures(_))));
	// Now they do sign it.
	view.release.signatures = signed_by(&view.release.statement, &keys_of(KEY_SET_VERSION + 1));
	assert!(device.exchange.approve(&view, NOW).is_ok());
}

fn block_should_be_looked_at_before_anything_else(suite: Suite) {
	let world = World::of(suite);
	let mut device = world.device();
	let head = world.chain.view().head;
	let mut look = |head, now| device.exchange.look(&head, now);
	assert_eq!(look(ChainHead { genesis: [0; 32], ..head }, NOW), Err(Refusal::ForeignChain));
	assert_eq!(look(head, NOW + 120_001), Err(Refusal::StaleChainView));
	assert_eq!(look(head, NOW - 60_001), Err(Refusal::FutureChainView));
	assert_eq!(look(head, NOW), Ok(()));
	assert_eq!(look(ChainHead { number: NUMBER - 1, ..head }, NOW), Err(Refusal::ChainViewRollback));
	assert_eq!(look(ChainHead { timestamp_ms: NOW - 1, ..head }, NOW), Err(Refusal::ChainViewRollback));
	assert_eq!(look(ChainHead { number: NUMBER + 1, timestamp_ms: NOW + 1, ..head }, NOW), Ok(()));
	assert_eq!(device.exchange.seen(), (NUMBER + 1, NOW + 1));
	device.restart();
	assert_eq!(device.exchange.look(&head, NOW), Err(Refusal::ChainViewRollback));
}

#[test]
fn refusals_should_name_the_attack() {
	let trust = TrustError::BelowThreshold;
	for (refusal, attack) in [
		(Refusal::StaleChainView, "indefinite freeze: "),
		(Refusal::ChainViewRollback, "rollback: "),
		(Refusal::SecurityRollback, "rollback: "),
		(Refusal::KeySetRollback, "rollback: "),
		(Refusal::KeySet(TrustError::KeySetRollback), "rollback: "),
		(Refusal::KeySet(TrustError::SkippedVersion), "fast-forward: "),
		(Refusal::FutureChainView, "fast-forward: "),
		(Refusal::Signatures(trust), "arbitrary installation: "),
		(Refusal::KeySet(trust), "arbitrary installation: "),
		(Refusal::PayloadMismatch, "arbitrary installation: "),
		(Refusal::WrongModel, "wrong software: "),
		(Refusal::ForeignVendor, "wrong software: "),
		(Refusal::ReleaseMismatch, "mix-and-match: "),
		(Refusal::MismatchedView, "mix-and-match: "),
		(Refusal::Ciphertext(StreamError::HashMismatch), "mix-and-match: "),
		(Refusal::Ciphertext(StreamError::TooLong), "endless data: "),
		(Refusal::CiphertextSizeMismatch, "endless data: "),
	] {
		assert!(refusal.to_string().starts_with(attack), "{refusal}");
	}
	assert_eq!(Refusal::ReleaseYanked.attack(), None);
	assert_eq!(Refusal::ReleaseYanked.to_string(), "the release is yanked");
	// Vendors replace their keys: what the old ones signed is no attack.
	assert_eq!(Refusal::KeySetReplaced.attack(), None);
	assert!(Refusal::KeySetReplaced.to_string().contains("its new keys have to sign it"));
}

fn same_or_older_version_should_be_refused_unless_the_security_version_is_higher(suite: Suite) {
	for version in [Version::new(1, 0, 0), Version::new(0, 9, 9)] {
		let world = World::of_with(suite, |release| release.version = version);
		assert_eq!(offered(&world, world.profile(), |_, _| ()), Err(Refusal::NotNewer));
		let world = World::of_with(suite, |release| {
			release.version = version;
			release.security_version = 3;
		});
		assert_eq!(offered(&world, world.profile(), |_, _| ()), Ok(()));
	}
}

fn yanked_release_should_be_refused(suite: Suite) {
	refuses(suite, |_, view| view.release.state = ReleaseState::Yanked, Refusal::ReleaseYanked);
	let world = World::of(suite);
	assert_eq!(offered(&world, world.profile(), |_, view| view.release.state = ReleaseState::Unavailable), Ok(()));
}

fn digest_that_is_not_the_payloads_should_be_refused(suite: Suite) {
	refuses(suite, |_, view| view.place.as_mut().unwrap().bounty.digest.bytes = [0; 32], Refusal::DigestMismatch);
	// Under a suite with proofs, only the proofs show it, before the device signs.
	let world = World::with(|release| release.digest.bytes = [1; 32]);
	assert_eq!(offered(&world, world.profile(), |_, _| ()), Err(Refusal::DigestMismatch));
}

fn payload_that_does_not_fit_should_be_refused(suite: Suite) {
	let world = World::of_with(suite, |release| release.size = (1 << 30) + 1);
	assert_eq!(offered(&world, world.profile(), |_, _| ()), Err(Refusal::PayloadTooLarge));
}

fn ciphertext_of_another_length_should_be_refused(suite: Suite) {
	refuses(suite, |offer, _| offer.ciphertext.size += 1, Refusal::CiphertextSizeMismatch);
	refuses(suite, |offer, _| offer.ciphertext.size = u64::MAX, Refusal::CiphertextSizeMismatch);
	refuses(suite, |offer, _| offer.ciphertext.size = 0, Refusal::CiphertextSizeMismatch);
}

fn place_in_the_fleet_that_is_not_the_devices_should_be_refused(suite: Suite) {
	let world = World::of(suite);
	let other = world.tree.proof(3).unwrap();
	refuses(
		suite,
		|offer, view| {
			offer.device_index = 3;
			offer.membership = other;
			view.place.as_mut().unwrap().device_index = 3;
		},
		Refusal::NotInFleet,
	);
	refuses(suite, |offer, _| offer.membership.clear(), Refusal::NotInFleet);
	refuses(suite, |_, view| view.place.as_mut().unwrap().bounty.root = [0; 32], Refusal::NotInFleet);
	refuses(suite, |_, view| view.place.as_mut().unwrap().bounty.count = 2, Refusal::NotInFleet);
}

fn paid_or_reserved_slot_should_be_refused(suite: Suite) {
	use waybill_exchange::Slot;
	refuses(suite, |_, view| view.place.as_mut().unwrap().slot = Slot::Paid, Refusal::AlreadyPaid);
	let reserved = |exclusive_until| Slot::Reserved { distributor: [9; 32], lock: [9; 32], exclusive_until };
	refuses(suite, |_, view| view.place.as_mut().unwrap().slot = reserved(NUMBER + 1), Refusal::SlotReserved);
	let world = World::of(suite);
	assert_eq!(offered(&world, world.profile(), |_, view| view.place.as_mut().unwrap().slot = reserved(NUMBER)), Ok(()));
}

fn mask_should_be_bound_to_everything_that_is_offered(suite: Suite) {
	let alterations: [fn(&mut Offer); 12] = [
		|offer| offer.lock[0] ^= 1,
		|offer| offer.commitment[0] ^= 1,
		|offer| offer.epoch += 1,
		|offer| offer.ciphertext.sha256[0] ^= 1,
		|offer| offer.ciphertext.cid = waybill_primitives::Cid::raw(b"another"),
		|offer| offer.mask.sealed[0] ^= 1,
		|offer| offer.mask.encapsulated[0] ^= 1,
		|offer| with_proofs(offer, |proofs, _| proofs.data.cid = waybill_primitives::Cid::raw(b"another")),
		|offer| with_proofs(offer, |proofs, _| proofs.data.size += 1),
		|offer| with_proofs(offer, |proofs, _| proofs.locks = proofs.data),
		|offer| with_proofs(offer, |_, place| place.group += 1),
		|offer| with_proofs(offer, |_, place| place.others.swap(0, 1)),
	];
	for alter in alterations {
		refuses(suite, |offer, _| alter(offer), Refusal::MaskUnreadable);
	}
	refuses(suite, |offer, _| offer.mask.encapsulated = [0; 32], Refusal::MaskUnreadable);
}

/// Alters the evidence, or the lock if there is none to alter.
fn with_proofs(offer: &mut Offer, alter: impl FnOnce(&mut Proofs, &mut LockPlace)) {
	match &mut offer.evidence {
		Evidence::Proven(proofs, place) => alter(proofs, place),
		Evidence::Unproven => offer.lock[1] ^= 1,
	}
}

fn mask_for_another_greeting_of_the_same_device_should_be_refused(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let old = server.offer_to(&mut device, &world).unwrap();
	server.offer_to(&mut device, &world).unwrap();
	assert_eq!(device.exchange.offer(&old, &world.chain.view(), NOW), Err(Refusal::MaskUnreadable));
}

fn ciphertext_that_is_not_the_offered_one_should_be_refused_before_anything_is_signed(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let offer = server.offer_to(&mut device, &world).unwrap();
	device.exchange.offer(&offer, &world.chain.view(), NOW).unwrap();
	let good = server.ciphertext.clone();
	let mut flipped = good.clone();
	flipped[4999] ^= 1;
	assert_eq!(device.fetch(&flipped), Err(Refusal::Ciphertext(StreamError::HashMismatch)));
	assert_eq!(device.fetch(&good[..good.len() - 1]), Err(Refusal::Ciphertext(StreamError::TooShort)));
	assert_eq!(device.fetch(&[&good[..], &[0]].concat()), Err(Refusal::Ciphertext(StreamError::TooLong)));
	assert_eq!(device.fetch(&[]), Err(Refusal::Ciphertext(StreamError::TooShort)));
	// The ciphertext of another distributor, right for another offer.
	assert_eq!(device.fetch(&world.server(2).ciphertext), Err(Refusal::Ciphertext(StreamError::HashMismatch)));
	let signed = device.exchange.sign_receipt(&device.signer, &world.chain.view(), NOW);
	assert_eq!(signed.unwrap_err(), Refusal::OutOfOrder);
	// A check of other bytes says nothing.
	let other = waybill_exchange::StreamCheck::new(0, sha2_of(b""));
	assert_eq!(device.exchange.ciphertext_complete(other), Err(Refusal::OutOfOrder));
	device.fetch(&good).unwrap();
}

fn sha2_of(bytes: &[u8]) -> [u8; 32] {
	use sha2::Digest;
	sha2::Sha256::digest(bytes).into()
}

fn receipt_should_be_refused_when_the_chain_has_changed_since_the_offer(suite: Suite) {
	type Alteration = fn(&mut ChainView);
	let cases: [(Alteration, Refusal); 8] = [
		(|view| view.place = None, Refusal::BountyNotOpen),
		(|view| view.place.as_mut().unwrap().bounty.closing = true, Refusal::BountyNotOpen),
		(|view| view.head.number = EXPIRES_AT - 1, Refusal::MarginTooSmall),
		(|view| view.place.as_mut().unwrap().slot = waybill_exchange::Slot::Paid, Refusal::AlreadyPaid),
		(|view| view.release.state = ReleaseState::Yanked, Refusal::ReleaseYanked),
		(|view| view.head.timestamp_ms = NOW + 60_001, Refusal::FutureChainView),
		(|view| view.place.as_mut().unwrap().bounty.digest.bytes = [0; 32], Refusal::WrongRelease),
		(|view| view.release.statement.size += 1, Refusal::ReleaseMismatch),
	];
	for (alter, refusal) in cases {
		let world = World::of(suite);
		let (mut device, mut server) = (world.device(), world.server(1));
		device.until_held(&world, &mut server);
		let mut view = world.chain.view();
		alter(&mut view);
		let before = device.exchange.to_bytes();
		assert_eq!(device.exchange.sign_receipt(&device.signer, &view, NOW).unwrap_err(), refusal);
		assert_eq!(device.exchange.to_bytes(), before);
	}
}

fn second_receipt_should_be_refused_while_the_first_stands_even_after_a_restart(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	device.restart();
	let standing = Refusal::ReceiptStanding(receipt.valid_until);
	let mut other = world.server(2);
	assert_eq!(device.hello(&mut other, BOUNTY), Err(standing));
	assert_eq!(device.hello(&mut other, BOUNTY + 1), Err(standing));
	assert_eq!(device.exchange.abandon(), Err(standing));
	let again = device.exchange.sign_receipt(&device.signer, &world.chain.view(), NOW);
	assert_eq!(again.unwrap_err(), Refusal::OutOfOrder);
}

fn view_of_another_bounty_should_not_free_a_device_from_its_receipt(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	device.until_signed(&world, &mut server);
	let mut view = world.chain.view();
	view.place.as_mut().unwrap().bounty.id += 1;
	view.place.as_mut().unwrap().slot = waybill_exchange::Slot::Paid;
	assert_eq!(device.exchange.observe(&view, NOW), Err(Refusal::MismatchedView));
	let mut view = world.chain.view();
	view.place.as_mut().unwrap().device_index = 1;
	assert_eq!(device.exchange.observe(&view, NOW), Err(Refusal::MismatchedView));
	let mut stale = world.chain.view();
	stale.head.number = NUMBER + 101;
	assert_eq!(device.exchange.observe(&stale, NOW + 120_001), Err(Refusal::StaleChainView));
}

fn key_that_opens_no_lock_should_be_refused(suite: Suite) {
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	assert_eq!(device.exchange.key(&[0; 32]), Err(Refusal::WrongKey));
	device.until_signed(&world, &mut server);
	assert_eq!(device.exchange.key(&[0; 32]), Err(Refusal::WrongKey));
	assert!(matches!(device.exchange.stage(), Stage::AwaitKey(..)));
}

#[test]
fn mask_that_does_not_give_the_committed_key_should_be_named_a_fraud() {
	let mut world = World::new();
	let (mut device, mut server) = (world.device(), world.server(1));
	let hello = device.hello(&mut server, BOUNTY).unwrap();
	server.open(&hello, &world, 2).unwrap();
	// The distributor replaces the mask in its own state by one that does not belong to the lock
	// key.
	server.session = Some(with_another_mask(&server.session().to_bytes()));
	let greeting = server.distributor.greet(&hello, NOW).unwrap();
	let mut rng = rng(1);
	let offer = server.session().offer(&greeting, &world.job(), NUMBER, &mut rng).unwrap();
	device.exchange.offer(&offer, &world.chain.view(), NOW).unwrap();
	device.fetch(&server.ciphertext).unwrap();
	let receipt = device.exchange.sign_receipt(&device.signer, &world.chain.view(), NOW).unwrap().persisted();
	let key = server.settle(&receipt, &mut world.chain);
	assert_eq!(device.exchange.key(&key), Err(Refusal::WrongContentKey));
	device.restart();
	assert!(matches!(device.exchange.stage(), Stage::Failed(terms, Fault::WrongContentKey) if terms.distributor == [1; 32]));
	device.exchange.abandon().unwrap();
	assert_eq!(device.exchange.stage(), Stage::Idle);
}

/// Finds the mask (key 12, the last 32-byte string but one) in a session's state and flips a bit of
/// it.
fn with_another_mask(state: &[u8]) -> Session {
	let at = state.windows(3).rposition(|window| window == [0x0c, 0x58, 0x20]).unwrap();
	let mut bytes = state.to_vec();
	bytes[at + 3] ^= 1;
	Session::restore(&bytes).unwrap()
}

#[test]
fn ciphertext_of_something_else_should_be_named_a_fraud_and_never_be_installed() {
	let mut world = World::new();
	let mut device = world.device();
	let mut server = world.server_with(1, 10, |mut payload| {
		payload[1234] ^= 1;
		payload
	});
	let receipt = device.until_signed(&world, &mut server);
	let key = server.settle(&receipt, &mut world.chain);
	device.exchange.key(&key).unwrap();
	assert_eq!(device.decrypt(&server), Err(Refusal::PayloadMismatch));
	device.restart();
	assert!(matches!(device.exchange.stage(), Stage::Failed(_, Fault::PayloadMismatch)));
	assert_eq!(device.exchange.approve(&world.chain.view(), NOW).unwrap_err(), Refusal::OutOfOrder);
	device.exchange.abandon().unwrap();
}

fn damaged_file_should_not_be_blamed_on_the_distributor(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	let key = server.settle(&receipt, &mut world.chain);
	device.exchange.key(&key).unwrap();
	let mut damaged = server.ciphertext.clone();
	damaged[0] ^= 1;
	let data = server.proofs.data.clone();
	assert_eq!(device.decrypt_with(&damaged, &data), Err(Refusal::Ciphertext(StreamError::HashMismatch)));
	let short = device.exchange.decryption().unwrap();
	assert!(short.run(&server.ciphertext[..1], &data, &mut Vec::new(), &mut unwatched).is_err());
	assert_eq!(device.decrypt(&server).unwrap(), world.payload);
}

fn release_yanked_or_overtaken_before_it_is_installed_should_be_refused(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	let key = server.settle(&receipt, &mut world.chain);
	device.exchange.key(&key).unwrap();
	device.decrypt(&server).unwrap();
	let mut approve = |alter: fn(&mut ChainView), now| {
		let mut view = world.chain.view();
		alter(&mut view);
		device.exchange.approve(&view, now).map(|_| ())
	};
	assert_eq!(approve(|view| view.release.state = ReleaseState::Yanked, NOW), Err(Refusal::ReleaseYanked));
	assert_eq!(approve(|_| (), NOW + 120_001), Err(Refusal::StaleChainView));
	assert_eq!(approve(|view| view.release.id += 1, NOW), Err(Refusal::MismatchedView));
	assert_eq!(approve(|view| view.place = None, NOW), Ok(()));
}

fn payload_replaced_before_it_is_installed_should_be_seen(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let receipt = device.until_signed(&world, &mut server);
	let key = server.settle(&receipt, &mut world.chain);
	device.exchange.key(&key).unwrap();
	let mut payload = device.decrypt(&server).unwrap();
	payload[0] ^= 1;
	let mut check = device.exchange.payload_check().unwrap();
	check.update(&payload).unwrap();
	assert_eq!(check.finish(), Err(StreamError::HashMismatch));
}

fn steps_out_of_order_should_be_refused_at_every_stage(suite: Suite) {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	let mut other = world.device_with(world.profile(), 1);
	let offer = world.server(2).offer_to(&mut other, &world);
	assert_eq!(offer.unwrap_err(), waybill_exchange::Rejection::NotInFleet);
	let view = world.chain.view();

	fn steps(device: &mut Device, view: &ChainView) -> [bool; 9] {
		let order = |result: Result<(), Refusal>| result == Err(Refusal::OutOfOrder);
		[
			order(device.exchange.ciphertext_check().map(|_| ())),
			order(device.exchange.receipt().map(|_| ())),
			order(device.exchange.observe(view, NOW).map(|_| ())),
			order(device.exchange.key(&[0; 32])),
			order(device.exchange.decryption().map(|_| ())),
			order(device.exchange.payload_check().map(|_| ())),
			order(device.exchange.approve(view, NOW).map(|_| ())),
			order(device.exchange.sign_receipt(&key(2000), view, NOW).map(|_| ())),
			order(device.exchange.verification().map(|_| ())),
		]
	}

	let idle = [true, true, true, false, true, true, true, true, true];
	assert_eq!(steps(&mut device, &view), idle);
	let offer = server.offer_to(&mut device, &world).unwrap();
	assert_eq!(steps(&mut device, &view), idle);
	device.exchange.offer(&offer, &view, NOW).unwrap();
	assert_eq!(steps(&mut device, &view), [false, true, true, false, true, true, true, true, true]);
	assert_eq!(device.exchange.offer(&offer, &view, NOW), Err(Refusal::OutOfOrder));
	assert_eq!(device.hello(&mut server, BOUNTY), Err(Refusal::OutOfOrder));
	device.fetch(&server.ciphertext).unwrap();
	if suite == Suite::Zkcp {
		assert_eq!(steps(&mut device, &view), [true, true, true, false, true, true, true, true, false]);
		assert_eq!(device.exchange.offer(&offer, &view, NOW), Err(Refusal::OutOfOrder));
		assert_eq!(device.hello(&mut server, BOUNTY), Err(Refusal::OutOfOrder));
	}
	device.verify(&server).unwrap();
	assert_eq!(steps(&mut device, &view), [true, true, true, false, true, true, true, false, true]);
	let receipt = device.exchange.sign_receipt(&device.signer, &view, NOW).unwrap().persisted();
	assert_eq!(steps(&mut device, &view), [true, false, false, false, true, true, true, true, true]);
	let key = server.settle(&receipt, &mut world.chain);
	device.exchange.key(&key).unwrap();
	assert_eq!(steps(&mut device, &view), [true, true, true, true, false, true, true, true, true]);
	device.decrypt(&server).unwrap();
	assert_eq!(steps(&mut device, &view), [true, true, true, true, true, false, false, true, true]);
}

fn stored_state_of_another_device_or_chain_should_be_refused(suite: Suite) {
	let world = World::of(suite);
	let device = world.device();
	let bytes = device.exchange.to_bytes();
	let restore = |profile, signer: &ed25519_dalek::SigningKey, bytes: &[u8]| {
		DeviceExchange::restore(profile, Policy::default(), signer.public(), bytes).err()
	};
	assert_eq!(restore(world.profile(), &device.signer, &bytes), None);
	assert_eq!(restore(world.profile(), &key(2000), &bytes), Some(RestoreError::Foreign));
	let other = Profile { genesis: [0; 32], ..world.profile() };
	assert_eq!(restore(other, &device.signer, &bytes), Some(RestoreError::Foreign));
	for length in 0..bytes.len() {
		assert!(matches!(restore(world.profile(), &device.signer, &bytes[..length]), Some(RestoreError::Decode(_))));
	}
}

fn device_should_sign_nothing_but_its_statements(suite: Suite) {
	use waybill_primitives::{HelloStatement, Statement};
	let world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server(1));
	// Whatever nonce is sent, the signed bytes begin with the hello's domain.
	let nonce = [0x77; 32];
	let wanted = Wanted { distributor: server.account, bounty: BOUNTY };
	let invite = Invite::new(GENESIS, server.account, nonce);
	let hello: Hello = device.exchange.hello(&device.signer, &invite, wanted, &mut device.rng).unwrap();
	let statement: HelloStatement<[u8; 32]> = hello.statement();
	assert_eq!(statement.distributor_nonce, nonce);
	waybill_exchange::verify(&hello.device_key, &statement, &GENESIS, &hello.signature).unwrap();
	assert!(statement.signing_bytes(&GENESIS)[1..].starts_with(b"waybill/hello/1"));
	assert_eq!(server.open(&hello, &world, 2), Err(waybill_exchange::Rejection::UnknownInvite));
}
