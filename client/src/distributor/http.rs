//! The exchange over HTTP, bounded in every way: connections, their time, the length of what is sent, requests at work.

use super::{
	desk::{Answer, Desk},
	status::Status,
};
use crate::{device::peer::MEDIA_TYPE, ledger::Ledger};
use axum::{
	body::Bytes,
	extract::{DefaultBodyLimit, Path, State},
	http::{header::CONTENT_TYPE, StatusCode},
	response::{IntoResponse, Response},
	routing::{get, post},
	Json, Router,
};
use hyper::server::conn::http1;
use hyper_util::{
	rt::{TokioIo, TokioTimer},
	service::TowerToHyperService,
};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{
	net::{TcpListener, TcpStream},
	sync::Semaphore,
	task::JoinSet,
	time::timeout,
};
use waybill_exchange::{Hello, Message, Receipt, Rejection, RejectionMessage};
use waybill_primitives::{BountyId, DeviceIndex};

/// Longer than any message of a device.
const MAX_BODY: usize = 4_096;
/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection lives, whatever it does.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(60);
/// How long to rest when no connection can be taken (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// How many requests that touch the store are at work at once.
const MAX_WORK: usize = 64;

/// What every request is given.
pub struct Shared<L: Ledger> {
	/// The answers.
	pub desk: Desk<L>,
	/// What does not change in the status.
	pub about: super::status::About,
	work: Semaphore,
}

impl<L: Ledger> Shared<L> {
	/// Serves this desk.
	pub fn new(desk: Desk<L>, about: super::status::About) -> Self {
		Self { desk, about, work: Semaphore::new(MAX_WORK) }
	}
}

/// The routes.
pub fn router<L: Ledger>(shared: Arc<Shared<L>>) -> Router {
	Router::new()
		.route("/exchange/v1/invite", get(invite::<L>))
		.route("/exchange/v1/hello", post(hello::<L>))
		.route("/exchange/v1/receipt", post(receipt::<L>))
		.route("/exchange/v1/key/{bounty}/{index}", get(key::<L>))
		.route("/status", get(status::<L>))
		.layer(DefaultBodyLimit::max(MAX_BODY))
		.with_state(shared)
}

/// Serves connections until `stop`; those under way then get a moment to end.
pub async fn serve(listener: TcpListener, router: Router, max_connections: usize, stop: impl Future<Output = ()>) {
	let places = Arc::new(Semaphore::new(max_connections));
	let mut connections = JoinSet::new();
	tokio::pin!(stop);
	loop {
		let accepted = async {
			let place = places.clone().acquire_owned().await;
			(place, listener.accept().await)
		};
		tokio::select! {
			() = &mut stop => break,
			Some(_) = connections.join_next(), if !connections.is_empty() => {},
			(place, accepted) = accepted => match accepted {
				Ok((stream, _)) => {
					let router = router.clone();
					connections.spawn(async move {
						let _place = place;
						connection(stream, router).await;
					});
				},
				Err(error) => {
					tracing::warn!(%error, "cannot take a connection");
					tokio::time::sleep(ACCEPT_PAUSE).await;
				},
			},
		}
	}
	let end = async { while connections.join_next().await.is_some() {} };
	let _ = timeout(Duration::from_secs(1), end).await;
}

async fn connection(stream: TcpStream, router: Router) {
	let _ = stream.set_nodelay(true);
	let served = http1::Builder::new()
		.timer(TokioTimer::new())
		.header_read_timeout(HEAD_TIMEOUT)
		.max_buf_size(32 * 1024)
		.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
	if let Ok(Err(error)) = timeout(CONNECTION_LIFETIME, served).await {
		tracing::debug!(%error, "a connection broke off")
	}
}

async fn invite<L: Ledger>(State(shared): State<Arc<Shared<L>>>) -> Response {
	message(&shared.desk.invite())
}

async fn hello<L: Ledger>(State(shared): State<Arc<Shared<L>>>, body: Bytes) -> Response {
	let Ok(_place) = shared.work.try_acquire() else { return reject(Rejection::Busy) };
	match Hello::from_cbor(&body) {
		Ok(hello) => answer(shared.desk.hello(&hello).await, |offer| message(&offer)),
		Err(_) => reject(Rejection::Malformed),
	}
}

async fn receipt<L: Ledger>(State(shared): State<Arc<Shared<L>>>, body: Bytes) -> Response {
	let Ok(_place) = shared.work.try_acquire() else { return reject(Rejection::Busy) };
	match Receipt::from_cbor(&body) {
		Ok(receipt) => answer(shared.desk.receipt(&receipt), |()| StatusCode::NO_CONTENT.into_response()),
		Err(_) => reject(Rejection::Malformed),
	}
}

async fn key<L: Ledger>(
	State(shared): State<Arc<Shared<L>>>,
	Path((bounty, index)): Path<(BountyId, DeviceIndex)>,
) -> Response {
	let Ok(_place) = shared.work.try_acquire() else { return reject(Rejection::Busy) };
	answer(shared.desk.key(bounty, index), |key| message(&key))
}

async fn status<L: Ledger>(State(shared): State<Arc<Shared<L>>>) -> Response {
	let Ok(_place) = shared.work.try_acquire() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
	match Status::of(&shared.desk, &shared.about) {
		Ok(status) => Json(status).into_response(),
		Err(error) => {
			tracing::error!(%error, "no status");
			StatusCode::INTERNAL_SERVER_ERROR.into_response()
		},
	}
}

fn answer<T>(answer: Answer<T>, respond: impl FnOnce(T) -> Response) -> Response {
	match answer {
		Ok(Ok(value)) => respond(value),
		Ok(Err(rejection)) => reject(rejection),
		Err(error) => {
			// A full disk, a node that is gone: the device may come again, and nothing was promised to it.
			tracing::error!(%error, "a request could not be served");
			reject(Rejection::Busy)
		},
	}
}

fn message<M: Message>(message: &M) -> Response {
	([(CONTENT_TYPE, MEDIA_TYPE)], message.to_cbor()).into_response()
}

fn reject(rejection: Rejection) -> Response {
	let status = StatusCode::from_u16(rejection.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
	(status, message(&RejectionMessage::from(rejection))).into_response()
}
