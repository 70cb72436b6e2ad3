use crate::{
	device::peer::{client, Peer, PeerError},
	distributor::{
		http::{router, Shared},
		scene::{account, Scene},
		status::{About, Status},
	},
	ledger::fake::{Fake, GENESIS},
};
use proptest::{prelude::*, test_runner::TestRunner};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::{TcpListener, TcpStream},
	sync::oneshot,
};
use waybill_chain::types::Hash;
use waybill_daemon::serve;
use waybill_exchange::{Message, Rejection, RejectionMessage};
use waybill_primitives::Version;

struct Server {
	_folder: TempDir,
	_stop: oneshot::Sender<()>,
	scene: Scene,
	shared: Arc<Shared<Fake>>,
	address: SocketAddr,
	peer: Peer,
}

async fn server(max_connections: usize) -> Server {
	let (folder, scene, payload) = (tempfile::tempdir().unwrap(), Scene::new(3), vec![9; 5_000]);
	scene.release(0, Version::new(1, 0, 0), 1, &payload, scene.manifest_cid);
	let payee = account(&folder, "payee");
	let shop = scene.shop(folder.path(), &payee, 0, &payload, 64).await;
	let about = About { account: payee.id(), genesis: Hash(GENESIS), endpoint: None, started_ms: 0 };
	let shared = Arc::new(Shared::new(shop.desk, about));
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = listener.local_addr().unwrap();
	let (stop, stopped) = oneshot::channel::<()>();
	let stopped = async {
		let _ = stopped.await;
	};
	tokio::spawn(serve(listener, router(shared.clone()), max_connections, stopped));
	let peer = Peer::new(client().unwrap(), &format!("http://{address}")).unwrap();
	Server { _folder: folder, _stop: stop, scene, shared, address, peer }
}

#[tokio::test(flavor = "multi_thread")]
async fn exchange_should_run_over_http() {
	let server = server(16).await;
	let invite = server.peer.invite().await.unwrap();
	assert_eq!(invite.genesis, GENESIS);
	let (mut device, key) = (server.scene.device(2), &server.scene.devices[2]);
	let wanted = waybill_exchange::Wanted { distributor: invite.distributor, bounty: 0 };
	let mut rng = rand_core::TryRngCore::unwrap_err(rand_core::OsRng);
	let hello = device.hello(key, &invite, wanted, &mut rng).unwrap();
	let offer = server.peer.hello(&hello).await.unwrap();
	assert_eq!((offer.bounty, offer.device_index), (0, 2));
	assert!(matches!(server.peer.key(0, 2).await, Err(PeerError::Rejected(Rejection::NotRevealed))));

	let http = reqwest::get(format!("http://{}/status", server.address)).await.unwrap();
	let status: Status = http.json().await.unwrap();
	assert_eq!(status.bounties[0].offered, 1);
	assert!(status.bounties[0].serving);
	assert!(!status.to_string().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_should_be_rejected() {
	let server = server(16).await;
	let http = reqwest::Client::new();
	let at = |path: &str| format!("http://{}/{path}", server.address);
	for (path, body, status) in [
		("exchange/v1/hello", vec![], 400),
		("exchange/v1/hello", vec![0xa0], 400),
		("exchange/v1/receipt", vec![0xff; 100], 400),
		("exchange/v1/hello", vec![0; 5_000], 413),
		("exchange/v1/receipt", vec![0; 5_000], 413),
		("exchange/v1/invite", vec![], 405),
		("exchange/v2/hello", vec![], 404),
	] {
		let response = http.post(at(path)).body(body).send().await.unwrap();
		assert_eq!(response.status().as_u16(), status, "{path}");
		if status == 400 {
			let message = RejectionMessage::from_cbor(&response.bytes().await.unwrap()).unwrap();
			assert_eq!(message.rejection(), Some(Rejection::Malformed));
		}
	}
	// The server does not read a long body to its end: the client may be cut off before it sees the answer.
	match http.post(at("exchange/v1/receipt")).body(vec![0; 1 << 20]).send().await {
		Ok(response) => assert_eq!(response.status().as_u16(), 413),
		Err(error) => assert!(error.is_request(), "{error:?}"),
	}
	for path in ["exchange/v1/key/0/x", "exchange/v1/key/-1/0", "exchange/v1/key/0/4294967296", "exchange/v1/key/0"] {
		assert!(http.get(at(path)).send().await.unwrap().status().is_client_error(), "{path}");
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
	server.peer.invite().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_should_wait_for_a_place() {
	let server = server(2).await;
	let idle = [TcpStream::connect(server.address).await.unwrap(), TcpStream::connect(server.address).await.unwrap()];
	tokio::time::sleep(Duration::from_millis(100)).await;
	let third = server.peer.invite();
	assert!(tokio::time::timeout(Duration::from_millis(300), third).await.is_err());
	drop(idle);
	server.peer.invite().await.unwrap();
	assert!(server.shared.desk.book.get(0).is_some());
}
