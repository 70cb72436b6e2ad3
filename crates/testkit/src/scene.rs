//! A vendor, a fleet, a chain and releases.

use crate::{
	ipfs::Ipfs,
	ledger::{Fake, GENESIS},
};
use ed25519_dalek::{Signer, SigningKey};
use std::{path::Path, sync::Arc};
use waybill_chain::{types::AccountId, Account};
use waybill_exchange::{Ciphertext, DeviceExchange, Installed, Policy, Profile, TrustedKeys};
use waybill_ipfs::ContentHasher;
use waybill_primitives::{
	view::KeySetLink, Cid, DeviceKey, Digest, IndexedSignature, KeySet, KeySetStatement, Manifest, ReleaseId,
	ReleaseSignature, ReleaseStatement, Statement, Suite, Version,
};
use waybill_zkcp::{ChunkDigests, Layout};

/// The reward for a device.
pub const REWARD: u128 = 1_000;
/// The model of all devices.
pub const MODEL: u64 = 3;
/// The block at which bounties expire: only tests about expiry get there.
pub const EXPIRES_AT: u32 = 1_000_000;

/// A vendor's world: a chain of its own, with fleet 0 of one model.
pub struct Scene {
	/// The chain.
	pub chain: Fake,
	/// The vendor's account.
	pub vendor: AccountId,
	/// The devices' keys.
	pub devices: Vec<SigningKey>,
	/// The fleet.
	pub manifest: Arc<Manifest>,
	/// Its CID.
	pub manifest_cid: Cid,
}

/// The one key of a version of the vendor's key set.
fn release_key(version: u32) -> SigningKey {
	let mut seed = [0xfe; 32];
	seed[..4].copy_from_slice(&version.to_le_bytes());
	SigningKey::from_bytes(&seed)
}

/// The vendor's key set of this version.
fn key_set(version: u32) -> KeySet {
	KeySet { threshold: 1, keys: vec![public(&release_key(version))].try_into().unwrap() }
}

/// An account with a name.
pub fn account(folder: impl AsRef<Path>, name: &str) -> Account {
	Account::generate(&folder.as_ref().join(name)).unwrap()
}

/// The signature of a version's key.
fn signature(version: u32, statement: &impl Statement) -> IndexedSignature {
	let signature = release_key(version).sign(&statement.signing_bytes(&GENESIS)).to_bytes();
	IndexedSignature { key: 0, signature: ReleaseSignature::Ed25519(signature) }
}

fn public(key: &SigningKey) -> DeviceKey {
	DeviceKey::Ed25519(key.verifying_key().to_bytes())
}

impl Scene {
	/// A fleet without releases.
	pub fn new(devices: u8) -> Self {
		let devices: Vec<_> = (0..devices).map(|number| SigningKey::from_bytes(&[number + 1; 32])).collect();
		let manifest = Manifest::new(devices.iter().map(public).collect()).unwrap();
		let manifest_cid = Cid::raw(&manifest.encode());
		let chain = Fake::new();
		chain.fleet(0, MODEL, &manifest, manifest_cid);
		Self { chain, vendor: AccountId([0x56; 32]), devices, manifest: Arc::new(manifest), manifest_cid }
	}

	/// Adds the fleet's list of keys to IPFS.
	pub fn publish_manifest(&self, ipfs: &Ipfs) {
		assert_eq!(ipfs.add(&self.manifest.encode(), 1 << 20), self.manifest_cid);
	}

	/// The keys that sign releases at first.
	pub fn trusted_keys(&self) -> TrustedKeys {
		TrustedKeys { version: 1, key_set: key_set(1) }
	}

	/// The key set of this version, signed by its predecessor and by itself, for the vendor
	/// `vendor`.
	pub fn link(&self, vendor: AccountId, version: u32) -> KeySetLink {
		let statement = KeySetStatement { vendor: vendor.0, version, key_set: key_set(version) };
		let signed = |by: u32| vec![signature(by, &statement)];
		let (old_signatures, new_signatures) = (signed(version - 1), signed(version));
		KeySetLink { version, key_set: statement.key_set.clone(), old_signatures, new_signatures }
	}

	/// Replaces the vendor's release keys.
	pub fn rotate(&self) {
		let version = self.chain.edit(|world| world.key_set_version()) + 1;
		self.chain.edit(|world| world.key_sets.insert(version, self.link(self.vendor, version)));
	}

	/// Replaces a release's signatures by those of the current keys.
	pub fn resign(&self, id: ReleaseId) {
		self.chain.edit(|world| {
			let version = world.key_set_version();
			let release = world.releases.get_mut(&id).unwrap();
			release.key_set_version = version;
			release.signatures = vec![signature(version, &release.statement)];
		});
	}

	/// Publishes an available release of these bytes under the suite `plain`, and opens a bounty of
	/// the same number for it.
	pub fn release(&self, id: ReleaseId, version: Version, security_version: u32, payload: &[u8], cid: Cid) {
		self.release_under(Suite::Plain, id, version, security_version, payload, cid);
	}

	/// Like [`Self::release`], under this suite.
	pub fn release_under(
		&self,
		suite: Suite,
		id: ReleaseId,
		version: Version,
		security_version: u32,
		payload: &[u8],
		cid: Cid,
	) {
		let sha256 = sp_crypto_hashing::sha2_256(payload);
		let bytes = match suite {
			Suite::Plain => sha256,
			Suite::Zkcp => {
				let layout = Layout::new(payload.len() as u64).unwrap();
				ChunkDigests::of_payload(payload, layout, &mut waybill_zkcp::unwatched).unwrap().id()
			},
		};
		let statement = ReleaseStatement {
			model: MODEL,
			version,
			security_version,
			payload: cid,
			size: payload.len() as u64,
			sha256,
			digest: Digest { suite, bytes },
		};
		let signature = signature(self.chain.edit(|world| world.key_set_version()), &statement);
		self.chain.release(id, &self.vendor, statement, vec![signature]);
		self.chain.bounty(id, id, 0, REWARD, EXPIRES_AT);
	}

	/// A device's side of the exchange, with nothing installed.
	pub fn device(&self, index: usize) -> DeviceExchange {
		let profile = Profile {
			genesis: GENESIS,
			vendor: self.vendor.0,
			model: MODEL,
			keys: self.trusted_keys(),
			installed: Installed::default(),
		};
		let policy = Policy { accept_unproven: true, ..Policy::default() };
		DeviceExchange::new(profile, policy, public(&self.devices[index]))
	}
}

/// The offer's description of a ciphertext that IPFS has under this CID.
pub fn described(ciphertext: &[u8], cid: Cid) -> Ciphertext {
	let mut hasher = ContentHasher::new();
	hasher.update(ciphertext);
	let content = hasher.finish();
	Ciphertext { cid, size: content.size, sha256: content.sha256 }
}
