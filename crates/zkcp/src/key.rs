//! Content keys, lock keys, masks and locks.

use crate::{
	field::{from_bytes, to_bytes, Block, F},
	poseidon::Tag,
};
use core::fmt;
use p3_field::{PrimeCharacteristicRing, PrimeField32};
use subtle::{Choice, ConstantTimeEq};

/// The lock `s = H(r)` of a lock key, both as canonical bytes; none if `key` is not canonical.
///
/// This is what the chain computes when a key is revealed.
pub fn lock(key: &[u8; 32]) -> Option<[u8; 32]> {
	from_bytes(key).map(|block| to_bytes(&Tag::Lock.hash(&block)))
}

/// A secret of eight elements, 248 bits: a content key `K`, a lock key `r` or a mask `m`. Wiped
/// when dropped.
#[derive(Clone)]
pub struct Key(Block);

impl Key {
	/// Makes a key of uniformly random elements. `draw` returns a random number at each call.
	pub fn generate(mut draw: impl FnMut() -> u32) -> Self {
		Self(core::array::from_fn(|_| loop {
			// 31 bits; one in 128 is not below p.
			let number = draw() >> 1;
			if number < F::ORDER_U32 {
				break F::from_u32(number);
			}
		}))
	}

	/// A key from its canonical bytes; none if a number is not below `p`.
	pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
		from_bytes(bytes).map(Self)
	}

	/// The canonical bytes.
	pub fn to_bytes(&self) -> [u8; 32] {
		to_bytes(&self.0)
	}

	/// The lock `s` of a lock key.
	pub fn lock(&self) -> [u8; 32] {
		to_bytes(&Tag::Lock.hash(&self.0))
	}

	/// The commitment `C_K` of a content key.
	pub fn commitment(&self) -> [u8; 32] {
		to_bytes(&Tag::Commitment.hash(&self.0))
	}

	/// The mask `m = K − r` of a lock key, for the content key `self`.
	pub fn mask(&self, lock_key: &Self) -> Self {
		Self(core::array::from_fn(|index| self.0[index] - lock_key.0[index]))
	}

	/// The content key `K = m + r` of the mask `self`.
	pub fn unmask(&self, lock_key: &Self) -> Self {
		Self(core::array::from_fn(|index| self.0[index] + lock_key.0[index]))
	}

	pub(crate) const fn block(&self) -> &Block {
		&self.0
	}
}

impl Drop for Key {
	fn drop(&mut self) {
		// `zeroize` cannot wipe the library's type. Reading the overwritten value keeps the
		// compiler from removing the write.
		self.0 = Block::default();
		core::hint::black_box(&self.0);
	}
}

impl ConstantTimeEq for Key {
	fn ct_eq(&self, other: &Self) -> Choice {
		self.to_bytes().ct_eq(&other.to_bytes())
	}
}

impl PartialEq for Key {
	fn eq(&self, other: &Self) -> bool {
		self.ct_eq(other).into()
	}
}

impl Eq for Key {}

impl fmt::Debug for Key {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str("Key(..)")
	}
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;

	/// A key made of a small number.
	pub(crate) fn key(seed: u32) -> Key {
		let mut next = seed;
		Key::generate(|| {
			next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
			next
		})
	}

	#[test]
	fn mask_and_lock_key_should_give_the_content_key() {
		let (content, lock_key) = (key(1), key(2));
		let mask = content.mask(&lock_key);
		assert_eq!(mask.unmask(&lock_key), content);
		assert_ne!(mask.unmask(&key(3)), content);
		assert_eq!(lock(&lock_key.to_bytes()), Some(lock_key.lock()));
		assert_ne!(lock_key.lock(), lock_key.commitment());
	}

	#[test]
	fn keys_that_are_not_canonical_should_be_refused() {
		let mut bytes = key(1).to_bytes();
		assert!(Key::from_bytes(&bytes).is_some());
		bytes[4..8].copy_from_slice(&(F::ORDER_U32 - 1).to_le_bytes());
		assert!(Key::from_bytes(&bytes).is_some());
		for number in [F::ORDER_U32, F::ORDER_U32 + 1, 1 << 31, u32::MAX] {
			bytes[4..8].copy_from_slice(&number.to_le_bytes());
			assert_eq!(Key::from_bytes(&bytes), None);
			assert_eq!(lock(&bytes), None);
		}
	}

	#[test]
	fn generated_numbers_should_be_drawn_again_when_too_large() {
		let mut numbers = [u32::MAX, F::ORDER_U32 << 1, (F::ORDER_U32 - 1) << 1].into_iter().chain(0..);
		let drawn = Key::generate(|| numbers.next().unwrap());
		assert_eq!(drawn.to_bytes()[..4], (F::ORDER_U32 - 1).to_le_bytes());
	}

	#[test]
	fn debug_should_not_show_a_key() {
		assert_eq!(alloc::format!("{:?}", key(1)), "Key(..)");
	}
}
