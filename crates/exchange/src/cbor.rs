//! Deterministic CBOR (RFC 8949, section 4.2.1): each value has one encoding, and no other is read.

use alloc::vec::Vec;
use core::{convert::Infallible, fmt};
use minicbor::{
	decode::{self, Decoder},
	encode::{self, Encoder, Write},
	Decode, Encode,
};
use zeroize::Zeroizing;

/// A message or a saved state: a CBOR map with fixed integer keys, whose key 0 is the layout's
/// version.
pub trait Message: Sized + Encode<()> + for<'b> Decode<'b, ()> {
	/// The longest encoding that is read or written.
	const MAX_LEN: usize;

	/// The one encoding of this value.
	fn to_cbor(&self) -> Vec<u8> {
		let mut bytes = Vec::with_capacity(Self::MAX_LEN);
		// Writing to a vector cannot fail, and no encoder here fails by itself.
		let _: Result<(), encode::Error<Infallible>> = minicbor::encode(self, &mut bytes);
		bytes
	}

	/// Reads the one encoding of a value.
	///
	/// Refuses longer input, other versions, unknown, repeated or disordered keys, indefinite
	/// lengths, integers that are not in their shortest form, and bytes after the value.
	fn from_cbor(bytes: &[u8]) -> Result<Self, DecodeError> {
		if bytes.len() > Self::MAX_LEN {
			return Err(DecodeError::TooLong);
		}
		check_version(bytes)?;
		let mut decoder = Decoder::new(bytes);
		let value: Self = decoder.decode().map_err(|_| DecodeError::Malformed)?;
		if decoder.position() != bytes.len() {
			return Err(DecodeError::TrailingBytes);
		}
		// Encoding gives the same bytes only if the input was canonical and held nothing that the
		// type does not.
		let canonical = Zeroizing::new(value.to_cbor());
		if canonical.as_slice() == bytes {
			Ok(value)
		} else {
			Err(DecodeError::NotCanonical)
		}
	}
}

fn check_version(bytes: &[u8]) -> Result<(), DecodeError> {
	let mut decoder = Decoder::new(bytes);
	let version = decoder.map().and_then(|_| decoder.u64()).and_then(|key| Ok((key, decoder.u64()?)));
	match version {
		Ok((0, 1)) => Ok(()),
		Ok((0, _)) => Err(DecodeError::UnsupportedVersion),
		_ => Err(DecodeError::Malformed),
	}
}

/// Why bytes are not a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecodeError {
	/// Longer than such a message can be.
	TooLong,
	/// Not CBOR, or not this message.
	Malformed,
	/// A version of the message that is not supported here.
	UnsupportedVersion,
	/// Bytes follow the message.
	TrailingBytes,
	/// Unknown, repeated or disordered keys, or a value not in its shortest form.
	NotCanonical,
}

impl fmt::Display for DecodeError {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::TooLong => "the message is longer than such a message can be",
			Self::Malformed => "not a message of the exchange",
			Self::UnsupportedVersion => "the message has a version that is not supported here",
			Self::TrailingBytes => "bytes follow the message",
			Self::NotCanonical => "the message is not in deterministic CBOR, or has unknown or repeated keys",
		})
	}
}

impl core::error::Error for DecodeError {}

/// Version 1 of a layout: the number 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct V1;

impl<C> Encode<C> for V1 {
	fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
		e.u8(1)?.ok()
	}
}

impl<'b, C> Decode<'b, C> for V1 {
	fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
		match d.u8()? {
			1 => Ok(Self),
			_ => Err(decode::Error::message("version")),
		}
	}
}

/// Values of the chain travel as byte strings of their SCALE form: as they are signed.
pub(crate) mod scale {
	use super::*;
	use codec::DecodeAll;

	pub fn encode<C, T: codec::Encode, W: Write>(
		value: &T,
		e: &mut Encoder<W>,
		_: &mut C,
	) -> Result<(), encode::Error<W::Error>> {
		e.bytes(&value.encode())?.ok()
	}

	pub fn decode<'b, C, T: codec::Decode>(d: &mut Decoder<'b>, _: &mut C) -> Result<T, decode::Error> {
		let mut bytes = d.bytes()?;
		T::decode_all(&mut bytes).map_err(|_| decode::Error::message("not in SCALE form"))
	}
}

/// CIDs travel as byte strings of their binary form.
pub(crate) mod cid {
	use super::*;
	use waybill_primitives::Cid;

	pub fn encode<C, W: Write>(cid: &Cid, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
		e.bytes(&cid.to_bytes())?.ok()
	}

	pub fn decode<'b, C>(d: &mut Decoder<'b>, _: &mut C) -> Result<Cid, decode::Error> {
		Cid::from_bytes(d.bytes()?).map_err(|_| decode::Error::message("not a CID"))
	}
}

/// Lists of hashes travel as arrays of byte strings.
pub(crate) mod hashes {
	use super::*;
	use waybill_primitives::Hash32;

	pub fn encode<C, W: Write>(hashes: &[Hash32], e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
		e.array(u64::try_from(hashes.len()).unwrap_or(u64::MAX))?;
		for hash in hashes {
			e.bytes(hash)?;
		}
		Ok(())
	}

	pub fn decode<'b, C>(d: &mut Decoder<'b>, _: &mut C) -> Result<Vec<Hash32>, decode::Error> {
		let mut hashes = Vec::new();
		let length = d.array()?.ok_or(decode::Error::message("indefinite length"))?;
		for _ in 0..length {
			hashes.push(d.bytes()?.try_into().map_err(|_| decode::Error::message("a hash is 32 bytes long"))?);
		}
		Ok(hashes)
	}
}

/// Signatures travel as an array of pairs: the key's place, and the signature in SCALE form.
pub(crate) mod signatures {
	use super::*;
	use waybill_primitives::IndexedSignature;

	pub fn encode<C, W: Write>(
		signatures: &[IndexedSignature],
		e: &mut Encoder<W>,
		ctx: &mut C,
	) -> Result<(), encode::Error<W::Error>> {
		e.array(u64::try_from(signatures.len()).unwrap_or(u64::MAX))?;
		for IndexedSignature { key, signature } in signatures {
			e.array(2)?.u8(*key)?;
			scale::encode(signature, e, ctx)?;
		}
		Ok(())
	}

	pub fn decode<'b, C>(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Vec<IndexedSignature>, decode::Error> {
		let mut signatures = Vec::new();
		let length = d.array()?.ok_or(decode::Error::message("indefinite length"))?;
		for _ in 0..length {
			if d.array()? != Some(2) {
				return Err(decode::Error::message("a signature is a pair"));
			}
			signatures.push(IndexedSignature { key: d.u8()?, signature: scale::decode(d, ctx)? });
		}
		Ok(signatures)
	}
}
