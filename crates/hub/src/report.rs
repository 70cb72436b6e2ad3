//! A hub's events, for people and programs.

use serde::Serialize;
use std::fmt;
use waybill_exchange::ProofFault;

/// Something that happened to a hub.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
	/// It checked the proofs of an offer. Devices that ask get this verdict.
	Checked {
		/// The query's hash.
		query: String,
		/// The ciphertext's bytes.
		bytes: u64,
		/// Whether the proofs hold.
		holds: bool,
		/// Why they do not hold.
		fault: Option<String>,
		/// How long it took to fetch and to check them.
		milliseconds: u64,
	},
	/// It could not find out whether proofs hold, so devices get no verdict.
	NotChecked {
		/// The query's hash.
		query: String,
		/// Why.
		why: String,
	},
}

impl Event {
	/// The proofs of a query were checked.
	pub(crate) fn checked(query: String, bytes: u64, fault: Option<&ProofFault>, milliseconds: u64) -> Self {
		Self::Checked { query, bytes, holds: fault.is_none(), fault: fault.map(ToString::to_string), milliseconds }
	}
}

impl fmt::Display for Event {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Checked { query, bytes, fault: None, milliseconds, .. } => {
				write!(f, "checked {query}: the proofs of {bytes} bytes hold (checked by this hub in {milliseconds} ms)")
			},
			Self::Checked { query, fault: Some(fault), .. } => write!(f, "checked {query}: refused, because {fault}"),
			Self::NotChecked { query, why } => write!(f, "no verdict on {query}: {why}"),
		}
	}
}

/// Whom it tells its events.
pub type Reporter = waybill_daemon::Reporter<Event>;
