//! Makes proofs.

use crate::{
	air::{data_trace, locks_trace, DataChunk, Kind, GROUP_LOCKS, GROUP_ROWS},
	digest::ChunkDigests,
	envelope::{write, DataEnvelope, LockEnvelope},
	field::{to_bytes, Block, BLOCK},
	key::Key,
	lanes::{Permutations, Stream},
	layout::CHUNK_BLOCKS,
	nonce::Nonce,
	progress::{tell, Cancelled, Phase, Watch},
	sample::Sample,
	stark::{self, Filled, ProveFault, MIN_ROWS},
	statement::{room, Part, Statement},
	storage::ReadAt,
	sweep::{decrypted_tile, SweepError},
	verify::{lock_statement, MAX_LOCK_ROWS},
};
use std::fmt;

/// Why nothing was proved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProveError<E> {
	/// The ciphertext could not be read.
	Storage(E),
	/// The ciphertext is not the payload's under this key and nonce.
	Wrong,
	/// The operating system gave no randomness.
	NoRandomness,
	/// No table has this many locks. Use 15 times a power of two from 16 to 1,024.
	Locks(usize),
	/// It was cancelled.
	Cancelled,
}

impl<E> From<SweepError<E>> for ProveError<E> {
	fn from(error: SweepError<E>) -> Self {
		match error {
			SweepError::Storage(error) => Self::Storage(error),
			SweepError::NotCanonical { .. } => Self::Wrong,
			SweepError::Cancelled => Self::Cancelled,
		}
	}
}

impl<E> From<ProveFault> for ProveError<E> {
	fn from(fault: ProveFault) -> Self {
		match fault {
			ProveFault::NoRandomness => Self::NoRandomness,
			ProveFault::Unprovable => Self::Wrong,
		}
	}
}

impl<E> From<Cancelled> for ProveError<E> {
	fn from(_: Cancelled) -> Self {
		Self::Cancelled
	}
}

impl<E: fmt::Display> fmt::Display for ProveError<E> {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Storage(error) => error.fmt(f),
			Self::Wrong => f.write_str("the ciphertext is not the payload's under this key"),
			Self::NoRandomness => f.write_str("the operating system gave no randomness"),
			Self::Locks(count) => write!(f, "no table has {count} locks; use 15 times a power of two from 16 to 1024"),
			Self::Cancelled => Cancelled.fmt(f),
		}
	}
}

impl<E: fmt::Display + fmt::Debug> std::error::Error for ProveError<E> {}

/// Proves that a ciphertext decrypts under `key` to the payload with the digests `payload`.
///
/// The key and the nonce must be those of [`crate::encrypt`], which returned `ciphertext_digests`.
/// `payload` holds the digests of the payload that it encrypted.
pub fn prove<R: ReadAt + ?Sized>(
	ciphertext: &R,
	payload: &ChunkDigests,
	ciphertext_digests: &ChunkDigests,
	key: &Key,
	nonce: &Nonce,
	watch: Watch<'_>,
) -> Result<Vec<u8>, ProveError<R::Error>> {
	let layout = *payload.layout();
	let statement = Statement {
		layout,
		nonce: *nonce,
		payload: payload.id(),
		ciphertext: ciphertext_digests.id(),
		commitment: key.commitment(),
	};
	let work = if layout.is_extended() { Sample::search(&statement.hash()) } else { 0 };
	let parts = statement.parts(work).ok_or(ProveError::Wrong)?;
	let total: usize = parts.iter().flat_map(|part| &part.tables).map(Vec::len).sum();
	let prover = Prover { ciphertext, payload, digests: ciphertext_digests, key, nonce, permutations: Permutations::new() };
	let mut proofs = Vec::with_capacity(parts.len());
	let mut done = 0;
	for part in &parts {
		tell(watch, Phase::Proof, done as u64, total as u64)?;
		proofs.push(prover.part(part)?);
		done += part.tables.iter().map(Vec::len).sum::<usize>();
	}
	tell(watch, Phase::Proof, total as u64, total as u64)?;
	Ok(write(&DataEnvelope { leaves: payload.to_bytes(), work, parts: proofs }))
}

struct Prover<'a, R: ?Sized> {
	ciphertext: &'a R,
	payload: &'a ChunkDigests,
	digests: &'a ChunkDigests,
	key: &'a Key,
	nonce: &'a Nonce,
	permutations: Permutations,
}

impl<R: ReadAt + ?Sized> Prover<'_, R> {
	fn part(&self, part: &Part) -> Result<stark::Proof, ProveError<R::Error>> {
		let mut filled = Vec::with_capacity(part.tables.len());
		for chunks in &part.tables {
			let mut rows = chunks.iter().map(|chunk| self.chunk(*chunk)).collect::<Result<Vec<_>, _>>()?;
			rows.resize_with(room(chunks.len()), DataChunk::filler);
			let made = data_trace(&rows, self.key, self.nonce, &self.permutations);
			let is_right = chunks.iter().zip(&made.digests).all(|(chunk, [payload, ciphertext])| {
				let chunk = *chunk as usize;
				self.payload.leaves().get(chunk) == Some(payload) && self.digests.leaves().get(chunk) == Some(ciphertext)
			});
			if !is_right {
				return Err(ProveError::Wrong);
			}
			filled.push(Filled { kind: Kind::Data, trace: made.table, public: made.public.values() });
		}
		Ok(stark::prove(&part.first, &filled)?)
	}

	fn chunk(&self, index: u32) -> Result<DataChunk, SweepError<R::Error>> {
		let layout = self.payload.layout();
		let stream = Stream::new(&self.permutations, self.key, self.nonce);
		let chunk = index as usize;
		let tile = decrypted_tile(self.ciphertext, layout, &stream, chunk..chunk + 1, 0..CHUNK_BLOCKS)?;
		let values: Vec<Block> = tile.values.as_chunks::<BLOCK>().0.to_vec();
		Ok(DataChunk { index, blocks: layout.blocks(index), values })
	}
}

/// Proves that the locks of these lock keys open masks of the content key. See
/// [`ProveError::Locks`] for the numbers of locks that a table can have.
pub fn prove_locks(key: &Key, lock_keys: &[Key], nonce: &Nonce) -> Result<Vec<u8>, ProveError<Cancelled>> {
	let rows = lock_keys.len() / GROUP_LOCKS * GROUP_ROWS;
	let is_whole = lock_keys.len().is_multiple_of(GROUP_LOCKS) && rows.is_power_of_two();
	if !is_whole || !(MIN_ROWS..=MAX_LOCK_ROWS).contains(&rows) {
		return Err(ProveError::Locks(lock_keys.len()));
	}
	let made = locks_trace(key, lock_keys, &Permutations::new());
	let groups: Vec<_> = made.groups.iter().map(to_bytes).collect();
	let first = lock_statement(nonce, &key.commitment(), &groups);
	let filled = [Filled { kind: Kind::Locks, trace: made.table, public: made.public.values() }];
	let proof = stark::prove(&first, &filled)?;
	Ok(write(&LockEnvelope { groups, proof }))
}
