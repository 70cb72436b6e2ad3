//! Which addresses a device calls because somebody announced them. Anyone can announce anything, so a
//! device is not to be made to call machines of its own network.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
	io,
	net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};
use tokio::net::lookup_host;
use url::{Host, Url};

/// Resolves names to public addresses only.
#[derive(Clone, Copy, Debug)]
pub struct PublicOnly;

impl Resolve for PublicOnly {
	fn resolve(&self, name: Name) -> Resolving {
		Box::pin(async move {
			let found = lookup_host((name.as_str(), 0)).await?;
			let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
			match public.is_empty() {
				true => Err(not_public().into()),
				false => Ok(Box::new(public.into_iter()) as Addrs),
			}
		})
	}
}

/// Whether an address names its host by a number that is not public. Resolvers are not asked about
/// such ones.
pub fn is_private_literal(url: &Url) -> bool {
	match url.host() {
		Some(Host::Ipv4(address)) => !is_public(address.into()),
		Some(Host::Ipv6(address)) => !is_public(address.into()),
		Some(Host::Domain(_)) | None => false,
	}
}

/// Why an address is not called.
pub fn not_public() -> io::Error {
	io::Error::other("its address is private; set private_addresses in [device] to call such ones")
}

/// Whether an address is not one of a private network, of this machine, or of this link, and can be
/// reached at all (<https://www.iana.org/assignments/iana-ipv4-special-registry>, and the same for
/// IPv6).
pub fn is_public(address: IpAddr) -> bool {
	match address.to_canonical() {
		IpAddr::V4(address) => is_public_v4(address),
		IpAddr::V6(address) => is_public_v6(address),
	}
}

fn is_public_v4(address: Ipv4Addr) -> bool {
	let [a, b, c, _] = address.octets();
	let is_shared = a == 100 && (64..128).contains(&b);
	let is_for_protocols = (a, b, c) == (192, 0, 0);
	let is_for_benchmarks = a == 198 && matches!(b, 18 | 19);
	!(a == 0
		|| a >= 240
		|| is_shared
		|| is_for_protocols
		|| is_for_benchmarks
		|| address.is_private()
		|| address.is_loopback()
		|| address.is_link_local()
		|| address.is_documentation()
		|| address.is_multicast())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
	// An IPv4 address behind NAT64 (RFC 6052).
	if let [0x0064, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() {
		return is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
	}
	// Only this block is given out for machines on the internet.
	let is_global = (address.segments()[0] & 0xe000) == 0x2000;
	let is_documentation = matches!(address.segments(), [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..]);
	is_global && !is_documentation
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn private_addresses_should_not_be_called() {
		for address in [
			"127.0.0.1",
			"10.1.2.3",
			"172.16.0.1",
			"192.168.1.1",
			"169.254.169.254",
			"100.64.0.1",
			"0.0.0.0",
			"192.0.0.8",
			"198.18.0.1",
			"192.0.2.1",
			"224.0.0.1",
			"255.255.255.255",
			"::1",
			"::",
			"fe80::1",
			"fd00::1",
			"ff02::1",
			"2001:db8::1",
			"::ffff:10.0.0.1",
			"64:ff9b::10.0.0.1",
			"64:ff9b:1::1",
		] {
			assert!(!is_public(address.parse().unwrap()), "{address}");
		}
		for address in
			["1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "::ffff:9.9.9.9", "64:ff9b::9.9.9.9"]
		{
			assert!(is_public(address.parse().unwrap()), "{address}");
		}
	}

	#[tokio::test]
	async fn name_of_this_machine_should_not_be_resolved() {
		let resolved = PublicOnly.resolve("localhost".parse().unwrap()).await;
		assert!(resolved.map(drop).unwrap_err().to_string().contains("private_addresses"));
	}
}
