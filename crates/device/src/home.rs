//! A device's state folder.
//!
//! ```text
//! device.key        the device's secret key
//! device.toml       what the device is and whom it trusts
//! exchange.cbor     the exchange under way; contains secrets
//! memory.json       everything else that the device must not forget
//! ciphertexts/      by CID; NAME.part and NAME.journal during a download
//! slots/a, slots/b  each an image and its record
//! current           a link to the slot in use
//! lock              held while a program works here
//! ```

use crate::{
	error::{Error, Result},
	freeze::Freeze,
	identity::{self, Identity, StoredKeySet},
	slots::{Firmware, Slots},
};
use serde::{Deserialize, Serialize};
use std::{
	collections::{BTreeMap, BTreeSet},
	fs::{self, File, TryLockError},
	path::{Path, PathBuf},
};
use waybill_daemon::disk::{self, failed};
use waybill_exchange::{DeviceExchange, Installed, Policy, Profile, TrustedKeys};
use waybill_keys::StatementKey;
use waybill_primitives::{BlockNumber, Cid, ReleaseId};

const EXCHANGE_FILE: &str = "exchange.cbor";
const MEMORY_FILE: &str = "memory.json";
const FILES: &str = "ciphertexts";
const LOCK_FILE: &str = "lock";

/// What a device must not forget besides the exchange itself.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
	/// No block up to this one contains a key that the device waits for.
	pub searched: BlockNumber,
	/// The release whose hook has to run, or to run again.
	pub hook: Option<ReleaseId>,
	/// The accounts of distributors that cheated, and how.
	pub cheats: BTreeMap<String, String>,
	/// The address of the distributor whose offer the device took last.
	pub offered_by: Option<String>,
	/// Contracts, by their locks, whose bounty is over and whose key the device has sought
	/// everywhere.
	pub over: BTreeSet<String>,
	/// The current freeze, if there is one.
	pub freeze: Option<Freeze>,
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
		let (identity, key) = (Identity::load(path)?, identity::key(path)?);
		let slots = Slots::open(path).map_err(failed("use", path))?;
		Ok(Self { path: path.into(), identity, key, slots, _lock: None })
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

	/// The exchange as it was stored, or a new one.
	pub fn exchange(&self, policy: Policy) -> Result<DeviceExchange> {
		let path = self.path.join(EXCHANGE_FILE);
		let stored = disk::read(&path).map_err(failed("read", &path))?;
		let (profile, key) = (self.profile()?, self.key.public());
		match stored {
			Some(bytes) => DeviceExchange::restore(profile, policy, key, &bytes)
				.map_err(|error| Error::Exchange { path, cause: error.to_string() }),
			None => Ok(DeviceExchange::new(profile, policy, key)),
		}
	}

	/// Stores the exchange; it is on the disk when this returns.
	pub fn save_exchange(&self, bytes: &[u8]) -> Result<()> {
		let path = self.path.join(EXCHANGE_FILE);
		Ok(disk::write(&path, bytes).map_err(failed("write", &path))?)
	}

	/// The stored memory.
	pub fn memory(&self) -> Result<Memory> {
		let path = self.path.join(MEMORY_FILE);
		match disk::read(&path).map_err(failed("read", &path))? {
			Some(json) => serde_json::from_slice(&json).map_err(|error| Error::Damaged { path, cause: error.to_string() }),
			None => Ok(Memory::default()),
		}
	}

	/// Stores the memory.
	pub fn save_memory(&self, memory: &Memory) -> Result<()> {
		let path = self.path.join(MEMORY_FILE);
		let json = serde_json::to_vec_pretty(memory)
			.map_err(|error| Error::Damaged { path: path.clone(), cause: error.to_string() })?;
		Ok(disk::write(&path, &json).map_err(failed("write", &path))?)
	}

	/// The path for the file that IPFS has under a CID.
	pub fn file(&self, cid: &Cid) -> Result<PathBuf> {
		let folder = self.path.join(FILES);
		disk::folder(&folder).map_err(failed("make", &folder))?;
		Ok(folder.join(cid.to_string()))
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
