//! What a distributor must not forget, in one file: content keys, the exchange with each device,
//! claims under way, earnings.
//!
//! Every change is on the disk when its method returns.

use crate::{
	error::{Error, Result},
	exchanges::{self, Counts, Exchanges},
};
use codec::{Decode, DecodeAll, Encode};
use redb::{Database, ReadableTable, Table, TableDefinition, WriteTransaction};
use std::{fs::OpenOptions, io::ErrorKind, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc};
use waybill_chain::Amount;
use waybill_daemon::{clock::Time, disk::failed};
use waybill_exchange::{Ciphertext, Epoch, Message, Offer, Proofs, Receipt, Rejection, Session, SessionStage, Unsent};
use waybill_primitives::{BlockNumber, BountyId, DeviceIndex, Hash32, ReservationId};

/// A table by two numbers.
pub type Bytes = TableDefinition<'static, (u64, u32), &'static [u8]>;

/// By bounty and the epoch's number.
pub const EPOCHS: Bytes = TableDefinition::new("epochs");
/// By bounty and reservation.
pub const CLAIMS: Bytes = TableDefinition::new("claims");
/// By bounty.
pub const EARNINGS: TableDefinition<u64, &[u8]> = TableDefinition::new("earnings");
/// The layout's version, chain and account, which never change.
pub const OWNER: TableDefinition<(), &[u8]> = TableDefinition::new("owner");
/// The newest final block that the distributor acted on.
pub const HANDLED: TableDefinition<(), BlockNumber> = TableDefinition::new("handled");
/// Tombstones of removed bounties: the block where the removal was noticed, or `None` once their
/// keys are pruned.
pub const RETIRED: TableDefinition<u64, Option<BlockNumber>> = TableDefinition::new("retired");

/// The least number of the content keys that this store draws.
pub const FLOOR: TableDefinition<(), u32> = TableDefinition::new("floor");

/// The version of the layout.
pub const LAYOUT: u32 = 2;
/// How many bytes of a store to keep in memory.
pub const CACHE: usize = 16 * 1024 * 1024;

/// A claim that was sent, or is about to be.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Claim {
	/// The reward for each device.
	pub reward: u128,
	/// The devices whose keys it reveals.
	pub devices: Vec<DeviceIndex>,
	/// The newest final block when it was first sent.
	pub first: BlockNumber,
	/// An upper bound of the newest block when it was last sent.
	pub last: BlockNumber,
}

/// What happened to a device of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
	/// Its delivery was paid, and its key is public.
	Paid,
	/// Its delivery was not paid, though its key is in a block.
	Shown,
	/// Nobody can tell any more whether its delivery was paid. Its key counts as public.
	Unknown,
	/// Its key is in no block, and its delivery was not paid.
	Lapsed,
	/// Like [`Self::Lapsed`], but the reservation stands, so it can be claimed again.
	Held,
}

/// What a bounty brought and cost. Lacks the fees of transactions whose outcome was never seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Earnings {
	/// Paid deliveries.
	pub devices: u32,
	/// What was paid for them.
	pub earned: u128,
	/// Transaction fees.
	pub fees: u128,
	/// Deliveries of which nobody can tell any more whether they were paid.
	pub unknown: u32,
}

impl Earnings {
	/// The sum of both.
	pub const fn plus(self, other: Self) -> Self {
		Self {
			devices: self.devices.saturating_add(other.devices),
			earned: self.earned.saturating_add(other.earned),
			fees: self.fees.saturating_add(other.fees),
			unknown: self.unknown.saturating_add(other.unknown),
		}
	}
}

/// The store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
	db: Arc<Database>,
}

impl Store {
	/// Opens the store of this account on the chain with this genesis hash, or makes it. Reads all of
	/// it, to find damage before anything relies on it.
	///
	/// # Errors
	/// [`Error::StoreInUse`], [`Error::ForeignStore`], [`Error::Damaged`], or the file cannot be opened.
	pub fn open(path: &Path, genesis: &Hash32, account: &[u8; 32]) -> Result<Self> {
		let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
		let file = file.map_err(failed("open", path))?;
		let mut db = Database::builder().set_cache_size(CACHE).create_file(file).map_err(unopened(path))?;
		if !db.check_integrity().map_err(unopened(path))? {
			return Err(Error::Damaged);
		}
		let store = Self { db: Arc::new(db) };
		let owner = (LAYOUT, genesis, account).encode();
		let found = store.write(|txn| {
			txn.open_table(EPOCHS)?;
			txn.open_table(CLAIMS)?;
			txn.open_table(EARNINGS)?;
			txn.open_table(HANDLED)?;
			txn.open_table(RETIRED)?;
			Exchanges::open(txn)?;
			let mut table = txn.open_table(OWNER)?;
			let found = table.get(())?.map(|bytes| bytes.value().to_vec());
			if found.is_none() {
				table.insert((), owner.as_slice())?;
				// An earlier store of this account may have used every number up to now.
				let seconds = Time::now().0.checked_div(1_000).unwrap_or_default();
				txn.open_table(FLOOR)?.insert((), u32::try_from(seconds).unwrap_or_default())?;
			}
			Ok(found.unwrap_or_else(|| owner.clone()))
		})?;
		match found == owner {
			true => Ok(store),
			false => Err(Error::ForeignStore(path.into())),
		}
	}

	/// The content keys for a bounty, in the order of their numbers.
	pub fn epochs(&self, bounty: BountyId) -> Result<Vec<Epoch>> {
		self.all(EPOCHS, bounty)
	}

	/// The number for the next content key for a bounty. This account never used it before, also in
	/// a store that is lost.
	pub fn next_epoch(&self, bounty: BountyId) -> Result<u32> {
		let floor = match self.db.begin_read()?.open_table(FLOOR) {
			Ok(table) => table.get(())?.map_or(0, |floor| floor.value()),
			// Stores of earlier versions have none.
			Err(redb::TableError::TableDoesNotExist(_)) => 0,
			Err(error) => return Err(error.into()),
		};
		let last = self.newest_epoch(bounty)?.map(|epoch| epoch.context().epoch);
		Ok(last.map_or(0, |last| last.saturating_add(1)).max(floor))
	}

	/// Stores a content key, the only one ever with its context.
	pub fn put_epoch(&self, epoch: &Epoch) -> Result<()> {
		let key = (epoch.context().bounty, epoch.context().epoch);
		self.write(|txn| {
			let mut table = txn.open_table(EPOCHS)?;
			let retired = txn.open_table(RETIRED)?.get(key.0)?.is_some();
			if retired || table.get(key)?.is_some() {
				return Err(Error::SpentKey { bounty: key.0, epoch: key.1 });
			}
			put(&mut table, key, &epoch.to_cbor())
		})
	}

	/// Publishes the ciphertext of a content key, with its proofs under a suite that has any.
	pub fn publish(&self, bounty: BountyId, epoch: u32, ciphertext: Ciphertext, proofs: Option<Proofs>) -> Result<()> {
		self.write(|txn| {
			let mut table = txn.open_table(EPOCHS)?;
			let mut found: Epoch = read(&table, (bounty, epoch))?.ok_or(Error::Damaged)?;
			found.publish(ciphertext, proofs);
			put(&mut table, (bounty, epoch), &found.to_cbor())
		})
	}

	/// Notes that IPFS has lost the ciphertext or the proofs of a content key.
	pub fn withdraw(&self, bounty: BountyId, epoch: u32) -> Result<()> {
		self.write(|txn| {
			let mut table = txn.open_table(EPOCHS)?;
			// The bounty may have ended meanwhile.
			let Some(mut found): Option<Epoch> = read(&table, (bounty, epoch))? else { return Ok(()) };
			found.withdraw();
			put(&mut table, (bounty, epoch), &found.to_cbor())
		})
	}

	/// The bounties with content keys.
	pub fn bounties(&self) -> Result<Vec<BountyId>> {
		let txn = self.db.begin_read()?;
		let table = txn.open_table(EPOCHS)?;
		let mut bounties = Vec::new();
		for row in table.iter()? {
			bounties.push(row?.0.value().0);
		}
		bounties.dedup();
		Ok(bounties)
	}

	/// Forgets the content keys and exchanges of a bounty that is gone from the chain at this
	/// block. Keeps the keys that are public.
	pub fn retire(&self, bounty: BountyId, block: BlockNumber) -> Result<()> {
		self.write(|txn| {
			txn.open_table(RETIRED)?.insert(bounty, Some(block))?;
			let mut epochs = txn.open_table(EPOCHS)?;
			epochs.retain_in((bounty, 0)..=(bounty, u32::MAX), |_, _| false)?;
			Exchanges::open(txn)?.forget(bounty, |progress| *progress == SessionStage::Revealed)
		})
	}

	/// Forgets the public keys for bounties that were retired at or before this block.
	pub fn prune(&self, block: BlockNumber) -> Result<()> {
		let mut old = Vec::new();
		for row in self.db.begin_read()?.open_table(RETIRED)?.iter()? {
			let (bounty, retired) = row?;
			if retired.value().is_some_and(|retired| retired <= block) {
				old.push(bounty.value());
			}
		}
		if old.is_empty() {
			return Ok(());
		}
		self.write(|txn| {
			let (mut retired, mut exchanges) = (txn.open_table(RETIRED)?, Exchanges::open(txn)?);
			for bounty in old {
				retired.insert(bounty, None)?;
				exchanges.forget(bounty, |_| false)?;
			}
			Ok(())
		})
	}

	/// The newest final block that the distributor acted on.
	pub fn handled(&self) -> Result<BlockNumber> {
		let txn = self.db.begin_read()?;
		let found = txn.open_table(HANDLED)?.get(())?;
		Ok(found.map_or(0, |block| block.value()))
	}

	/// Notes that the distributor acts on this final block.
	pub fn handle(&self, block: BlockNumber) -> Result<()> {
		if self.handled()? >= block {
			return Ok(());
		}
		self.write(|txn| {
			let mut table = txn.open_table(HANDLED)?;
			let before = table.get(())?.map_or(0, |before| before.value());
			table.insert((), before.max(block))?;
			Ok(())
		})
	}

	/// The exchange with a device under a bounty.
	pub fn session(&self, bounty: BountyId, index: DeviceIndex) -> Result<Option<Session>> {
		exchanges::session(&self.db.begin_read()?, (bounty, index))
	}

	/// The exchanges under a bounty whose receipt is not settled.
	pub fn unsettled_sessions(&self, bounty: BountyId) -> Result<Vec<Session>> {
		exchanges::unsettled(&self.db.begin_read()?, bounty)
	}

	/// How many exchanges there are at each stage, by bounty.
	pub fn counts(&self) -> Result<Vec<(BountyId, Counts)>> {
		exchanges::all_counts(&self.db.begin_read()?)
	}

	/// The bounties with an exchange whose receipt is not settled.
	pub fn unsettled(&self) -> Result<Vec<BountyId>> {
		let counts = self.counts()?.into_iter();
		Ok(counts.filter(|(_, counts)| counts.is_unsettled()).map(|(bounty, _)| bounty).collect())
	}

	/// The bounties with a claim under way.
	pub fn claimed(&self) -> Result<Vec<BountyId>> {
		let txn = self.db.begin_read()?;
		let table = txn.open_table(CLAIMS)?;
		let rows = table.iter()?;
		rows.map(|row| Ok(row?.0.value().0)).collect()
	}

	/// Begins the exchange with a device.
	///
	/// `begin` gets the newest content key. Once key and exchange are stored, this returns the
	/// offer and the number of further devices that the key serves. If the exchange began
	/// meanwhile, the device has to greet again.
	pub fn begin(
		&self,
		bounty: BountyId,
		index: DeviceIndex,
		begin: impl FnOnce(&mut Epoch) -> Result<(Session, Unsent<Offer>), Rejection>,
	) -> Result<Result<(Offer, u32), Rejection>> {
		// A device that cannot be served now must not make others wait for the disk.
		match self.newest_epoch(bounty)? {
			None => return Ok(Err(Rejection::NotReady)),
			Some(epoch) if epoch.left() == 0 => return Ok(Err(Rejection::EpochFull)),
			Some(_) => {},
		}
		self.attempt(|txn| {
			let mut exchanges = Exchanges::open(txn)?;
			if exchanges.get((bounty, index))?.is_some() {
				return Ok(Err(Rejection::OutOfOrder));
			}
			let mut epochs = txn.open_table(EPOCHS)?;
			let Some(mut epoch) = newest(&epochs, bounty)? else { return Ok(Err(Rejection::NotReady)) };
			let (session, unsent) = match begin(&mut epoch) {
				Ok(begun) => begun,
				Err(rejection) => return Ok(Err(rejection)),
			};
			put(&mut epochs, (bounty, epoch.context().epoch), &epoch.to_cbor())?;
			exchanges.put(&session, None)?;
			Ok(Ok((unsent, epoch.left())))
		})
		.map(|begun| begun.map(|(unsent, left)| (unsent.persisted(), left)))
	}

	/// Takes a receipt. The distributor may acknowledge it once this returns.
	pub fn receipt(&self, receipt: &Receipt, number: BlockNumber, min_blocks: BlockNumber) -> Result<Result<(), Rejection>> {
		let key = (receipt.bounty, receipt.device_index);
		let take = |session: Option<Session>| {
			let mut session = session.ok_or(Rejection::WrongOffer)?;
			let before = session.progress().clone();
			session.receipt(receipt, number, min_blocks).map(|unsent| (session, before, unsent))
		};
		// Only a receipt that is valid and new may cost a write to the disk.
		let (taken, before, unsent) = match take(self.session(key.0, key.1)?) {
			Ok((taken, before, unsent)) if *taken.progress() != before => (taken, before, unsent),
			Ok((_, _, unsent)) => {
				let () = unsent.persisted();
				return Ok(Ok(()));
			},
			Err(rejection) => return Ok(Err(rejection)),
		};
		self.attempt(|txn| {
			let mut exchanges = Exchanges::open(txn)?;
			let (taken, before, unsent) = match exchanges.get(key)? {
				// Only the progress of an exchange ever changes, so the check above still holds.
				Some(session) if *session.progress() == before => (taken, before, unsent),
				moved_on => match take(moved_on) {
					Ok(again) => again,
					Err(rejection) => return Ok(Err(rejection)),
				},
			};
			exchanges.put(&taken, Some(&before)).map(|()| Ok(unsent))
		})
		.map(|taken| taken.map(Unsent::persisted))
	}

	/// Moves the exchanges with these devices on.
	pub fn update(
		&self,
		bounty: BountyId,
		devices: &[DeviceIndex],
		mut change: impl FnMut(&mut Session) -> Result<(), Rejection>,
	) -> Result<()> {
		if devices.is_empty() {
			return Ok(());
		}
		self.write(|txn| {
			let mut exchanges = Exchanges::open(txn)?;
			devices.iter().try_for_each(|index| exchanges.change((bounty, *index), &mut change))
		})
	}

	/// Notes a claim before its keys leave. Returns whether it is the reservation's only claim.
	///
	/// A claim that is sent again keeps the block of the first time, and the devices whose fate is
	/// still open.
	pub fn begin_claim(&self, bounty: BountyId, reservation: ReservationId, claim: &Claim) -> Result<bool> {
		self.write(|txn| {
			let mut table = txn.open_table(CLAIMS)?;
			let (mut claim, mut is_first) = (claim.clone(), true);
			if let Some(bytes) = table.get((bounty, reservation))? {
				let before = Claim::decode_all(&mut bytes.value()).map_err(|_| Error::Damaged)?;
				is_first = false;
				claim.first = before.first;
				claim.last = claim.last.max(before.last);
				let open = before.devices.into_iter().filter(|index| !claim.devices.contains(index));
				claim.devices.extend(open.collect::<Vec<_>>());
			}
			put(&mut table, (bounty, reservation), &claim.encode())?;
			Ok(is_first)
		})
	}

	/// The claims under way, by reservation.
	pub fn claims(&self, bounty: BountyId) -> Result<Vec<(ReservationId, Claim)>> {
		let txn = self.db.begin_read()?;
		let table = txn.open_table(CLAIMS)?;
		let rows = table.range((bounty, 0)..=(bounty, u32::MAX))?;
		rows.map(|row| {
			let (key, value) = row?;
			Ok((key.value().1, Claim::decode_all(&mut value.value()).map_err(|_| Error::Damaged)?))
		})
		.collect()
	}

	/// Settles the devices of a claim whose fate is certain. The claim ends with the last of them.
	/// Returns what they brought, or `None` if the claim was settled before.
	pub fn settle_claim(
		&self,
		bounty: BountyId,
		reservation: ReservationId,
		fate: impl Fn(DeviceIndex) -> Option<Fate>,
	) -> Result<Option<Amount>> {
		self.write(|txn| {
			let mut claims = txn.open_table(CLAIMS)?;
			let mut claim = match claims.remove((bounty, reservation))? {
				Some(bytes) => Claim::decode_all(&mut bytes.value()).map_err(|_| Error::Damaged)?,
				None => return Ok(None),
			};
			let mut exchanges = Exchanges::open(txn)?;
			let (mut devices, mut unknown, mut open) = (0_u32, 0_u32, Vec::new());
			for index in std::mem::take(&mut claim.devices) {
				let change = match fate(index) {
					None => {
						open.push(index);
						continue;
					},
					Some(Fate::Held) => continue,
					Some(Fate::Lapsed) => Session::lapsed,
					Some(Fate::Paid) => {
						devices = devices.saturating_add(1);
						Session::revealed
					},
					Some(Fate::Unknown) => {
						unknown = unknown.saturating_add(1);
						Session::revealed
					},
					Some(Fate::Shown) => Session::revealed,
				};
				exchanges.change((bounty, index), change)?;
			}
			let earned = claim.reward.saturating_mul(devices.into());
			if !open.is_empty() {
				claim.devices = open;
				put(&mut claims, (bounty, reservation), &claim.encode())?;
			}
			add(&mut txn.open_table(EARNINGS)?, bounty, Earnings { devices, earned, fees: 0, unknown })?;
			Ok(Some(Amount(earned)))
		})
	}

	/// Adds a fee to what a bounty cost.
	pub fn add_fee(&self, bounty: BountyId, fee: Amount) -> Result<()> {
		let cost = Earnings { fees: fee.0, ..Earnings::default() };
		self.write(|txn| add(&mut txn.open_table(EARNINGS)?, bounty, cost))
	}

	/// What each bounty brought and cost.
	pub fn earnings(&self) -> Result<Vec<(BountyId, Earnings)>> {
		let txn = self.db.begin_read()?;
		let table = txn.open_table(EARNINGS)?;
		let rows = table.iter()?;
		rows.map(|row| {
			let (key, value) = row?;
			Ok((key.value(), Earnings::decode_all(&mut value.value()).map_err(|_| Error::Damaged)?))
		})
		.collect()
	}

	fn all<M: Message>(&self, table: Bytes, bounty: BountyId) -> Result<Vec<M>> {
		let txn = self.db.begin_read()?;
		let table = txn.open_table(table)?;
		let rows = table.range((bounty, 0)..=(bounty, u32::MAX))?;
		rows.map(|row| M::from_cbor(row?.1.value()).map_err(|_| Error::Damaged)).collect()
	}

	/// Whether the newest content key of a bounty has its ciphertext in IPFS.
	pub fn is_published(&self, bounty: BountyId) -> Result<bool> {
		Ok(self.newest_epoch(bounty)?.is_some_and(|epoch| epoch.ciphertext().is_some()))
	}

	/// How many more devices the newest content key of a bounty can serve.
	pub fn left(&self, bounty: BountyId) -> Result<u32> {
		Ok(self.newest_epoch(bounty)?.map_or(0, |epoch| epoch.left()))
	}

	fn newest_epoch(&self, bounty: BountyId) -> Result<Option<Epoch>> {
		newest(&self.db.begin_read()?.open_table(EPOCHS)?, bounty)
	}

	/// A transaction after which a store that was not closed can be opened without the checksums of all
	/// pages, so that what is whole can be read when something is damaged.
	fn writing(&self) -> Result<WriteTransaction> {
		let mut txn = self.db.begin_write()?;
		txn.set_quick_repair(true);
		Ok(txn)
	}

	/// Makes a change, all of it or nothing.
	pub fn write<T>(&self, change: impl FnOnce(&WriteTransaction) -> Result<T>) -> Result<T> {
		let txn = self.writing()?;
		let result = change(&txn)?;
		txn.commit()?;
		Ok(result)
	}

	/// Makes a change. If it is rejected, nothing is written.
	fn attempt<T>(
		&self,
		change: impl FnOnce(&WriteTransaction) -> Result<Result<T, Rejection>>,
	) -> Result<Result<T, Rejection>> {
		let txn = self.writing()?;
		let result = change(&txn)?;
		match &result {
			Ok(_) => txn.commit()?,
			Err(_) => txn.abort()?,
		}
		Ok(result)
	}
}

/// What an error of opening the store at `path` means.
pub fn unopened(path: &Path) -> impl Fn(redb::DatabaseError) -> Error + '_ {
	move |error| match error {
		redb::DatabaseError::DatabaseAlreadyOpen => Error::StoreInUse(path.into()),
		redb::DatabaseError::Storage(cause) if is_damage(&cause) => Error::Damaged,
		other => Error::OpenStore { path: path.into(), cause: Box::new(other) },
	}
}

/// Whether a file is no store, or breaks off.
fn is_damage(cause: &redb::StorageError) -> bool {
	match cause {
		redb::StorageError::Corrupted(_) => true,
		redb::StorageError::Io(cause) => matches!(cause.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof),
		_ => false,
	}
}

fn put(table: &mut Table<(u64, u32), &'static [u8]>, key: (u64, u32), bytes: &[u8]) -> Result<()> {
	table.insert(key, bytes)?;
	Ok(())
}

fn read<M: Message>(table: &impl ReadableTable<(u64, u32), &'static [u8]>, key: (u64, u32)) -> Result<Option<M>> {
	match table.get(key)? {
		Some(bytes) => M::from_cbor(bytes.value()).map(Some).map_err(|_| Error::Damaged),
		None => Ok(None),
	}
}

fn newest(table: &impl ReadableTable<(u64, u32), &'static [u8]>, bounty: BountyId) -> Result<Option<Epoch>> {
	match table.range((bounty, 0)..=(bounty, u32::MAX))?.next_back() {
		Some(row) => Epoch::from_cbor(row?.1.value()).map(Some).map_err(|_| Error::Damaged),
		None => Ok(None),
	}
}

fn add(table: &mut Table<u64, &'static [u8]>, bounty: BountyId, more: Earnings) -> Result<()> {
	let before = match table.get(bounty)? {
		Some(bytes) => Earnings::decode_all(&mut bytes.value()).map_err(|_| Error::Damaged)?,
		None => Earnings::default(),
	};
	table.insert(bounty, before.plus(more).encode().as_slice())?;
	Ok(())
}
