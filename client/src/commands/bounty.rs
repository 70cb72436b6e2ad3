//! `waybill bounty …`

use super::{
	query::{self, BountyReport},
	Done,
};
use crate::{
	context::Context,
	error::{Error, Result},
	units::Expiry,
};
use clap::Subcommand;
use serde::Serialize;
use std::fmt;
use waybill_chain::{api, Amount, Chain, DatedBlock, Patience};
use waybill_primitives::{BountyId, DeviceIndex, FleetId, ReleaseId};

use api::pod_bounty::events;

/// How much of a bounty's storage one transaction removes.
const CLOSE_PAGES: u32 = 64;

/// The devices on one page of a bounty's bitmap.
const PAGE_DEVICES: u32 = 4_096;

/// The commands about bounties.
#[derive(Subcommand, Debug)]
pub enum Command {
	/// Offer a reward for each device of a fleet that receives a release
	///
	/// The chain holds the reward times the number of devices on the vendor's account. When the
	/// bounty is closed, the vendor gets back what nobody earned. The release must be available:
	/// `waybill query release` shows its state.
	Open {
		/// The release to deliver
		#[arg(long)]
		release: ReleaseId,
		/// The fleet to deliver it to
		#[arg(long)]
		fleet: FleetId,
		/// The reward for one device, in UNIT, such as 0.25
		#[arg(long)]
		reward: Amount,
		/// When it ends: a block (1200), or a time from now (90s, 30m, 12h, 14d, or 40blocks)
		#[arg(long)]
		expires: Expiry,
	},
	/// Raise a bounty's reward, or give it more time
	#[command(group(clap::ArgGroup::new("what").required(true).multiple(true)))]
	Raise {
		/// The bounty
		bounty: BountyId,
		/// The new reward for one device, in UNIT
		#[arg(long, group = "what")]
		reward: Option<Amount>,
		/// When it ends now: a block, or a time from now
		#[arg(long, group = "what")]
		expires: Option<Expiry>,
	},
	/// Close a bounty that has expired or is paid in full; the rest goes back to the vendor
	///
	/// Anyone can do this. A large bounty takes several transactions.
	Close {
		/// The bounty
		bounty: BountyId,
	},
	/// List the bounties that have not expired, or those for one release
	///
	/// A bounty for a yanked release takes no more reservations. Its money comes back when it is
	/// closed after its end.
	List {
		/// The bounties for this release
		#[arg(long)]
		release: Option<ReleaseId>,
	},
	/// Show a bounty; a closed one as far as the node keeps older states
	Show {
		/// The bounty
		bounty: BountyId,
	},
	/// List the devices that are not paid for yet, by their places in the fleet
	Unpaid {
		/// The bounty
		bounty: BountyId,
	},
}

/// Runs a command.
pub async fn run(command: Command, ctx: &Context) -> Result<()> {
	match command {
		Command::Open { release, fleet, reward, expires } => open(release, fleet, reward, expires, ctx).await,
		Command::Raise { bounty, reward, expires } => raise(bounty, reward, expires, ctx).await,
		Command::Close { bounty } => close(bounty, ctx).await,
		Command::List { release } => list(release, ctx).await,
		Command::Show { bounty } => show(bounty, ctx).await,
		Command::Unpaid { bounty } => unpaid(bounty, ctx).await,
	}
}

#[derive(Serialize)]
struct OpenReport {
	bounty: BountyId,
	release: ReleaseId,
	fleet: FleetId,
	devices: u32,
	reward: Amount,
	total: Amount,
	expires_at: DatedBlock,
}

impl fmt::Display for OpenReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let Self { bounty, release, devices, reward, total, expires_at, .. } = self;
		write!(
			f,
			"bounty {bounty}: {reward} for each of {devices} devices that receives release {release}, {total} on hold, "
		)?;
		write!(f, "until {expires_at}")
	}
}

async fn open(release: ReleaseId, fleet: FleetId, reward: Amount, expires: Expiry, ctx: &Context) -> Result<()> {
	let account = ctx.account()?;
	let chain = ctx.chain(Patience::Brief).await?;
	let view = chain.best().await?;
	let expires_at = expires.block(view.block().number, chain.block_time().await?);
	let ends = view.calendar().await?.date(expires_at);
	let _shown = ctx.progress.spinner("opening the bounty");
	let call = api::transactions().pod_bounty().open(release, fleet, reward.0, expires_at);
	let included = chain.submit(&account, &call, ctx.config.wait.into()).await?;
	let event: events::BountyOpened = included.one()?;
	let report = OpenReport {
		bounty: event.bounty,
		release,
		fleet,
		devices: event.devices,
		reward,
		total: Amount(reward.0.saturating_mul(event.devices.into())),
		expires_at: ends,
	};
	ctx.output.report(&Done::new(report, included.receipt()));
	Ok(())
}

#[derive(Serialize)]
struct RaiseReport {
	bounty: BountyId,
	reward: Amount,
	expires_at: DatedBlock,
}

impl fmt::Display for RaiseReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "bounty {}: {} for a device, until {}", self.bounty, self.reward, self.expires_at)
	}
}

async fn raise(bounty: BountyId, reward: Option<Amount>, expires: Option<Expiry>, ctx: &Context) -> Result<()> {
	let account = ctx.account()?;
	let chain = ctx.chain(Patience::Brief).await?;
	let view = chain.best().await?;
	let now = view.bounty(bounty).await?.ok_or_else(|| unknown(bounty))?;
	let reward = reward.unwrap_or(now.reward);
	let block_time = chain.block_time().await?;
	let expires_at = expires.map_or(now.expires_at, |expires| expires.block(view.block().number, block_time));
	let ends = view.calendar().await?.date(expires_at);
	let _shown = ctx.progress.spinner("raising the bounty");
	let call = api::transactions().pod_bounty().raise(bounty, reward.0, expires_at);
	let included = chain.submit(&account, &call, ctx.config.wait.into()).await?;
	ctx.output.report(&Done::new(RaiseReport { bounty, reward, expires_at: ends }, included.receipt()));
	Ok(())
}

#[derive(Serialize)]
struct CloseReport {
	bounty: BountyId,
	/// `None` if an earlier transaction had begun to close it.
	refunded: Option<Amount>,
	fee: Amount,
	transactions: Vec<waybill_chain::TxReport>,
}

impl fmt::Display for CloseReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let refunded = self.refunded.unwrap_or_default();
		write!(f, "bounty {} is closed, {refunded} went back to its vendor (fee {})", self.bounty, self.fee)
	}
}

async fn close(bounty: BountyId, ctx: &Context) -> Result<()> {
	let account = ctx.account()?;
	let chain = ctx.chain(Patience::Brief).await?;
	let shown = ctx.progress.spinner("closing the bounty");
	let mut report = CloseReport { bounty, refunded: None, fee: Amount(0), transactions: Vec::new() };
	loop {
		let call = api::transactions().pod_bounty().close(bounty, CLOSE_PAGES);
		let included = match chain.submit(&account, &call, ctx.config.wait.into()).await {
			Err(error) if error.is_refusal("PodBounty.NotExpired") => {
				return Err(too_early(error.into(), &chain, bounty).await)
			},
			// What was done before must not be lost.
			Err(error) if !report.transactions.is_empty() => return Err(Error::from(error).after(&report)),
			other => other?,
		};
		let closing: Vec<events::BountyClosing> = included.all()?;
		report.refunded = closing.first().map(|event| Amount(event.refunded)).or(report.refunded);
		report.fee.0 = report.fee.0.saturating_add(included.fee.0);
		report.transactions.push(included.receipt());
		if !included.all::<events::BountyClosed>()?.is_empty() {
			break;
		}
		shown.say(format!("closing the bounty, step {}", report.transactions.len() + 1));
	}
	ctx.output.report(&report);
	Ok(())
}

/// Adds to the chain's refusal when the bounty can be closed.
async fn too_early(error: Error, chain: &Chain, bounty: BountyId) -> Error {
	let Ok(view) = chain.best().await else { return error };
	let Ok(Some(info)) = view.bounty(bounty).await else { return error };
	let Ok(block_time) = chain.block_time().await else { return error };
	let Ok(calendar) = view.calendar().await else { return error };
	let left = block_time.about(info.expires_at.saturating_sub(view.block().number));
	let expires_at = calendar.date(info.expires_at);
	Error::refused("PodBounty.NotExpired", format!("{error}; it expires at {expires_at}, in {left}"))
}

#[derive(Serialize)]
struct ListReport {
	bounties: Vec<BountyReport>,
}

impl fmt::Display for ListReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		if self.bounties.is_empty() {
			return f.write_str("no bounties");
		}
		self.bounties.iter().try_for_each(|bounty| writeln!(f, "{bounty}"))
	}
}

async fn list(release: Option<ReleaseId>, ctx: &Context) -> Result<()> {
	let view = ctx.chain(Patience::Brief).await?.finalized().await?;
	let bounties = match release {
		Some(release) => view.bounties(release).await?,
		None => view.open_bounties().await?,
	};
	ctx.output.report(&ListReport { bounties: query::bounties(&view, bounties).await? });
	Ok(())
}

async fn show(bounty: BountyId, ctx: &Context) -> Result<()> {
	let chain = ctx.chain(Patience::Brief).await?;
	ctx.output.report(&query::bounty(&chain, &chain.finalized().await?, bounty).await?);
	Ok(())
}

#[derive(Serialize)]
struct UnpaidReport {
	bounty: BountyId,
	devices: u32,
	unpaid: Vec<DeviceIndex>,
}

impl fmt::Display for UnpaidReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		writeln!(f, "{} of {} devices of bounty {} are not paid for", self.unpaid.len(), self.devices, self.bounty)?;
		self.unpaid.iter().try_for_each(|index| writeln!(f, "{index}"))
	}
}

async fn unpaid(bounty: BountyId, ctx: &Context) -> Result<()> {
	let view = ctx.chain(Patience::Brief).await?.finalized().await?;
	let info = view.bounty(bounty).await?.ok_or_else(|| unknown(bounty))?;
	let mut unpaid = Vec::new();
	let mut first = 0;
	for page in 0.. {
		if first >= info.count {
			break;
		}
		// A page without paid devices may be absent.
		let bits = view.paid_page(bounty, page).await?.unwrap_or_default();
		let end = first.saturating_add(PAGE_DEVICES).min(info.count);
		unpaid.extend((first..end).filter(|index| !is_set(&bits, index.saturating_sub(first))));
		first = end;
	}
	ctx.output.report(&UnpaidReport { bounty, devices: info.count, unpaid });
	Ok(())
}

/// Whether a bit is set; the lowest bit of the first byte is the first.
fn is_set(bits: &[u8], place: u32) -> bool {
	let byte = usize::try_from(place / 8).ok().and_then(|byte| bits.get(byte));
	byte.is_some_and(|byte| byte >> (place % 8) & 1 == 1)
}

fn unknown(bounty: BountyId) -> Error {
	Error::not_found(format!(
		"there is no bounty {bounty}; closed ones are removed (`waybill bounty show {bounty}` looks for it)"
	))
}

#[cfg(test)]
mod tests {
	use super::is_set;

	#[test]
	fn bits_should_count_from_the_lowest() {
		let bits = [0b0000_0101, 0b1000_0000];
		let set: Vec<_> = (0..32).filter(|place| is_set(&bits, *place)).collect();
		assert_eq!(set, [0, 2, 15]);
	}
}
