#![doc = include_str!("../README.md")]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod block;
mod error;
mod gateway;
mod journal;
mod kubo;
mod layout;
mod pace;
mod source;

pub use block::Timeouts;
pub use error::{Error, Result};
pub use gateway::Gateway;
pub use kubo::{Added, Kubo};
pub use layout::FileCid;
pub use pace::{keeps_up, LEAST_RATE};
pub use source::Source;

use url::Url;
use waybill_daemon::address::shown;

/// Reads an HTTP address. Its path is kept as a folder, so that `join` adds to it.
fn parse(text: &str) -> Result<Url> {
	let with_slash = format!("{}/", text.trim_end_matches('/'));
	match Url::parse(&with_slash) {
		Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
		_ => Err(Error::Address(shown(text))),
	}
}
