//! The hub over HTTP.

use super::{
	service::{Hub, Said},
	PATH,
};
use crate::device::peer::MEDIA_TYPE;
use axum::{
	body::Bytes,
	extract::{DefaultBodyLimit, State},
	http::{header::CONTENT_TYPE, StatusCode},
	response::{IntoResponse, Response},
	routing::post,
	Router,
};
use std::sync::Arc;
use waybill_exchange::{Message, ProofQuery};

/// The routes.
pub fn router(hub: Arc<Hub>) -> Router {
	Router::new().route(&format!("/{PATH}"), post(verify)).layer(DefaultBodyLimit::max(ProofQuery::MAX_LEN)).with_state(hub)
}

/// 200 with an answer, 202 if it takes longer; anything else says nothing about the proofs.
async fn verify(State(hub): State<Arc<Hub>>, body: Bytes) -> Response {
	let Ok(query) = ProofQuery::from_cbor(&body) else {
		return (StatusCode::BAD_REQUEST, "not a query of the exchange").into_response();
	};
	match hub.ask(query).await {
		Said::Answer(answer) => ([(CONTENT_TYPE, MEDIA_TYPE)], answer).into_response(),
		Said::Later => StatusCode::ACCEPTED.into_response(),
		Said::TooLarge => (StatusCode::UNPROCESSABLE_ENTITY, "the payload is larger than this hub takes").into_response(),
		Said::Busy => (StatusCode::SERVICE_UNAVAILABLE, "too much to do; try again later").into_response(),
		Said::Failed => (StatusCode::BAD_GATEWAY, "what is to be checked cannot be had; try again later").into_response(),
	}
}
