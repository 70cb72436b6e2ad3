//! From the ciphertext on disk to the payload.

use super::state::Keyed;
use crate::{ContentKey, Decryptor, Refusal, StreamCheck, StreamError};
use alloc::vec::Vec;
use waybill_primitives::Hash32;

/// Decrypts a ciphertext piece by piece and checks what goes in and what comes out.
#[derive(Debug)]
pub struct Decryption {
	commitment: Hash32,
	decryptor: Decryptor,
	ciphertext: StreamCheck,
	payload: StreamCheck,
	fits: bool,
}

/// The end of a [`Decryption`], to be handed to [`DeviceExchange::decrypted`](super::DeviceExchange::decrypted).
#[derive(Debug)]
#[must_use = "tell the exchange"]
pub struct Decrypted {
	pub(super) commitment: Hash32,
	pub(super) outcome: Result<(), Refusal>,
}

impl Decryption {
	pub(super) fn new(keyed: &Keyed, genesis: Hash32) -> Option<Self> {
		let Keyed { terms, content_key } = keyed;
		let key = ContentKey::restore(&terms.context(genesis), content_key.clone());
		Some(Self {
			commitment: terms.commitment,
			decryptor: key.decryptor(terms.release.size)?,
			ciphertext: StreamCheck::new(terms.ciphertext.size, terms.ciphertext.sha256),
			payload: StreamCheck::new(terms.release.size, terms.release.sha256),
			fits: true,
		})
	}

	/// Decrypts the next bytes and appends what is ready to `output`. Nothing of the output may be used before
	/// [`DeviceExchange::decrypted`](super::DeviceExchange::decrypted) has said yes.
	pub fn update(&mut self, ciphertext: &[u8], output: &mut Vec<u8>) -> Result<(), Refusal> {
		self.ciphertext.update(ciphertext).map_err(Refusal::Ciphertext)?;
		let start = output.len();
		self.decryptor.update(ciphertext, output).map_err(Refusal::Ciphertext)?;
		self.check(start, output);
		Ok(())
	}

	/// Appends the last bytes.
	pub fn finish(self, output: &mut Vec<u8>) -> Decrypted {
		Decrypted { commitment: self.commitment, outcome: self.conclude(output) }
	}

	fn conclude(self, output: &mut Vec<u8>) -> Result<(), Refusal> {
		let Self { decryptor, ciphertext, mut payload, fits, .. } = self;
		// A ciphertext that is not the offered one is the disk's or the network's fault, not the distributor's.
		ciphertext.finish().map_err(Refusal::Ciphertext)?;
		let start = output.len();
		let complete = decryptor.finish(output).is_ok();
		let rest = payload.update(output.get(start..).unwrap_or_default()).is_ok();
		if fits && complete && rest && payload.finish().is_ok() {
			Ok(())
		} else {
			Err(Refusal::PayloadMismatch)
		}
	}

	fn check(&mut self, start: usize, output: &[u8]) {
		let fresh = output.get(start..).unwrap_or_default();
		self.fits &= self.payload.update(fresh) != Err(StreamError::TooLong);
	}
}
