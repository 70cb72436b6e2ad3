//! The decoders: one encoding for each message, and no panic whatever comes.

mod common;

use common::*;
use proptest::{collection::vec, num::u8, prelude::*};
use std::{fmt::Debug, sync::LazyLock};
use waybill_exchange::{
	DecodeError, DeviceExchange, Epoch, Hello, Invite, Message, Offer, Policy, Receipt, Rejection, RejectionMessage,
	RevealedKey, Session, Signer,
};

struct Samples {
	invite: Vec<u8>,
	hello: Vec<u8>,
	offer: Vec<u8>,
	receipt: Vec<u8>,
	key: Vec<u8>,
	rejection: Vec<u8>,
	epoch: Vec<u8>,
	session: Vec<u8>,
	device: Vec<u8>,
}

static SAMPLES: LazyLock<Samples> = LazyLock::new(|| {
	let world = World::new();
	let (mut device, mut server) = (world.device(), world.server(1));
	let invite = server.distributor.invite(NOW, &mut server.rng);
	let hello = device.hello(&mut server, BOUNTY).unwrap();
	let offer = server.open(&hello, &world, 2).unwrap();
	device.exchange.offer(&offer, &world.chain.view(), NOW).unwrap();
	device.fetch(&server.ciphertext).unwrap();
	let receipt = device.exchange.sign_receipt(&device.signer, &world.chain.view(), NOW).unwrap().persisted();
	server.session().receipt(&receipt, NUMBER, 5).unwrap().persisted();
	Samples {
		invite: invite.to_cbor(),
		hello: hello.to_cbor(),
		offer: offer.to_cbor(),
		receipt: receipt.to_cbor(),
		key: RevealedKey::new(BOUNTY, 2, [7; 32]).to_cbor(),
		rejection: RejectionMessage::from(Rejection::EpochFull).to_cbor(),
		epoch: server.epoch.to_cbor(),
		session: server.session().to_bytes().to_vec(),
		device: device.exchange.to_bytes().to_vec(),
	}
});

/// Turns the head of a map of fewer than 24 entries into one of `more` entries more.
fn grown(bytes: &[u8], more: u8) -> Vec<u8> {
	let mut bytes = bytes.to_vec();
	bytes[0] += more;
	bytes
}

fn check<M: Message + PartialEq + Debug>(bytes: &[u8]) {
	let message = M::from_cbor(bytes).unwrap();
	assert_eq!(message.to_cbor(), bytes);
	assert!(bytes.len() <= M::MAX_LEN);
	refuses::<M>(bytes);
}

fn refuses<M: Message + Debug>(bytes: &[u8]) {
	let read = |bytes: &[u8]| M::from_cbor(bytes).unwrap_err();
	assert_eq!(read(&[]), DecodeError::Malformed);
	assert_eq!(read(&[bytes, &[0]].concat()), DecodeError::TrailingBytes);
	assert_eq!(read(&[bytes, bytes].concat()[..bytes.len() + 1]), DecodeError::TrailingBytes);
	assert_eq!(read(&vec![0; M::MAX_LEN + 1]), DecodeError::TooLong);
	for length in 0..bytes.len() {
		assert!(M::from_cbor(&bytes[..length]).is_err());
	}
	// An unknown key.
	assert_eq!(read(&[&grown(bytes, 1)[..], &[0x17, 0x00]].concat()), DecodeError::NotCanonical);
	// The version once more: a repeated key.
	assert_eq!(read(&[&grown(bytes, 1)[..], &[0x00, 0x01]].concat()), DecodeError::NotCanonical);
	// The version after the rest: keys out of order.
	let disordered = [&bytes[..1], &bytes[3..], &[0x00, 0x01]].concat();
	assert!(M::from_cbor(&disordered).is_err());
	// A map of indefinite length.
	assert_eq!(read(&[&[0xbf], &bytes[1..], &[0xff]].concat()), DecodeError::NotCanonical);
	// The version in two bytes.
	assert_eq!(read(&[&bytes[..2], &[0x18, 0x01], &bytes[3..]].concat()), DecodeError::NotCanonical);
	// The next version, and none.
	assert_eq!(read(&[&bytes[..2], &[0x02], &bytes[3..]].concat()), DecodeError::UnsupportedVersion);
	assert_eq!(read(&[&bytes[..2], &[0x00], &bytes[3..]].concat()), DecodeError::UnsupportedVersion);
	let mut without = [&bytes[..1], &bytes[3..]].concat();
	without[0] -= 1;
	assert_eq!(read(&without), DecodeError::Malformed);
}

#[test]
fn messages_should_have_one_encoding() {
	check::<Invite>(&SAMPLES.invite);
	check::<Hello>(&SAMPLES.hello);
	check::<Offer>(&SAMPLES.offer);
	check::<Receipt>(&SAMPLES.receipt);
	check::<RevealedKey>(&SAMPLES.key);
	check::<RejectionMessage>(&SAMPLES.rejection);
	refuses::<Epoch>(&SAMPLES.epoch);
}

#[test]
fn message_of_one_kind_should_not_be_read_as_another() {
	assert!(Hello::from_cbor(&SAMPLES.invite).is_err());
	assert!(Invite::from_cbor(&SAMPLES.key).is_err());
	assert!(RevealedKey::from_cbor(&SAMPLES.receipt).is_err());
	assert!(Receipt::from_cbor(&SAMPLES.key).is_err());
	assert!(RejectionMessage::from_cbor(&SAMPLES.invite).is_err());
	assert!(Session::restore(&SAMPLES.device).is_err());
}

#[test]
fn largest_offer_should_fit() {
	let mut offer = Offer::from_cbor(&SAMPLES.offer).unwrap();
	offer.membership = vec![[0xff; 32]; 32];
	let signature = offer.signatures[0].clone();
	offer.signatures = (0..16).map(|key| waybill_exchange::IndexedSignature { key, ..signature.clone() }).collect();
	offer.bounty = u64::MAX;
	offer.release_id = u64::MAX;
	assert_eq!(Offer::from_cbor(&offer.to_cbor()), Ok(offer));
}

#[test]
fn evidence_of_an_unknown_kind_should_be_refused() {
	// Key 13: [0] becomes [1].
	let at = SAMPLES.offer.windows(3).rposition(|window| window == [0x0d, 0x81, 0x00]).unwrap();
	let mut bytes = SAMPLES.offer.clone();
	bytes[at + 2] = 1;
	assert_eq!(Offer::from_cbor(&bytes), Err(DecodeError::Malformed));
}

#[test]
fn lists_that_claim_to_be_endless_should_be_refused() {
	// Key 4, the membership proof: an array of 2^64 - 1 hashes.
	let at = SAMPLES.offer.windows(4).position(|window| window == [0x04, 0x83, 0x58, 0x20]).unwrap();
	let endless = [&SAMPLES.offer[..=at], &[0x9b], &[0xff; 8], &SAMPLES.offer[at + 2..]].concat();
	assert_eq!(Offer::from_cbor(&endless), Err(DecodeError::Malformed));
}

#[test]
fn rejections_should_survive_the_wire() {
	for rejection in Rejection::ALL {
		let bytes = RejectionMessage::from(*rejection).to_cbor();
		assert_eq!(RejectionMessage::from_cbor(&bytes).unwrap().rejection(), Some(*rejection));
	}
}

/// Whatever is read is written back the same.
fn read_all(bytes: &[u8]) {
	fn read<M: Message>(bytes: &[u8]) {
		if let Ok(message) = M::from_cbor(bytes) {
			assert_eq!(message.to_cbor(), bytes);
		}
	}
	read::<Invite>(bytes);
	read::<Hello>(bytes);
	read::<Offer>(bytes);
	read::<Receipt>(bytes);
	read::<RevealedKey>(bytes);
	read::<RejectionMessage>(bytes);
	read::<Epoch>(bytes);
	if let Ok(session) = Session::restore(bytes) {
		assert_eq!(&session.to_bytes()[..], bytes);
	}
	let world = &*WORLD;
	if let Ok(device) = DeviceExchange::restore(world.profile(), Policy::default(), world.devices[2].public(), bytes) {
		assert_eq!(&device.to_bytes()[..], bytes);
	}
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

fn sample() -> impl Strategy<Value = &'static Vec<u8>> {
	prop::sample::select(vec![
		&SAMPLES.invite,
		&SAMPLES.hello,
		&SAMPLES.offer,
		&SAMPLES.receipt,
		&SAMPLES.key,
		&SAMPLES.rejection,
		&SAMPLES.epoch,
		&SAMPLES.session,
		&SAMPLES.device,
	])
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(2000))]

	#[test]
	fn decoders_should_not_panic_on_any_bytes(bytes in vec(u8::ANY, 0..300)) {
		read_all(&bytes);
	}

	#[test]
	fn decoders_should_not_panic_on_bytes_that_begin_well(bytes in vec(u8::ANY, 0..300)) {
		read_all(&[&[0xa6, 0x00, 0x01, 0x01], &bytes[..]].concat());
	}

	#[test]
	fn decoders_should_not_panic_on_altered_messages(
		sample in sample(),
		changes in vec((any::<prop::sample::Index>(), u8::ANY), 1..4),
		cut in any::<prop::sample::Index>(),
		inserted in vec(u8::ANY, 0..4),
	) {
		let mut bytes = sample.clone();
		for (at, byte) in changes {
			let at = at.index(bytes.len());
			bytes[at] = byte;
		}
		read_all(&bytes);
		let at = cut.index(bytes.len());
		read_all(&bytes[..at]);
		bytes.splice(at..at, inserted);
		read_all(&bytes);
	}
}
