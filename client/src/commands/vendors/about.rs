//! The properties of a release, as arguments.

use waybill_primitives::{ModelId, Suite, Version};
use waybill_release::Subject;

/// The algorithms by which a release is delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum SuiteName {
	/// SHA-256 and ChaCha20, without proofs; devices refuse it unless their own configuration takes
	/// it
	Plain,
	/// Algorithms for which a distributor proves that the ciphertext holds the release
	#[default]
	Zkcp,
}

impl From<SuiteName> for Suite {
	fn from(name: SuiteName) -> Self {
		match name {
			SuiteName::Plain => Self::Plain,
			SuiteName::Zkcp => Self::Zkcp,
		}
	}
}

/// The properties of a release besides its file.
#[derive(clap::Args, Clone, Debug)]
pub struct About {
	/// The model it is for
	#[arg(long)]
	pub model: ModelId,
	/// Its version, such as 1.0.2
	#[arg(long)]
	pub version: Version,
	/// Its security version; raise it when devices must never go back behind this release
	#[arg(long)]
	pub security_version: u32,
	/// The algorithms to deliver it by
	#[arg(long, value_enum, default_value_t)]
	pub suite: SuiteName,
}

impl From<&About> for Subject {
	fn from(about: &About) -> Self {
		let About { model, version, security_version, suite } = *about;
		Self { model, version, security_version, suite: suite.into() }
	}
}
