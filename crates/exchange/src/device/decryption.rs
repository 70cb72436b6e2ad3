//! From the ciphertext on disk to the payload.

use super::{state::Keyed, ProofFault};
use crate::{ContentKey, Refusal, StreamCheck, StreamError};
use alloc::{vec, vec::Vec};
use waybill_primitives::{Digest, Hash32};
use waybill_zkcp::{DecryptError, Layout, ReadAt, Watch, WriteAt};

const PIECE: usize = 64 * 1024;

/// Decrypts a ciphertext. It checks the ciphertext before and the payload afterwards.
#[derive(Debug)]
pub struct Decryption {
	commitment: Hash32,
	key: ContentKey,
	digest: Digest,
	ciphertext: (u64, StreamCheck),
	payload: (u64, StreamCheck),
}

/// The result of a [`Decryption`], for
/// [`DeviceExchange::decrypted`](super::DeviceExchange::decrypted).
#[derive(Debug)]
#[must_use = "tell the exchange"]
pub struct Decrypted {
	pub(super) commitment: Hash32,
	pub(super) outcome: Result<(), Refusal>,
}

impl Decryption {
	pub(super) fn new(keyed: &Keyed, genesis: Hash32) -> Option<Self> {
		let Keyed { terms, content_key } = keyed;
		let (ciphertext, release) = (&terms.ciphertext, &terms.release);
		Some(Self {
			commitment: terms.commitment,
			key: ContentKey::restore(&terms.context(genesis), content_key.clone())?,
			digest: release.digest,
			ciphertext: (ciphertext.size, StreamCheck::new(ciphertext.size, ciphertext.sha256)),
			payload: (release.size, StreamCheck::new(release.size, release.sha256)),
		})
	}

	/// Decrypts. Under a suite with proofs, `data` is the file with the proof of the data. Do not
	/// use any of the payload before
	/// [`DeviceExchange::decrypted`](super::DeviceExchange::decrypted) has returned `Ok`.
	///
	/// Fails only if something cannot be read or written.
	pub fn run<E, C, P>(self, ciphertext: &C, data: &[u8], payload: &mut P, watch: Watch<'_>) -> Result<Decrypted, E>
	where
		C: ReadAt<Error = E> + ?Sized,
		P: ReadAt<Error = E> + WriteAt<Error = E>,
	{
		let commitment = self.commitment;
		Ok(Decrypted { commitment, outcome: self.conclude(ciphertext, data, payload, watch)? })
	}

	fn conclude<E, C, P>(
		self,
		ciphertext: &C,
		data: &[u8],
		payload: &mut P,
		watch: Watch<'_>,
	) -> Result<Result<(), Refusal>, E>
	where
		C: ReadAt<Error = E> + ?Sized,
		P: ReadAt<Error = E> + WriteAt<Error = E>,
	{
		let Self { key, digest, ciphertext: (_, check), payload: (size, expected), .. } = &self;
		// A ciphertext that is not the offered one is the disk's or the network's fault, not the
		// distributor's.
		if let Err(error) = stream(ciphertext, self.ciphertext.0, check.clone())? {
			return Ok(Err(Refusal::Ciphertext(error)));
		}
		let decrypted = match key.provable() {
			None => plain(key, *size, ciphertext, payload)?,
			Some((key, nonce)) => {
				let Some(layout) = Layout::new(*size) else { return Ok(Err(Refusal::PayloadMismatch)) };
				let digests = match waybill_zkcp::payload_digests(data, layout, &digest.bytes) {
					Ok(digests) => digests,
					Err(error) => return Ok(Err(Refusal::Proof(ProofFault::Data(error)))),
				};
				match waybill_zkcp::decrypt::<_, _, E>(ciphertext, &digests, &key, &nonce, payload, watch) {
					Ok(()) => true,
					Err(DecryptError::Storage(error)) => return Err(error),
					Err(DecryptError::Cancelled) => return Ok(Err(Refusal::Proof(ProofFault::Cancelled))),
					Err(DecryptError::NotCanonical { .. } | DecryptError::Wrong { .. }) => false,
				}
			},
		};
		let fits = decrypted && stream(payload, *size, expected.clone())?.is_ok();
		Ok(if fits { Ok(()) } else { Err(Refusal::PayloadMismatch) })
	}
}

/// Runs bytes through a check.
fn stream<R: ReadAt + ?Sized>(bytes: &R, size: u64, mut check: StreamCheck) -> Result<Result<(), StreamError>, R::Error> {
	let mut buffer = vec![0; PIECE];
	let mut at = 0;
	while at < size {
		let piece = piece(&mut buffer, size.saturating_sub(at));
		bytes.read_at(at, piece)?;
		if let Err(error) = check.update(piece) {
			return Ok(Err(error));
		}
		at = check.seen();
	}
	Ok(check.finish())
}

/// Decrypts under a suite without proofs; false if the ciphertext is not as long as the payload.
fn plain<E, C, P>(key: &ContentKey, size: u64, ciphertext: &C, payload: &mut P) -> Result<bool, E>
where
	C: ReadAt<Error = E> + ?Sized,
	P: WriteAt<Error = E>,
{
	let Some(mut decryptor) = key.decryptor(size) else { return Ok(false) };
	let (mut buffer, mut output) = (vec![0; PIECE], Vec::with_capacity(PIECE));
	let (mut read, mut written) = (0u64, 0u64);
	while read < size {
		let piece = piece(&mut buffer, size.saturating_sub(read));
		ciphertext.read_at(read, piece)?;
		output.clear();
		if decryptor.update(piece, &mut output).is_err() {
			return Ok(false);
		}
		payload.write_at(written, &output)?;
		read = read.saturating_add(piece.len() as u64);
		written = written.saturating_add(output.len() as u64);
	}
	output.clear();
	if decryptor.finish(&mut output).is_err() {
		return Ok(false);
	}
	payload.write_at(written, &output)?;
	Ok(true)
}

/// The part of the buffer for the next read, with at most `left` bytes.
fn piece(buffer: &mut [u8], left: u64) -> &mut [u8] {
	let length = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
	buffer.get_mut(..length).unwrap_or_default()
}
