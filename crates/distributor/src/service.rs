//! The running distributor: follows the chain, prepares content, serves devices, settles.

use crate::{
	book::Served,
	config::Config,
	content::Content,
	desk::{Desk, Newest},
	error::{Error, Result},
	http::router,
	preparing::Preparing,
	rescue,
	settle::{Margins, Rules, Settler},
	status::About,
	upkeep::{Done, Upkeep},
	wanted::Limits,
};
use std::{collections::BTreeSet, fmt, future::Future, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
	net::TcpListener,
	sync::{oneshot, watch},
	time::{interval, interval_at, Instant, MissedTickBehavior},
};
use waybill_chain::{
	ledger::{Ledger, Payee, State},
	types::Hash,
	Account,
};
use waybill_daemon::{
	clock::Time,
	disk::{self, failed},
	serve,
};
use waybill_ipfs_http::{Gateway, Kubo};
use waybill_primitives::{BlockNumber, BountyId, ReleaseId};

/// How often to look at waiting receipts between blocks.
const TICK: Duration = Duration::from_millis(500);
/// How long to wait before asking a node again after it gave no answer.
const NODE_PAUSE: Duration = Duration::from_secs(3);
/// How long to keep a bounty's public keys after it is gone from the chain: a month.
const KEEP_KEYS: Duration = Duration::from_secs(30 * 24 * 3_600);

/// How long after a start to look for lost content, at the latest.
const FIRST_CHECK: Duration = Duration::from_secs(60);
/// How long to wait before beginning anew after the disk failed.
const DISK_PAUSE: Duration = Duration::from_secs(10);

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
}

/// A distributor that listens.
struct Started<L: Payee> {
	service: Service<L>,
	about: About,
	newest: watch::Sender<Option<Arc<L::State>>>,
	listener: TcpListener,
}

struct Service<L: Payee> {
	desk: Arc<Desk<L>>,
	content: Content,
	preparing: Preparing<L>,
	upkeep: Upkeep,
	settler: Settler<L>,
	/// [`KEEP_KEYS`] in blocks.
	keep_keys: BlockNumber,
	/// How often to look whether kubo still has the content.
	check_content: Duration,
}

/// Runs until `stop` completes. Calls `ready` with the address that devices can connect to.
///
/// It stops at once, whatever it waits for: the store is whole after every step. When the disk
/// fails, it begins anew after a pause.
pub async fn run<L: Payee>(
	mut parts: Parts<L>,
	ready: impl FnOnce(SocketAddr),
	stop: impl Future<Output = ()>,
) -> Result<()> {
	tokio::pin!(stop);
	let (mut ready, mut is_damaged) = (Some(ready), false);
	loop {
		let mut listens = None;
		let began = |address: SocketAddr| {
			listens = Some(address);
			if let Some(ready) = ready.take() {
				ready(address);
			}
		};
		match run_once(parts.clone(), is_damaged, began, &mut stop).await {
			// The store takes nothing more after a failed write, so it has to be opened again.
			Err(error) if ready.is_none() && !error.needs_a_person() => {
				tracing::error!(%error, pause = ?DISK_PAUSE, "the disk failed; beginning anew after a pause");
				// Another failure may come before the store is replaced.
				is_damaged = error.is_damage() || (is_damaged && listens.is_none());
			},
			ended => return ended,
		}
		// Devices know this address, whatever port the configuration leaves open.
		parts.config.listen = listens.unwrap_or(parts.config.listen);
		tokio::select! {
			() = &mut stop => return Ok(()),
			() = tokio::time::sleep(DISK_PAUSE) => {},
		}
	}
}

async fn run_once<L: Payee>(
	parts: Parts<L>,
	is_damaged: bool,
	ready: impl FnOnce(SocketAddr),
	mut stop: impl Future<Output = ()> + Unpin,
) -> Result<()> {
	let (ledger, max_connections, listen) = (parts.ledger.clone(), parts.config.max_connections, parts.config.listen);
	let started = tokio::select! {
		biased;
		() = &mut stop => return Ok(()),
		started = start(parts, is_damaged) => started?,
	};
	let Started { mut service, about, newest, listener } = started;
	let address = listener.local_addr().map_err(|cause| Error::Listen { address: listen, cause })?;
	let follower = tokio::spawn(follow(ledger, newest));
	let (stop_serving, stopped) = oneshot::channel::<()>();
	let stopped = async {
		let _ = stopped.await;
	};
	let server = tokio::spawn(serve(listener, router(service.desk.clone(), about), max_connections, stopped));
	ready(address);
	let result = tokio::select! {
		biased;
		() = &mut stop => Ok(()),
		result = service.run() => result,
	};
	follower.abort();
	let _ = stop_serving.send(());
	let _ = server.await;
	result
}

/// Opens the store, and starts everything that needs the chain or IPFS. The store is replaced if it
/// is damaged.
async fn start<L: Payee>(parts: Parts<L>, is_damaged: bool) -> Result<Started<L>> {
	let Parts { ledger, account, gateway, kubo, config } = parts;
	config.check()?;
	let data = &config.data;
	disk::folder(data).map_err(failed("make", data))?;
	let genesis = insist(|| ledger.genesis(), waybill_chain::Error::is_unreachable).await?;
	let store = match is_damaged {
		true => rescue::renew_store(data, &genesis, &account.id().0)?,
		false => rescue::open_store(data, &genesis, &account.id().0)?,
	};
	let content = Content::new(gateway, kubo.clone(), store.clone(), genesis, account.id().0, &config)?;
	let version = insist(|| kubo.version(), waybill_ipfs_http::Error::is_unreachable).await?;
	tracing::info!(account = %account.id(), kubo = version, "starting");

	let listener = TcpListener::bind(config.listen).await;
	let listener = listener.map_err(|cause| Error::Listen { address: config.listen, cause })?;
	if let Some(endpoint) = &config.announce {
		insist(|| announce(&ledger, &account, endpoint), Error::is_unreachable).await?;
	}

	let max_batch = insist(|| ledger.max_batch(), waybill_chain::Error::is_unreachable).await?.min(config.max_batch);
	let block_time = insist(|| ledger.block_time(), waybill_chain::Error::is_unreachable).await?;
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
	let settler = Settler::new(ledger.clone(), account.clone(), store.clone(), rules);
	let (newest, following) = watch::channel(None);
	let min_receipt = block_time.blocks(config.min_receipt());
	let desk = Arc::new(Desk::new(genesis, &account.id(), store, following, min_receipt));
	let about = About {
		account: account.id(),
		genesis: Hash(genesis),
		endpoint: config.announce.clone(),
		started_ms: Time::now().0,
	};
	let preparing = Preparing::new(desk.clone(), content.clone(), Limits::new(&config)?);
	let (keep_keys, check_content) = (block_time.blocks(KEEP_KEYS), config.check_content());
	let upkeep = Upkeep::new(content.clone());
	let service = Service { desk, content, preparing, upkeep, settler, keep_keys, check_content };
	Ok(Started { service, about, newest, listener })
}

/// Asks again until somebody answers. A node or a kubo that is away at the start does not end the
/// distributor. `is_away` says whether that is what an error means.
async fn insist<T, E: fmt::Display, F>(mut ask: impl FnMut() -> F, is_away: fn(&E) -> bool) -> Result<T, E>
where
	F: Future<Output = Result<T, E>>,
{
	let mut is_logged = false;
	loop {
		match ask().await {
			Err(error) if is_away(&error) => {
				if !is_logged {
					tracing::warn!(%error, "waiting until it answers");
					is_logged = true;
				}
				tokio::time::sleep(NODE_PAUSE).await;
			},
			answer => return answer,
		}
	}
}

/// Announces the address, unless the chain already has it.
async fn announce<L: Payee>(ledger: &L, account: &Account, endpoint: &str) -> Result<()> {
	let announced = ledger.newest().await?.distributors().await?;
	let mine = announced.iter().find(|distributor| distributor.account == account.id());
	if mine.is_some_and(|distributor| distributor.endpoint == endpoint.as_bytes()) {
		return Ok(());
	}
	let block = ledger.announce(account, endpoint).await.map_err(Error::Announce)?;
	tracing::info!(endpoint, block, "announced");
	Ok(())
}

/// Hands out every newest final state.
async fn follow<L: Ledger>(ledger: L, newest: watch::Sender<Option<Arc<L::State>>>) {
	let mut number: Option<BlockNumber> = None;
	loop {
		let state = match number {
			Some(number) => ledger.above(number).await,
			None => ledger.newest().await,
		};
		match state {
			Ok(state) => {
				number = Some(state.head().number);
				if newest.send(Some(Arc::new(state))).is_err() {
					return;
				}
			},
			Err(error) => {
				tracing::warn!(%error, "the node gives no final block");
				tokio::time::sleep(NODE_PAUSE).await;
			},
		}
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
					Done::Lost(bounties) => bounties.into_iter().for_each(|bounty| self.preparing.again(bounty)),
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
		for served in self.desk.book().all() {
			if !ids.contains(&served.bounty.id) {
				tracing::info!(bounty = served.bounty.id, "no longer served");
				self.desk.book().remove(served.bounty.id);
			}
		}
		for bounty in open {
			match self.desk.book().get(bounty.id) {
				Some(served) => {
					let release = state.release(served.release.id).await?.unwrap_or_else(|| served.release.clone());
					if !self.desk.store().is_published(bounty.id)? {
						// Its content was lost, or its next key could not be published.
						self.preparing.begin(bounty.clone());
					}
					self.desk.book().put(Served { bounty, release, manifest: served.manifest.clone() });
				},
				None => self.preparing.begin(bounty),
			}
		}
		self.clean(state, &releases).await
	}

	/// Drops everything about bounties that are gone from the chain, and payloads of all releases
	/// except these.
	async fn clean(&mut self, state: &Arc<L::State>, releases: &[ReleaseId]) -> Result<()> {
		let (book, store, under_way) = (self.desk.book(), self.desk.store(), self.preparing.under_way());
		let unsettled = store.unsettled()?;
		for bounty in store.bounties()? {
			let idle = book.get(bounty).is_none() && !under_way.contains(&bounty) && !unsettled.contains(&bounty);
			if idle && state.bounty(bounty).await?.is_none() {
				self.upkeep.retire(bounty, state.head().number);
			}
		}
		store.prune(state.head().number.saturating_sub(self.keep_keys))?;
		if under_way.is_empty() {
			self.content.keep_payloads(releases)?;
		}
		Ok(())
	}
}
