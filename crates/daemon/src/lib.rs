#![doc = include_str!("../README.md")]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod address;
pub mod backoff;
pub mod clock;
pub mod disk;
mod serve;

pub use serve::serve;
