//! Checks proofs.

use crate::{
	air::{group_digest, leaf, list, list_of, DataPublic, Kind, LockPublic, CHUNK_ROWS, FILLER, GROUP_LOCKS, GROUP_ROWS},
	digest::{ChunkDigests, Content},
	envelope::{read, read_leaves, DataEnvelope, EnvelopeError, LockEnvelope},
	field::{from_bytes, to_bytes, Block},
	key::Key,
	layout::{Layout, CHUNK_BLOCKS},
	nonce::Nonce,
	parameters::PARAMETERS,
	poseidon::{absorb, Tag},
	stark::{self, Shape, MIN_ROWS},
	statement::{room, Statement},
	SUITE,
};
use alloc::{vec, vec::Vec};
use core::fmt;
use sha2::{Digest, Sha256};

#[cfg(all(test, feature = "std"))]
mod tests;

/// Why a proof is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VerifyError {
	/// The bytes are not such a proof.
	Envelope(EnvelopeError),
	/// The proof is about a payload with another digest.
	OtherPayload,
	/// The commitment is not canonical.
	Commitment,
	/// The proof's shape does not follow from the payload's length, or from the number of locks.
	Shape,
	/// The proof does not hold: it is forged, or about something else.
	Invalid,
}

impl From<EnvelopeError> for VerifyError {
	fn from(error: EnvelopeError) -> Self {
		Self::Envelope(error)
	}
}

impl fmt::Display for VerifyError {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Envelope(error) => error.fmt(f),
			Self::OtherPayload => f.write_str("the proof is about another payload"),
			Self::Commitment => f.write_str("the commitment to the key is not canonical"),
			Self::Shape => f.write_str("the proof's shape does not fit its statement"),
			Self::Invalid => f.write_str("the proof does not hold"),
		}
	}
}

impl core::error::Error for VerifyError {}

/// Checks that a ciphertext decrypts, under the key that `commitment` commits to, to the payload
/// with the digest `payload`. Returns the digests of the payload's chunks, which [`crate::decrypt`]
/// takes.
///
/// The caller must have computed `ciphertext` from the ciphertext at hand.
pub fn verify(
	proof: &[u8],
	nonce: &Nonce,
	payload: &[u8; 32],
	commitment: &[u8; 32],
	ciphertext: &ChunkDigests,
) -> Result<ChunkDigests, VerifyError> {
	let envelope: DataEnvelope = read(proof)?;
	let layout = *ciphertext.layout();
	let leaves = ChunkDigests::from_bytes(Content::Payload, layout, &envelope.leaves).ok_or(VerifyError::Shape)?;
	if leaves.id() != *payload {
		return Err(VerifyError::OtherPayload);
	}
	let block = from_bytes(commitment).ok_or(VerifyError::Commitment)?;
	let statement =
		Statement { layout, nonce: *nonce, payload: *payload, ciphertext: ciphertext.id(), commitment: *commitment };
	let parts = statement.parts(envelope.work).ok_or(VerifyError::Invalid)?;
	if parts.len() != envelope.parts.len() {
		return Err(VerifyError::Shape);
	}
	for (part, proof) in parts.iter().zip(&envelope.parts) {
		let shapes = part.tables.iter().map(|chunks| Shape {
			kind: Kind::Data,
			rows: room(chunks.len()) * CHUNK_ROWS,
			public: public(block, nonce, chunks, &leaves, ciphertext).values(),
		});
		if !stark::verify(&part.first, shapes.collect(), proof) {
			return Err(VerifyError::Invalid);
		}
	}
	Ok(leaves)
}

/// Reads the digests of the payload's chunks from a proof of data, and compares them with the
/// payload's digest. It does not check the proof.
pub fn payload_digests(proof: &[u8], layout: Layout, payload: &[u8; 32]) -> Result<ChunkDigests, VerifyError> {
	let leaves = ChunkDigests::from_bytes(Content::Payload, layout, &read_leaves(proof)?).ok_or(VerifyError::Shape)?;
	if leaves.id() == *payload {
		Ok(leaves)
	} else {
		Err(VerifyError::OtherPayload)
	}
}

/// The public values of a table of these chunks.
fn public(
	commitment: Block,
	nonce: &Nonce,
	chunks: &[u32],
	payload: &ChunkDigests,
	ciphertext: &ChunkDigests,
) -> DataPublic {
	let end = |tag: Tag, digests: &ChunkDigests| {
		let own = chunks.iter().filter_map(|chunk| digests.leaves().get(*chunk as usize));
		let fillers = room(chunks.len()) - chunks.len();
		let filler = if fillers == 0 { Block::default() } else { filler(tag) };
		absorb(list_of(tag), own.chain(core::iter::repeat_n(&filler, fillers))).1
	};
	DataPublic {
		commitment,
		nonce: *nonce,
		payload: end(Tag::Payload, payload),
		ciphertext: end(Tag::Ciphertext, ciphertext),
	}
}

/// The digest of a chunk that fills up a table.
fn filler(tag: Tag) -> Block {
	let empty = vec![Block::default(); CHUNK_BLOCKS];
	absorb(tag.capacity(FILLER, 0), &empty).0
}

/// Locks in a group. The number of groups in a table is a power of two.
pub const LOCKS_IN_GROUP: usize = GROUP_LOCKS;

/// A proved table of locks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockTable {
	groups: Vec<Block>,
}

impl LockTable {
	/// Checks a proof of locks that mask the key that `commitment` commits to.
	pub fn verify(proof: &[u8], nonce: &Nonce, commitment: &[u8; 32]) -> Result<Self, VerifyError> {
		let envelope: LockEnvelope = read(proof)?;
		let rows = envelope.groups.len().saturating_mul(GROUP_ROWS);
		if !rows.is_power_of_two() || !(MIN_ROWS..=MAX_LOCK_ROWS).contains(&rows) {
			return Err(VerifyError::Shape);
		}
		let groups: Vec<Block> = envelope.groups.iter().map(from_bytes).collect::<Option<_>>().ok_or(VerifyError::Shape)?;
		let public = LockPublic {
			commitment: from_bytes(commitment).ok_or(VerifyError::Commitment)?,
			groups: absorb(list(), &groups).1,
		};
		let first = lock_statement(nonce, commitment, &envelope.groups);
		let shape = Shape { kind: Kind::Locks, rows, public: public.values() };
		if stark::verify(&first, vec![shape], &envelope.proof) {
			Ok(Self { groups })
		} else {
			Err(VerifyError::Invalid)
		}
	}

	/// The digest of a group, if there is one with this number.
	pub fn group(&self, group: u32) -> Option<[u8; 32]> {
		self.groups.get(group as usize).map(to_bytes)
	}

	/// Whether the table holds this lock with this mask. If it does, any key that opens the lock
	/// unmasks the content key.
	pub fn holds(&self, lock: &[u8; 32], mask: &Key, place: &LockPlace) -> bool {
		place.group_digest(lock, mask).is_some_and(|digest| self.group(place.group) == Some(digest))
	}
}

/// The most rows of a table of locks: 15,360 locks.
pub const MAX_LOCK_ROWS: usize = 1 << 14;
/// Locks in the largest table.
pub const MOST_LOCKS: u32 = (MAX_LOCK_ROWS / GROUP_ROWS * GROUP_LOCKS) as u32;

/// The place of a lock in a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockPlace {
	/// The group.
	pub group: u32,
	/// The place in the group, from 0.
	pub index: u8,
	/// The leaves of the group's other locks, in order.
	pub others: [[u8; 32]; GROUP_LOCKS - 1],
}

impl LockPlace {
	/// The digest of the group that has this lock and its mask at this place. `None` if a value is
	/// not canonical, or if the place is outside the group.
	pub fn group_digest(&self, lock: &[u8; 32], mask: &Key) -> Option<[u8; 32]> {
		let mut leaves: Vec<Block> = self.others.iter().map(from_bytes).collect::<Option<_>>()?;
		let index = usize::from(self.index);
		if index > leaves.len() {
			return None;
		}
		leaves.insert(index, leaf(mask.block(), &from_bytes(lock)?));
		Some(to_bytes(&group_digest(&leaves)))
	}
}

/// The place of the lock with this index in its table. `lock_keys` are the keys of its group: 15
/// locks from `index − index % 15` on.
pub fn lock_place(content: &Key, lock_keys: &[Key; GROUP_LOCKS], index: u32) -> LockPlace {
	let own = index as usize % GROUP_LOCKS;
	let leaves = core::array::from_fn(|at| {
		let lock_key = &lock_keys[if at < own { at } else { at + 1 }];
		to_bytes(&leaf(content.mask(lock_key).block(), &Tag::Lock.hash(lock_key.block())))
	});
	LockPlace { group: index / GROUP_LOCKS as u32, index: own as u8, others: leaves }
}

/// The number of locks in the smallest table with at least `least`; `None` if no table is that
/// large.
pub fn locks_in_table(least: u32) -> Option<u32> {
	let groups = least.div_ceil(GROUP_LOCKS as u32).max((MIN_ROWS / GROUP_ROWS) as u32).checked_next_power_of_two()?;
	(groups as usize * GROUP_ROWS <= MAX_LOCK_ROWS).then_some(groups * GROUP_LOCKS as u32)
}

/// The first bytes of the transcript of a proof of locks.
pub fn lock_statement(nonce: &Nonce, commitment: &[u8; 32], groups: &[[u8; 32]]) -> [u8; 32] {
	let mut hash = Sha256::new_with_prefix(b"waybill/zkcp/locks");
	hash.update([SUITE]);
	hash.update(PARAMETERS);
	hash.update(nonce.0);
	hash.update(commitment);
	hash.update((groups.len() as u64).to_le_bytes());
	hash.update(groups.as_flattened());
	hash.finalize().into()
}
