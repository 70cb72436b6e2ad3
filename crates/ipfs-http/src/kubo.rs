//! kubo's RPC interface: adding and unpinning files.

use crate::{
	error::{cause, Error, Result},
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
		atomic::{AtomicU64, Ordering},
		Arc,
	},
	time::Duration,
};
use tokio_util::io::ReaderStream;
use url::Url;
use waybill_primitives::Cid;

/// How a file becomes a DAG. With these settings the same file has the same CID on every node.
const ADD_QUERY: &str =
	"cid-version=1&raw-leaves=true&hash=sha2-256&chunker=size-262144&trickle=false&inline=false&pin=true&progress=false";
/// The longest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A request ends after this much silence. An upload may take longer.
const READ_TIMEOUT: Duration = Duration::from_secs(120);
const READ_BUFFER: usize = 256 * 1024;
const RETRIES: usize = 3;
const FIRST_RETRY: Duration = Duration::from_millis(300);

/// A client of one kubo node.
#[derive(Clone, Debug)]
pub struct Kubo {
	http: reqwest::Client,
	url: Url,
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
	/// A client of the node whose RPC interface is at `url`, such as `http://127.0.0.1:5001`.
	pub fn new(url: &str) -> Result<Self> {
		let http = reqwest::Client::builder()
			.connect_timeout(CONNECT_TIMEOUT)
			.read_timeout(READ_TIMEOUT)
			.redirect(reqwest::redirect::Policy::none())
			.build()
			.map_err(Error::client)?;
		Ok(Self { http, url: parse(url)? })
	}

	/// Adds and pins a file. `progress` is called with the number of bytes sent.
	pub async fn add_file(&self, path: &Path, progress: impl Fn(u64) + Send + Sync + 'static) -> Result<Added> {
		let progress = Arc::new(progress);
		let add = || async {
			let unreadable = |cause| Failure { error: Error::read(path, &cause), passing: false };
			let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
			let size = file.metadata().await.map_err(unreadable)?.len();
			let (sent, progress) = (AtomicU64::new(0), progress.clone());
			let body = ReaderStream::with_capacity(file, READ_BUFFER).inspect_ok(move |chunk| {
				let before = sent.fetch_add(chunk.len() as u64, Ordering::Relaxed);
				progress(before + chunk.len() as u64);
			});
			self.add(Part::stream_with_length(Body::wrap_stream(body), size), "file", size).await
		};
		self.retrying(add).await
	}

	/// Adds and pins bytes under a name that only people see.
	pub async fn add_bytes(&self, name: &str, bytes: Vec<u8>) -> Result<Added> {
		let bytes: Arc<[u8]> = bytes.into();
		let size = bytes.len() as u64;
		self.retrying(|| self.add(Part::bytes(bytes.to_vec()), name, size)).await
	}

	/// Removes the pin of a file, so kubo may drop its blocks. A file that is not pinned is no
	/// error.
	pub async fn unpin(&self, cid: &Cid) -> Result<()> {
		let path = format!("pin/rm?arg={cid}&recursive=true");
		match self.retrying(|| self.call(&path, None)).await {
			// kubo has no code for this, only its message.
			Err(Error::KuboRefused { message, .. }) if message.contains("not pinned") => Ok(()),
			other => other.map(drop),
		}
	}

	/// Whether a file is pinned, so kubo keeps its blocks.
	pub async fn is_pinned(&self, cid: &Cid) -> Result<bool> {
		let path = format!("pin/ls?arg={cid}&type=recursive");
		match self.retrying(|| self.call(&path, None)).await {
			Ok(_) => Ok(true),
			// kubo has no code for this, only its message.
			Err(Error::KuboRefused { message, .. }) if message.contains("not pinned") => Ok(false),
			Err(error) => Err(error),
		}
	}

	/// The node's version; an answer means that the node is there.
	pub async fn version(&self) -> Result<String> {
		let answer = self.retrying(|| self.call("version", None)).await?;
		let version: VersionAnswer = serde_json::from_slice(&answer).map_err(|cause| self.strange(cause).error)?;
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
		let answer = self.call(&format!("add?{ADD_QUERY}"), Some(form)).await?;
		// One JSON object in each line; the last one is the root.
		let line = answer.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap_or_default();
		let added: AddAnswer = serde_json::from_slice(line).map_err(|cause| self.strange(cause))?;
		let cid = added.hash.parse().map_err(|cause| self.strange(cause))?;
		Ok(Added { cid, size })
	}

	async fn call(&self, path: &str, form: Option<Form>) -> Result<Vec<u8>, Failure> {
		let url = self.url.join(&format!("api/v0/{path}")).map_err(|cause| self.strange(cause))?;
		let request = self.http.post(url);
		let request = match form {
			Some(form) => request.multipart(form),
			None => request,
		};
		let response = request.send().await.map_err(|error| self.unreachable(&error))?;
		let status = response.status();
		let answer = self.read(response).await?;
		if status.is_success() {
			return Ok(answer);
		}
		let message = serde_json::from_slice::<ErrorAnswer>(&answer).map(|said| said.message);
		let message = message.unwrap_or_else(|_| String::from_utf8_lossy(&answer).trim().chars().take(200).collect());
		// kubo answers 500 to whatever it cannot do, so trying again does not help.
		let passing = status.is_server_error() && status != StatusCode::INTERNAL_SERVER_ERROR;
		Err(Failure { error: Error::KuboRefused { url: self.url.to_string(), status, message }, passing })
	}

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
		let error = Error::KuboUnreachable { url: self.url.to_string(), cause: cause(error) };
		Failure { error, passing: true }
	}

	fn strange(&self, why: impl std::fmt::Display) -> Failure {
		Failure { error: Error::NotKubo { url: self.url.to_string(), cause: why.to_string() }, passing: false }
	}
}
