//! The digest of a payload or a ciphertext, and the digests of its chunks.

use crate::{
	field::{from_bytes, to_bytes, Block},
	layout::{Layout, MAX_LENGTH},
	progress::Watch,
	storage::ReadAt,
	sweep::{ciphertext_leaves, payload_leaves, SweepError},
	SUITE,
};
use alloc::vec::Vec;
use core::fmt;
use sha2::{Digest as _, Sha256};

/// The content that chunks belong to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
	/// A payload: its digest is `U_id`, which a release's keys sign.
	Payload,
	/// A ciphertext: its digest is `C_id`.
	Ciphertext,
}

impl Content {
	const fn domain(self) -> &'static [u8] {
		match self {
			Self::Payload => b"waybill/zkcp/payload",
			Self::Ciphertext => b"waybill/zkcp/ciphertext",
		}
	}
}

/// A length that is beyond [`MAX_LENGTH`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLong;

impl fmt::Display for TooLong {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "a payload can have at most {MAX_LENGTH} bytes")
	}
}

impl core::error::Error for TooLong {}

/// The digests of all chunks of the extended payload or its ciphertext.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChunkDigests {
	content: Content,
	layout: Layout,
	leaves: Vec<Block>,
}

impl ChunkDigests {
	/// Computes those of a payload.
	pub fn of_payload<R: ReadAt + ?Sized>(
		payload: &R,
		layout: Layout,
		watch: Watch<'_>,
	) -> Result<Self, SweepError<R::Error>> {
		Ok(Self { content: Content::Payload, layout, leaves: payload_leaves(payload, &layout, watch)? })
	}

	/// Computes those of a ciphertext.
	pub fn of_ciphertext<R: ReadAt + ?Sized>(
		ciphertext: &R,
		layout: Layout,
		watch: Watch<'_>,
	) -> Result<Self, SweepError<R::Error>> {
		Ok(Self { content: Content::Ciphertext, layout, leaves: ciphertext_leaves(ciphertext, &layout, watch)? })
	}

	/// Takes digests that somebody claims. It does not compare them with any content. `None` if
	/// their number does not fit the layout, or if one is not canonical.
	pub fn from_bytes(content: Content, layout: Layout, leaves: &[[u8; 32]]) -> Option<Self> {
		if leaves.len() != layout.total() as usize {
			return None;
		}
		let leaves = leaves.iter().map(from_bytes).collect::<Option<_>>()?;
		Some(Self { content, layout, leaves })
	}

	pub(crate) const fn from_leaves(content: Content, layout: Layout, leaves: Vec<Block>) -> Self {
		Self { content, layout, leaves }
	}

	/// The shape of the payload.
	pub const fn layout(&self) -> &Layout {
		&self.layout
	}

	/// The digest of each chunk.
	pub fn leaves(&self) -> &[Block] {
		&self.leaves
	}

	/// The digest of each chunk, as canonical bytes.
	pub fn to_bytes(&self) -> Vec<[u8; 32]> {
		self.leaves.iter().map(to_bytes).collect()
	}

	/// The digest of all of them: `SHA-256(domain ‖ suite ‖ length ‖ k ‖ n ‖ digests)`, with
	/// numbers in little endian.
	pub fn id(&self) -> [u8; 32] {
		let mut hash = Sha256::new_with_prefix(self.content.domain());
		hash.update([SUITE]);
		hash.update(self.layout.length().to_le_bytes());
		hash.update(self.layout.chunks().to_le_bytes());
		hash.update(self.layout.total().to_le_bytes());
		for leaf in &self.leaves {
			hash.update(to_bytes(leaf));
		}
		hash.finalize().into()
	}
}
