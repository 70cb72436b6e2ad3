//! Tests of the pallets together, on real blocks.

#![allow(clippy::unwrap_used)]

mod chain;
mod delivery;
mod fees;
mod genesis;
// These features add runtime APIs.
#[cfg(not(any(feature = "runtime-benchmarks", feature = "try-runtime")))]
mod metadata;
mod pinned;
mod proxy;
mod session;
