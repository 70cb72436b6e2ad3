//! The off-chain worker: fetches releases from IPFS, checks them and votes.
//!
//! It runs on every node for each new best block, and does nothing on a node without an attester's
//! key. Its work is bounded: one run at a time, a limited number of releases in a run, and for each
//! release a deadline, a size and a number of blocks. Vendors take turns, and a check is cut short
//! while other releases wait, so no vendor's releases keep those of others waiting for long. The
//! node's off-chain storage keeps what the worker knows of earlier attempts.

mod fetch;
mod gateway;
mod notes;
mod payload;

use crate::{pallet::*, AttesterId, Phase, Release, Round};
use alloc::{collections::BTreeMap, string::String, vec, vec::Vec};
use fetch::{Checked, Failure};
use frame_system::{offchain::SubmitTransaction, pallet_prelude::BlockNumberFor};
use notes::{GatewayNote, Note, Plan, MAX_FAILURES};
use sp_io::offchain::timestamp;
use sp_runtime::{
	offchain::{
		storage::StorageValueRef,
		storage_lock::{BlockAndTime, StorageLock},
		Duration,
	},
	traits::{One, SaturatedConversion, Saturating},
	RuntimeAppPublic,
};
use waybill_primitives::{BlockNumber, ReleaseId, Statement, Verdict, VoteStatement};

/// The target of the worker's log lines.
pub const LOG_TARGET: &str = "waybill::attest";

/// The key in the node's persistent off-chain storage that holds the gateways' URLs, separated by
/// spaces, as a SCALE-encoded `Vec<u8>`.
pub const GATEWAY_KEY: &[u8] = b"waybill/ipfs-gateway";

/// The gateway of a node that has not set one.
pub const DEFAULT_GATEWAY: &str = "http://127.0.0.1:8080";

/// The lock of the current run.
const LOCK_KEY: &[u8] = b"waybill/attest/lock";

/// A run is dead once it has not renewed its lock for this long and for [`LOCK_BLOCKS`].
const LOCK_TIME: Duration = Duration::from_millis(30_000);
const LOCK_BLOCKS: u32 = 4;

/// A run starts no more checks after this time.
const RUN_TIME: Duration = Duration::from_millis(20_000);

/// The number of newest releases that each run looks at.
const NEWEST: u64 = 32;
/// The number of older releases that each run looks at. The next run continues after them.
const WINDOW: u64 = 128;

/// Does one run, for the best block `now`.
pub fn run<T: Config>(now: BlockNumberFor<T>) {
	let keys = own_keys::<T>();
	if keys.is_empty() {
		return;
	}
	let mut lock =
		StorageLock::<BlockAndTime<frame_system::Pallet<T>>>::with_block_and_time_deadline(LOCK_KEY, LOCK_BLOCKS, LOCK_TIME);
	let Ok(mut guard) = lock.try_lock() else {
		log::debug!(target: LOG_TARGET, "an earlier run is under way");
		return;
	};
	Run::<T> { keys, now: now.saturated_into(), _runtime: Default::default() }.go(&mut || guard.extend_lock().is_ok());
}

/// The keys in this node's keystore that are attesters now.
fn own_keys<T: Config>() -> Vec<AttesterId> {
	let attesters = Attesters::<T>::get();
	if attesters.is_empty() {
		return Vec::new();
	}
	AttesterId::all().into_iter().filter(|key| attesters.binary_search(key).is_ok()).collect()
}

/// The gateways' URLs. There is none if the stored text is not readable.
fn gateways() -> Vec<String> {
	match StorageValueRef::persistent(GATEWAY_KEY).get::<Vec<u8>>() {
		Ok(None) => vec![DEFAULT_GATEWAY.into()],
		Ok(Some(urls)) => String::from_utf8(urls).unwrap_or_default().split(' ').map(String::from).collect(),
		Err(_) => Vec::new(),
	}
}

/// The gateway of a turn; `None` if there is none.
fn in_its_turn(gateways: &[String], turn: u32) -> Option<&String> {
	let place = usize::try_from(turn).ok()?.checked_rem(gateways.len())?;
	gateways.get(place).filter(|url| !url.is_empty())
}

/// The time for a check while other releases wait, in milliseconds. It doubles with each failed
/// attempt. The last attempt, after which the release counts as unreachable, may take the payload's
/// whole time.
const FAIR_TIME: u64 = 10_000;

/// The time for a check while others wait, or `None` if it is not limited.
pub(crate) fn fair_time(failures: u32) -> Option<Duration> {
	let is_last = failures.saturating_add(1) >= MAX_FAILURES;
	(!is_last).then(|| Duration::from_millis(FAIR_TIME.saturating_mul(2u64.saturating_pow(failures))))
}

/// A release that waits for a vote of this node.
struct Due<T: Config> {
	id: ReleaseId,
	release: Release<T>,
	round: u32,
	voters: Vec<AttesterId>,
	note: Note,
}

/// Puts releases in the order of their turns.
///
/// Each vendor gets one release checked before any vendor gets a second. The vendor that has waited
/// longest comes first: since its release was due or since its last check, whichever is later. So
/// before a waiting release the worker checks at most one release of each other vendor, however
/// many they publish. Among a vendor's own releases, the one with the fewest failures comes first.
fn in_turn<T: Config>(mut due: Vec<Due<T>>, now: BlockNumber) -> Vec<Due<T>> {
	due.sort_by_key(|due| (due.note.failures, due.note.not_before, due.id));
	let mut turns = BTreeMap::<T::AccountId, u32>::new();
	let mut in_turn: Vec<_> = due
		.into_iter()
		.map(|due| {
			let next = turns.entry(due.release.vendor.clone()).or_default();
			let turn = *next;
			*next = turn.saturating_add(1);
			let since = due.note.not_before.max(notes::next_turn(&due.release.vendor, now));
			((turn, since, due.id), due)
		})
		.collect();
	in_turn.sort_by_key(|(order, _)| *order);
	in_turn.into_iter().map(|(_, due)| due).collect()
}

struct Run<T> {
	keys: Vec<AttesterId>,
	now: BlockNumber,
	_runtime: core::marker::PhantomData<T>,
}

impl<T: Config> Run<T> {
	/// Votes on the releases that are due. `renew` reports whether the run may go on.
	fn go(&self, renew: &mut dyn FnMut() -> bool) {
		let mut gateway_note = GatewayNote::load();
		if notes::is_waiting(gateway_note.not_before, self.now) {
			return;
		}
		let gateways = gateways();
		let end = timestamp().add(RUN_TIME);
		let (candidates, cursor) = self.candidates();
		// However far this run gets, the next one looks at other releases.
		if let Some(cursor) = cursor {
			notes::set_cursor(cursor);
		}
		let (mut votes, mut checks) = (Vec::new(), Vec::new());
		for (plan, due) in candidates.into_iter().filter_map(|id| self.due(id)) {
			match plan {
				Plan::Wait => {},
				Plan::VoteAgain(verdict) => votes.push((due, verdict)),
				Plan::Check => checks.push(due),
			}
		}
		for (mut due, verdict) in votes {
			if timestamp() >= end || !renew() {
				return;
			}
			self.settle(&mut due, verdict);
		}
		let mut waiting = in_turn(checks, self.now).into_iter();
		while let Some(mut due) = waiting.next() {
			if timestamp() >= end || !renew() {
				return;
			}
			let Some(gateway) = in_its_turn(&gateways, gateway_note.turn) else {
				log::error!(
					target: LOG_TARGET,
					"no vote: the IPFS gateways in off-chain storage are no UTF-8 text; restart the node with --ipfs-gateway",
				);
				return;
			};
			notes::take_turn(&due.release.vendor, self.now);
			let fair_time = if waiting.len() > 0 { fair_time(due.note.failures) } else { None };
			match fetch::check(gateway, &due.release.statement, fair_time, renew) {
				Err(Failure::Gateway(cause)) => {
					let note = gateway_note.failed(self.now, gateways.len());
					log::warn!(
						target: LOG_TARGET,
						"release {}: no vote: the IPFS gateway {gateway} is at fault: {cause}; next attempt at block {}",
						due.id,
						note.not_before,
					);
					// This release may be the one that breaks the gateway, so let others go first.
					due.note.not_before = note.not_before;
					due.note.save(due.id);
					note.save();
					return;
				},
				outcome => {
					let is_lacking = matches!(outcome, Err(Failure::Unfetched { .. })) && gateways.len() > 1;
					if gateway_note.failures > 0 || is_lacking {
						gateway_note.answered(is_lacking);
						gateway_note.save();
					}
					if let Some(verdict) = self.judge(&mut due, outcome) {
						self.settle(&mut due, verdict);
					}
				},
			}
		}
	}

	/// The releases that this run looks at, and the older release at which the next run continues.
	fn candidates(&self) -> (Vec<ReleaseId>, Option<ReleaseId>) {
		let next = NextReleaseId::<T>::get();
		let older = next.saturating_sub(NEWEST);
		let mut ids: Vec<ReleaseId> = (older..next).rev().collect();
		let cursor = notes::cursor().checked_rem(older).map(|start| {
			let end = start.saturating_add(WINDOW).min(older);
			ids.extend(start..end);
			end
		});
		(ids, cursor)
	}

	/// The release and what to do about it. `None` if it takes no votes in the next block, or if
	/// all of this node's keys have voted on it.
	fn due(&self, id: ReleaseId) -> Option<(Plan, Due<T>)> {
		let stored: Round<T> = Rounds::<T>::get(id)?;
		let next_block = frame_system::Pallet::<T>::block_number().saturating_add(One::one());
		let Phase::Open { number: round, .. } = stored.phase(next_block) else { return None };
		let voters: Vec<_> = self.keys.iter().filter(|key| !stored.has_voted(round, key)).cloned().collect();
		if voters.is_empty() {
			return None;
		}
		let release = Releases::<T>::get(id)?;
		let mut note = Note::load(id, &release.statement);
		let plan = note.plan(round, self.now);
		if plan == Plan::Check && note.queue(self.now) {
			note.save(id);
		}
		Some((plan, Due { id, release, round, voters, note }))
	}

	/// Stores the verdict and votes.
	fn settle(&self, due: &mut Due<T>, verdict: Verdict) {
		due.note.voted(verdict, self.now);
		due.note.save(due.id);
		self.vote(due, verdict);
	}

	/// Logs the outcome of a check and returns the verdict, if there is one yet.
	fn judge(&self, due: &mut Due<T>, outcome: Result<Checked, Failure>) -> Option<Verdict> {
		let Due { id, release: Release { statement, .. }, round, note, .. } = due;
		match outcome {
			Ok(Checked { blocks }) => {
				log::info!(
					target: LOG_TARGET,
					"release {id}, round {round}: available: {} bytes in {blocks} blocks checked",
					statement.size,
				);
				Some(Verdict::Available)
			},
			Err(Failure::Mismatch(cause)) => {
				log::warn!(target: LOG_TARGET, "release {id}, round {round}: not what it declares: {cause}");
				Some(Verdict::Mismatch)
			},
			Err(Failure::Unfetched { cid, cause }) => {
				note.failed(self.now);
				if note.failures >= MAX_FAILURES {
					log::warn!(
						target: LOG_TARGET,
						"release {id}, round {round}: unreachable after {MAX_FAILURES} attempts: block {cid}: {cause}",
					);
					return Some(Verdict::Unreachable);
				}
				log::warn!(
					target: LOG_TARGET,
					"release {id}, round {round}: attempt {} of {MAX_FAILURES} failed: block {cid}: {cause}; next at block {}",
					note.failures,
					note.not_before,
				);
				note.save(*id);
				None
			},
			Err(Failure::Superseded) => {
				log::warn!(target: LOG_TARGET, "release {id}, round {round}: the check outlived its lock; it does not count");
				None
			},
			// The caller counts these failures and logs them.
			Err(Failure::Gateway(_)) => None,
		}
	}

	/// Signs and sends a vote with each of this node's keys that has not voted.
	fn vote(&self, due: &Due<T>, verdict: Verdict) {
		let (release, round) = (due.id, due.round);
		let message = VoteStatement { release, round, verdict }.signing_bytes(&Pallet::<T>::genesis_hash());
		for attester in &due.voters {
			let Some(signature) = attester.sign(&message) else {
				log::error!(target: LOG_TARGET, "release {release}: no vote: the keystore did not sign with {attester:?}");
				continue;
			};
			let call = Call::attest { attester: attester.clone(), release, round, verdict, signature };
			let transaction = T::create_authorized_transaction(call.into());
			match SubmitTransaction::<T, Call<T>>::submit_transaction(transaction) {
				Ok(()) => log::debug!(target: LOG_TARGET, "release {release}, round {round}: voted {verdict:?}"),
				Err(()) => log::warn!(
					target: LOG_TARGET,
					"release {release}, round {round}: the transaction pool refused the vote {verdict:?}",
				),
			}
		}
	}
}
