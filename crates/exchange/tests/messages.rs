//! The decoders: one encoding for each message, and no panic whatever comes.

mod common;

use common::*;
use proptest::{collection::vec, num::u8, prelude::*};
use std::{fmt::Debug, sync::LazyLock};
use waybill_exchange::{
	Ciphertext, ContentContext, DecodeError, DeviceExchange, Epoch, Evidence, Hello, Invite, LockPlace, Message, Offer,
	Policy, ProofFault, ProofQuery, ProofVerdict, Proofs, Receipt, Rejection, RejectionMessage, RevealedKey, Session,
	Signer, Stored,
};
use waybill_primitives::{Cid, Codec, Multihash, Suite};

struct Samples {
	invite: Vec<u8>,
	hello: Vec<u8>,
	offer: Vec<u8>,
	receipt: Vec<u8>,
	key: Vec<u8>,
	rejection: Vec<u8>,
	epoch: Vec<u8>,
	session: Vec<u8>,
	/// The device's state, with a receipt that stands, or with proofs that are not checked.
	devices: [Vec<u8>; 2],
	/// What a device asks its hub, under a suite with proofs.
	query: Vec<u8>,
	verdict: Vec<u8>,
}

static PLAIN: LazyLock<Samples> = LazyLock::new(|| Samples::of(Suite::Plain));
static ZKCP: LazyLock<Samples> = LazyLock::new(|| Samples::of(Suite::Zkcp));

impl Samples {
	fn of(suite: Suite) -> Self {
		let world = World::of(suite);
		let (mut device, mut server) = (world.device(), world.server_without_proofs(1));
		let invite = server.distributor.invite(NOW, &mut server.rng);
		let hello = device.hello(&mut server, BOUNTY).unwrap();
		let offer = server.open(&hello, &world, 2).unwrap();
		device.exchange.offer(&offer, &world.chain.view(), NOW).unwrap();
		device.fetch(&server.ciphertext).unwrap();
		let unverified = device.exchange.to_bytes().to_vec();
		let query = device.exchange.verification().map(|verification| verification.query().to_cbor()).unwrap_or_default();
		device.verify(&server).unwrap();
		let receipt = device.exchange.sign_receipt(&device.signer, &world.chain.view(), NOW).unwrap().persisted();
		server.session().receipt(&receipt, NUMBER, 5).unwrap().persisted();
		Self {
			invite: invite.to_cbor(),
			hello: hello.to_cbor(),
			offer: offer.to_cbor(),
			receipt: receipt.to_cbor(),
			key: RevealedKey::new(BOUNTY, 2, [7; 32]).to_cbor(),
			rejection: RejectionMessage::from(Rejection::EpochFull).to_cbor(),
			epoch: server.epoch.to_cbor(),
			session: server.session().to_bytes().to_vec(),
			devices: [device.exchange.to_bytes().to_vec(), unverified],
			query,
			verdict: ProofVerdict::new(&Ok([7; 32])).to_cbor(),
		}
	}
}

/// Adds `more` entries to the head of a map of fewer than 24.
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
	for samples in [&*PLAIN, &*ZKCP] {
		check::<Invite>(&samples.invite);
		check::<Hello>(&samples.hello);
		check::<Offer>(&samples.offer);
		check::<Receipt>(&samples.receipt);
		check::<RevealedKey>(&samples.key);
		check::<RejectionMessage>(&samples.rejection);
		refuses::<Epoch>(&samples.epoch);
	}
	check::<ProofQuery>(&ZKCP.query);
	check::<ProofVerdict>(&ZKCP.verdict);
	check::<ProofVerdict>(&ProofVerdict::new(&Err(ProofFault::Lock)).to_cbor());
}

#[test]
fn message_of_one_kind_should_not_be_read_as_another() {
	let samples = &*PLAIN;
	assert!(Hello::from_cbor(&samples.invite).is_err());
	assert!(Invite::from_cbor(&samples.key).is_err());
	assert!(RevealedKey::from_cbor(&samples.receipt).is_err());
	assert!(Receipt::from_cbor(&samples.key).is_err());
	assert!(RejectionMessage::from_cbor(&samples.invite).is_err());
	assert!(Session::restore(&samples.devices[0]).is_err());
	assert!(ProofVerdict::from_cbor(&ZKCP.query).is_err());
}

/// The longest CID.
fn longest_cid() -> Cid {
	Cid { codec: Codec::DagPb, hash: Multihash::Blake2b256([0xff; 32]) }
}

fn longest_ciphertext() -> Ciphertext {
	Ciphertext { cid: longest_cid(), size: u64::MAX, sha256: [0xff; 32] }
}

fn longest_proofs() -> Proofs {
	let file = Stored { cid: longest_cid(), size: u64::MAX };
	Proofs { data: file, locks: file }
}

fn longest_evidence() -> Evidence {
	let place = LockPlace { group: u32::MAX, index: u8::MAX, others: vec![[0xff; 32]; 14] };
	Evidence::Proven(longest_proofs(), place)
}

#[test]
fn largest_messages_should_fit() {
	let mut hello = Hello::from_cbor(&ZKCP.hello).unwrap();
	hello.bounty = u64::MAX;
	assert_eq!(Hello::from_cbor(&hello.to_cbor()), Ok(hello));

	let mut offer = Offer::from_cbor(&ZKCP.offer).unwrap();
	offer.membership = vec![[0xff; 32]; 32];
	let signature = offer.signatures[0];
	offer.signatures = (0..16).map(|key| waybill_primitives::IndexedSignature { key, ..signature }).collect();
	(offer.bounty, offer.release_id) = (u64::MAX, u64::MAX);
	(offer.device_index, offer.key_set_version, offer.epoch) = (u32::MAX, u32::MAX, u32::MAX);
	offer.release.payload = longest_cid();
	(offer.ciphertext, offer.evidence) = (longest_ciphertext(), longest_evidence());
	assert_eq!(Offer::from_cbor(&offer.to_cbor()), Ok(offer));

	let mut receipt = Receipt::from_cbor(&ZKCP.receipt).unwrap();
	(receipt.bounty, receipt.device_index, receipt.valid_until) = (u64::MAX, u32::MAX, u32::MAX);
	assert_eq!(Receipt::from_cbor(&receipt.to_cbor()), Ok(receipt));

	let mut query = ProofQuery::from_cbor(&ZKCP.query).unwrap();
	(query.size, query.group) = (u64::MAX, u32::MAX);
	(query.ciphertext, query.proofs) = (longest_ciphertext(), longest_proofs());
	assert_eq!(ProofQuery::from_cbor(&query.to_cbor()), Ok(query));

	let context = ContentContext { bounty: u64::MAX, epoch: u32::MAX, ..World::of(Suite::Zkcp).context([0xff; 32]) };
	let mut epoch = Epoch::generate(&context, u32::MAX, &mut rng(1));
	epoch.publish(longest_ciphertext(), Some(longest_proofs()));
	assert_eq!(Epoch::from_cbor(&epoch.to_cbor()).unwrap().to_cbor(), epoch.to_cbor());
}

#[test]
fn largest_session_should_fit() {
	let world = World::of(Suite::Zkcp);
	let (mut device, mut server) = (world.device(), world.server_without_proofs(1));
	let receipt = device.until_signed(&world, &mut server);
	server.session().receipt(&receipt, NUMBER, 5).unwrap().persisted();
	server.session().reserved(u32::MAX).unwrap();
	let evidence = device.exchange.awaited().next().unwrap().evidence.clone();
	let written = |proof: &[[u8; 32]]| {
		let hashes = proof.iter().flat_map(|hash| [&[0x58, 32][..], hash].concat());
		[vec![0x06], array(proof.len()), hashes.collect()].concat()
	};
	let stored = server.session().to_bytes();
	let stored = patched(&stored, &written(&world.tree.proof(2).unwrap()), &written(&[[0xff; 32]; 32]));
	let written = |evidence: &Evidence| [&[0x0f][..], &minicbor::to_vec(evidence).unwrap()].concat();
	let stored = patched(&stored, &written(&evidence), &written(&longest_evidence()));
	assert_eq!(*Session::restore(&stored).unwrap().to_bytes(), stored);
}

/// The head of an array.
fn array(length: usize) -> Vec<u8> {
	match u8::try_from(length).unwrap() {
		short @ ..24 => vec![0x80 | short],
		long => vec![0x98, long],
	}
}

#[test]
fn evidence_of_an_unknown_kind_should_be_refused() {
	// Key 13, an array of the kind and what it carries: kind 0 becomes 1, which carries something,
	// and 2.
	let at = PLAIN.offer.windows(3).rposition(|window| window == [0x0d, 0x81, 0x00]).unwrap();
	for kind in [1, 2] {
		let mut bytes = PLAIN.offer.clone();
		bytes[at + 2] = kind;
		assert_eq!(Offer::from_cbor(&bytes), Err(DecodeError::Malformed));
	}
	let at = ZKCP.offer.windows(3).rposition(|window| window == [0x0d, 0x83, 0x01]).unwrap();
	for kind in [0, 2] {
		let mut bytes = ZKCP.offer.clone();
		bytes[at + 2] = kind;
		assert!(Offer::from_cbor(&bytes).is_err());
	}
}

#[test]
fn lists_that_claim_to_be_endless_should_be_refused() {
	// Key 4, the membership proof: an array of 2^64 - 1 hashes.
	let at = PLAIN.offer.windows(4).position(|window| window == [0x04, 0x83, 0x58, 0x20]).unwrap();
	let endless = [&PLAIN.offer[..=at], &[0x9b], &[0xff; 8], &PLAIN.offer[at + 2..]].concat();
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
	read::<ProofQuery>(bytes);
	read::<ProofVerdict>(bytes);
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
	let samples = [&*PLAIN, &*ZKCP].into_iter().flat_map(|samples| {
		let Samples { invite, hello, offer, receipt, key, rejection, epoch, session, devices, query, verdict } = samples;
		let [signed, unverified] = devices;
		[invite, hello, offer, receipt, key, rejection, epoch, session, signed, unverified, query, verdict]
	});
	prop::sample::select(samples.filter(|sample| !sample.is_empty()).collect::<Vec<_>>())
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
