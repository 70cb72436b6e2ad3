//! A chain in memory, for tests.

pub mod fake;
