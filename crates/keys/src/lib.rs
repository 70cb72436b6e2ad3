#![doc = include_str!("../README.md")]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod secret_file;
mod statement_key;

pub use error::{Error, Result};
pub use secret_file::{random_seed, read_secret, write_secret};
pub use statement_key::StatementKey;
