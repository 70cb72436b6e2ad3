//! The running hub.

use super::{
	answer::{id, Answer},
	book::{Book, Entry, Turn},
	http::router,
	work, Config,
};
use crate::error::{Error, Kind, OrFail, Result};
use std::{
	fs::{self, File, TryLockError},
	future::Future,
	io,
	net::SocketAddr,
	path::{Path, PathBuf},
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::{Duration, Instant},
};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;
use waybill_daemon::{disk, serve};
use waybill_exchange::{Message, ProofFault, ProofQuery, Verdict};
use waybill_ipfs_http::Gateway;
use waybill_keys::StatementKey;
use waybill_primitives::Hash32;

const LOCK_FILE: &str = "lock";
const WORK: &str = "work";
/// How long a device waits for a verdict before it is told to come again.
const LONG_POLL: Duration = Duration::from_secs(10);
/// How long a query rests whose files could not be fetched.
const REST: Duration = Duration::from_secs(20);

/// What a hub is made of.
pub struct Parts {
	/// Where files are fetched from.
	pub gateway: Gateway,
	/// The key that signs verdicts.
	pub key: StatementKey,
	/// The rest.
	pub config: Config,
}

/// Runs until `stop`. `ready` is told the address that devices can ask at.
pub async fn run(parts: Parts, ready: impl FnOnce(SocketAddr), stop: impl Future<Output = ()>) -> Result<()> {
	let Parts { gateway, key, config } = parts;
	config.check()?;
	let unusable = || format!("cannot use {}", config.data.display());
	disk::folder(&config.data).or_fail(Kind::File, unusable)?;
	let _lock = lock(&config.data)?;
	let folder = config.data.join(WORK);
	emptied(&folder).or_fail(Kind::File, unusable)?;
	let listen = config.listen;
	let listening = async {
		let listener = TcpListener::bind(listen).await?;
		let address = listener.local_addr()?;
		Ok::<_, io::Error>((listener, address))
	};
	let (listener, address) = listening.await.or_fail(Kind::Failure, || format!("cannot listen on {listen}"))?;
	let max_connections = config.max_connections;
	let hub = Arc::new(Hub::new(gateway, key, &config, folder));
	ready(address);
	serve(listener, router(hub.clone()), max_connections, stop).await;
	hub.stopped.cancel();
	Ok(())
}

/// Keeps other programs out of the folder as long as the file is open.
fn lock(folder: &Path) -> Result<File> {
	let path = folder.join(LOCK_FILE);
	let file = File::create(&path).or_fail(Kind::File, || format!("cannot write {}", path.display()))?;
	match file.try_lock() {
		Ok(()) => Ok(file),
		Err(TryLockError::WouldBlock) => {
			Err(Error::file(format!("another program works in {}; stop it first", folder.display())))
		},
		Err(TryLockError::Error(error)) => Err(Error::file(format!("cannot lock {}: {error}", folder.display()))),
	}
}

/// Makes the folder, without what an earlier run left in it.
fn emptied(folder: &Path) -> io::Result<()> {
	match fs::remove_dir_all(folder) {
		Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
		_ => disk::folder(folder),
	}
}

/// A hub at work.
pub struct Hub {
	gateway: Gateway,
	key: StatementKey,
	folder: PathBuf,
	max_payload: u64,
	places: Semaphore,
	book: Mutex<Book>,
	/// How long a query rests whose files could not be fetched.
	rest: Duration,
	stopped: CancellationToken,
}

/// What comes of a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
	/// The signed answer, in CBOR.
	Answer(Vec<u8>),
	/// It takes longer.
	Later,
	/// The payload is larger than this hub takes.
	TooLarge,
	/// Too much to do.
	Busy,
	/// The files cannot be fetched, or something else is not as it should be here.
	Failed,
}

impl Hub {
	/// A hub that works in this folder.
	pub fn new(gateway: Gateway, key: StatementKey, config: &Config, folder: PathBuf) -> Self {
		Self {
			gateway,
			key,
			folder,
			max_payload: config.max_payload,
			places: Semaphore::new(config.jobs),
			book: Mutex::default(),
			rest: REST,
			stopped: CancellationToken::new(),
		}
	}

	/// The same, with another rest after a failure.
	#[cfg(test)]
	pub const fn resting(mut self, rest: Duration) -> Self {
		self.rest = rest;
		self
	}

	/// Answers a question as soon as that can be done, but not later than after some seconds.
	pub async fn ask(self: &Arc<Self>, query: ProofQuery) -> Said {
		if let Err(fault) = query.check_sizes() {
			return Said::Answer(self.signed(&query, Verdict::new(&Err(fault))));
		}
		if query.size > self.max_payload {
			return Said::TooLarge;
		}
		// One check serves all groups of a table.
		let mut about = query.clone();
		about.group = 0;
		let id = id(&about);
		let turn = self.book().ask(id, Instant::now());
		let mut work = match turn {
			Turn::Busy => return Said::Busy,
			Turn::Entry(Entry::Working(work)) => work,
			Turn::Entry(ended) => return self.said(&query, Some(&ended)),
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
		// An error says that the work has ended.
		let _ = timeout(LONG_POLL, work.changed()).await;
		let entry = self.book().get(&id, Instant::now()).cloned();
		self.said(&query, entry.as_ref())
	}

	fn said(&self, query: &ProofQuery, entry: Option<&Entry>) -> Said {
		match entry {
			Some(Entry::Checked(outcome)) => {
				let group = outcome.as_ref().map_err(|fault| *fault);
				let group = group.and_then(|table| table.group(query.group).ok_or(ProofFault::Lock));
				Said::Answer(self.signed(query, Verdict::new(&group)))
			},
			Some(Entry::Working(_)) => Said::Later,
			Some(Entry::Failed(_)) | None => Said::Failed,
		}
	}

	async fn work(&self, id: Hash32, query: ProofQuery) {
		let working = async {
			let _place = self.places.acquire().await.or_fail(Kind::Failure, || "the hub stops")?;
			tracing::info!(query = hex::encode(id), bytes = query.size, "checking");
			work::check(&self.gateway, &self.folder, query.clone(), self.stopped.clone()).await
		};
		let ended = tokio::select! {
			() = self.stopped.cancelled() => return,
			ended = working => ended,
		};
		let entry = match ended {
			Ok(outcome) => {
				let fault = outcome.as_ref().err().map(ToString::to_string);
				tracing::info!(query = hex::encode(id), fault, "checked");
				Entry::Checked(outcome.map(Arc::new))
			},
			Err(error) => {
				tracing::warn!(query = hex::encode(id), %error, "no verdict");
				Entry::Failed(Instant::now() + self.rest)
			},
		};
		self.book().end(id, entry);
	}

	fn signed(&self, query: &ProofQuery, verdict: Verdict) -> Vec<u8> {
		Answer::new(query, verdict, &self.key).to_cbor()
	}

	fn book(&self) -> MutexGuard<'_, Book> {
		self.book.lock().unwrap_or_else(PoisonError::into_inner)
	}
}
