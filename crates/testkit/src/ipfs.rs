//! An IPFS node for tests, over HTTP: a trustless gateway that can misbehave, and kubo's `add` and
//! `pin/rm`.

use axum::{
	body::{Body, Bytes},
	extract::{DefaultBodyLimit, Path, Query, State},
	http::{header::CONTENT_TYPE, HeaderMap, StatusCode},
	response::{IntoResponse, Redirect, Response},
	routing::{get, post},
	Json, Router,
};
use futures::{stream, StreamExt};
use std::{
	collections::{HashMap, HashSet, VecDeque},
	future::Future,
	io,
	net::SocketAddr,
	sync::{mpsc, Arc, Mutex},
	thread,
	time::Duration,
};
use tokio::{
	net::TcpListener,
	runtime,
	sync::{oneshot, Mutex as AsyncMutex},
	time::sleep,
};
use waybill_primitives::{Cid, Codec, Multihash};

/// What the gateway answers instead of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trick {
	/// 429, with the seconds after which to ask again.
	RetryAfter(u64),
	/// An HTTP status.
	Status(u16),
	/// 200 with a web page.
	Html,
	/// 200 with another block.
	OtherBlock,
	/// Half of the block, then the end of the connection.
	Truncated,
	/// Nothing.
	Hang,
	/// A byte at a time, for ever.
	Drip,
	/// More than a block may hold.
	Huge,
	/// A redirection to the block.
	Redirect,
}

#[derive(Default)]
struct Store {
	blocks: HashMap<String, Bytes>,
	tricks: HashMap<String, VecDeque<Trick>>,
	requests: Vec<String>,
	unpinned: Vec<String>,
	pinned: HashSet<String>,
	/// Whether requests to unpin get no answer.
	hangs: bool,
	/// The bytes of a leaf, if another number than it is asked for.
	leaf: Option<usize>,
	/// How many bytes a second the link to the gateway carries.
	rate: Option<u64>,
	/// Held by the request whose bytes are on the link.
	link: Arc<AsyncMutex<()>>,
}

type Shared = Arc<Mutex<Store>>;

/// The node. It stops when this value is dropped.
pub struct Ipfs {
	address: SocketAddr,
	store: Shared,
	_stop: oneshot::Sender<()>,
}

impl Ipfs {
	/// Starts it on a free port, as a task of this runtime.
	pub async fn start() -> Self {
		Self::start_on(TcpListener::bind(("127.0.0.1", 0)).await.unwrap())
	}

	/// Starts it on this port, as a task of this runtime.
	pub fn start_on(listener: TcpListener) -> Self {
		let (node, server) = Self::on(listener);
		tokio::spawn(server);
		node
	}

	/// Starts it on a free port, in a thread of its own: for tests without a runtime.
	pub fn start_in_thread() -> Self {
		let (tell, told) = mpsc::channel();
		thread::spawn(move || {
			let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
			runtime.block_on(async {
				let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
				let (node, server) = Self::on(listener);
				tell.send(node).unwrap();
				server.await;
			});
		});
		told.recv().unwrap()
	}

	fn on(listener: TcpListener) -> (Self, impl Future<Output = ()>) {
		let address = listener.local_addr().unwrap();
		let store = Shared::default();
		let routes = Router::new()
			.route("/ipfs/{cid}", get(block))
			.route("/good/{cid}", get(good))
			.route("/api/v0/add", post(add))
			.route("/api/v0/pin/rm", post(unpin))
			.route("/api/v0/pin/ls", post(list))
			.route("/api/v0/version", post(|| async { Json(serde_json::json!({ "Version": "0.0.0" })) }))
			.layer(DefaultBodyLimit::max(64 << 20))
			.with_state(store.clone());
		let (stop, stopped) = oneshot::channel();
		let server = async move {
			tokio::select! {
				served = axum::serve(listener, routes) => served.unwrap(),
				_ = stopped => {},
			}
		};
		(Self { address, store, _stop: stop }, server)
	}

	/// The address of both its gateway and its RPC.
	pub fn url(&self) -> String {
		format!("http://{}", self.address)
	}

	/// Stores a block.
	pub fn put(&self, codec: Codec, block: Vec<u8>) -> Cid {
		put(&mut self.store.lock().unwrap(), codec, block)
	}

	/// Stores a file in leaves of this size.
	pub fn add(&self, file: &[u8], leaf: usize) -> Cid {
		add_file(&mut self.store.lock().unwrap(), file, leaf)
	}

	/// Removes a block.
	pub fn remove(&self, cid: &str) {
		self.store.lock().unwrap().blocks.remove(cid);
	}

	/// Answers the next requests for a block with these tricks, one each.
	pub fn trick(&self, cid: &Cid, tricks: impl IntoIterator<Item = Trick>) {
		self.store.lock().unwrap().tricks.insert(cid.to_string(), tricks.into_iter().collect());
	}

	/// The blocks that clients asked for since the last call, in order.
	pub fn requests(&self) -> Vec<String> {
		std::mem::take(&mut self.store.lock().unwrap().requests)
	}

	/// Loses every pin, and every block of a file that was added over the RPC: `ipfs pin rm` and
	/// `ipfs repo gc`. Returns the files' CIDs.
	pub fn lose_pins(&self) -> Vec<String> {
		let mut store = self.store.lock().unwrap();
		let lost: Vec<String> = std::mem::take(&mut store.pinned).into_iter().collect();
		for cid in &lost {
			store.blocks.remove(cid);
		}
		lost
	}

	/// Puts the gateway behind a link that carries `rate` bytes a second.
	pub fn throttle(&self, rate: u64) {
		self.store.lock().unwrap().rate = Some(rate);
	}

	/// Divides the files that come from now on into leaves of this size, whatever it is asked for.
	pub fn divide(&self, leaf: usize) {
		self.store.lock().unwrap().leaf = Some(leaf);
	}

	/// Answers no request to unpin a file any more.
	pub fn hang(&self) {
		self.store.lock().unwrap().hangs = true;
	}

	/// The files that are pinned, in order.
	pub fn pinned(&self) -> Vec<String> {
		let mut pinned: Vec<_> = self.store.lock().unwrap().pinned.iter().cloned().collect();
		pinned.sort();
		pinned
	}

	/// The files whose pins were removed.
	pub fn unpinned(&self) -> Vec<String> {
		self.store.lock().unwrap().unpinned.clone()
	}
}

fn put(store: &mut Store, codec: Codec, block: Vec<u8>) -> Cid {
	let cid = Cid { codec, hash: Multihash::Sha2_256(sp_crypto_hashing::sha2_256(&block)) };
	store.blocks.insert(cid.to_string(), block.into());
	cid
}

/// Stores a file in kubo's balanced layout: one leaf, or a root over inner nodes over leaves, each
/// node with at most 174 links.
fn add_file(store: &mut Store, file: &[u8], leaf: usize) -> Cid {
	let mut level: Vec<Child> = file
		.chunks(leaf)
		.map(|chunk| (put(store, Codec::Raw, chunk.to_vec()), chunk.len() as u64, chunk.len() as u64))
		.collect();
	if level.is_empty() {
		level.push((put(store, Codec::Raw, Vec::new()), 0, 0));
	}
	while level.len() > 1 {
		let parent = |nodes: &[Child]| {
			let block = node(nodes);
			let total = block.len() as u64 + nodes.iter().map(|node| node.2).sum::<u64>();
			(put(store, Codec::DagPb, block), nodes.iter().map(|node| node.1).sum(), total)
		};
		level = level.chunks(174).map(parent).collect();
	}
	level[0].0
}

/// A node with the bytes of the file below it, and those of all its blocks.
type Child = (Cid, u64, u64);

/// A UnixFS file's node over these children.
fn node(children: &[Child]) -> Vec<u8> {
	let size: u64 = children.iter().map(|(_, size, _)| size).sum();
	let mut unixfs = [varint(1 << 3), varint(2), varint(3 << 3), varint(size)].concat();
	children.iter().for_each(|(_, size, _)| unixfs.extend([varint(4 << 3), varint(*size)].concat()));
	let link = |(cid, _, total): &Child| {
		let link = [bytes(1, &cid.to_bytes()), bytes(2, b""), varint(3 << 3), varint(*total)].concat();
		bytes(2, &link)
	};
	children.iter().flat_map(link).chain(bytes(1, &unixfs)).collect()
}

fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
	[varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
	let mut out = Vec::new();
	while value >= 0x80 {
		out.push(value as u8 | 0x80);
		value >>= 7;
	}
	out.push(value as u8);
	out
}

async fn block(
	State(store): State<Shared>,
	Path(cid): Path<String>,
	Query(query): Query<HashMap<String, String>>,
	headers: HeaderMap,
) -> Response {
	let raw = headers.get("accept").is_some_and(|accept| accept == "application/vnd.ipld.raw");
	if !raw || query.get("format").map(String::as_str) != Some("raw") {
		return StatusCode::NOT_ACCEPTABLE.into_response();
	}
	let (block, trick, rate, link) = {
		let mut store = store.lock().unwrap();
		store.requests.push(cid.clone());
		let trick = store.tricks.get_mut(&cid).and_then(VecDeque::pop_front);
		(store.blocks.get(&cid).cloned(), trick, store.rate, store.link.clone())
	};
	let Some(block) = block else { return StatusCode::NOT_FOUND.into_response() };
	let pieces = |pieces: Vec<io::Result<Bytes>>| Body::from_stream(stream::iter(pieces)).into_response();
	let from = headers.get("range").map(|range| {
		let range = range.to_str().unwrap().strip_prefix("bytes=").unwrap();
		range.strip_suffix('-').unwrap().parse::<usize>().unwrap()
	});
	match trick {
		None => {
			let status = if from.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
			let rest = block.slice(from.unwrap_or_default().min(block.len())..);
			match rate {
				None => (status, raw_block(rest)).into_response(),
				Some(rate) => (status, throttled(rest, rate, link)).into_response(),
			}
		},
		Some(Trick::RetryAfter(seconds)) => {
			(StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds.to_string())]).into_response()
		},
		Some(Trick::Status(status)) => StatusCode::from_u16(status).unwrap().into_response(),
		Some(Trick::Html) => ([(CONTENT_TYPE, "text/html")], "<html>Sorry</html>").into_response(),
		Some(Trick::OtherBlock) => raw_block(Bytes::from_static(b"another block")),
		Some(Trick::Truncated) => pieces(vec![Ok(block.slice(..block.len() / 2)), Err(io::ErrorKind::BrokenPipe.into())]),
		Some(Trick::Hang) => {
			sleep(Duration::from_secs(600)).await;
			StatusCode::OK.into_response()
		},
		Some(Trick::Drip) => {
			let drops = stream::repeat(0u8).then(|byte| async move {
				sleep(Duration::from_millis(20)).await;
				io::Result::Ok(Bytes::from(vec![byte]))
			});
			Body::from_stream(drops).into_response()
		},
		Some(Trick::Huge) => pieces((0..40).map(|_| Ok(Bytes::from(vec![0; 64 * 1024]))).collect()),
		Some(Trick::Redirect) => Redirect::temporary(&format!("/good/{cid}")).into_response(),
	}
}

/// A block over a link that all requests share.
fn throttled(block: Bytes, rate: u64, link: Arc<AsyncMutex<()>>) -> Response {
	let drops: Vec<Bytes> = block.chunks(1_024).map(Bytes::copy_from_slice).collect();
	let drops = stream::iter(drops).then(move |drop| {
		let link = link.clone();
		async move {
			let _taken = link.lock().await;
			sleep(Duration::from_secs_f64(drop.len() as f64 / rate as f64)).await;
			io::Result::Ok(drop)
		}
	});
	([(CONTENT_TYPE, "application/vnd.ipld.raw")], Body::from_stream(drops)).into_response()
}

async fn good(State(store): State<Shared>, Path(cid): Path<String>) -> Response {
	raw_block(store.lock().unwrap().blocks[&cid].clone())
}

fn raw_block(block: Bytes) -> Response {
	([(CONTENT_TYPE, "application/vnd.ipld.raw")], block).into_response()
}

/// Adds the only part of a multipart form.
async fn add(State(store): State<Shared>, headers: HeaderMap, form: Bytes) -> Response {
	let content_type = headers[CONTENT_TYPE].to_str().unwrap();
	let boundary = content_type.split_once("boundary=").unwrap().1;
	let find = |needle: &[u8]| form.windows(needle.len()).position(|window| window == needle).unwrap();
	let file = form.slice(find(b"\r\n\r\n") + 4..find(format!("\r\n--{boundary}--").as_bytes()));
	let mut store = store.lock().unwrap();
	let leaf = store.leaf.unwrap_or(262_144);
	let cid = add_file(&mut store, &file, leaf).to_string();
	store.unpinned.retain(|unpinned| *unpinned != cid);
	store.pinned.insert(cid.clone());
	Json(serde_json::json!({ "Name": "file", "Hash": cid, "Size": file.len().to_string() })).into_response()
}

async fn unpin(State(store): State<Shared>, Query(query): Query<HashMap<String, String>>) -> Response {
	if store.lock().unwrap().hangs {
		std::future::pending::<()>().await;
	}
	let cid = query["arg"].clone();
	let mut store = store.lock().unwrap();
	if store.unpinned.contains(&cid) {
		let error = Json(serde_json::json!({ "Message": "not pinned or pinned indirectly", "Code": 0, "Type": "error" }));
		return (StatusCode::INTERNAL_SERVER_ERROR, error).into_response();
	}
	store.unpinned.push(cid.clone());
	store.pinned.remove(&cid);
	Json(serde_json::json!({ "Pins": [cid] })).into_response()
}

async fn list(State(store): State<Shared>, Query(query): Query<HashMap<String, String>>) -> Response {
	let cid = &query["arg"];
	match store.lock().unwrap().pinned.contains(cid) {
		true => Json(serde_json::json!({ "Keys": { cid: { "Type": "recursive" } } })).into_response(),
		false => {
			let message = format!("path '{cid}' is not pinned");
			let error = Json(serde_json::json!({ "Message": message, "Code": 0, "Type": "error" }));
			(StatusCode::INTERNAL_SERVER_ERROR, error).into_response()
		},
	}
}
