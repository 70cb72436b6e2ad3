//! Digests of chunks that are not payload: elements of more than 30 bits.

use super::*;
use crate::{
	field::{Block, BLOCK_BYTES},
	key::tests::key,
	layout::SAMPLED_FROM,
	poseidon::{absorb, permute, rate},
	progress::unwatched,
	storage::OutOfRange,
};
use alloc::vec;
use p3_field::PrimeCharacteristicRing;

const NONCE: Nonce = Nonce([9; 32]);

/// The digests of chunks with these elements, and their ciphertext.
fn made(layout: Layout, values: &[F]) -> (ChunkDigests, Vec<u8>) {
	let (key, permutations) = (key(1), Permutations::new());
	let stream = Stream::new(&permutations, &key, &NONCE);
	let (mut leaves, mut ciphertext) = (Vec::new(), Vec::new());
	for (chunk, blocks) in values.as_chunks::<BLOCK>().0.chunks(CHUNK_BLOCKS).enumerate() {
		let real = layout.blocks(chunk as u32);
		leaves.push(absorb(Tag::Payload.capacity(chunk as u32, real as u32), blocks).0);
		for (number, block) in blocks[..real].iter().enumerate() {
			let mut state = stream.input(F::from_usize(chunk), number);
			permute(&mut state);
			let encrypted: Block = core::array::from_fn(|index| block[index] + rate(&state)[index]);
			ciphertext.extend(crate::field::to_bytes(&encrypted));
		}
		if layout.is_extended() {
			ciphertext.resize((chunk + 1) * CHUNK_BLOCKS * BLOCK_BYTES, 0);
		}
	}
	(ChunkDigests::from_leaves(Content::Payload, layout, leaves), ciphertext)
}

fn decrypted(ciphertext: &[u8], digests: &ChunkDigests) -> Result<Vec<u8>, DecryptError<OutOfRange>> {
	let mut output = Vec::new();
	decrypt::<_, _, OutOfRange>(ciphertext, digests, &key(1), &NONCE, &mut output, &mut unwatched)?;
	Ok(output)
}

#[test]
fn chunk_should_be_wrong_when_an_element_is_no_bytes() {
	let layout = Layout::new(60).unwrap();
	let mut values = vec![F::ZERO; CHUNK_BLOCKS * BLOCK];
	values[BLOCK + 7] = F::from_u32((1 << 30) - 1);
	let (digests, ciphertext) = made(layout, &values);
	assert_eq!(ciphertext.len(), 2 * BLOCK_BYTES);
	assert_eq!(decrypted(&ciphertext, &digests).unwrap()[56..], [0, 0xfc, 0xff, 0xff, 0xff][1..]);
	for element in [BLOCK + 7, 0, BLOCK] {
		let mut values = values.clone();
		values[element] = F::from_u32(1 << 30);
		let (digests, ciphertext) = made(layout, &values);
		assert_eq!(decrypted(&ciphertext, &digests), Err(DecryptError::Wrong { chunks: 1 }));
	}
}

#[test]
fn repaired_chunk_should_be_wrong_when_an_element_is_no_bytes() {
	let layout = Layout::new(SAMPLED_FROM).unwrap();
	for (element, is_right) in [(F::from_u32((1 << 30) - 1), true), (F::from_u32(1 << 30), false)] {
		let width = CHUNK_BLOCKS * BLOCK;
		let mut values = vec![F::ZERO; layout.chunks() as usize * width];
		values[5] = element;
		Code::new(&layout).extend(&mut values, width);
		let (digests, mut ciphertext) = made(layout, &values);
		ciphertext[40] ^= 1;
		match decrypted(&ciphertext, &digests) {
			Ok(payload) => assert!(is_right && payload.len() as u64 == SAMPLED_FROM),
			error => assert!(!is_right && error == Err(DecryptError::Wrong { chunks: 1 }), "{error:?}"),
		}
	}
}
