use crate::shop::Shop;
use proptest::{prelude::*, test_runner::TestRunner};
use reqwest::{header::CONTENT_TYPE, Response};
use std::{
	future::pending,
	net::SocketAddr,
	sync::{
		atomic::{AtomicBool, Ordering},
		Arc,
	},
	time::Duration,
};
use tempfile::TempDir;
use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::{TcpListener, TcpSocket, TcpStream},
	sync::oneshot,
	time::timeout,
};
use waybill_chain::types::Hash;
use waybill_daemon::serve;
use waybill_distributor::{router, status_router, About, Desk, Insight, PublicHealth, Reporter, Status};
use waybill_exchange::{Invite, Message, Offer, Rejection, RejectionMessage, Wanted, MEDIA_TYPE};
use waybill_primitives::Version;
use waybill_testkit::{
	ledger::{Fake, GENESIS},
	scene::{account, Scene},
};

struct Server {
	_folder: TempDir,
	_stop: oneshot::Sender<()>,
	scene: Scene,
	desk: Arc<Desk<Fake>>,
	address: SocketAddr,
	/// Where operators ask.
	status: SocketAddr,
	http: reqwest::Client,
}

async fn server(max_connections: usize) -> Server {
	let (folder, scene, payload) = (tempfile::tempdir().unwrap(), Scene::new(3), vec![9; 5_000]);
	scene.release(0, Version::new(1, 0, 0), 1, &payload, scene.manifest_cid);
	let payee = account(&folder, "payee");
	let shop = Shop::open(&scene, folder.path(), &payee, 0, &payload, 64).await;
	let about = About { account: payee.id(), genesis: Hash(GENESIS), endpoint: None, started_ms: 0 };
	let desk = Arc::new(shop.desk);
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = listener.local_addr().unwrap();
	let (stop, stopped) = oneshot::channel::<()>();
	let stopped = async {
		let _ = stopped.await;
	};
	let insight = Arc::new(Insight::new(about, Reporter::default()));
	tokio::spawn(serve(listener, router(desk.clone(), insight.clone()), max_connections, stopped));
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let status = listener.local_addr().unwrap();
	tokio::spawn(serve(listener, status_router(desk.clone(), insight), max_connections, pending()));
	Server { _folder: folder, _stop: stop, scene, desk, address, status, http: reqwest::Client::new() }
}

impl Server {
	fn at(&self, path: &str) -> String {
		format!("http://{}/{path}", self.address)
	}

	async fn get(&self, path: &str) -> Response {
		self.http.get(self.at(path)).send().await.unwrap()
	}

	async fn of_operators(&self, path: &str) -> Response {
		self.http.get(format!("http://{}/{path}", self.status)).send().await.unwrap()
	}

	async fn post(&self, path: &str, body: Vec<u8>) -> reqwest::Result<Response> {
		self.http.post(self.at(path)).body(body).send().await
	}

	async fn invite(&self) -> Invite {
		message(self.get("exchange/v1/invite").await).await
	}
}

/// The message in a successful answer.
async fn message<M: Message>(response: Response) -> M {
	assert_eq!((response.status().as_u16(), &response.headers()[CONTENT_TYPE]), (200, &MEDIA_TYPE.parse().unwrap()));
	M::from_cbor(&response.bytes().await.unwrap()).unwrap()
}

async fn rejection(response: Response) -> Option<Rejection> {
	RejectionMessage::from_cbor(&response.bytes().await.unwrap()).unwrap().rejection()
}

#[tokio::test(flavor = "multi_thread")]
async fn exchange_should_run_over_http() {
	let server = server(16).await;
	let invite = server.invite().await;
	assert_eq!(invite.genesis, GENESIS);
	let (mut device, key) = (server.scene.device(2), &server.scene.devices[2]);
	let wanted = Wanted { distributor: invite.distributor, bounty: 0 };
	let mut rng = rand_core::TryRngCore::unwrap_err(rand_core::OsRng);
	let hello = device.hello(key, &invite, wanted, &mut rng).unwrap();
	let offer: Offer = message(server.post("exchange/v1/hello", hello.to_cbor()).await.unwrap()).await;
	assert_eq!((offer.bounty, offer.device_index), (0, 2));
	let key = server.get("exchange/v1/key/0/2").await;
	assert_eq!((key.status().as_u16(), rejection(key).await), (404, Some(Rejection::NotRevealed)));

	let status: Status = server.of_operators("status").await.json().await.unwrap();
	assert_eq!(status.bounties[0].offered, 1);
	assert!(status.bounties[0].serving);
	assert!(!status.to_string().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_should_see_the_health_and_neither_status_nor_metrics() {
	let server = server(16).await;
	for path in ["status", "metrics"] {
		assert_eq!(server.get(path).await.status().as_u16(), 404, "{path}");
		assert_eq!(server.of_operators(path).await.status().as_u16(), 200, "{path}");
	}
	let health = server.get("health").await;
	assert_eq!(health.status().as_u16(), 200);
	let health: PublicHealth = health.json().await.unwrap();
	assert_eq!(health, PublicHealth { healthy: true, node: true, recent: true, kubo: true });
	assert_eq!(server.of_operators("exchange/v1/invite").await.status().as_u16(), 404);

	server.post("exchange/v1/hello", vec![0xa0]).await.unwrap();
	let metrics = server.of_operators("metrics").await.text().await.unwrap();
	assert!(metrics.contains("\nwaybill_distributor_rejections_total{message=\"hello\"} 1\n"), "{metrics}");
	assert!(metrics.contains("\nwaybill_distributor_locks_left{bounty=\"0\"} 64\n"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_should_be_rejected() {
	let server = server(16).await;
	for (path, body, status) in [
		("exchange/v1/hello", vec![], 400),
		("exchange/v1/hello", vec![0xa0], 400),
		("exchange/v1/receipt", vec![0xff; 100], 400),
		("exchange/v1/hello", vec![0; 5_000], 413),
		("exchange/v1/receipt", vec![0; 5_000], 413),
		("exchange/v1/invite", vec![], 405),
		("exchange/v2/hello", vec![], 404),
	] {
		let response = server.post(path, body).await.unwrap();
		assert_eq!(response.status().as_u16(), status, "{path}");
		if status == 400 {
			assert_eq!(rejection(response).await, Some(Rejection::Malformed));
		}
	}
	// The server does not read a long body to its end, so the client may be cut off before it sees
	// the answer.
	match server.post("exchange/v1/receipt", vec![0; 1 << 20]).await {
		Ok(response) => assert_eq!(response.status().as_u16(), 413),
		Err(error) => assert!(error.is_request(), "{error:?}"),
	}
	for path in ["exchange/v1/key/0/x", "exchange/v1/key/-1/0", "exchange/v1/key/0/4294967296", "exchange/v1/key/0"] {
		assert!(server.get(path).await.status().is_client_error(), "{path}");
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn any_bytes_should_be_answered_without_harm() {
	let server = server(64).await;
	let address = server.address;
	let runtime = tokio::runtime::Handle::current();
	let fuzz = move || {
		let mut runner =
			TestRunner::new(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() });
		let bytes = prop::collection::vec(any::<u8>(), 0..300);
		let text = prop_oneof![
			Just(Vec::new()),
			Just(b"POST /exchange/v1/hello HTTP/1.1\r\nhost: a\r\ncontent-length: 20\r\n\r\n".to_vec()),
			Just(b"GET /exchange/v1/key/0/0 HTTP/1.1\r\nhost: a\r\n\r\n".to_vec()),
		];
		runner
			.run(&(text, bytes), |(text, bytes)| {
				runtime.block_on(async {
					let mut stream = TcpStream::connect(address).await.unwrap();
					let _ = stream.write_all(&[text, bytes].concat()).await;
					let _ = stream.shutdown().await;
					let mut answer = Vec::new();
					let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.unwrap();
				});
				Ok(())
			})
			.unwrap();
	};
	tokio::task::spawn_blocking(fuzz).await.unwrap();
	server.invite().await;
}

/// A connection from this address, on which a request has begun.
async fn half_a_greeting(from: [u8; 4], to: SocketAddr) -> TcpStream {
	let socket = TcpSocket::new_v4().unwrap();
	socket.bind((from, 0).into()).unwrap();
	let mut stream = socket.connect(to).await.unwrap();
	let head = "POST /exchange/v1/hello HTTP/1.1\r\nhost: a\r\ncontent-length: 300\r\n\r\n";
	let _ = stream.write_all(&[head.as_bytes(), &[0xa1, 0x00]].concat()).await;
	stream
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_send_nothing_should_keep_nobody_out() {
	let server = server(64).await;
	// From one address: many idle connections, and many halves of requests.
	let mut idle = Vec::new();
	for _ in 0..100 {
		idle.push(TcpStream::connect(server.address).await.unwrap());
	}
	timeout(Duration::from_secs(2), server.invite()).await.unwrap();
	let mut halves = Vec::new();
	for _ in 0..600 {
		halves.push(half_a_greeting([127, 0, 0, 2], server.address).await);
	}
	timeout(Duration::from_secs(2), server.invite()).await.unwrap();
	// From more addresses than there are places.
	for last in 0..200 {
		halves.push(half_a_greeting([127, 0, 1, last], server.address).await);
	}
	timeout(Duration::from_secs(2), server.invite()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_behind_one_address_should_all_be_served_beside_hostile_ones() {
	let server = server(64).await;
	let (to, stop) = (server.address, Arc::new(AtomicBool::new(false)));
	let hostile: Vec<_> = (0..50)
		.map(|last| {
			let stop = stop.clone();
			tokio::spawn(async move {
				while !stop.load(Ordering::Relaxed) {
					// Opened again as soon as it is closed.
					let mut stream = half_a_greeting([127, 0, 1, last], to).await;
					let _ = timeout(Duration::from_secs(1), stream.read_to_end(&mut Vec::new())).await;
				}
			})
		})
		.collect();
	let devices = (0..200).map(|_| {
		let url = server.at("exchange/v1/invite");
		tokio::spawn(async move {
			// A device comes again when it was cut off.
			for _ in 0..20 {
				if reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
					return true;
				}
			}
			false
		})
	});
	for device in devices.collect::<Vec<_>>() {
		assert!(timeout(Duration::from_secs(60), device).await.unwrap().unwrap());
	}
	stop.store(true, Ordering::Relaxed);
	for task in hostile {
		task.await.unwrap();
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn request_that_does_not_end_should_be_given_up() {
	let server = server(2).await;
	let mut stream = half_a_greeting([127, 0, 0, 2], server.address).await;
	let mut answer = String::new();
	timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
	assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
	server.invite().await;
	assert!(server.desk.book().get(0).is_some());
}
