//! Random sequences of all calls, compared with a small model of the rules. Checks the invariants
//! after every step.

use super::attest::ReleaseVotes;
use crate::{mock::*, *};
use codec::MaxEncodedLen;
use proptest::prelude::*;
use sp_runtime::{DispatchError, DispatchResult, ModuleError};
use std::collections::{BTreeMap, BTreeSet};
use waybill_primitives::{
	fleet::level_width, Cid, FleetId, KeySet, KeySetStatement, ModelId, Registry, ReleaseId, Verdict, Yank, YankStatement,
};

const PEOPLE: [AccountId; 3] = [VENDOR, OTHER_VENDOR, ANYONE];

/// The outcome of a call: success, or the name of its error.
type Outcome = Result<(), &'static str>;

/// A key set, as the seeds of its keys.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Set {
	threshold: u8,
	seeds: Vec<u8>,
}

/// How a list of signatures is made.
#[derive(Clone, Copy, Debug)]
enum Signing {
	Enough,
	All,
	TooFew,
	OneTwice,
	/// By the keys of the vendor's first set.
	ByTheFirstSet,
	OutOfRange,
}

impl Set {
	/// Two key sets that are not valid, and some that are.
	fn choose(choice: usize) -> Self {
		let sets: [(u8, &[u8]); 7] =
			[(2, &[1, 2, 3]), (1, &[4]), (1, &[4, 5]), (2, &[5, 6]), (3, &[7, 8, 9, 10]), (0, &[7]), (2, &[8, 9, 8])];
		let (threshold, seeds) = sets[choice % sets.len()];
		Self { threshold, seeds: seeds.to_vec() }
	}

	fn is_valid(&self) -> bool {
		let different: BTreeSet<_> = self.seeds.iter().collect();
		different.len() == self.seeds.len() && (1..=self.seeds.len()).contains(&self.threshold.into())
	}

	fn keys(&self) -> KeySet {
		key_set(self.threshold, &self.seeds)
	}

	/// The signers: the index in the set and the seed of the key that signs.
	fn signers(&self, signing: Signing, first: &Set) -> Vec<(u8, u8)> {
		let all: Vec<(u8, u8)> = (0..).zip(self.seeds.iter().copied()).collect();
		let threshold = usize::from(self.threshold);
		match signing {
			Signing::Enough => all[all.len().saturating_sub(threshold)..].to_vec(),
			Signing::All => all,
			Signing::TooFew => all[..threshold.saturating_sub(1)].to_vec(),
			Signing::OneTwice => vec![all[0]; threshold.max(2)],
			Signing::ByTheFirstSet => (0..).zip(first.seeds.iter().copied()).collect(),
			Signing::OutOfRange => [vec![(all.len() as u8, self.seeds[0])], all].concat(),
		}
	}

	/// Whether these signatures meet the set's threshold. `right` says whether they are over the
	/// right statement.
	fn check(&self, signers: &[(u8, u8)], right: bool) -> Outcome {
		if signers.len() < self.threshold.into() {
			return Err("ThresholdNotMet");
		}
		let mut places = BTreeSet::new();
		for (place, seed) in signers {
			if !places.insert(place) {
				return Err("DuplicateSigner");
			}
			let expected = self.seeds.get(usize::from(*place)).ok_or("UnknownSigner")?;
			if expected != seed || !right {
				return Err("BadSignature");
			}
		}
		Ok(())
	}
}

struct Vendor {
	name_len: u64,
	sets: Vec<Set>,
	/// The deposits for the sets after the first: the account that paid, and the amount.
	rotations: Vec<(AccountId, u64)>,
	pending: Option<Pending>,
	/// The vetoed versions and sets.
	vetoed: BTreeMap<(usize, Set), (AccountId, u64)>,
}

impl Vendor {
	fn current(&self) -> &Set {
		self.sets.last().unwrap()
	}
}

struct Pending {
	set: Set,
	effective_at: u32,
	deposit: (AccountId, u64),
}

struct FleetRecord {
	model: usize,
	count: u32,
	nodes: u32,
	users: u32,
}

struct ReleaseRecord {
	model: usize,
	version: u32,
	security: u32,
	key_set_version: usize,
	signatures: usize,
	yanked: bool,
	votes: ReleaseVotes,
}

/// What the registry should hold.
#[derive(Default)]
struct World {
	vendors: BTreeMap<AccountId, Vendor>,
	/// Vendor and security version.
	models: Vec<(AccountId, u32)>,
	next_fleet: FleetId,
	fleets: BTreeMap<FleetId, FleetRecord>,
	releases: Vec<ReleaseRecord>,
}

#[derive(Clone, Debug)]
enum Step {
	RegisterVendor { who: usize, set: usize },
	UpdateVendor { who: usize, name_len: usize },
	RegisterModel { who: usize },
	RegisterFleet { who: Option<usize>, model: usize, count: u32, height: u32, more: usize },
	RemoveFleet { who: Option<usize>, fleet: FleetId },
	UseFleet { fleet: FleetId, more: bool },
	Publish { who: Option<usize>, model: usize, version: u32, rise: u32, signing: Signing, right: bool },
	Yank { who: Option<usize>, release: usize },
	YankSigned { release: usize, signing: Signing, right: bool },
	Attest { validator: AccountId, release: usize, early: bool, verdict: Verdict },
	Rotate { who: usize, vendor: usize, set: usize, old: Signing, new: Signing, skip: i8 },
	Veto { who: usize },
	Adopt { vendor: usize },
	Resign { who: Option<usize>, release: usize, signing: Signing },
	Wait { blocks: u32 },
}

fn step() -> impl Strategy<Value = Step> {
	let person = || 0..PEOPLE.len();
	let stranger = || prop::option::weighted(0.1, person());
	let set = || prop_oneof![12 => 0..5usize, 1 => 5..7usize];
	let signing = || {
		prop_oneof![
			12 => Just(Signing::Enough),
			4 => Just(Signing::All),
			1 => Just(Signing::TooFew),
			1 => Just(Signing::OneTwice),
			1 => Just(Signing::ByTheFirstSet),
			1 => Just(Signing::OutOfRange),
		]
	};
	let right = || prop::bool::weighted(0.95);
	let verdict = prop_oneof![4 => Just(Verdict::Available), 1 => Just(Verdict::Unreachable), 1 => Just(Verdict::Mismatch)];
	let skip = prop_oneof![20 => Just(0), 1 => Just(1), 1 => Just(-1)];
	let rise = prop_oneof![8 => 0..17u32, 1 => Just(17)];
	let more = prop_oneof![8 => Just(0), 1 => Just(1)];
	let count = prop_oneof![1 => Just(0), 20 => 1..600u32];
	prop_oneof![
		1 => (person(), set()).prop_map(|(who, set)| Step::RegisterVendor { who, set }),
		1 => (person(), 0..17usize).prop_map(|(who, name_len)| Step::UpdateVendor { who, name_len }),
		1 => person().prop_map(|who| Step::RegisterModel { who }),
		3 => (stranger(), 0..4usize, count, 0..11u32, more).prop_map(|(who, model, count, height, more)| {
			Step::RegisterFleet { who, model, count, height, more }
		}),
		2 => (stranger(), 0..6u64).prop_map(|(who, fleet)| Step::RemoveFleet { who, fleet }),
		2 => (0..6u64, any::<bool>()).prop_map(|(fleet, more)| Step::UseFleet { fleet, more }),
		5 => (stranger(), 0..4usize, 0..6u32, rise, signing(), right()).prop_map(
			|(who, model, version, rise, signing, right)| Step::Publish { who, model, version, rise, signing, right }
		),
		1 => (stranger(), 0..8usize).prop_map(|(who, release)| Step::Yank { who, release }),
		1 => (0..8usize, signing(), right()).prop_map(|(release, signing, right)| {
			Step::YankSigned { release, signing, right }
		}),
		6 => (11..15u64, 0..6usize, prop::bool::weighted(0.1), verdict).prop_map(|(validator, release, early, verdict)| {
			Step::Attest { validator, release, early, verdict }
		}),
		6 => (person(), person(), set(), signing(), signing(), skip).prop_map(|(who, vendor, set, old, new, skip)| {
			Step::Rotate { who, vendor, set, old, new, skip }
		}),
		2 => person().prop_map(|who| Step::Veto { who }),
		5 => person().prop_map(|vendor| Step::Adopt { vendor }),
		3 => (stranger(), 0..6usize, signing()).prop_map(|(who, release, signing)| Step::Resign { who, release, signing }),
		4 => prop_oneof![2 => 1..RETRY, 3 => Just(DELAY), 1 => Just(RECHECK)].prop_map(|blocks| Step::Wait { blocks }),
	]
}

/// The outcome of a call, with its error's name.
fn outcome(result: DispatchResult) -> Outcome {
	result.map_err(|error| match error {
		DispatchError::Module(ModuleError { message, .. }) => message.unwrap(),
		other => panic!("{other:?}"),
	})
}

/// Metadata with a name of `len` bytes.
fn name(len: usize) -> VendorMetadata<Test> {
	VendorMetadata { name: text("x".repeat(len)), url: text(""), security_contact: text("") }
}

impl World {
	/// The account that `who` chooses; without a choice the model's vendor.
	fn sender(&self, who: Option<usize>, model: usize) -> AccountId {
		match who {
			Some(choice) => PEOPLE[choice],
			None => self.models.get(model).map_or(VENDOR, |(vendor, _)| *vendor),
		}
	}

	fn model_of(&self, model: usize, who: AccountId) -> Outcome {
		let (vendor, _) = self.models.get(model).ok_or("UnknownModel")?;
		(*vendor == who).then_some(()).ok_or("NotModelVendor")
	}

	fn register_vendor(&mut self, who: AccountId, set: Set) -> Outcome {
		if self.vendors.contains_key(&who) {
			return Err("AlreadyVendor");
		}
		if !set.is_valid() {
			return Err("InvalidKeySet");
		}
		let vendor = Vendor { name_len: 4, sets: vec![set], rotations: vec![], pending: None, vetoed: BTreeMap::new() };
		self.vendors.insert(who, vendor);
		Ok(())
	}

	fn update_vendor(&mut self, who: AccountId, name_len: usize) -> Outcome {
		let vendor = self.vendors.get_mut(&who).ok_or("UnknownVendor")?;
		if name_len == 0 {
			return Err("EmptyName");
		}
		vendor.name_len = name_len as u64;
		Ok(())
	}

	fn register_fleet(&mut self, who: AccountId, model: usize, count: u32, nodes: u32) -> Outcome {
		self.model_of(model, who)?;
		if count == 0 {
			return Err("EmptyFleet");
		}
		if !(0..32).any(|height| count.div_ceil(1 << height) == nodes) {
			return Err("InvalidCap");
		}
		self.fleets.insert(self.next_fleet, FleetRecord { model, count, nodes, users: 0 });
		self.next_fleet += 1;
		Ok(())
	}

	fn remove_fleet(&mut self, who: AccountId, fleet: FleetId) -> Outcome {
		let record = self.fleets.get(&fleet).ok_or("UnknownFleet")?;
		self.model_of(record.model, who)?;
		if record.users > 0 {
			return Err("FleetInUse");
		}
		self.fleets.remove(&fleet);
		Ok(())
	}

	/// Signatures for a vendor's current set and their outcome. An account that is no vendor has no
	/// signatures.
	fn sign(&self, vendor: AccountId, signing: Signing, right: bool) -> (Vec<(u8, u8)>, Outcome) {
		let Some(vendor) = self.vendors.get(&vendor) else { return (vec![], Err("UnknownVendor")) };
		let signers = vendor.current().signers(signing, &vendor.sets[0]);
		let check = vendor.current().check(&signers, right);
		(signers, check)
	}

	fn publish(&mut self, who: AccountId, record: ReleaseRecord, signed: Outcome) -> Outcome {
		self.model_of(record.model, who)?;
		let security = self.models[record.model].1;
		if record.security > security + 16 {
			return Err("SecurityVersionTooHigh");
		}
		if self.releases.iter().any(|other| (other.model, other.version) == (record.model, record.version)) {
			return Err("VersionExists");
		}
		signed?;
		self.models[record.model].1 = record.security;
		self.releases.push(record);
		Ok(())
	}

	fn yank(&mut self, release: usize, who: Option<AccountId>, signed: Outcome) -> Outcome {
		let models = &self.models;
		let release = self.releases.get_mut(release).ok_or("UnknownRelease")?;
		if who.is_some_and(|who| who != models[release.model].0) {
			return Err("NotReleaseVendor");
		}
		if release.yanked {
			return Err("AlreadyYanked");
		}
		signed?;
		release.yanked = true;
		Ok(())
	}

	fn resign(&mut self, who: AccountId, release: usize, signatures: usize, signed: Outcome) -> Outcome {
		let record = self.releases.get_mut(release).ok_or("UnknownRelease")?;
		if self.models[record.model].0 != who {
			return Err("NotReleaseVendor");
		}
		if record.yanked {
			return Err("AlreadyYanked");
		}
		signed?;
		let current = self.vendors[&who].sets.len();
		if record.key_set_version == current {
			return Err("AlreadySigned");
		}
		(record.key_set_version, record.signatures) = (current, signatures);
		Ok(())
	}

	fn rotate(&mut self, who: AccountId, vendor: AccountId, set: Set, signed: [(usize, Outcome); 2]) -> Outcome {
		let vendor = self.vendors.get_mut(&vendor).ok_or("UnknownVendor")?;
		if vendor.pending.is_some() {
			return Err("RotationPending");
		}
		if !set.is_valid() {
			return Err("InvalidKeySet");
		}
		if vendor.vetoed.contains_key(&(vendor.sets.len() + 1, set.clone())) {
			return Err("RotationVetoed");
		}
		let [(old, old_signed), (new, new_signed)] = signed;
		old_signed.and(new_signed)?;
		// The set, both lists of signatures, the submitter.
		let size = 1 + 1 + 33 * set.seeds.len() + 1 + 66 * old + 1 + 66 * new + 8;
		let deposit = (who, DEPOSIT_BASE + size as u64);
		vendor.pending = Some(Pending { set, effective_at: System::block_number() + DELAY, deposit });
		Ok(())
	}

	fn veto(&mut self, who: AccountId) -> Outcome {
		let vendor = self.vendors.get_mut(&who).ok_or("NoPendingKeySet")?;
		let Pending { set, deposit, .. } = vendor.pending.take().ok_or("NoPendingKeySet")?;
		vendor.vetoed.insert((vendor.sets.len() + 1, set), deposit);
		Ok(())
	}

	fn adopt(&mut self, vendor: AccountId) -> Outcome {
		let vendor = self.vendors.get_mut(&vendor).ok_or("NoPendingKeySet")?;
		let early = |pending: &mut Pending| System::block_number() < pending.effective_at;
		if vendor.pending.as_mut().is_some_and(early) {
			return Err("TooEarly");
		}
		let Pending { set, deposit, .. } = vendor.pending.take().ok_or("NoPendingKeySet")?;
		vendor.sets.push(set);
		vendor.rotations.push(deposit);
		Ok(())
	}

	/// Takes the step on the chain and in the model, and compares the outcomes.
	fn take(&mut self, step: Step) {
		let signed = RuntimeOrigin::signed;
		let (real, expected) = match step {
			Step::RegisterVendor { who, set } => {
				let (who, set) = (PEOPLE[who], Set::choose(set));
				let real = Firmware::register_vendor(signed(who), name(4), set.keys());
				(real, self.register_vendor(who, set))
			},
			Step::UpdateVendor { who, name_len } => {
				let who = PEOPLE[who];
				(Firmware::update_vendor(signed(who), name(name_len)), self.update_vendor(who, name_len))
			},
			Step::RegisterModel { who } => {
				let who = PEOPLE[who];
				let expected = self.vendors.get(&who).map(|_| ()).ok_or("UnknownVendor");
				self.models.extend(expected.is_ok().then_some((who, 0)));
				(Firmware::register_model(signed(who), text("Router 9")), expected)
			},
			Step::RegisterFleet { who, model, count, height, more } => {
				let who = self.sender(who, model);
				let nodes = level_width(count, height) as usize + more;
				let cap = vec![[count as u8; 32]; nodes].try_into().unwrap();
				let real = Firmware::register_fleet(signed(who), model as ModelId, count, cap, Cid::raw(b"keys"));
				(real, self.register_fleet(who, model, count, nodes as u32))
			},
			Step::RemoveFleet { who, fleet } => {
				let model = self.fleets.get(&fleet).map_or(0, |record| record.model);
				let who = self.sender(who, model);
				let real = Firmware::remove_fleet(signed(who), fleet).map(|_| ()).map_err(|error| error.error);
				(real, self.remove_fleet(who, fleet))
			},
			Step::UseFleet { fleet, more } => {
				let users = self.fleets.get_mut(&fleet).map(|record| &mut record.users);
				if more {
					<Firmware as Registry<AccountId>>::fleet_in_use(fleet);
					users.into_iter().for_each(|users| *users += 1);
				} else {
					<Firmware as Registry<AccountId>>::fleet_released(fleet);
					users.into_iter().for_each(|users| *users = users.saturating_sub(1));
				}
				(Ok(()), Ok(()))
			},
			Step::Publish { who, model, version, rise, signing, right } => {
				let who = self.sender(who, model);
				let security = self.models.get(model).map_or(0, |(_, security)| *security) + rise;
				let statement = statement(model as ModelId, (1, 0, version), security, b"firmware");
				let (signers, check) = self.sign(who, signing, right);
				let mut over = statement.clone();
				over.size += u64::from(!right);
				let real = Firmware::publish_release(signed(who), statement, None, signatures(&over, &signers));
				let record = ReleaseRecord {
					model,
					version,
					security,
					key_set_version: self.vendors.get(&who).map_or(0, |vendor| vendor.sets.len()),
					signatures: signers.len(),
					yanked: false,
					votes: ReleaseVotes::opening_at(System::block_number()),
				};
				(real, self.publish(who, record, check))
			},
			Step::Yank { who, release } => {
				let model = self.releases.get(release).map_or(0, |record| record.model);
				let who = self.sender(who, model);
				let real = Firmware::yank_release(signed(who), release as ReleaseId, Yank::Faulty, None);
				(real, self.yank(release, Some(who), Ok(())))
			},
			Step::YankSigned { release, signing, right } => {
				let model = self.releases.get(release).map_or(0, |record| record.model);
				let (signers, check) = self.sign(self.sender(None, model), signing, right);
				let over = if right { Yank::Vulnerable } else { Yank::Faulty };
				let id = release as ReleaseId;
				let signatures = signatures(&YankStatement { release: id, reason: over }, &signers);
				let real = Firmware::yank_release_signed(signed(ANYONE), id, Yank::Vulnerable, signatures);
				(real, self.yank(release, None, check))
			},
			Step::Attest { validator, release, early, verdict } => {
				let now = System::block_number();
				let record = self.releases.get_mut(release).filter(|record| !record.yanked);
				let (round, expected) = record.map_or((0, false), |record| {
					record.votes.advance(now);
					let round = record.votes.round + u32::from(early);
					(round, record.votes.vote(now, validator, round, verdict == Verdict::Available))
				});
				let real = vote(validator, release as ReleaseId, round, verdict);
				assert_eq!(real.is_ok(), expected);
				(real.unwrap_or(Ok(())), Ok(()))
			},
			Step::Rotate { who, vendor, set, old, new, skip } => {
				let (who, vendor, set) = (PEOPLE[who], PEOPLE[vendor], Set::choose(set));
				let (first, version) = self
					.vendors
					.get(&vendor)
					.map_or((set.clone(), 0), |vendor| (vendor.sets[0].clone(), vendor.sets.len() as u32));
				let right = skip == 0;
				let (old, old_check) = self.sign(vendor, old, right);
				let new = set.signers(new, &first);
				let version = (version + 1).wrapping_add_signed(skip.into());
				let statement = KeySetStatement { vendor, version, key_set: set.keys() };
				let lists = (signatures(&statement, &old), signatures(&statement, &new));
				let real = Firmware::rotate_key_set(signed(who), vendor, set.keys(), lists.0, lists.1);
				let checks = [(old.len(), old_check), (new.len(), set.check(&new, right))];
				(real, self.rotate(who, vendor, set, checks))
			},
			Step::Veto { who } => (Firmware::veto_key_set(signed(PEOPLE[who])), self.veto(PEOPLE[who])),
			Step::Adopt { vendor } => (Firmware::adopt_key_set(signed(ANYONE), PEOPLE[vendor]), self.adopt(PEOPLE[vendor])),
			Step::Resign { who, release, signing } => {
				let model = self.releases.get(release).map_or(0, |record| record.model);
				let who = self.sender(who, model);
				let (signers, check) = self.sign(who, signing, true);
				let statement = Releases::<Test>::get(release as ReleaseId).map(|release| release.statement);
				let statement = statement.unwrap_or(statement_of_nothing());
				let signatures = signatures(&statement, &signers);
				let real = Firmware::resign_release(signed(who), release as ReleaseId, signatures);
				(real, self.resign(who, release, signers.len(), check))
			},
			Step::Wait { blocks } => {
				System::set_block_number(System::block_number() + blocks);
				(Ok(()), Ok(()))
			},
		};
		assert_eq!(outcome(real), expected);
	}

	/// The sum of the deposits that each account should have on hold.
	fn deposits(&self) -> BTreeMap<AccountId, u64> {
		let mut deposits = BTreeMap::from(PEOPLE.map(|who| (who, 0)));
		let mut add = |who: &AccountId, bytes: usize| *deposits.get_mut(who).unwrap() += DEPOSIT_BASE + bytes as u64;
		for (who, vendor) in &self.vendors {
			// The name with its length, two empty texts, the longest key set.
			add(who, vendor.name_len as usize + 3 + (1 + 1 + 16 * 33));
			let brought = vendor.rotations.iter().chain(vendor.vetoed.values());
			for (submitter, deposit) in brought.chain(vendor.pending.as_ref().map(|pending| &pending.deposit)) {
				add(submitter, (deposit - DEPOSIT_BASE) as usize);
			}
		}
		self.models.iter().for_each(|(vendor, _)| add(vendor, crate::Model::<Test>::max_encoded_len()));
		for fleet in self.fleets.values() {
			add(&self.models[fleet.model].0, Fleet::<Test>::max_encoded_len() + 32 * fleet.nodes as usize);
		}
		let release_len = Release::<Test>::max_encoded_len() + Round::<Test>::max_encoded_len();
		for release in &self.releases {
			add(&self.models[release.model].0, release_len + 1 + 66 * release.signatures);
		}
		deposits
	}

	/// Compares what the chain holds with what the model holds.
	fn compare(&self) {
		assert_eq!(Vendors::<Test>::iter_keys().collect::<BTreeSet<_>>(), self.vendors.keys().copied().collect());
		for (who, vendor) in &self.vendors {
			let record = Vendors::<Test>::get(who).unwrap();
			assert_eq!(
				(record.key_set_version as usize, record.metadata.name.len() as u64),
				(vendor.sets.len(), vendor.name_len)
			);
			for (version, set) in (1..).zip(&vendor.sets) {
				assert_eq!(KeySets::<Test>::get(who, version), Some(set.keys()));
			}
			let pending = PendingKeySets::<Test>::get(who).map(|pending| (pending.key_set, pending.effective_at));
			assert_eq!(pending, vendor.pending.as_ref().map(|pending| (pending.set.keys(), pending.effective_at)));
			assert_eq!(VetoedKeySets::<Test>::iter_key_prefix(who).count(), vendor.vetoed.len());
		}
		for (id, (vendor, security)) in (0..).zip(&self.models) {
			let model = Models::<Test>::get(id).unwrap();
			assert_eq!((model.vendor, model.security_version), (*vendor, *security));
		}
		assert_eq!(NextModelId::<Test>::get() as usize, self.models.len());
		let fleets: BTreeSet<_> = Fleets::<Test>::iter()
			.map(|(id, fleet)| (id, fleet.model as usize, fleet.count, fleet.cap_nodes(), fleet.users))
			.collect();
		let expected = |(id, fleet): (&FleetId, &FleetRecord)| (*id, fleet.model, fleet.count, fleet.nodes, fleet.users);
		assert_eq!(fleets, self.fleets.iter().map(expected).collect());
		assert_eq!(NextReleaseId::<Test>::get() as usize, self.releases.len());
		for (id, release) in (0..).zip(&self.releases) {
			let record = Releases::<Test>::get(id).unwrap();
			let state = match (release.yanked, release.votes.state) {
				(true, _) => ReleaseState::Yanked,
				(_, None) => ReleaseState::Pending,
				(_, Some(true)) => ReleaseState::Available,
				(_, Some(false)) => ReleaseState::Unavailable,
			};
			assert_eq!((record.state, record.key_set_version as usize), (state, release.key_set_version));
			assert_eq!(record.statement.security_version, release.security);
			assert_eq!(ReleaseSignatures::<Test>::get(id).unwrap().len(), release.signatures);
		}
		for (who, deposit) in self.deposits() {
			assert_eq!(held(who), deposit, "of {who}");
		}
	}
}

fn statement_of_nothing() -> waybill_primitives::ReleaseStatement {
	statement(0, (0, 0, 0), 0, b"")
}

/// Two vendors with one model each.
fn start() -> World {
	let mut world = World::default();
	for who in 0..2 {
		world.take(Step::RegisterVendor { who, set: who });
		world.take(Step::RegisterModel { who });
	}
	world
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

	#[test]
	fn any_calls_should_do_what_the_rules_say(steps in prop::collection::vec(step(), 1..70)) {
		build_and_execute(|| {
			let mut world = start();
			for step in steps {
				world.take(step);
				world.compare();
				check_invariants();
			}
		});
	}
}
