//! A vendor, a fleet, distributors and a chain of one bounty, to drive both machines with.

#![allow(dead_code, reason = "each test program uses its part")]

use ed25519_dalek::SigningKey;
use rand_chacha::{
	rand_core::{RngCore, SeedableRng},
	ChaCha20Rng,
};
use sha2::{Digest as _, Sha256};
use std::{
	collections::HashMap,
	sync::{Arc, LazyLock, Mutex, OnceLock},
};
use waybill_exchange::{
	sign, BountyPlace, ChainHead, ChainView, Ciphertext, ContentContext, DeviceExchange, Distributor, Epoch, Evidence,
	Hello, Installed, Job, Member, Offer, Policy, Profile, ProofVerdict, Proofs, Receipt, Refusal, Rejection, ReleaseView,
	Session, Signer, Slot, Stage, Stored, Terms, TrustedKeys, Wanted,
};
use waybill_primitives::{
	fleet::FleetTree,
	view::{BountyView, ReleaseState},
	Cid, DeviceKey, Digest, Hash32, IndexedSignature, KeySet, KeySetStatement, ReleaseStatement, Statement, Suite, Version,
};
use waybill_zkcp::{unwatched, ChunkDigests, Layout, OutOfRange};

pub const GENESIS: Hash32 = [0x67; 32];
pub const VENDOR: [u8; 32] = [0x76; 32];
pub const MODEL: u64 = 3;
pub const BOUNTY: u64 = 5;
pub const RELEASE: u64 = 11;
pub const KEY_SET_VERSION: u32 = 4;
pub const NUMBER: u32 = 1000;
pub const EXPIRES_AT: u32 = 2000;
pub const NOW: u64 = 1_790_000_000_000;
pub const SUITES: [Suite; 2] = [Suite::Plain, Suite::Zkcp];

/// The policy of devices that take releases of every suite.
pub fn policy() -> Policy {
	Policy { accept_unproven: true, ..Policy::default() }
}

/// Makes a test of every function under each suite.
#[macro_export]
macro_rules! under_each_suite {
	($($name:ident),* $(,)?) => {
		mod plain {
			$(#[test]
			fn $name() {
				super::$name(waybill_primitives::Suite::Plain);
			})*
		}

		mod zkcp {
			$(#[test]
			fn $name() {
				super::$name(waybill_primitives::Suite::Zkcp);
			})*
		}
	};
}

pub fn rng(seed: u64) -> ChaCha20Rng {
	ChaCha20Rng::seed_from_u64(seed)
}

/// The key with this number: devices from 0, release keys from 1000, strangers from 2000.
pub fn key(number: u64) -> SigningKey {
	let mut seed = [0; 32];
	rng(number).fill_bytes(&mut seed);
	SigningKey::from_bytes(&seed)
}

pub fn release_keys() -> [SigningKey; 3] {
	[key(1000), key(1001), key(1002)]
}

pub fn key_set(threshold: u8) -> KeySet {
	let keys: Vec<DeviceKey> = release_keys().iter().map(Signer::public).collect();
	KeySet { threshold, keys: keys.try_into().unwrap() }
}

pub fn signatures(release: &ReleaseStatement, keys: &[u8]) -> Vec<IndexedSignature> {
	let all = release_keys();
	keys.iter().map(|at| IndexedSignature { key: *at, signature: sign(&all[usize::from(*at)], release, &GENESIS) }).collect()
}

/// A vendor's next key set with the signatures that it needs.
pub struct Rotation {
	pub statement: KeySetStatement<[u8; 32]>,
	pub by_old: Vec<IndexedSignature>,
	pub by_new: Vec<IndexedSignature>,
}

/// The release keys of a version: those of [`release_keys`] for the first, and two others for each
/// later one.
pub fn keys_of(version: u32) -> Vec<SigningKey> {
	match version {
		KEY_SET_VERSION => release_keys().to_vec(),
		_ => (0..2).map(|at| key(1000 + u64::from(version) * 10 + at)).collect(),
	}
}

/// The statement about the key set of this version, of which two keys must sign.
pub fn key_set_statement(version: u32) -> KeySetStatement<[u8; 32]> {
	let keys: Vec<DeviceKey> = keys_of(version).iter().map(Signer::public).collect();
	KeySetStatement { vendor: VENDOR, version, key_set: KeySet { threshold: 2, keys: keys.try_into().unwrap() } }
}

/// Signatures of the first two of these keys.
pub fn signed_by(statement: &impl Statement, keys: &[SigningKey]) -> Vec<IndexedSignature> {
	let pairs = (0u8..).zip(keys).take(2);
	pairs.map(|(key, signer)| IndexedSignature { key, signature: sign(signer, statement, &GENESIS) }).collect()
}

/// The step to this version from the one before.
pub fn next_keys(version: u32) -> Rotation {
	let statement = key_set_statement(version);
	let by_old = signed_by(&statement, &keys_of(version - 1));
	let by_new = signed_by(&statement, &keys_of(version));
	Rotation { statement, by_old, by_new }
}

pub fn payload(size: usize) -> Vec<u8> {
	let mut bytes = vec![0; size];
	rng(42).fill_bytes(&mut bytes);
	bytes
}

/// What the chain holds.
#[derive(Clone)]
pub struct Chain {
	pub number: u32,
	pub timestamp_ms: u64,
	pub release: ReleaseView,
	pub place: BountyPlace,
}

impl Chain {
	pub fn view(&self) -> ChainView {
		ChainView {
			head: ChainHead { genesis: GENESIS, number: self.number, timestamp_ms: self.timestamp_ms },
			release: self.release.clone(),
			place: Some(self.place.clone()),
		}
	}

	pub fn advance(&mut self, blocks: u32) {
		self.number += blocks;
		self.timestamp_ms += u64::from(blocks) * 3000;
	}

	pub fn reserve(&mut self, distributor: [u8; 32], lock: [u8; 32]) {
		let exclusive_until = self.number + 50;
		self.place.slot = Slot::Reserved { distributor, lock, exclusive_until };
	}
}

/// A vendor's release, a fleet of devices, one bounty.
#[derive(Clone)]
pub struct World {
	pub payload: Vec<u8>,
	pub release: ReleaseStatement,
	pub signatures: Vec<IndexedSignature>,
	pub devices: Vec<SigningKey>,
	pub tree: FleetTree,
	pub chain: Chain,
}

impl World {
	pub fn new() -> Self {
		Self::of(Suite::Plain)
	}

	pub fn of(suite: Suite) -> Self {
		Self::of_with(suite, |_| ())
	}

	/// A world whose release is altered before it is signed.
	pub fn with(alter: impl FnOnce(&mut ReleaseStatement)) -> Self {
		Self::of_with(Suite::Plain, alter)
	}

	pub fn of_with(suite: Suite, alter: impl FnOnce(&mut ReleaseStatement)) -> Self {
		Self::for_payload(suite, payload(10_000), alter)
	}

	pub fn for_payload(suite: Suite, payload: Vec<u8>, alter: impl FnOnce(&mut ReleaseStatement)) -> Self {
		let sha256: Hash32 = Sha256::digest(&payload).into();
		let mut release = ReleaseStatement {
			model: MODEL,
			version: Version::new(1, 1, 0),
			security_version: 2,
			payload: Cid::raw(&payload),
			size: payload.len() as u64,
			sha256,
			digest: Digest { suite, bytes: if suite == Suite::Plain { sha256 } else { chunk_digests(&payload).id() } },
		};
		alter(&mut release);
		let devices: Vec<SigningKey> = (0..5).map(key).collect();
		let keys: Vec<DeviceKey> = devices.iter().map(Signer::public).collect();
		let tree = FleetTree::new(&keys);
		let chain = Chain {
			number: NUMBER,
			timestamp_ms: NOW,
			release: ReleaseView {
				id: RELEASE,
				vendor: VENDOR,
				statement: release.clone(),
				key_set_version: KEY_SET_VERSION,
				signatures: signatures(&release, &[0, 2]),
				advisory: None,
				published_at: 1,
				state: ReleaseState::Available,
				yank: None,
			},
			place: BountyPlace {
				bounty: BountyView {
					id: BOUNTY,
					vendor: VENDOR,
					release: RELEASE,
					fleet: 0,
					root: tree.root(),
					count: 5,
					digest: release.digest,
					reward: 1_000,
					expires_at: EXPIRES_AT,
					held: 5_000,
					paid: 0,
					reserved: 0,
					exclusive_until: 0,
					closing: false,
				},
				device_index: 2,
				slot: Slot::Open,
			},
		};
		Self { payload, signatures: signatures(&release, &[0, 2]), release, devices, tree, chain }
	}

	pub fn profile(&self) -> Profile {
		Profile {
			genesis: GENESIS,
			vendor: VENDOR,
			model: MODEL,
			keys: TrustedKeys { version: KEY_SET_VERSION, key_set: key_set(2) },
			installed: Installed { version: Version::new(1, 0, 0), security_version: 2 },
		}
	}

	pub fn job(&self) -> Job {
		let bounty = &self.chain.place.bounty;
		Job {
			bounty: bounty.id,
			root: bounty.root,
			count: bounty.count,
			expires_at: bounty.expires_at,
			closing: bounty.closing,
			release_id: bounty.release,
			release: self.release.clone(),
			key_set_version: KEY_SET_VERSION,
			signatures: self.signatures.clone(),
			yanked: self.chain.release.state == ReleaseState::Yanked,
		}
	}

	pub fn member(&self, device_index: u32) -> Member {
		Member {
			device_index,
			proof: self.tree.proof(device_index).unwrap(),
			slot: self.chain.place.slot.clone(),
			number: self.chain.number,
		}
	}

	/// The device at index 2.
	pub fn device(&self) -> Device {
		self.device_with(self.profile(), 2)
	}

	pub fn device_with(&self, profile: Profile, index: u32) -> Device {
		let signer = self.devices[index as usize].clone();
		let exchange = DeviceExchange::new(profile, policy(), signer.public());
		Device { signer, exchange, rng: rng(100 + u64::from(index)) }
	}

	pub fn server(&self, number: u8) -> Server {
		self.server_with(number, 100, |payload| payload)
	}

	/// A distributor that encrypts another payload than it should. Under a suite with proofs, it
	/// shows the proofs of the right one.
	pub fn server_with(&self, number: u8, limit: u32, alter: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Server {
		let mut server = self.unpublished(number, limit);
		server.ciphertext = encrypted(&server.epoch, &alter(self.payload.clone()));
		server.proofs = ProofFiles::of(&server.epoch, &self.payload);
		server.publish();
		server
	}

	/// A distributor whose files hold the digests that a proof begins with, and no proof. Such
	/// files are the same each time. Devices ask a hub, which says that the proofs hold.
	pub fn server_without_proofs(&self, number: u8) -> Server {
		let mut server = self.unpublished(number, 100);
		server.ciphertext = encrypted(&server.epoch, &self.payload);
		let mut data = ProofFiles::of(&server.epoch, &self.payload).data;
		data.truncate(PROOF_HEAD + 1 + chunk_digests(&self.payload).leaves().len() * 32);
		server.proofs = ProofFiles { data, locks: b"no proof of the locks".to_vec() };
		server.hub = true;
		server.publish();
		server
	}

	/// A distributor that has not published anything yet.
	pub fn unpublished(&self, number: u8, limit: u32) -> Server {
		let mut rng = rng(200 + u64::from(number));
		let account = [number; 32];
		let distributor = Distributor::new(GENESIS, account, 60_000, &mut rng);
		let epoch = Epoch::generate(&self.context(account), limit, &mut rng);
		let (ciphertext, proofs) = Default::default();
		Server { distributor, account, epoch, ciphertext, proofs, hub: false, session: None, rng }
	}

	/// What the first content key of this distributor is for.
	pub fn context(&self, distributor: [u8; 32]) -> ContentContext {
		ContentContext {
			genesis: GENESIS,
			bounty: self.chain.place.bounty.id,
			distributor,
			digest: self.release.digest,
			epoch: 0,
		}
	}
}

/// Encrypts a payload with an epoch's content key.
pub fn encrypted(epoch: &Epoch, payload: &[u8]) -> Vec<u8> {
	let content = epoch.content_key().unwrap();
	let mut ciphertext = Vec::new();
	if let Some((key, nonce)) = content.provable() {
		let layout = Layout::new(payload.len() as u64).unwrap();
		let done = waybill_zkcp::encrypt::<_, _, OutOfRange>(payload, layout, &key, &nonce, &mut ciphertext, &mut unwatched);
		done.unwrap();
		return ciphertext;
	}
	let mut encryptor = content.encryptor(payload.len() as u64).unwrap();
	for chunk in payload.chunks(777) {
		encryptor.update(chunk, &mut ciphertext).unwrap();
	}
	encryptor.finish(&mut ciphertext).unwrap();
	ciphertext
}

/// The digests of a payload's chunks.
pub fn chunk_digests(payload: &[u8]) -> ChunkDigests {
	ChunkDigests::of_payload(payload, Layout::new(payload.len() as u64).unwrap(), &mut unwatched).unwrap()
}

/// The bytes of a proof of data before the number of digests, which the digests follow.
const PROOF_HEAD: usize = 27;

/// The files with an epoch's proofs; empty under a suite without proofs.
#[derive(Clone, Default)]
pub struct ProofFiles {
	pub data: Vec<u8>,
	pub locks: Vec<u8>,
}

/// Proofs that were made, by nonce, commitment and number of locks.
type Made = HashMap<(Hash32, Hash32, usize), Arc<OnceLock<ProofFiles>>>;
static MADE: LazyLock<Mutex<Made>> = LazyLock::new(Default::default);

impl ProofFiles {
	/// Proves that the payload, encrypted with the epoch's content key, decrypts to itself. Each
	/// proof is made once.
	pub fn of(epoch: &Epoch, payload: &[u8]) -> Self {
		let content = epoch.content_key().unwrap();
		let Some((key, nonce)) = content.provable() else { return Self::default() };
		let lock_keys = epoch.lock_keys();
		let made = MADE.lock().unwrap().entry((nonce.0, content.commitment(), lock_keys.len())).or_default().clone();
		let prove = || Self {
			data: prove_data(epoch, payload, &encrypted(epoch, payload)).unwrap(),
			locks: waybill_zkcp::prove_locks(&key, &lock_keys, &nonce).unwrap(),
		};
		made.get_or_init(prove).clone()
	}
}

/// Proves that a ciphertext decrypts under the epoch's content key to the payload, if it can be
/// proved.
pub fn prove_data(epoch: &Epoch, payload: &[u8], ciphertext: &[u8]) -> Option<Vec<u8>> {
	let (key, nonce) = epoch.content_key().unwrap().provable().unwrap();
	let digests = chunk_digests(payload);
	let of_ciphertext = ChunkDigests::of_ciphertext(ciphertext, *digests.layout(), &mut unwatched).unwrap();
	waybill_zkcp::prove(ciphertext, &digests, &of_ciphertext, &key, &nonce, &mut unwatched).ok()
}

pub fn stored(file: &[u8]) -> Stored {
	Stored { cid: Cid::raw(file), size: file.len() as u64 }
}

pub fn described(ciphertext: &[u8]) -> Ciphertext {
	Ciphertext { cid: Cid::raw(ciphertext), size: ciphertext.len() as u64, sha256: Sha256::digest(ciphertext).into() }
}

/// A device with its key.
pub struct Device {
	pub signer: SigningKey,
	pub exchange: DeviceExchange,
	pub rng: ChaCha20Rng,
}

impl Device {
	/// Simulates a power cut: only what was stored is left.
	pub fn restart(&mut self) {
		self.restart_under(policy());
	}

	pub fn restart_under(&mut self, policy: Policy) {
		let bytes = self.exchange.to_bytes();
		let profile = self.exchange.profile().clone();
		self.exchange = DeviceExchange::restore(profile, policy, self.signer.public(), &bytes).unwrap();
		assert_eq!(*self.exchange.to_bytes(), *bytes);
	}

	pub fn hello(&mut self, server: &mut Server, bounty: u64) -> Result<Hello, Refusal> {
		let invite = server.distributor.invite(NOW, &mut server.rng);
		let wanted = Wanted { distributor: server.account, bounty };
		self.exchange.hello(&self.signer, &invite, wanted, &mut self.rng)
	}

	pub fn fetch(&mut self, ciphertext: &[u8]) -> Result<(), Refusal> {
		let mut check = self.exchange.ciphertext_check()?;
		for chunk in ciphertext.chunks(1000) {
			check.update(chunk).map_err(Refusal::Ciphertext)?;
		}
		self.exchange.ciphertext_complete(check)
	}

	/// Checks the distributor's proofs, if there are any to check, or believes the hub.
	pub fn verify(&mut self, server: &Server) -> Result<(), Refusal> {
		match self.exchange.stage() {
			Stage::NeedProofs(terms, _) if server.hub => {
				let verdict = ProofVerdict::new(&Ok(server.group_of(terms)));
				let verified = self.exchange.verification()?.believe(&verdict, &server.proofs.data);
				self.exchange.verified(verified)
			},
			Stage::NeedProofs(..) => self.verify_with(&server.ciphertext, &server.proofs),
			_ => Ok(()),
		}
	}

	/// Checks these files as the distributor's.
	pub fn verify_with(&mut self, ciphertext: &[u8], proofs: &ProofFiles) -> Result<(), Refusal> {
		let verification = self.exchange.verification()?;
		let verified = verification.run(ciphertext, &proofs.data, &proofs.locks, &mut unwatched).unwrap();
		self.exchange.verified(verified)
	}

	pub fn decrypt(&mut self, server: &Server) -> Result<Vec<u8>, Refusal> {
		self.decrypt_with(&server.ciphertext, &server.proofs.data)
	}

	/// Decrypts this file with the digests of this proof.
	pub fn decrypt_with(&mut self, ciphertext: &[u8], data: &[u8]) -> Result<Vec<u8>, Refusal> {
		let mut payload = Vec::new();
		let decryption = self.exchange.decryption()?;
		let decrypted = decryption.run::<OutOfRange, _, _>(ciphertext, data, &mut payload, &mut unwatched).unwrap();
		self.exchange.decrypted(decrypted)?;
		Ok(payload)
	}

	pub fn install(&mut self, chain: &Chain) -> Result<Installed, Refusal> {
		let approval = self.exchange.approve(&chain.view(), chain.timestamp_ms)?;
		self.exchange.installed(approval)
	}

	/// Everything up to a ciphertext that is held and proved.
	pub fn until_held(&mut self, world: &World, server: &mut Server) {
		self.until_unverified(world, server);
		self.verify(server).unwrap();
	}

	/// Everything up to unchecked proofs.
	pub fn until_unverified(&mut self, world: &World, server: &mut Server) {
		let offer = server.offer_to(self, world).unwrap();
		self.exchange.offer(&offer, &world.chain.view(), world.chain.timestamp_ms).unwrap();
		self.fetch(&server.ciphertext).unwrap();
	}

	/// Everything up to a signed receipt.
	pub fn until_signed(&mut self, world: &World, server: &mut Server) -> Receipt {
		self.until_held(world, server);
		self.exchange.sign_receipt(&self.signer, &world.chain.view(), world.chain.timestamp_ms).unwrap().persisted()
	}
}

/// Replaces bytes that occur once.
pub fn patched(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
	let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
	let [at] = places[..] else { panic!("{} places", places.len()) };
	[&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

/// A distributor with one content key and at most one session.
pub struct Server {
	pub distributor: Distributor,
	pub account: [u8; 32],
	pub epoch: Epoch,
	pub ciphertext: Vec<u8>,
	pub proofs: ProofFiles,
	/// Whether devices believe a hub instead of the proofs.
	pub hub: bool,
	pub session: Option<Session>,
	pub rng: ChaCha20Rng,
}

impl Server {
	/// Publishes its files in the epoch.
	pub fn publish(&mut self) {
		let proven = self.epoch.context().digest.suite == Suite::Zkcp;
		let proofs = Proofs { data: stored(&self.proofs.data), locks: stored(&self.proofs.locks) };
		self.epoch.publish(described(&self.ciphertext), proven.then_some(proofs));
	}

	/// The digest of the group of locks in which a device's lock stands.
	pub fn group_of(&self, terms: &Terms) -> Hash32 {
		let Evidence::Proven(_, place) = &terms.evidence else { panic!("no evidence") };
		let (key, _) = self.epoch.content_key().unwrap().provable().unwrap();
		let at = place.group as usize * waybill_zkcp::LOCKS_IN_GROUP + usize::from(place.index);
		place.proved().unwrap().group_digest(&terms.lock, &key.mask(&self.epoch.lock_keys()[at])).unwrap()
	}

	pub fn session(&mut self) -> &mut Session {
		self.session.as_mut().unwrap()
	}

	/// Simulates a power cut: only what was stored is left.
	pub fn restart(&mut self) {
		use waybill_exchange::Message;
		self.epoch = Epoch::from_cbor(&self.epoch.to_cbor()).unwrap();
		if let Some(session) = self.session.take() {
			let bytes = session.to_bytes();
			let restored = Session::restore(&bytes).unwrap();
			assert_eq!(*restored.to_bytes(), *bytes);
			self.session = Some(restored);
		}
	}

	pub fn open(&mut self, hello: &Hello, world: &World, device_index: u32) -> Result<Offer, Rejection> {
		self.open_with(hello, &world.job(), world.member(device_index))
	}

	pub fn open_with(&mut self, hello: &Hello, job: &Job, member: Member) -> Result<Offer, Rejection> {
		let greeting = self.distributor.greet(hello, NOW)?;
		let (session, unsent) = Session::open(&self.distributor, &greeting, job, member, &mut self.epoch, &mut self.rng)?;
		self.session = Some(session);
		Ok(unsent.persisted())
	}

	/// Makes its offer again, after `from` is replaced by `to` in what it has stored for the
	/// device.
	pub fn offer_with(&mut self, device: &mut Device, world: &World, from: &[u8], to: &[u8]) -> Offer {
		self.offer_to(device, world).unwrap();
		let stored = patched(&self.session().to_bytes(), from, to);
		self.session = Some(Session::restore(&stored).unwrap());
		self.offer_again(device, world)
	}

	/// Makes the offer of its session again.
	pub fn offer_again(&mut self, device: &mut Device, world: &World) -> Offer {
		let hello = device.hello(self, world.chain.place.bounty.id).unwrap();
		let greeting = self.distributor.greet(&hello, NOW).unwrap();
		self.session.as_ref().unwrap().offer(&greeting, &world.job(), world.chain.number, &mut self.rng).unwrap()
	}

	/// Greets the device and makes it an offer.
	pub fn offer_to(&mut self, device: &mut Device, world: &World) -> Result<Offer, Rejection> {
		let hello = device.hello(self, world.chain.place.bounty.id).unwrap();
		self.open(&hello, world, world.chain.place.device_index)
	}

	/// Takes the receipt, reserves and claims: the key is on chain.
	pub fn settle(&mut self, receipt: &Receipt, chain: &mut Chain) -> [u8; 32] {
		let number = chain.number;
		let session = self.session.as_mut().unwrap();
		session.receipt(receipt, number, 5).unwrap().persisted();
		let submission = session.submission().unwrap();
		chain.reserve(self.account, submission.receipt.lock);
		session.reserved(0).unwrap();
		let (_, _, key) = session.claim_key().unwrap();
		chain.place.slot = Slot::Paid;
		session.revealed().unwrap();
		key
	}
}
