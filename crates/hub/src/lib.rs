#![doc = include_str!("../README.md")]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod book;
mod config;
mod error;
mod http;
mod hub;
mod service;
mod work;

pub use config::Config;
pub use error::{Error, Result};
pub use http::router;
pub use hub::{Answer, Hub, MAX_WORKING};
pub use service::{run, Parts};
