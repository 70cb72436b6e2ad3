//! Finding the key that a claim has revealed.

use crate::{
	context::{account, Context},
	endpoint::Candidate,
	error::Result,
	report::Event,
	reveal,
};
use std::{collections::HashMap, time::Instant};
use waybill_chain::{
	exchange_view,
	ledger::{Ledger, State},
	types::Event as ChainEvent,
	DatedBlock,
};
use waybill_daemon::backoff::Backoff;
use waybill_exchange::{Refusal, Slot, Terms};
use waybill_primitives::{BlockNumber, Lock, LockKey};

/// The device searches up to this many blocks before it asks the node and the distributors. If
/// there are more, it asks first.
const NEAR: BlockNumber = 64;
/// How many blocks one step searches.
const STRIDE: BlockNumber = 512;

/// Whether the key of a contract may be public.
enum Chance {
	/// It cannot be.
	None,
	/// The device is paid for, through this distributor or another.
	Paid,
	/// The bounty is closing or gone, so the chain no longer says.
	Over,
}

/// How many blocks to search before the disk knows it: flash memory wears out.
const STORE_EVERY: BlockNumber = 256;

/// Looks for revealed keys.
#[derive(Default)]
pub(crate) struct Search {
	/// When to ask nodes and distributors again for a key, by its lock.
	asked: HashMap<Lock, Backoff>,
	/// Up to which block the disk knows of the search; `None` before the first time.
	stored: Option<BlockNumber>,
}

impl Search {
	/// Searches for the keys of signed receipts. Returns whether there is more to do at once.
	pub async fn run<L: Ledger>(&mut self, context: &mut Context, ledger: &L, state: &L::State) -> Result<bool> {
		let awaited: Vec<Terms> = context.exchange.awaited().cloned().collect();
		self.asked.retain(|lock, _| awaited.iter().any(|terms| terms.lock == *lock));
		context.memory.over.retain(|lock| awaited.iter().any(|terms| name(terms) == *lock));
		let (mut sought, mut over, mut is_paid) = (Vec::new(), Vec::new(), false);
		for terms in awaited {
			match chance(context, state, &terms).await? {
				Chance::None => continue,
				Chance::Paid => is_paid = true,
				Chance::Over => over.push(name(&terms)),
			}
			sought.push(terms);
		}
		let head = state.head().number;
		if sought.is_empty() {
			// No block up to here contains a key.
			context.memory.searched = head;
			return Ok(false);
		}
		if head.saturating_sub(context.memory.searched) > NEAR && self.ask(context, ledger, state, &sought).await? {
			return Ok(true);
		}
		let from = context.memory.searched.saturating_add(1);
		let to = head.min(context.memory.searched.saturating_add(STRIDE));
		for number in from..=to {
			if let Some(key) = look(ledger, number, &sought).await? {
				let block = state.calendar().date(number);
				return take(context, state, &key, &sought, Some(block)).await;
			}
			context.memory.searched = number;
		}
		let stored = *self.stored.get_or_insert(from.saturating_sub(1));
		if to.saturating_sub(stored) >= STORE_EVERY {
			context.remember()?;
			self.stored = Some(to);
		}
		if to < head {
			// The device waits for the search only if it is certain that there is a key.
			return Ok(is_paid);
		}
		if self.ask(context, ledger, state, &sought).await? {
			return Ok(true);
		}
		if !over.is_empty() {
			context.memory.over.extend(over);
			context.remember()?;
		}
		Ok(false)
	}

	/// Asks for the keys: first the node, then the distributor of the contract, wherever it may be. It
	/// asks more and more rarely for a key that nobody has: a device that was paid for through
	/// another distributor may wait for ever.
	async fn ask<L: Ledger>(
		&mut self,
		context: &mut Context,
		ledger: &L,
		state: &L::State,
		sought: &[Terms],
	) -> Result<bool> {
		let now = Instant::now();
		let is_due = |terms: &&Terms| self.asked.get(&terms.lock).is_none_or(|backoff| backoff.is_due(now));
		let due: Vec<&Terms> = sought.iter().filter(is_due).collect();
		if due.is_empty() {
			return Ok(false);
		}
		for terms in &due {
			if let Some(key) = ledger.revealed(terms.bounty, terms.device_index).await? {
				if take(context, state, &key, sought, None).await? {
					return Ok(true);
				}
			}
		}
		let announced = state.distributors().await?;
		for terms in &due {
			let is_its_own = |candidate: &Candidate| candidate.account.is_some_and(|account| account.0 == terms.distributor);
			for candidate in context.peers.ways(&announced, is_its_own) {
				match candidate.peer.key(terms.bounty, terms.device_index).await {
					Ok(revealed) if take(context, state, &revealed.key, sought, None).await? => return Ok(true),
					Ok(_) => {},
					Err(error) => tracing::debug!(distributor = %candidate.peer.shown(), %error, "no key"),
				}
			}
		}
		for terms in due {
			self.asked.entry(terms.lock).or_default().fail(Instant::now());
		}
		Ok(false)
	}
}

/// Whether the key may have become public.
async fn chance<S: State>(context: &Context, state: &S, terms: &Terms) -> Result<Chance> {
	let bounty = state.bounty(terms.bounty).await?;
	if bounty.is_some_and(|bounty| !bounty.closing) {
		let slot = exchange_view::slot(state, terms.bounty, terms.device_index).await?;
		return Ok(if slot == Slot::Paid { Chance::Paid } else { Chance::None });
	}
	// A node that lags behind may not know the bounty yet.
	let is_late = state.head().number < context.memory.searched;
	Ok(if is_late || context.memory.over.contains(&name(terms)) { Chance::None } else { Chance::Over })
}

/// Searches one final block.
async fn look<L: Ledger>(ledger: &L, number: BlockNumber, sought: &[Terms]) -> Result<Option<LockKey>> {
	let opens = |terms: &Terms, key: &LockKey| terms.release.digest.suite.lock(key) == Some(terms.lock);
	if let Some(events) = ledger.events(number).await? {
		let keys = events.into_iter().filter_map(|event| match event {
			ChainEvent::KeyRevealed { bounty, device_index, key, .. } => Some((bounty, device_index, key)),
			_ => None,
		});
		for (bounty, index, key) in keys {
			if sought.iter().any(|terms| (terms.bounty, terms.device_index) == (bounty, index) && opens(terms, &key)) {
				return Ok(Some(key));
			}
		}
		return Ok(None);
	}
	// Nodes drop old states and their events, but most keep the blocks.
	let extrinsics = match ledger.extrinsics(number).await {
		Ok(extrinsics) => extrinsics,
		Err(waybill_chain::Error::NoBlock(_)) => {
			tracing::debug!(number, "the node no longer has the block");
			return Ok(None);
		},
		Err(error) => return Err(error.into()),
	};
	Ok(sought.iter().find_map(|terms| reveal::find(terms.release.digest.suite, &terms.lock, &extrinsics)))
}

/// Takes a key. Returns whether it opened a lock.
async fn take<S: State>(
	context: &mut Context,
	state: &S,
	key: &LockKey,
	sought: &[Terms],
	block: Option<DatedBlock>,
) -> Result<bool> {
	let opened = sought.iter().find(|terms| terms.release.digest.suite.lock(key) == Some(terms.lock));
	match context.exchange.key(key) {
		// The exchange's next stage then reports that the distributor cheated.
		Ok(()) | Err(Refusal::WrongContentKey) => {
			context.save()?;
			if let Some(terms) = opened {
				context.reporter.tell(&Event::Revealed { bounty: terms.bounty, distributor: account(terms), block });
				context.praise_distributor(state, terms).await;
			}
			Ok(true)
		},
		Err(Refusal::WrongKey) => Ok(false),
		Err(refusal) => Err(refusal.into()),
	}
}

/// A contract's name in the device's memory.
fn name(terms: &Terms) -> String {
	hex::encode(terms.lock)
}
