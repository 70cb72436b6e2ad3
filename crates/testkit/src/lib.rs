#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
// A test that cannot go on panics.
#![allow(clippy::unwrap_used)]

pub mod ipfs;
pub mod ledger;
pub mod machine;
pub mod program;
pub mod scene;
pub mod tls;
