//! The device: finds a distributor, checks what it gets, installs it.

mod agent;
mod check;
mod config;
mod freshness;
mod hash;
mod home;
mod hook;
pub mod hub;
pub mod identity;
mod install;
pub mod peer;
mod peers;
mod report;
mod reveal;
mod search;
mod slots;
#[cfg(test)]
mod tests;
mod trade;
mod trust;
mod verify;
pub mod view;

pub use agent::Agent;
pub use check::{release as check_release, Verdict};
pub use config::Config;
pub use freshness::{held_back, look, unreachable};
pub use home::Home;
pub use slots::Installed;
pub use trust::follow as follow_keys;
