//! The running distributor: follows the chain, gets content ready, serves devices, settles.

use super::{
	content::{Content, Served},
	desk::{Desk, Newest},
	http::{router, Shared},
	prove::Proved,
	settle::{Margins, Rules, Settler},
	status::About,
	store::Store,
	Config,
};
use crate::error::{Error, Kind, OrFail, Result};
use std::{
	collections::{BTreeSet, HashMap, HashSet},
	future::Future,
	net::SocketAddr,
	sync::Arc,
	time::{Duration, Instant},
};
use tokio::{
	net::TcpListener,
	sync::{oneshot, watch},
	task::JoinSet,
	time::{interval, MissedTickBehavior},
};
use waybill_chain::{
	ledger::{Ledger, Payee, State},
	types::{Bounty, Hash, Release, ReleaseState},
	Account, Amount,
};
use waybill_daemon::clock::Time;
use waybill_daemon::disk;
use waybill_daemon::serve;
use waybill_ipfs_http::{Gateway, Kubo};
use waybill_primitives::{BlockNumber, BountyId};

const STORE_FILE: &str = "distributor.redb";
/// How often receipts are looked at between blocks.
const TICK: Duration = Duration::from_millis(500);
/// How long to wait before asking a node again that gave no answer.
const NODE_PAUSE: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How long the public keys for a bounty are kept after it is gone from the chain: a month.
const KEEP_KEYS: Duration = Duration::from_secs(30 * 24 * 3_600);

/// What a distributor works with.
pub struct Parts<L> {
	/// The chain.
	pub ledger: L,
	/// The account that is paid.
	pub account: Account,
	/// Where payloads come from.
	pub gateway: Gateway,
	/// Where ciphertexts go.
	pub kubo: Kubo,
	/// The configuration.
	pub config: Config,
}

/// Getting a bounty's content ready has come to its end.
struct Prepared {
	bounty: BountyId,
	result: Result<(Served, Option<Proved>)>,
}

/// A bounty whose content could not be got ready.
struct Retry {
	at: Instant,
	pause: Duration,
}

/// The largest that is served.
#[derive(Clone, Copy)]
struct Limits {
	payload: u64,
	devices: u32,
}

/// A distributor that listens.
struct Started<L: Payee> {
	service: Service<L>,
	newest: watch::Sender<Option<Arc<L::State>>>,
	listener: TcpListener,
	address: SocketAddr,
}

struct Service<L: Payee> {
	shared: Arc<Shared<L>>,
	content: Content,
	settler: Settler<L>,
	models: HashSet<u64>,
	min_reward: Amount,
	limits: Limits,
	/// [`KEEP_KEYS`] in blocks.
	keep_keys: BlockNumber,
	preparing: JoinSet<Prepared>,
	under_way: HashSet<BountyId>,
	retries: HashMap<BountyId, Retry>,
}

/// Runs until `stop`, whatever is waited for then: the store is whole after every step. `ready` is told the address that devices can
/// connect to.
pub async fn run<L: Payee>(parts: Parts<L>, ready: impl FnOnce(SocketAddr), stop: impl Future<Output = ()>) -> Result<()> {
	tokio::pin!(stop);
	let (ledger, max_connections) = (parts.ledger.clone(), parts.config.max_connections);
	let started = tokio::select! {
		biased;
		() = &mut stop => return Ok(()),
		started = start(parts) => started?,
	};
	let Started { mut service, newest, listener, address } = started;
	let follower = tokio::spawn(follow(ledger, newest));
	let (stop_serving, stopped) = oneshot::channel::<()>();
	let stopped = async {
		let _ = stopped.await;
	};
	let server = tokio::spawn(serve(listener, router(service.shared.clone()), max_connections, stopped));
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

/// Opens the store, and gets everything ready that the chain and IPFS are needed for.
async fn start<L: Payee>(parts: Parts<L>) -> Result<Started<L>> {
	let Parts { ledger, account, gateway, kubo, config } = parts;
	config.check()?;
	let data = &config.data;
	disk::folder(data).or_fail(Kind::File, || format!("cannot make {}", data.display()))?;
	let genesis = ledger.genesis();
	let store = Store::open(&data.join(STORE_FILE), &genesis, &account.id().0)?;
	let content = Content::new(gateway, kubo.clone(), store.clone(), genesis, account.id().0, &config)?;
	let version = kubo.version().await?;
	tracing::info!(account = %account.id(), kubo = version, "starting");

	let listener = TcpListener::bind(config.listen).await;
	let listener =
		listener.or_fail(Kind::Usage, || format!("cannot listen on {}; choose another with --listen", config.listen))?;
	let address = listener.local_addr().or_fail(Kind::Failure, || "no address")?;
	if let Some(endpoint) = &config.announce {
		announce(&ledger, &account, endpoint).await?;
	}

	let max_batch = ledger.max_batch().await?.min(config.max_batch);
	let block_time = ledger.block_time().await?;
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
	let desk = Desk::new(&ledger, &account.id(), store, following, block_time.blocks(config.min_receipt()));
	let about = About {
		account: account.id(),
		genesis: Hash(genesis),
		endpoint: config.announce.clone(),
		started_ms: Time::now().0,
	};
	let service = Service {
		shared: Arc::new(Shared::new(desk, about)),
		content,
		settler,
		models: config.models.iter().copied().collect(),
		min_reward: config.min_reward()?,
		limits: Limits { payload: config.max_payload, devices: config.max_devices },
		keep_keys: block_time.blocks(KEEP_KEYS),
		preparing: JoinSet::new(),
		under_way: HashSet::new(),
		retries: HashMap::new(),
	};
	Ok(Started { service, newest, listener, address })
}

/// Publishes the address, unless the chain has it.
async fn announce<L: Payee>(ledger: &L, account: &Account, endpoint: &str) -> Result<()> {
	let announced = ledger.newest().await?.distributors().await?;
	let mine = announced.iter().find(|distributor| distributor.account == account.id());
	if mine.is_some_and(|distributor| distributor.endpoint == endpoint) {
		return Ok(());
	}
	let batch = ledger
		.announce(account, endpoint)
		.await
		.map_err(|error| Error::from(error).context("cannot announce the address on chain"))?;
	tracing::info!(endpoint, block = batch.block, "announced");
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
		let mut newest: Newest<L::State> = self.shared.desk.newest.clone();
		let mut tick = interval(TICK);
		tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
		let shared = self.shared.clone();
		let trouble = |bounty, words| shared.desk.book.trouble(bounty, words);
		loop {
			let busy = self.settler.is_busy();
			tokio::select! {
				changed = newest.changed() => {
					changed.or_fail(Kind::Failure, || "the chain is no longer followed")?;
					let state = newest.borrow_and_update().clone();
					let Some(state) = state else { continue };
					if self.settler.admits(&state)? {
						if let Err(error) = self.on_block(&state).await {
							tracing::warn!(%error, "cannot read the bounties");
						}
						self.settle(&state).await?;
					}
				},
				_ = tick.tick() => {
					let state = newest.borrow().clone();
					if let Some(state) = state {
						self.settle(&state).await?;
					}
				},
				() = shared.desk.full.notified() => {
					for served in shared.desk.book.all() {
						self.prepare(served.bounty.clone());
					}
				},
				result = self.settler.finish(trouble), if busy => result?,
				Some(Ok(prepared)) = self.preparing.join_next(), if !self.preparing.is_empty() => self.prepared(prepared),
			}
		}
	}

	/// Sends what is due. A store that cannot be written ends the program; a node that does not answer is asked again.
	async fn settle(&mut self, state: &Arc<L::State>) -> Result<()> {
		let shared = self.shared.clone();
		match self.settler.settle(state, |bounty, words| shared.desk.book.trouble(bounty, words)).await {
			Err(error) if error.kind() != Kind::File => {
				tracing::warn!(%error, "cannot settle");
				Ok(())
			},
			other => other,
		}
	}

	/// Looks which bounties there are to serve.
	async fn on_block(&mut self, state: &Arc<L::State>) -> Result<()> {
		let mut open = state.open_bounties().await?;
		open.retain(|bounty| bounty.paid < bounty.count);
		let ids: BTreeSet<BountyId> = open.iter().map(|bounty| bounty.id).collect();
		for served in self.shared.desk.book.all() {
			if !ids.contains(&served.bounty.id) {
				tracing::info!(bounty = served.bounty.id, "no longer served");
				self.shared.desk.book.remove(served.bounty.id);
			}
		}
		for bounty in open {
			match self.shared.desk.book.get(bounty.id) {
				Some(served) => {
					let release = state.release(served.release.id).await?.unwrap_or_else(|| served.release.clone());
					self.shared.desk.book.put(Served { bounty, release, manifest: served.manifest.clone() });
				},
				None => self.prepare(bounty),
			}
		}
		self.clean(state).await
	}

	/// Gets the content of a bounty ready, unless that is under way or was tried a short while ago.
	fn prepare(&mut self, bounty: Bounty) {
		let tried = self.retries.get(&bounty.id).is_some_and(|retry| retry.at > Instant::now());
		if tried || bounty.reward < self.min_reward || !self.under_way.insert(bounty.id) {
			return;
		}
		let Some(state) = self.shared.desk.newest.borrow().clone() else { return };
		let (content, shared, models, limits) =
			(self.content.clone(), self.shared.clone(), self.models.clone(), self.limits);
		self.preparing.spawn(async move {
			let id = bounty.id;
			let manifest = shared.desk.book.get(id).map(|served| served.manifest.clone());
			let result = async {
				let release = state.release(bounty.release).await?;
				let release =
					release.ok_or_else(|| Error::not_found(format!("the chain has no release {}", bounty.release)))?;
				wanted(&bounty, &release, &models, limits)?;
				let manifest = match manifest {
					Some(manifest) => manifest,
					None => {
						let fleet = state.fleet(bounty.fleet).await?;
						let fleet =
							fleet.ok_or_else(|| Error::not_found(format!("the chain has no fleet {}", bounty.fleet)))?;
						Arc::new(content.manifest(&fleet.manifest, &bounty).await?)
					},
				};
				let proved = content.refill(id, &release).await?;
				Ok((Served { bounty, release, manifest }, proved))
			};
			Prepared { bounty: id, result: result.await }
		});
	}

	fn prepared(&mut self, prepared: Prepared) {
		let Prepared { bounty, result } = prepared;
		self.under_way.remove(&bounty);
		match result {
			Ok((served, proved)) => {
				if let Some(proved) = proved {
					self.shared.desk.book.proved(bounty, proved);
				}
				if self.retries.remove(&bounty).is_some() || self.shared.desk.book.get(bounty).is_none() {
					tracing::info!(bounty, release = served.release.id, devices = served.bounty.count, "serving");
				}
				self.shared.desk.book.trouble(bounty, None);
				self.shared.desk.book.put(served);
			},
			Err(error) => {
				let pause = self.retries.get(&bounty).map_or(FIRST_PAUSE, |retry| (retry.pause * 2).min(LONGEST_PAUSE));
				if error.kind() != Kind::Usage {
					tracing::warn!(bounty, %error, ?pause, "cannot serve the bounty; trying again after a pause");
				}
				self.shared.desk.book.trouble(bounty, Some(error.to_string()));
				self.retries.insert(bounty, Retry { at: Instant::now() + pause, pause });
			},
		}
	}

	/// Drops what bounties that are gone from the chain have left.
	async fn clean(&mut self, state: &Arc<L::State>) -> Result<()> {
		let desk = &self.shared.desk;
		let unsettled = desk.store.unsettled()?;
		for bounty in desk.store.bounties()? {
			let idle = desk.book.get(bounty).is_none() && !self.under_way.contains(&bounty) && !unsettled.contains(&bounty);
			if idle && state.bounty(bounty).await?.is_none() {
				self.content.retire(bounty, state.head().number).await?;
				desk.book.trouble(bounty, None);
			}
		}
		desk.store.prune(state.head().number.saturating_sub(self.keep_keys))?;
		if self.under_way.is_empty() {
			let releases: Vec<_> = desk.book.all().iter().map(|served| served.release.id).collect();
			self.content.keep_payloads(&releases)?;
		}
		Ok(())
	}
}

/// Whether a bounty for a release is one that this distributor serves.
fn wanted(bounty: &Bounty, release: &Release, models: &HashSet<u64>, limits: Limits) -> Result<()> {
	let statement = &release.statement;
	if !models.is_empty() && !models.contains(&statement.model) {
		return Err(Error::usage(format!("model {} is not among --model", statement.model)));
	}
	if statement.size > limits.payload {
		return Err(Error::usage(format!("the payload has {} bytes, more than --max-payload", statement.size)));
	}
	if bounty.count > limits.devices {
		return Err(Error::usage(format!("the fleet has {} devices, more than max_devices", bounty.count)));
	}
	match release.state {
		ReleaseState::Yanked => Err(Error::usage("the release is withdrawn")),
		ReleaseState::Pending | ReleaseState::Available | ReleaseState::Unavailable => Ok(()),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::distributor::scene::Scene;
	use waybill_primitives::Version;

	#[test]
	fn bounty_should_not_be_wanted_when_it_is_larger_than_the_limits() {
		let scene = Scene::new(3);
		scene.release(0, Version::new(1, 0, 0), 1, &[9; 100], scene.manifest_cid);
		let (bounty, release) = scene.chain.edit(|world| (world.bounties[&0].clone(), world.releases[&0].clone()));
		let wanted = |payload, devices| wanted(&bounty, &release, &HashSet::new(), Limits { payload, devices });
		assert!(wanted(100, 3).is_ok());
		assert_eq!(wanted(99, 3).unwrap_err().kind(), Kind::Usage);
		assert_eq!(wanted(100, 2).unwrap_err().kind(), Kind::Usage);
	}

	#[test]
	fn bounty_should_not_be_wanted_when_its_release_is_withdrawn() {
		let scene = Scene::new(3);
		scene.release(0, Version::new(1, 0, 0), 1, &[9; 100], scene.manifest_cid);
		let (bounty, mut release) = scene.chain.edit(|world| (world.bounties[&0].clone(), world.releases[&0].clone()));
		release.state = ReleaseState::Yanked;
		let limits = Limits { payload: 100, devices: 3 };
		let error = wanted(&bounty, &release, &HashSet::new(), limits).unwrap_err();
		assert!(error.to_string().contains("withdrawn"), "{error}");
	}
}
