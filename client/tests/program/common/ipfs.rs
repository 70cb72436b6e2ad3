//! An IPFS node for files of one block: kubo's `add` and the trustless gateway, over HTTP.

use axum::{
	body::Bytes,
	extract::{Path, Query, State},
	http::{header::CONTENT_TYPE, HeaderMap, StatusCode},
	response::{IntoResponse, Response},
	routing::{get, post},
	Json, Router,
};
use std::{
	collections::HashMap,
	net::SocketAddr,
	sync::{Arc, Mutex},
	thread,
};
use tokio::{net::TcpListener, runtime, sync::oneshot};
use waybill_primitives::Cid;

/// What fits into one leaf: proofs are larger than kubo's leaves.
const BLOCK: usize = 1 << 20;

type Blocks = Arc<Mutex<HashMap<String, Bytes>>>;

/// The node. It ends with this value.
pub struct Ipfs {
	address: SocketAddr,
	_stop: oneshot::Sender<()>,
}

impl Ipfs {
	/// Starts it on a free port.
	pub fn start() -> Self {
		let (stop, stopped) = oneshot::channel();
		let (tell, told) = std::sync::mpsc::channel();
		thread::spawn(move || {
			let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
			runtime.block_on(async {
				let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
				tell.send(listener.local_addr().unwrap()).unwrap();
				let routes = Router::new()
					.route("/api/v0/add", post(add))
					.route("/api/v0/pin/rm", post(|| async { Json(serde_json::json!({ "Pins": [] })) }))
					.route("/api/v0/version", post(|| async { Json(serde_json::json!({ "Version": "0.43.0" })) }))
					.route("/ipfs/{cid}", get(block));
				let server = axum::serve(listener, routes.with_state(Blocks::default()));
				tokio::select! {
					_ = server => {},
					_ = stopped => {},
				}
			});
		});
		Self { address: told.recv().unwrap(), _stop: stop }
	}

	/// The address of its gateway and of its RPC.
	pub fn url(&self) -> String {
		format!("http://{}", self.address)
	}
}

/// Adds the file of a multipart form.
async fn add(State(blocks): State<Blocks>, headers: HeaderMap, form: Bytes) -> Response {
	let Some(file) = file_of(&headers, &form).filter(|file| file.len() <= BLOCK) else {
		return StatusCode::BAD_REQUEST.into_response();
	};
	let cid = Cid::raw(&file).to_string();
	let answer = serde_json::json!({ "Name": cid, "Hash": cid, "Size": file.len().to_string() });
	blocks.lock().unwrap().insert(cid, file);
	Json(answer).into_response()
}

/// The only part of a multipart form.
fn file_of(headers: &HeaderMap, form: &Bytes) -> Option<Bytes> {
	let boundary = headers.get(CONTENT_TYPE)?.to_str().ok()?.split_once("boundary=")?.1;
	let find = |needle: &[u8]| form.windows(needle.len()).position(|window| window == needle);
	let start = find(b"\r\n\r\n")? + 4;
	let end = find(format!("\r\n--{boundary}--").as_bytes())?;
	(start <= end).then(|| form.slice(start..end))
}

/// A raw block.
async fn block(
	State(blocks): State<Blocks>,
	Path(cid): Path<String>,
	Query(query): Query<HashMap<String, String>>,
) -> Response {
	if query.get("format").map(String::as_str) != Some("raw") {
		return StatusCode::NOT_ACCEPTABLE.into_response();
	}
	match blocks.lock().unwrap().get(&cid) {
		Some(block) => ([(CONTENT_TYPE, "application/vnd.ipld.raw")], block.clone()).into_response(),
		None => StatusCode::NOT_FOUND.into_response(),
	}
}
