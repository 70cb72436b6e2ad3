//! Tests by topic.

mod attest;
mod fleet;
mod key_sets;
mod layout;
mod migrations;
mod model;
mod release;
mod vendor;
mod worker;
mod yank;
