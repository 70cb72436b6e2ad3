//! An HTTP or HTTPS server that bounds the number of connections, their lifetime, and the length of
//! their heads.

use crate::certificate::Certificate;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
	rt::{TokioIo, TokioTimer},
	service::TowerToHyperService,
};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{
	io::{AsyncRead, AsyncWrite},
	net::{TcpListener, TcpStream},
	sync::Semaphore,
	task::JoinSet,
	time::{interval, timeout, MissedTickBehavior},
};

/// How long a client may take to send a request's head, and for the handshake of TLS before that.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection lives, whatever it does.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(60);
/// How long to rest when no connection can be taken (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How often to look whether the certificate has changed.
const LOOK: Duration = Duration::from_secs(5);

/// Where a server listens, and with which certificate, if it serves HTTPS.
#[derive(Debug)]
pub struct Socket {
	listener: TcpListener,
	certificate: Option<Certificate>,
}

impl Socket {
	/// Serves HTTPS with a certificate, and HTTP without one.
	pub const fn new(listener: TcpListener, certificate: Option<Certificate>) -> Self {
		Self { listener, certificate }
	}
}

impl From<TcpListener> for Socket {
	fn from(listener: TcpListener) -> Self {
		Self::new(listener, None)
	}
}

/// Serves connections until `stop` completes. Connections under way then get a second to end.
pub async fn serve(socket: impl Into<Socket>, router: Router, max_connections: usize, stop: impl Future<Output = ()>) {
	let Socket { listener, certificate } = socket.into();
	let places = Arc::new(Semaphore::new(max_connections));
	let mut connections = JoinSet::new();
	let mut look = interval(LOOK);
	look.set_missed_tick_behavior(MissedTickBehavior::Delay);
	tokio::pin!(stop);
	loop {
		let accepted = async {
			let place = places.clone().acquire_owned().await;
			(place, listener.accept().await)
		};
		tokio::select! {
			() = &mut stop => break,
			Some(_) = connections.join_next(), if !connections.is_empty() => {},
			_ = look.tick(), if certificate.is_some() => certificate.iter().for_each(Certificate::look),
			(place, accepted) = accepted => match accepted {
				Ok((stream, _)) => {
					let (router, certificate) = (router.clone(), certificate.clone());
					connections.spawn(async move {
						let _place = place;
						let _ = stream.set_nodelay(true);
						match certificate {
							None => connection(stream, router).await,
							Some(certificate) => secured(stream, &certificate, router).await,
						}
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

async fn secured(stream: TcpStream, certificate: &Certificate, router: Router) {
	match timeout(HEAD_TIMEOUT, certificate.acceptor().accept(stream)).await {
		Ok(Ok(stream)) => connection(stream, router).await,
		Ok(Err(error)) => tracing::debug!(%error, "no TLS connection"),
		Err(_) => {},
	}
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router) {
	let served = http1::Builder::new()
		.timer(TokioTimer::new())
		.header_read_timeout(HEAD_TIMEOUT)
		.max_buf_size(32 * 1024)
		.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
	if let Ok(Err(error)) = timeout(CONNECTION_LIFETIME, served).await {
		tracing::debug!(%error, "a connection broke off");
	}
}
