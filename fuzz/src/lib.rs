//! The fuzz targets: one module for each, with a function `run` that gets the bytes.
//!
//! A target fails by a panic: in the code under test, or from one of the target's own assertions.
//! An input that a target cannot use is not a failure.

pub mod cbor;
pub mod cid;
pub mod dag;
pub mod fleet_proof;
#[cfg(feature = "runtime")]
pub mod runtime;
pub mod statements;
pub mod zkcp;
