//! The constraints of the two kinds of tables.
//!
//! Each row of a table holds three permutations side by side. Plonky3 constrains each permutation.
//! The modules below bind the inputs and outputs of the permutations to each other and to the
//! public values.

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
	/// Locks open masks of the content key.
	Locks,
}

/// A step in filling a row. Tests change the result of a step before the next one starts, so a
/// false witness is false in one place only.
#[cfg(feature = "std")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
	/// The row's subject: a block of payload and the input of its key stream, or a lock key.
	Given,
	/// The lock and the mask that follow from a lock key.
	Derived,
	/// The blocks that the sponges absorb.
	Absorbed,
	/// The capacities of the lists.
	Listed,
}

impl Table {
	/// The constraints of tables of these kinds.
	pub fn all(kinds: impl IntoIterator<Item = Kind>) -> Vec<Self> {
		// Computing the permutation's constants takes longer than copying them.
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
