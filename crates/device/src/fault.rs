//! What is wrong with the answer of a distributor or a hub.

use reqwest::StatusCode;
use std::fmt;

/// What is wrong with the answer of a distributor or a hub.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RemoteFault {
	/// There is none.
	Silent(String),
	/// It is longer than an answer of its kind can be.
	TooLong,
	/// It is not a message of the protocol.
	Protocol(String),
	/// It is an HTTP error, with the first words of its body.
	Status(StatusCode, String),
	/// The hub's verdict is not signed by the key that the device knows.
	Unsigned,
	/// The hub is still at work after all the time that the device allows it.
	Busy,
}

impl RemoteFault {
	/// Whether the service may do better the next time.
	pub const fn is_unreachable(&self) -> bool {
		matches!(self, Self::Silent(_) | Self::Status(..) | Self::Busy)
	}
}

impl fmt::Display for RemoteFault {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Silent(cause) => write!(f, "does not answer: {cause}"),
			Self::TooLong => f.write_str("answered too much"),
			Self::Protocol(cause) => write!(f, "does not speak the protocol: {cause}"),
			Self::Status(status, words) if words.is_empty() => write!(f, "answered HTTP {status}"),
			Self::Status(status, words) => write!(f, "answered HTTP {status}: {words}"),
			Self::Unsigned => f.write_str("gave an answer that is not signed by the hub that this device knows"),
			Self::Busy => f.write_str("is still at work"),
		}
	}
}
