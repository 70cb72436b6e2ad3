//! Encryption and decryption of payloads.

use crate::{
	code::{Code, Repair},
	digest::{ChunkDigests, Content},
	field::{unpack, BLOCK, F, PLAIN_BYTES},
	key::Key,
	lanes::{Permutations, Stream},
	layout::{Layout, CHUNK_BLOCKS, CHUNK_BYTES},
	nonce::Nonce,
	poseidon::Tag,
	progress::{tell, Cancelled, Phase, Watch},
	storage::{ReadAt, WriteAt},
	sweep::{encrypt_chunks, read_ciphertext, SweepError},
};
use alloc::vec::Vec;
use core::fmt;
