//! The exchange over HTTP. Bodies, concurrent requests and connections are all bounded.

use crate::{
	desk::{Answer, Desk},
	status::{About, Status},
};
use axum::{
	body::Bytes,
	extract::{DefaultBodyLimit, Path, State},
	http::{header::CONTENT_TYPE, StatusCode},
	response::{IntoResponse, Response},
	routing::{get, post},
	Json, Router,
};
use std::sync::Arc;
use tokio::sync::Semaphore;
use waybill_chain::ledger::Ledger;
use waybill_exchange::{Hello, Message, Receipt, Rejection, RejectionMessage, MEDIA_TYPE};
use waybill_primitives::{BountyId, DeviceIndex};

/// The longest body that is read: longer than any message of a device.
const MAX_BODY: usize = 4_096;
/// How many requests may use the store at once.
const MAX_WORK: usize = 64;

/// What every request uses.
struct Shared<L: Ledger> {
	desk: Arc<Desk<L>>,
	about: About,
	work: Semaphore,
}

/// The routes of the exchange, and `/status`.
pub fn router<L: Ledger>(desk: Arc<Desk<L>>, about: About) -> Router {
	let shared = Arc::new(Shared { desk, about, work: Semaphore::new(MAX_WORK) });
	Router::new()
		.route("/exchange/v1/invite", get(invite::<L>))
		.route("/exchange/v1/hello", post(hello::<L>))
		.route("/exchange/v1/receipt", post(receipt::<L>))
		.route("/exchange/v1/key/{bounty}/{index}", get(key::<L>))
		.route("/status", get(status::<L>))
		.layer(DefaultBodyLimit::max(MAX_BODY))
		.with_state(shared)
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
			tracing::error!(%error, "cannot read the status");
			StatusCode::INTERNAL_SERVER_ERROR.into_response()
		},
	}
}

fn answer<T>(answer: Answer<T>, respond: impl FnOnce(T) -> Response) -> Response {
	match answer {
		Ok(Ok(value)) => respond(value),
		Ok(Err(rejection)) => reject(rejection),
		Err(error) => {
			// For example a full disk, or a lost node. The device may come again, and the
			// distributor has promised it nothing.
			tracing::error!(%error, "cannot serve a request");
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
