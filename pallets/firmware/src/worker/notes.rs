//! What the worker remembers from run to run, in the node's off-chain storage.
//!
//! Off-chain storage knows nothing of forks, so a note on a release contains a hash of what was
//! released.

use codec::{Decode, Encode};
use sp_runtime::offchain::storage::StorageValueRef;
use waybill_primitives::{BlockNumber, Hash32, ReleaseId, ReleaseStatement, Verdict};

/// After this many failed attempts in a row a release counts as unreachable.
pub(super) const MAX_FAILURES: u32 = 5;

/// The longest pause before another attempt to reach the gateway, in blocks.
const MAX_GATEWAY_PAUSE: BlockNumber = 8;

/// The number of blocks in which a vote should be included. After that the worker sends it again.
const VOTE_PAUSE: BlockNumber = 10;

/// The pause in blocks after a number of failures in a row: 2, 4, 8, …
fn pause(failures: u32) -> BlockNumber {
	2u32.saturating_pow(failures).min(MAX_PAUSE)
}

/// The longest pause, in blocks. A note that asks for a longer one was written on a chain that has
/// been reverted.
const MAX_PAUSE: BlockNumber = 32;

/// Whether a pause until block `not_before` still lasts.
pub(super) fn is_waiting(not_before: BlockNumber, now: BlockNumber) -> bool {
	(1..=MAX_PAUSE).contains(&not_before.saturating_sub(now))
}

/// What to do about a release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Plan {
	/// Nothing.
	Wait,
	/// Send the vote again: it was not included in a block.
	VoteAgain(Verdict),
	/// Fetch the release and check it.
	Check,
}

/// What the worker has tried on a release.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub(super) struct Note {
	/// The hash of what was released.
	subject: Hash32,
	/// The round of the verdict.
	round: u32,
	/// What was found in that round.
	verdict: Option<Verdict>,
	/// Failed attempts in a row.
	pub(super) failures: u32,
	/// The block before which there is nothing to do. Once it has passed, it is the block since
	/// which the release waits; 0 if that is not known.
	pub(super) not_before: BlockNumber,
}

impl Note {
	/// Loads the note on a release. It is blank if there is none, or if the stored one is about
	/// another release with the same id.
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

	/// What to do in a round. A verdict is valid only for its own round; failed attempts are
	/// counted across rounds.
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

	/// Marks the release as waiting from `now` on, unless it waits already. Returns whether the
	/// note changed.
	pub(super) fn queue(&mut self, now: BlockNumber) -> bool {
		let waits = (1..=now).contains(&self.not_before);
		if !waits {
			self.not_before = now;
		}
		!waits
	}

	/// Records that an attempt failed.
	pub(super) fn failed(&mut self, now: BlockNumber) {
		self.failures = self.failures.saturating_add(1);
		self.not_before = now.saturating_add(pause(self.failures));
	}

	/// Records a verdict for which a vote is sent.
	pub(super) fn voted(&mut self, verdict: Verdict, now: BlockNumber) {
		self.verdict = Some(verdict);
		self.failures = 0;
		self.not_before = now.saturating_add(VOTE_PAUSE);
	}
}

/// What the worker has tried on the gateway.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub(super) struct GatewayNote {
	/// Failed attempts in a row.
	pub(super) failures: u32,
	/// The block before which the worker asks no gateway.
	pub(super) not_before: BlockNumber,
	/// Whose turn it is, if there are several: it counts failures and what gateways lacked.
	pub(super) turn: u32,
}

impl GatewayNote {
	const KEY: &'static [u8] = b"waybill/attest/gateway";

	pub(super) fn load() -> Self {
		StorageValueRef::persistent(Self::KEY).get().ok().flatten().unwrap_or_default()
	}

	pub(super) fn save(&self) {
		StorageValueRef::persistent(Self::KEY).set(self);
	}

	/// The note after one more failure of one of `gateways` gateways. The next block asks the next
	/// one. Once all have failed, there is a pause.
	pub(super) fn failed(&self, now: BlockNumber, gateways: usize) -> Self {
		let failures = self.failures.saturating_add(1);
		let gateways = u32::try_from(gateways).unwrap_or(u32::MAX).max(1);
		let pause = match failures.checked_rem(gateways) {
			Some(0) => pause(failures.checked_div(gateways).unwrap_or(failures)).min(MAX_GATEWAY_PAUSE),
			_ => 1,
		};
		Self { failures, not_before: now.saturating_add(pause), turn: self.turn.wrapping_add(1) }
	}

	/// Notes that the gateway whose turn it is answers. If it lacks something, another may have that.
	pub(super) fn answered(&mut self, is_lacking: bool) {
		*self = Self { turn: self.turn.wrapping_add(u32::from(is_lacking)), ..Self::default() };
	}
}

fn vendor_key<AccountId: Encode>(vendor: &AccountId) -> alloc::vec::Vec<u8> {
	(*b"waybill/attest/vendor/", vendor).encode()
}

/// The block after the last check of any of a vendor's releases. A value beyond the block after
/// `now` was written on a chain that has been reverted, and is ignored.
pub(super) fn next_turn<AccountId: Encode>(vendor: &AccountId, now: BlockNumber) -> BlockNumber {
	let stored = StorageValueRef::persistent(&vendor_key(vendor)).get::<BlockNumber>();
	stored.ok().flatten().filter(|next| *next <= now.saturating_add(1)).unwrap_or_default()
}

/// Records that one of a vendor's releases is checked in this block.
pub(super) fn take_turn<AccountId: Encode>(vendor: &AccountId, now: BlockNumber) {
	StorageValueRef::persistent(&vendor_key(vendor)).set(&now.saturating_add(1));
}

const CURSOR_KEY: &[u8] = b"waybill/attest/cursor";

/// The older release at which the next run continues.
pub(super) fn cursor() -> ReleaseId {
	StorageValueRef::persistent(CURSOR_KEY).get().ok().flatten().unwrap_or_default()
}

/// Stores the older release at which the next run continues.
pub(super) fn set_cursor(id: ReleaseId) {
	StorageValueRef::persistent(CURSOR_KEY).set(&id);
}
