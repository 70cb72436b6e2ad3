//! Tests by topic.

mod attest;
mod fleet;
mod release;
mod vendor;
mod worker;
mod yank;
