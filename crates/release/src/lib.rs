#![doc = include_str!("../README.md")]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod error;
mod file;
mod firmware;
mod key_set;
mod signature;
mod statement;

pub use error::{Error, Result};
pub use firmware::{check_firmware, digest, FirmwareFile};
pub use key_set::{key_set, KeySetFile};
pub use signature::{gather, gather_rotation, sign, Document, SignatureFile, Signed};
pub use statement::{default_file, StatementFile, Subject};
