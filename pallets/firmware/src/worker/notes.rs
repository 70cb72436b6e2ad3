//! What the worker remembers from run to run, in the node's off-chain storage.
//!
//! Off-chain storage knows nothing of forks: a note on a release names what was released.

use codec::{Decode, Encode};
use sp_runtime::offchain::storage::StorageValueRef;
use waybill_primitives::{BlockNumber, Hash32, ReleaseId, ReleaseStatement, Verdict};

/// After how many failed attempts in a row a release is unreachable.
pub(super) const MAX_FAILURES: u32 = 5;

/// The most blocks between two attempts to reach a gateway that cannot be reached.
const MAX_GATEWAY_PAUSE: BlockNumber = 8;

/// How many blocks a vote has to get into one before it is sent again.
const VOTE_PAUSE: BlockNumber = 10;

/// 2, 4, 8, … blocks after the first, second, third, … failure in a row.
fn pause(failures: u32) -> BlockNumber {
	2u32.saturating_pow(failures).min(MAX_PAUSE)
}

/// The longest pause there is. A note that asks for a longer one is from a chain that is no more.
const MAX_PAUSE: BlockNumber = 32;

/// Whether a pause until block `not_before` is still on.
pub(super) fn is_waiting(not_before: BlockNumber, now: BlockNumber) -> bool {
	(1..=MAX_PAUSE).contains(&not_before.saturating_sub(now))
}

/// What to do about a release now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Plan {
	/// Nothing.
	Wait,
	/// Send the vote again, which did not get into a block.
	VoteAgain(Verdict),
	/// Fetch and check it.
	Check,
}

/// What was tried about a release.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub(super) struct Note {
	/// The release's content, hashed.
	subject: Hash32,
	/// The round of the verdict.
	round: u32,
	/// What was found in that round.
	verdict: Option<Verdict>,
	/// Failed attempts in a row.
	pub(super) failures: u32,
	/// The block before which nothing is to be done. When it is over: since when the release has waited, 0 if that is not known.
	pub(super) not_before: BlockNumber,
}

impl Note {
	/// The note on a release; a blank one if there is none, or if it is on another release with that id.
	pub(super) fn load(id: ReleaseId, statement: &ReleaseStatement) -> Self {
		let subject = sp_io::hashing::blake2_256(&statement.encode());
		let stored = StorageValueRef::persistent(&Self::key(id)).get::<Self>();
		let blank = Self { subject, round: 0, verdict: None, failures: 0, not_before: 0 };
		stored.ok().flatten().filter(|note| note.subject == subject).unwrap_or(blank)
	}

	pub(super) fn save(&self, id: ReleaseId) {
		StorageValueRef::persistent(&Self::key(id)).set(self);
	}

	fn key(id: ReleaseId) -> alloc::vec::Vec<u8> {
		(*b"waybill/attest/release/", id).encode()
	}

	/// What to do in a round. A verdict holds for its own round alone; failed attempts count on.
	pub(super) fn plan(&mut self, round: u32, now: BlockNumber) -> Plan {
		if self.round != round {
			if self.verdict.take().is_some() {
				self.failures = 0;
				self.not_before = 0;
			}
			self.round = round;
		}
		match self.verdict {
			_ if is_waiting(self.not_before, now) => Plan::Wait,
			Some(verdict) => Plan::VoteAgain(verdict),
			None => Plan::Check,
		}
	}

	/// Lets the release wait from now on unless it does already. Whether the note changed.
	pub(super) fn queue(&mut self, now: BlockNumber) -> bool {
		let waits = (1..=now).contains(&self.not_before);
		if !waits {
			self.not_before = now;
		}
		!waits
	}

	/// An attempt failed.
	pub(super) fn failed(&mut self, now: BlockNumber) {
		self.failures = self.failures.saturating_add(1);
		self.not_before = now.saturating_add(pause(self.failures));
	}

	/// There is a verdict, and a vote is sent.
	pub(super) fn voted(&mut self, verdict: Verdict, now: BlockNumber) {
		self.verdict = Some(verdict);
		self.failures = 0;
		self.not_before = now.saturating_add(VOTE_PAUSE);
	}
}

/// What was tried about the gateway.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub(super) struct GatewayNote {
	/// Failed attempts in a row.
	pub(super) failures: u32,
	/// The block before which it is not to be asked.
	pub(super) not_before: BlockNumber,
}

impl GatewayNote {
	const KEY: &'static [u8] = b"waybill/attest/gateway";

	pub(super) fn load() -> Self {
		StorageValueRef::persistent(Self::KEY).get().ok().flatten().unwrap_or_default()
	}

	pub(super) fn save(&self) {
		StorageValueRef::persistent(Self::KEY).set(self);
	}

	/// The note after one more failure.
	pub(super) fn failed(&self, now: BlockNumber) -> Self {
		let failures = self.failures.saturating_add(1);
		Self { failures, not_before: now.saturating_add(pause(failures).min(MAX_GATEWAY_PAUSE)) }
	}
}

fn vendor_key<AccountId: Encode>(vendor: &AccountId) -> alloc::vec::Vec<u8> {
	(*b"waybill/attest/vendor/", vendor).encode()
}

/// The block after that of the last check of any of a vendor's releases. A later one than that after `now` is from a chain that is no
/// more.
pub(super) fn next_turn<AccountId: Encode>(vendor: &AccountId, now: BlockNumber) -> BlockNumber {
	let stored = StorageValueRef::persistent(&vendor_key(vendor)).get::<BlockNumber>();
	stored.ok().flatten().filter(|next| *next <= now.saturating_add(1)).unwrap_or_default()
}

/// Remembers that one of a vendor's releases is checked in this block.
pub(super) fn take_turn<AccountId: Encode>(vendor: &AccountId, now: BlockNumber) {
	StorageValueRef::persistent(&vendor_key(vendor)).set(&now.saturating_add(1));
}

const CURSOR_KEY: &[u8] = b"waybill/attest/cursor";

/// The older release with which the next run goes on.
pub(super) fn cursor() -> ReleaseId {
	StorageValueRef::persistent(CURSOR_KEY).get().ok().flatten().unwrap_or_default()
}

/// Remembers the older release with which the next run goes on.
pub(super) fn set_cursor(id: ReleaseId) {
	StorageValueRef::persistent(CURSOR_KEY).set(&id);
}
