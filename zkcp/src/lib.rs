#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod code;
mod digest;
mod field;
mod key;
mod lanes;
mod layout;
mod nonce;
mod poseidon;
mod progress;
mod storage;
mod sweep;

pub use digest::{ChunkDigests, Content, TooLong};
pub use field::{Block, BLOCK_BYTES, F, PLAIN_BYTES};
pub use key::{lock, Key};
pub use layout::{Layout, CHUNK_BLOCKS, CHUNK_BYTES, CHUNK_CIPHERTEXT, MAX_LENGTH, SAMPLED_FROM};
pub use nonce::Nonce;
pub use progress::{unwatched, Cancelled, Phase, Progress, Watch};
pub use storage::{OutOfRange, ReadAt, WriteAt};
pub use sweep::SweepError;

/// The number of these algorithms and parameters, in releases and proofs.
pub const SUITE: u8 = 1;
