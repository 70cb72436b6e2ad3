//! The running distributor: follows the chain, prepares content, serves devices, settles.

use crate::{
	book::Served,
	config::Config,
	content::Content,
	desk::{Desk, Newest},
	error::{Error, Result},
	health::Health,
	http::router,
	insight::{About, Insight},
	operators::{status_router, MAX_CONNECTIONS},
	preparing::Preparing,
	report::{Event, Part, Reporter},
	rescue,
	settle::{Margins, Rules, Settler},
	upkeep::{Done, Upkeep},
	wanted::Limits,
};
use std::{collections::BTreeSet, fmt, future::Future, sync::Arc, time::Duration};
use tokio::{
	net::TcpListener,
	sync::watch,
	task::JoinSet,
	time::{interval, interval_at, Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use waybill_chain::{
	ledger::{Ledger, Payee, State},
	types::{Bounty, Hash},
	Account,
};
use waybill_daemon::{
	backoff::Backoff,
	clock::Time,
	descriptors,
	disk::{self, failed},
	serve, Listening, Socket, StatusListen,
};
use waybill_ipfs_http::{Gateway, Kubo};
use waybill_primitives::{view::ReleaseState, BlockNumber, BountyId, ReleaseId};

/// How often to look at waiting receipts between blocks.
const TICK: Duration = Duration::from_millis(500);
/// How long to wait before asking a node again after it gave no answer.
const NODE_PAUSE: Duration = Duration::from_secs(3);
/// How long to keep a bounty's public keys after it is gone from the chain: a month.
const KEEP_KEYS: Duration = Duration::from_secs(30 * 24 * 3_600);

/// How often to look whether kubo answers.
const KUBO_PAUSE: Duration = Duration::from_secs(15);

/// How long after a start to look for lost content, at the latest.
const FIRST_CHECK: Duration = Duration::from_secs(60);
/// How long to wait before beginning anew after a failure, as of the disk.
const PAUSE: Duration = Duration::from_secs(10);

/// The parts of a distributor.
#[derive(Clone, Debug)]
pub struct Parts<L> {
	/// The chain.
	pub ledger: L,
	/// The account that the chain pays.
	pub account: Account,
	/// The gateway that payloads come from.
	pub gateway: Gateway,
	/// The node that ciphertexts go to.
	pub kubo: Kubo,
	/// The configuration.
	pub config: Config,
	/// Who is told what happens.
	pub reporter: Reporter,
}

/// A distributor that listens.
struct Started<L: Payee> {
	service: Service<L>,
	newest: watch::Sender<Option<Arc<L::State>>>,
	listener: TcpListener,
	/// For operators.
	status: Option<TcpListener>,
	kubo: Kubo,
	/// Who announces the address.
	account: Account,
}

struct Service<L: Payee> {
	desk: Arc<Desk<L>>,
	insight: Arc<Insight>,
	content: Content,
	preparing: Preparing<L>,
	upkeep: Upkeep,
	settler: Settler<L>,
	/// [`KEEP_KEYS`] in blocks.
	keep_keys: BlockNumber,
	/// How often to look whether kubo still has the content.
	check_content: Duration,
}

/// Runs until `stop` completes. Calls `ready` with the addresses that it serves on.
///
/// It stops at once, whatever it waits for: the store is whole after every step. When the disk is
/// full, or fails later, it begins anew after a pause.
pub async fn run<L: Payee>(
	mut parts: Parts<L>,
	ready: impl FnOnce(Listening),
	stop: impl Future<Output = ()>,
) -> Result<()> {
	tokio::pin!(stop);
	let (mut ready, mut is_damaged) = (Some(ready), false);
	loop {
		let mut listens = None;
		let began = |addresses: Listening| {
			listens = Some(addresses);
			if let Some(ready) = ready.take() {
				ready(addresses);
			}
		};
		match run_once(parts.clone(), &mut is_damaged, began, &mut stop).await {
			// The store takes nothing more after a failed write, so it has to be opened again.
			Err(error) if error.is_full_disk() || ready.is_none() && !error.needs_a_person() => {
				tracing::error!(%error, pause = ?PAUSE, "beginning anew after a pause");
				is_damaged |= error.is_damage();
			},
			ended => return ended,
		}
		// Devices and operators know these addresses, whatever ports the configuration leaves open.
		if let Some(Listening { listen, status }) = listens {
			parts.config.listen = listen;
			parts.config.status_listen = status.map_or(parts.config.status_listen, StatusListen::At);
		}
		tokio::select! {
			() = &mut stop => return Ok(()),
			() = tokio::time::sleep(PAUSE) => {},
		}
	}
}

async fn run_once<L: Payee>(
	parts: Parts<L>,
	is_damaged: &mut bool,
	ready: impl FnOnce(Listening),
	mut stop: impl Future<Output = ()> + Unpin,
) -> Result<()> {
	let (ledger, max_connections, listen) = (parts.ledger.clone(), parts.config.max_connections, parts.config.listen);
	let started = tokio::select! {
		biased;
		() = &mut stop => return Ok(()),
		started = start(parts, is_damaged) => started?,
	};
	let Started { mut service, newest, listener, status, kubo, account } = started;
	let unknown = |cause| Error::Listen { address: listen, cause };
	let status_address = status.as_ref().map(TcpListener::local_addr).transpose().map_err(unknown)?;
	let addresses = Listening { listen: listener.local_addr().map_err(unknown)?, status: status_address };
	let (desk, insight) = (service.desk.clone(), service.insight.clone());
	let mut watchers = JoinSet::new();
	watchers.spawn(announce(ledger.clone(), account, insight.clone()));
	watchers.spawn(follow(ledger, newest, insight.clone()));
	watchers.spawn(watch_kubo(kubo, insight.clone()));
	// Connections hold the store, so both servers end in good order.
	let (stopped, mut servers) = (CancellationToken::new(), JoinSet::new());
	if let Some(status) = status {
		let router = status_router(desk.clone(), insight.clone());
		servers.spawn(serve(status, router, MAX_CONNECTIONS, stopped.clone().cancelled_owned()));
	}
	let socket = Socket::new(listener, insight.certificate.clone());
	servers.spawn(serve(socket, router(desk, insight), max_connections, stopped.clone().cancelled_owned()));
	ready(addresses);
	let result = tokio::select! {
		biased;
		() = &mut stop => Ok(()),
		result = service.run() => result,
	};
	watchers.shutdown().await;
	stopped.cancel();
	while servers.join_next().await.is_some() {}
	result
}

/// Opens the store, and starts everything that needs the chain or IPFS. The store is replaced if it
/// is damaged.
async fn start<L: Payee>(parts: Parts<L>, is_damaged: &mut bool) -> Result<Started<L>> {
	let Parts { ledger, account, gateway, kubo, config, reporter } = parts;
	config.check()?;
	descriptors::allow(config.max_connections);
	let certificate = config.certificate()?;
	let data = &config.data;
	disk::folder(data).map_err(failed("make", data))?;
	let health = Health::new(reporter.clone());
	let genesis = insist(&health, || ledger.genesis(), waybill_chain::Error::is_unreachable).await?;
	let store = match *is_damaged {
		true => rescue::renew_store(data, &genesis, &account.id().0)?,
		false => rescue::open_store(data, &genesis, &account.id().0)?,
	};
	*is_damaged = false;
	let content = Content::new(gateway.clone(), kubo.clone(), store.clone(), genesis, account.id().0, &config)?;
	tracing::info!(account = %account.id(), "starting");

	let listener = TcpListener::bind(config.listen).await;
	let listener = listener.map_err(|cause| Error::Listen { address: config.listen, cause })?;
	let status = config.status_listen.open(config.listen).await;
	let status = status.map_err(|(address, cause)| Error::StatusListen { address, cause })?;
	let max_batch =
		insist(&health, || ledger.max_batch(), waybill_chain::Error::is_unreachable).await?.min(config.max_batch);
	let block_time = insist(&health, || ledger.block_time(), waybill_chain::Error::is_unreachable).await?;
	let margins = Margins::new(block_time);
	let rules = Rules {
		margins,
		max_batch: usize::try_from(max_batch).unwrap_or(usize::MAX),
		max_delay: config.max_delay(),
		late_margin: block_time.blocks(config.late_margin()).max(margins.last_blocks + 1),
		claim_late: config.claim_late,
		claim_tip_percent: config.claim_tip_percent,
		max_block_age: config.max_block_age(),
	};
	let about = About {
		account: account.id(),
		genesis: Hash(genesis),
		endpoint: config.announce.clone(),
		started_ms: Time::now().0,
	};
	let mut insight = Insight::new(about, reporter);
	insight.health = health;
	insight.gateway = Some(gateway);
	insight.certificate = certificate;
	insight.max_block_age = config.max_block_age();
	let insight = Arc::new(insight);
	let settler = Settler::new(ledger.clone(), account.clone(), store.clone(), rules).watched(insight.clone());
	let (newest, following) = watch::channel(None);
	let min_receipt = block_time.blocks(config.min_receipt());
	let desk = Arc::new(Desk::new(genesis, &account.id(), store, following, min_receipt));
	let preparing = Preparing::new(desk.clone(), content.clone(), Limits::new(&config)?, insight.clone());
	let (keep_keys, check_content) = (block_time.blocks(KEEP_KEYS), config.check_content());
	let upkeep = Upkeep::new(content.clone());
	let service = Service { desk, insight, content, preparing, upkeep, settler, keep_keys, check_content };
	Ok(Started { service, newest, listener, status, kubo, account })
}

/// Asks again until the node answers. One that is away at the start does not end the distributor.
/// `is_away` says whether that is what an error means.
async fn insist<T, E: fmt::Display, F>(health: &Health, mut ask: impl FnMut() -> F, is_away: fn(&E) -> bool) -> Result<T, E>
where
	F: Future<Output = Result<T, E>>,
{
	loop {
		match ask().await {
			Err(error) if is_away(&error) => {
				health.down(Part::Node, &error);
				tokio::time::sleep(NODE_PAUSE).await;
			},
			answer => {
				health.up(Part::Node);
				return answer;
			},
		}
	}
}

/// Announces the configured address, if there is one. Neither what is due on the chain nor devices
/// that know the address wait for it.
async fn announce<L: Payee>(ledger: L, account: Account, insight: Arc<Insight>) {
	let Some(endpoint) = &insight.about.endpoint else { return };
	// What the chain refuses it for, such as a lack of money, may pass.
	let mut backoff = Backoff::default();
	while let Err(error) =
		insist(&insight.health, || ensure_announced(&ledger, &account, endpoint), Error::is_unreachable).await
	{
		let now = std::time::Instant::now();
		backoff.fail(now);
		let pause = backoff.due_in(now);
		tracing::error!(%error, ?pause, "the address is not announced; trying again after a pause");
		tokio::time::sleep(pause).await;
	}
}

/// Announces the address, unless the chain already has it.
async fn ensure_announced<L: Payee>(ledger: &L, account: &Account, endpoint: &str) -> Result<()> {
	let announced = ledger.newest().await?.distributors().await?;
	let mine = announced.iter().find(|distributor| distributor.account == account.id());
	if mine.is_some_and(|distributor| distributor.endpoint == endpoint.as_bytes()) {
		return Ok(());
	}
	let block = ledger.announce(account, endpoint).await.map_err(Error::Announce)?;
	tracing::info!(endpoint, block, "announced");
	Ok(())
}

/// Why a bounty is not served any more.
fn over(bounty: Option<&Bounty>) -> &'static str {
	match bounty {
		None => "it is closed",
		Some(bounty) if bounty.closing => "it is closing",
		Some(bounty) if bounty.paid >= bounty.count => "all its devices are paid for",
		Some(_) => "it has expired",
	}
}

/// Hands out every newest final state.
async fn follow<L: Ledger>(ledger: L, newest: watch::Sender<Option<Arc<L::State>>>, insight: Arc<Insight>) {
	let mut number: Option<BlockNumber> = None;
	loop {
		let state = match number {
			Some(number) => ledger.above(number).await,
			None => ledger.newest().await,
		};
		match state {
			Ok(state) => {
				insight.health.up(Part::Node);
				number = Some(state.head().number);
				if newest.send(Some(Arc::new(state))).is_err() {
					return;
				}
			},
			Err(error) => {
				insight.health.down(Part::Node, &error);
				tokio::time::sleep(NODE_PAUSE).await;
			},
		}
	}
}

/// Looks from time to time whether kubo answers.
async fn watch_kubo(kubo: Kubo, insight: Arc<Insight>) {
	loop {
		match kubo.probe().await {
			Ok(()) => insight.health.up(Part::Kubo),
			Err(error) => insight.health.down(Part::Kubo, &error),
		}
		tokio::time::sleep(KUBO_PAUSE).await;
	}
}

impl<L: Payee> Service<L> {
	async fn run(&mut self) -> Result<()> {
		let mut newest: Newest<L::State> = self.desk.newest().clone();
		// Soon after a start there is something to look for.
		let mut check = interval_at(Instant::now() + self.check_content.min(FIRST_CHECK), self.check_content);
		check.set_missed_tick_behavior(MissedTickBehavior::Delay);
		let mut tick = interval(TICK);
		tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
		let desk = self.desk.clone();
		let trouble = |bounty, words| desk.book().trouble(bounty, words);
		loop {
			tokio::select! {
				changed = newest.changed() => {
					changed.map_err(Error::NotFollowed)?;
					let state = newest.borrow_and_update().clone();
					let Some(state) = state else { continue };
					if self.settler.admits(&state)? {
						match self.on_block(&state).await {
							Err(error) if error.is_store_failure() => return Err(error),
							Err(error) => tracing::warn!(%error, "cannot read the bounties"),
							Ok(()) => {},
						}
						self.settle(&state).await?;
					}
				},
				_ = tick.tick() => self.settle_newest().await?,
				() = desk.key_ran_out() => {
					for served in desk.book().all() {
						self.preparing.begin(served.bounty.clone());
					}
				},
				result = self.settler.finish(trouble), if self.settler.is_busy() => result?,
				result = self.preparing.finish(), if self.preparing.is_busy() => result?,
				_ = check.tick() => {
					self.upkeep.check(desk.book().all().iter().map(|served| served.bounty.id).collect());
				},
				Some(done) = self.upkeep.finish(), if self.upkeep.is_busy() => match done {
					Done::Lost { bounties, is_complete } => {
						self.insight.tally.checked(is_complete);
						self.insight.tally.lost.more(bounties.len());
						bounties.into_iter().for_each(|bounty| self.preparing.again(bounty));
					},
					Done::Retired(bounty, Ok(())) => desk.book().trouble(bounty, None),
					Done::Retired(_, Err(error)) if error.is_store_failure() => return Err(error),
					Done::Retired(bounty, Err(error)) => {
						tracing::warn!(bounty, %error, "cannot forget a bounty that is gone; will retry");
					},
				},
			}
		}
	}

	/// Sends what is due by the newest state, if there is one.
	async fn settle_newest(&mut self) -> Result<()> {
		let state = self.desk.newest().borrow().clone();
		match state {
			Some(state) => self.settle(&state).await,
			None => Ok(()),
		}
	}

	/// Sends what is due. A store that cannot be written ends the program. A node that does not
	/// answer is asked again.
	async fn settle(&mut self, state: &Arc<L::State>) -> Result<()> {
		match self.settler.settle(state, |bounty, words| self.desk.book().trouble(bounty, words)).await {
			Err(error) if !error.is_store_failure() => {
				tracing::warn!(%error, "cannot settle");
				Ok(())
			},
			other => other,
		}
	}

	/// Updates the bounties to serve.
	async fn on_block(&mut self, state: &Arc<L::State>) -> Result<()> {
		let mut open = state.open_bounties().await?;
		let releases: Vec<_> = open.iter().map(|bounty| bounty.release).collect();
		open.retain(|bounty| bounty.paid < bounty.count);
		let ids: BTreeSet<BountyId> = open.iter().map(|bounty| bounty.id).collect();
		self.preparing.keep(&ids);
		for served in self.desk.book().all() {
			let bounty = served.bounty.id;
			if !ids.contains(&bounty) {
				let why = over(state.bounty(bounty).await?.as_ref());
				tracing::info!(bounty, why, "no longer served");
				self.desk.book().remove(bounty);
				self.insight.reporter.tell(&Event::Left { bounty, why: why.into() });
			}
		}
		for bounty in open {
			match self.desk.book().get(bounty.id) {
				Some(served) => {
					let release = state.release(served.release.id).await?.unwrap_or_else(|| served.release.clone());
					if release.state == ReleaseState::Yanked && served.release.state != ReleaseState::Yanked {
						let event = Event::Yanked { bounty: bounty.id, release: release.id };
						self.insight.reporter.tell(&event);
					}
					if !self.desk.store().is_published(bounty.id)? {
						// Its content was lost, or its next key could not be published.
						self.preparing.begin(bounty.clone());
					}
					self.desk.book().put(Served { bounty, release, manifest: served.manifest.clone() });
				},
				None => self.preparing.begin(bounty),
			}
		}
		self.preparing.go_on();
		self.clean(state, &releases).await
	}

	/// Drops everything about bounties that are gone from the chain, and payloads of all releases
	/// except these.
	async fn clean(&mut self, state: &Arc<L::State>, releases: &[ReleaseId]) -> Result<()> {
		let (book, store, preparing) = (self.desk.book(), self.desk.store(), &self.preparing);
		let (unsettled, known) = (store.unsettled()?, store.bounties()?);
		// Bounties that were passed over, and are gone.
		for bounty in book.troubles().into_keys().chain(book.passed().into_keys()).filter(|bounty| !known.contains(bounty)) {
			if !preparing.is_preparing(bounty) && state.bounty(bounty).await?.is_none() {
				book.trouble(bounty, None);
			}
		}
		for bounty in known {
			let idle = book.get(bounty).is_none() && !preparing.is_preparing(bounty) && !unsettled.contains(&bounty);
			if idle && state.bounty(bounty).await?.is_none() {
				self.upkeep.retire(bounty, state.head().number);
			}
		}
		store.prune(state.head().number.saturating_sub(self.keep_keys))?;
		if preparing.is_idle() {
			self.content.keep_payloads(releases)?;
		}
		Ok(())
	}
}
