//! A chain in memory, with the rules of the escrow that matter to distributors and devices.
//!
//! Each transaction makes a block of its own, which is final at once.

use std::{
	collections::{BTreeMap, BTreeSet},
	sync::{Arc, Mutex},
};
use tokio::sync::watch;
use waybill_chain::ledger::{BatchOutcome, Ledger, Payee, State};
use waybill_chain::{
	types::{AccountId, Bounty, Distributor, Event, Fleet, Release, Reservation},
	Account, Amount, BlockTime, Calendar, DatedBlock, Error, Head, ReceiptBatch, Refused, Result, SubmitTerms,
};
use waybill_daemon::clock::Time;
use waybill_primitives::{
	fleet::{self, Blake2b256},
	view::{
		ClaimFault, DeviceStatus, KeySetLink, ReceiptFault, ReleaseState, ReservedSlot, SubmittedReceipt, MAX_KEY_SET_LINKS,
	},
	BlockNumber, BountyId, Cid, DeviceIndex, DeviceKey, FleetId, Hash32, IndexedSignature, LockKey, Manifest, ModelId,
	ReceiptStatement, ReleaseId, ReleaseStatement, ReservationId,
};

/// The chain's first block.
pub const GENESIS: Hash32 = [0x47; 32];
/// The fee of every transaction, without a tip.
pub const FEE: u128 = 7;
/// How many blocks a reservation is exclusive for: more than pass by themselves during any test.
pub const WINDOW: BlockNumber = 10_000;
/// The height of caps. It is lower than usual, so that even the caps of small fleets have several
/// nodes.
const CAP_HEIGHT: u32 = 1;

/// What goes wrong with a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
	/// It gets into the chain, but the node goes away before it answers.
	AnswerLost,
	/// It does not get into the chain.
	Lost,
	/// The chain refuses it.
	Refused,
}

/// Everything the chain knows.
#[derive(Clone, Debug, Default)]
pub struct World {
	/// The newest block.
	pub number: BlockNumber,
	/// Its time; the current time if this is `None`.
	pub timestamp_ms: Option<u64>,
	/// The releases.
	pub releases: BTreeMap<ReleaseId, Release>,
	/// The vendor's key sets after the first, by their versions.
	pub key_sets: BTreeMap<u32, KeySetLink>,
	/// The fleets, each with its cap.
	pub fleets: BTreeMap<FleetId, (Fleet, Vec<Hash32>)>,
	/// The bounties.
	pub bounties: BTreeMap<BountyId, Bounty>,
	/// The devices that are paid for.
	pub paid: BTreeSet<(BountyId, DeviceIndex)>,
	/// The standing reservations.
	pub reservations: BTreeMap<(BountyId, ReservationId), Reservation>,
	/// The announced distributors.
	pub distributors: Vec<Distributor>,
	/// The events, by block.
	pub events: BTreeMap<BlockNumber, Vec<Event>>,
	/// The extrinsics, by block.
	pub bodies: BTreeMap<BlockNumber, Vec<Vec<u8>>>,
	/// The chain no longer has the events of blocks before this one.
	pub pruned: BlockNumber,
	/// What goes wrong with the next transactions, one fault each.
	pub faults: Vec<Fault>,
	/// Whether no node can be reached.
	pub down: bool,
	/// Whether every account has transactions that are not final yet.
	pub pending: bool,
	/// How many transactions were sent.
	pub sent: u32,
	/// The tips of the claims that were sent.
	pub tips: Vec<Amount>,
	next_reservation: ReservationId,
}

/// The chain. Clones are the same chain.
#[derive(Clone, Debug)]
pub struct Fake {
	world: Arc<Mutex<World>>,
	number: Arc<watch::Sender<BlockNumber>>,
}

/// The chain at one block.
#[derive(Clone, Debug)]
pub struct At {
	world: World,
	head: Head,
}

impl Default for Fake {
	fn default() -> Self {
		Self::new()
	}
}

impl Fake {
	/// A chain with one block.
	pub fn new() -> Self {
		let world = World { number: 1, ..World::default() };
		Self { world: Arc::new(Mutex::new(world)), number: Arc::new(watch::channel(1).0) }
	}

	/// Changes the world without a transaction.
	pub fn edit<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
		change(&mut self.world.lock().unwrap())
	}

	/// Adds empty blocks.
	pub fn advance(&self, blocks: BlockNumber) {
		let number = self.edit(|world| {
			world.number += blocks;
			world.number
		});
		self.number.send_replace(number);
	}

	/// Adds an available release.
	pub fn release(
		&self,
		id: ReleaseId,
		vendor: &AccountId,
		statement: ReleaseStatement,
		signatures: Vec<IndexedSignature>,
	) {
		let release = Release {
			id,
			vendor: *vendor,
			statement,
			advisory: None,
			key_set_version: self.edit(|world| world.key_set_version()),
			signatures,
			published_at: 1,
			state: ReleaseState::Available,
			yank: None,
		};
		self.edit(|world| world.releases.insert(id, release));
	}

	/// Adds a fleet.
	pub fn fleet(&self, id: FleetId, model: ModelId, manifest: &Manifest, cid: Cid) {
		let (root, count) = (manifest.root(), manifest.count());
		let cap_height = CAP_HEIGHT.min(fleet::depth(count));
		let cap = manifest.cap(cap_height).to_vec();
		let fleet = Fleet { id, model, root, count, cap_height, manifest: cid, bounties: 0 };
		self.edit(|world| world.fleets.insert(id, (fleet, cap)));
	}

	/// Opens a bounty.
	pub fn bounty(&self, id: BountyId, release: ReleaseId, fleet: FleetId, reward: u128, expires_at: BlockNumber) {
		self.edit(|world| {
			let (vendor, digest) = {
				let release = &world.releases[&release];
				(release.vendor, release.statement.digest)
			};
			let Fleet { root, count, .. } = world.fleets[&fleet].0;
			let bounty = Bounty {
				id,
				vendor,
				release,
				fleet,
				root,
				count,
				digest,
				reward: Amount(reward),
				expires_at,
				held: Amount(reward * u128::from(count)),
				paid: 0,
				reserved: 0,
				exclusive_until: 0,
				closing: false,
			};
			world.bounties.insert(id, bounty);
		});
	}

	/// Makes the next block with a transaction in it, unless the next fault says otherwise.
	fn transact<T>(
		&self,
		change: impl FnOnce(&mut World, &mut Vec<Event>) -> Result<(T, Vec<u8>)>,
	) -> Result<(T, BlockNumber)> {
		let (result, number, fault) = self.edit(|world| {
			world.sent += 1;
			let fault = (!world.faults.is_empty()).then(|| world.faults.remove(0));
			match fault {
				Some(Fault::Lost) => return (Err(lost()), world.number, fault),
				Some(Fault::Refused) => return (Err(refused("Token.FundsUnavailable", "too poor")), world.number, fault),
				Some(Fault::AnswerLost) | None => {},
			}
			world.number += 1;
			let (number, mut events) = (world.number, Vec::new());
			let result = change(world, &mut events).map(|(value, body)| {
				world.bodies.insert(number, vec![vec![0; 10], body]);
				value
			});
			world.events.insert(number, events);
			(result, number, fault)
		});
		self.number.send_replace(number);
		match fault {
			Some(Fault::AnswerLost) => Err(lost()),
			_ => result.map(|value| (value, number)),
		}
	}
}

impl World {
	fn holder(&self, bounty: BountyId, index: DeviceIndex) -> Option<ReservationId> {
		let mut held = self.reservations.iter().filter(|((of, _), _)| *of == bounty);
		held.find(|(_, one)| one.slots.iter().any(|slot| slot.device_index == index)).map(|((_, id), _)| *id)
	}

	/// The version of the vendor's current key set.
	pub fn key_set_version(&self) -> u32 {
		self.key_sets.keys().last().copied().unwrap_or(1)
	}

	/// For each receipt of a batch, whether the proof shows its device to be in the bounty's fleet.
	fn members(&self, bounty: &Bounty, batch: &ReceiptBatch) -> Result<Vec<Result<(), ReceiptFault>>> {
		let (Fleet { count, cap_height, .. }, cap) = &self.fleets[&bounty.fleet];
		let mut proved: Vec<(DeviceIndex, DeviceKey)> = Vec::new();
		let ordered = batch.receipts.iter().map(|receipt| match proved.last() {
			_ if receipt.device_index >= *count => Err(ReceiptFault::NoSuchDevice),
			Some((last, _)) if *last >= receipt.device_index => Err(ReceiptFault::OutOfOrder),
			_ => {
				proved.push((receipt.device_index, receipt.device_key));
				Ok(())
			},
		});
		let ordered: Vec<_> = ordered.collect();
		let node = |place: u32| cap.get(place as usize).copied();
		let verdicts = fleet::verify_members::<Blake2b256>(*count, *cap_height, &proved, &batch.proof, node);
		let verdicts = verdicts.map_err(|_| refused("PodBounty.MalformedProof", "a malformed proof"))?;
		let mut verdicts = verdicts.into_iter();
		let verdict = |member: Result<(), _>| match member.map(|()| verdicts.next()) {
			Ok(Some(true)) => Ok(()),
			Ok(_) => Err(ReceiptFault::InvalidProof),
			Err(why) => Err(why),
		};
		Ok(ordered.into_iter().map(verdict).collect())
	}

	/// Whether the escrow would take this receipt of a device in the fleet.
	fn check(&self, bounty: &Bounty, payee: &AccountId, receipt: &SubmittedReceipt) -> Result<(), ReceiptFault> {
		let index = receipt.device_index;
		let statement = ReceiptStatement {
			bounty: bounty.id,
			device_index: index,
			digest: bounty.digest,
			lock: receipt.lock,
			distributor: payee.0,
			valid_until: receipt.valid_until,
		};
		if receipt.valid_until < self.number {
			return Err(ReceiptFault::ReceiptExpired);
		}
		if self.paid.contains(&(bounty.id, index)) {
			return Err(ReceiptFault::AlreadyPaid);
		}
		match (self.holder(bounty.id, index), receipt.replaces) {
			(None, None) => {},
			(Some(held), Some(replaced)) if held == replaced => {
				if self.reservations[&(bounty.id, held)].exclusive_until > self.number {
					return Err(ReceiptFault::StillExclusive);
				}
			},
			(Some(_), None) => return Err(ReceiptFault::AlreadyReserved),
			_ => return Err(ReceiptFault::WrongReservation),
		}
		waybill_exchange::verify(&receipt.device_key, &statement, &GENESIS, &receipt.signature)
			.map_err(|_| ReceiptFault::InvalidSignature)
	}
}

impl Ledger for Fake {
	type State = At;

	async fn genesis(&self) -> Result<Hash32> {
		match self.edit(|world| world.down) {
			true => Err(lost()),
			false => Ok(GENESIS),
		}
	}

	async fn block_time(&self) -> Result<BlockTime> {
		Ok(BlockTime::DEFAULT)
	}

	async fn newest(&self) -> Result<At> {
		let world = self.edit(|world| world.clone());
		if world.down {
			return Err(lost());
		}
		let head = Head { number: world.number, timestamp_ms: world.timestamp_ms.unwrap_or_else(|| Time::now().0) };
		Ok(At { world, head })
	}

	async fn above(&self, number: BlockNumber) -> Result<At> {
		let mut changes = self.number.subscribe();
		changes.wait_for(|newest| *newest > number).await.map_err(|_| lost())?;
		self.newest().await
	}

	async fn events(&self, number: BlockNumber) -> Result<Option<Vec<Event>>> {
		Ok(self.edit(|world| (number >= world.pruned).then(|| world.events.get(&number).cloned().unwrap_or_default())))
	}

	async fn revealed(&self, _: BountyId, _: DeviceIndex) -> Result<Option<LockKey>> {
		Ok(None)
	}

	async fn extrinsics(&self, number: BlockNumber) -> Result<Vec<Vec<u8>>> {
		Ok(self.edit(|world| world.bodies.get(&number).cloned().unwrap_or_default()))
	}
}

impl Payee for Fake {
	async fn is_pending(&self, _: &Account) -> Result<bool> {
		Ok(self.edit(|world| world.pending))
	}

	async fn max_batch(&self) -> Result<u32> {
		if self.edit(|world| world.down) {
			return Err(lost());
		}
		Ok(512)
	}

	async fn reserve(
		&self,
		payee: &Account,
		id: BountyId,
		batch: ReceiptBatch,
	) -> Result<(ReservationId, BatchOutcome<ReceiptFault>)> {
		let account = payee.id();
		let ((reservation, rejected), block) = self.transact(|world, events| {
			let bounty =
				world.bounties.get(&id).cloned().filter(|bounty| !bounty.closing && world.number < bounty.expires_at);
			let bounty = bounty.ok_or_else(|| refused("PodBounty.BountyExpired", "expired"))?;
			if world.releases[&bounty.release].state == ReleaseState::Yanked {
				return Err(refused("PodBounty.ReleaseYanked", "the release was yanked"));
			}
			let (mut slots, mut rejected) = (Vec::new(), Vec::new());
			let members = world.members(&bounty, &batch)?;
			for (receipt, member) in batch.receipts.into_iter().zip(members) {
				match member.and_then(|()| world.check(&bounty, &account, &receipt)) {
					Ok(()) => {
						if let Some(replaced) = receipt.replaces {
							let slots = &mut world.reservations.get_mut(&(id, replaced)).unwrap().slots;
							slots.retain(|slot| slot.device_index != receipt.device_index);
						}
						slots.push(ReservedSlot { device_index: receipt.device_index, lock: receipt.lock });
					},
					Err(why) => rejected.push((receipt.device_index, why)),
				}
			}
			if let (true, Some((_, why))) = (slots.is_empty(), rejected.first()) {
				return Err(refused(&format!("PodBounty.{why:?}"), "no receipt holds"));
			}
			let reservation = world.next_reservation;
			world.next_reservation += 1;
			let exclusive_until = world.number + WINDOW;
			let (distributor, reward) = (account, bounty.reward);
			world.reservations.retain(|_, one| !one.slots.is_empty());
			world
				.reservations
				.insert((id, reservation), Reservation { distributor, reward, deposit: Amount(1), exclusive_until, slots });
			events.push(Event::Reserved { bounty: id, reservation, distributor: account, exclusive_until });
			Ok(((reservation, rejected), Vec::new()))
		})?;
		Ok((reservation, BatchOutcome { block: dated(block), fee: Amount(FEE), rejected }))
	}

	async fn claim(
		&self,
		payee: &Account,
		id: BountyId,
		reservation: ReservationId,
		keys: Vec<(DeviceIndex, LockKey)>,
		terms: SubmitTerms,
	) -> Result<BatchOutcome<ClaimFault>> {
		let account = payee.id();
		self.edit(|world| match terms.latest {
			Some(latest) if world.number > latest => Err(Error::TooLate { best: world.number.into(), latest }),
			_ => {
				world.tips.push(terms.tip);
				Ok(())
			},
		})?;
		let (rejected, block) = self.transact(|world, events| {
			let unknown = || refused("PodBounty.NoSuchReservation", "no such reservation");
			let bounty = world.bounties.get(&id).filter(|bounty| !bounty.closing).ok_or_else(unknown)?;
			let suite = bounty.digest.suite;
			let mut standing = world.reservations.remove(&(id, reservation)).ok_or_else(unknown)?;
			assert_eq!(standing.distributor, account);
			let mut rejected = Vec::new();
			let mut body = Vec::new();
			for (index, key) in keys {
				body.extend(key);
				let slot = ReservedSlot { device_index: index, lock: suite.lock(&key).unwrap() };
				match standing.slots.iter().position(|one| *one == slot) {
					Some(place) => {
						standing.slots.remove(place);
						world.paid.insert((id, index));
						world.bounties.get_mut(&id).unwrap().paid += 1;
						events.push(Event::KeyRevealed { bounty: id, device_index: index, key, distributor: account });
					},
					None => rejected.push((index, ClaimFault::NotInReservation)),
				}
			}
			if !standing.slots.is_empty() {
				world.reservations.insert((id, reservation), standing);
			}
			Ok((rejected, body))
		})?;
		Ok(BatchOutcome { block: dated(block), fee: Amount(FEE + terms.tip.0), rejected })
	}

	async fn announce(&self, payee: &Account, endpoint: &str) -> Result<BlockNumber> {
		let one = Distributor { account: payee.id(), endpoint: endpoint.into() };
		let ((), block) = self.transact(|world, _| {
			world.distributors.retain(|known| known.account != one.account);
			world.distributors.push(one);
			Ok(((), Vec::new()))
		})?;
		Ok(block)
	}
}

/// A block of now.
fn dated(number: BlockNumber) -> DatedBlock {
	DatedBlock { number, about: Time::now() }
}

impl State for At {
	fn head(&self) -> Head {
		self.head
	}

	fn calendar(&self) -> Calendar {
		Calendar::new(self.head, BlockTime::DEFAULT)
	}

	async fn latest_release(&self, model: ModelId) -> Result<Option<ReleaseId>> {
		let available = self.world.releases.values().filter(|release| release.state == ReleaseState::Available);
		let of_model = available.filter(|release| release.statement.model == model);
		Ok(of_model.max_by_key(|release| (release.statement.security_version, release.statement.version)).map(|one| one.id))
	}

	async fn release(&self, id: ReleaseId) -> Result<Option<Release>> {
		Ok(self.world.releases.get(&id).cloned())
	}

	async fn key_set_version(&self, _: &AccountId) -> Result<Option<u32>> {
		Ok(Some(self.world.key_set_version()))
	}

	async fn key_sets(&self, _: &AccountId, after: u32) -> Result<Vec<KeySetLink>> {
		let later = self.world.key_sets.range(after.saturating_add(1)..).map(|(_, link)| link.clone());
		Ok(later.take(MAX_KEY_SET_LINKS as usize).collect())
	}

	async fn fleet(&self, id: FleetId) -> Result<Option<Fleet>> {
		Ok(self.world.fleets.get(&id).map(|(fleet, _)| fleet.clone()))
	}

	async fn open_bounties(&self) -> Result<Vec<Bounty>> {
		let open = |bounty: &&Bounty| !bounty.closing && bounty.expires_at > self.world.number;
		Ok(self.world.bounties.values().filter(open).cloned().collect())
	}

	async fn bounty(&self, id: BountyId) -> Result<Option<Bounty>> {
		Ok(self.world.bounties.get(&id).cloned())
	}

	async fn device_status(&self, bounty: BountyId, index: DeviceIndex) -> Result<Option<DeviceStatus>> {
		let exists = self.world.bounties.get(&bounty).is_some_and(|bounty| !bounty.closing && index < bounty.count);
		let status =
			|| DeviceStatus { paid: self.world.paid.contains(&(bounty, index)), reserved: self.world.holder(bounty, index) };
		Ok(exists.then(status))
	}

	async fn reservation(&self, bounty: BountyId, id: ReservationId) -> Result<Option<Reservation>> {
		Ok(self.world.reservations.get(&(bounty, id)).cloned())
	}

	async fn distributors(&self) -> Result<Vec<Distributor>> {
		Ok(self.world.distributors.clone())
	}
}

/// The error of every question while no node can be reached.
pub fn lost() -> Error {
	Error::Lost { url: "memory".into(), cause: "the test took it away".into() }
}

fn refused(name: &str, message: &str) -> Error {
	Refused { name: name.into(), message: message.into() }.into()
}
