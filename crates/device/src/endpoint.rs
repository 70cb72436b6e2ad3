//! Where a distributor may be: an address, and the accounts that announced it.

use crate::peer::Peer;
use waybill_chain::AccountId;

/// A distributor that can be asked.
#[derive(Clone, Debug)]
pub struct Candidate {
	/// Its account; `None` if only its address is configured. Its invitation then names the
	/// account.
	pub account: Option<AccountId>,
	/// The distributor at its address.
	pub peer: Peer,
}

/// An account, if it is known, and an address.
pub type Who = (Option<[u8; 32]>, String);

impl Candidate {
	/// The account and the address.
	pub fn who(&self) -> Who {
		(self.account.map(|account| account.0), self.peer.url().to_string())
	}
}

/// An address with those who announced it.
#[derive(Clone, Debug)]
pub struct Endpoint {
	/// Those who may be there, at least one.
	pub candidates: Vec<Candidate>,
	/// Whether the address may be private: somebody near configured it.
	pub may_be_private: bool,
}

impl Endpoint {
	/// The address without secrets, for messages.
	pub fn shown(&self) -> String {
		self.candidates.first().map(|candidate| candidate.peer.shown()).unwrap_or_default()
	}
}
