#![doc = include_str!("../README.md")]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
// subxt's errors are large. They come up only where the network takes the time.
#![allow(clippy::result_large_err)]

mod agent;
mod boot;
mod check;
mod config;
mod context;
mod courier;
mod endpoint;
mod error;
mod failures;
mod fault;
mod fetch;
mod freeze;
mod freshness;
mod home;
mod hook;
mod http;
mod hub;
mod identity;
mod install;
mod invitations;
mod peer;
mod peers;
mod reach;
mod report;
mod reveal;
mod room;
mod search;
mod slots;
#[cfg(test)]
mod tests;
mod trade;
mod trial;
mod trust;
mod update;
mod verify;

pub use agent::{obey, Agent};
pub use check::{check_release, Objection};
pub use config::Config;
pub use context::Outcome;
pub use error::{Error, Result};
pub use fault::RemoteFault;
pub use freeze::{held_back, look, Freeze, Frozen};
pub use freshness::unreachable;
pub use home::{Home, Memory};
pub use hook::{Action, HookError};
pub use hub::Hub;
pub use identity::{key, provision, Factory, Identity, Place, StoredKeySet};
pub use peer::{Peer, PeerError};
pub use report::{Checker, Event};
pub use slots::{Firmware, SlotError, Slots};
pub use trust::follow as follow_keys;
pub use update::{LastUpdate, NoOrder, Order, Phase, Programs, Skipped, Trial};
