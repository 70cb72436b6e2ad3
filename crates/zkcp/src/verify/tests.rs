//! Proofs with valid parts in the wrong place, and bytes that would take too much memory.

use crate::{
	digest::ChunkDigests,
	encrypt,
	envelope::{read, write, DataEnvelope, EnvelopeError},
	key::tests::key,
	layout::{Layout, SAMPLED_FROM},
	progress::unwatched,
	prove, verify, Nonce, OutOfRange, VerifyError,
};
use alloc::{vec, vec::Vec};

const NONCE: Nonce = Nonce([9; 32]);

/// A proof, and what it is about.
struct Made {
	payload: ChunkDigests,
	ciphertext: ChunkDigests,
	proof: Vec<u8>,
}

impl Made {
	fn of(layout: Layout) -> Self {
		let bytes: Vec<u8> = (0..layout.length()).map(|index| index as u8).collect();
		let payload = ChunkDigests::of_payload(&bytes, layout, &mut unwatched).unwrap();
		let mut encrypted = Vec::new();
		let ciphertext = encrypt::<_, _, OutOfRange>(&bytes, layout, &key(1), &NONCE, &mut encrypted, &mut unwatched);
		let ciphertext = ciphertext.unwrap();
		let proof = prove(&encrypted, &payload, &ciphertext, &key(1), &NONCE, &mut unwatched).unwrap();
		Self { payload, ciphertext, proof }
	}

	fn verify(&self, proof: &[u8]) -> Result<(), VerifyError> {
		verify(proof, &NONCE, &self.payload.id(), &key(1).commitment(), &self.ciphertext).map(drop)
	}

	/// The result of checking the proof after this change.
	fn changed(&self, change: impl FnOnce(&mut DataEnvelope)) -> Result<(), VerifyError> {
		let mut envelope: DataEnvelope = read(&self.proof).unwrap();
		change(&mut envelope);
		self.verify(&write(&envelope))
	}

	/// Its parts once more: not everything in them can be cloned.
	fn parts(&self) -> Vec<crate::stark::Proof> {
		read::<DataEnvelope>(&self.proof).unwrap().parts
	}
}

#[test]
fn parts_should_be_refused_when_they_are_not_all_in_order() {
	let made = Made::of(Layout::new(SAMPLED_FROM).unwrap());
	assert_eq!(made.changed(|_| ()), Ok(()));
	assert_eq!(made.parts().len(), 2);
	assert_eq!(made.changed(|proof| proof.parts.swap(0, 1)), Err(VerifyError::Invalid));
	assert_eq!(made.changed(|proof| proof.parts.truncate(1)), Err(VerifyError::Shape));
	assert_eq!(made.changed(|proof| proof.parts.clear()), Err(VerifyError::Shape));
	assert_eq!(made.changed(|proof| proof.parts.extend(made.parts())), Err(VerifyError::Shape));
	let repeated = |part: usize| made.parts().into_iter().chain(made.parts()).skip(part).step_by(2).collect();
	for part in [0, 1] {
		assert_eq!(made.changed(|proof| proof.parts = repeated(part)), Err(VerifyError::Invalid));
	}
	// Another sample, and none.
	for work in [0, 1, u64::MAX] {
		assert_eq!(made.changed(|proof| proof.work = work), Err(VerifyError::Invalid));
	}
}

#[test]
fn parts_of_equal_shape_should_not_change_places() {
	// 513 chunks: two full tables, and a small one beside the second.
	let made = Made::of(Layout::new(513 * 3_810).unwrap());
	assert_eq!(made.changed(|_| ()), Ok(()));
	assert_eq!(made.changed(|proof| proof.parts.swap(0, 1)), Err(VerifyError::Invalid));
	let sooner = Made::of(Layout::chunked(1_024 * 3_810).unwrap());
	assert_eq!(sooner.parts().len(), 4);
	assert_eq!(sooner.changed(|proof| proof.parts.swap(1, 2)), Err(VerifyError::Invalid));
}

#[test]
fn work_should_be_refused_when_nothing_is_sampled() {
	let made = Made::of(Layout::new(100).unwrap());
	assert_eq!(made.changed(|proof| proof.work = 1), Err(VerifyError::Invalid));
}

#[test]
fn lists_of_nothing_should_be_refused_before_they_take_memory() {
	let made = Made::of(Layout::new(100).unwrap());
	let damaged = Err(VerifyError::Envelope(EnvelopeError::Malformed));
	let stuffed =
		made.changed(|proof| proof.parts[0].opening_proof.1.input_openings[0].opened_values = vec![vec![]; 1 << 20]);
	assert_eq!(stuffed, damaged);
	let stuffed = made.changed(|proof| {
		let quotient = &mut proof.parts[0].opened_values.instances[0].base_opened_values.quotient_chunks;
		*quotient = vec![vec![]; 1 << 20];
	});
	assert_eq!(stuffed, damaged);
}
