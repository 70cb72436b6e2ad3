#![doc = include_str!("../README.md")]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod batch;
mod book;
mod checksum;
mod config;
mod content;
mod desk;
mod error;
mod exchanges;
mod health;
mod horizon;
mod http;
mod insight;
mod metrics;
mod operators;
mod preparing;
mod prove;
mod queue;
mod report;
mod rescue;
mod salvage;
mod service;
mod settle;
mod status;
mod store;
mod tally;
mod upkeep;
mod wanted;

pub use book::{Book, Served};
pub use config::Config;
pub use desk::{Answer, Desk, Newest};
pub use error::{Error, Result, Unwanted};
pub use exchanges::Counts;
pub use health::{Answers, PublicHealth};
pub use http::router;
pub use insight::{About, Insight};
pub use operators::status_router;
pub use prove::Proved;
pub use report::{Event, Part, Reporter};
pub use rescue::{open_store, restore_store, Restored};
pub use salvage::Salvaged;
pub use service::{run, Parts};
pub use settle::{Margins, Rules, Settler};
pub use status::{BountyStatus, Status, Total};
pub use store::{Claim, Earnings, Fate, Store};
