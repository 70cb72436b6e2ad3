//! The exchanges with devices in the store.
//!
//! Each change also updates, in the same transaction, an index of the unsettled exchanges and a
//! count for each stage. So neither question reads all exchanges.

use crate::error::{Error, Result};
use codec::{Decode, DecodeAll, Encode};
use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};
use waybill_exchange::{Rejection, Session, SessionStage};
use waybill_primitives::{BountyId, DeviceIndex};

/// By bounty and the device's index.
pub const SESSIONS: TableDefinition<'static, Key, &'static [u8]> = TableDefinition::new("sessions");
/// The exchanges whose receipt is signed or reserved.
const UNSETTLED: TableDefinition<'static, Key, ()> = TableDefinition::new("unsettled");
/// By bounty.
const COUNTS: TableDefinition<'static, u64, &'static [u8]> = TableDefinition::new("counts");

/// A bounty and the index of a device.
pub type Key = (BountyId, DeviceIndex);

/// How many exchanges under a bounty are at each stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Counts {
	/// The device has an offer and has not signed.
	pub offered: u32,
	/// The device has signed.
	pub signed: u32,
	/// The device is reserved, but not claimed.
	pub reserved: u32,
	/// The device's key is public.
	pub revealed: u32,
}

impl Counts {
	fn of(&mut self, progress: &SessionStage) -> &mut u32 {
		match progress {
			SessionStage::Offered => &mut self.offered,
			SessionStage::Signed(_) => &mut self.signed,
			SessionStage::Reserved(..) => &mut self.reserved,
			SessionStage::Revealed => &mut self.revealed,
		}
	}

	/// Whether there is a receipt that is neither paid nor given up.
	pub const fn is_unsettled(&self) -> bool {
		self.signed > 0 || self.reserved > 0
	}
}

/// The exchanges in a transaction that changes them.
pub struct Exchanges<'txn> {
	sessions: Table<'txn, Key, &'static [u8]>,
	unsettled: Table<'txn, Key, ()>,
	counts: Table<'txn, u64, &'static [u8]>,
}

impl<'txn> Exchanges<'txn> {
	/// Opens the tables, or makes them.
	pub fn open(txn: &'txn WriteTransaction) -> Result<Self> {
		Ok(Self {
			sessions: txn.open_table(SESSIONS)?,
			unsettled: txn.open_table(UNSETTLED)?,
			counts: txn.open_table(COUNTS)?,
		})
	}

	/// The exchange with a device.
	pub fn get(&self, key: Key) -> Result<Option<Session>> {
		read(&self.sessions, key)
	}

	/// Stores an exchange. `before` is its stage so far; `None` if it is new.
	pub fn put(&mut self, session: &Session, before: Option<&SessionStage>) -> Result<()> {
		let (key, progress) = ((session.bounty(), session.device_index()), session.progress());
		self.sessions.insert(key, session.to_bytes().as_slice())?;
		if is_unsettled(progress) {
			self.unsettled.insert(key, ())?;
		} else {
			self.unsettled.remove(key)?;
		}
		let mut counts = counts(&self.counts, key.0)?;
		if let Some(before) = before {
			let count = counts.of(before);
			*count = count.saturating_sub(1);
		}
		let count = counts.of(progress);
		*count = count.saturating_add(1);
		self.counts.insert(key.0, counts.encode().as_slice())?;
		Ok(())
	}

	/// Moves an exchange on. Does nothing if the exchange rejects the change: it was made before.
	pub fn change(&mut self, key: Key, change: impl FnOnce(&mut Session) -> Result<(), Rejection>) -> Result<()> {
		let Some(mut session) = self.get(key)? else { return Ok(()) };
		let before = session.progress().clone();
		match change(&mut session) {
			Ok(()) if *session.progress() != before => self.put(&session, Some(&before)),
			Ok(()) | Err(_) => Ok(()),
		}
	}

	/// Drops the exchanges under a bounty, except those to keep.
	pub fn forget(&mut self, bounty: BountyId, keep: impl Fn(&SessionStage) -> bool) -> Result<()> {
		let mut left = Counts::default();
		let kept = self.sessions.retain_in(all(bounty), |_, bytes| match Session::restore(bytes) {
			Ok(session) if keep(session.progress()) => {
				let count = left.of(session.progress());
				*count = count.saturating_add(1);
				true
			},
			Ok(_) => false,
			Err(_) => true,
		});
		kept?;
		let sessions = &self.sessions;
		let kept = self.unsettled.retain_in(all(bounty), |key, ()| sessions.get(key).is_ok_and(|found| found.is_some()));
		kept?;
		match left == Counts::default() {
			true => self.counts.remove(bounty)?,
			false => self.counts.insert(bounty, left.encode().as_slice())?,
		};
		Ok(())
	}
}

/// The exchange with a device.
pub fn session(txn: &ReadTransaction, key: Key) -> Result<Option<Session>> {
	read(&txn.open_table(SESSIONS)?, key)
}

/// The exchanges under a bounty that are not settled.
pub fn unsettled(txn: &ReadTransaction, bounty: BountyId) -> Result<Vec<Session>> {
	let (index, sessions) = (txn.open_table(UNSETTLED)?, txn.open_table(SESSIONS)?);
	let rows = index.range(all(bounty))?;
	rows.map(|row| read(&sessions, row?.0.value())?.ok_or(Error::Damaged)).collect()
}

/// How many exchanges there are, by bounty.
pub fn all_counts(txn: &ReadTransaction) -> Result<Vec<(BountyId, Counts)>> {
	let table = txn.open_table(COUNTS)?;
	let rows = table.iter()?;
	rows.map(|row| {
		let (key, value) = row?;
		Ok((key.value(), Counts::decode_all(&mut value.value()).map_err(|_| Error::Damaged)?))
	})
	.collect()
}

const fn is_unsettled(progress: &SessionStage) -> bool {
	matches!(progress, SessionStage::Signed(_) | SessionStage::Reserved(..))
}

const fn all(bounty: BountyId) -> std::ops::RangeInclusive<Key> {
	(bounty, 0)..=(bounty, u32::MAX)
}

fn read(table: &impl ReadableTable<Key, &'static [u8]>, key: Key) -> Result<Option<Session>> {
	match table.get(key)? {
		Some(bytes) => Session::restore(bytes.value()).map(Some).map_err(|_| Error::Damaged),
		None => Ok(None),
	}
}

fn counts(table: &impl ReadableTable<u64, &'static [u8]>, bounty: BountyId) -> Result<Counts> {
	match table.get(bounty)? {
		Some(bytes) => Counts::decode_all(&mut bytes.value()).map_err(|_| Error::Damaged),
		None => Ok(Counts::default()),
	}
}
