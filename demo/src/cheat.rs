//! A distributor that cheats: it offers the ciphertext of an image that it has tampered with, and
//! the best proofs that it can make.
//!
//! The distributors' own program does not cheat, so this is another one on the same crates.

use crate::{
	account::Account,
	kubo::Kubo,
	waybill::{text, Waybill},
};
use anyhow::{ensure, Context, Result};
use axum::{
	body::Bytes,
	extract::State,
	http::StatusCode,
	routing::{get, post},
	Router,
};
use rand_core::{OsRng, TryRngCore};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::{
	collections::HashMap,
	path::Path,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::{SystemTime, UNIX_EPOCH},
};
use tokio::{net::TcpListener, task::JoinHandle};
use waybill_exchange::{
	Ciphertext, ContentContext, Distributor, Epoch, Hello, Job, Member, Message, Proofs, Session, Slot, Stored,
};
use waybill_primitives::{
	fleet::FleetTree, Cid, DeviceKey, DeviceSignature, Digest, Hash32, IndexedSignature, ReleaseStatement, Suite, Version,
};
use waybill_zkcp::{encrypt, prove, prove_locks, unwatched, ChunkDigests, Layout, OutOfRange};

/// How long a device may take to answer an invitation.
const INVITE_LIFETIME_MS: u64 = 60_000;
/// The index of the byte of the image that it changes.
const TAMPERED: usize = 1_000;

/// The answer of `waybill query release`.
#[derive(Deserialize)]
struct Release {
	release: u64,
	model: u64,
	version: Version,
	security_version: u32,
	payload: Cid,
	size: u64,
	sha256: String,
	digest: ReleaseDigest,
	key_set_version: u32,
	signatures: Vec<Signed>,
}

#[derive(Deserialize)]
struct ReleaseDigest {
	bytes: String,
}

#[derive(Deserialize)]
struct Signed {
	key_index: u8,
	signature: DeviceSignature,
}

/// The answer of `waybill query chain`.
#[derive(Deserialize)]
struct Chain {
	genesis: String,
}

/// The running cheat. It stops when this value is dropped.
pub struct Cheat {
	account: Account,
	url: String,
	server: JoinHandle<()>,
	desk: Arc<Desk>,
}

/// Answers devices.
struct Desk {
	distributor: Distributor,
	job: Job,
	devices: Vec<DeviceKey>,
	number: u32,
	book: Mutex<Book>,
}

struct Book {
	epoch: Epoch,
	sessions: HashMap<u32, Session>,
	receipts: usize,
}

impl Drop for Cheat {
	fn drop(&mut self) {
		self.server.abort();
	}
}

fn hash(text: &str) -> Result<Hash32> {
	let mut hash = Hash32::default();
	hex::decode_to_slice(text.trim_start_matches("0x"), &mut hash).with_context(|| format!("not a hash: {text}"))?;
	Ok(hash)
}

fn now_ms() -> u64 {
	let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
	u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

impl Desk {
	fn book(&self) -> MutexGuard<'_, Book> {
		self.book.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// Makes an offer. Its lock, mask and sealing are correct.
	fn offer(&self, hello: &[u8]) -> Option<Vec<u8>> {
		let greeting = self.distributor.greet(&Hello::from_cbor(hello).ok()?, now_ms()).ok()?;
		let index = u32::try_from(self.devices.iter().position(|key| key == greeting.device_key())?).ok()?;
		let tree = FleetTree::new(&self.devices);
		let member = Member { device_index: index, proof: tree.proof(index)?, slot: Slot::Open, number: self.number };
		let (mut book, mut rng) = (self.book(), OsRng.unwrap_err());
		let Book { epoch, sessions, .. } = &mut *book;
		if let Some(session) = sessions.get(&index) {
			return session.offer(&greeting, &self.job, self.number, &mut rng).ok().map(|offer| offer.to_cbor());
		}
		let (session, offer) = Session::open(&self.distributor, &greeting, &self.job, member, epoch, &mut rng).ok()?;
		sessions.insert(index, session);
		Some(offer.persisted().to_cbor())
	}
}

async fn invite(State(desk): State<Arc<Desk>>) -> Vec<u8> {
	desk.distributor.invite(now_ms(), &mut OsRng.unwrap_err()).to_cbor()
}

async fn hello(State(desk): State<Arc<Desk>>, body: Bytes) -> Result<Vec<u8>, StatusCode> {
	desk.offer(&body).ok_or(StatusCode::BAD_REQUEST)
}

async fn receipt(State(desk): State<Arc<Desk>>) -> StatusCode {
	desk.book().receipts += 1;
	StatusCode::NO_CONTENT
}

/// The bounty that the cheat serves.
pub struct Target<'a> {
	/// Its number.
	pub bounty: u64,
	/// The first block in which it has expired.
	pub expires_at: u64,
	/// Its release.
	pub release: u64,
	/// The release's image.
	pub image: &'a Path,
	/// The file with the fleet's public keys.
	pub keys: &'a Path,
	/// The newest final block.
	pub number: u64,
}

impl Cheat {
	/// Tampers with the image, encrypts and proves the result, and serves devices.
	pub async fn start(waybill: &Waybill, account: Account, kubo: &Kubo, target: &Target<'_>, run: &Path) -> Result<Self> {
		let release: Release = waybill.ask(&["query", "release", &target.release.to_string()]).await?;
		let Chain { genesis } = waybill.ask(&["query", "chain"]).await?;
		let genesis = hash(&genesis)?;
		let keys = std::fs::read_to_string(target.keys)?;
		let devices = keys.lines().map(|line| line.trim().parse().map_err(anyhow::Error::msg));
		let devices = devices.collect::<Result<Vec<DeviceKey>>>().context("the fleet's keys")?;
		let digest = Digest { suite: Suite::Zkcp, bytes: hash(&release.digest.bytes)? };
		let statement = ReleaseStatement {
			model: release.model,
			version: release.version,
			security_version: release.security_version,
			payload: release.payload,
			size: release.size,
			sha256: hash(&release.sha256)?,
			digest,
		};
		let job = Job {
			bounty: target.bounty,
			root: FleetTree::new(&devices).root(),
			count: u32::try_from(devices.len())?,
			expires_at: u32::try_from(target.expires_at)?,
			closing: false,
			release_id: release.release,
			release: statement,
			key_set_version: release.key_set_version,
			signatures: release
				.signatures
				.into_iter()
				.map(|signed| IndexedSignature { key: signed.key_index, signature: signed.signature })
				.collect(),
			yanked: false,
		};
		let own: [u8; 32] = account.address.0;
		let context = ContentContext { genesis, bounty: target.bounty, distributor: own, digest, epoch: 0 };
		let mut epoch = Epoch::generate(&context, u32::try_from(devices.len())?, &mut OsRng.unwrap_err());
		let mut image = std::fs::read(target.image)?;
		ensure!(image.len() > TAMPERED, "the image is too small");
		image[TAMPERED] ^= 1;
		let files = run.join("cheat");
		std::fs::create_dir_all(&files)?;
		publish(&mut epoch, &image, kubo, &files).await?;

		let distributor = Distributor::new(genesis, own, INVITE_LIFETIME_MS, &mut OsRng.unwrap_err());
		let book = Mutex::new(Book { epoch, sessions: HashMap::new(), receipts: 0 });
		let desk = Arc::new(Desk { distributor, job, devices, number: u32::try_from(target.number)?, book });
		let routes = Router::new()
			.route("/exchange/v1/invite", get(invite))
			.route("/exchange/v1/hello", post(hello))
			.route("/exchange/v1/receipt", post(receipt))
			.with_state(desk.clone());
		let listener = TcpListener::bind("127.0.0.1:0").await?;
		let url = format!("http://{}", listener.local_addr()?);
		let server = tokio::spawn(async move {
			let _ = axum::serve(listener, routes).await;
		});
		Ok(Self { account, url, server, desk })
	}

	/// Its address.
	pub fn url(&self) -> &str {
		&self.url
	}

	/// Its account.
	pub const fn account(&self) -> &Account {
		&self.account
	}

	/// How many offers it has made, and how many receipts it has got for them.
	pub fn dealings(&self) -> (usize, usize) {
		let book = self.desk.book();
		(book.sessions.len(), book.receipts)
	}
}

/// Encrypts the tampered image, proves that the ciphertext decrypts to it, and adds ciphertext and
/// proofs to IPFS.
async fn publish(epoch: &mut Epoch, image: &[u8], kubo: &Kubo, files: &Path) -> Result<()> {
	let (key, nonce) = epoch.content_key().and_then(|key| key.provable()).context("no key")?;
	let layout = Layout::new(image.len() as u64).context("the image is too large")?;
	let digests = ChunkDigests::of_payload(image, layout, &mut unwatched)?;
	let mut ciphertext = Vec::new();
	let encrypted = encrypt::<_, _, OutOfRange>(image, layout, &key, &nonce, &mut ciphertext, &mut unwatched)?;
	let data = prove(&ciphertext, &digests, &encrypted, &key, &nonce, &mut unwatched)?;
	let locks = prove_locks(&key, &epoch.lock_keys(), &nonce)?;
	let sha256 = Sha256::digest(&ciphertext).into();
	let mut stored = Vec::new();
	for (name, bytes) in [("ciphertext", ciphertext), ("proof", data), ("locks", locks)] {
		let file = files.join(name);
		std::fs::write(&file, &bytes)?;
		let cid = kubo.add(&file).await?.parse().map_err(anyhow::Error::msg).context(text(&file)?.to_owned())?;
		stored.push(Stored { cid, size: bytes.len() as u64 });
	}
	let [ciphertext, data, locks] = stored[..] else { anyhow::bail!("three files were added") };
	epoch.publish(Ciphertext { cid: ciphertext.cid, size: ciphertext.size, sha256 }, Some(Proofs { data, locks }));
	Ok(())
}
