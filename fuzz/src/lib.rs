//! What the fuzz targets do with their bytes: one module a target, each with a function `run`.
//!
//! A target fails by a panic: one of the code under test, or one of the target's own assertions. Input that a target cannot use
//! is no failure.

pub mod cbor;
pub mod cid;
pub mod dag;
pub mod fleet_proof;
#[cfg(feature = "runtime")]
pub mod runtime;
pub mod statements;
pub mod zkcp;
