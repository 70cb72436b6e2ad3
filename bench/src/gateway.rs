//! An IPFS gateway of one block, from which the node's off-chain worker fetches the release.

use anyhow::Result;
use axum::{
	extract::{Path, State},
	http::{header, StatusCode},
	response::{IntoResponse, Response},
	routing::get,
	Router,
};
use std::{net::SocketAddr, sync::Arc};
use waybill_primitives::Cid;

/// Serves `block` at its CID until the program ends.
pub async fn serve(block: Vec<u8>) -> Result<SocketAddr> {
	let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
	let address = listener.local_addr()?;
	let content = Arc::new((Cid::raw(&block).to_string(), block));
	let router = Router::new().route("/ipfs/{cid}", get(answer)).with_state(content);
	tokio::spawn(async move { axum::serve(listener, router).await });
	Ok(address)
}

async fn answer(State(content): State<Arc<(String, Vec<u8>)>>, Path(cid): Path<String>) -> Response {
	let (known, block) = &*content;
	if cid != *known {
		return StatusCode::NOT_FOUND.into_response();
	}
	([(header::CONTENT_TYPE, "application/vnd.ipld.raw")], block.clone()).into_response()
}
