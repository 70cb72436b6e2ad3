//! Tests by topic.

mod announce;
mod attacks;
mod claim;
mod close;
mod config;
mod invariants;
mod layout;
mod model;
mod open;
mod queries;
mod raise;
mod reserve;
mod try_state;
