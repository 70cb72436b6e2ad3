//! A reference model of the escrow: sets and sums, without pages, batches or storage.

use crate::{mock::*, PAGE_DEVICES};
use std::collections::{BTreeMap, BTreeSet};
use waybill_primitives::{BlockNumber, BountyId, DeviceIndex, FleetId, ReleaseId, ReservationId};

/// The outcome of a call: success, or the name of its error.
pub type Outcome = Result<(), &'static str>;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Money {
	pub free: Balance,
	pub rewards: Balance,
	pub deposits: Balance,
	pub storage: Balance,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
	pub distributor: AccountId,
	pub reward: Balance,
	pub exclusive_until: BlockNumber,
	pub devices: BTreeSet<DeviceIndex>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Promise {
	pub vendor: AccountId,
	pub release: ReleaseId,
	pub fleet: FleetId,
	pub count: u32,
	pub reward: Balance,
	pub expires_at: BlockNumber,
	pub held: Balance,
	pub storage: Balance,
	pub paid: BTreeSet<DeviceIndex>,
	pub standing: BTreeMap<ReservationId, Standing>,
	pub next: ReservationId,
	pub last_window: BlockNumber,
	pub closing: bool,
}

impl Promise {
	fn holder(&self, device: DeviceIndex) -> Option<ReservationId> {
		self.standing.iter().find(|(_, standing)| standing.devices.contains(&device)).map(|(number, _)| *number)
	}
}

/// What is wrong with a receipt in itself, whatever the state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Flaw {
	Expired,
	WeakKey,
	/// The key of another device.
	WrongKey,
	Signature,
}

/// What is wrong with the proof of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ProofFlaw {
	/// It has one hash too many.
	Longer,
	/// It has one hash too few, if it has any.
	Shorter,
	/// Its hashes are wrong.
	Wrong,
}

/// The number of devices under one node of the cap, in every fleet of the model.
pub const CAP_GROUP: u32 = 2;

/// A receipt as the model sees it.
#[derive(Clone, Debug)]
pub struct Member {
	pub device: DeviceIndex,
	pub flaw: Option<Flaw>,
	pub replaces: Option<ReservationId>,
}

#[derive(Clone, Debug)]
pub struct Model {
	pub now: BlockNumber,
	pub money: BTreeMap<AccountId, Money>,
	pub burnt: Balance,
	pub bounties: BTreeMap<BountyId, Promise>,
	pub next: BountyId,
	pub yanked: BTreeSet<ReleaseId>,
	pub announced: BTreeSet<AccountId>,
	/// The vendor and model of each release.
	pub releases: BTreeMap<ReleaseId, (AccountId, u64)>,
	/// The model and number of devices of each fleet.
	pub fleets: BTreeMap<FleetId, (u64, u32)>,
	pub bounty_storage: fn(u32) -> Balance,
	pub announcement_storage: Balance,
}

impl Model {
	fn afford(&self, who: &AccountId, amount: Balance) -> Outcome {
		let free = self.money.get(who).map_or(0, |money| money.free);
		if free >= amount + ED {
			Ok(())
		} else {
			Err("FundsUnavailable")
		}
	}

	fn account(&mut self, who: &AccountId) -> &mut Money {
		self.money.get_mut(who).expect("known account")
	}

	pub fn open(
		&mut self,
		who: &AccountId,
		release: ReleaseId,
		fleet: FleetId,
		reward: Balance,
		expires_at: BlockNumber,
	) -> Outcome {
		let (vendor, model) = self.releases.get(&release).ok_or("UnknownRelease")?;
		ensure(vendor == who, "NotVendor")?;
		ensure(!self.yanked.contains(&release), "ReleaseYanked")?;
		let (fleet_model, count) = *self.fleets.get(&fleet).ok_or("UnknownFleet")?;
		ensure(fleet_model == *model, "WrongModel")?;
		let open = self.bounties.values().any(|b| !b.closing && (b.release, b.fleet) == (release, fleet));
		ensure(!open, "AlreadyOpen")?;
		ensure(reward >= ED, "RewardTooLow")?;
		ensure(expires_at >= self.now + MIN_DURATION, "DurationTooShort")?;
		ensure(expires_at <= self.now + MAX_DURATION, "DurationTooLong")?;
		let (held, storage) = (reward * Balance::from(count), (self.bounty_storage)(count));
		self.afford(who, held + storage)?;
		let money = self.account(who);
		money.free -= held + storage;
		money.rewards += held;
		money.storage += storage;
		let promise = Promise {
			vendor: who.clone(),
			release,
			fleet,
			count,
			reward,
			expires_at,
			held,
			storage,
			paid: BTreeSet::new(),
			standing: BTreeMap::new(),
			next: 0,
			last_window: 0,
			closing: false,
		};
		self.bounties.insert(self.next, promise);
		self.next += 1;
		Ok(())
	}

	pub fn raise(&mut self, who: &AccountId, id: BountyId, reward: Balance, expires_at: BlockNumber) -> Outcome {
		let bounty = self.bounties.get(&id).ok_or("UnknownBounty")?;
		ensure(bounty.vendor == *who, "NotVendor")?;
		ensure(!bounty.closing, "Closing")?;
		ensure(self.now < bounty.expires_at, "Expired")?;
		let unpaid = Balance::from(bounty.count) - bounty.paid.len() as Balance;
		ensure(unpaid > 0, "FullyPaid")?;
		ensure(!self.yanked.contains(&bounty.release), "ReleaseYanked")?;
		ensure(reward >= bounty.reward && expires_at >= bounty.expires_at, "CannotReduce")?;
		ensure((reward, expires_at) != (bounty.reward, bounty.expires_at), "NothingRaised")?;
		let later = expires_at > bounty.expires_at;
		ensure(!later || expires_at <= self.now + MAX_DURATION, "DurationTooLong")?;
		let more = (unpaid * reward).saturating_sub(bounty.held);
		if more > 0 {
			self.afford(who, more)?;
		}
		let money = self.account(who);
		money.free -= more;
		money.rewards += more;
		let bounty = self.bounties.get_mut(&id).expect("found above");
		bounty.held += more;
		(bounty.reward, bounty.expires_at) = (reward, expires_at);
		Ok(())
	}

	/// Whether the proof holds for the members under each node of the cap, by the node's place.
	fn verdicts(count: u32, proved: &[&Member], flaw: Option<ProofFlaw>) -> Result<BTreeMap<u32, bool>, &'static str> {
		let mut groups = BTreeMap::<u32, Vec<&Member>>::new();
		proved.iter().for_each(|member| groups.entry(member.device / CAP_GROUP).or_default().push(member));
		// A group with a missing device needs a hash in its place.
		let whole = |place: u32, members: &[&Member]| members.len() as u32 == (count - place * CAP_GROUP).min(CAP_GROUP);
		let needs_hashes = groups.iter().any(|(place, members)| !whole(*place, members));
		ensure(flaw != Some(ProofFlaw::Longer), "MalformedProof")?;
		ensure(flaw != Some(ProofFlaw::Shorter) || !needs_hashes, "MalformedProof")?;
		let verdict = |(place, members): (u32, Vec<&Member>)| {
			let keys = members.iter().all(|member| !matches!(member.flaw, Some(Flaw::WeakKey | Flaw::WrongKey)));
			(place, keys && (flaw != Some(ProofFlaw::Wrong) || whole(place, &members)))
		};
		Ok(groups.into_iter().map(verdict).collect())
	}

	fn fault(&self, bounty: &Promise, last: Option<DeviceIndex>, proved: bool, member: &Member) -> Option<&'static str> {
		let lapsed = |number| bounty.standing.get(&number).is_some_and(|standing| self.now >= standing.exclusive_until);
		if member.device >= bounty.count {
			return Some("NoSuchDevice");
		}
		if last.is_some_and(|last| last >= member.device) {
			return Some("OutOfOrder");
		}
		if member.flaw == Some(Flaw::Expired) {
			return Some("ReceiptExpired");
		}
		if bounty.paid.contains(&member.device) {
			return Some("AlreadyPaid");
		}
		match (bounty.holder(member.device), member.replaces) {
			(None, None) => {},
			(Some(_), None) => return Some("AlreadyReserved"),
			(holder, Some(number)) if holder != Some(number) => return Some("WrongReservation"),
			(_, Some(number)) if !lapsed(number) => return Some("StillExclusive"),
			_ => {},
		}
		match member.flaw {
			Some(Flaw::WeakKey) => Some("WeakKey"),
			_ if !proved => Some("InvalidProof"),
			Some(Flaw::Signature) => Some("InvalidSignature"),
			_ => None,
		}
	}

	pub fn reserve(&mut self, who: &AccountId, id: BountyId, members: &[Member], flaw: Option<ProofFlaw>) -> Outcome {
		ensure(!members.is_empty(), "EmptyBatch")?;
		let bounty = self.bounties.get(&id).ok_or("UnknownBounty")?;
		ensure(!bounty.closing, "Closing")?;
		ensure(self.now < bounty.expires_at, "Expired")?;
		ensure(!self.yanked.contains(&bounty.release), "ReleaseYanked")?;
		// The highest device before each member.
		let exists = |member: &&Member| member.device < bounty.count;
		let before = |place: usize| members[..place].iter().filter(exists).map(|member| member.device).max();
		let rises = |(place, member): &(usize, &Member)| before(*place).is_none_or(|last| last < member.device);
		let proved: Vec<_> = members.iter().enumerate().filter(rises).map(|(_, member)| member).filter(exists).collect();
		let verdicts = Self::verdicts(bounty.count, &proved, flaw)?;
		let (mut taken, mut faults) = (BTreeSet::new(), Vec::new());
		for (place, member) in members.iter().enumerate() {
			let proved = verdicts.get(&(member.device / CAP_GROUP)).copied().unwrap_or_default();
			match self.fault(bounty, before(place), proved, member) {
				Some(fault) => faults.push(fault),
				None => {
					taken.insert(member.device);
				},
			}
		}
		ensure(!taken.is_empty(), faults.first().copied().unwrap_or_default())?;
		let deposit = ReservationDeposit::get();
		let deposits = deposit * taken.len() as Balance;
		self.afford(who, deposits)?;
		let money = self.account(who);
		money.free -= deposits;
		money.deposits += deposits;

		let exclusive_until = self.now + ExclusiveWindow::get();
		let bounty = self.bounties.get_mut(&id).expect("found above");
		let mut losses = Vec::new();
		for device in &taken {
			if let Some(number) = bounty.holder(*device) {
				let standing = bounty.standing.get_mut(&number).expect("holds the device");
				standing.devices.remove(device);
				losses.push(standing.distributor.clone());
			}
		}
		bounty.standing.retain(|_, standing| !standing.devices.is_empty());
		let standing = Standing { distributor: who.clone(), reward: bounty.reward, exclusive_until, devices: taken };
		bounty.standing.insert(bounty.next, standing);
		bounty.next += 1;
		bounty.last_window = exclusive_until;
		losses.iter().for_each(|loser| self.burn(loser, deposit));
		Ok(())
	}

	fn burn(&mut self, who: &AccountId, amount: Balance) {
		self.account(who).deposits -= amount;
		self.burnt += amount;
	}

	/// `keys` are devices, each with whether its key is the right one.
	pub fn claim(&mut self, who: &AccountId, id: BountyId, number: ReservationId, keys: &[(DeviceIndex, bool)]) -> Outcome {
		ensure(!keys.is_empty(), "EmptyBatch")?;
		let bounty = self.bounties.get_mut(&id).ok_or("UnknownBounty")?;
		ensure(!bounty.closing, "Closing")?;
		let standing = bounty.standing.get_mut(&number).ok_or("UnknownReservation")?;
		ensure(standing.distributor == *who, "NotDistributor")?;
		let (mut devices, mut faults) = (0, Vec::new());
		for (device, right) in keys {
			if !standing.devices.contains(device) {
				faults.push("NotInReservation");
			} else if !right {
				faults.push("WrongKey");
			} else {
				standing.devices.remove(device);
				bounty.paid.insert(*device);
				devices += 1;
			}
		}
		ensure(devices > 0, faults.first().copied().unwrap_or_default())?;
		let (amount, vendor) = (standing.reward * devices, bounty.vendor.clone());
		bounty.held -= amount;
		bounty.standing.retain(|_, standing| !standing.devices.is_empty());
		self.account(&vendor).rewards -= amount;
		let deposits = ReservationDeposit::get() * devices;
		let money = self.account(who);
		money.deposits -= deposits;
		money.free += amount + deposits;
		Ok(())
	}

	/// `survivors` returns the reservations that are left. The model does not say which ones go
	/// first.
	pub fn close(&mut self, id: BountyId, max: u32, survivors: impl FnOnce() -> BTreeSet<ReservationId>) -> Outcome {
		ensure(max > 0, "TooFewPages")?;
		let bounty = self.bounties.get_mut(&id).ok_or("UnknownBounty")?;
		if !bounty.closing {
			if (bounty.paid.len() as u32) < bounty.count {
				ensure(self.now >= bounty.expires_at, "NotExpired")?;
				let over = self.now >= bounty.last_window;
				ensure(bounty.standing.is_empty() || over, "ReservationsExclusive")?;
			}
			bounty.closing = true;
			let (vendor, refund) = (bounty.vendor.clone(), core::mem::take(&mut bounty.held));
			let money = self.account(&vendor);
			money.rewards -= refund;
			money.free += refund;
		}
		let bounty = self.bounties.get_mut(&id).expect("found above");
		let standing = bounty.standing.len() as u32;
		let removed = standing.min(max);
		let survivors = survivors();
		assert_eq!(survivors.len() as u32, standing - removed, "a step removes as much as it may");
		assert!(survivors.iter().all(|number| bounty.standing.contains_key(number)));
		let (left, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
			core::mem::take(&mut bounty.standing).into_iter().partition(|(number, _)| survivors.contains(number));
		bounty.standing = left;
		assert!(bounty.count <= PAGE_DEVICES);
		let finished = removed < max;
		let (vendor, storage) = (bounty.vendor.clone(), bounty.storage);
		for standing in gone.into_values() {
			self.burn(&standing.distributor, ReservationDeposit::get() * standing.devices.len() as Balance);
		}
		if finished {
			self.bounties.remove(&id);
			let money = self.account(&vendor);
			money.storage -= storage;
			money.free += storage;
		}
		Ok(())
	}

	/// Moves free money from one account to another.
	pub fn transfer(&mut self, from: &AccountId, to: &AccountId, amount: Balance) {
		self.account(from).free -= amount;
		self.account(to).free += amount;
	}

	pub fn announce(&mut self, who: &AccountId) -> Outcome {
		if !self.announced.contains(who) {
			let deposit = self.announcement_storage;
			self.afford(who, deposit)?;
			let money = self.account(who);
			money.free -= deposit;
			money.storage += deposit;
			self.announced.insert(who.clone());
		}
		Ok(())
	}

	pub fn withdraw(&mut self, who: &AccountId) -> Outcome {
		ensure(self.announced.remove(who), "NotAnnounced")?;
		let deposit = self.announcement_storage;
		let money = self.account(who);
		money.storage -= deposit;
		money.free += deposit;
		Ok(())
	}
}

fn ensure(condition: bool, error: &'static str) -> Outcome {
	if condition {
		Ok(())
	} else {
		Err(error)
	}
}
