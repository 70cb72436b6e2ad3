//! How many chunks the tables of a proof hold.

use crate::{air::CHUNK_ROWS, stark::MAX_ROWS};

/// Chunks in the largest table. A part of a proof has at most this many, and an eighth more in a
/// table beside it.
pub const MOST_CHUNKS: usize = MAX_ROWS / CHUNK_ROWS;
/// The most chunks in the table beside it. More would take the prover more than 1 GiB of memory.
pub const MOST_BESIDE: usize = MOST_CHUNKS / 8;
