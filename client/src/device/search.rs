//! Finding the key that a claim has revealed.

use super::{
	agent::{account, refused, Agent},
	report::Event,
	reveal, view,
};
use crate::{
	chain::types::Event as ChainEvent,
	error::Result,
	ledger::{Ledger, State},
};
use waybill_exchange::{Refusal, Slot, Terms};
use waybill_primitives::{BlockNumber, LockKey};

/// So many blocks are looked through before distributors are asked.
const NEAR: BlockNumber = 64;
/// How many blocks are looked through in one step.
const STRIDE: BlockNumber = 512;

impl<L: Ledger> Agent<L> {
	/// Looks for the keys of receipts that were signed. Whether one was found.
	pub(super) async fn search_awaited(&mut self, state: &L::State) -> Result<bool> {
		let awaited: Vec<Terms> = self.exchange.awaited().cloned().collect();
		let mut paid = Vec::new();
		for terms in &awaited {
			if view::slot(state, terms.bounty, terms.device_index).await? == Slot::Paid {
				paid.push(terms.clone());
			}
		}
		let head = state.head().number;
		if paid.is_empty() {
			// Up to here no key is public.
			self.memory.searched = head;
			return Ok(false);
		}
		if head.saturating_sub(self.memory.searched) > NEAR && self.ask_for_keys(state, &paid).await? {
			return Ok(true);
		}
		let (from, to) = (self.memory.searched.saturating_add(1), head);
		for number in from..=to {
			if let Some(key) = self.look(number, &paid).await? {
				return self.take(&key, &paid, Some(number));
			}
			self.memory.searched = number;
			if number.saturating_sub(from) % STRIDE == STRIDE - 1 {
				self.home.save_memory(&self.memory)?;
			}
		}
		self.home.save_memory(&self.memory)?;
		self.ask_for_keys(state, &paid).await
	}

	/// Looks through one final block.
	async fn look(&self, number: BlockNumber, paid: &[Terms]) -> Result<Option<LockKey>> {
		let opens = |terms: &Terms, key: &LockKey| terms.release.digest.suite.lock(key) == terms.lock;
		if let Some(events) = self.ledger.events(number).await? {
			let keys = events.into_iter().filter_map(|event| match event {
				ChainEvent::KeyRevealed { bounty, device_index, key, .. } => Some((bounty, device_index, key)),
				_ => None,
			});
			for (bounty, index, key) in keys {
				if paid.iter().any(|terms| (terms.bounty, terms.device_index) == (bounty, index) && opens(terms, &key)) {
					return Ok(Some(key));
				}
			}
			return Ok(None);
		}
		// Nodes forget old states and their events, but not the blocks.
		let extrinsics = self.ledger.extrinsics(number).await?;
		Ok(paid.iter().find_map(|terms| reveal::find(terms.release.digest.suite, &terms.lock, &extrinsics)))
	}

	/// Asks who may remember: the node, then the distributors, each for its own keys first.
	async fn ask_for_keys(&mut self, state: &L::State, paid: &[Terms]) -> Result<bool> {
		for terms in paid {
			let key = self.ledger.revealed(terms.bounty, terms.device_index).await?;
			if key.is_some_and(|key| self.take(&key, paid, None).unwrap_or_default()) {
				return Ok(true);
			}
		}
		let announced = state.distributors().await?;
		for terms in paid {
			let mut candidates = self.peers.all(&announced);
			candidates
				.sort_by_key(|candidate| candidate.account.as_ref().is_none_or(|account| account.0 != terms.distributor));
			for candidate in candidates {
				match candidate.peer.key(terms.bounty, terms.device_index).await {
					Ok(revealed) if self.take(&revealed.key, paid, None)? => return Ok(true),
					Ok(_) => {},
					Err(error) => tracing::debug!(distributor = %candidate.peer.url(), %error, "no key"),
				}
			}
		}
		Ok(false)
	}

	/// Takes a key. Whether it opened a lock.
	fn take(&mut self, key: &LockKey, paid: &[Terms], block: Option<BlockNumber>) -> Result<bool> {
		let opened = paid.iter().find(|terms| terms.release.digest.suite.lock(key) == terms.lock);
		match self.exchange.key(key) {
			// That the distributor cheated is the exchange's next stage.
			Ok(()) | Err(Refusal::WrongContentKey) => {
				self.save()?;
				if let Some(terms) = opened {
					(self.tell)(&Event::Revealed { bounty: terms.bounty, distributor: account(terms), block });
				}
				Ok(true)
			},
			Err(Refusal::WrongKey) => Ok(false),
			Err(refusal) => Err(refused(refusal)),
		}
	}
}
