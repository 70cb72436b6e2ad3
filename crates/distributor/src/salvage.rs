//! Takes what can still be read out of a store that is damaged or old.

use crate::{
	error::{Error, Result},
	exchanges::{Exchanges, SESSIONS},
	store::{unopened, Claim, Earnings, Store, CACHE, CLAIMS, EARNINGS, EPOCHS, FLOOR, HANDLED, LAYOUT, OWNER, RETIRED},
};
use codec::DecodeAll;
use redb::{Database, Key, ReadTransaction, ReadableTable, Table, TableDefinition, Value, WriteTransaction};
use std::{
	fmt,
	panic::{catch_unwind, AssertUnwindSafe},
	path::Path,
};
use waybill_exchange::{Epoch, Message, Session, SessionStage};
use waybill_primitives::Hash32;

/// How many content keys a store may have drawn after the last one that is known. Drawing one means
/// to encrypt a payload, so no distributor comes near.
const UNKNOWN_EPOCHS: u32 = 1 << 20;

/// What a new store took over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Salvaged {
	/// Content keys. They serve no further device.
	pub content_keys: u64,
	/// Exchanges with devices.
	pub exchanges: u64,
	/// Claims under way.
	pub claims: u64,
	/// Bounties with earnings.
	pub earnings: u64,
	/// Records that are damaged.
	pub damaged: u64,
	/// Whether some records could not be reached, so that nobody can tell how many.
	pub is_partial: bool,
}

impl fmt::Display for Salvaged {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let Self { content_keys, exchanges, claims, earnings, damaged, is_partial } = self;
		write!(
			f,
			"{content_keys} content keys, {exchanges} exchanges, {claims} claims under way, the earnings of {earnings} \
			 bounties; {damaged} records are damaged"
		)?;
		match is_partial {
			true => write!(f, ", and some could not be reached"),
			false => Ok(()),
		}
	}
}

/// A store that is only read.
struct Source {
	txn: ReadTransaction,
	_db: Database,
}

impl Source {
	/// Opens the store at `path`; `None` if nothing of it can be reached.
	///
	/// # Errors
	/// Somebody has it open, or the disk failed.
	fn open(path: &Path) -> Result<Option<Self>> {
		let open = || -> Result<Self> {
			let db = Database::builder().set_cache_size(CACHE).open(path).map_err(unopened(path))?;
			Ok(Self { txn: db.begin_read()?, _db: db })
		};
		match catch_unwind(AssertUnwindSafe(open)) {
			Ok(Ok(source)) => Ok(Some(source)),
			Ok(Err(error)) if !error.is_damage() => Err(error),
			Ok(Err(_)) | Err(_) => Ok(None),
		}
	}

	/// The layout's version, chain and account, if they can be read.
	fn owner(&self) -> Result<Option<(u32, Hash32, [u8; 32])>> {
		let mut owner = None;
		self.each(OWNER, &mut Salvaged::default(), |(), bytes| {
			owner = <(u32, Hash32, [u8; 32])>::decode_all(&mut &*bytes).ok();
			Ok(owner.is_some())
		})?;
		Ok(owner)
	}

	/// Hands each record that can be reached to `take`, which says whether it is whole. Returns how
	/// many were, and adds the others to what is lost.
	fn each<K: Key + 'static, V: Value + 'static>(
		&self,
		table: TableDefinition<'_, K, V>,
		lost: &mut Salvaged,
		mut take: impl for<'a> FnMut(K::SelfType<'a>, V::SelfType<'a>) -> Result<bool>,
	) -> Result<u64> {
		let (mut taken, mut unstored) = (0_u64, None);
		// What lies behind a damaged place can be reached from the other end.
		for is_backward in [false, true] {
			let mut walk = || -> Result<()> {
				let table = match self.txn.open_table(table) {
					// Stores of earlier versions lack some.
					Err(redb::TableError::TableDoesNotExist(_)) => return Ok(()),
					opened => opened?,
				};
				let mut rows = table.iter()?;
				while let Some(row) = if is_backward { rows.next_back() } else { rows.next() } {
					let (key, value) = row?;
					match take(key.value(), value.value()) {
						Ok(true) => taken = taken.saturating_add(1),
						Ok(false) => lost.damaged = lost.damaged.saturating_add(1),
						Err(error) => {
							unstored = Some(error);
							break;
						},
					}
				}
				Ok(())
			};
			// redb panics on some damaged files.
			let walked = catch_unwind(AssertUnwindSafe(&mut walk));
			if let Some(error) = unstored {
				return Err(error);
			}
			if let Ok(Ok(())) = walked {
				return Ok(taken);
			}
			lost.is_partial = true;
		}
		Ok(taken)
	}
}

/// The chain and account of the store in a file.
///
/// # Errors
/// The file is no store of this version of this program, or is damaged.
pub fn owner_of(path: &Path) -> Result<(Hash32, [u8; 32])> {
	let source = Source::open(path)?.ok_or(Error::Damaged)?;
	match source.owner()? {
		Some((LAYOUT, genesis, account)) => Ok((genesis, account)),
		Some(_) => Err(Error::ForeignStore(path.into())),
		None => Err(Error::Damaged),
	}
}

/// Adds to a store what it lacks and the file at `from` holds. Content keys from there serve no
/// further device.
///
/// # Errors
/// The file belongs to another account, chain or version of this program; the store cannot be
/// written.
pub fn salvage(from: &Path, store: &Store, owner: &(Hash32, [u8; 32])) -> Result<Salvaged> {
	let mut salvaged = Salvaged::default();
	let Some(source) = Source::open(from)? else {
		salvaged.is_partial = true;
		return Ok(salvaged);
	};
	match source.owner()? {
		Some(found) if found != (LAYOUT, owner.0, owner.1) => return Err(Error::ForeignStore(from.into())),
		_ => {},
	}
	store.write(|txn| {
		salvaged.content_keys = content_keys(&source, txn, &mut salvaged)?;
		salvaged.exchanges = exchanges(&source, txn, &mut salvaged)?;
		salvaged.claims = claims(&source, txn, &mut salvaged)?;
		let mut table = txn.open_table(EARNINGS)?;
		salvaged.earnings = source.each(EARNINGS, &mut salvaged, |key, bytes| match Earnings::decode_all(&mut &*bytes) {
			Ok(_) => add(&mut table, key, bytes).map(|()| true),
			Err(_) => Ok(false),
		})?;
		let mut table = txn.open_table(HANDLED)?;
		source.each(HANDLED, &mut salvaged, |(), block| {
			let before = table.get(())?.map_or(0, |before| before.value());
			table.insert((), before.max(block))?;
			Ok(true)
		})?;
		let mut table = txn.open_table(RETIRED)?;
		source.each(RETIRED, &mut salvaged, |key, block| add(&mut table, key, block).map(|()| true))?;
		Ok(())
	})?;
	Ok(salvaged)
}

fn content_keys(source: &Source, txn: &WriteTransaction, lost: &mut Salvaged) -> Result<u64> {
	let (mut table, mut last) = (txn.open_table(EPOCHS)?, 0);
	let taken = source.each(EPOCHS, lost, |key, bytes| {
		let Ok(mut epoch) = Epoch::from_cbor(bytes) else { return Ok(false) };
		let context = epoch.context();
		if (context.bounty, context.epoch) != key || epoch.content_key().is_none() {
			return Ok(false);
		}
		last = last.max(key.1);
		epoch.close();
		add(&mut table, key, epoch.to_cbor().as_slice()).map(|()| true)
	})?;
	let mut table = txn.open_table(FLOOR)?;
	source.each(FLOOR, lost, |(), floor| {
		last = last.max(floor);
		Ok(true)
	})?;
	let floor = table.get(())?.map_or(0, |floor| floor.value());
	table.insert((), floor.max(last.saturating_add(UNKNOWN_EPOCHS)))?;
	Ok(taken)
}

/// Comes after the exchanges. A claim of which all keys are known to be public is settled.
fn claims(source: &Source, txn: &WriteTransaction, lost: &mut Salvaged) -> Result<u64> {
	let (mut table, exchanges) = (txn.open_table(CLAIMS)?, Exchanges::open(txn)?);
	let is_open = |bounty, index| -> Result<bool> {
		let session = exchanges.get((bounty, index))?;
		Ok(session.is_none_or(|session| *session.progress() != SessionStage::Revealed))
	};
	source.each(CLAIMS, lost, |key, bytes| {
		let Ok(claim) = Claim::decode_all(&mut &*bytes) else { return Ok(false) };
		for index in claim.devices {
			if is_open(key.0, index)? {
				add(&mut table, key, bytes)?;
				break;
			}
		}
		Ok(true)
	})
}

fn exchanges(source: &Source, txn: &WriteTransaction, lost: &mut Salvaged) -> Result<u64> {
	let mut exchanges = Exchanges::open(txn)?;
	source.each(SESSIONS, lost, |key, bytes| {
		let Ok(session) = Session::restore(bytes) else { return Ok(false) };
		let is_whole = (session.bounty(), session.device_index()) == key && session.opens_lock();
		if is_whole && exchanges.get(key)?.is_none() {
			exchanges.put(&session, None)?;
		}
		Ok(is_whole)
	})
}

/// Adds a record, unless the table has it.
fn add<K: Key + 'static, V: Value + 'static>(
	table: &mut Table<'_, K, V>,
	key: K::SelfType<'_>,
	value: V::SelfType<'_>,
) -> Result<()> {
	if table.get(&key)?.is_none() {
		table.insert(&key, &value)?;
	}
	Ok(())
}
