//! The reasons to yank a release, as arguments.

use waybill_primitives::Yank;

/// Why a release is yanked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Reason {
	/// It does not work as it should
	Faulty,
	/// It can be attacked
	Vulnerable,
	/// A stranger had a release key, or control of the build
	Compromised,
}

impl From<Reason> for Yank {
	fn from(reason: Reason) -> Self {
		match reason {
			Reason::Faulty => Self::Faulty,
			Reason::Vulnerable => Self::Vulnerable,
			Reason::Compromised => Self::Compromised,
		}
	}
}
