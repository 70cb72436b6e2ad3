//! The state of a distributor, for people and programs.

use crate::{
	desk::Desk, error::Result, exchanges::Counts, health::Answers, insight::Insight, prove::Proved, report::Part,
	store::Earnings,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};
use waybill_chain::{
	ledger::{Ledger, State},
	Amount,
};
use waybill_daemon::clock::Time;
use waybill_primitives::{BlockNumber, BountyId, FleetId, ReleaseId, Version};

/// The state of a distributor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
	/// The account that the chain pays.
	pub account: String,
	/// The chain, by its genesis hash.
	pub genesis: String,
	/// The address that is announced on chain.
	pub endpoint: Option<String>,
	/// How many seconds it has run.
	pub uptime: u64,
	/// The newest final block.
	pub block: Option<BlockNumber>,
	/// Whether the chain's node answers.
	pub node: Answers,
	/// Whether kubo answers.
	pub kubo: Answers,
	/// The bounties that it serves or has served.
	pub bounties: Vec<BountyStatus>,
	/// The sums over all bounties.
	pub total: Total,
}

/// What a bounty, or all of them, brought and cost; amounts in the smallest units.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Total {
	/// Paid deliveries.
	pub devices: u32,
	/// What was paid for them.
	pub earned: String,
	/// Transaction fees.
	pub fees: String,
	/// Deliveries of which nobody can tell any more whether they were paid.
	#[serde(default)]
	pub unknown: u32,
}

/// The state of a bounty at a distributor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BountyStatus {
	/// The bounty.
	pub bounty: BountyId,
	/// Whether it serves devices.
	pub serving: bool,
	/// Its release.
	pub release: Option<ReleaseId>,
	/// The release's version.
	pub version: Option<Version>,
	/// Its fleet.
	pub fleet: Option<FleetId>,
	/// The block from which nothing can be reserved.
	pub expires_at: Option<BlockNumber>,
	/// The devices that have an offer and have not signed.
	pub offered: u32,
	/// The devices that have signed and are not reserved.
	pub signed: u32,
	/// The devices that are reserved and not claimed.
	pub reserved: u32,
	/// The devices whose key is public.
	pub revealed: u32,
	/// What it brought and cost.
	#[serde(flatten)]
	pub total: Total,
	/// What the newest proofs cost; `None` if none were made since the start.
	#[serde(default)]
	pub proved: Option<Proved>,
	/// Whether the configuration or the release rules it out. Then `trouble` says why.
	#[serde(default)]
	pub passed_over: bool,
	/// What is wrong.
	pub trouble: Option<String>,
}

impl From<Earnings> for Total {
	fn from(earnings: Earnings) -> Self {
		let Earnings { devices, earned, fees, unknown } = earnings;
		Self { devices, earned: earned.to_string(), fees: fees.to_string(), unknown }
	}
}

impl Status {
	/// The state of the distributor behind this desk.
	pub fn of<L: Ledger>(desk: &Desk<L>, insight: &Insight) -> Result<Self> {
		let about = &insight.about;
		let earnings: BTreeMap<_, _> = desk.store().earnings()?.into_iter().collect();
		let counts: BTreeMap<_, _> = desk.store().counts()?.into_iter().collect();
		let (troubles, passed) = (desk.book().troubles(), desk.book().passed());
		let served: BTreeMap<_, _> = desk.book().all().into_iter().map(|served| (served.bounty.id, served)).collect();
		let mut ids: Vec<BountyId> =
			served.keys().chain(earnings.keys()).chain(troubles.keys()).chain(passed.keys()).copied().collect();
		ids.sort_unstable();
		ids.dedup();
		let mut bounties = Vec::new();
		for bounty in ids {
			let Counts { offered, signed, reserved, revealed } = counts.get(&bounty).copied().unwrap_or_default();
			let served = served.get(&bounty);
			bounties.push(BountyStatus {
				bounty,
				serving: served.is_some() && desk.store().is_published(bounty)?,
				release: served.map(|served| served.release.id),
				version: served.map(|served| served.release.statement.version),
				fleet: served.map(|served| served.bounty.fleet),
				expires_at: served.map(|served| served.bounty.expires_at),
				offered,
				signed,
				reserved,
				revealed,
				total: earnings.get(&bounty).copied().unwrap_or_default().into(),
				proved: desk.book().proof(bounty),
				passed_over: passed.contains_key(&bounty),
				trouble: troubles.get(&bounty).or_else(|| passed.get(&bounty)).cloned(),
			});
		}
		Ok(Self {
			account: about.account.to_string(),
			genesis: about.genesis.to_string(),
			endpoint: about.endpoint.clone(),
			uptime: Time::now().0.saturating_sub(about.started_ms) / 1_000,
			block: desk.newest().borrow().as_ref().map(|state| state.head().number),
			node: insight.health.answers(Part::Node),
			kubo: insight.health.answers(Part::Kubo),
			bounties,
			total: earnings.into_values().fold(Earnings::default(), Earnings::plus).into(),
		})
	}
}

impl Total {
	fn amount(text: &str) -> Amount {
		Amount(text.parse().unwrap_or_default())
	}
}

impl fmt::Display for Total {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let (earned, fees) = (Self::amount(&self.earned), Self::amount(&self.fees));
		write!(f, "{} devices paid, earned {earned}, fees {fees}", self.devices)?;
		match self.unknown {
			0 => Ok(()),
			unknown => write!(f, ", payment of {unknown} devices unknown"),
		}
	}
}

impl fmt::Display for Status {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		writeln!(f, "account   {}", self.account)?;
		writeln!(f, "endpoint  {}", self.endpoint.as_deref().unwrap_or("not announced"))?;
		match self.block {
			Some(block) => writeln!(f, "block     {block}")?,
			None => writeln!(f, "block     none yet")?,
		}
		writeln!(f, "node      {}", self.node)?;
		writeln!(f, "kubo      {}", self.kubo)?;
		for bounty in &self.bounties {
			write!(f, "bounty {}: ", bounty.bounty)?;
			match (bounty.serving, bounty.version) {
				(true, Some(version)) => write!(f, "serving version {version}; ")?,
				_ => write!(f, "not served; ")?,
			}
			let BountyStatus { offered, signed, reserved, total, .. } = bounty;
			writeln!(f, "{offered} offered, {signed} signed, {reserved} reserved, {total}")?;
			if let Some(trouble) = &bounty.trouble {
				writeln!(f, "  {trouble}")?;
			}
		}
		write!(f, "total     {}", self.total)
	}
}
