//! Thirty-two secret bytes.

use core::fmt;
use rand_core::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A 32-byte secret: compared in constant time, erased when dropped, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
	/// Takes bytes that are already secret.
	pub const fn new(bytes: [u8; 32]) -> Self {
		Self(bytes)
	}

	/// Draws fresh bytes.
	pub fn random<R: CryptoRng>(rng: &mut R) -> Self {
		let mut secret = Self([0; 32]);
		rng.fill_bytes(&mut secret.0);
		secret
	}

	/// The bytes themselves.
	pub const fn expose(&self) -> &[u8; 32] {
		&self.0
	}

	/// The bitwise exclusive or of two secrets.
	pub(crate) fn xor(&self, other: &Self) -> Self {
		let mut result = self.clone();
		result.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a ^= b);
		result
	}
}

impl ConstantTimeEq for Secret {
	fn ct_eq(&self, other: &Self) -> Choice {
		self.0.ct_eq(&other.0)
	}
}

impl PartialEq for Secret {
	fn eq(&self, other: &Self) -> bool {
		self.ct_eq(other).into()
	}
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str("Secret(..)")
	}
}

impl<C> minicbor::Encode<C> for Secret {
	fn encode<W: minicbor::encode::Write>(
		&self,
		e: &mut minicbor::Encoder<W>,
		_: &mut C,
	) -> Result<(), minicbor::encode::Error<W::Error>> {
		e.bytes(&self.0)?.ok()
	}
}

impl<'b, C> minicbor::Decode<'b, C> for Secret {
	fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
		let bytes = d.bytes()?.try_into().map_err(|_| minicbor::decode::Error::message("a secret is 32 bytes long"))?;
		Ok(Self(bytes))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn secret_should_not_be_printed() {
		assert_eq!(alloc::format!("{:?}", Secret::new([0x41; 32])), "Secret(..)");
	}

	#[test]
	fn secret_should_be_erased() {
		let mut secret = Secret::new([7; 32]);
		secret.zeroize();
		assert_eq!(secret.expose(), &[0; 32]);
	}

	#[test]
	fn xor_should_undo_itself() {
		let (a, b) = (Secret::new([0b1100; 32]), Secret::new([0b1010; 32]));
		assert_eq!(a.xor(&b), Secret::new([0b0110; 32]));
		assert_eq!(a.xor(&b).xor(&b), a);
		assert_ne!(a, b);
	}
}
