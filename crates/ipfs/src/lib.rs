#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(clippy::arithmetic_side_effects)]
#![cfg_attr(
	test,
	allow(
		clippy::unwrap_used,
		clippy::expect_used,
		clippy::panic,
		clippy::indexing_slicing,
		clippy::arithmetic_side_effects
	)
)]

extern crate alloc;

mod error;
pub mod gateway;
mod hasher;
mod protobuf;
mod reader;
mod unixfs;

pub use error::DagError;
pub use hasher::{Checksum, ContentHasher};
pub use reader::{DagReader, Limits, MAX_BLOCK};
