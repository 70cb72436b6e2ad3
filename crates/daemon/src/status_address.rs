//! Where a program answers operators: an address of its own, apart from the one for devices.

use serde::{de, Deserialize, Deserializer, Serialize};
use std::{
	fmt, io,
	net::{IpAddr, Ipv4Addr, SocketAddr},
	str::FromStr,
};
use tokio::net::TcpListener;

/// The setting `status_listen`.
///
/// Status and metrics tell earnings and faults, so they are not for devices. Without the setting they
/// are on loopback, at the port after the one for devices.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StatusListen {
	/// On loopback, at the port after the one for devices. A port that is taken is a warning only.
	#[default]
	Beside,
	/// At this address.
	At(SocketAddr),
	/// Nowhere.
	Off,
}

/// The addresses of a program that listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Listening {
	/// The address for devices.
	pub listen: SocketAddr,
	/// The address for operators; `None` if there is none.
	pub status: Option<SocketAddr>,
}

impl StatusListen {
	/// The address for operators, by that for devices.
	pub fn address(self, listen: SocketAddr) -> Option<SocketAddr> {
		match self {
			Self::Beside => {
				// Port 0 is any free one.
				let port = if listen.port() == 0 { Some(0) } else { listen.port().checked_add(1) };
				port.map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
			},
			Self::At(address) => Some(address),
			Self::Off => None,
		}
	}

	/// Opens the address for operators of a program that listens for devices at `listen`.
	///
	/// # Errors
	/// The address that was set cannot be opened.
	pub async fn open(self, listen: SocketAddr) -> Result<Option<TcpListener>, (SocketAddr, io::Error)> {
		let Some(address) = self.address(listen) else { return Ok(None) };
		match TcpListener::bind(address).await {
			Ok(listener) => Ok(Some(listener)),
			Err(error) if self == Self::Beside => {
				tracing::warn!(%address, %error, "no status and no metrics; set another address with --status-listen");
				Ok(None)
			},
			Err(error) => Err((address, error)),
		}
	}
}

impl FromStr for StatusListen {
	type Err = &'static str;

	fn from_str(text: &str) -> Result<Self, Self::Err> {
		match text {
			"off" => Ok(Self::Off),
			_ => text.parse().map(Self::At).map_err(|_| "write an address and a port, such as 127.0.0.1:4181, or off"),
		}
	}
}

impl fmt::Display for StatusListen {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Beside => f.write_str("the port after the one for devices"),
			Self::At(address) => address.fmt(f),
			Self::Off => f.write_str("off"),
		}
	}
}

impl<'de> Deserialize<'de> for StatusListen {
	fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn address_should_be_beside_that_for_devices_unless_it_is_set() {
		let listen: SocketAddr = "0.0.0.0:4180".parse().unwrap();
		let address = |setting: StatusListen| setting.address(listen).map(|address| address.to_string());
		assert_eq!(address(StatusListen::default()).as_deref(), Some("127.0.0.1:4181"));
		assert_eq!(address("10.0.0.1:9100".parse().unwrap()).as_deref(), Some("10.0.0.1:9100"));
		assert_eq!(address("off".parse().unwrap()), None);
		assert!("4181".parse::<StatusListen>().is_err());
		let last: SocketAddr = "0.0.0.0:65535".parse().unwrap();
		assert_eq!(StatusListen::Beside.address(last), None);
	}
}
