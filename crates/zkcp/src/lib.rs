#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "verify")]
mod air;
mod cipher;
mod code;
mod digest;
#[cfg(feature = "verify")]
mod envelope;
mod field;
mod key;
mod lanes;
mod layout;
mod nonce;
#[cfg(feature = "verify")]
mod parameters;
mod poseidon;
mod progress;
#[cfg(feature = "std")]
mod prove;
#[cfg(feature = "verify")]
mod sample;
#[cfg(feature = "verify")]
mod stark;
#[cfg(feature = "verify")]
mod statement;
mod storage;
mod sweep;
#[cfg(feature = "verify")]
mod tables;
#[cfg(feature = "verify")]
mod verify;

pub use cipher::{decrypt, encrypt, DecryptError};
pub use digest::{ChunkDigests, Content, TooLong};
pub use field::{Block, BLOCK_BYTES, F, PLAIN_BYTES};
pub use key::{lock, Key};
pub use layout::{Layout, CHUNK_BLOCKS, CHUNK_BYTES, CHUNK_CIPHERTEXT, MAX_LENGTH, SAMPLED_FROM};
pub use nonce::Nonce;
pub use progress::{unwatched, Cancelled, Phase, Progress, Watch};
#[cfg(feature = "std")]
pub use prove::{prove, prove_locks, ProveError};
pub use storage::{OutOfRange, ReadAt, WriteAt};
pub use sweep::SweepError;
#[cfg(feature = "verify")]
pub use {
	envelope::EnvelopeError,
	sample::SAMPLE,
	statement::Statement,
	tables::MOST_CHUNKS,
	verify::{
		lock_place, locks_in_table, payload_digests, verify, LockPlace, LockTable, VerifyError, LOCKS_IN_GROUP, MOST_LOCKS,
	},
};

/// The number of these algorithms and parameters, in releases and proofs.
pub const SUITE: u8 = 1;
