//! Hub and device against each other over HTTP, with files from an IPFS node that can misbehave.

use axum::{body::Bytes, http::StatusCode, response::IntoResponse, routing::post, Router};
use backon::ExponentialBuilder;
use std::{
	fs,
	net::SocketAddr,
	sync::{
		atomic::{AtomicUsize, Ordering},
		mpsc, Arc, OnceLock,
	},
	time::Duration,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot, task::AbortHandle};
use waybill_daemon::{roots::Roots, serve};
use waybill_device::{Config as DeviceConfig, Error as DeviceError, Hub as Client, RemoteFault};
use waybill_exchange::{
	Ciphertext, ContentContext, Epoch, Message, ProofFault, ProofQuery, ProofVerdict, Proofs, SignedVerdict, Stored,
};
use waybill_hub::{router, run, Answer, Config, Error, Event, Hub, Parts, Reporter, MAX_WORKING};
use waybill_ipfs_http::{Gateway, Timeouts};
use waybill_keys::StatementKey;
use waybill_primitives::{Cid, DeviceKey, Digest, Hash32, Suite};
use waybill_testkit::{
	ipfs::{Ipfs, Trick},
	tls::Authority,
};
use waybill_zkcp::{unwatched, ChunkDigests, Layout, LockTable, OutOfRange};

/// The group of locks that the queries are about.
const GROUP: u32 = 3;

/// A client of the node's gateway that retries at once.
fn gateway(ipfs: &Ipfs) -> Gateway {
	let backoff = ExponentialBuilder::default().with_min_delay(Duration::from_millis(5));
	Gateway::with(&[ipfs.url()], Timeouts::default(), backoff).unwrap()
}

/// What a distributor publishes for a payload.
struct Made {
	context: ContentContext,
	size: u64,
	commitment: Hash32,
	ciphertext: Vec<u8>,
	data: Vec<u8>,
	locks: Vec<u8>,
	/// The digest of the group.
	group: Hash32,
}

fn made() -> &'static Made {
	static MADE: OnceLock<Made> = OnceLock::new();
	MADE.get_or_init(|| {
		let payload: Vec<u8> = (0..10_000u32).flat_map(u32::to_le_bytes).collect();
		let layout = Layout::new(payload.len() as u64).unwrap();
		let digests = ChunkDigests::of_payload(&payload, layout, &mut unwatched).unwrap();
		let digest = Digest { suite: Suite::Zkcp, bytes: digests.id() };
		let context = ContentContext { genesis: [1; 32], bounty: 2, distributor: [3; 32], digest, epoch: 0 };
		let mut rng = rand_core::TryRngCore::unwrap_err(rand_core::OsRng);
		let epoch = Epoch::generate(&context, 64, &mut rng);
		let content = epoch.content_key().unwrap();
		let (key, nonce) = content.provable().unwrap();
		let mut ciphertext = Vec::new();
		let encrypted =
			waybill_zkcp::encrypt::<_, _, OutOfRange>(&payload, layout, &key, &nonce, &mut ciphertext, &mut unwatched);
		let of_ciphertext = encrypted.unwrap();
		let data = waybill_zkcp::prove(&ciphertext, &digests, &of_ciphertext, &key, &nonce, &mut unwatched).unwrap();
		let locks = waybill_zkcp::prove_locks(&key, &epoch.lock_keys(), &nonce).unwrap();
		let commitment = content.commitment();
		let group = LockTable::verify(&locks, &nonce, &commitment).unwrap().group(GROUP).unwrap();
		Made { context, size: payload.len() as u64, commitment, ciphertext, data, locks, group }
	})
}

fn stored(ipfs: &Ipfs, file: &[u8]) -> Stored {
	Stored { cid: ipfs.add(file, 4_096), size: file.len() as u64 }
}

/// The query about these files.
fn query_of(ipfs: &Ipfs, ciphertext: &[u8], data: &[u8], locks: &[u8]) -> ProofQuery {
	let ciphertext = Ciphertext {
		cid: ipfs.add(ciphertext, 4_096),
		size: ciphertext.len() as u64,
		sha256: sp_crypto_hashing::sha2_256(ciphertext),
	};
	let proofs = Proofs { data: stored(ipfs, data), locks: stored(ipfs, locks) };
	let made = made();
	let mut bytes = Vec::new();
	let mut encoder = minicbor::Encoder::new(&mut bytes);
	encoder.map(8).unwrap().u8(0).unwrap().u8(1).unwrap();
	encoder.u8(1).unwrap().bytes(&made.context.nonce()).unwrap();
	encoder.u8(2).unwrap().bytes(&codec::Encode::encode(&made.context.digest)).unwrap();
	encoder.u8(3).unwrap().u64(made.size).unwrap();
	encoder.u8(4).unwrap().encode(ciphertext).unwrap();
	encoder.u8(5).unwrap().bytes(&made.commitment).unwrap();
	encoder.u8(6).unwrap().encode(proofs).unwrap();
	encoder.u8(7).unwrap().u32(GROUP).unwrap();
	ProofQuery::from_cbor(&bytes).unwrap()
}

fn honest(ipfs: &Ipfs) -> ProofQuery {
	let Made { ciphertext, data, locks, .. } = made();
	query_of(ipfs, ciphertext, data, locks)
}

fn altered(query: &ProofQuery, alter: impl FnOnce(&mut ProofQuery)) -> ProofQuery {
	let mut query = query.clone();
	alter(&mut query);
	query
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
	let mut bytes = bytes.to_vec();
	bytes[at] ^= 1;
	bytes
}

/// A hub, and a device that believes it.
struct Scene {
	ipfs: Ipfs,
	folder: TempDir,
	address: SocketAddr,
	client: Client,
	server: AbortHandle,
}

impl Drop for Scene {
	fn drop(&mut self) {
		self.server.abort();
	}
}

fn key(folder: &TempDir, name: &str) -> StatementKey {
	StatementKey::generate(&folder.path().join(name)).unwrap()
}

async fn scene() -> Scene {
	scene_with(Config::default()).await
}

async fn scene_with(config: Config) -> Scene {
	let (ipfs, folder) = (Ipfs::start().await, tempfile::tempdir().unwrap());
	let (key, work) = (key(&folder, "hub.key"), folder.path().join("work"));
	fs::create_dir(&work).unwrap();
	let public = key.public();
	let hub = Hub::new(gateway(&ipfs), key, &config, work).resting(Duration::from_millis(300));
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = listener.local_addr().unwrap();
	let server = tokio::spawn(serve(listener, router(Arc::new(hub)), 16, std::future::pending()));
	let client = Client::at(&format!("http://{address}"), public, &Roots::default()).unwrap();
	Scene { ipfs, folder, address, client, server: server.abort_handle() }
}

impl Scene {
	/// Asks, and checks that the hub leaves nothing behind.
	async fn verdict(&self, query: &ProofQuery) -> Result<ProofVerdict, DeviceError> {
		let verdict = self.client.ask(query).await;
		assert_eq!(fs::read_dir(self.folder.path().join("work")).unwrap().count(), 0);
		verdict
	}
}

/// Whether a device has no verdict, and may ask again.
fn is_unreachable(error: &DeviceError) -> bool {
	matches!(error, DeviceError::Remote { fault, .. } if fault.is_unreachable())
}

fn holds() -> ProofVerdict {
	ProofVerdict::new(&Ok(made().group))
}

/// The verdict of a hub on proofs that do not hold, whatever is wrong with them.
fn refused() -> ProofVerdict {
	ProofVerdict::new(&Err(ProofFault::Hub))
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_proofs_should_hold_and_be_checked_once() {
	let scene = scene().await;
	let query = honest(&scene.ipfs);
	assert_eq!(scene.verdict(&query).await.unwrap(), holds());
	assert!(!scene.ipfs.requests().is_empty());
	assert_eq!(scene.verdict(&query).await.unwrap(), holds());
	assert!(scene.ipfs.requests().is_empty());
	// Another group gets another answer, but needs no more work.
	let other = scene.verdict(&altered(&query, |query| query.group = 0)).await.unwrap();
	assert!(other.group().is_some() && other != holds());
	assert_eq!(scene.verdict(&altered(&query, |query| query.group = 16)).await.unwrap(), refused());
	assert_eq!(scene.verdict(&altered(&query, |query| query.group = u32::MAX)).await.unwrap(), refused());
	assert!(scene.ipfs.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_that_do_not_hold_should_be_refused() {
	let scene = scene().await;
	let Made { ciphertext, data, locks, .. } = made();
	let query = honest(&scene.ipfs);
	for query in [
		query_of(&scene.ipfs, ciphertext, &flipped(data, data.len() / 2), locks),
		query_of(&scene.ipfs, ciphertext, data, &flipped(locks, locks.len() / 2)),
		query_of(&scene.ipfs, ciphertext, locks, data),
		query_of(&scene.ipfs, ciphertext, b"", b""),
		altered(&query, |query| query.nonce = [0; 32]),
		altered(&query, |query| query.digest.bytes[0] ^= 1),
		altered(&query, |query| query.commitment = [0; 32]),
		altered(&query, |query| query.commitment = [0xff; 32]),
	] {
		assert_eq!(scene.verdict(&query).await.unwrap(), refused());
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn ciphertext_should_be_refused_when_it_is_another_than_the_proved_or_declared() {
	let scene = scene().await;
	let Made { ciphertext, data, locks, .. } = made();
	let other = flipped(ciphertext, 5_000);
	let query = honest(&scene.ipfs);
	for query in [
		// As declared, but not the file that the proof is about.
		query_of(&scene.ipfs, &other, data, locks),
		query_of(&scene.ipfs, &vec![0xff; ciphertext.len()], data, locks),
		// Not the declared file.
		altered(&query, |query| query.ciphertext.cid = scene.ipfs.add(&other, 4_096)),
		altered(&query, |query| query.ciphertext.sha256 = [0; 32]),
		altered(&query, |query| query.ciphertext.cid = scene.ipfs.add(&ciphertext[..9_000], 4_096)),
		altered(&query, |query| query.ciphertext.cid = scene.ipfs.add(&[ciphertext, &[0u8; 32][..]].concat(), 4_096)),
		altered(&query, |query| query.proofs.data.size += 1),
		altered(&query, |query| query.proofs.locks.size -= 1),
	] {
		assert_eq!(scene.verdict(&query).await.unwrap(), refused());
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn query_should_be_refused_before_anything_is_fetched_when_its_sizes_are_impossible() {
	let scene = scene_with(Config { max_payload: 1 << 20, ..Config::default() }).await;
	let query = honest(&scene.ipfs);
	for alter in [
		(|query| query.ciphertext.size += 32) as fn(&mut ProofQuery),
		|query| query.ciphertext.size = u64::MAX,
		|query| query.size = u64::MAX,
		|query| query.proofs.data.size = 1 << 40,
		|query| query.proofs.locks.size = 1 << 40,
		|query| query.digest.suite = Suite::Plain,
	] {
		assert_eq!(scene.verdict(&altered(&query, alter)).await.unwrap(), refused());
	}
	// Possible, but too large for this hub: that says nothing about the proofs.
	let large = altered(&query, |query| {
		query.size = (1 << 20) + 1;
		query.ciphertext.size = Layout::new(query.size).unwrap().ciphertext_length();
	});
	let error = scene.verdict(&large).await.unwrap_err();
	assert!(is_unreachable(&error) && error.to_string().contains("larger than this hub accepts"), "{error}");
	assert!(scene.ipfs.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_should_be_said_about_proofs_that_cannot_be_fetched_and_they_be_tried_again() {
	let scene = scene().await;
	let query = honest(&scene.ipfs);
	let missing = altered(&query, |query| query.ciphertext.cid = Cid::raw(b"nowhere"));
	assert!(is_unreachable(&scene.verdict(&missing).await.unwrap_err()));
	scene.ipfs.requests();
	assert!(scene.verdict(&missing).await.is_err());
	assert!(scene.ipfs.requests().is_empty(), "it rests");

	for trick in [Trick::Status(500), Trick::OtherBlock, Trick::Truncated] {
		scene.ipfs.trick(&query.proofs.data.cid, [trick; 20]);
		assert!(is_unreachable(&scene.verdict(&query).await.unwrap_err()), "{trick:?}");
		scene.ipfs.trick(&query.proofs.data.cid, []);
		tokio::time::sleep(Duration::from_millis(400)).await;
	}
	assert_eq!(scene.verdict(&query).await.unwrap(), holds());
}

#[tokio::test(flavor = "multi_thread")]
async fn same_proofs_should_be_checked_once_when_many_devices_ask() {
	let scene = scene_with(Config { jobs: 1, ..Config::default() }).await;
	let query = honest(&scene.ipfs);
	let queries: Vec<_> = (0..8).map(|group| altered(&query, |query| query.group = group)).collect();
	let asked = futures::future::join_all(queries.iter().map(|query| scene.client.ask(query))).await;
	assert!(asked.iter().all(|verdict| verdict.as_ref().is_ok_and(|verdict| verdict.group().is_some())));
	assert_eq!(*asked[GROUP as usize].as_ref().unwrap(), holds());
	let root = query.ciphertext.cid.to_string();
	assert_eq!(scene.ipfs.requests().iter().filter(|cid| **cid == root).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_should_be_answered_without_work() {
	let scene = scene().await;
	let http = reqwest::Client::new();
	let at = |path: &str| format!("http://{}/{path}", scene.address);
	let query = honest(&scene.ipfs).to_cbor();
	for (path, body, status) in [
		("verify/v1", vec![], 400),
		("verify/v1", vec![0xff; 100], 400),
		("verify/v1", query[..query.len() - 1].to_vec(), 400),
		("verify/v1", [&query[..], &[0]].concat(), 400),
		("verify/v1", vec![0; ProofQuery::MAX_LEN + 1], 413),
		("verify/v2", query.clone(), 404),
	] {
		let response = http.post(at(path)).body(body).send().await.unwrap();
		assert_eq!(response.status().as_u16(), status, "{path}");
	}
	assert_eq!(http.get(at("verify/v1")).send().await.unwrap().status().as_u16(), 405);
	assert!(scene.ipfs.requests().is_empty());
}

#[tokio::test]
async fn hub_should_refuse_more_work_than_it_has_room_for() {
	let (ipfs, folder) = (Ipfs::start().await, tempfile::tempdir().unwrap());
	let hub = Hub::new(gateway(&ipfs), key(&folder, "hub.key"), &Config::default(), folder.path().into());
	let hub = Arc::new(hub);
	let query = honest(&ipfs);
	ipfs.trick(&query.proofs.locks.cid, [Trick::Hang; 100]);
	let asked: Vec<_> = (0..MAX_WORKING as u8)
		.map(|number| {
			let (hub, query) = (hub.clone(), altered(&query, |query| query.nonce = [number; 32]));
			tokio::spawn(async move { hub.ask(query).await })
		})
		.collect();
	tokio::time::sleep(Duration::from_millis(200)).await;
	assert_eq!(hub.ask(altered(&query, |query| query.nonce = [0xff; 32])).await, Answer::Busy);
	asked.iter().for_each(tokio::task::JoinHandle::abort);
}

/// A server in a hub's place.
async fn impostor(
	answer: impl Fn(usize, Bytes) -> axum::response::Response + Clone + Send + Sync + 'static,
	key: DeviceKey,
) -> Client {
	let count = Arc::new(AtomicUsize::new(0));
	let handler = move |body: Bytes| {
		let answer = answer(count.fetch_add(1, Ordering::Relaxed), body);
		async move { answer }
	};
	let routes = Router::new().route("/verify/v1", post(handler));
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = listener.local_addr().unwrap();
	tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
	Client::at(&format!("http://{address}"), key, &Roots::default()).unwrap()
}

#[tokio::test]
async fn verdict_should_be_believed_only_when_the_hub_signed_it_for_this_query() {
	let (ipfs, folder) = (Ipfs::start().await, tempfile::tempdir().unwrap());
	let (hub, stranger) = (key(&folder, "hub.key"), key(&folder, "stranger.key"));
	let query = honest(&ipfs);
	let right = SignedVerdict::new(&query, holds(), hub.signing_key()).to_cbor();
	let other = altered(&query, |query| query.group += 1);
	// The signature of one verdict under another.
	let (said, lied) = (ProofVerdict::new(&Ok([1; 32])), ProofVerdict::new(&Ok([2; 32])));
	let swapped = |bytes: Vec<u8>, from: &ProofVerdict, to: &ProofVerdict| {
		let (from, to) = (from.to_cbor(), to.to_cbor());
		let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
		[&bytes[..at], &to, &bytes[at + from.len()..]].concat()
	};
	let forgeries = [
		SignedVerdict::new(&query, holds(), stranger.signing_key()).to_cbor(),
		SignedVerdict::new(&other, holds(), hub.signing_key()).to_cbor(),
		swapped(SignedVerdict::new(&query, said.clone(), hub.signing_key()).to_cbor(), &said, &lied),
		swapped(SignedVerdict::new(&query, refused(), hub.signing_key()).to_cbor(), &refused(), &holds()),
		flipped(&right, right.len() - 1),
		flipped(&right, right.len() - 64),
	];
	for forgery in forgeries {
		let client = impostor(move |_, _| forgery.clone().into_response(), hub.public()).await;
		let error = client.ask(&query).await.unwrap_err();
		assert!(matches!(error, DeviceError::Remote { fault: RemoteFault::Unsigned, .. }), "{error}");
	}
	let client = impostor(move |_, _| right.clone().into_response(), hub.public()).await;
	assert_eq!(client.ask(&query).await.unwrap(), holds());
}

#[tokio::test]
async fn hub_that_answers_nonsense_should_be_an_error_and_never_a_verdict() {
	let (ipfs, folder) = (Ipfs::start().await, tempfile::tempdir().unwrap());
	let hub = key(&folder, "hub.key").public();
	let query = honest(&ipfs);
	type Nonsense = fn() -> axum::response::Response;
	// The nonsense, and whether the device may ask again.
	let cases: [(Nonsense, bool); 7] = [
		(|| "".into_response(), false),
		(|| vec![0xff; 100].into_response(), false),
		(|| vec![0; 100_000].into_response(), false),
		(|| ProofVerdict::new(&Ok([1; 32])).to_cbor().into_response(), false),
		(|| StatusCode::INTERNAL_SERVER_ERROR.into_response(), true),
		(|| axum::response::Redirect::temporary("/elsewhere").into_response(), true),
		(|| (StatusCode::SERVICE_UNAVAILABLE, vec![b'\n'; 100_000]).into_response(), true),
	];
	for (nonsense, may_ask_again) in cases {
		let client = impostor(move |_, _| nonsense(), hub).await;
		let error = client.ask(&query).await.unwrap_err();
		assert_eq!(is_unreachable(&error), may_ask_again, "{error}");
		assert!(!error.to_string().contains('\n'));
	}
	let down = Client::at("http://127.0.0.1:1", hub, &Roots::default()).unwrap();
	assert!(is_unreachable(&down.ask(&query).await.unwrap_err()));
}

#[tokio::test]
async fn device_should_ask_again_when_the_hub_is_still_at_work() {
	let (ipfs, folder) = (Ipfs::start().await, tempfile::tempdir().unwrap());
	let hub = key(&folder, "hub.key");
	let public = hub.public();
	let answer = move |count, body: Bytes| match count {
		0 => StatusCode::ACCEPTED.into_response(),
		_ => {
			SignedVerdict::new(&ProofQuery::from_cbor(&body).unwrap(), holds(), hub.signing_key()).to_cbor().into_response()
		},
	};
	let client = impostor(answer, public).await;
	assert_eq!(client.ask(&honest(&ipfs)).await.unwrap(), holds());
}

#[test]
fn answers_should_have_one_encoding_and_fit() {
	let folder = tempfile::tempdir().unwrap();
	let hub = key(&folder, "hub.key");
	let runtime = tokio::runtime::Runtime::new().unwrap();
	let ipfs = runtime.block_on(Ipfs::start());
	let query = honest(&ipfs);
	for verdict in [holds(), refused()] {
		let signed = SignedVerdict::new(&query, verdict.clone(), hub.signing_key());
		let bytes = signed.to_cbor();
		assert!(bytes.len() <= SignedVerdict::MAX_LEN);
		assert_eq!(SignedVerdict::from_cbor(&bytes).as_ref(), Ok(&signed));
		assert!(SignedVerdict::from_cbor(&[&bytes[..], &[0]].concat()).is_err());
		(0..bytes.len()).for_each(|length| assert!(SignedVerdict::from_cbor(&bytes[..length]).is_err()));
		assert_eq!(signed.open(&query, &hub.public()), Some(verdict));
	}
}

#[test]
fn device_should_know_both_address_and_key_of_its_hub_or_none() {
	let folder = tempfile::tempdir().unwrap();
	let key = key(&folder, "hub.key").public();
	let hub = |hub: Option<&str>, hub_key| {
		let config = DeviceConfig { hub: hub.map(Into::into), hub_key, ..DeviceConfig::default() };
		Client::new(&config).map(|hub| hub.is_some()).map_err(|error| error.is_permanent())
	};
	assert_eq!(hub(None, None), Ok(false));
	assert_eq!(hub(Some("http://127.0.0.1:4190"), Some(key)), Ok(true));
	for wrong in [
		hub(Some("http://127.0.0.1:4190"), None),
		hub(None, Some(key)),
		hub(Some("127.0.0.1:4190"), Some(key)),
		hub(Some("ftp://127.0.0.1"), Some(key)),
		hub(Some(""), Some(key)),
	] {
		assert_eq!(wrong, Err(true));
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn hub_should_run_alone_in_its_folder_and_clear_what_an_earlier_run_left() {
	let (ipfs, folder) = (Ipfs::start().await, tempfile::tempdir().unwrap());
	let key = key(&folder, "hub.key");
	let data = folder.path().join("data");
	let left = data.join("work/.tmp123");
	fs::create_dir_all(&left).unwrap();
	fs::write(left.join("ciphertext.part"), [0; 100]).unwrap();
	let config = Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), data, ..Config::default() };
	let parts =
		|| Parts { gateway: gateway(&ipfs), key: key.clone(), config: config.clone(), reporter: Reporter::default() };
	let ((started, start), (stop, stopped)) = (oneshot::channel(), oneshot::channel::<()>());
	let ready = move |address| started.send(address).unwrap();
	let running = tokio::spawn(run(parts(), ready, async { stopped.await.unwrap_or_default() }));
	let addresses = start.await.unwrap();
	assert!(!left.exists());
	let second = run(parts(), |_| (), std::future::pending()).await.unwrap_err();
	assert!(matches!(second, Error::InUse(_)), "{second}");
	let client = Client::at(&format!("http://{}", addresses.listen), key.public(), &Roots::default()).unwrap();
	assert_eq!(client.ask(&honest(&ipfs)).await.unwrap(), holds());
	stop.send(()).unwrap();
	running.await.unwrap().unwrap();
	run(parts(), |_| (), std::future::ready(())).await.unwrap();
	let useless = Parts { config: Config { jobs: 0, ..config.clone() }, ..parts() };
	assert!(matches!(run(useless, |_| (), std::future::ready(())).await, Err(Error::Zero("--jobs"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn hub_should_serve_https_and_tell_operators_what_it_checked() {
	let (ipfs, folder, authority) = (Ipfs::start().await, tempfile::tempdir().unwrap(), Authority::new("private"));
	let (key, issued) = (key(&folder, "hub.key"), authority.issue(folder.path()));
	let config = Config {
		listen: SocketAddr::from(([127, 0, 0, 1], 0)),
		data: folder.path().join("data"),
		tls_certificate: Some(issued.certificate),
		tls_key: Some(issued.key),
		..Config::default()
	};
	let (tell, told) = mpsc::channel();
	let reporter = Reporter::new(move |event| tell.send(event.clone()).unwrap());
	let parts = Parts { gateway: gateway(&ipfs), key: key.clone(), config, reporter };
	let (started, start) = oneshot::channel();
	tokio::spawn(run(parts, move |address| started.send(address).unwrap(), std::future::pending()));
	let addresses = start.await.unwrap();
	let address = format!("https://{}", addresses.listen);

	let stranger = Client::at(&address, key.public(), &Roots::default()).unwrap();
	let refused = stranger.ask(&honest(&ipfs)).await.unwrap_err().to_string();
	assert!(refused.contains("--ca-file"), "{refused}");
	let roots = Roots::with_file(&authority.file()).unwrap();
	let client = Client::at(&address, key.public(), &roots).unwrap();
	assert_eq!(client.ask(&honest(&ipfs)).await.unwrap(), holds());
	let event = told.try_recv().unwrap();
	assert!(matches!(event, Event::Checked { holds: true, .. }), "{event}");
	assert!(event.to_string().contains("checked by this hub"), "{event}");

	let http = roots.client().build().unwrap();
	let status = async |path: &str| http.get(format!("{address}/{path}")).send().await.unwrap().status().as_u16();
	assert_eq!([status("metrics").await, status("health").await], [404, 200]);
	let metrics = reqwest::get(format!("http://{}/metrics", addresses.status.unwrap())).await.unwrap();
	let metrics = metrics.text().await.unwrap();
	for line in [
		"waybill_hub_queries_total{answer=\"verdict\"} 1",
		"waybill_hub_checks_total{outcome=\"holds\"} 1",
		"waybill_hub_checking 0",
		"waybill_certificate_refused 0",
	] {
		assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
	}
}
