//! From a release in IPFS to a ciphertext in IPFS.

use crate::{
	config::Config,
	error::{Error, Result},
	prove::{self, Files, Proved},
	store::Store,
};
use rand_core::{OsRng, TryRngCore};
use std::{
	collections::HashMap,
	fs::{self, File, OpenOptions},
	io::{BufWriter, Read, Write},
	os::unix::fs::OpenOptionsExt,
	path::{Path, PathBuf},
	sync::{Arc, PoisonError},
};
use tokio::{sync::Mutex, task::spawn_blocking};
use tokio_util::sync::CancellationToken;
use waybill_chain::types::{Bounty, Release};
use waybill_daemon::disk::{self, failed};
use waybill_exchange::{Ciphertext, ContentContext, ContentKey, Epoch, Proofs, Stored};
use waybill_ipfs::{Checksum, ContentHasher};
use waybill_ipfs_http::{Gateway, Kubo};
use waybill_primitives::{BlockNumber, BountyId, Cid, Hash32, Manifest, ReleaseId, Suite};

const BUFFER: usize = 256 * 1024;
/// How many of a bounty's content keys are checked, from the newest. Devices of older ones have
/// long had their ciphertexts.
const CHECKED: usize = 8;

/// Fetches, encrypts and publishes.
#[derive(Clone, Debug)]
pub struct Content {
	gateway: Gateway,
	kubo: Kubo,
	store: Store,
	folder: PathBuf,
	genesis: Hash32,
	account: [u8; 32],
	epoch_size: u32,
	/// Held while proving, which takes much memory: one proof at a time.
	proving: Arc<Mutex<()>>,
	/// Held while the payload of a release is fetched.
	fetching: Arc<std::sync::Mutex<HashMap<ReleaseId, Arc<Mutex<()>>>>>,
}

impl Content {
	/// Content of this account on this chain, with its files in the data folder.
	pub fn new(
		gateway: Gateway,
		kubo: Kubo,
		store: Store,
		genesis: Hash32,
		account: [u8; 32],
		config: &Config,
	) -> Result<Self> {
		for name in ["payloads", "ciphertexts"] {
			let folder = config.data.join(name);
			disk::folder(&folder).map_err(failed("make", &folder))?;
		}
		let (folder, epoch_size) = (config.data.clone(), config.epoch_size);
		Ok(Self {
			gateway,
			kubo,
			store,
			folder,
			genesis,
			account,
			epoch_size,
			proving: Arc::default(),
			fetching: Arc::default(),
		})
	}

	/// Fetches a fleet's manifest, and checks it against the root of the bounty.
	pub async fn manifest(&self, cid: &Cid, bounty: &Bounty) -> Result<Manifest> {
		let bytes = self.gateway.fetch_bytes(cid, Manifest::size(bounty.count)).await;
		let bytes = bytes.map_err(|cause| Error::NoManifest { fleet: bounty.fleet, cause })?;
		let (root, count) = (bounty.root, bounty.count);
		let decoded = spawn_blocking(move || Manifest::decode(&bytes, &root, count)).await;
		let decoded = decoded.map_err(Error::broke_off("reading a manifest"))?;
		decoded.map_err(|cause| Error::Manifest { fleet: bounty.fleet, cause })
	}

	/// Makes sure that the newest content key for a bounty serves at least one more device, and
	/// that its ciphertext is in IPFS, with its proofs if the suite has any.
	///
	/// Content that IPFS has lost is made again first. Returns what proving cost, if it proved
	/// anything.
	pub async fn refill(&self, bounty: BountyId, release: &Release) -> Result<Option<Proved>> {
		let mut proved = None;
		loop {
			let mut epochs = self.store.epochs(bounty)?;
			let epoch = match epochs.iter().position(|epoch| epoch.ciphertext().is_none()) {
				Some(unpublished) => epochs.swap_remove(unpublished),
				None => match epochs.pop() {
					Some(epoch) if epoch.left() > 0 => return Ok(proved),
					_ => self.draw(bounty, release, self.store.next_epoch(bounty)?)?,
				},
			};
			proved = self.publish(bounty, epoch, release).await?.or(proved);
		}
	}

	/// Makes the ciphertext of a content key, and its proofs, and puts them into IPFS.
	async fn publish(&self, bounty: BountyId, epoch: Epoch, release: &Release) -> Result<Option<Proved>> {
		let payload = self.payload(release).await?;
		let number = epoch.context().epoch;
		let files = self.files(&epoch)?;
		let stopped = CancellationToken::new();
		let _stop = stopped.clone().drop_guard();
		let (ciphertext, proofs, proved) = match release.statement.digest.suite {
			Suite::Plain => {
				let checksum = self.encrypt(epoch, release, payload, &files.ciphertext, stopped).await?;
				(self.add(&files.ciphertext, checksum).await?, None, None)
			},
			Suite::Zkcp => {
				let (checksum, proved) = self.prove(epoch, release, payload, &files, stopped).await?;
				let (data, locks) = (self.store_file(&files.data).await?, self.store_file(&files.locks).await?);
				if let Some(Proved { data_seconds, lock_seconds, .. }) = proved {
					tracing::info!(bounty, epoch = number, seconds = data_seconds + lock_seconds, "proved");
				}
				(self.add(&files.ciphertext, checksum).await?, Some(Proofs { data, locks }), proved)
			},
		};
		self.store.publish(bounty, number, ciphertext, proofs)?;
		files.remove_ciphertext()?;
		tracing::info!(bounty, epoch = number, cid = %ciphertext.cid, "ciphertext published");
		Ok(proved)
	}

	async fn encrypt(
		&self,
		epoch: Epoch,
		release: &Release,
		payload: PathBuf,
		target: &Path,
		stopped: CancellationToken,
	) -> Result<Checksum> {
		let (key, target) = (epoch.content_key().ok_or(Error::DamagedKey)?, target.to_path_buf());
		let expected = Checksum { size: release.statement.size, sha256: release.statement.sha256 };
		let work = move || encrypt(&key, &payload, &target, expected, &stopped);
		spawn_blocking(work).await.map_err(Error::broke_off("encrypting"))?
	}

	async fn prove(
		&self,
		epoch: Epoch,
		release: &Release,
		payload: PathBuf,
		files: &Files,
		stopped: CancellationToken,
	) -> Result<(Checksum, Option<Proved>)> {
		let _alone = self.proving.lock().await;
		let (statement, files) = (release.statement.clone(), Files::beside(&files.ciphertext));
		let work = move || prove::make(&epoch, &payload, &files, &statement, &stopped);
		spawn_blocking(work).await.map_err(Error::broke_off("proving"))?
	}

	async fn add(&self, path: &Path, checksum: Checksum) -> Result<Ciphertext> {
		let added = self.kubo.add_file(path, |_| ()).await?;
		Ok(Ciphertext { cid: added.cid, size: checksum.size, sha256: checksum.sha256 })
	}

	async fn store_file(&self, path: &Path) -> Result<Stored> {
		let added = self.kubo.add_file(path, |_| ()).await?;
		Ok(Stored { cid: added.cid, size: added.size })
	}

	/// Looks whether kubo still has the newest content for a bounty, and notes what it has lost.
	/// Returns whether it has lost anything.
	pub async fn check(&self, bounty: BountyId) -> Result<bool> {
		let mut lost = false;
		for epoch in self.store.epochs(bounty)?.into_iter().rev().take(CHECKED) {
			// An earlier attempt to make it again has failed.
			lost |= epoch.ciphertext().is_none();
			for cid in published(&epoch) {
				let is_pinned = match self.kubo.is_pinned(&cid).await {
					// What was found to be lost has to be made again all the same.
					Err(error) if lost => {
						tracing::warn!(bounty, %error, "cannot look for the rest of the content");
						return Ok(true);
					},
					is_pinned => is_pinned?,
				};
				if !is_pinned {
					tracing::warn!(bounty, epoch = epoch.context().epoch, %cid, "kubo has lost content; making it again");
					self.store.withdraw(bounty, epoch.context().epoch)?;
					lost = true;
					break;
				}
			}
		}
		Ok(lost)
	}

	/// Forgets a bounty that is gone from the chain at this block, and unpins its ciphertexts.
	pub async fn retire(&self, bounty: BountyId, block: BlockNumber) -> Result<()> {
		for epoch in self.store.epochs(bounty)? {
			for cid in published(&epoch) {
				self.kubo.unpin(&cid).await?;
			}
			self.files(&epoch)?.remove()?;
		}
		self.store.retire(bounty, block)
	}

	/// The files of a content key. Their name says which key it is: another store may have had
	/// others under the same numbers.
	fn files(&self, epoch: &Epoch) -> Result<Files> {
		let (bounty, number) = (epoch.context().bounty, epoch.context().epoch);
		let commitment = epoch.content_key().ok_or(Error::DamagedKey)?.commitment();
		let name = hex::encode(commitment.get(..8).unwrap_or_default());
		Ok(Files::beside(&self.folder.join(format!("ciphertexts/{bounty}-{number}-{name}"))))
	}

	/// Removes the payloads of all releases except these.
	pub fn keep_payloads(&self, releases: &[ReleaseId]) -> Result<()> {
		let folder = self.folder.join("payloads");
		for entry in fs::read_dir(&folder).map_err(failed("read", &folder))? {
			let path = entry.map_err(failed("read", &folder))?.path();
			let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
			let release = name.split('.').next().and_then(|number| number.parse().ok());
			if !release.is_some_and(|release| releases.contains(&release)) {
				fs::remove_file(&path).map_err(failed("remove", &path))?;
			}
		}
		Ok(())
	}

	/// A fresh content key. It is stored before it encrypts anything.
	fn draw(&self, bounty: BountyId, release: &Release, number: u32) -> Result<Epoch> {
		let context = ContentContext {
			genesis: self.genesis,
			bounty,
			distributor: self.account,
			digest: release.statement.digest,
			epoch: number,
		};
		let epoch = Epoch::generate(&context, self.epoch_size, &mut OsRng.unwrap_err());
		self.store.put_epoch(&epoch)?;
		Ok(epoch)
	}

	/// The file with a release's payload. Fetches it if it is not there.
	async fn payload(&self, release: &Release) -> Result<PathBuf> {
		let path = self.folder.join(format!("payloads/{}", release.id));
		// Several bounties may be for one release.
		let fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner).entry(release.id).or_default().clone();
		let _alone = fetching.lock().await;
		if !path.exists() {
			let statement = &release.statement;
			self.gateway.fetch_file(&statement.payload, statement.size, &path, |_| ()).await?;
		}
		Ok(path)
	}
}

/// Everything of a content key that is in IPFS.
fn published(epoch: &Epoch) -> Vec<Cid> {
	let proofs = epoch.proofs().into_iter().flat_map(|proofs| [proofs.data.cid, proofs.locks.cid]);
	epoch.ciphertext().map(|ciphertext| ciphertext.cid).into_iter().chain(proofs).collect()
}

/// Encrypts a payload, and returns the ciphertext's length and hash.
///
/// # Errors
/// The payload is not the one that the release declares.
fn encrypt(
	key: &ContentKey,
	payload: &Path,
	target: &Path,
	expected: Checksum,
	stopped: &CancellationToken,
) -> Result<Checksum> {
	let (unreadable, unwritable) = (failed("read", payload), failed("write", target));
	let mut encryptor = key.encryptor(expected.size).ok_or(Error::PayloadTooLarge(expected.size))?;
	let mut input = File::open(payload).map_err(&unreadable)?;
	let output = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(target);
	let mut output = BufWriter::new(output.map_err(&unwritable)?);
	let (mut plain, mut cipher) = (ContentHasher::new(), ContentHasher::new());
	let (mut buffer, mut encrypted) = (vec![0; BUFFER], Vec::with_capacity(BUFFER));
	let wrong = |_| Error::PayloadLength;
	loop {
		if stopped.is_cancelled() {
			return Err(Error::Stopped);
		}
		let read = input.read(&mut buffer).map_err(&unreadable)?;
		let piece = buffer.get(..read).unwrap_or_default();
		if piece.is_empty() {
			break;
		}
		plain.update(piece);
		encrypted.clear();
		encryptor.update(piece, &mut encrypted).map_err(wrong)?;
		cipher.update(&encrypted);
		output.write_all(&encrypted).map_err(&unwritable)?;
	}
	encrypted.clear();
	encryptor.finish(&mut encrypted).map_err(wrong)?;
	cipher.update(&encrypted);
	output.write_all(&encrypted).and_then(|()| output.flush()).map_err(&unwritable)?;
	if plain.finish() != expected {
		// The next attempt fetches it again.
		let _ = fs::remove_file(payload);
		return Err(Error::OtherPayload { differs: "SHA-256" });
	}
	Ok(cipher.finish())
}
