//! The distributor: fetches releases, serves them to devices, is paid.

mod batch;
mod checksum;
mod config;
mod content;
mod desk;
mod exchanges;
mod horizon;
mod http;
mod prove;
#[cfg(test)]
pub mod scene;
mod service;
mod settle;
mod status;
mod store;
#[cfg(test)]
mod tests;

pub use config::Config;
pub use service::{run, Parts};
#[cfg(test)]
pub use status::BountyStatus;
pub use status::Status;
