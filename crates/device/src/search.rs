//! Finding the key that a claim has revealed.

use crate::{
	context::{account, Context},
	error::Result,
	peers::Candidate,
	report::Event,
	reveal,
};
use std::{collections::HashMap, time::Instant};
use waybill_chain::{
	exchange_view,
	ledger::{Ledger, State},
	types::Event as ChainEvent,
};
use waybill_daemon::backoff::Backoff;
use waybill_exchange::{Refusal, Slot, Terms};
use waybill_primitives::{BlockNumber, Lock, LockKey};

/// So many blocks are looked through before distributors are asked.
const NEAR: BlockNumber = 64;
/// How many blocks are looked through in one step.
const STRIDE: BlockNumber = 512;

/// Whether the key of a contract may be public.
enum Chance {
	/// It is not.
	None,
	/// The device is paid for, through whichever distributor.
	Paid,
	/// The bounty is closing or gone: the chain no longer says.
	Over,
}

/// Looks for revealed keys.
#[derive(Default)]
pub(crate) struct Search {
	/// When nodes and distributors are asked again for a key, by its lock.
	asked: HashMap<Lock, Backoff>,
}

impl Search {
	/// Looks for the keys of receipts that were signed. Whether there is more to do at once.
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
			// Up to here no key is public.
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
				return take(context, state, &key, &sought, Some(number)).await;
			}
			context.memory.searched = number;
		}
		context.remember()?;
		if to < head {
			// Where it is not even certain that there is a key, the device does not wait for the search.
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

	/// Asks who may remember: the node, then the distributors, each for its own keys first. What nobody knew is asked for ever more
	/// rarely: a device that was paid for through another distributor may wait for ever.
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
			for candidate in context.peers.addresses(&announced, is_its_own) {
				match candidate.peer.key(terms.bounty, terms.device_index).await {
					Ok(revealed) if take(context, state, &revealed.key, sought, None).await? => return Ok(true),
					Ok(_) => {},
					Err(error) => tracing::debug!(distributor = %candidate.peer.url(), %error, "no key"),
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

/// Looks through one final block.
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
	// Nodes forget old states and their events; most keep the blocks.
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

/// Takes a key. Whether it opened a lock.
async fn take<S: State>(
	context: &mut Context,
	state: &S,
	key: &LockKey,
	sought: &[Terms],
	block: Option<BlockNumber>,
) -> Result<bool> {
	let opened = sought.iter().find(|terms| terms.release.digest.suite.lock(key) == Some(terms.lock));
	match context.exchange.key(key) {
		// That the distributor cheated is the exchange's next stage.
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
