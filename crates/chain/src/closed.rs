//! What a closed bounty was. The chain's state no longer has it, but nodes keep older states.

use crate::{
	amount::Amount,
	api,
	blocks::is_pruned,
	connect::Chain,
	error::Result,
	types::{Bounty, Event},
	view::View,
};
use waybill_primitives::{BlockNumber, BountyId};

/// What a node knows about a bounty that its newest final state does not have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PastBounty {
	/// It was closed.
	Closed(Box<ClosedBounty>),
	/// It was closed before this block, and the node keeps no state from before.
	Forgotten(BlockNumber),
	/// It was never opened.
	Unknown,
}

/// A bounty at its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClosedBounty {
	/// Its state before it was closed, with what was paid in the block that closed it.
	pub bounty: Bounty,
	/// What its vendor got back; `None` if the node no longer has the block's events.
	pub refunded: Option<Amount>,
	/// The block in which it was closed.
	pub closed_at: BlockNumber,
}

/// Where a bounty stands in an older state.
enum Stand {
	/// It stands, or is not opened yet.
	Before(Option<Bounty>),
	/// It is closing, or gone.
	After,
}

impl Chain {
	/// Searches the states that the node keeps for a bounty that its newest final state does not
	/// have. Asks for a few states only: once a bounty is closed, it stays so.
	pub async fn past_bounty(&self, id: BountyId) -> Result<PastBounty> {
		let newest = self.finalized().await?;
		if next(&newest).await? <= id {
			return Ok(PastBounty::Unknown);
		}
		let (mut low, mut closed_at, mut last) = (0, newest.block().number, None);
		while closed_at.saturating_sub(low) > 1 {
			let middle = low.midpoint(closed_at);
			match self.stand(middle, id).await? {
				Some(Stand::After) => closed_at = middle,
				Some(Stand::Before(bounty)) => (low, last) = (middle, bounty),
				// The node no longer has this state. Older ones are gone, too.
				None => (low, last) = (middle, None),
			}
		}
		let Some(mut bounty) = last else { return Ok(PastBounty::Forgotten(closed_at)) };
		let block = self.block_id(closed_at).await?;
		let mut refunded = None;
		for event in self.events(&block).await?.unwrap_or_default() {
			match event {
				Event::BountyClosing { bounty, refunded: amount } if bounty == id => refunded = Some(amount),
				Event::Paid { bounty: paid, devices, .. } if paid == id => {
					bounty.paid = bounty.paid.saturating_add(devices);
				},
				_ => {},
			}
		}
		Ok(PastBounty::Closed(Box::new(ClosedBounty { bounty, refunded, closed_at })))
	}

	/// Where a bounty stands in the state after a final block; `None` if the node no longer has it.
	async fn stand(&self, number: BlockNumber, id: BountyId) -> Result<Option<Stand>> {
		let stand = async {
			let view = self.at(number).await?;
			let stand = match view.bounty(id).await? {
				Some(bounty) if bounty.closing => Stand::After,
				Some(bounty) => Stand::Before(Some(bounty)),
				None if next(&view).await? > id => Stand::After,
				None => Stand::Before(None),
			};
			Ok(Some(stand))
		};
		match stand.await {
			Err(error) if is_pruned(&error) => Ok(None),
			other => other,
		}
	}
}

/// The id of the bounty that is opened next.
async fn next(view: &View) -> Result<BountyId> {
	Ok(view.storage(api::storage().pod_bounty().next_bounty(), ()).await?.unwrap_or_default())
}
