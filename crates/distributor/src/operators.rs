//! What operators ask a distributor over HTTP, at an address of its own: earnings and faults are not
//! for everyone.

use crate::{desk::Desk, error::Error, insight::Insight, metrics, status::Status};
use axum::{
	extract::State,
	http::{header::CONTENT_TYPE, StatusCode},
	response::{IntoResponse, Response},
	routing::get,
	Json, Router,
};
use std::sync::Arc;
use waybill_chain::ledger::{Ledger, State as _};
use waybill_daemon::metrics::MEDIA_TYPE;

/// How many connections to operators may be open at once.
pub const MAX_CONNECTIONS: usize = 16;

/// What every request uses.
struct Shared<L: Ledger> {
	desk: Arc<Desk<L>>,
	insight: Arc<Insight>,
}

/// The routes `/status`, `/metrics` and `/health`.
pub fn status_router<L: Ledger>(desk: Arc<Desk<L>>, insight: Arc<Insight>) -> Router {
	Router::new()
		.route("/status", get(status::<L>))
		.route("/metrics", get(metrics::<L>))
		.with_state(Arc::new(Shared { desk: desk.clone(), insight: insight.clone() }))
		.merge(health_router(desk, insight))
}

/// The route `/health`. It answers 200 if the distributor can serve devices and be paid, else 503.
pub fn health_router<L: Ledger>(desk: Arc<Desk<L>>, insight: Arc<Insight>) -> Router {
	Router::new().route("/health", get(health::<L>)).with_state(Arc::new(Shared { desk, insight }))
}

async fn health<L: Ledger>(State(shared): State<Arc<Shared<L>>>) -> Response {
	let block_ms = shared.desk.newest().borrow().as_ref().map(|state| state.head().timestamp_ms);
	let health = shared.insight.public(block_ms);
	let status = if health.healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
	(status, Json(health)).into_response()
}

async fn status<L: Ledger>(State(shared): State<Arc<Shared<L>>>) -> Response {
	match tokio::task::block_in_place(|| Status::of(&shared.desk, &shared.insight)) {
		Ok(status) => Json(status).into_response(),
		Err(error) => unreadable(&error),
	}
}

async fn metrics<L: Ledger>(State(shared): State<Arc<Shared<L>>>) -> Response {
	match tokio::task::block_in_place(|| metrics::page(&shared.desk, &shared.insight)) {
		Ok(page) => ([(CONTENT_TYPE, MEDIA_TYPE)], page.text()).into_response(),
		Err(error) => unreadable(&error),
	}
}

fn unreadable(error: &Error) -> Response {
	tracing::error!(%error, "cannot read the status");
	StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
