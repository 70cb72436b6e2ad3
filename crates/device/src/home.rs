//! A device's state folder.
//!
//! ```text
//! device.key        the device's secret key
//! device.toml       what the device is and whom it trusts
//! exchange.cbor     the exchange under way; contains secrets
//! memory.json       everything else that the device must not forget
//! trial.json        the new version that has not proven itself yet
//! order.json        what a person asks of the device
//! peers.json        distributors that failed the device, and the last one that did not
//! hook.lock         held by a hook and its children while they live
//! ciphertexts/      by CID; NAME.part and NAME.journal during a download
//! slots/a, slots/b  each an image and its record
//! current           a link to the slot in use
//! lock              held while a program works here
//! ```

use crate::{
	error::{Error, Result},
	failures::Record,
	freeze::Freeze,
	identity::{self, Identity, StoredKeySet},
	slots::{Firmware, Slots},
	update::{LastUpdate, Order, Programs, Trial},
};
use serde::{de::DeserializeOwned, Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
	collections::{BTreeMap, BTreeSet},
	fmt,
	fs::{self, File, TryLockError},
	path::{Path, PathBuf},
};
use waybill_daemon::{
	clock::Time,
	disk::{self, failed},
};
use waybill_exchange::{DeviceExchange, Installed, Policy, Profile, RestoreError, TrustedKeys};
use waybill_keys::StatementKey;
use waybill_primitives::{BlockNumber, Cid, ReleaseId, UpdateReason};

const EXCHANGE_FILE: &str = "exchange.cbor";
const MEMORY_FILE: &str = "memory.json";
const TRIAL_FILE: &str = "trial.json";
const ORDER_FILE: &str = "order.json";
const PEERS_FILE: &str = "peers.json";
const FILES: &str = "ciphertexts";
const LOCK_FILE: &str = "lock";

/// What a device must not forget besides the exchange itself.
///
/// Another version of this program may have written it, before or after the other slot was used.
/// Its fields are optional, and unknown ones are ignored.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
	/// No block up to this one contains a key that the device waits for.
	pub searched: BlockNumber,
	/// What became of the last update.
	pub last_update: Option<LastUpdate>,
	/// The programs that the agent ran with.
	pub programs: Programs,
	/// The lowest security version that the device takes, besides what the exchange remembers.
	pub least_security_version: u32,
	/// What was confirmed last, besides the slot's own record.
	pub installed: Option<Firmware>,
	/// The release before the installed one, which the spare slot keeps.
	pub before: Option<ReleaseId>,
	/// The releases that did not prove themselves, and why. The device does not try them again.
	pub rolled_back: BTreeMap<ReleaseId, UpdateReason>,
	/// The accounts of distributors that cheated, and how.
	pub cheats: BTreeMap<String, String>,
	/// The address of the distributor whose offer the device took last.
	pub offered_by: Option<String>,
	/// Contracts, by their locks, whose bounty is over and whose key the device has sought
	/// everywhere.
	pub over: BTreeSet<String>,
	/// The current freeze, if there is one.
	pub freeze: Option<Freeze>,
	/// The last block in which the last receipt can be reserved, and about when it comes, by the chain's
	/// pace when the receipt was signed.
	pub receipt_ends: Option<(BlockNumber, Time)>,
}

/// The memory that these fields hold. A field of a newer version that this one cannot read is left out.
fn known(mut fields: Map<String, Value>) -> Memory {
	let memory = |fields| serde_json::from_value::<Memory>(Value::Object(fields));
	fields.retain(|name, value| {
		let read = memory(Map::from_iter([(name.clone(), value.clone())]));
		if let Err(cause) = &read {
			tracing::error!(name, %cause, "a part of the device's memory cannot be read");
		}
		read.is_ok()
	});
	memory(fields).unwrap_or_default()
}

/// A device's state folder. While it is open, no other program can open it for writing.
#[derive(Debug)]
pub struct Home {
	path: PathBuf,
	/// What the device is and whom it trusts.
	pub identity: Identity,
	/// The device's key.
	pub key: StatementKey,
	/// The firmware.
	pub slots: Slots,
	_lock: Option<File>,
}

impl Home {
	/// Opens the folder to work in it.
	pub fn open(path: &Path) -> Result<Self> {
		Self::read(path).and_then(|home| {
			let file = path.join(LOCK_FILE);
			let lock = File::create(&file).map_err(failed("write", &file))?;
			match lock.try_lock() {
				Ok(()) => Ok(Self { _lock: Some(lock), ..home }),
				Err(TryLockError::WouldBlock) => Err(Error::Locked(path.into())),
				Err(TryLockError::Error(error)) => Err(failed("lock", &file)(error).into()),
			}
		})
	}

	/// Opens the folder to look at it.
	pub fn read(path: &Path) -> Result<Self> {
		if !path.is_dir() {
			return Err(Error::NoDevice(path.into()));
		}
		// Hooks get paths in this folder, and may work in another one.
		let path = &fs::canonicalize(path).map_err(failed("use", path))?;
		let (identity, key) = (Identity::load(path)?, identity::key(path)?);
		let slots = Slots::open(path).map_err(failed("use", path))?;
		Ok(Self { path: path.into(), identity, key, slots, _lock: None })
	}

	/// The folder, as an absolute path.
	pub fn path(&self) -> &Path {
		&self.path
	}

	/// What is installed.
	pub fn firmware(&self) -> Result<Option<Firmware>> {
		Ok(self.slots.current()?)
	}

	/// The firmware that runs: the installed one, or else that from the factory.
	pub fn installed(&self) -> Result<Installed> {
		let factory = self.identity.factory;
		Ok(self
			.firmware()?
			.map_or(Installed { version: factory.version, security_version: factory.security_version }, |installed| {
				Installed { version: installed.version, security_version: installed.security_version }
			}))
	}

	/// The exchange's profile of the device.
	pub fn profile(&self) -> Result<Profile> {
		let identity = &self.identity;
		Ok(Profile {
			genesis: identity.genesis.0,
			vendor: identity.vendor.0,
			model: identity.model,
			keys: TrustedKeys { version: identity.key_set.version, key_set: identity.key_set.key_set()? },
			installed: self.installed()?,
		})
	}

	/// Trusts this key set of the vendor from now on; it is on the disk when this returns.
	pub fn trust(&mut self, keys: &TrustedKeys) -> Result<()> {
		let next = Identity { key_set: StoredKeySet::new(keys.version, &keys.key_set), ..self.identity.clone() };
		next.save(&self.path)?;
		self.identity = next;
		Ok(())
	}

	/// The exchange as it was stored, or a new one. If what was stored is damaged, or of a newer
	/// version of this program, it is set aside, and the new exchange keeps to the lowest security
	/// version that the memory has.
	pub fn exchange(&self, policy: Policy) -> Result<DeviceExchange> {
		let path = self.path.join(EXCHANGE_FILE);
		let stored = disk::read(&path).map_err(failed("read", &path))?;
		let (profile, key) = (self.profile()?, self.key.public());
		let restored = match stored {
			Some(bytes) => match DeviceExchange::restore(profile.clone(), policy.clone(), key, &bytes) {
				Ok(exchange) => Some(exchange),
				Err(RestoreError::Foreign) => {
					return Err(Error::Exchange { path, cause: RestoreError::Foreign.to_string() })
				},
				Err(error) => {
					self.set_aside(&path, &error)?;
					None
				},
			},
			None => None,
		};
		let mut exchange = restored.unwrap_or_else(|| DeviceExchange::new(profile, policy, key));
		exchange.require_security_version(self.memory()?.least_security_version);
		Ok(exchange)
	}

	/// Stores the exchange; it is on the disk when this returns.
	pub fn save_exchange(&self, bytes: &[u8]) -> Result<()> {
		let path = self.path.join(EXCHANGE_FILE);
		Ok(disk::write(&path, bytes).map_err(failed("write", &path))?)
	}

	/// The stored memory.
	pub fn memory(&self) -> Result<Memory> {
		let fields: Option<Map<String, Value>> = self.load(MEMORY_FILE)?;
		Ok(fields.map(known).unwrap_or_default())
	}

	/// Stores the memory.
	pub fn save_memory(&self, memory: &Memory) -> Result<()> {
		self.store(MEMORY_FILE, memory)
	}

	/// The open trial, if there is one.
	pub fn trial(&self) -> Result<Option<Trial>> {
		self.load(TRIAL_FILE)
	}

	/// Stores the open trial.
	pub fn save_trial(&self, trial: &Trial) -> Result<()> {
		self.store(TRIAL_FILE, trial)
	}

	/// Forgets the open trial.
	pub fn end_trial(&self) -> Result<()> {
		self.drop_file(TRIAL_FILE)
	}

	/// What a person asks of the device.
	pub fn order(&self) -> Result<Option<Order>> {
		self.load(ORDER_FILE)
	}

	/// Whether a person asks something of the device.
	pub fn is_ordered(&self) -> bool {
		self.path.join(ORDER_FILE).exists()
	}

	/// Leaves an order for the agent.
	pub fn leave_order(&self, order: &Order) -> Result<()> {
		self.store(ORDER_FILE, order)
	}

	/// Forgets the order.
	pub fn drop_order(&self) -> Result<()> {
		self.drop_file(ORDER_FILE)
	}

	/// What the device remembers of distributors.
	pub fn peers(&self) -> Result<Record> {
		Ok(self.load(PEERS_FILE)?.unwrap_or_default())
	}

	/// Stores what the device remembers of distributors.
	pub fn save_peers(&self, record: &Record) -> Result<()> {
		self.store(PEERS_FILE, record)
	}

	/// Reads a file of this folder, if it is there. A damaged one is set aside.
	fn load<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
		let path = self.path.join(name);
		let Some(json) = disk::read(&path).map_err(failed("read", &path))? else { return Ok(None) };
		match serde_json::from_slice(&json) {
			Ok(value) => Ok(Some(value)),
			Err(error) => self.set_aside(&path, &error).map(|()| None),
		}
	}

	/// Sets a damaged file aside, so that the device can go on without it. A program that only looks
	/// leaves it where it is.
	fn set_aside(&self, path: &Path, cause: &impl fmt::Display) -> Result<()> {
		let mut aside = path.as_os_str().to_owned();
		aside.push(".damaged");
		let aside = PathBuf::from(aside);
		tracing::error!(path = %path.display(), %cause, aside = %aside.display(), "a damaged file is set aside");
		if self._lock.is_none() {
			return Ok(());
		}
		let moved = fs::rename(path, &aside).and_then(|()| disk::sync_folder(&self.path));
		Ok(moved.map_err(failed("move", path))?)
	}

	/// Writes a file of this folder. It is on the disk when this returns.
	fn store<T: Serialize>(&self, name: &str, value: &T) -> Result<()> {
		let path = self.path.join(name);
		let json = serde_json::to_vec_pretty(value)
			.map_err(|error| Error::Damaged { path: path.clone(), cause: error.to_string() })?;
		Ok(disk::write(&path, &json).map_err(failed("write", &path))?)
	}

	fn drop_file(&self, name: &str) -> Result<()> {
		let path = self.path.join(name);
		let removed = disk::remove(&path).and_then(|()| disk::sync_folder(&self.path));
		Ok(removed.map_err(failed("remove", &path))?)
	}

	/// The path for the file that IPFS has under a CID.
	pub fn file(&self, cid: &Cid) -> Result<PathBuf> {
		let folder = self.path.join(FILES);
		disk::folder(&folder).map_err(failed("make", &folder))?;
		Ok(folder.join(cid.to_string()))
	}

	/// How many bytes of a file from IPFS are on the disk, whether all of it was fetched or a part.
	pub fn file_room(&self, cid: &Cid) -> Result<u64> {
		let path = self.file(cid)?;
		let length = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
		Ok(length(&path).max(length(&path.with_extension("part"))))
	}

	/// Removes what was fetched of a file from IPFS.
	pub fn drop_fetched(&self, cid: &Cid) -> Result<()> {
		let path = self.file(cid)?;
		for path in [path.clone(), path.with_extension("part"), path.with_extension("journal")] {
			disk::remove(&path).map_err(failed("remove", &path))?;
		}
		Ok(())
	}

	/// Removes all files that were fetched from IPFS, except these.
	pub fn keep_files(&self, keep: impl Iterator<Item = Cid>) -> Result<()> {
		let keep: Vec<String> = keep.map(|cid| cid.to_string()).collect();
		let folder = self.path.join(FILES);
		let Ok(entries) = fs::read_dir(&folder) else { return Ok(()) };
		for entry in entries {
			let path = entry.map_err(failed("read", &folder))?.path();
			let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
			if !keep.iter().any(|kept| name.starts_with(kept.as_str())) {
				disk::remove(&path).map_err(failed("remove", &path))?;
			}
		}
		Ok(())
	}
}
