//! IPFS over HTTP: a trustless gateway to read from, kubo's RPC to add to.
//!
//! Nothing that a gateway answers is believed: every block is checked against its CID before it is used.

mod block;
mod gateway;
mod journal;
mod kubo;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

pub use gateway::{Gateway, WRONG_SIZE};
use journal::Journal;
pub use kubo::Kubo;

use crate::error::{Error, Result};
use url::Url;

/// Reads an HTTP address. Its path is kept as a folder, so that `join` adds to it.
fn parse(flag: &str, text: &str) -> Result<Url> {
	let with_slash = format!("{}/", text.trim_end_matches('/'));
	match Url::parse(&with_slash) {
		Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
		_ => Err(Error::usage(format!("{flag} {text}: not an HTTP address; write for example http://127.0.0.1:8080"))),
	}
}

/// What lies at the bottom of an HTTP error, in one line.
pub fn cause(error: &reqwest::Error) -> String {
	let mut cause: &dyn std::error::Error = error;
	while let Some(source) = cause.source() {
		cause = source;
	}
	match error {
		_ if error.is_connect() => format!("no connection ({cause})"),
		_ if error.is_timeout() => "no answer in time".into(),
		_ => cause.to_string(),
	}
}
