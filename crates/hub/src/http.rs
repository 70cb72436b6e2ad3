//! The hub over HTTP.

use crate::{answer::Answer, hub::Hub, operators::health_router};
use axum::{
	body::Bytes,
	extract::{DefaultBodyLimit, State},
	http::{header::CONTENT_TYPE, StatusCode},
	response::{IntoResponse, Response},
	routing::post,
	Router,
};
use std::sync::Arc;
use waybill_exchange::{Message, ProofQuery, HUB_PATH, MEDIA_TYPE};

/// The routes for devices: that of the exchange, and `/health`.
///
/// The first one answers 200 with a signed verdict, or 202 if the check takes longer. Any other status says
/// nothing about the proofs.
pub fn router(hub: Arc<Hub>) -> Router {
	let limit = DefaultBodyLimit::max(ProofQuery::MAX_LEN);
	let health = health_router(hub.clone());
	Router::new().route(&format!("/{HUB_PATH}"), post(verify)).with_state(hub).merge(health).layer(limit)
}

async fn verify(State(hub): State<Arc<Hub>>, body: Bytes) -> Response {
	let Ok(query) = ProofQuery::from_cbor(&body) else {
		hub.tally().malformed();
		return (StatusCode::BAD_REQUEST, "not a query of the exchange").into_response();
	};
	let answer = hub.ask(query).await;
	hub.tally().answered(&answer);
	match answer {
		Answer::Verdict(signed) => ([(CONTENT_TYPE, MEDIA_TYPE)], signed).into_response(),
		Answer::Pending => StatusCode::ACCEPTED.into_response(),
		Answer::TooLarge => {
			(StatusCode::UNPROCESSABLE_ENTITY, "the payload is larger than this hub accepts").into_response()
		},
		Answer::Busy => (StatusCode::SERVICE_UNAVAILABLE, "too much to do; try again later").into_response(),
		Answer::Failed => (StatusCode::BAD_GATEWAY, "the files to check cannot be fetched; try again later").into_response(),
	}
}
