#![doc = include_str!("../README.md")]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod address;
pub mod backoff;
mod cause;
pub mod certificate;
pub mod clock;
pub mod descriptors;
pub mod disk;
pub mod metrics;
mod places;
mod report;
pub mod roots;
mod serve;
mod status_address;

pub use cause::cause;
pub use report::Reporter;
pub use serve::{serve, Socket};
pub use status_address::{Listening, StatusListen};
