//! What can go wrong between a program and the chain.

use crate::types::Hash;
use std::time::Duration;
use waybill_primitives::{BlockNumber, ReleaseId};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong. Causes from other crates are kept as text.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
	/// The text is not the address of a node.
	#[error("{address}: {cause}; write for example ws://127.0.0.1:9944")]
	Address {
		/// The text.
		address: String,
		/// What is wrong with it.
		cause: String,
	},
	/// Nothing listens at the address.
	#[error("cannot reach a node at {url}: {cause}")]
	NoNode {
		/// The address.
		url: String,
		/// Why.
		cause: String,
	},
	/// Something listens at the address, but does not answer as a node does.
	#[error("{url} does not answer as a node does: {cause}")]
	NotANode {
		/// The address.
		url: String,
		/// What is strange.
		cause: String,
	},
	/// The node went away.
	#[error("lost the node at {url}: {cause}")]
	Lost {
		/// Its address.
		url: String,
		/// What was asked for, and how it ended.
		cause: String,
	},
	/// No node answered a question in time.
	#[error("no node answers: waited {} s", .0.as_secs())]
	NoAnswer(Duration),
	/// The node lacks something that every node has.
	#[error("the node at {url} has no {what}")]
	Lacking {
		/// Its address.
		url: String,
		/// What.
		what: &'static str,
	},
	/// The node serves a different chain.
	#[error("{url} serves a different chain (genesis {found}, expected {wanted})")]
	OtherChain {
		/// Its address.
		url: String,
		/// The hash of its chain's first block.
		found: Hash,
		/// The hash that was wanted.
		wanted: Hash,
	},
	/// The node's chain has a different runtime from the one that this program knows.
	#[error(
		"the node at {url} runs a different runtime from the one this program was built for ({cause}); install the \
		 release that matches the chain"
	)]
	OtherRuntime {
		/// Its address.
		url: String,
		/// What does not fit.
		cause: String,
	},
	/// The node answered with an error.
	#[error("the node at {url} answered: {cause}")]
	Answer {
		/// Its address.
		url: String,
		/// The error.
		cause: String,
	},
	/// The node has no such block, or no longer.
	#[error("the node has no block {0}")]
	NoBlock(BlockNumber),
	/// The chain has no such release.
	#[error("the chain has no release {0}")]
	NoRelease(ReleaseId),
	/// What the chain says makes no sense.
	#[error("{0}")]
	Nonsense(String),
	/// The chain refused the transaction, or the transaction failed in a block.
	#[error(transparent)]
	Refused(#[from] Refused),
	/// The transaction was not sent, because it was too late for it.
	#[error("not sent: the chain is at block {best}, past the last safe block {latest}")]
	TooLate {
		/// The node's best block.
		best: u64,
		/// The highest best block at which it would have been sent.
		latest: BlockNumber,
	},
	/// The transaction was sent, and what became of it is unknown.
	#[error("the transaction {extrinsic} was sent, but it is unknown whether it is in a block: {cause}")]
	Unsure {
		/// The transaction's hash.
		extrinsic: Hash,
		/// Why it is unknown.
		cause: Box<Error>,
	},
	/// The transaction is in no block and can no longer get into one.
	#[error("the transaction {0} did not get into a block; nothing was changed, try again")]
	NotIncluded(Hash),
}

/// The chain's refusal of a transaction.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
	/// The name of the error, such as `PodBounty.AlreadyPaid` or `Transaction.Payment`.
	pub name: String,
	/// What happened and what to do. Contains the name.
	pub message: String,
}

impl Error {
	/// Whether this is the chain's refusal of this name (`PodBounty.AlreadyPaid`).
	pub fn is_refusal(&self, name: &str) -> bool {
		matches!(self, Self::Refused(refused) if refused.name == name)
	}

	/// Whether another node, or the same one later, may answer.
	pub const fn is_unreachable(&self) -> bool {
		match self {
			Self::Unsure { cause, .. } => cause.is_unreachable(),
			Self::NoNode { .. } | Self::NotANode { .. } | Self::Lost { .. } | Self::NoAnswer(_) | Self::Lacking { .. } => {
				true
			},
			_ => false,
		}
	}

	/// This error, after a transaction was sent whose fate it leaves open.
	pub(crate) fn after(self, extrinsic: Hash) -> Self {
		match self {
			Self::Refused(_) | Self::NotIncluded(_) => self,
			cause => Self::Unsure { extrinsic, cause: Box::new(cause) },
		}
	}
}
