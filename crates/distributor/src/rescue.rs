//! Recovery of a store that is damaged, or that has only an older copy.
//!
//! What such a store says about content keys may be out of date: some of their shares may have left
//! since. So a new store takes over what can still be read, closes every content key, and draws the
//! next ones with numbers that were never used. Receipts, claims and earnings go on.

use crate::{
	error::{Error, Result},
	salvage::{owner_of, salvage, Salvaged},
	store::Store,
};
use std::{
	fmt,
	fs::{self, Permissions},
	os::unix::fs::PermissionsExt,
	panic::{catch_unwind, AssertUnwindSafe},
	path::{Path, PathBuf},
};
use waybill_daemon::{
	clock::Time,
	disk::{self, failed},
};
use waybill_primitives::Hash32;

/// The store's file in the data folder.
const STORE_FILE: &str = "distributor.redb";
/// The new store while it is being filled.
const NEW_FILE: &str = "distributor.redb.new";
/// A copy while it is being read, as reading may repair it.
const COPY_FILE: &str = "distributor.redb.copy";

/// A data folder whose store was restored.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Restored {
	/// What the new store took over from the store before, if there was one.
	pub from_before: Option<Salvaged>,
	/// What the copy had.
	pub from_copy: Salvaged,
	/// Where the store before is kept.
	pub kept: Option<PathBuf>,
}

impl fmt::Display for Restored {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		if let Some(before) = self.from_before {
			writeln!(f, "from the store before: {before}")?;
		}
		write!(f, "from the copy: {}", self.from_copy)?;
		match &self.kept {
			Some(kept) => write!(f, "\nthe store before is kept as {}", kept.display()),
			None => Ok(()),
		}
	}
}

/// The files of a store.
struct Files {
	folder: PathBuf,
	store: PathBuf,
	new: PathBuf,
}

/// Opens the store of this account on this chain in the data folder, or makes it. A damaged one is
/// set aside, and a new one takes over what can still be read.
///
/// # Errors
/// [`Error::StoreInUse`], [`Error::ForeignStore`], or the disk failed.
pub fn open_store(data: &Path, genesis: &Hash32, account: &[u8; 32]) -> Result<Store> {
	let files = Files::of(data);
	if files.finish()? {
		return renew_store(data, genesis, account);
	}
	match files.open(&(*genesis, *account)) {
		Err(error) if error.is_damage() => renew_store(data, genesis, account),
		opened => opened,
	}
}

/// Sets the store in the data folder aside, and opens a new one with what can still be read.
///
/// # Errors
/// As for [`open_store`].
pub fn renew_store(data: &Path, genesis: &Hash32, account: &[u8; 32]) -> Result<Store> {
	let (files, owner) = (Files::of(data), (*genesis, *account));
	files.ensure_free(&owner)?;
	let salvaged = salvage(&files.store, &files.begin(&owner)?, &owner)?;
	let kept = files.replace()?.unwrap_or_default();
	tracing::error!(kept = %kept.display(), "the store was damaged; a new one took over {salvaged}");
	files.open(&owner)
}

/// Makes a new store in the data folder, of what the store before and a copy have.
///
/// # Errors
/// The copy is damaged or belongs to another account, chain or version of this program than the
/// store before; the distributor runs; the disk failed.
pub fn restore_store(data: &Path, copy: &Path) -> Result<Restored> {
	let files = Files::of(data);
	disk::folder(data).map_err(failed("make", data))?;
	let whole = copy.canonicalize().map_err(failed("read", copy))?;
	let folder = data.canonicalize().map_err(failed("read", data))?;
	let work = data.join(COPY_FILE);
	if [STORE_FILE, NEW_FILE, COPY_FILE].iter().any(|name| folder.join(name) == whole) {
		return Err(Error::CopyInPlace(copy.into()));
	}
	files.finish()?;
	fs::copy(copy, &work).map_err(failed("copy", copy))?;
	// The copy may be kept from changes, as a backup should be.
	fs::set_permissions(&work, Permissions::from_mode(0o600)).map_err(failed("write", &work))?;
	let restored = files.restore(&work).map_err(|error| match error {
		Error::Damaged => Error::DamagedCopy(copy.into()),
		Error::ForeignStore(path) if path == work => Error::ForeignStore(copy.into()),
		other => other,
	});
	disk::remove(&work).map_err(failed("remove", &work))?;
	restored
}

impl Files {
	fn of(data: &Path) -> Self {
		Self { folder: data.into(), store: data.join(STORE_FILE), new: data.join(NEW_FILE) }
	}

	/// Ends a change of stores that a power cut broke off. Returns whether it has to be made again.
	fn finish(&self) -> Result<bool> {
		match (self.store.exists(), self.new.exists()) {
			(_, false) => Ok(false),
			(true, true) => Ok(true),
			(false, true) => {
				disk::rename(&self.new, &self.store).map_err(failed("rename", &self.new))?;
				Ok(false)
			},
		}
	}

	fn open(&self, (genesis, account): &(Hash32, [u8; 32])) -> Result<Store> {
		// redb panics on some damaged files.
		let open = || Store::open(&self.store, genesis, account);
		catch_unwind(AssertUnwindSafe(open)).unwrap_or(Err(Error::Damaged))
	}

	/// Fails if somebody has the store open, or it is of another account.
	fn ensure_free(&self, owner: &(Hash32, [u8; 32])) -> Result<()> {
		match self.open(owner) {
			Err(error) if !error.is_damage() => Err(error),
			_ => Ok(()),
		}
	}

	/// Begins the new store.
	fn begin(&self, (genesis, account): &(Hash32, [u8; 32])) -> Result<Store> {
		disk::remove(&self.new).map_err(failed("remove", &self.new))?;
		Store::open(&self.new, genesis, account)
	}

	fn restore(&self, copy: &Path) -> Result<Restored> {
		let owner = owner_of(copy)?;
		let has_store = self.store.exists();
		if has_store {
			self.ensure_free(&owner)?;
		}
		let new = self.begin(&owner)?;
		let from_before = has_store.then(|| salvage(&self.store, &new, &owner)).transpose()?;
		let from_copy = salvage(copy, &new, &owner)?;
		drop(new);
		Ok(Restored { from_before, from_copy, kept: self.replace()? })
	}

	/// Puts the new store into its place. Returns where the one before is kept.
	fn replace(&self) -> Result<Option<PathBuf>> {
		let mut kept = None;
		if self.store.exists() {
			let place = self.folder.join(format!("{STORE_FILE}.before-{}", Time::now().0));
			disk::rename(&self.store, &place).map_err(failed("rename", &self.store))?;
			kept = Some(place);
		}
		disk::rename(&self.new, &self.store).map_err(failed("rename", &self.new))?;
		Ok(kept)
	}
}
