//! What every part of the settlement uses.

use super::rules::Rules;
use crate::{error::Result, report::Reporter, store::Store};
use waybill_chain::{
	ledger::{Payee, State},
	types::Reservation,
	Account,
};
use waybill_primitives::{BountyId, ReservationId};

/// The chain, the account that it pays, the store and the rules.
pub struct Context<L> {
	pub ledger: L,
	pub account: Account,
	pub store: Store,
	pub rules: Rules,
	pub reporter: Reporter,
}

impl<L: Payee> Context<L> {
	/// A reservation; `None` if it no longer stands or is not this distributor's.
	pub async fn standing(&self, state: &L::State, bounty: BountyId, id: ReservationId) -> Result<Option<Reservation>> {
		let found = state.reservation(bounty, id).await?;
		Ok(found.filter(|found| found.distributor == self.account.id()))
	}
}
