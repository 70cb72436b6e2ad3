//! The request for a block to a trustless gateway
//! (<https://specs.ipfs.tech/http-gateways/trustless-gateway/>).

use alloc::{format, string::String};
use waybill_primitives::Cid;

/// The media type of a single block, for the `Accept` header.
pub const ACCEPT: &str = "application/vnd.ipld.raw";

/// The URL of a block at a gateway; a slash at the end of the gateway's URL makes no difference.
pub fn block_url(gateway: &str, cid: &Cid) -> String {
	format!("{}/ipfs/{cid}?format=raw", gateway.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn url_should_name_block_and_format() {
		let expected = "http://127.0.0.1:8080/ipfs/bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq?format=raw";
		assert_eq!(block_url("http://127.0.0.1:8080", &Cid::raw(b"hello")), expected);
		assert_eq!(block_url("http://127.0.0.1:8080/", &Cid::raw(b"hello")), expected);
	}
}
