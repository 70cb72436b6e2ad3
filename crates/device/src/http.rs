//! HTTP to the services that a device talks to: short timeouts, bounded answers, no redirects.

use crate::{
	error::{Error, Result},
	fault::RemoteFault,
};
use reqwest::{header::CONTENT_TYPE, Client, ClientBuilder, RequestBuilder, Response};
use std::time::Duration;
use url::Url;
use waybill_daemon::{address::shown, cause, roots::Roots};
use waybill_exchange::MEDIA_TYPE;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// An HTTP client for [`Service`]s.
pub fn client(roots: &Roots) -> Result<Client> {
	built(builder(roots))
}

/// Such a client, to be changed before it is built.
pub fn builder(roots: &Roots) -> ClientBuilder {
	roots.client().connect_timeout(CONNECT_TIMEOUT).timeout(REQUEST_TIMEOUT)
}

/// Builds a client.
pub fn built(client: ClientBuilder) -> Result<Client> {
	client.build().map_err(|error| Error::Client(cause(&error)))
}

/// A distributor or a hub at its address.
#[derive(Clone, Debug)]
pub struct Service {
	role: &'static str,
	http: Client,
	url: Url,
}

impl Service {
	/// The service at an HTTP address.
	pub fn new(http: Client, role: &'static str, address: &str) -> Result<Self> {
		let url = Url::parse(address.trim_end_matches('/'));
		match url {
			Ok(mut url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
				url.set_query(None);
				url.set_fragment(None);
				if !url.path().ends_with('/') {
					url.set_path(&format!("{}/", url.path()));
				}
				Ok(Self { role, http, url })
			},
			_ => Err(Error::Address { role, address: shown(address) }),
		}
	}

	/// The address.
	pub const fn url(&self) -> &Url {
		&self.url
	}

	/// A GET request.
	pub fn get(&self, path: &str) -> RequestBuilder {
		self.http.get(self.at(path))
	}

	/// A POST request with a message.
	pub fn post(&self, path: &str, body: Vec<u8>) -> RequestBuilder {
		self.http.post(self.at(path)).header(CONTENT_TYPE, MEDIA_TYPE).body(body)
	}

	fn at(&self, path: &str) -> String {
		format!("{}{path}", self.url)
	}

	/// Sends a request.
	pub async fn send(&self, request: RequestBuilder) -> Result<Response> {
		request.send().await.map_err(|error| self.silent(&error))
	}

	/// Reads an answer of at most `limit` bytes.
	pub async fn read(&self, mut response: Response, limit: usize) -> Result<Vec<u8>> {
		let mut body = Vec::new();
		while let Some(chunk) = response.chunk().await.map_err(|error| self.silent(&error))? {
			body.extend_from_slice(&chunk);
			if body.len() > limit {
				return Err(self.fault(RemoteFault::TooLong));
			}
		}
		Ok(body)
	}

	/// The error for an unusable answer of this service.
	pub fn fault(&self, fault: RemoteFault) -> Error {
		Error::Remote { role: self.role, url: shown(self.url.as_str()), fault }
	}

	fn silent(&self, error: &reqwest::Error) -> Error {
		self.fault(RemoteFault::Silent(cause(error)))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn requests_should_go_below_the_address_whatever_follows_it() {
		for (address, expected) in [
			("http://one:1", "http://one:1/a/b"),
			("http://one:1//", "http://one:1/a/b"),
			("https://one/base", "https://one/base/a/b"),
			("http://one/?t=1#top", "http://one/a/b"),
			("http://one/base?t=1", "http://one/base/a/b"),
		] {
			let service = Service::new(client(&Roots::default()).unwrap(), "distributor", address).unwrap();
			assert_eq!(service.get("a/b").build().unwrap().url().as_str(), expected, "{address}");
		}
		for address in ["one:1", "ftp://one", "http://", "/base", ""] {
			let refused = Service::new(client(&Roots::default()).unwrap(), "hub", address).map(drop);
			assert!(matches!(refused, Err(Error::Address { role: "hub", .. })), "{address}");
		}
	}
}
