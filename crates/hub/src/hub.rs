//! The hub: answers queries.

use crate::{
	answer::Answer,
	book::{Book, Entry, Turn},
	config::Config,
	error::{Error, Result},
	report::{Event, Reporter},
	tally::Tally,
	work,
};
use std::{
	path::PathBuf,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::{Duration, Instant},
};
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;
use waybill_exchange::{Message, ProofFault, ProofQuery, ProofVerdict, SignedVerdict};
use waybill_ipfs_http::Gateway;
use waybill_keys::StatementKey;
use waybill_primitives::Hash32;
use waybill_zkcp::LockTable;

pub use crate::book::MAX_WORKING;

/// How long a device waits for a verdict before the hub tells it to ask again.
const LONG_POLL: Duration = Duration::from_secs(10);
/// How long a query rests after a check that found out nothing.
const REST: Duration = Duration::from_secs(20);

/// A hub.
pub struct Hub {
	gateway: Gateway,
	key: StatementKey,
	folder: PathBuf,
	max_payload: u64,
	min_rate: u64,
	places: Semaphore,
	book: Mutex<Book>,
	tally: Tally,
	reporter: Reporter,
	/// How long a query rests after a check that found out nothing.
	rest: Duration,
	stopped: CancellationToken,
}

impl Hub {
	/// A hub that works in this folder.
	pub fn new(gateway: Gateway, key: StatementKey, config: &Config, folder: PathBuf) -> Self {
		Self {
			gateway,
			key,
			folder,
			max_payload: config.max_payload,
			min_rate: config.min_rate,
			places: Semaphore::new(config.jobs),
			book: Mutex::default(),
			tally: Tally::default(),
			reporter: Reporter::default(),
			rest: REST,
			stopped: CancellationToken::new(),
		}
	}

	/// The same hub, with another rest for queries after a check that found out nothing.
	pub const fn resting(mut self, rest: Duration) -> Self {
		self.rest = rest;
		self
	}

	/// The same hub, which reports what it does.
	pub fn reporting(mut self, reporter: Reporter) -> Self {
		self.reporter = reporter;
		self
	}

	/// The gateways that it fetches from.
	pub const fn gateway(&self) -> &Gateway {
		&self.gateway
	}

	/// What happened since the start.
	pub(crate) const fn tally(&self) -> &Tally {
		&self.tally
	}

	/// How many checks run or wait.
	pub(crate) fn working(&self) -> usize {
		self.book().working()
	}

	/// Breaks off all work.
	pub fn stop(&self) {
		self.stopped.cancel();
	}

	/// Answers a query as soon as possible, and within some seconds.
	pub async fn ask(self: &Arc<Self>, query: ProofQuery) -> Answer {
		if let Err(fault) = query.check_sizes() {
			return self.verdict(&query, Err(fault));
		}
		if query.size > self.max_payload {
			return Answer::TooLarge;
		}
		// One check serves all groups of a table.
		let mut about = query.clone();
		about.group = 0;
		let id = about.id();
		let turn = self.book().ask(id, Instant::now());
		let mut work = match turn {
			Turn::Busy => return Answer::Busy,
			Turn::Entry(Entry::Working(work)) => work,
			Turn::Entry(ended) => return self.answer(&query, Some(&ended)),
			Turn::Begin(end) => {
				let work = end.subscribe();
				let hub = self.clone();
				tokio::spawn(async move {
					hub.work(id, about).await;
					drop(end);
				});
				work
			},
		};
		// An error means that the work has ended.
		let _ = timeout(LONG_POLL, work.changed()).await;
		let entry = self.book().get(&id, Instant::now()).cloned();
		self.answer(&query, entry.as_ref())
	}

	fn answer(&self, query: &ProofQuery, entry: Option<&Entry>) -> Answer {
		match entry {
			Some(Entry::Checked(outcome)) => {
				let group = outcome.as_ref().map_err(|fault| *fault);
				self.verdict(query, group.and_then(|table| table.group(query.group).ok_or(ProofFault::Lock)))
			},
			Some(Entry::Working(_)) => Answer::Pending,
			Some(Entry::Failed(_)) | None => Answer::Failed,
		}
	}

	fn verdict(&self, query: &ProofQuery, group: Result<Hash32, ProofFault>) -> Answer {
		Answer::Verdict(SignedVerdict::new(query, ProofVerdict::new(&group), self.key.signing_key()).to_cbor())
	}

	async fn work(&self, id: Hash32, query: ProofQuery) {
		let (begun, bytes, name) = (Instant::now(), query.size, hex::encode(id));
		let ended = tokio::select! {
			() = self.stopped.cancelled() => return,
			ended = self.check(id, query) => ended,
		};
		let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
		let holds = ended.as_ref().ok().map(Result::is_ok);
		self.tally.checked(holds, bytes, milliseconds);
		let entry = match ended {
			Ok(outcome) => {
				let fault = outcome.as_ref().err().map(ToString::to_string);
				tracing::info!(query = name, fault, "checked");
				self.reporter.tell(&Event::checked(name, bytes, outcome.as_ref().err(), milliseconds));
				Entry::Checked(outcome.map(Arc::new))
			},
			Err(error) => {
				tracing::warn!(query = name, %error, "no verdict");
				self.reporter.tell(&Event::NotChecked { query: name, why: error.to_string() });
				Entry::Failed(Instant::now() + self.rest)
			},
		};
		self.book().end(id, entry);
	}

	/// Checks the proofs of a query when its turn has come.
	async fn check(&self, id: Hash32, query: ProofQuery) -> Result<Result<LockTable, ProofFault>> {
		let _place = self.places.acquire().await.map_err(|_| Error::Stopped)?;
		tracing::info!(query = hex::encode(id), bytes = query.size, "checking");
		work::check(&self.gateway, self.min_rate, &self.folder, query, self.stopped.clone()).await
	}

	fn book(&self) -> MutexGuard<'_, Book> {
		self.book.lock().unwrap_or_else(PoisonError::into_inner)
	}
}
