//! Prepares the content of bounties, several at once, in the order of the queue. Retries each that
//! failed after a pause.

use crate::{
	book::Served,
	content::Content,
	desk::Desk,
	error::{Error, Result, Unwanted},
	insight::Insight,
	prove::Proved,
	queue::Queue,
	report::Event,
	wanted::Limits,
};
use std::{
	collections::{BTreeSet, HashMap},
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
	took: Duration,
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
	queue: Queue,
	retries: HashMap<BountyId, Retry>,
}

impl<L: Ledger> Preparing<L> {
	/// Prepares nothing yet.
	pub fn new(desk: Arc<Desk<L>>, content: Content, limits: Limits, insight: Arc<Insight>) -> Self {
		let (tasks, queue, retries) = (JoinSet::new(), Queue::default(), HashMap::new());
		Self { desk, content, limits: Arc::new(limits), insight, tasks, queue, retries }
	}

	/// Whether [`Self::finish`] has something to wait for.
	pub fn is_busy(&self) -> bool {
		!self.tasks.is_empty()
	}

	/// Whether it is preparing a bounty.
	pub fn is_preparing(&self, bounty: BountyId) -> bool {
		self.queue.is_under_way(bounty)
	}

	/// Whether it is preparing nothing.
	pub fn is_idle(&self) -> bool {
		self.queue.is_idle()
	}

	/// Prepares a bounty when it is its turn, unless that is under way or failed a short while ago.
	/// One that is served already does not wait: its devices do.
	pub fn begin(&mut self, bounty: Bounty) {
		let tried = self.retries.get(&bounty.id).is_some_and(|retry| retry.at > Instant::now());
		if !self.limits.is_paid_enough(&bounty) {
			return self.pass_over(bounty.id, Unwanted::Reward(bounty.reward));
		}
		if tried || self.queue.is_under_way(bounty.id) {
			return;
		}
		match self.desk.book().get(bounty.id) {
			Some(_) => {
				self.queue.begin(&bounty);
				self.start(bounty);
			},
			None => self.queue.push(bounty),
		}
	}

	/// Begins with those whose turn it is. Call it after [`Self::begin`], once for all bounties.
	pub fn go_on(&mut self) {
		while let Some(bounty) = self.queue.next() {
			self.start(bounty);
		}
	}

	fn start(&mut self, bounty: Bounty) {
		let Some(state) = self.desk.newest().borrow().clone() else {
			return self.queue.end(bounty.id, Duration::ZERO);
		};
		let (content, desk, limits) = (self.content.clone(), self.desk.clone(), self.limits.clone());
		self.tasks.spawn(async move {
			let (id, begun) = (bounty.id, Instant::now());
			let result = prepare(&content, &desk, &limits, &*state, bounty).await;
			Prepared { bounty: id, took: begun.elapsed(), result }
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
		self.queue.retain(|bounty| open.contains(&bounty));
	}

	/// Prepares a bounty again whose content IPFS has lost.
	pub fn again(&mut self, bounty: BountyId) {
		let Some(served) = self.desk.book().get(bounty) else { return };
		self.desk.book().trouble(bounty, Some("kubo has lost content for this bounty; making it again".into()));
		self.retries.remove(&bounty);
		self.begin(served.bounty.clone());
		self.go_on();
	}

	/// Waits until a bounty is ready or has failed, and notes which. Fails if the store did.
	pub async fn finish(&mut self) -> Result<()> {
		let Some(Ok(Prepared { bounty, took, result })) = self.tasks.join_next().await else { return Ok(()) };
		self.queue.end(bounty, took);
		self.go_on();
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
	let is_known = |served: &Arc<Served>| (served.bounty.fleet, served.bounty.root) == (bounty.fleet, bounty.root);
	let manifest = match desk.book().all().into_iter().find(is_known) {
		// A fleet has one list, however many bounties it has.
		Some(served) => served.manifest.clone(),
		None => {
			let fleet = state.fleet(bounty.fleet).await?.ok_or(Error::NoFleet(bounty.fleet))?;
			Arc::new(content.manifest(&fleet.manifest, &bounty).await?)
		},
	};
	let proved = content.refill(bounty.id, &release).await?;
	Ok((Served { bounty, release, manifest }, proved))
}
