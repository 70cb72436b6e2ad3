//! Prepares the content of bounties, several at once. Retries each that failed after a pause.

use crate::{
	book::Served,
	content::Content,
	desk::Desk,
	error::{Error, Result, Unwanted},
	insight::Insight,
	prove::Proved,
	report::Event,
	wanted::Limits,
};
use std::{
	collections::{BTreeSet, HashMap, HashSet},
	sync::Arc,
	time::{Duration, Instant},
};
use tokio::task::JoinSet;
use waybill_chain::{
	ledger::{Ledger, State},
	types::Bounty,
};
use waybill_primitives::BountyId;

const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The preparation of a bounty has ended.
struct Prepared {
	bounty: BountyId,
	result: Result<(Served, Option<Proved>)>,
}

/// A bounty whose preparation failed.
struct Retry {
	at: Instant,
	pause: Duration,
}

/// Prepares bounties, and puts them into the desk's book.
pub struct Preparing<L: Ledger> {
	desk: Arc<Desk<L>>,
	content: Content,
	limits: Arc<Limits>,
	insight: Arc<Insight>,
	tasks: JoinSet<Prepared>,
	under_way: HashSet<BountyId>,
	retries: HashMap<BountyId, Retry>,
}

impl<L: Ledger> Preparing<L> {
	/// Prepares nothing yet.
	pub fn new(desk: Arc<Desk<L>>, content: Content, limits: Limits, insight: Arc<Insight>) -> Self {
		let (tasks, under_way, retries) = (JoinSet::new(), HashSet::new(), HashMap::new());
		Self { desk, content, limits: Arc::new(limits), insight, tasks, under_way, retries }
	}

	/// Whether [`Self::finish`] has something to wait for.
	pub fn is_busy(&self) -> bool {
		!self.tasks.is_empty()
	}

	/// The bounties that it is preparing.
	pub const fn under_way(&self) -> &HashSet<BountyId> {
		&self.under_way
	}

	/// Prepares a bounty, unless that is under way or failed a short while ago.
	pub fn begin(&mut self, bounty: Bounty) {
		let tried = self.retries.get(&bounty.id).is_some_and(|retry| retry.at > Instant::now());
		if !self.limits.is_paid_enough(&bounty) {
			return self.pass_over(bounty.id, Unwanted::Reward(bounty.reward));
		}
		if tried || !self.under_way.insert(bounty.id) {
			return;
		}
		let Some(state) = self.desk.newest().borrow().clone() else { return };
		let (content, desk, limits) = (self.content.clone(), self.desk.clone(), self.limits.clone());
		self.tasks.spawn(async move {
			let id = bounty.id;
			let result = prepare(&content, &desk, &limits, &*state, bounty);
			Prepared { bounty: id, result: result.await }
		});
	}

	/// Tells once that the configuration or the release rules a bounty out.
	fn pass_over(&self, bounty: BountyId, why: Unwanted) {
		if self.desk.book().pass_over(bounty, why.to_string()) {
			tracing::info!(bounty, %why, "not served");
			self.insight.reporter.tell(&Event::PassedOver { bounty, why: why.to_string() });
		}
	}

	/// Forgets all bounties except these.
	pub fn keep(&mut self, open: &BTreeSet<BountyId>) {
		self.retries.retain(|bounty, _| open.contains(bounty));
	}

	/// Prepares a bounty again whose content IPFS has lost.
	pub fn again(&mut self, bounty: BountyId) {
		let Some(served) = self.desk.book().get(bounty) else { return };
		self.desk.book().trouble(bounty, Some("kubo has lost content for this bounty; making it again".into()));
		self.retries.remove(&bounty);
		self.begin(served.bounty.clone());
	}

	/// Waits until a bounty is ready or has failed, and notes which. Fails if the store did.
	pub async fn finish(&mut self) -> Result<()> {
		let Some(Ok(Prepared { bounty, result })) = self.tasks.join_next().await else { return Ok(()) };
		self.under_way.remove(&bounty);
		if !matches!(result, Err(Error::Unwanted(_))) {
			self.insight.tally.preparations.note(result.is_ok());
		}
		match result {
			Ok((served, proved)) => {
				if let Some(proved) = proved {
					self.desk.book().proved(bounty, proved);
				}
				let is_new = self.desk.book().get(bounty).is_none();
				if self.retries.remove(&bounty).is_some() || is_new {
					tracing::info!(bounty, release = served.release.id, devices = served.bounty.count, "serving");
				}
				if is_new {
					let (release, version) = (served.release.id, served.release.statement.version);
					let event = Event::TakenUp { bounty, release, version, devices: served.bounty.count };
					self.insight.reporter.tell(&event);
				}
				self.desk.book().trouble(bounty, None);
				self.desk.book().put(served);
			},
			Err(error) if error.is_store_failure() => return Err(error),
			Err(error) => {
				let pause = self.retries.get(&bounty).map_or(FIRST_PAUSE, |retry| (retry.pause * 2).min(LONGEST_PAUSE));
				match error {
					Error::Unwanted(why) => self.pass_over(bounty, why),
					error => {
						tracing::warn!(bounty, %error, ?pause, "cannot serve the bounty; will retry after a pause");
						self.desk.book().trouble(bounty, Some(error.to_string()));
					},
				}
				self.retries.insert(bounty, Retry { at: Instant::now() + pause, pause });
			},
		}
		Ok(())
	}
}

/// Checks that the configuration admits a bounty, fetches its manifest if that is missing, and
/// refills its content.
async fn prepare<L: Ledger>(
	content: &Content,
	desk: &Desk<L>,
	limits: &Limits,
	state: &L::State,
	bounty: Bounty,
) -> Result<(Served, Option<Proved>)> {
	let release = state.release(bounty.release).await?;
	let release = release.ok_or(waybill_chain::Error::NoRelease(bounty.release))?;
	limits.check(&bounty, &release)?;
	let manifest = match desk.book().get(bounty.id) {
		Some(served) => served.manifest.clone(),
		None => {
			let fleet = state.fleet(bounty.fleet).await?.ok_or(Error::NoFleet(bounty.fleet))?;
			Arc::new(content.manifest(&fleet.manifest, &bounty).await?)
		},
	};
	let proved = content.refill(bounty.id, &release).await?;
	Ok((Served { bounty, release, manifest }, proved))
}
