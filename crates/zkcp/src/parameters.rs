//! Every parameter, as bytes, for transcripts and the heads of proofs.

use crate::{
	air::GROUP_LOCKS,
	layout::{CHUNK_BLOCKS, RATE_PERCENT},
	sample::{SAMPLE, WORK},
	stark::{self, MAX_ROWS, MIN_ROWS},
	tables::MOST_BESIDE,
};

/// The statement's parameters.
const OWN: [u8; 9] = [
	MIN_ROWS.trailing_zeros() as u8,
	MAX_ROWS.trailing_zeros() as u8,
	CHUNK_BLOCKS as u8,
	GROUP_LOCKS as u8,
	MOST_BESIDE as u8,
	RATE_PERCENT as u8,
	(SAMPLE >> 8) as u8,
	SAMPLE as u8,
	WORK as u8,
];
const SYSTEM: usize = stark::PARAMETERS.len();

/// All parameters: the proof system's, then the statement's.
pub const PARAMETERS: [u8; SYSTEM + OWN.len()] = {
	let mut all = [0; SYSTEM + OWN.len()];
	all.split_at_mut(SYSTEM).0.copy_from_slice(&stark::PARAMETERS);
	all.split_at_mut(SYSTEM).1.copy_from_slice(&OWN);
	all
};
