//! Random sequences of all calls, compared with the model. Checks the invariants after every step.

use super::model::{Flaw, Member, Model, Money, Outcome, Promise, ProofFlaw, Standing};
use crate::{mock::*, HoldReason, *};
use frame_support::traits::{fungible::MutateFreeze, LockableCurrency, WithdrawReasons};
use proptest::prelude::*;
use sp_runtime::{traits::Dispatchable, DispatchError, DispatchResult, ModuleError};
use std::{
	collections::{BTreeMap, BTreeSet},
	sync::OnceLock,
};
use waybill_primitives::{BlockNumber, BountyId, DeviceIndex, DeviceKey, DeviceSignature, FleetId, ReleaseId};

/// A choice among what the state offers when the step runs.
type Choice = u8;

#[derive(Clone, Debug)]
enum Step {
	Open {
		who: Choice,
		release: ReleaseId,
		fleet: FleetId,
		reward: Balance,
		duration: BlockNumber,
	},
	/// By the vendor or somebody else. Reward and expiry are relative to the current ones, less
	/// five.
	Raise {
		who: Option<Choice>,
		bounty: Choice,
		reward: Balance,
		duration: BlockNumber,
	},
	Reserve {
		who: Choice,
		bounty: Choice,
		members: Vec<(DeviceIndex, Option<Flaw>, Replace)>,
		sorted: bool,
		proof: Option<ProofFlaw>,
	},
	/// By the distributor or somebody else.
	Claim {
		who: Option<Choice>,
		bounty: Choice,
		reservation: Choice,
		keys: Vec<(Pick, bool)>,
	},
	Close {
		bounty: Choice,
		max: u32,
	},
	Announce {
		who: Choice,
	},
	Withdraw {
		who: Choice,
	},
	Yank {
		release: ReleaseId,
	},
	/// A payment that has nothing to do with the escrow, of at most the free money.
	Transfer {
		from: Choice,
		to: Choice,
		amount: Balance,
	},
	/// Locks and freezes on the account that have nothing to do with the escrow.
	Lock {
		who: Choice,
		amount: Balance,
	},
	Wait {
		blocks: BlockNumber,
	},
}

/// The device that a key is for.
#[derive(Clone, Copy, Debug)]
enum Pick {
	/// A device that the reservation holds.
	Held(Choice),
	Index(DeviceIndex),
}

/// The reservation that a receipt is to replace.
#[derive(Clone, Copy, Debug)]
enum Replace {
	Never,
	/// The reservation that holds the device, if any.
	Holder,
	Number(u32),
}

fn small_fleet() -> &'static Fleet {
	static FLEET: OnceLock<Fleet> = OnceLock::new();
	FLEET.get_or_init(|| Fleet::with_cap(2, 6, 1))
}

/// The first two are vendors. All are distributors; the last can afford two deposits.
const PEOPLE: [AccountId; 4] = [VENDOR, OTHER_VENDOR, ALICE, BOB];

fn devices_of(fleet_id: FleetId) -> &'static Fleet {
	if fleet_id == 2 {
		small_fleet()
	} else {
		other_fleet()
	}
}

fn flaw() -> impl Strategy<Value = Option<Flaw>> {
	prop_oneof![
		8 => Just(None),
		1 => prop_oneof![Just(Flaw::Expired), Just(Flaw::WeakKey), Just(Flaw::WrongKey), Just(Flaw::Signature)].prop_map(Some),
	]
}

fn proof_flaw() -> impl Strategy<Value = Option<ProofFlaw>> {
	let flaw = prop_oneof![Just(ProofFlaw::Longer), Just(ProofFlaw::Shorter), Just(ProofFlaw::Wrong)];
	prop::option::weighted(0.08, flaw)
}

fn replace() -> impl Strategy<Value = Replace> {
	prop_oneof![3 => Just(Replace::Never), 5 => Just(Replace::Holder), 1 => (0..4u32).prop_map(Replace::Number)]
}

fn reward() -> impl Strategy<Value = Balance> {
	prop_oneof![1 => 0..ED, 6 => ED..500, 2 => 10_000..200_000u128]
}

fn duration() -> impl Strategy<Value = BlockNumber> {
	prop_oneof![1 => 0..MIN_DURATION, 8 => MIN_DURATION..60, 1 => MAX_DURATION - 2..MAX_DURATION + 3]
}

/// Mostly some members, sometimes none.
fn batch<S: Strategy>(member: S) -> impl Strategy<Value = Vec<S::Value>> {
	prop::option::weighted(0.97, prop::collection::vec(member, 1..7)).prop_map(Option::unwrap_or_default)
}

fn step() -> impl Strategy<Value = Step> {
	let member = (prop_oneof![20 => 0..6u32, 1 => 6..8u32], flaw(), replace());
	let pick = prop_oneof![8 => any::<Choice>().prop_map(Pick::Held), 1 => (0..7u32).prop_map(Pick::Index)];
	let key = (pick, prop::bool::weighted(0.9));
	let stranger = || prop::option::weighted(0.1, any::<Choice>());
	let reserved = (any::<Choice>(), any::<Choice>(), batch(member), prop::bool::weighted(0.9), proof_flaw());
	let raised = (stranger(), any::<Choice>(), prop_oneof![4 => 0..60u128, 1 => 10_000..100_000u128], 0..40u32);
	prop_oneof![
		3 => (0..3u8, 0..5u64, 0..4u64, reward(), duration()).prop_map(|(who, release, fleet, reward, duration)| {
			Step::Open { who, release, fleet, reward, duration }
		}),
		2 => raised.prop_map(|(who, bounty, reward, duration)| Step::Raise { who, bounty, reward, duration }),
		8 => reserved.prop_map(|(who, bounty, members, sorted, proof)| {
			Step::Reserve { who, bounty, members, sorted, proof }
		}),
		8 => (stranger(), any::<Choice>(), any::<Choice>(), batch(key)).prop_map(|(who, bounty, reservation, keys)| {
			Step::Claim { who, bounty, reservation, keys }
		}),
		2 => (any::<Choice>(), prop_oneof![1 => Just(0), 9 => 1..4u32]).prop_map(|(bounty, max)| {
			Step::Close { bounty, max }
		}),
		1 => any::<Choice>().prop_map(|who| Step::Announce { who }),
		1 => any::<Choice>().prop_map(|who| Step::Withdraw { who }),
		1 => prop_oneof![15 => Just(4), 1 => 0..4u64].prop_map(|release| Step::Yank { release }),
		1 => (any::<Choice>(), any::<Choice>(), prop_oneof![3 => 0..2000u128, 1 => Just(Balance::MAX)])
			.prop_map(|(from, to, amount)| Step::Transfer { from, to, amount }),
		1 => (any::<Choice>(), prop_oneof![Just(0), 1..2000u128, Just(Balance::MAX)])
			.prop_map(|(who, amount)| Step::Lock { who, amount }),
		4 => prop_oneof![4 => 1..5u32, 2 => 8..12u32, 1 => 20..60u32].prop_map(|blocks| Step::Wait { blocks }),
	]
}

fn person(choice: Choice) -> AccountId {
	PEOPLE[choice as usize % PEOPLE.len()].clone()
}

/// The name of the error, to compare with the model's.
fn outcome(result: DispatchResult) -> Result<(), String> {
	result.map_err(|error| match error {
		DispatchError::Module(ModuleError { message, .. }) => message.expect("errors have names").into(),
		DispatchError::Token(error) => format!("{error:?}"),
		other => format!("{other:?}"),
	})
}

fn start() -> Model {
	MockRegistry::add_fleet(1, 1, &Fleet::with_cap(1, 3, 1));
	MockRegistry::add_fleet(2, 0, small_fleet());
	Balances::force_set_balance(RuntimeOrigin::root(), BOB, ED + 12).unwrap();
	let funds = |who: AccountId| (who.clone(), Money { free: free(&who), ..Default::default() });
	Model {
		now: 1,
		money: PEOPLE.into_iter().map(funds).collect(),
		burnt: 0,
		bounties: BTreeMap::new(),
		next: 0,
		yanked: BTreeSet::new(),
		announced: BTreeSet::new(),
		releases: [(0, (VENDOR, 0)), (1, (VENDOR, 0)), (2, (OTHER_VENDOR, 1)), (PROVEN, (VENDOR, 0))].into(),
		fleets: [(0, (0, 40)), (1, (1, 3)), (2, (0, 6))].into(),
		bounty_storage: |count| Pallet::<Test>::bounty_footprint(count).size as Balance + 20,
		announcement_storage: Pallet::<Test>::announcement_footprint().size as Balance + 20,
	}
}

impl Model {
	/// An existing bounty, or sometimes the next one, which does not exist yet.
	fn choose_bounty(&self, choice: Choice) -> BountyId {
		let ids: Vec<_> = self.bounties.keys().copied().chain((choice % 32 == 31).then_some(self.next)).collect();
		ids.get(choice as usize % ids.len().max(1)).copied().unwrap_or(self.next)
	}

	/// The device's receipt, with the member's flaw.
	fn receipt(&self, id: BountyId, who: &AccountId, member: &Member) -> SubmittedReceipt {
		let fleet = self.bounties.get(&id).map_or(small_fleet(), |bounty| devices_of(bounty.fleet));
		let index = member.device.min(fleet.count() - 1);
		let valid_until = if member.flaw == Some(Flaw::Expired) { self.now - 1 } else { self.now };
		let mut receipt = fleet.receipt_until(id, index, who, valid_until);
		receipt.device_index = member.device;
		receipt.replaces = member.replaces;
		match member.flaw {
			Some(Flaw::WeakKey) => receipt.device_key = DeviceKey::Ed25519([0; 32]),
			Some(Flaw::WrongKey) => receipt.device_key = fleet.key((index + 1) % fleet.count()),
			Some(Flaw::Signature) => receipt.signature = DeviceSignature::Ed25519([9; 64]),
			_ => {},
		}
		receipt
	}

	/// Runs the step in the model and in the pallet and returns both outcomes.
	fn run(&mut self, step: Step) -> (Outcome, DispatchResult) {
		match step {
			Step::Open { who, release, fleet, reward, duration } => {
				// Fleet 0 is so large that two steps would rarely choose the same device. Fleet 3
				// does not exist.
				let (who, fleet) = (person(who), if fleet == 0 { 2 } else { fleet });
				let expires_at = self.now + duration;
				(self.open(&who, release, fleet, reward, expires_at), open(&who, release, fleet, reward, expires_at))
			},
			Step::Raise { who, bounty, reward, duration } => {
				let id = self.choose_bounty(bounty);
				let current = self.bounties.get(&id).map(|b| (b.vendor.clone(), b.reward, b.expires_at));
				let (vendor, old_reward, old_expiry) = current.unwrap_or((VENDOR, 100, 100));
				let who = who.map_or(vendor, person);
				let (reward, expires_at) =
					((old_reward + reward).saturating_sub(5), (old_expiry + duration).saturating_sub(5));
				(self.raise(&who, id, reward, expires_at), raise(&who, id, reward, expires_at))
			},
			Step::Reserve { who, bounty, mut members, sorted, proof: flaw } => {
				if sorted {
					members.sort_by_key(|(device, ..)| *device);
				}
				let (who, id) = (person(who), self.choose_bounty(bounty));
				let holder = |device| {
					let standing = &self.bounties.get(&id)?.standing;
					standing.iter().find(|(_, standing)| standing.devices.contains(&device)).map(|(number, _)| *number)
				};
				let member = |(device, flaw, replace)| {
					let replaces = match replace {
						Replace::Never => None,
						Replace::Holder => holder(device),
						Replace::Number(number) => Some(number),
					};
					Member { device, flaw, replaces }
				};
				let members: Vec<_> = members.into_iter().map(member).collect();
				let receipts: Vec<_> = members.iter().map(|member| self.receipt(id, &who, member)).collect();
				let mut proof = proof_of(id, &receipts);
				match flaw {
					Some(ProofFlaw::Longer) => proof.push([9; 32].into()),
					Some(ProofFlaw::Shorter) => drop(proof.pop()),
					Some(ProofFlaw::Wrong) => proof.fill([9; 32].into()),
					None => {},
				}
				(self.reserve(&who, id, &members, flaw), reserve_with(&who, id, receipts, proof))
			},
			Step::Claim { who, bounty, reservation, keys } => {
				let id = self.choose_bounty(bounty);
				let standing: Vec<_> = self.bounties.get(&id).map_or(vec![], |b| b.standing.clone().into_iter().collect());
				let chosen = standing.get(reservation as usize % standing.len().max(1));
				let number = chosen.map_or(77, |(number, _)| *number);
				let (owner, devices) =
					chosen.map_or((ALICE, vec![0]), |(_, s)| (s.distributor.clone(), s.devices.iter().copied().collect()));
				let who = who.map_or(owner.clone(), person);
				let device = |pick| match pick {
					Pick::Held(choice) => devices[choice as usize % devices.len()],
					Pick::Index(index) => index,
				};
				let keys: Vec<_> = keys.into_iter().map(|(pick, right)| (device(pick), right)).collect();
				// Under the suite of field elements, the second wrong value is no key at all.
				let wrong = [[1; 32], [0xff; 32]];
				let key = |(device, right): &(u32, bool)| {
					let key = if *right { lock_key(&owner, *device) } else { wrong[*device as usize % 2] };
					(*device, key)
				};
				let batch = keys.iter().map(key).collect();
				let before = self.clone();
				let expected = self.claim(&who, id, number, &keys);
				if expected.is_err() {
					*self = before;
				}
				(expected, claim(&who, id, number, batch))
			},
			Step::Close { bounty, max } => {
				let id = self.choose_bounty(bounty);
				let result = close(id, max);
				let survivors = || Reservations::<Test>::iter_key_prefix(id).collect();
				(self.close(id, max, survivors), result)
			},
			Step::Announce { who } => {
				let who = person(who);
				let endpoint = b"http://127.0.0.1".to_vec().try_into().unwrap();
				(self.announce(&who), send(&who, Call::announce { endpoint }))
			},
			Step::Withdraw { who } => {
				let who = person(who);
				(self.withdraw(&who), send(&who, Call::withdraw {}))
			},
			Step::Yank { release } => {
				if self.releases.contains_key(&release) {
					MockRegistry::yank(release);
					self.yanked.insert(release);
				}
				(Ok(()), Ok(()))
			},
			Step::Transfer { from, to, amount } => {
				let (from, to) = (person(from), person(to));
				let amount = amount.min(free(&from).saturating_sub(ED));
				let call = pallet_balances::Call::<Test>::transfer_keep_alive { dest: to.clone(), value: amount };
				// A lock may forbid it; the other pallet decides.
				if RuntimeCall::Balances(call).dispatch(RuntimeOrigin::signed(from.clone())).is_ok() {
					self.transfer(&from, &to, amount);
				}
				(Ok(()), Ok(()))
			},
			Step::Lock { who, amount } => {
				let who = person(who);
				Balances::set_lock(*b"stranger", &who, amount, WithdrawReasons::all());
				Balances::set_freeze(&1, &who, amount / 2).expect("two freezes fit");
				(Ok(()), Ok(()))
			},
			Step::Wait { blocks } => {
				self.now += blocks;
				set_block(self.now);
				(Ok(()), Ok(()))
			},
		}
	}

	/// Compares the pallet's state with the model's.
	fn compare(&self) {
		for (who, money) in &self.money {
			let actual = Money {
				free: free(who),
				rewards: held(HoldReason::Reward, who),
				deposits: held(HoldReason::Reservation, who),
				storage: held(HoldReason::Storage, who),
			};
			assert_eq!(*money, actual);
		}
		let total: Balance = self.money.values().map(|m| m.free + m.rewards + m.deposits + m.storage).sum();
		assert_eq!(Balances::total_issuance(), total + FUNDS, "the stranger has the rest");

		let actual: BTreeMap<_, _> = Bounties::<Test>::iter().map(|(id, bounty)| (id, promise(id, bounty))).collect();
		assert_eq!(self.bounties.keys().collect::<Vec<_>>(), actual.keys().collect::<Vec<_>>());
		for (id, expected) in &self.bounties {
			let mut expected = expected.clone();
			if expected.closing {
				// Closing removes pages, so only the money and the reservations can be compared.
				expected.paid.clear();
			}
			assert_eq!(expected, actual[id]);
		}
		let announced: BTreeSet<_> = Distributors::<Test>::iter_keys().collect();
		assert_eq!(self.announced, announced);
		for fleet in 0..3 {
			let users = self.bounties.values().filter(|bounty| bounty.fleet == fleet).count();
			assert_eq!(MockRegistry::fleet_users(fleet) as usize, users);
		}
	}
}

/// A stored bounty in the model's terms.
fn promise(id: BountyId, bounty: Bounty<Test>) -> Promise {
	let standing = Reservations::<Test>::iter_prefix(id).map(|(number, reservation)| {
		let devices = reservation.slots.iter().map(|slot| slot.device_index).collect();
		let Reservation { distributor, reward, exclusive_until, .. } = reservation;
		(number, Standing { distributor, reward, exclusive_until, devices })
	});
	let closing = bounty.closing.is_some();
	let page = PaidPages::<Test>::get(id, 0);
	let paid = (0..bounty.count).filter(|index| !closing && page.contains(*index)).collect();
	Promise {
		vendor: bounty.vendor,
		release: bounty.release,
		fleet: bounty.fleet,
		count: bounty.count,
		reward: bounty.reward,
		expires_at: bounty.expires_at,
		held: bounty.held,
		storage: Pallet::<Test>::bounty_footprint(bounty.count).size as Balance + 20,
		paid,
		standing: standing.collect(),
		next: bounty.next_reservation,
		last_window: bounty.exclusive_until,
		closing,
	}
}

/// Closes every bounty that can be closed and checks that every unit of money is accounted for.
fn wind_down(model: &mut Model, issued: Balance) {
	model.now += 2 * MAX_DURATION;
	set_block(model.now);
	while let Some(id) = model.bounties.keys().next().copied() {
		let (expected, actual) = model.run_close(id, 2);
		assert_eq!((expected, actual), (Ok(()), Ok(())));
		PodBounty::do_try_state().unwrap();
	}
	for who in PEOPLE {
		assert_eq!(held(HoldReason::Reward, &who) + held(HoldReason::Reservation, &who), 0);
	}
	model.compare();
	assert_eq!(Balances::total_issuance() + model.burnt, issued);
}

impl Model {
	fn run_close(&mut self, id: BountyId, max: u32) -> (Outcome, DispatchResult) {
		let result = close(id, max);
		(self.close(id, max, || Reservations::<Test>::iter_key_prefix(id).collect()), result)
	}
}

proptest! {
	// `PROPTEST_CASES` sets the number of sequences.
	#![proptest_config(ProptestConfig { max_shrink_iters: 4000, ..ProptestConfig::default() })]

	#[test]
	fn escrow_should_agree_with_the_model(steps in prop::collection::vec(step(), 1..80)) {
		new_test_ext().execute_with(|| {
			let mut model = start();
			let issued = Balances::total_issuance();
			// A bounty of each vendor at the start, so most steps have something to act on.
			let first = [
				Step::Open { who: 0, release: 0, fleet: 2, reward: 100, duration: 60 },
				Step::Open { who: 1, release: 2, fleet: 1, reward: 100, duration: 40 },
			];
			for step in first.into_iter().chain(steps) {
				let root = sp_io::storage::root(sp_runtime::StateVersion::V1);
				let (expected, actual) = model.run(step.clone());
				let failed = actual.is_err();
				assert_eq!(expected.map_err(String::from), outcome(actual), "{step:?}");
				if failed {
					assert_eq!(root, sp_io::storage::root(sp_runtime::StateVersion::V1), "a failed call changes nothing");
				}
				PodBounty::do_try_state().unwrap();
				model.compare();
			}
			wind_down(&mut model, issued);
		});
	}
}
