//! What can go wrong, and its exit codes.

use serde::Serialize;
use serde_json::Value;
use std::fmt;
use waybill_daemon::certificate::CertificateError;

/// The kind of a failure. Each has its own exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
	/// Anything else.
	Failure,
	/// The arguments or the configuration make no sense.
	Usage,
	/// The chain refused the transaction, or the transaction failed in a block.
	Refused,
	/// A node, a gateway or a distributor cannot be reached.
	Unreachable,
	/// A file or key cannot be read or written, or is not what it should be.
	File,
	/// The chain does not have what was asked for.
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

/// A failure, as one line that says what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
	kind: Kind,
	name: Option<String>,
	message: String,
	/// What was done before the failure, as the command would have printed it.
	done: Option<Value>,
}

/// The result of most functions of the program.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
	/// A failure of this kind.
	pub fn new(kind: Kind, message: impl fmt::Display) -> Self {
		Self { kind, name: None, message: message.to_string(), done: None }
	}

	/// The chain's refusal, by the name of its error (`PodBounty.AlreadyPaid`).
	pub fn refused(name: impl Into<String>, message: impl fmt::Display) -> Self {
		Self { kind: Kind::Refused, name: Some(name.into()), message: message.to_string(), done: None }
	}

	/// The arguments or the configuration make no sense.
	pub fn usage(message: impl fmt::Display) -> Self {
		Self::new(Kind::Usage, message)
	}

	/// A node, a gateway or a distributor cannot be reached.
	pub fn unreachable(message: impl fmt::Display) -> Self {
		Self::new(Kind::Unreachable, message)
	}

	/// A file or key cannot be used.
	pub fn file(message: impl fmt::Display) -> Self {
		Self::new(Kind::File, message)
	}

	/// The chain does not have what was asked for.
	pub fn not_found(message: impl fmt::Display) -> Self {
		Self::new(Kind::NotFound, message)
	}

	/// Something did not pass a check.
	pub fn check(message: impl fmt::Display) -> Self {
		Self::new(Kind::Check, message)
	}

	/// The same failure with a name, by which programs recognise it.
	pub fn named(mut self, name: impl Into<String>) -> Self {
		self.name = Some(name.into());
		self
	}

	/// The same failure after something was done, which must not be lost. What it holds already stays.
	pub fn after(mut self, done: &impl Serialize) -> Self {
		let mut done = serde_json::to_value(done).unwrap_or_default();
		if let (Some(Value::Object(before)), Value::Object(done)) = (self.done.take(), &mut done) {
			done.extend(before);
		}
		self.done = Some(done);
		self
	}

	/// What was done before the failure.
	pub const fn done(&self) -> Option<&Value> {
		self.done.as_ref()
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
		let kind = chain_kind(&error);
		let message = match &error {
			Chain::Address { .. } => format!("--node {error}"),
			// A client that distrusts a certificate tries again until its time is up.
			Chain::NotANode { url, .. } | Chain::NoNode { url, .. } if url.starts_with("wss:") => {
				format!("{error}; check --node, and name the certificate of a private authority in SSL_CERT_FILE")
			},
			Chain::NoNode { .. } => format!("{error}; start one or give its address with --node"),
			Chain::NotANode { .. } | Chain::NoAnswer(_) => format!("{error}; check --node"),
			Chain::OtherChain { .. } => format!("{error}; check --node and --genesis"),
			_ => error.to_string(),
		};
		match error {
			Chain::Refused(refused) => Self::refused(refused.name, message),
			// The hash is all there is of the result.
			Chain::Unsure { extrinsic, .. } => {
				Self::new(kind, message).after(&serde_json::json!({ "extrinsic": extrinsic }))
			},
			Chain::TooLate { .. } => Self::new(kind, message).named("Transaction.TooLate"),
			_ => Self::new(kind, message),
		}
	}
}

fn chain_kind(error: &waybill_chain::Error) -> Kind {
	use waybill_chain::Error as Chain;
	match error {
		Chain::Address { .. } => Kind::Usage,
		Chain::Unsure { cause, .. } => chain_kind(cause),
		Chain::Refused(_) => Kind::Refused,
		Chain::OtherChain { .. } | Chain::OtherRuntime { .. } => Kind::Check,
		Chain::NoBlock(_) | Chain::NoRelease(_) => Kind::NotFound,
		Chain::Answer { .. } | Chain::Nonsense(_) | Chain::TooLate { .. } | Chain::NotIncluded(_) => Kind::Failure,
		_ => Kind::Unreachable,
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
		Ipfs::GatewayUnreachable { .. } | Ipfs::GatewaySlow { .. } | Ipfs::GatewayBusy { .. } => Kind::Unreachable,
		Ipfs::GatewayStatus { .. } | Ipfs::TooSlow { .. } => Kind::Unreachable,
		Ipfs::KuboUnreachable { .. } | Ipfs::NotKubo { .. } => Kind::Unreachable,
		Ipfs::BlockTooLarge { .. } | Ipfs::WrongBlock { .. } | Ipfs::WrongFile { .. } | Ipfs::OtherCid { .. } => Kind::Check,
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

impl From<waybill_device::Error> for Error {
	fn from(error: waybill_device::Error) -> Self {
		use waybill_device::Error as Device;
		let message = match &error {
			Device::OtherChain => format!("{error}; check --node"),
			Device::NoDevice(_) => format!("{error}; make one with `waybill device provision`, or check --state"),
			Device::NotBound(_) => format!("{error}; run `waybill device bind` first"),
			Device::NoKeySet => format!("{error}; run `waybill device bind` again"),
			_ => error.to_string(),
		};
		let kind = device_kind(&error);
		let name = error.refusal().map(|refusal| format!("{refusal:?}"));
		match error {
			Device::Chain(error) => error.into(),
			Device::Ipfs(error) => error.into(),
			Device::Keys(error) => error.into(),
			_ => Self { kind, name, message, done: None },
		}
	}
}

fn device_kind(error: &waybill_device::Error) -> Kind {
	use waybill_device::Error as Device;
	match error {
		Device::Chain(error) => chain_kind(error),
		Device::Ipfs(error) => ipfs_kind(error),
		Device::Address { .. } | Device::HalfAHub { .. } | Device::Hook(_) | Device::NoOrder(_) => Kind::Usage,
		Device::NoRoom { .. } => Kind::File,
		Device::Stalled(_) => Kind::Unreachable,
		Device::Frozen { why: Some(why), .. } => device_kind(why),
		Device::Remote { fault, .. } if fault.is_unreachable() => Kind::Unreachable,
		Device::Client(_) => Kind::Failure,
		_ if error.is_local() => Kind::File,
		_ => Kind::Check,
	}
}

impl From<waybill_distributor::Error> for Error {
	fn from(error: waybill_distributor::Error) -> Self {
		use waybill_distributor::Error as Distributor;
		let kind = match error {
			Distributor::Chain(cause) => return cause.into(),
			Distributor::Ipfs(cause) => return cause.into(),
			Distributor::NoManifest { .. } => Kind::Unreachable,
			Distributor::Certificate(ref cause) => certificate_kind(cause),
			Distributor::Announce(cause) => return Self::from(cause).context("cannot announce the address on chain"),
			Distributor::MinReward { .. }
			| Distributor::Zero(_)
			| Distributor::LateMargin(_)
			| Distributor::TipPercent
			| Distributor::LongEndpoint(_)
			| Distributor::PlainEndpoint(_)
			| Distributor::Endpoint(_)
			| Distributor::Listen { .. }
			| Distributor::StatusListen { .. }
			| Distributor::Unwanted(_) => Kind::Usage,
			Distributor::NoFleet(_) | Distributor::NoDevice { .. } => Kind::NotFound,
			Distributor::ForeignProofs(_)
			| Distributor::Manifest { .. }
			| Distributor::OtherPayload { .. }
			| Distributor::PayloadLength
			| Distributor::PayloadTooLarge(_)
			| Distributor::OtherDigest
			| Distributor::SpentKey { .. } => Kind::Check,
			Distributor::Disk(_)
			| Distributor::OpenStore { .. }
			| Distributor::StoreInUse(_)
			| Distributor::ForeignStore(_)
			| Distributor::Store(_)
			| Distributor::Damaged
			| Distributor::DamagedCopy(_)
			| Distributor::CopyInPlace(_)
			| Distributor::DamagedKey => Kind::File,
			Distributor::NotFollowed(_)
			| Distributor::NotCanonical { .. }
			| Distributor::Unproved(_)
			| Distributor::Stopped
			| Distributor::BrokeOff { .. } => Kind::Failure,
		};
		Self::new(kind, error)
	}
}

const fn certificate_kind(error: &CertificateError) -> Kind {
	match error {
		CertificateError::Half { .. } => Kind::Usage,
		_ => Kind::File,
	}
}

impl From<waybill_hub::Error> for Error {
	fn from(error: waybill_hub::Error) -> Self {
		use waybill_hub::Error as Hub;
		let kind = match error {
			Hub::Ipfs(cause) => return cause.into(),
			Hub::Zero(_) => Kind::Usage,
			Hub::Certificate(ref cause) => certificate_kind(cause),
			Hub::Disk(_) | Hub::InUse(_) => Kind::File,
			Hub::TooSlow => Kind::Unreachable,
			Hub::Listen { .. } | Hub::StatusListen { .. } | Hub::BrokeOff(_) | Hub::Stopped => Kind::Failure,
		};
		Self::new(kind, error)
	}
}

impl From<waybill_release::Error> for Error {
	fn from(error: waybill_release::Error) -> Self {
		use waybill_release::Error as Release;
		let message = match &error {
			Release::NotAStatement { .. } => {
				format!("{error}; `waybill vendor prepare` and `waybill vendor keys prepare` write them")
			},
			Release::NotSignatures(_) => format!("{error}; `waybill vendor sign` prints them"),
			Release::TooFew { .. } => format!("{error}; give more with --key or --signature"),
			_ => error.to_string(),
		};
		let kind = match error {
			Release::Keys(cause) => return cause.into(),
			Release::TooManyKeys(_) | Release::ImpossibleKeySet { .. } => Kind::Usage,
			Release::Digest { .. } => Kind::Failure,
			Release::OtherFirmware(_)
			| Release::OtherDigest(_)
			| Release::Stranger(_)
			| Release::BadSignature(_)
			| Release::TooFew { .. } => Kind::Check,
			Release::Read { .. }
			| Release::Write { .. }
			| Release::TooLarge { .. }
			| Release::Empty(_)
			| Release::TooLargeToDigest(_)
			| Release::NotAStatement { .. }
			| Release::Contradiction(_)
			| Release::UnsoundKeySet { .. }
			| Release::NotSignatures(_) => Kind::File,
		};
		Self::new(kind, message)
	}
}

/// Turns the errors of other crates into failures with a kind.
pub trait OrFail<T> {
	/// Adds a kind, and puts words before the cause.
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

	#[test]
	fn libraries_errors_should_keep_their_kinds_and_get_hints() {
		use waybill_device::{Error as Device, Frozen, RemoteFault};
		use waybill_distributor::Error as Distributor;
		use waybill_hub::Error as Hub;
		use waybill_release::Error as Release;

		let lost = || waybill_chain::Error::NoAnswer(std::time::Duration::from_secs(1));
		let frozen = |why: Option<Device>| Device::Frozen {
			frozen: Frozen { block: 1, age: String::new(), since_ms: waybill_daemon::clock::Time(0), cause: String::new() },
			why: why.map(Box::new),
		};
		let remote = |fault| Device::Remote { role: "hub", url: "http://hub/".into(), fault };
		let disk = || waybill_daemon::disk::failed("read", "file".as_ref())(std::io::Error::other("broken"));
		let cases: [(Error, Kind, &str); 16] = [
			(Device::OtherChain.into(), Kind::Check, "check --node"),
			(Device::NotBound("x".into()).into(), Kind::File, "waybill device bind"),
			(Device::NoDevice("x".into()).into(), Kind::File, "--state"),
			(Device::HalfAHub { set: "hub", missing: "hub_key" }.into(), Kind::Usage, "hub_key"),
			(Device::Chain(lost()).into(), Kind::Unreachable, "check --node"),
			(frozen(None).into(), Kind::Check, "frozen"),
			(frozen(Some(Device::Chain(lost()))).into(), Kind::Unreachable, "frozen"),
			(remote(RemoteFault::Busy).into(), Kind::Unreachable, "still"),
			(remote(RemoteFault::Unsigned).into(), Kind::Check, "signed"),
			(Device::Disk(disk()).into(), Kind::File, "cannot read file: broken"),
			(Distributor::Announce(lost()).into(), Kind::Unreachable, "announce"),
			(Distributor::Disk(disk()).into(), Kind::File, "cannot read file: broken"),
			(Distributor::Zero("x").into(), Kind::Usage, "at least 1"),
			(Hub::TooSlow.into(), Kind::Unreachable, "too long"),
			(Release::OtherFirmware("x".into()).into(), Kind::Check, "nothing was signed"),
			(Release::TooFew { have: 1, need: 2, whose: "the set" }.into(), Kind::Check, "--signature"),
		];
		for (error, kind, words) in cases {
			assert_eq!(error.kind(), kind, "{error}");
			assert!(error.to_string().contains(words), "{error}");
		}
		assert_eq!(Error::from(frozen(None)).name(), Some("StaleChainView"));
		let extrinsic = waybill_chain::Hash([7; 32]);
		let unsure = Error::from(waybill_chain::Error::Unsure { extrinsic, cause: Box::new(lost()) });
		assert_eq!(unsure.kind(), Kind::Unreachable);
		assert_eq!(unsure.done().unwrap()["extrinsic"], extrinsic.to_string());
	}
}
