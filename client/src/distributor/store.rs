//! What a distributor must not forget, in one file: content keys, the exchange with each device, claims under way, earnings.
//!
//! Every change is on the disk when its method returns.

use crate::{
	error::{Error, Kind, OrFail, Result},
	units::Amount,
};
use codec::{Decode, DecodeAll, Encode};
use redb::{Database, ReadableTable, Table, TableDefinition};
use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc};
use waybill_exchange::{Epoch, Message, Offer, Progress, Receipt, Rejection, Session, Unsent};
use waybill_primitives::{BlockNumber, BountyId, DeviceIndex, Hash32, ReservationId};

type Bytes = TableDefinition<'static, (u64, u32), &'static [u8]>;

/// By bounty and the epoch's number.
const EPOCHS: Bytes = TableDefinition::new("epochs");
/// By bounty and the device's index.
const SESSIONS: Bytes = TableDefinition::new("sessions");
/// By bounty and reservation.
const CLAIMS: Bytes = TableDefinition::new("claims");
/// By bounty.
const EARNINGS: TableDefinition<u64, &[u8]> = TableDefinition::new("earnings");
/// The layout's version, chain and account, which never change.
const OWNER: TableDefinition<(), &[u8]> = TableDefinition::new("owner");

const LAYOUT: u32 = 1;
const CACHE: usize = 16 * 1024 * 1024;

/// A claim that was sent, or is about to be.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Claim {
	/// The reward for each device.
	pub reward: u128,
	/// The devices whose keys it reveals.
	pub devices: Vec<DeviceIndex>,
}

/// What a bounty brought and cost. The fee of a transaction whose end was not seen is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Earnings {
	/// Paid deliveries.
	pub devices: u32,
	/// What was paid for them.
	pub earned: u128,
	/// Transaction fees.
	pub fees: u128,
}

impl Earnings {
	/// The sum of both.
	pub const fn plus(self, other: Self) -> Self {
		Self {
			devices: self.devices.saturating_add(other.devices),
			earned: self.earned.saturating_add(other.earned),
			fees: self.fees.saturating_add(other.fees),
		}
	}
}

/// The store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
	db: Arc<Database>,
}

impl Store {
	/// Opens the store of this account on the chain with this genesis hash, or makes it.
	pub fn open(path: &Path, genesis: &Hash32, account: &[u8; 32]) -> Result<Self> {
		let name = path.display();
		let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
		let file = file.or_fail(Kind::File, || format!("cannot open the store {name}"))?;
		let db = Database::builder().set_cache_size(CACHE).create_file(file).map_err(|error| match error {
			redb::DatabaseError::DatabaseAlreadyOpen => Error::file(format!(
				"another distributor runs on the store {name}; give this one a --data folder of its own"
			)),
			other => Error::file(format!("cannot open the store {name}: {other}")),
		})?;
		let store = Self { db: Arc::new(db) };
		let owner = (LAYOUT, genesis, account).encode();
		let found = store.write(|txn| {
			txn.open_table(EPOCHS).or_store()?;
			txn.open_table(SESSIONS).or_store()?;
			txn.open_table(CLAIMS).or_store()?;
			txn.open_table(EARNINGS).or_store()?;
			let mut table = txn.open_table(OWNER).or_store()?;
			let found = table.get(()).or_store()?.map(|bytes| bytes.value().to_vec());
			if found.is_none() {
				table.insert((), owner.as_slice()).or_store()?;
			}
			Ok(found.unwrap_or_else(|| owner.clone()))
		})?;
		match found == owner {
			true => Ok(store),
			false => Err(Error::file(format!(
				"the store {name} is another account's or another chain's; use another --data folder"
			))),
		}
	}

	/// The content keys for a bounty, in the order of their numbers.
	pub fn epochs(&self, bounty: BountyId) -> Result<Vec<Epoch>> {
		self.all(EPOCHS, bounty)
	}

	/// Stores a content key.
	pub fn put_epoch(&self, epoch: &Epoch) -> Result<()> {
		let context = epoch.context();
		self.write(|txn| put(&mut txn.open_table(EPOCHS).or_store()?, (context.bounty, context.epoch), &epoch.to_cbor()))
	}

	/// Publishes the ciphertext of a content key.
	pub fn publish(&self, bounty: BountyId, epoch: u32, ciphertext: waybill_exchange::Ciphertext) -> Result<()> {
		self.write(|txn| {
			let mut table = txn.open_table(EPOCHS).or_store()?;
			let mut found: Epoch = read(&table, (bounty, epoch))?.ok_or_else(damaged)?;
			found.publish(ciphertext);
			put(&mut table, (bounty, epoch), &found.to_cbor())
		})
	}

	/// The bounties that there are content keys for.
	pub fn bounties(&self) -> Result<Vec<BountyId>> {
		let txn = self.db.begin_read().or_store()?;
		let table = txn.open_table(EPOCHS).or_store()?;
		let mut bounties = Vec::new();
		for row in table.iter().or_store()? {
			bounties.push(row.or_store()?.0.value().0);
		}
		bounties.dedup();
		Ok(bounties)
	}

	/// Forgets the content keys for a bounty.
	pub fn remove_epochs(&self, bounty: BountyId) -> Result<()> {
		self.write(|txn| {
			let mut table = txn.open_table(EPOCHS).or_store()?;
			table.retain_in((bounty, 0)..=(bounty, u32::MAX), |_, _| false).or_store()
		})
	}

	/// The exchange with a device under a bounty.
	pub fn session(&self, bounty: BountyId, index: DeviceIndex) -> Result<Option<Session>> {
		let txn = self.db.begin_read().or_store()?;
		read_session(&txn.open_table(SESSIONS).or_store()?, (bounty, index))
	}

	/// Every exchange under a bounty.
	pub fn sessions(&self, bounty: BountyId) -> Result<Vec<Session>> {
		let txn = self.db.begin_read().or_store()?;
		let table = txn.open_table(SESSIONS).or_store()?;
		let rows = table.range((bounty, 0)..=(bounty, u32::MAX)).or_store()?;
		rows.map(|row| Session::restore(row.or_store()?.1.value()).map_err(|_| damaged())).collect()
	}

	/// The bounties with an exchange whose receipt is not settled.
	pub fn unsettled(&self) -> Result<Vec<BountyId>> {
		let txn = self.db.begin_read().or_store()?;
		let table = txn.open_table(SESSIONS).or_store()?;
		let mut bounties = Vec::new();
		for row in table.iter().or_store()? {
			let (key, value) = row.or_store()?;
			let bounty = key.value().0;
			if bounties.last() == Some(&bounty) {
				continue;
			}
			let session = Session::restore(value.value()).map_err(|_| damaged())?;
			if matches!(session.progress(), Progress::Signed(_) | Progress::Reserved(..)) {
				bounties.push(bounty);
			}
		}
		Ok(bounties)
	}

	/// The bounties with a claim under way.
	pub fn claimed(&self) -> Result<Vec<BountyId>> {
		let txn = self.db.begin_read().or_store()?;
		let table = txn.open_table(CLAIMS).or_store()?;
		let rows = table.iter().or_store()?;
		rows.map(|row| Ok(row.or_store()?.0.value().0)).collect()
	}

	/// Begins the exchange with a device: `begin` takes the newest content key, and its offer leaves when both are stored, with
	/// how many more devices the key serves. If the exchange was begun meanwhile, the device has to greet again.
	pub fn begin(
		&self,
		bounty: BountyId,
		index: DeviceIndex,
		begin: impl FnOnce(&mut Epoch) -> Result<(Session, Unsent<Offer>), Rejection>,
	) -> Result<Result<(Offer, u32), Rejection>> {
		self.write(|txn| {
			let mut sessions = txn.open_table(SESSIONS).or_store()?;
			if sessions.get((bounty, index)).or_store()?.is_some() {
				return Ok(Err(Rejection::OutOfOrder));
			}
			let mut epochs = txn.open_table(EPOCHS).or_store()?;
			let newest = {
				let mut rows = epochs.range((bounty, 0)..=(bounty, u32::MAX)).or_store()?;
				match rows.next_back() {
					Some(row) => Some(Epoch::from_cbor(row.or_store()?.1.value()).map_err(|_| damaged())?),
					None => None,
				}
			};
			let Some(mut epoch) = newest else { return Ok(Err(Rejection::NotReady)) };
			let unsent = match begin(&mut epoch) {
				Ok((_, unsent)) => unsent,
				Err(rejection) => return Ok(Err(rejection)),
			};
			put(&mut epochs, (bounty, epoch.context().epoch), &epoch.to_cbor())?;
			put(&mut sessions, (bounty, index), unsent.state())?;
			Ok(Ok((unsent, epoch.left())))
		})
		.map(|begun| begun.map(|(unsent, left)| (unsent.persisted(), left)))
	}

	/// Takes a receipt, which may be acknowledged once this returns.
	pub fn receipt(&self, receipt: &Receipt, number: BlockNumber, min_blocks: BlockNumber) -> Result<Result<(), Rejection>> {
		let key = (receipt.bounty, receipt.device_index);
		self.write(|txn| {
			let mut sessions = txn.open_table(SESSIONS).or_store()?;
			let Some(mut session) = read_session(&sessions, key)? else { return Ok(Err(Rejection::WrongOffer)) };
			match session.receipt(receipt, number, min_blocks) {
				Ok(unsent) => put(&mut sessions, key, unsent.state()).map(|()| Ok(unsent)),
				Err(rejection) => Ok(Err(rejection)),
			}
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
		self.write(|txn| {
			let mut sessions = txn.open_table(SESSIONS).or_store()?;
			devices.iter().try_for_each(|index| change_session(&mut sessions, (bounty, *index), &mut change))
		})
	}

	/// Notes a claim before its keys leave.
	pub fn begin_claim(&self, bounty: BountyId, reservation: ReservationId, claim: &Claim) -> Result<()> {
		self.write(|txn| put(&mut txn.open_table(CLAIMS).or_store()?, (bounty, reservation), &claim.encode()))
	}

	/// The claims under way, by reservation.
	pub fn claims(&self, bounty: BountyId) -> Result<Vec<(ReservationId, Claim)>> {
		let txn = self.db.begin_read().or_store()?;
		let table = txn.open_table(CLAIMS).or_store()?;
		let rows = table.range((bounty, 0)..=(bounty, u32::MAX)).or_store()?;
		rows.map(|row| {
			let (key, value) = row.or_store()?;
			Ok((key.value().1, Claim::decode_all(&mut value.value()).map_err(|_| damaged())?))
		})
		.collect()
	}

	/// A claim is final: these of its devices were paid. Returns what it brought; nothing if it was settled before.
	pub fn settle_claim(
		&self,
		bounty: BountyId,
		reservation: ReservationId,
		paid: &[DeviceIndex],
	) -> Result<Option<Amount>> {
		self.write(|txn| {
			let mut claims = txn.open_table(CLAIMS).or_store()?;
			let claim = match claims.remove((bounty, reservation)).or_store()? {
				Some(bytes) => Claim::decode_all(&mut bytes.value()).map_err(|_| damaged())?,
				None => return Ok(None),
			};
			let mut sessions = txn.open_table(SESSIONS).or_store()?;
			for index in &claim.devices {
				// Paid or not, the key has been shown.
				change_session(&mut sessions, (bounty, *index), &mut Session::revealed)?;
			}
			let devices = claim.devices.iter().filter(|index| paid.contains(index)).count();
			let devices = u32::try_from(devices).unwrap_or(u32::MAX);
			let earned = claim.reward.saturating_mul(devices.into());
			add(&mut txn.open_table(EARNINGS).or_store()?, bounty, Earnings { devices, earned, fees: 0 })?;
			Ok(Some(Amount(earned)))
		})
	}

	/// Adds a fee to what a bounty cost.
	pub fn add_fee(&self, bounty: BountyId, fee: Amount) -> Result<()> {
		let cost = Earnings { fees: fee.0, ..Earnings::default() };
		self.write(|txn| add(&mut txn.open_table(EARNINGS).or_store()?, bounty, cost))
	}

	/// What each bounty brought and cost.
	pub fn earnings(&self) -> Result<Vec<(BountyId, Earnings)>> {
		let txn = self.db.begin_read().or_store()?;
		let table = txn.open_table(EARNINGS).or_store()?;
		let rows = table.iter().or_store()?;
		rows.map(|row| {
			let (key, value) = row.or_store()?;
			Ok((key.value(), Earnings::decode_all(&mut value.value()).map_err(|_| damaged())?))
		})
		.collect()
	}

	fn all<M: Message>(&self, table: Bytes, bounty: BountyId) -> Result<Vec<M>> {
		let txn = self.db.begin_read().or_store()?;
		let table = txn.open_table(table).or_store()?;
		let rows = table.range((bounty, 0)..=(bounty, u32::MAX)).or_store()?;
		rows.map(|row| M::from_cbor(row.or_store()?.1.value()).map_err(|_| damaged())).collect()
	}

	fn write<T>(&self, change: impl FnOnce(&redb::WriteTransaction) -> Result<T>) -> Result<T> {
		let txn = self.db.begin_write().or_store()?;
		let result = change(&txn)?;
		txn.commit().or_store()?;
		Ok(result)
	}
}

fn put(table: &mut Table<(u64, u32), &'static [u8]>, key: (u64, u32), bytes: &[u8]) -> Result<()> {
	table.insert(key, bytes).or_store().map(drop)
}

fn read<M: Message>(table: &impl ReadableTable<(u64, u32), &'static [u8]>, key: (u64, u32)) -> Result<Option<M>> {
	match table.get(key).or_store()? {
		Some(bytes) => M::from_cbor(bytes.value()).map(Some).map_err(|_| damaged()),
		None => Ok(None),
	}
}

fn read_session(table: &impl ReadableTable<(u64, u32), &'static [u8]>, key: (u64, u32)) -> Result<Option<Session>> {
	match table.get(key).or_store()? {
		Some(bytes) => Session::restore(bytes.value()).map(Some).map_err(|_| damaged()),
		None => Ok(None),
	}
}

/// A step that the exchange is not at leaves it as it is: the step was taken before.
fn change_session(
	table: &mut Table<(u64, u32), &'static [u8]>,
	key: (u64, u32),
	change: &mut impl FnMut(&mut Session) -> Result<(), Rejection>,
) -> Result<()> {
	let Some(mut session) = read_session(table, key)? else { return Ok(()) };
	match change(&mut session) {
		Ok(()) => put(table, key, &session.to_bytes()),
		Err(_) => Ok(()),
	}
}

fn add(table: &mut Table<u64, &'static [u8]>, bounty: BountyId, more: Earnings) -> Result<()> {
	let before = match table.get(bounty).or_store()? {
		Some(bytes) => Earnings::decode_all(&mut bytes.value()).map_err(|_| damaged())?,
		None => Earnings::default(),
	};
	table.insert(bounty, before.plus(more).encode().as_slice()).or_store().map(drop)
}

fn damaged() -> Error {
	Error::file("the distributor's store is damaged; restore the --data folder from a copy")
}

trait OrStore<T> {
	fn or_store(self) -> Result<T>;
}

impl<T, E: Into<redb::Error>> OrStore<T> for Result<T, E> {
	fn or_store(self) -> Result<T> {
		self.map_err(|error| Error::file(format!("the distributor's store: {}", error.into())))
	}
}
