//! Proofs as bytes.
//!
//! A head names the kind, the version, the suite and every parameter. The body is postcard's
//! encoding. It is read within a budget of memory, and refused unless it is exactly the encoding
//! that would be written.

mod budget;

use crate::{parameters::PARAMETERS, stark::Proof, SUITE};
use alloc::vec::Vec;
use core::fmt;
use postcard::ser_flavors::Flavor;
use serde::{de::DeserializeOwned, Deserialize, Serialize};

const MAGIC: [u8; 4] = *b"WBZK";
const VERSION: u8 = 1;
/// The elements of a proof's lists may take this many times the bytes of its body in memory. Those
/// of honest proofs take less than twice.
const MOST_GROWTH: usize = 3;
const HEAD: usize = MAGIC.len() + 3 + PARAMETERS.len();

/// A proof of data: the digests of all chunks of the payload, the work for the sample, and the
/// proofs of its parts.
#[derive(Serialize, Deserialize)]
pub struct DataEnvelope {
	pub leaves: Vec<[u8; 32]>,
	pub work: u64,
	pub parts: Vec<Proof>,
}

/// A proof of locks: the digests of all groups, and the proof.
#[derive(Serialize, Deserialize)]
pub struct LockEnvelope {
	pub groups: Vec<[u8; 32]>,
	pub proof: Proof,
}

/// The content of a proof's file.
pub trait Envelope: Serialize + DeserializeOwned {
	/// Its number in the head.
	const KIND: u8;
}

impl Envelope for DataEnvelope {
	const KIND: u8 = 0;
}

impl Envelope for LockEnvelope {
	const KIND: u8 = 1;
}

/// Why bytes are not a proof of this kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EnvelopeError {
	/// They are not a proof of this kind.
	NoProof,
	/// The proof has another version, suite or parameters: its maker uses other software.
	OtherVersion,
	/// The proof is cut off, has bytes after it, or is not in its canonical encoding.
	Malformed,
}

impl fmt::Display for EnvelopeError {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::NoProof => "the bytes are not a proof of this kind",
			Self::OtherVersion => "the proof has another version, suite or parameters: it was made by other software",
			Self::Malformed => "the proof is damaged",
		})
	}
}

impl core::error::Error for EnvelopeError {}

fn head(kind: u8) -> [u8; HEAD] {
	let mut head = [0; HEAD];
	head[..4].copy_from_slice(&MAGIC);
	head[4..7].copy_from_slice(&[kind, VERSION, SUITE]);
	head[7..].copy_from_slice(&PARAMETERS);
	head
}

/// Returns the bytes after the head of a proof of this kind.
fn body(kind: u8, bytes: &[u8]) -> Result<&[u8], EnvelopeError> {
	let expected = head(kind);
	let (found, body) = bytes.split_at_checked(HEAD).ok_or(EnvelopeError::NoProof)?;
	if found[..5] != expected[..5] {
		return Err(EnvelopeError::NoProof);
	}
	if found != expected {
		return Err(EnvelopeError::OtherVersion);
	}
	Ok(body)
}

/// Reads a value from the start of a body.
fn take<T: DeserializeOwned>(body: &[u8]) -> Result<T, EnvelopeError> {
	let most = body.len().saturating_mul(MOST_GROWTH);
	budget::take(body, most).map(|(value, _)| value).map_err(|_| EnvelopeError::Malformed)
}

/// Reads only the digests of a proof of data.
pub fn read_leaves(bytes: &[u8]) -> Result<Vec<[u8; 32]>, EnvelopeError> {
	take(body(DataEnvelope::KIND, bytes)?)
}

/// Reads a proof.
pub fn read<T: Envelope>(bytes: &[u8]) -> Result<T, EnvelopeError> {
	let body = body(T::KIND, bytes)?;
	let envelope: T = take(body)?;
	// In postcard numbers have more than one encoding, and bytes may follow. Both are refused.
	if postcard::serialize_with_flavor(&envelope, Same { rest: body }).is_ok_and(|is_all| is_all) {
		Ok(envelope)
	} else {
		Err(EnvelopeError::Malformed)
	}
}

/// A postcard output that writes nothing and checks that the bytes equal `rest`.
struct Same<'a> {
	rest: &'a [u8],
}

impl Flavor for Same<'_> {
	/// Whether all of `rest` was written.
	type Output = bool;

	fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
		let (first, rest) = self.rest.split_first().ok_or(postcard::Error::SerializeBufferFull)?;
		if *first != byte {
			return Err(postcard::Error::SerializeBufferFull);
		}
		self.rest = rest;
		Ok(())
	}

	fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
		self.rest = self.rest.strip_prefix(bytes).ok_or(postcard::Error::SerializeBufferFull)?;
		Ok(())
	}

	fn finalize(self) -> postcard::Result<bool> {
		Ok(self.rest.is_empty())
	}
}

/// Writes a proof.
#[cfg(feature = "std")]
pub fn write<T: Envelope>(envelope: &T) -> Vec<u8> {
	postcard::to_extend(envelope, head(T::KIND).to_vec()).unwrap_or_default()
}
