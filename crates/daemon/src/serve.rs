//! An HTTP server that bounds the number of connections, their lifetime, and the length of their
//! heads.

use axum::Router;
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

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection lives, whatever it does.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(60);
/// How long to rest when no connection can be taken (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves connections until `stop` completes. Connections under way then get a second to end.
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
					tracing::warn!(%error, "cannot accept a connection");
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
