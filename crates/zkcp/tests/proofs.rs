//! Payloads of many sizes are encrypted, proved, checked and decrypted; wrong proofs are refused.

use std::{
	ops::ControlFlow,
	sync::atomic::{AtomicU32, Ordering},
};
use waybill_zkcp::*;

const NONCE: Nonce = Nonce([9; 32]);

/// A key made of a number.
fn key(seed: u32) -> Key {
	let next = AtomicU32::new(seed);
	Key::generate(|| next.fetch_add(0x9e37_79b9, Ordering::Relaxed).wrapping_mul(2_654_435_761))
}

fn bytes(length: usize) -> Vec<u8> {
	(0..length).map(|index| ((index as u32).wrapping_mul(2_654_435_761) >> 11) as u8).collect()
}

/// Everything that is made from a payload.
struct Made {
	payload: Vec<u8>,
	digests: ChunkDigests,
	ciphertext: Vec<u8>,
	ciphertext_digests: ChunkDigests,
	commitment: [u8; 32],
	proof: Vec<u8>,
}

fn encrypted(payload: &[u8], key: &Key, nonce: &Nonce) -> (Vec<u8>, ChunkDigests) {
	let layout = Layout::new(payload.len() as u64).unwrap();
	let mut ciphertext = Vec::new();
	let digests = encrypt::<_, _, OutOfRange>(payload, layout, key, nonce, &mut ciphertext, &mut unwatched).unwrap();
	assert_eq!(ciphertext.len() as u64, layout.ciphertext_length());
	(ciphertext, digests)
}

fn digests(payload: &[u8]) -> ChunkDigests {
	ChunkDigests::of_payload(payload, Layout::new(payload.len() as u64).unwrap(), &mut unwatched).unwrap()
}

fn make(length: usize) -> Made {
	let payload = bytes(length);
	let (ciphertext, ciphertext_digests) = encrypted(&payload, &key(1), &NONCE);
	let digests = digests(&payload);
	let proof = prove(&ciphertext, &digests, &ciphertext_digests, &key(1), &NONCE, &mut unwatched).unwrap();
	Made { payload, digests, ciphertext, ciphertext_digests, commitment: key(1).commitment(), proof }
}

impl Made {
	/// The result of the check by a device that has this ciphertext.
	fn verify_with(&self, ciphertext: &[u8]) -> Result<ChunkDigests, VerifyError> {
		let layout = *self.digests.layout();
		let digests = ChunkDigests::of_ciphertext(ciphertext, layout, &mut unwatched).unwrap();
		verify(&self.proof, &NONCE, &self.digests.id(), &self.commitment, &digests)
	}
}

fn decrypted(ciphertext: &[u8], digests: &ChunkDigests, key: &Key) -> Result<Vec<u8>, DecryptError<OutOfRange>> {
	let mut output = Vec::new();
	decrypt::<_, _, OutOfRange>(ciphertext, digests, key, &NONCE, &mut output, &mut unwatched)?;
	Ok(output)
}

#[test]
fn payload_should_come_out_when_the_proof_holds() {
	for length in [0, 1, 29, 30, 31, 3_809, 3_810, 3_811, 7_620, 65_536, 500_000] {
		let made = make(length);
		let leaves = made.verify_with(&made.ciphertext).unwrap();
		assert_eq!(leaves, made.digests, "{length}");
		assert_eq!(decrypted(&made.ciphertext, &leaves, &key(1)).unwrap(), made.payload, "{length}");
	}
}

#[test]
fn chunked_payload_should_take_several_tables() {
	// 276 chunks: a full table and a small one beside it.
	let made = make(1 << 20);
	let leaves = made.verify_with(&made.ciphertext).unwrap();
	assert_eq!(decrypted(&made.ciphertext, &leaves, &key(1)).unwrap(), made.payload);
	assert!(made.proof.len() <= 1 << 20, "{}", made.proof.len());
}

#[test]
fn long_payload_should_be_sampled_and_repaired() {
	let made = make(SAMPLED_FROM as usize + 12_345);
	let layout = *made.digests.layout();
	assert!(layout.is_extended());
	let leaves = made.verify_with(&made.ciphertext).unwrap();
	assert_eq!(decrypted(&made.ciphertext, &leaves, &key(1)).unwrap(), made.payload);

	// As many chunks as the code adds are spoilt, among them the first and the last.
	let most = (layout.total() - layout.chunks()) as usize;
	let mut spoilt = made.ciphertext.clone();
	let spoil = |spoilt: &mut Vec<u8>, chunk: usize| spoilt[chunk * CHUNK_CIPHERTEXT + 40] ^= 1;
	for chunk in 0..most {
		let all = layout.total() as usize - 1;
		spoil(&mut spoilt, chunk * all / (most - 1));
	}
	assert_eq!(decrypted(&spoilt, &leaves, &key(1)).unwrap(), made.payload);
	let one_more =
		(0..).find(|chunk| spoilt[chunk * CHUNK_CIPHERTEXT + 40] == made.ciphertext[chunk * CHUNK_CIPHERTEXT + 40]);
	spoil(&mut spoilt, one_more.unwrap());
	assert!(matches!(decrypted(&spoilt, &leaves, &key(1)), Err(DecryptError::Wrong { .. })));

	// The proof covers the whole ciphertext, whichever chunks it samples.
	assert_eq!(made.verify_with(&spoilt), Err(VerifyError::Invalid));
	let mut one = made.ciphertext.clone();
	spoil(&mut one, 700);
	assert_eq!(made.verify_with(&one), Err(VerifyError::Invalid));
}

#[test]
fn proof_should_not_hold_when_anything_is_another() {
	let made = make(10_000);
	let ok = |proof: &[u8], nonce: &Nonce, payload: &[u8; 32], commitment: &[u8; 32], ciphertext: &ChunkDigests| {
		verify(proof, nonce, payload, commitment, ciphertext)
	};
	let (id, commitment) = (made.digests.id(), made.commitment);
	assert!(ok(&made.proof, &NONCE, &id, &commitment, &made.ciphertext_digests).is_ok());
	// Another distributor, bounty, chain, or epoch is another nonce.
	let other = ok(&made.proof, &Nonce([8; 32]), &id, &commitment, &made.ciphertext_digests);
	assert_eq!(other, Err(VerifyError::Invalid));
	// Another release.
	let other = ok(&made.proof, &NONCE, &digests(&bytes(9_999)).id(), &commitment, &made.ciphertext_digests);
	assert_eq!(other, Err(VerifyError::OtherPayload));
	// Another key.
	let other = ok(&made.proof, &NONCE, &id, &key(2).commitment(), &made.ciphertext_digests);
	assert_eq!(other, Err(VerifyError::Invalid));
	let other = ok(&made.proof, &NONCE, &id, &[0xff; 32], &made.ciphertext_digests);
	assert_eq!(other, Err(VerifyError::Commitment));
	// A ciphertext under another key, of another payload, or for another nonce.
	let mut payload = made.payload.clone();
	payload[5_000] ^= 1;
	for (ciphertext, _) in [
		encrypted(&made.payload, &key(2), &NONCE),
		encrypted(&payload, &key(1), &NONCE),
		encrypted(&made.payload, &key(1), &Nonce([8; 32])),
	] {
		assert_eq!(made.verify_with(&ciphertext), Err(VerifyError::Invalid));
	}
	// Chunks swapped, repeated, dropped.
	let chunk = |index: usize| made.ciphertext[index * CHUNK_CIPHERTEXT..(index + 1) * CHUNK_CIPHERTEXT].to_vec();
	let rest = &made.ciphertext[2 * CHUNK_CIPHERTEXT..];
	assert_eq!(made.verify_with(&[&chunk(1)[..], &chunk(0), rest].concat()), Err(VerifyError::Invalid));
	assert_eq!(made.verify_with(&[&chunk(0)[..], &chunk(0), rest].concat()), Err(VerifyError::Invalid));
	// A length that lies.
	for length in [9_990, 10_001, 10_020, 12_000] {
		let layout = Layout::new(length).unwrap();
		let mut ciphertext = made.ciphertext.clone();
		ciphertext.resize(layout.ciphertext_length() as usize, 0);
		let lied = ChunkDigests::of_ciphertext(&ciphertext, layout, &mut unwatched).unwrap();
		let refused = ok(&made.proof, &NONCE, &id, &commitment, &lied);
		assert!(matches!(refused, Err(VerifyError::OtherPayload | VerifyError::Shape)), "{length}: {refused:?}");
	}
}

#[test]
fn ciphertext_should_be_refused_when_it_is_cut_or_not_canonical() {
	let made = make(10_000);
	let layout = *made.digests.layout();
	let of = |bytes: &[u8]| ChunkDigests::of_ciphertext(bytes, layout, &mut unwatched);
	let cut = &made.ciphertext[..made.ciphertext.len() - 1];
	assert_eq!(of(cut), Err(SweepError::Storage(OutOfRange)));
	let mut high = made.ciphertext.clone();
	high[CHUNK_CIPHERTEXT..CHUNK_CIPHERTEXT + 4].copy_from_slice(&u32::MAX.to_le_bytes());
	assert_eq!(of(&high), Err(SweepError::NotCanonical { chunk: 1 }));
	assert_eq!(decrypted(&high, &made.digests, &key(1)), Err(DecryptError::NotCanonical { chunk: 1 }));
	assert!(matches!(decrypted(&made.ciphertext, &made.digests, &key(2)), Err(DecryptError::Wrong { chunks: 3 })));
}

#[test]
fn prover_should_not_prove_what_is_wrong() {
	let made = make(10_000);
	let (other, other_digests) = encrypted(&made.payload, &key(2), &NONCE);
	let prove = |ciphertext: &[u8], digests: &ChunkDigests, key: &Key| {
		prove(ciphertext, &made.digests, digests, key, &NONCE, &mut unwatched).map(|_| ())
	};
	assert_eq!(prove(&other, &other_digests, &key(1)), Err(ProveError::Wrong));
	assert_eq!(prove(&made.ciphertext, &other_digests, &key(1)), Err(ProveError::Wrong));
	assert_eq!(prove(&[], &made.ciphertext_digests, &key(1)), Err(ProveError::Storage(OutOfRange)));
}

#[test]
fn proof_should_be_refused_when_its_bytes_are_changed() {
	let made = make(100);
	let check = |proof: &[u8]| verify(proof, &NONCE, &made.digests.id(), &made.commitment, &made.ciphertext_digests);
	let mut changed = made.proof.clone();
	for position in [0, 4, 5, 6, 10].into_iter().chain((17..changed.len()).step_by(9_973)) {
		changed[position] ^= 1;
		assert!(check(&changed).is_err(), "byte {position}");
		changed[position] ^= 1;
	}
	assert!(check(&changed).is_ok());
	for end in [0, 4, 16, 17, 50, 1_000, changed.len() - 1] {
		assert!(matches!(check(&changed[..end]), Err(VerifyError::Envelope(_))), "{end}");
	}
	changed.push(0);
	assert_eq!(check(&changed), Err(VerifyError::Envelope(EnvelopeError::Malformed)));
	changed[5] += 1;
	assert_eq!(check(&changed), Err(VerifyError::Envelope(EnvelopeError::OtherVersion)));
	// A proof of locks is no proof of data.
	let locks = prove_locks(&key(1), &(0..240).map(key).collect::<Vec<_>>(), &NONCE).unwrap();
	assert_eq!(check(&locks), Err(VerifyError::Envelope(EnvelopeError::NoProof)));
}

#[test]
fn proof_should_differ_each_time() {
	let made = make(100);
	let again = prove(&made.ciphertext, &made.digests, &made.ciphertext_digests, &key(1), &NONCE, &mut unwatched).unwrap();
	assert_ne!(again, made.proof);
}

#[test]
fn work_should_end_when_cancelled() {
	let payload = bytes(20_000);
	let layout = Layout::new(20_000).unwrap();
	let mut stop = |_: Progress| ControlFlow::Break(());
	assert_eq!(ChunkDigests::of_payload(&payload, layout, &mut stop), Err(SweepError::Cancelled));
	let cancelled = encrypt::<_, _, OutOfRange>(&payload, layout, &key(1), &NONCE, &mut Vec::new(), &mut stop);
	assert_eq!(cancelled, Err(SweepError::Cancelled));
	let made = make(100);
	let cancelled = prove(&made.ciphertext, &made.digests, &made.ciphertext_digests, &key(1), &NONCE, &mut stop);
	assert_eq!(cancelled, Err(ProveError::Cancelled));
	let cancelled =
		decrypt::<_, _, OutOfRange>(&made.ciphertext, &made.digests, &key(1), &NONCE, &mut Vec::new(), &mut stop);
	assert_eq!(cancelled, Err(DecryptError::Cancelled));
	let mut seen = Vec::new();
	let mut watch = |progress: Progress| {
		seen.push((progress.phase, progress.done, progress.total));
		ControlFlow::Continue(())
	};
	prove(&made.ciphertext, &made.digests, &made.ciphertext_digests, &key(1), &NONCE, &mut watch).unwrap();
	assert_eq!(seen, [(Phase::Proof, 0, 1), (Phase::Proof, 1, 1)]);
}

fn place(content: &Key, lock_keys: &[Key], index: usize) -> LockPlace {
	let group = &lock_keys[index - index % LOCKS_IN_GROUP..][..LOCKS_IN_GROUP];
	lock_place(content, group.try_into().unwrap(), index as u32)
}

#[test]
fn every_lock_should_stand_in_its_table() {
	let content = key(1);
	let lock_keys: Vec<Key> = (0..480).map(|index| key(1_000 + index)).collect();
	let proof = prove_locks(&content, &lock_keys, &NONCE).unwrap();
	let table = LockTable::verify(&proof, &NONCE, &content.commitment()).unwrap();
	for (index, lock_key) in lock_keys.iter().enumerate() {
		let (mask, place) = (content.mask(lock_key), place(&content, &lock_keys, index));
		assert!(table.holds(&lock_key.lock(), &mask, &place), "{index}");
		assert_eq!(place.group_digest(&lock_key.lock(), &mask), table.group(index as u32 / 15));
		assert_eq!(mask.unmask(lock_key), content);
	}
	assert_eq!(table.group(32), None);
}

#[test]
fn further_locks_should_stand_in_a_table_of_their_own_for_the_same_key() {
	let content = key(1);
	let tables = [1_000, 2_000].map(|seed| {
		let lock_keys: Vec<Key> = (0..240).map(|index| key(seed + index)).collect();
		let proof = prove_locks(&content, &lock_keys, &NONCE).unwrap();
		(LockTable::verify(&proof, &NONCE, &content.commitment()).unwrap(), lock_keys)
	});
	for (own, other) in [(0, 1), (1, 0)] {
		let (lock_key, place) = (&tables[own].1[33], place(&content, &tables[own].1, 33));
		assert!(tables[own].0.holds(&lock_key.lock(), &content.mask(lock_key), &place));
		assert!(!tables[other].0.holds(&lock_key.lock(), &content.mask(lock_key), &place));
	}
}

#[test]
fn table_should_be_the_smallest_with_room() {
	for (least, locks) in [(0, 240), (1, 240), (240, 240), (241, 480), (7_680, 7_680), (7_681, 15_360), (15_360, 15_360)] {
		assert_eq!(locks_in_table(least), Some(locks), "{least}");
	}
	assert_eq!(locks_in_table(15_361), None);
	assert_eq!(locks_in_table(u32::MAX), None);
}

#[test]
fn lock_should_not_stand_in_the_table_when_anything_is_another() {
	let content = key(1);
	let lock_keys: Vec<Key> = (0..240).map(|index| key(1_000 + index)).collect();
	let proof = prove_locks(&content, &lock_keys, &NONCE).unwrap();
	let table = LockTable::verify(&proof, &NONCE, &content.commitment()).unwrap();
	let (lock, mask, own) = (lock_keys[20].lock(), content.mask(&lock_keys[20]), place(&content, &lock_keys, 20));
	assert!(table.holds(&lock, &mask, &own));
	assert!(!table.holds(&lock_keys[21].lock(), &mask, &own));
	assert!(!table.holds(&lock, &content.mask(&lock_keys[21]), &own));
	assert!(!table.holds(&[0xff; 32], &mask, &own));
	assert!(!table.holds(&lock, &mask, &place(&content, &lock_keys, 21)));
	for change in 0..4 {
		let mut place = own.clone();
		match change {
			0 => place.group = 3,
			1 => place.group = u32::MAX,
			2 => place.index = 200,
			_ => place.others[4][0] ^= 1,
		}
		assert!(!table.holds(&lock, &mask, &place), "{change}");
	}
	// Another key, nonce, or kind of proof.
	let verify = |nonce: &Nonce, commitment: &[u8; 32]| LockTable::verify(&proof, nonce, commitment);
	assert_eq!(verify(&Nonce([8; 32]), &content.commitment()), Err(VerifyError::Invalid));
	assert_eq!(verify(&NONCE, &key(2).commitment()), Err(VerifyError::Invalid));
	assert_eq!(verify(&NONCE, &[0xff; 32]), Err(VerifyError::Commitment));
	let mut changed = proof.clone();
	changed[30] ^= 1;
	assert!(LockTable::verify(&changed, &NONCE, &content.commitment()).is_err());
	let data = make(100);
	let refused = LockTable::verify(&data.proof, &NONCE, &content.commitment());
	assert_eq!(refused, Err(VerifyError::Envelope(EnvelopeError::NoProof)));
	for count in [0, 15, 120, 239, 241, 255, 30_720] {
		let keys: Vec<_> = (0..count).map(key).collect();
		assert_eq!(prove_locks(&content, &keys, &NONCE).unwrap_err(), ProveError::Locks(count as usize));
	}
}
