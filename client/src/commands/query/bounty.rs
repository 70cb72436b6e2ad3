//! Reports of bounties: those that stand, and those that were closed.

use crate::{
	commands::Address,
	error::{Error, Result},
};
use serde::Serialize;
use std::fmt::{self, Display, Formatter};
use waybill_chain::{types::Bounty, Amount, Calendar, Chain, ClosedBounty, DatedBlock, PastBounty, View};
use waybill_primitives::{view::ReleaseState, BlockNumber, BountyId, FleetId, ReleaseId};

/// A bounty.
#[derive(Serialize)]
pub struct BountyReport {
	bounty: BountyId,
	vendor: Address,
	release: ReleaseId,
	fleet: FleetId,
	devices: u32,
	paid: u32,
	reserved: u32,
	reward: Amount,
	held: Amount,
	expires_at: DatedBlock,
	exclusive_until: DatedBlock,
	closing: bool,
	/// Whether its release was yanked: nothing can be reserved any more.
	yanked: bool,
	/// From which block on it can be closed, which gives its vendor what is on hold. Later
	/// reservations and a raise can move it.
	closable_from: DatedBlock,
	#[serde(skip)]
	is_closable: bool,
}

impl BountyReport {
	fn new(bounty: Bounty, yanked: bool, calendar: &Calendar) -> Self {
		let closable_from = closable_from(&bounty);
		Self {
			bounty: bounty.id,
			vendor: Address(bounty.vendor),
			release: bounty.release,
			fleet: bounty.fleet,
			devices: bounty.count,
			paid: bounty.paid,
			reserved: bounty.reserved,
			reward: bounty.reward,
			held: bounty.held,
			expires_at: calendar.date(bounty.expires_at),
			exclusive_until: calendar.date(bounty.exclusive_until),
			closing: bounty.closing,
			yanked,
			closable_from: calendar.date(closable_from),
			is_closable: calendar.is_past(closable_from),
		}
	}
}

/// The first block in which a bounty can be closed, as the escrow decides it.
fn closable_from(bounty: &Bounty) -> BlockNumber {
	match (bounty.closing || bounty.paid >= bounty.count, bounty.reserved) {
		(true, _) => 0,
		(false, 0) => bounty.expires_at,
		(false, _) => bounty.expires_at.max(bounty.exclusive_until),
	}
}

impl Display for BountyReport {
	fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
		let yanked = if self.yanked { ", yanked" } else { "" };
		let closing = if self.closing { ", closing" } else { "" };
		writeln!(f, "bounty {}: release {} to fleet {}{yanked}{closing}", self.bounty, self.release, self.fleet)?;
		writeln!(f, "  vendor   {}", self.vendor)?;
		writeln!(f, "  devices  {}, {} paid, {} reserved", self.devices, self.paid, self.reserved)?;
		writeln!(f, "  reward   {} for a device, {} on hold", self.reward, self.held)?;
		writeln!(f, "  expires  at {}", self.expires_at)?;
		let close = format!("`waybill bounty close {}`", self.bounty);
		match (self.closing, self.is_closable) {
			(true, _) => writeln!(f, "  refund   done; {close} removes the rest of the bounty"),
			(false, true) => writeln!(f, "  refund   of what is on hold: now, by {close}"),
			(false, false) => writeln!(f, "  refund   of what nobody earned: by {close} from {} on", self.closable_from),
		}
	}
}

/// A bounty that was closed.
#[derive(Serialize)]
pub struct ClosedReport {
	bounty: BountyId,
	/// Always true: bounties that stand have no such field.
	closed: bool,
	vendor: Address,
	release: ReleaseId,
	fleet: FleetId,
	devices: u32,
	paid: u32,
	reward: Amount,
	refunded: Option<Amount>,
	closed_at: DatedBlock,
}

impl ClosedReport {
	fn new(closed: ClosedBounty, calendar: &Calendar) -> Self {
		let ClosedBounty { bounty, refunded, closed_at } = closed;
		Self {
			bounty: bounty.id,
			closed: true,
			vendor: Address(bounty.vendor),
			release: bounty.release,
			fleet: bounty.fleet,
			devices: bounty.count,
			paid: bounty.paid,
			reward: bounty.reward,
			refunded,
			closed_at: calendar.date(closed_at),
		}
	}
}

impl Display for ClosedReport {
	fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
		writeln!(f, "bounty {}: release {} to fleet {}, closed", self.bounty, self.release, self.fleet)?;
		writeln!(f, "  vendor   {}", self.vendor)?;
		writeln!(f, "  devices  {}, {} paid", self.devices, self.paid)?;
		writeln!(f, "  reward   {} for a device", self.reward)?;
		if let Some(refunded) = self.refunded {
			writeln!(f, "  refund   {refunded} went back to the vendor")?;
		}
		writeln!(f, "  closed   at {}", self.closed_at)
	}
}

/// A bounty, as far as the node knows it.
#[derive(Serialize)]
#[serde(untagged)]
pub enum AnyBounty {
	/// It stands.
	Standing(BountyReport),
	/// It was closed.
	Closed(ClosedReport),
}

impl Display for AnyBounty {
	fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
		match self {
			Self::Standing(report) => report.fmt(f),
			Self::Closed(report) => report.fmt(f),
		}
	}
}

/// A bounty, which may have been closed not long ago.
pub async fn bounty(chain: &Chain, view: &View, id: BountyId) -> Result<AnyBounty> {
	let calendar = view.calendar().await?;
	if let Some(found) = view.bounty(id).await? {
		return Ok(AnyBounty::Standing(report(view, found, &calendar).await?));
	}
	match chain.past_bounty(id).await? {
		PastBounty::Closed(closed) => Ok(AnyBounty::Closed(ClosedReport::new(*closed, &calendar))),
		PastBounty::Forgotten(before) => Err(Error::not_found(format!(
			"bounty {id} was closed before {}, and the node keeps no state from before; a node that runs with \
			 --state-pruning archive knows it",
			calendar.date(before)
		))),
		PastBounty::Unknown => {
			Err(Error::not_found(format!("there is no bounty {id} yet; `waybill bounty list` shows those that are open")))
		},
	}
}

/// Reports of bounties that stand.
pub async fn bounties(view: &View, found: Vec<Bounty>) -> Result<Vec<BountyReport>> {
	let calendar = view.calendar().await?;
	let mut reports = Vec::new();
	for bounty in found {
		reports.push(report(view, bounty, &calendar).await?);
	}
	Ok(reports)
}

async fn report(view: &View, bounty: Bounty, calendar: &Calendar) -> Result<BountyReport> {
	let release = view.release(bounty.release).await?;
	let yanked = release.is_some_and(|release| release.state == ReleaseState::Yanked);
	Ok(BountyReport::new(bounty, yanked, calendar))
}

#[cfg(test)]
mod tests {
	use super::*;
	use waybill_chain::AccountId;
	use waybill_primitives::{Digest, Suite};

	#[test]
	fn bounty_should_be_closable_when_the_escrow_says_so() {
		let bounty = Bounty {
			id: 1,
			vendor: AccountId([0; 32]),
			release: 0,
			fleet: 0,
			root: [0; 32],
			digest: Digest { suite: Suite::Plain, bytes: [0; 32] },
			reward: Amount(1),
			count: 3,
			paid: 1,
			reserved: 0,
			held: Amount(2),
			expires_at: 100,
			exclusive_until: 120,
			closing: false,
		};
		assert_eq!(closable_from(&bounty), 100);
		assert_eq!(closable_from(&Bounty { reserved: 1, ..bounty.clone() }), 120);
		assert_eq!(closable_from(&Bounty { paid: 3, ..bounty.clone() }), 0);
		assert_eq!(closable_from(&Bounty { closing: true, ..bounty }), 0);
	}
}
