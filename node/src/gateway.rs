//! The IPFS gateways that the off-chain worker uses: their URLs, and where the worker finds them.

use codec::Encode;
use pallet_firmware::worker::{DEFAULT_GATEWAY, GATEWAY_KEY};
use sp_core::offchain::{OffchainStorage, STORAGE_PREFIX};
use std::{fmt, str::FromStr};
use url::Url;

/// The base URL of an IPFS gateway, without a slash at the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewayUrl(String);

/// The length of the longest URL that is accepted, in bytes.
const MAX_LEN: usize = 256;

/// Stores the URLs where the off-chain worker looks for them.
pub fn store(gateways: &[GatewayUrl], storage: &mut impl OffchainStorage) {
	let urls: Vec<&str> = gateways.iter().map(|gateway| gateway.0.as_str()).collect();
	storage.set(STORAGE_PREFIX, GATEWAY_KEY, &urls.join(" ").into_bytes().encode());
}

impl Default for GatewayUrl {
	fn default() -> Self {
		Self(DEFAULT_GATEWAY.into())
	}
}

impl fmt::Display for GatewayUrl {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(&self.0)
	}
}

impl FromStr for GatewayUrl {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, String> {
		let example = format!("write the gateway as {DEFAULT_GATEWAY}");
		let url = Url::parse(text).map_err(|error| format!("{error}; {example}"))?;
		if !matches!(url.scheme(), "http" | "https") {
			return Err(format!("only http:// and https:// are supported; {example}"));
		}
		if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
			return Err(format!("a gateway's URL has no user, query or fragment; {example}"));
		}
		let base = url.as_str().trim_end_matches('/');
		if base.len() > MAX_LEN {
			return Err(format!("the URL has {} bytes, and at most {MAX_LEN} are allowed; use a shorter one", base.len()));
		}
		Ok(Self(base.into()))
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use sp_core::offchain::storage::InMemOffchainStorage;

	#[test]
	fn urls_should_be_normalised() {
		for (text, expected) in [
			("http://127.0.0.1:8080", DEFAULT_GATEWAY),
			("http://127.0.0.1:8080/", DEFAULT_GATEWAY),
			("HTTP://Example.org:80/gateway/", "http://example.org/gateway"),
			("https://example.org:443/a b/", "https://example.org/a%20b"),
			("http://[::1]:8080", "http://[::1]:8080"),
		] {
			assert_eq!(text.parse::<GatewayUrl>().unwrap().to_string(), expected);
		}
		assert_eq!(DEFAULT_GATEWAY.parse(), Ok(GatewayUrl::default()));
	}

	#[test]
	fn other_texts_should_be_refused() {
		let long = format!("http://example.org/{}", "x".repeat(MAX_LEN));
		for text in [
			"",
			"127.0.0.1:8080",
			"ftp://example.org",
			"http://",
			"http://user@example.org",
			"https://user:word@example.org",
			"http://example.org/?a=b",
			"http://example.org/#a",
			"http://example.org:99999",
			&long,
		] {
			assert!(text.parse::<GatewayUrl>().is_err(), "{text}");
		}
	}

	#[test]
	fn urls_should_be_found_by_the_worker_when_stored() {
		let mut storage = InMemOffchainStorage::default();
		store(&[GatewayUrl::default(), "https://example.org".parse().unwrap()], &mut storage);
		let stored = storage.get(STORAGE_PREFIX, b"waybill/ipfs-gateway").unwrap();
		assert_eq!(stored, format!("{DEFAULT_GATEWAY} https://example.org").into_bytes().encode());
	}
}
