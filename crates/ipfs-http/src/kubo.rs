//! kubo's RPC interface: adding and unpinning files.

use crate::{
	error::{Error, Result},
	layout::FileCid,
	parse,
};
use backon::{ExponentialBuilder, Retryable};
use futures::TryStreamExt;
use reqwest::{
	multipart::{Form, Part},
	Body, Response, StatusCode,
};
use serde::Deserialize;
use std::{
	future::Future,
	path::Path,
	sync::{
		atomic::{AtomicU64, AtomicUsize, Ordering},
		Arc, Mutex, PoisonError,
	},
	time::Duration,
};
use tokio_util::io::ReaderStream;
use url::Url;
use waybill_daemon::{address::shown, cause, roots::Roots};
use waybill_primitives::Cid;

/// How a file becomes a DAG. With these settings the same file has the same CID on every node,
/// whatever its configuration. [`FileCid`] computes it.
const ADD_QUERY: &str = "cid-version=1&raw-leaves=true&hash=sha2-256&chunker=size-262144&max-file-links=174&trickle=false\
	&inline=false&nocopy=false&preserve-mode=false&preserve-mtime=false&wrap-with-directory=false&pin=true&progress=false";
/// The longest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest time for a request, besides that of its upload.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a node may take to say that it is there.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// The slowest upload, in bytes a second. Kubo answers only after all of it.
const UPLOAD_RATE: u64 = 10_000;
const READ_BUFFER: usize = 256 * 1024;
const RETRIES: usize = 3;
const FIRST_RETRY: Duration = Duration::from_millis(300);

/// A client of a kubo node, and of others that take its place when it is away.
#[derive(Clone, Debug)]
pub struct Kubo {
	http: reqwest::Client,
	urls: Arc<[Url]>,
	first: Url,
	/// Counts the nodes that were turned to, over and over in their order.
	current: Arc<AtomicUsize>,
}

/// A file that kubo has added and pinned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Added {
	/// The CID of its root.
	pub cid: Cid,
	/// Its length in bytes.
	pub size: u64,
}

/// A failure, and whether another attempt may succeed.
struct Failure {
	error: Error,
	passing: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AddAnswer {
	hash: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorAnswer {
	message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VersionAnswer {
	version: String,
}

impl Kubo {
	/// A client of the nodes whose RPC interfaces are at these addresses, such as
	/// `http://127.0.0.1:5001`. The next one is asked when one is away. What one node has, another
	/// may not have.
	/// Over `https://` it trusts the authorities of the operating system.
	pub fn new<S: AsRef<str>>(urls: &[S]) -> Result<Self> {
		Self::trusting(urls, &Roots::default())
	}

	/// Like [`Self::new`], but trusts these authorities.
	pub fn trusting<S: AsRef<str>>(urls: &[S], roots: &Roots) -> Result<Self> {
		let urls = urls.iter().map(|url| parse(url.as_ref())).collect::<Result<Vec<_>>>()?;
		let first = urls.first().cloned().ok_or_else(|| Error::Address(String::new()))?;
		let http = roots.client().connect_timeout(CONNECT_TIMEOUT).build().map_err(Error::client)?;
		Ok(Self { http, urls: urls.into(), first, current: Arc::default() })
	}

	/// Adds and pins a file. `progress` is called with the number of bytes sent.
	pub async fn add_file(&self, path: &Path, progress: impl Fn(u64) + Send + Sync + 'static) -> Result<Added> {
		let progress = Arc::new(progress);
		let add = || async {
			let unreadable = |cause| Failure { error: Error::read(path, &cause), passing: false };
			let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
			let size = file.metadata().await.map_err(unreadable)?.len();
			let (sent, progress) = (AtomicU64::new(0), progress.clone());
			let expected = Arc::new(Mutex::new(FileCid::default()));
			let reading = expected.clone();
			let body = ReaderStream::with_capacity(file, READ_BUFFER).inspect_ok(move |chunk| {
				let before = sent.fetch_add(chunk.len() as u64, Ordering::Relaxed);
				reading.lock().unwrap_or_else(PoisonError::into_inner).update(chunk);
				progress(before + chunk.len() as u64);
			});
			let added = self.add(Part::stream_with_length(Body::wrap_stream(body), size), "file", size).await?;
			let expected = std::mem::take(&mut *expected.lock().unwrap_or_else(PoisonError::into_inner));
			self.expect(added, expected.finish())
		};
		self.retrying(add).await
	}

	/// Adds and pins bytes under a name that only people see.
	pub async fn add_bytes(&self, name: &str, bytes: Vec<u8>) -> Result<Added> {
		let bytes: Arc<[u8]> = bytes.into();
		let size = bytes.len() as u64;
		let expected = FileCid::of(&bytes);
		let add = || async {
			let added = self.add(Part::bytes(bytes.to_vec()), name, size).await?;
			self.expect(added, expected)
		};
		self.retrying(add).await
	}

	/// Removes the pin of a file at every node, so kubo may drop its blocks. A file that is not
	/// pinned is no error.
	pub async fn unpin(&self, cid: &Cid) -> Result<()> {
		let mut outcome = Ok(());
		for turn in 0..self.urls.len() {
			let unpinned = self.pin_request(turn, &format!("pin/rm?arg={cid}&recursive=true")).await;
			outcome = outcome.and(unpinned.map(drop));
		}
		outcome
	}

	/// Whether a node has a file pinned, so that it keeps its blocks.
	///
	/// # Errors
	/// No node has it, and one gave no answer.
	pub async fn is_pinned(&self, cid: &Cid) -> Result<bool> {
		let mut failure = None;
		for turn in 0..self.urls.len() {
			match self.pin_request(turn, &format!("pin/ls?arg={cid}&type=recursive")).await {
				Ok(true) => return Ok(true),
				Ok(false) => {},
				Err(error) => failure = Some(error),
			}
		}
		failure.map_or(Ok(false), Err)
	}

	/// Asks one node about a pin. Returns whether there is one.
	async fn pin_request(&self, turn: usize, path: &str) -> Result<bool> {
		match self.retrying(|| self.call_at(turn, path, None, REQUEST_TIMEOUT)).await {
			Ok(_) => Ok(true),
			// kubo has no code for this, only its message.
			Err(Error::KuboRefused { message, .. }) if message.contains("not pinned") => Ok(false),
			Err(error) => Err(error),
		}
	}

	/// Whether a node answers: asks each once, from the one that answered last.
	pub async fn probe(&self) -> Result<()> {
		let mut ended = Ok(());
		for _ in 0..self.urls.len() {
			match self.call("version", None, PROBE_TIMEOUT).await {
				Ok(_) => return Ok(()),
				Err(failure) => ended = Err(failure.error),
			}
		}
		ended
	}

	/// The node's version; an answer means that the node is there.
	pub async fn version(&self) -> Result<String> {
		let answer = self.retrying(|| self.call("version", None, REQUEST_TIMEOUT)).await?;
		let version: VersionAnswer = serde_json::from_slice(&answer).map_err(|cause| self.current().strange(cause).error)?;
		Ok(version.version)
	}

	async fn retrying<T, F, Fut>(&self, call: F) -> Result<T>
	where
		F: FnMut() -> Fut,
		Fut: Future<Output = Result<T, Failure>>,
	{
		call.retry(ExponentialBuilder::default().with_min_delay(FIRST_RETRY).with_jitter().with_max_times(RETRIES))
			.when(|failure| failure.passing)
			.notify(
				|failure, delay| tracing::warn!(error = %failure.error, ?delay, "a request to kubo failed; trying again"),
			)
			.await
			.map_err(|failure| failure.error)
	}

	async fn add(&self, part: Part, name: &str, size: u64) -> Result<Added, Failure> {
		let form = Form::new().part("file", part.file_name(name.to_owned()));
		let limit = REQUEST_TIMEOUT + Duration::from_secs(size / UPLOAD_RATE);
		let answer = self.call(&format!("add?{ADD_QUERY}"), Some(form), limit).await?;
		// One JSON object in each line; the last one is the root.
		let line = answer.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap_or_default();
		let added: AddAnswer = serde_json::from_slice(line).map_err(|cause| self.current().strange(cause))?;
		let cid = added.hash.parse().map_err(|cause| self.current().strange(cause))?;
		Ok(Added { cid, size })
	}

	/// Fails if kubo has divided a file in another way than it was asked to.
	fn expect(&self, added: Added, expected: Cid) -> Result<Added, Failure> {
		match added.cid == expected {
			true => Ok(added),
			false => {
				let (url, found) = (self.current().shown(), added.cid);
				Err(Failure { error: Error::OtherCid { url, expected, found }, passing: false })
			},
		}
	}

	/// Asks the current node. If that is away, the next attempt asks the next node.
	async fn call(&self, path: &str, form: Option<Form>, limit: Duration) -> Result<Vec<u8>, Failure> {
		let turn = self.current.load(Ordering::Relaxed);
		let answer = self.call_at(turn, path, form, limit).await;
		if let Err(Failure { error: Error::KuboUnreachable { .. }, .. }) = &answer {
			let next = turn.wrapping_add(1);
			// Of several that failed at once, one turns.
			let _ = self.current.compare_exchange(turn, next, Ordering::Relaxed, Ordering::Relaxed);
		}
		answer
	}

	async fn call_at(&self, turn: usize, path: &str, form: Option<Form>, limit: Duration) -> Result<Vec<u8>, Failure> {
		let node = self.node(turn);
		let url = node.url.join(&format!("api/v0/{path}")).map_err(|cause| node.strange(cause))?;
		let request = self.http.post(url).timeout(limit);
		let request = match form {
			Some(form) => request.multipart(form),
			None => request,
		};
		let response = request.send().await.map_err(|error| node.unreachable(&error))?;
		let status = response.status();
		let answer = node.read(response).await?;
		if status.is_success() {
			return Ok(answer);
		}
		let message = serde_json::from_slice::<ErrorAnswer>(&answer).map(|said| said.message);
		let message = message.unwrap_or_else(|_| String::from_utf8_lossy(&answer).trim().chars().take(200).collect());
		// kubo answers 500 to whatever it cannot do, so trying again does not help.
		let passing = status.is_server_error() && status != StatusCode::INTERNAL_SERVER_ERROR;
		Err(Failure { error: Error::KuboRefused { url: node.shown(), status, message }, passing })
	}

	/// The node of this turn.
	fn node(&self, turn: usize) -> OneNode<'_> {
		let url = self.urls.get(turn % self.urls.len().max(1)).unwrap_or(&self.first);
		OneNode { url }
	}

	/// The node that is asked now, for messages.
	fn current(&self) -> OneNode<'_> {
		self.node(self.current.load(Ordering::Relaxed))
	}
}

/// One of the nodes.
struct OneNode<'a> {
	url: &'a Url,
}

impl OneNode<'_> {
	async fn read(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
		let mut answer = Vec::new();
		while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
			answer.extend_from_slice(&chunk);
			if answer.len() > MAX_ANSWER {
				return Err(self.strange("the answer is longer than 64 KiB"));
			}
		}
		Ok(answer)
	}

	fn unreachable(&self, error: &reqwest::Error) -> Failure {
		Failure { error: Error::KuboUnreachable { url: self.shown(), cause: cause(error) }, passing: true }
	}

	fn shown(&self) -> String {
		shown(self.url.as_str())
	}

	fn strange(&self, why: impl std::fmt::Display) -> Failure {
		Failure { error: Error::NotKubo { url: self.shown(), cause: why.to_string() }, passing: false }
	}
}
