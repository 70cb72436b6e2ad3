//! Content keys and their cipher.

mod common;

use chacha20::cipher::{KeyIvInit, StreamCipher};
use common::*;
use proptest::{collection::vec, num::u8, prelude::*};
use sha2::{Digest as _, Sha256};
use waybill_exchange::{Algorithms, ContentContext, ContentKey, Secret, StreamError};
use waybill_primitives::{Digest, Suite};

fn context() -> ContentContext {
	ContentContext {
		genesis: GENESIS,
		bounty: 1,
		distributor: [2; 32],
		digest: Digest { suite: Suite::Plain, bytes: [3; 32] },
		epoch: 4,
	}
}

#[test]
fn nonce_should_be_the_documented_hash() {
	let mut bytes = vec![17 << 2];
	bytes.extend(b"waybill/content/1");
	bytes.extend(GENESIS);
	bytes.extend(1u64.to_le_bytes());
	bytes.extend([2; 32]);
	bytes.push(0);
	bytes.extend([3; 32]);
	bytes.extend(4u32.to_le_bytes());
	assert_eq!(context().nonce(), <[u8; 32]>::from(Sha256::digest(bytes)));
}

#[test]
fn nonce_and_commitment_should_change_with_every_part_of_the_context() {
	let others = [
		ContentContext { genesis: [0; 32], ..context() },
		ContentContext { bounty: 2, ..context() },
		ContentContext { distributor: [0; 32], ..context() },
		ContentContext { digest: Digest { suite: Suite::Plain, bytes: [0; 32] }, ..context() },
		ContentContext { epoch: 5, ..context() },
	];
	let commitment = |context: &ContentContext| ContentKey::restore(context, Secret::new([9; 32])).unwrap().commitment();
	for other in others {
		assert_ne!(other.nonce(), context().nonce());
		assert_ne!(commitment(&other), commitment(&context()));
	}
}

#[test]
fn commitment_should_be_the_documented_hash() {
	let mut bytes = vec![24 << 2];
	bytes.extend(b"waybill/key-commitment/1");
	bytes.extend(context().nonce());
	bytes.extend([9; 32]);
	let key = ContentKey::restore(&context(), Secret::new([9; 32])).unwrap();
	assert_eq!(key.commitment(), <[u8; 32]>::from(Sha256::digest(bytes)));
}

#[test]
fn cipher_should_be_chacha20_from_block_0() {
	let key = ContentKey::restore(&context(), Secret::new([9; 32])).unwrap();
	let mut expected = payload(1000);
	let nonce: [u8; 12] = context().nonce()[..12].try_into().unwrap();
	chacha20::ChaCha20::new(&[9; 32].into(), &nonce.into()).apply_keystream(&mut expected);
	let (mut encryptor, mut output) = (key.encryptor(1000).unwrap(), Vec::new());
	encryptor.update(&payload(1000), &mut output).unwrap();
	encryptor.finish(&mut output).unwrap();
	assert_eq!(output, expected);
}

#[test]
fn other_lengths_than_announced_should_be_refused() {
	let key = ContentKey::restore(&context(), Secret::new([9; 32])).unwrap();
	let mut output = Vec::new();
	let mut encryptor = key.encryptor(3).unwrap();
	assert_eq!(encryptor.update(b"four", &mut output), Err(StreamError::TooLong));
	assert_eq!(encryptor.update(b"two"[..2].as_ref(), &mut output), Ok(()));
	assert_eq!(encryptor.finish(&mut output), Err(StreamError::TooShort));
	assert!(key.encryptor(64 << 32).is_none());
	assert!(key.decryptor(u64::MAX).is_none());
}

#[test]
fn content_key_should_follow_from_mask_and_lock_key_alone() {
	for suite in SUITES {
		let context = ContentContext { digest: Digest { suite, bytes: [3; 32] }, ..context() };
		let key = ContentKey::generate(&context, &mut rng(1)).unwrap();
		let share = |seed| key.share(suite.draw(&mut rng(seed))).unwrap();
		let (one, two) = (share(2), share(3));
		assert_eq!(suite.lock(one.key.expose()), Some(one.lock));
		let combine = |mask, lock_key| ContentKey::combine(&context, mask, lock_key).unwrap();
		assert_eq!(combine(&one.mask, &one.key), key);
		assert_eq!(combine(&two.mask, &two.key), key);
		assert_ne!(combine(&one.mask, &two.key), key);
		assert_ne!(one.key.expose(), key.secret().expose());
		assert_eq!(key.provable().is_some(), suite == Suite::Zkcp);
	}
}

#[test]
fn bytes_that_are_no_key_should_be_refused_under_a_suite_with_proofs() {
	let context = ContentContext { digest: Digest { suite: Suite::Zkcp, bytes: [3; 32] }, ..context() };
	let (one, none) = (Secret::new([9; 32]), Secret::new([0xff; 32]));
	let key = ContentKey::restore(&context, one.clone()).unwrap();
	assert_eq!(ContentKey::restore(&context, none.clone()), None);
	assert_eq!(key.share(none.clone()), None);
	assert_eq!(ContentKey::combine(&context, &one, &none), None);
	assert_eq!(ContentKey::combine(&context, &none, &one), None);
	// It encrypts chunks, not a stream.
	assert!(key.encryptor(1).is_none() && key.decryptor(1).is_none());
}

fn parts<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
	let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
	cuts.extend([0, bytes.len()]);
	cuts.sort_unstable();
	cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
	#[test]
	fn chunking_should_make_no_difference(
		payload in vec(u8::ANY, 0..5000),
		key in proptest::array::uniform32(u8::ANY),
		cuts in vec(any::<prop::sample::Index>(), 0..20),
		other_cuts in vec(any::<prop::sample::Index>(), 0..20),
	) {
		let key = ContentKey::restore(&context(), Secret::new(key)).unwrap();
		let size = payload.len() as u64;
		let (mut whole, mut encryptor) = (Vec::new(), key.encryptor(size).unwrap());
		encryptor.update(&payload, &mut whole).unwrap();
		encryptor.finish(&mut whole).unwrap();
		let (mut pieces, mut encryptor) = (Vec::new(), key.encryptor(size).unwrap());
		for part in parts(&payload, &cuts) {
			encryptor.update(part, &mut pieces).unwrap();
		}
		encryptor.finish(&mut pieces).unwrap();
		prop_assert_eq!(&whole, &pieces);
		let (mut back, mut decryptor) = (Vec::new(), key.decryptor(size).unwrap());
		for part in parts(&whole, &other_cuts) {
			decryptor.update(part, &mut back).unwrap();
		}
		decryptor.finish(&mut back).unwrap();
		prop_assert_eq!(back, payload);
	}
}
