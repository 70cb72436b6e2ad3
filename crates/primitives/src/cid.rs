//! Content identifiers (CIDv1) with an allow-list of codecs and hashes.

use alloc::{string::String, vec::Vec};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::{fmt, str::FromStr};
use scale_info::TypeInfo;

/// The format of a block's bytes, by the multicodec table.
#[derive(
	Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Codec {
	/// `raw` (0x55): plain bytes, a leaf.
	#[codec(index = 0)]
	Raw,
	/// `dag-pb` (0x70): a node of a UnixFS DAG.
	#[codec(index = 1)]
	DagPb,
}

impl Codec {
	/// The multicodec code.
	pub const fn code(self) -> u64 {
		match self {
			Self::Raw => 0x55,
			Self::DagPb => 0x70,
		}
	}
}

/// The hash of a block, by the multihash table. Every allowed hash is 32 bytes long.
#[derive(
	Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Multihash {
	/// `sha2-256` (0x12).
	#[codec(index = 0)]
	Sha2_256([u8; 32]),
	/// `blake2b-256` (0xb220).
	#[codec(index = 1)]
	Blake2b256([u8; 32]),
}

impl Multihash {
	/// The multihash code.
	pub const fn code(&self) -> u64 {
		match self {
			Self::Sha2_256(_) => 0x12,
			Self::Blake2b256(_) => 0xb220,
		}
	}

	/// The digest itself.
	pub const fn digest(&self) -> &[u8; 32] {
		match self {
			Self::Sha2_256(digest) | Self::Blake2b256(digest) => digest,
		}
	}
}

/// A CIDv1 whose codec and hash are on the allow-list.
///
/// On chain it is 34 bytes: one for the codec, one for the hash function, 32 of digest.
#[derive(
	Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Cid {
	/// What the block is.
	pub codec: Codec,
	/// The block's hash.
	pub hash: Multihash,
}

impl Cid {
	/// The CID of a `raw` block hashed with sha2-256, as kubo makes leaves.
	pub fn raw(block: &[u8]) -> Self {
		Self { codec: Codec::Raw, hash: Multihash::Sha2_256(sp_crypto_hashing::sha2_256(block)) }
	}

	/// Whether `block` is what this CID names.
	pub fn matches(&self, block: &[u8]) -> bool {
		match &self.hash {
			Multihash::Sha2_256(digest) => sp_crypto_hashing::sha2_256(block) == *digest,
			Multihash::Blake2b256(digest) => sp_crypto_hashing::blake2_256(block) == *digest,
		}
	}

	/// The binary form of the CID specification (version, codec, multihash).
	pub fn to_bytes(&self) -> Vec<u8> {
		self.generic().map(|cid| cid.to_bytes()).unwrap_or_default()
	}

	/// Reads the binary form; bytes after the CID are an error.
	pub fn from_bytes(bytes: &[u8]) -> Result<Self, CidError> {
		let mut rest = bytes;
		let cid = ::cid::Cid::read_bytes(&mut rest).map_err(|_| CidError::Malformed)?;
		if !rest.is_empty() {
			return Err(CidError::TrailingBytes);
		}
		// A varint can also be written in more bytes than it needs. Refuse bytes that would not be
		// written back the same.
		let cid = Self::try_from(cid)?;
		if cid.to_bytes() == bytes {
			Ok(cid)
		} else {
			Err(CidError::Malformed)
		}
	}

	fn generic(&self) -> Option<::cid::Cid> {
		let hash = ::multihash::Multihash::wrap(self.hash.code(), self.hash.digest()).ok()?;
		Some(::cid::Cid::new_v1(self.codec.code(), hash))
	}
}

impl TryFrom<::cid::Cid> for Cid {
	type Error = CidError;

	fn try_from(cid: ::cid::Cid) -> Result<Self, CidError> {
		if cid.version() != ::cid::Version::V1 {
			return Err(CidError::UnsupportedVersion);
		}
		let codec = match cid.codec() {
			0x55 => Codec::Raw,
			0x70 => Codec::DagPb,
			_ => return Err(CidError::UnsupportedCodec),
		};
		let digest = <[u8; 32]>::try_from(cid.hash().digest()).map_err(|_| CidError::UnsupportedHash)?;
		let hash = match cid.hash().code() {
			0x12 => Multihash::Sha2_256(digest),
			0xb220 => Multihash::Blake2b256(digest),
			_ => return Err(CidError::UnsupportedHash),
		};
		Ok(Self { codec, hash })
	}
}

/// The text form: multibase base32, as `ipfs add --cid-version=1` prints it.
impl fmt::Display for Cid {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let cid = self.generic().ok_or(fmt::Error)?;
		write!(f, "{cid}")
	}
}

/// Reads any multibase text form.
impl FromStr for Cid {
	type Err = CidError;

	fn from_str(text: &str) -> Result<Self, CidError> {
		let cid: ::cid::Cid = ::cid::Cid::try_from(String::from(text)).map_err(|_| CidError::Malformed)?;
		if cid.version() != ::cid::Version::V1 {
			return Err(CidError::UnsupportedVersion);
		}
		Self::from_bytes(&cid.to_bytes())
	}
}

/// Why bytes or a text are not a CID that Waybill takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CidError {
	/// Not a CID at all.
	Malformed,
	/// A CIDv0 (`Qm…`): add the file with `ipfs add --cid-version=1`.
	UnsupportedVersion,
	/// A codec other than `raw` and `dag-pb`.
	UnsupportedCodec,
	/// A hash other than sha2-256 and blake2b-256, or one that is not 32 bytes long.
	UnsupportedHash,
	/// Bytes follow the CID.
	TrailingBytes,
}

impl fmt::Display for CidError {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::Malformed => "not a CID",
			Self::UnsupportedVersion => "a CIDv0; Waybill takes CIDv1 (`ipfs add --cid-version=1`)",
			Self::UnsupportedCodec => "a CID of an unsupported codec; Waybill takes raw and dag-pb",
			Self::UnsupportedHash => "a CID with an unsupported hash; Waybill takes sha2-256 and blake2b-256",
			Self::TrailingBytes => "bytes follow the CID",
		})
	}
}

impl core::error::Error for CidError {}

#[cfg(test)]
mod tests {
	use super::*;
	use alloc::string::ToString;

	const HELLO: &str = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";

	#[test]
	fn text_and_bytes_should_round_trip() {
		let cid = Cid::raw(b"hello");
		assert_eq!(cid.to_string(), HELLO);
		assert_eq!(HELLO.parse::<Cid>(), Ok(cid));
		assert_eq!(Cid::from_bytes(&cid.to_bytes()), Ok(cid));
		assert_eq!(cid.encoded_size(), 34);
		assert_eq!(Cid::max_encoded_len(), 34);
		assert!(cid.matches(b"hello") && !cid.matches(b"hellp"));
	}

	#[test]
	fn blake2b_should_be_accepted() {
		let cid = Cid { codec: Codec::DagPb, hash: Multihash::Blake2b256(sp_crypto_hashing::blake2_256(b"x")) };
		assert_eq!(cid.to_string().parse::<Cid>(), Ok(cid));
		assert!(cid.matches(b"x"));
	}

	#[test]
	fn other_cids_should_be_refused_by_name() {
		assert_eq!("QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n".parse::<Cid>(), Err(CidError::UnsupportedVersion));
		assert_eq!("".parse::<Cid>(), Err(CidError::Malformed));
		assert_eq!("hello".parse::<Cid>(), Err(CidError::Malformed));
		let generic = |codec, code, digest: &[u8]| {
			::cid::Cid::new_v1(codec, ::multihash::Multihash::<64>::wrap(code, digest).unwrap()).to_bytes()
		};
		assert_eq!(Cid::from_bytes(&generic(0x71, 0x12, &[0; 32])), Err(CidError::UnsupportedCodec));
		assert_eq!(Cid::from_bytes(&generic(0x55, 0x1e, &[0; 32])), Err(CidError::UnsupportedHash));
		assert_eq!(Cid::from_bytes(&generic(0x55, 0x12, &[0; 20])), Err(CidError::UnsupportedHash));
		assert_eq!(Cid::from_bytes(&generic(0x55, 0x00, b"identity")), Err(CidError::UnsupportedHash));
	}

	#[test]
	fn trailing_and_truncated_bytes_should_be_refused() {
		let mut bytes = Cid::raw(b"hello").to_bytes();
		bytes.push(0);
		assert_eq!(Cid::from_bytes(&bytes), Err(CidError::TrailingBytes));
		for length in 0..36 {
			assert!(Cid::from_bytes(&bytes[..length]).is_err());
		}
		// The version as an overlong varint.
		assert!(Cid::from_bytes(&[&[0x81, 0x00][..], &bytes[1..36]].concat()).is_err());
	}

	proptest::proptest! {
		#[test]
		fn no_bytes_should_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
			let _ = Cid::from_bytes(&bytes);
		}
	}
}
