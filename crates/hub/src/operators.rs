//! What operators ask a hub over HTTP, at an address of its own. `docs/metrics.md` describes the
//! metrics.

use crate::hub::Hub;
use axum::{
	extract::State,
	http::{header::CONTENT_TYPE, StatusCode},
	response::{IntoResponse, Response},
	routing::get,
	Json, Router,
};
use serde::Serialize;
use std::sync::Arc;
use waybill_daemon::{
	certificate::Certificate,
	clock::Time,
	metrics::{Page, MEDIA_TYPE},
};

/// How many connections to operators may be open at once.
pub const MAX_CONNECTIONS: usize = 16;

/// What operators see of a hub.
pub struct Insight {
	/// The hub.
	pub hub: Arc<Hub>,
	/// When it began.
	pub started: Time,
	/// The certificate that it serves HTTPS with.
	pub certificate: Option<Certificate>,
}

/// What everyone may know about a hub.
#[derive(Serialize)]
struct Health {
	/// Whether it can check proofs.
	healthy: bool,
}

/// The routes `/metrics` and `/health`.
pub fn status_router(insight: Insight) -> Router {
	let hub = insight.hub.clone();
	Router::new().route("/metrics", get(metrics)).with_state(Arc::new(insight)).merge(health_router(hub))
}

/// The route `/health`. It answers 200 unless every gateway failed the last time, then 503.
pub fn health_router(hub: Arc<Hub>) -> Router {
	Router::new().route("/health", get(health)).with_state(hub)
}

async fn health(State(hub): State<Arc<Hub>>) -> Response {
	let healthy = hub.gateway().sources().iter().any(|source| !source.is_failing);
	let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
	(status, Json(Health { healthy })).into_response()
}

async fn metrics(State(insight): State<Arc<Insight>>) -> Response {
	([(CONTENT_TYPE, MEDIA_TYPE)], page(&insight).text()).into_response()
}

fn page(insight: &Insight) -> Page {
	let (page, tally) = (Page::default(), insight.hub.tally());
	let version = [(env!("CARGO_PKG_VERSION"), 1.0)];
	page.gauges("waybill_hub_info", "The program's version, as a label.", "version", version);
	page.gauge(
		"waybill_hub_start_time_seconds",
		"When the program began, in seconds since 1970.",
		insight.started.0 as f64 / 1e3,
	);
	let help = "Queries of devices, by the answer. Each device that is served gets one verdict.";
	page.counters("waybill_hub_queries_total", help, "answer", tally.answers());
	page.counters("waybill_hub_checks_total", "Checks of proofs, by outcome.", "outcome", tally.checks());
	page.counter("waybill_hub_checked_bytes_total", "Bytes of the ciphertexts that were checked.", tally.bytes());
	let help = "How long fetching and checking took, in seconds.";
	page.counter("waybill_hub_check_seconds_total", help, tally.seconds());
	page.gauge("waybill_hub_checking", "Checks that run or wait.", insight.hub.working() as f64);
	insight.hub.gateway().write_metrics(&page);
	if let Some(certificate) = &insight.certificate {
		certificate.write_metrics(&page);
	}
	page
}
