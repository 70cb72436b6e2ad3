//! The program as its users run it, without a network and on a development chain.
//!
//! One test binary, so that tests of all modules run side by side.

mod chain;
mod delivery;
mod metrics;
mod offline;
mod readme;
mod tls;
mod trial;
mod vendor;
