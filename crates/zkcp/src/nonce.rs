//! The nonce of a ciphertext.

use crate::field::{pack, F, PLAIN_BYTES};

/// Elements of the key stream's input that a nonce fills: 150 bits.
pub const NONCE_ELEMENTS: usize = 5;

/// The nonce of a key stream: a hash of everything that the ciphertext is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nonce(pub [u8; 32]);

impl Nonce {
	/// The elements that enter the key stream.
	pub fn elements(&self) -> [F; NONCE_ELEMENTS] {
		let mut head = [0; PLAIN_BYTES];
		head.copy_from_slice(&self.0[..PLAIN_BYTES]);
		let block = pack(&head);
		core::array::from_fn(|index| block[index])
	}
}
