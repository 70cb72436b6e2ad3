//! An HTTP or HTTPS server that bounds the number of connections, their lifetime, their requests, and
//! how long a client may take to send one.

use crate::{
	certificate::Certificate,
	places::{Place, Places},
};
use axum::{
	body::{to_bytes, Body},
	http::{header::CONNECTION, HeaderValue, StatusCode},
	response::{IntoResponse, Response},
	Router,
};
use hyper::{
	body::Incoming,
	server::conn::http1,
	service::{service_fn, Service},
	Request,
};
use hyper_util::{
	rt::{TokioIo, TokioTimer},
	service::TowerToHyperService,
};
use std::{convert::Infallible, future::Future, time::Duration};
use tokio::{
	io::{AsyncRead, AsyncWrite},
	net::{TcpListener, TcpStream},
	task::JoinSet,
	time::{interval, timeout, MissedTickBehavior},
};

/// How long a client may take to send a request's head, and for the handshake of TLS before that. A
/// connection without a request ends after this time, too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to send a request's body after its head.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest body that is read. Routes have lower limits of their own.
const MAX_BODY: usize = 16 * 1024;
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
///
/// At most `max_connections` are open. When more come, the address that has most of them gives way.
pub async fn serve(socket: impl Into<Socket>, router: Router, max_connections: usize, stop: impl Future<Output = ()>) {
	let Socket { listener, certificate } = socket.into();
	let places = Places::new(max_connections);
	let mut connections = JoinSet::new();
	let mut look = interval(LOOK);
	look.set_missed_tick_behavior(MissedTickBehavior::Delay);
	tokio::pin!(stop);
	// A client that waits for its place keeps its connection.
	let mut waiting = None;
	loop {
		let next = async {
			let (stream, from) = match waiting.take() {
				Some(accepted) => accepted,
				None => listener.accept().await?,
			};
			let _ = waiting.insert((stream, from));
			Ok::<_, std::io::Error>(places.take(from.ip()).await)
		};
		tokio::select! {
			() = &mut stop => break,
			Some(_) = connections.join_next(), if !connections.is_empty() => {},
			_ = look.tick(), if certificate.is_some() => certificate.iter().for_each(Certificate::look),
			place = next => match (place, waiting.take()) {
				(Ok(place), Some((stream, _))) => {
					connections.spawn(attend(stream, place, certificate.clone(), router.clone()));
				},
				(Ok(_), None) => {},
				(Err(error), _) => {
					tracing::warn!(%error, "cannot accept a connection");
					tokio::time::sleep(ACCEPT_PAUSE).await;
				},
			},
		}
	}
	let end = async { while connections.join_next().await.is_some() {} };
	let _ = timeout(Duration::from_secs(1), end).await;
}

/// Serves a connection until it ends or its place is taken away.
async fn attend(stream: TcpStream, place: Place, certificate: Option<Certificate>, router: Router) {
	let _ = stream.set_nodelay(true);
	let served = async {
		match certificate {
			None => connection(stream, &place, router).await,
			Some(certificate) => secured(stream, &place, &certificate, router).await,
		}
	};
	tokio::select! {
		() = served => {},
		() = place.ended() => tracing::debug!("a connection made way for another"),
	}
}

async fn secured(stream: TcpStream, place: &Place, certificate: &Certificate, router: Router) {
	match timeout(HEAD_TIMEOUT, certificate.acceptor().accept(stream)).await {
		Ok(Ok(stream)) => connection(stream, place, router).await,
		Ok(Err(error)) => tracing::debug!(%error, "no TLS connection"),
		Err(_) => {},
	}
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, place: &Place, router: Router) {
	let router = TowerToHyperService::new(router);
	let service = service_fn(|request| answer(request, place, &router));
	let served = http1::Builder::new()
		.timer(TokioTimer::new())
		.header_read_timeout(HEAD_TIMEOUT)
		.max_buf_size(32 * 1024)
		.serve_connection(TokioIo::new(stream), service);
	if let Ok(Err(error)) = timeout(CONNECTION_LIFETIME, served).await {
		tracing::debug!(%error, "a connection broke off");
	}
}

/// Answers a request once all of it is there.
async fn answer(
	request: Request<Incoming>,
	place: &Place,
	router: &TowerToHyperService<Router>,
) -> Result<Response, Infallible> {
	let (head, body) = request.into_parts();
	let body = match timeout(BODY_TIMEOUT, to_bytes(Body::new(body), MAX_BODY)).await {
		Ok(Ok(body)) => body,
		Ok(Err(_)) => return Ok(last(StatusCode::PAYLOAD_TOO_LARGE)),
		Err(_) => return Ok(last(StatusCode::REQUEST_TIMEOUT)),
	};
	let _working = place.work();
	router.call(Request::from_parts(head, Body::from(body))).await
}

/// An answer after which the connection ends.
fn last(status: StatusCode) -> Response {
	([(CONNECTION, HeaderValue::from_static("close"))], status).into_response()
}
