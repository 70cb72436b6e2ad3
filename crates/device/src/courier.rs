//! The receipt: signing it, sending it to the distributor, and watching what becomes of it.

use crate::{
	context::{account, is_about_time, Context, Outcome},
	error::Result,
	failures::Failing,
	report::Event,
	room,
	trust::follow_keys,
};
use waybill_chain::ledger::State;
use waybill_daemon::clock::Time;
use waybill_exchange::{Observation, Terms};

/// Signs receipts, and sends them to their distributors.
#[derive(Default)]
pub(crate) struct Courier {
	/// Whether the distributor has said that it has the receipt.
	acknowledged: bool,
}

impl Courier {
	/// Signs the receipt, stores it, and sends it.
	pub async fn sign<S: State>(&mut self, context: &mut Context, state: &S, terms: &Terms) -> Result<Outcome> {
		if !follow_keys(context, state).await? {
			return Ok(Outcome::Wait);
		}
		// What is signed cannot be taken back, so the device makes sure that it can finish.
		room::check_terms(context, terms)?;
		let view = context.view(state, terms).await?;
		let unsent = match context.exchange.sign_receipt(context.home.key.signing_key(), &view, Time::now().0) {
			Ok(unsent) => unsent,
			Err(refusal) if is_about_time(refusal) => return Err(refusal.into()),
			Err(refusal) => {
				context.abandon()?;
				return Err(refusal.into());
			},
		};
		// No earlier block can contain the key.
		if context.exchange.awaited().count() == 1 || context.memory.searched == 0 {
			context.memory.searched = view.head.number;
			context.remember()?;
		}
		context.home.save_exchange(unsent.state())?;
		let valid_until = state.calendar().date(unsent.persisted().valid_until);
		context.memory.receipt_ends = Some((valid_until.number, valid_until.about));
		context.remember()?;
		context.reporter.tell(&Event::Signed { bounty: terms.bounty, distributor: account(terms), valid_until });
		self.acknowledged = false;
		self.send(context, state, terms).await;
		Ok(Outcome::Wait)
	}

	/// Checks how far the receipt has come on the chain.
	pub async fn watch<S: State>(&mut self, context: &mut Context, state: &S, terms: &Terms) -> Result<Outcome> {
		let view = context.view(state, terms).await?;
		let observation = context.exchange.observe(&view, Time::now().0)?;
		tracing::debug!(?observation, block = view.head.number, "receipt");
		match observation {
			Observation::Waiting => {
				self.send(context, state, terms).await;
				Ok(Outcome::Wait)
			},
			Observation::Reserved => {
				self.acknowledged = true;
				Ok(Outcome::Wait)
			},
			Observation::Paid => {
				context.save()?;
				Ok(Outcome::Again)
			},
			Observation::Lapsed => {
				context.save()?;
				context.reporter.tell(&Event::Lapsed { bounty: terms.bounty, distributor: account(terms) });
				let is_open =
					view.place.is_some_and(|place| !place.bounty.closing && view.head.number < place.bounty.expires_at);
				// Without its word that it has the receipt, the device may have failed to bring it.
				let failing = if self.acknowledged && is_open { Failing::BrokeItsWord } else { Failing::Silent };
				context.pause_distributor(state, terms, failing).await;
				Ok(Outcome::Again)
			},
		}
	}

	/// Sends the receipt, unless the distributor already has it.
	async fn send<S: State>(&mut self, context: &mut Context, state: &S, terms: &Terms) {
		let Ok(unsent) = context.exchange.receipt() else { return };
		if self.acknowledged || context.home.save_exchange(unsent.state()).is_err() {
			return;
		}
		let receipt = unsent.persisted();
		let announced = state.distributors().await.unwrap_or_default();
		let candidates = context.peers.ways(&announced, |candidate| context.made_offer(candidate, terms));
		for candidate in candidates {
			let made_offer = context.made_offer(&candidate, terms);
			match candidate.peer.receipt(&receipt).await {
				// Only the distributor that the receipt pays has a reason to keep it.
				Ok(()) if !made_offer => {},
				Ok(()) => {
					self.acknowledged = true;
					context.reporter.hindered_by("the distributor has the receipt; waiting for the key");
					context.reporter.tell(&Event::Acknowledged { bounty: terms.bounty, distributor: account(terms) });
					return;
				},
				Err(error) => {
					tracing::warn!(distributor = %candidate.peer.shown(), %error, "the distributor did not take the receipt");
					if made_offer {
						context.reporter.hindered_by(format_args!("the distributor did not take the receipt: {error}"));
					}
				},
			}
		}
	}
}
