//! A file, block by block, from trustless gateways.

use crate::{
	block::{self, Beginnings, Timeouts},
	error::{Error, Result},
	journal::Journal,
	pace::Pace,
	parse,
	source::{Source, Tally},
};
use backon::{ExponentialBuilder, Retryable};
use futures::{stream::FuturesUnordered, StreamExt};
use std::{
	collections::{HashMap, HashSet},
	io,
	path::Path,
	sync::{
		atomic::{AtomicU64, AtomicUsize, Ordering},
		Arc,
	},
	time::{Duration, Instant},
};
use tokio::time::timeout_at;
use waybill_daemon::{metrics::Page, roots::Roots};
use waybill_ipfs::{DagReader, Limits};
use waybill_primitives::Cid;

/// The least number of times that a block is requested again before the file is given up. With many
/// gateways, each is asked at least twice.
const RETRIES: usize = 5;
const FIRST_RETRY: Duration = Duration::from_millis(300);
/// The most blocks that are requested at once. On a slow link it is one.
const CONCURRENCY: usize = 4;
/// A block that comes within this time shows that the link can take one more.
const QUICK: Duration = Duration::from_secs(5);
/// The longest time for which a gateway can ask to be left alone.
const LONGEST_WAIT: Duration = Duration::from_secs(400);

/// A client of one or several gateways.
#[derive(Clone, Debug)]
pub struct Gateway {
	http: reqwest::Client,
	gateways: Arc<[Tally]>,
	/// Counts blocks. Each block is first requested from the gateway after the one of the block
	/// before.
	turn: Arc<AtomicUsize>,
	/// How many blocks to request at once.
	width: Arc<AtomicUsize>,
	beginnings: Arc<Beginnings>,
	/// See [`Timeouts::window`].
	window: Duration,
	backoff: ExponentialBuilder,
}

impl Gateway {
	/// A client of the gateways at these addresses. Over `https://` it trusts the authorities of the
	/// operating system.
	pub fn new<S: AsRef<str>>(urls: &[S]) -> Result<Self> {
		Self::trusting(urls, &Roots::default())
	}

	/// Like [`Self::new`], but trusts these authorities.
	pub fn trusting<S: AsRef<str>>(urls: &[S], roots: &Roots) -> Result<Self> {
		Self::build(urls, roots, Timeouts::default(), ExponentialBuilder::default().with_min_delay(FIRST_RETRY))
	}

	/// Like [`Self::new`], with other timeouts, and other pauses before a block is requested again.
	pub fn with<S: AsRef<str>>(urls: &[S], timeouts: Timeouts, backoff: ExponentialBuilder) -> Result<Self> {
		Self::build(urls, &Roots::default(), timeouts, backoff)
	}

	fn build<S: AsRef<str>>(urls: &[S], roots: &Roots, timeouts: Timeouts, backoff: ExponentialBuilder) -> Result<Self> {
		let urls = urls.iter().map(|url| parse(url.as_ref())).collect::<Result<Vec<_>>>()?;
		if urls.is_empty() {
			return Err(Error::NoGateway);
		}
		let backoff = backoff.with_jitter().with_max_times(RETRIES.max(2 * urls.len() - 1));
		Ok(Self {
			http: timeouts.client(roots)?,
			gateways: urls.into_iter().map(Tally::new).collect(),
			turn: Arc::default(),
			width: Arc::new(AtomicUsize::new(CONCURRENCY)),
			beginnings: Arc::default(),
			window: timeouts.window,
			backoff,
		})
	}

	/// What came from each gateway since this client was made.
	pub fn sources(&self) -> Vec<Source> {
		self.gateways.iter().map(Tally::source).collect()
	}

	/// The bytes of blocks that came from all gateways. Bytes that came twice count once.
	pub fn received(&self) -> u64 {
		self.gateways.iter().map(Tally::bytes).sum()
	}

	/// Adds what operators want to know to a page of metrics.
	pub fn write_metrics(&self, page: &Page) {
		let sources = self.sources();
		let each = |of: fn(&Source) -> f64| sources.iter().map(move |source| (&source.address, of(source)));
		let help = "1 unless the last request to the IPFS gateway failed by the gateway's own fault.";
		page.gauges("waybill_gateway_up", help, "gateway", each(|source| u8::from(!source.is_failing).into()));
		let help = "Blocks that came from the IPFS gateway.";
		page.counters("waybill_gateway_blocks_total", help, "gateway", each(|source| source.blocks as f64));
		let help = "Bytes of blocks that came from the IPFS gateway.";
		page.counters("waybill_gateway_bytes_total", help, "gateway", each(|source| source.bytes as f64));
		let help = "Requests to the IPFS gateway that gave no block.";
		page.counters("waybill_gateway_failures_total", help, "gateway", each(|source| source.failures as f64));
	}

	/// Fetches a file of exactly this size into memory.
	pub async fn fetch_bytes(&self, root: &Cid, size: u64) -> Result<Vec<u8>> {
		let mut bytes = Vec::new();
		let mut reader = DagReader::new(*root, Limits::for_size(size));
		let keep = |_: &[u8], content: &[u8]| {
			bytes.extend_from_slice(content);
			Ok(())
		};
		self.read(root, &mut reader, keep).await?;
		Ok(bytes)
	}

	/// Fetches a file of exactly this size to disk. It continues an earlier attempt where that
	/// stopped. `progress` is called with the number of bytes on disk.
	pub async fn fetch_file(&self, root: &Cid, size: u64, path: &Path, mut progress: impl FnMut(u64)) -> Result<()> {
		let unwritable = |cause: io::Error| Error::write(path, &cause);
		let mut reader = DagReader::new(*root, Limits::for_size(size));
		let mut journal = Journal::open(path).map_err(unwritable)?;
		journal.replay(|block| reader.supply(block).ok().map(|content| content.map(<[u8]>::to_vec))).map_err(unwritable)?;
		progress(journal.len());
		let keep = |block: &[u8], content: &[u8]| {
			journal.push(block, content).map_err(unwritable)?;
			progress(journal.len());
			Ok(())
		};
		self.read(root, &mut reader, keep).await?;
		journal.finish().map_err(unwritable)
	}

	/// Fetches what the reader wants and hands each block, with the content that it carries, to
	/// `keep`.
	async fn read(
		&self,
		root: &Cid,
		reader: &mut DagReader,
		mut keep: impl FnMut(&[u8], &[u8]) -> Result<()>,
	) -> Result<()> {
		let (mut ready, mut asked) = (HashMap::new(), HashSet::new());
		let (received, mut pace) = (&AtomicU64::new(0), Pace::new(self.window));
		let mut coming = FuturesUnordered::new();
		while let Some(next) = reader.next() {
			let width = self.width.load(Ordering::Relaxed);
			for cid in reader.upcoming().take(width) {
				let room = ready.len().saturating_add(asked.len()) < width || cid == next;
				if room && !ready.contains_key(&cid) && asked.insert(cid) {
					coming.push(async move { (cid, self.block(cid, received).await) });
				}
			}
			match ready.remove(&next) {
				Some(block) => {
					let block: Vec<u8> = block;
					let content = reader
						.supply(&block)
						.map_err(|source| Error::WrongFile { root: *root, source })?
						.unwrap_or_default();
					keep(&block, content)?;
				},
				None => {
					let Ok(next) = timeout_at(pace.ends(), coming.next()).await else {
						match pace.next(received.load(Ordering::Relaxed)) {
							true => continue,
							false => return Err(Error::TooSlow { root: *root, window: self.window }),
						}
					};
					let Some((cid, block)) = next else { continue };
					asked.remove(&cid);
					ready.insert(cid, block.map_err(|error| Error::Fetch { root: *root, source: Box::new(error) })?);
				},
			}
		}
		Ok(())
	}

	/// Finds out how many blocks the link can take at once. Blocks that share a slow link all come too
	/// late.
	fn learn(&self, fetched: &Result<Vec<u8>>, took: Duration) {
		let width = match fetched {
			Err(Error::GatewaySlow { .. }) => 1,
			Ok(_) if took < QUICK => self.width.load(Ordering::Relaxed).saturating_add(1).min(CONCURRENCY),
			_ => return,
		};
		self.width.store(width, Ordering::Relaxed);
	}

	/// Fetches a block, from one gateway after another until one has it.
	async fn block(&self, cid: Cid, received: &AtomicU64) -> Result<Vec<u8>> {
		let mut gateways =
			self.gateways.iter().cycle().skip(self.turn.fetch_add(1, Ordering::Relaxed) % self.gateways.len());
		let fetch = || {
			let gateway = gateways.next();
			async move {
				let Some(gateway) = gateway else { return Err(Error::NoGateway) };
				let begun = Instant::now();
				let fetched = block::fetch(&self.http, gateway, &cid, &self.beginnings, received).await;
				gateway.ended(&fetched);
				self.learn(&fetched, begun.elapsed());
				fetched
			}
		};
		let is_only = self.gateways.len() == 1;
		fetch
			.retry(self.backoff)
			// Another gateway need not wait.
			.adjust(|error, delay| match error {
				Error::GatewayBusy { retry_after: Some(wait), .. } if is_only => {
					delay.map(|delay| delay.max((*wait).min(LONGEST_WAIT)))
				},
				_ => delay,
			})
			.notify(|error: &Error, delay| tracing::warn!(%error, ?delay, "cannot fetch a block; trying again"))
			.await
	}
}
