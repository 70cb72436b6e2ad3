//! What can go wrong, and the exit code that says so.

use std::fmt;

/// The kind of a failure; each has an exit code of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
	/// Something else.
	Failure,
	/// Arguments or configuration that make no sense.
	Usage,
	/// The chain refused the transaction, or it failed there.
	Refused,
	/// A node, a gateway or a distributor cannot be reached.
	Unreachable,
	/// A file or key that cannot be read or written, or is not what it should be.
	File,
	/// What was asked for is not on the chain.
	NotFound,
	/// Something fetched or received did not pass a check; nothing was installed or signed.
	Check,
}

impl Kind {
	/// The program's exit code.
	pub const fn exit_code(self) -> u8 {
		match self {
			Self::Failure => 1,
			Self::Usage => 2,
			Self::Refused => 3,
			Self::Unreachable => 4,
			Self::File => 5,
			Self::NotFound => 6,
			Self::Check => 7,
		}
	}

	/// The kind's name in JSON.
	pub const fn name(self) -> &'static str {
		match self {
			Self::Failure => "failure",
			Self::Usage => "usage",
			Self::Refused => "refused",
			Self::Unreachable => "unreachable",
			Self::File => "file",
			Self::NotFound => "not_found",
			Self::Check => "check",
		}
	}
}

/// A failure: one line that says what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
	kind: Kind,
	name: Option<String>,
	message: String,
}

/// The result of most functions of the program.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
	/// A failure of this kind.
	pub fn new(kind: Kind, message: impl fmt::Display) -> Self {
		Self { kind, name: None, message: message.to_string() }
	}

	/// The chain's refusal, by the name of its error (`PodBounty.AlreadyPaid`).
	pub fn refused(name: impl Into<String>, message: impl fmt::Display) -> Self {
		Self { kind: Kind::Refused, name: Some(name.into()), message: message.to_string() }
	}

	/// Arguments or configuration that make no sense.
	pub fn usage(message: impl fmt::Display) -> Self {
		Self::new(Kind::Usage, message)
	}

	/// A node, a gateway or a distributor cannot be reached.
	pub fn unreachable(message: impl fmt::Display) -> Self {
		Self::new(Kind::Unreachable, message)
	}

	/// A file or key that cannot be used.
	pub fn file(message: impl fmt::Display) -> Self {
		Self::new(Kind::File, message)
	}

	/// What was asked for is not on the chain.
	pub fn not_found(message: impl fmt::Display) -> Self {
		Self::new(Kind::NotFound, message)
	}

	/// Something did not pass a check.
	pub fn check(message: impl fmt::Display) -> Self {
		Self::new(Kind::Check, message)
	}

	/// The same failure under a name that programs can tell from others.
	pub fn named(mut self, name: impl Into<String>) -> Self {
		self.name = Some(name.into());
		self
	}

	/// The kind.
	pub const fn kind(&self) -> Kind {
		self.kind
	}

	/// The failure's name, such as that of the chain's error.
	pub fn name(&self) -> Option<&str> {
		self.name.as_deref()
	}

	/// The same failure with words before its message.
	pub fn context(mut self, words: impl fmt::Display) -> Self {
		self.message = format!("{words}: {}", self.message);
		self
	}
}

impl fmt::Display for Error {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(&self.message)
	}
}

impl std::error::Error for Error {}

impl From<anyhow::Error> for Error {
	fn from(error: anyhow::Error) -> Self {
		Self::new(Kind::Failure, format!("{error:#}"))
	}
}

impl From<waybill_chain::Error> for Error {
	fn from(error: waybill_chain::Error) -> Self {
		use waybill_chain::Error as Chain;
		let kind = match &error {
			Chain::Address { .. } => Kind::Usage,
			Chain::Refused(_) => Kind::Refused,
			Chain::OtherChain { .. } | Chain::OtherRuntime { .. } => Kind::Check,
			Chain::NoBlock(_) => Kind::NotFound,
			Chain::Answer { .. } | Chain::Nonsense(_) | Chain::TooLate { .. } | Chain::NotIncluded(_) => Kind::Failure,
			_ => Kind::Unreachable,
		};
		let message = match &error {
			Chain::Address { .. } => format!("--node {error}"),
			Chain::NoNode { .. } => format!("{error}; start one or give its address with --node"),
			Chain::NotANode { .. } | Chain::NoAnswer(_) => format!("{error}; check --node"),
			_ => error.to_string(),
		};
		match error {
			Chain::Refused(refused) => Self::refused(refused.name, message),
			Chain::TooLate { .. } => Self::new(kind, message).named("Transaction.TooLate"),
			_ => Self::new(kind, message),
		}
	}
}

impl From<waybill_ipfs_http::Error> for Error {
	fn from(error: waybill_ipfs_http::Error) -> Self {
		use waybill_ipfs_http::Error as Ipfs;
		let message = match &error {
			Ipfs::NoGateway => format!("{error}; give --gateway"),
			Ipfs::KuboUnreachable { .. } => format!("{error}, or set its RPC address with --kubo"),
			Ipfs::NotKubo { .. } => format!("{error}; check --kubo"),
			_ => error.to_string(),
		};
		Self::new(ipfs_kind(&error), message)
	}
}

fn ipfs_kind(error: &waybill_ipfs_http::Error) -> Kind {
	use waybill_ipfs_http::Error as Ipfs;
	match error {
		Ipfs::Address(_) | Ipfs::NoGateway => Kind::Usage,
		Ipfs::GatewayUnreachable { .. } | Ipfs::GatewayStatus { .. } => Kind::Unreachable,
		Ipfs::KuboUnreachable { .. } | Ipfs::NotKubo { .. } => Kind::Unreachable,
		Ipfs::BlockTooLarge { .. } | Ipfs::WrongBlock { .. } | Ipfs::WrongFile { .. } => Kind::Check,
		Ipfs::Fetch { source, .. } => ipfs_kind(source),
		Ipfs::Read { .. } | Ipfs::Write { .. } => Kind::File,
		Ipfs::Client(_) | Ipfs::KuboRefused { .. } => Kind::Failure,
	}
}

impl From<waybill_keys::Error> for Error {
	fn from(error: waybill_keys::Error) -> Self {
		match error {
			waybill_keys::Error::NoRandomness(_) => Self::new(Kind::Failure, error),
			_ => Self::file(error),
		}
	}
}

/// Turns the errors of other crates into failures with a kind.
pub trait OrFail<T> {
	/// Fails with this kind and words, followed by the cause.
	fn or_fail<W: fmt::Display>(self, kind: Kind, words: impl FnOnce() -> W) -> Result<T>;
}

impl<T, E: fmt::Display> OrFail<T> for std::result::Result<T, E> {
	fn or_fail<W: fmt::Display>(self, kind: Kind, words: impl FnOnce() -> W) -> Result<T> {
		self.map_err(|cause| Error::new(kind, format!("{}: {cause}", words())))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn kinds_should_have_different_exit_codes_and_names() {
		let kinds = [Kind::Failure, Kind::Usage, Kind::Refused, Kind::Unreachable, Kind::File, Kind::NotFound, Kind::Check];
		for (i, kind) in kinds.iter().enumerate() {
			assert_eq!(usize::from(kind.exit_code()), i + 1);
			assert!(!kinds[..i].iter().any(|other| other.name() == kind.name()));
		}
	}

	#[test]
	fn context_should_come_before_the_message() {
		let error = Error::refused("PodBounty.AlreadyPaid", "refused").context("device 3");
		assert_eq!(error.to_string(), "device 3: refused");
		assert_eq!(error.name(), Some("PodBounty.AlreadyPaid"));
	}
}
