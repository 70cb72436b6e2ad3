//! CBOR: the messages of the exchange, and the states that devices and distributors store and
//! resume from.

use ed25519_dalek::SigningKey;
use std::sync::LazyLock;
use waybill_exchange::{
	sign, BountyPlace, ChainHead, ChainView, DeviceExchange, Epoch, Hello, Installed, Invite, Message, Offer, Policy,
	Profile, ProofQuery, Receipt, RejectionMessage, ReleaseView, RevealedKey, Session, SignedVerdict, Signer, Slot, Stage,
	Terms, TrustedKeys,
};
use waybill_primitives::{
	view::{BountyView, ReleaseState},
	DeviceKey, Hash32, IndexedSignature, KeySet,
};
use waybill_zkcp::unwatched;

/// The chain, the vendor and the device that the vectors in `crates/exchange/vectors/` and the
/// exchange's own tests use.
const GENESIS: Hash32 = [0x67; 32];
const VENDOR: [u8; 32] = [0x76; 32];
const MODEL: u64 = 3;
const DEVICE_SEED: [u8; 32] = [
	0x8e, 0x0b, 0xb7, 0x53, 0x4f, 0xcf, 0x4f, 0x12, 0xac, 0x74, 0x58, 0xfb, 0x80, 0x92, 0xfe, 0x52, 0x9c, 0xe5, 0x6e, 0xa0,
	0xbb, 0x68, 0xed, 0xb6, 0x3b, 0x5f, 0x6c, 0xcb, 0x16, 0x8a, 0xad, 0x93,
];

static DEVICE: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_bytes(&DEVICE_SEED));

/// Reads the bytes as each kind of message and of stored state.
pub fn run(data: &[u8]) {
	let wire = [
		message::<Invite>(data),
		message::<Hello>(data),
		message::<Offer>(data),
		message::<Receipt>(data),
		message::<RevealedKey>(data),
		message::<RejectionMessage>(data),
		message::<ProofQuery>(data),
		message::<SignedVerdict>(data),
	];
	let stored = [message::<Epoch>(data), session(data), device(data)];
	let kinds = wire.into_iter().chain(stored).filter(|read| *read).count();
	assert!(kinds <= 1, "one message can be read as two kinds");
}

/// Checks that a message that can be read is written back the same. Returns whether it could be
/// read.
fn message<M: Message>(data: &[u8]) -> bool {
	match M::from_cbor(data) {
		Ok(message) => {
			assert_eq!(message.to_cbor(), data);
			assert!(data.len() <= M::MAX_LEN);
			true
		},
		Err(_) => false,
	}
}

/// Checks that a distributor's session can continue from any state that it reads, and that it can
/// read back what it stores.
fn session(data: &[u8]) -> bool {
	let Ok(mut session) = Session::restore(data) else { return false };
	assert_eq!(session.to_bytes().as_slice(), data);
	assert!(session.submission().is_none() || session.claim_key().is_none());
	if session.submission().is_some() {
		assert_eq!(session.reserved(7), Ok(()));
		assert!(session.claim_key().is_some());
	}
	if let Some((reservation, _, key)) = session.claim_key() {
		assert_eq!(session.reserved(reservation), Ok(()));
		assert_eq!(session.revealed(), Ok(()));
		assert_eq!(session.revealed_key().map(|revealed| revealed.key), Ok(key));
	}
	assert_eq!(session.lapsed().is_err(), session.revealed_key().is_ok());
	let stored = session.to_bytes();
	assert_eq!(Session::restore(&stored).map(|session| session.to_bytes()), Ok(stored));
	true
}

/// Checks that a device can continue from any state that it reads, and that it can read back what
/// it stores.
fn device(data: &[u8]) -> bool {
	let Some(mut device) = restore(data) else { return false };
	let _ = device.key(&[7; 32]);
	step(&mut device);
	let stored = device.to_bytes();
	let again = restore(&stored).expect("a device reads what it stored");
	assert_eq!(*again.to_bytes(), *stored);
	true
}

fn restore(bytes: &[u8]) -> Option<DeviceExchange> {
	let profile = Profile {
		genesis: GENESIS,
		vendor: VENDOR,
		model: MODEL,
		keys: TrustedKeys {
			version: 1,
			key_set: KeySet { threshold: 1, keys: vec![device_key()].try_into().expect("one key") },
		},
		installed: Installed::default(),
	};
	let policy = Policy { accept_unproven: true, ..Policy::default() };
	DeviceExchange::restore(profile, policy, device_key(), bytes).ok()
}

fn device_key() -> DeviceKey {
	DEVICE.public()
}

/// Does what the current stage asks for.
fn step(device: &mut DeviceExchange) {
	assert!(device.files().count() <= 2 * (device.awaited().count() + 1) + 1);
	match device.stage() {
		Stage::Idle | Stage::AwaitOffer(_) | Stage::Failed(..) => device.abandon().expect("nothing stands"),
		Stage::NeedCiphertext(_) => {
			let mut check = device.ciphertext_check().expect("the stage asks for it");
			let _ = check.update(b"ciphertext");
			let _ = device.ciphertext_complete(check);
		},
		Stage::NeedReceipt(terms) => {
			let (view, now) = view(terms);
			let _ = device.sign_receipt(&*DEVICE, &view, now).map(|unsent| unsent.persisted());
		},
		Stage::AwaitKey(terms, _) => {
			let (view, now) = view(terms);
			let _ = device.observe(&view, now);
		},
		Stage::NeedProofs(..) => {
			if let Ok(verification) = device.verification() {
				let bytes = b"bytes".as_slice();
				if let Ok(verified) = verification.run(bytes, bytes, bytes, &mut unwatched) {
					let _ = device.verified(verified);
				}
			}
		},
		Stage::NeedDecryption(_) => {
			if let Ok(decryption) = device.decryption() {
				let mut payload = Vec::new();
				if let Ok(decrypted) = decryption.run(b"ciphertext".as_slice(), b"proof", &mut payload, &mut unwatched) {
					let _ = device.decrypted(decrypted);
				}
			}
		},
		Stage::Ready(terms) => {
			let (view, now) = view(terms);
			if let Ok(approval) = device.approve(&view, now) {
				device.installed(approval).expect("it was approved");
			}
		},
	}
}

/// A chain on which the terms' bounty is open, and a time later than any that a device has seen.
fn view(terms: &Terms) -> (ChainView, u64) {
	let now = u64::MAX;
	let bounty = BountyView {
		id: terms.bounty,
		vendor: VENDOR,
		release: terms.release_id,
		fleet: 0,
		root: [0; 32],
		count: u32::MAX,
		digest: terms.release.digest,
		reward: 1,
		expires_at: u32::MAX,
		held: 1,
		paid: 0,
		reserved: 0,
		exclusive_until: 0,
		closing: false,
	};
	let view = ChainView {
		head: ChainHead { genesis: GENESIS, number: u32::MAX - 100, timestamp_ms: now },
		release: ReleaseView {
			id: terms.release_id,
			vendor: VENDOR,
			statement: terms.release.clone(),
			key_set_version: 1,
			signatures: vec![IndexedSignature { key: 0, signature: sign(&*DEVICE, &terms.release, &GENESIS) }],
			advisory: None,
			published_at: 1,
			state: ReleaseState::Available,
			yank: None,
		},
		place: Some(BountyPlace { bounty, device_index: terms.device_index, slot: Slot::Open }),
	};
	(view, now)
}
