#![doc = include_str!("../README.md")]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod book;
mod config;
mod error;
mod http;
mod hub;
mod operators;
mod report;
mod service;
mod tally;
mod work;

pub use answer::Answer;
pub use config::Config;
pub use error::{Error, Result};
pub use http::router;
pub use hub::{Hub, MAX_WORKING};
pub use report::{Event, Reporter};
pub use service::{run, Parts};
