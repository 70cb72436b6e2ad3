//! Tests of all pallets together, on real blocks.

#![allow(clippy::unwrap_used)]

#[cfg(feature = "runtime-benchmarks")]
mod benchmarks;
mod chain;
mod collators;
mod delivery;
mod dry_run;
mod fees;
mod genesis;
// These features add runtime APIs.
#[cfg(not(any(feature = "runtime-benchmarks", feature = "try-runtime")))]
mod metadata;
// With benchmarks, the migrations are mocked ones.
#[cfg(not(feature = "runtime-benchmarks"))]
mod migration;
mod parameters;
mod pinned;
mod proxy;
mod session;
mod slot;
#[cfg(feature = "try-runtime")]
mod try_runtime;
mod voters;
