//! The exchange over HTTP. Bodies, concurrent requests and connections are all bounded.

use crate::{
	desk::{Answer, Desk},
	insight::Insight,
	operators::health_router,
	tally::Answers,
};
use axum::{
	body::Bytes,
	extract::{DefaultBodyLimit, Path, State},
	http::{header::CONTENT_TYPE, StatusCode},
	response::{IntoResponse, Response},
	routing::{get, post},
	Router,
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
	insight: Arc<Insight>,
	work: Semaphore,
}

/// The routes for devices: the exchange, and `/health`.
pub fn router<L: Ledger>(desk: Arc<Desk<L>>, insight: Arc<Insight>) -> Router {
	let health = health_router(desk.clone(), insight.clone());
	let shared = Arc::new(Shared { desk, insight, work: Semaphore::new(MAX_WORK) });
	Router::new()
		.route("/exchange/v1/invite", get(invite::<L>))
		.route("/exchange/v1/hello", post(hello::<L>))
		.route("/exchange/v1/receipt", post(receipt::<L>))
		.route("/exchange/v1/key/{bounty}/{index}", get(key::<L>))
		.with_state(shared)
		.merge(health)
		.layer(DefaultBodyLimit::max(MAX_BODY))
}

async fn invite<L: Ledger>(State(shared): State<Arc<Shared<L>>>) -> Response {
	shared.insight.tally.invites.done.one();
	message(&shared.desk.invite())
}

async fn hello<L: Ledger>(State(shared): State<Arc<Shared<L>>>, body: Bytes) -> Response {
	let tally = &shared.insight.tally.offers;
	let Ok(_place) = shared.work.try_acquire() else { return busy(tally) };
	match Hello::from_cbor(&body) {
		Ok(hello) => answer(tally, shared.desk.hello(&hello).await, |offer| message(&offer)),
		Err(_) => reject(tally, Rejection::Malformed),
	}
}

async fn receipt<L: Ledger>(State(shared): State<Arc<Shared<L>>>, body: Bytes) -> Response {
	let tally = &shared.insight.tally.receipts;
	let Ok(_place) = shared.work.try_acquire() else { return busy(tally) };
	match Receipt::from_cbor(&body) {
		Ok(receipt) => answer(tally, shared.desk.receipt(&receipt), |()| StatusCode::NO_CONTENT.into_response()),
		Err(_) => reject(tally, Rejection::Malformed),
	}
}

async fn key<L: Ledger>(
	State(shared): State<Arc<Shared<L>>>,
	Path((bounty, index)): Path<(BountyId, DeviceIndex)>,
) -> Response {
	let tally = &shared.insight.tally.keys;
	let Ok(_place) = shared.work.try_acquire() else { return busy(tally) };
	answer(tally, shared.desk.key(bounty, index), |key| message(&key))
}

fn answer<T>(tally: &Answers, answer: Answer<T>, respond: impl FnOnce(T) -> Response) -> Response {
	match answer {
		Ok(Ok(value)) => {
			tally.done.one();
			respond(value)
		},
		Ok(Err(rejection)) => reject(tally, rejection),
		Err(error) => {
			// For example a full disk, or a lost node. The device may come again, and the
			// distributor has promised it nothing.
			tracing::error!(%error, "cannot serve a request");
			busy(tally)
		},
	}
}

fn busy(tally: &Answers) -> Response {
	tally.busy.one();
	rejection(Rejection::Busy)
}

fn reject(tally: &Answers, why: Rejection) -> Response {
	tally.rejected.one();
	rejection(why)
}

fn message<M: Message>(message: &M) -> Response {
	([(CONTENT_TYPE, MEDIA_TYPE)], message.to_cbor()).into_response()
}

fn rejection(rejection: Rejection) -> Response {
	let status = StatusCode::from_u16(rejection.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
	(status, message(&RejectionMessage::from(rejection))).into_response()
}
