//! The constraints of the two kinds of tables.
//!
//! Each row of a table holds three permutations side by side. Their constraints are the library's; the modules below bind their inputs
//! and outputs to each other and to what is public.

mod data;
mod locks;
mod row;
#[cfg(all(test, feature = "std"))]
mod tests;

pub use data::{list_of, DataPublic, FILLER};
pub use locks::{group_digest, leaf, list, LockPublic, GROUP_LOCKS, GROUP_ROWS};
#[cfg(feature = "std")]
pub use {data::trace as data_trace, data::DataChunk, locks::trace as locks_trace};

use crate::field::F;
use alloc::vec::Vec;
use p3_air::{Air, AirBuilder, BaseAir};
use row::Permutation;

/// Rows of a chunk in a table of data.
pub const CHUNK_ROWS: usize = crate::layout::CHUNK_BLOCKS + 1;

/// The constraints of a table.
#[derive(Clone)]
pub struct Table {
	kind: Kind,
	permutation: Permutation,
}

/// What a table proves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
	/// Chunks of ciphertext decrypt to chunks of payload.
	Data,
	/// Locks open what masks the content key.
	Locks,
}

/// A step in filling a row. Tests change what it gave before the next one, so that a false witness is false in one place alone.
#[cfg(feature = "std")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
	/// What the row is about: a block of payload and the input of its key stream; a lock key.
	Given,
	/// What follows from a lock key: its lock and its mask.
	Derived,
	/// What the sponges absorb.
	Absorbed,
	/// The capacities of the lists.
	Listed,
}

impl Table {
	/// The constraints of these kinds.
	pub fn all(kinds: impl IntoIterator<Item = Kind>) -> Vec<Self> {
		// Its constants take longer to make than to copy.
		let permutation = row::permutation();
		kinds.into_iter().map(|kind| Self { kind, permutation: permutation.clone() }).collect()
	}
}

impl BaseAir<F> for Table {
	fn width(&self) -> usize {
		match self.kind {
			Kind::Data => data::WIDTH,
			Kind::Locks => locks::WIDTH,
		}
	}

	fn num_public_values(&self) -> usize {
		match self.kind {
			Kind::Data => data::PUBLIC,
			Kind::Locks => locks::PUBLIC,
		}
	}

	fn max_constraint_degree(&self) -> Option<usize> {
		Some(3)
	}
}

impl<AB: AirBuilder<F = F>> Air<AB> for Table {
	fn eval(&self, builder: &mut AB) {
		row::eval(&self.permutation, builder);
		match self.kind {
			Kind::Data => data::eval(builder),
			Kind::Locks => locks::eval(builder),
		}
	}
}
