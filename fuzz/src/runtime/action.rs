//! The actions of accounts: transactions made from few bytes, valid ones and almost valid ones.

use super::{
	chain::{Chain, Outcome},
	world,
};
use codec::{Decode, Encode};
use frame_support::traits::{
	fungible::Inspect,
	tokens::{Fortitude, Preservation},
	Get,
};
use frame_system::offchain::CreateAuthorizedTransaction;
use pallet_firmware::{AttesterPair, Fleets, KeySets, Phase, Releases, Rounds, Signatures, VendorMetadata, Vendors};
use pallet_pod_bounty::{Bounties, PaidPages, Reservations, ReservedPages};
use sp_core::Pair;
use waybill_exchange::{sign, Signer};
use waybill_primitives::{
	fleet::FleetTree, view::SubmittedReceipt, Cid, DeviceKey, Digest, IndexedSignature, KeySet, KeySetStatement, LockKey,
	ReceiptStatement, ReleaseStatement, Statement, Suite, Verdict, Version, VoteStatement, Yank, YankStatement,
};
use waybill_runtime::{
	AccountId, Address, Balance, Balances, BlockNumber, Firmware, Runtime, RuntimeCall, EXISTENTIAL_DEPOSIT, UNIT,
};

/// With at least this much free money an account's honest batch must be accepted.
const COMFORTABLE: Balance = 100 * UNIT;

/// An action of an account. The ids of models, fleets, releases, bounties and reservations are the
/// chain's own, counted from 0.
#[derive(Encode, Decode, Debug)]
pub enum Action {
	/// Any call.
	Call(Box<RuntimeCall>),
	Transfer {
		to: u8,
		amount: u8,
	},
	TransferAll {
		to: u8,
	},
	RegisterVendor {
		set: u8,
	},
	RegisterModel,
	RegisterFleet {
		model: u8,
		tree: u8,
		height: u8,
		alter: u8,
	},
	RemoveFleet {
		fleet: u8,
	},
	Publish {
		model: u8,
		version: u8,
		security: u8,
		signers: u8,
	},
	Yank {
		release: u8,
	},
	YankSigned {
		release: u8,
		signers: u8,
	},
	Attest {
		release: u8,
		round: u8,
		attester: u8,
		verdict: u8,
		forged: bool,
	},
	Rotate {
		vendor: u8,
		set: u8,
		old_signers: u8,
		new_signers: u8,
		version: u8,
	},
	Veto,
	Adopt {
		vendor: u8,
	},
	Resign {
		release: u8,
		signers: u8,
	},
	Open {
		release: u8,
		fleet: u8,
		reward: u8,
		duration: u8,
	},
	Raise {
		bounty: u8,
		reward: u8,
		duration: u8,
	},
	Reserve {
		bounty: u8,
		first: u16,
		devices: u16,
		age: u8,
		replaces: Option<u8>,
		flaw: u8,
	},
	Claim {
		bounty: u8,
		reservation: u8,
		slots: u16,
		wrong: u16,
		stranger: bool,
	},
	Close {
		bounty: u8,
		pages: u8,
	},
	Announce {
		len: u8,
	},
	Withdraw,
	SetKeys {
		of: u8,
	},
	Bond,
	Unbond,
}

impl Action {
	/// Lets `who` take the action and returns the outcome. `None` if the state has nothing to act
	/// on.
	pub fn take(self, chain: &mut Chain, who: &AccountId) -> Option<Outcome> {
		let vendor = who.clone();
		let call = match self {
			Self::Call(call) => *call,
			Self::Transfer { to, amount } => RuntimeCall::Balances(pallet_balances::Call::transfer_allow_death {
				dest: address(to),
				value: money(amount),
			}),
			Self::TransferAll { to } => {
				RuntimeCall::Balances(pallet_balances::Call::transfer_all { dest: address(to), keep_alive: false })
			},
			Self::RegisterVendor { set } => {
				let (url, security_contact) = Default::default();
				let metadata = VendorMetadata { name: text(5), url, security_contact };
				firmware(pallet_firmware::Call::register_vendor { metadata, key_set: world::key_set(set) })
			},
			Self::RegisterModel => firmware(pallet_firmware::Call::register_model { name: text(5) }),
			Self::RegisterFleet { model, tree, height, alter } => register_fleet(model, tree, height, alter),
			Self::RemoveFleet { fleet } => firmware(pallet_firmware::Call::remove_fleet { fleet: fleet.into() }),
			Self::Publish { model, version, security, signers } => {
				let statement = release(model, version, security);
				let signatures = signatures(&current_set(who)?, &statement, signers);
				firmware(pallet_firmware::Call::publish_release { statement, advisory: None, signatures })
			},
			Self::Yank { release } => {
				let (release, reason) = (release.into(), Yank::Vulnerable);
				firmware(pallet_firmware::Call::yank_release { release, reason, advisory: None })
			},
			Self::YankSigned { release, signers } => {
				let (release, reason) = (release.into(), Yank::Compromised);
				let set = current_set(&Releases::<Runtime>::get(release)?.vendor)?;
				let signatures = signatures(&set, &YankStatement { release, reason }, signers);
				firmware(pallet_firmware::Call::yank_release_signed { release, reason, signatures })
			},
			Self::Attest { release, round, attester, verdict, forged } => {
				return Some(attest(chain, release, round, attester, verdict, forged));
			},
			Self::Rotate { vendor, set, old_signers, new_signers, version } => {
				rotate(world::account(vendor), set, old_signers, new_signers, version)?
			},
			Self::Veto => firmware(pallet_firmware::Call::veto_key_set {}),
			Self::Adopt { vendor } => firmware(pallet_firmware::Call::adopt_key_set { vendor: world::account(vendor) }),
			Self::Resign { release, signers } => {
				let statement = Releases::<Runtime>::get(u64::from(release))?.statement;
				let signatures = signatures(&current_set(&vendor)?, &statement, signers);
				firmware(pallet_firmware::Call::resign_release { release: release.into(), signatures })
			},
			Self::Open { release, fleet, reward, duration } => {
				let expires_at = chain.number().saturating_add(time(duration));
				let (release, fleet, reward) = (release.into(), fleet.into(), money(reward));
				escrow(pallet_pod_bounty::Call::open { release, fleet, reward, expires_at })
			},
			Self::Raise { bounty, reward, duration } => {
				let before = Bounties::<Runtime>::get(u64::from(bounty))?;
				let more = if reward == 0 { 0 } else { money(reward) };
				let reward = before.reward.saturating_add(more);
				let expires_at = before.expires_at.saturating_add(time(duration));
				escrow(pallet_pod_bounty::Call::raise { bounty: bounty.into(), reward, expires_at })
			},
			Self::Reserve { bounty, first, devices, age, replaces, flaw } => {
				let batch = Batch { bounty: bounty.into(), first, devices, age, replaces, flaw };
				return reserve(chain, who, batch);
			},
			Self::Claim { bounty, reservation, slots, wrong, stranger } => {
				return claim(chain, who, bounty.into(), reservation.into(), slots, wrong, stranger);
			},
			Self::Close { bounty, pages } => {
				// 0 is too few, 1 stands for the minimum.
				let more = <<Runtime as pallet_pod_bounty::Config>::MinClosePages as Get<u32>>::get().saturating_sub(1);
				let max_pages = if pages == 0 { 0 } else { more + u32::from(pages) };
				escrow(pallet_pod_bounty::Call::close { bounty: bounty.into(), max_pages })
			},
			Self::Announce { len } => {
				let endpoint = vec![b'x'; len.into()].try_into().ok()?;
				escrow(pallet_pod_bounty::Call::announce { endpoint })
			},
			Self::Withdraw => escrow(pallet_pod_bounty::Call::withdraw {}),
			Self::SetKeys { of } => {
				let (keys, proof) = world::session_keys(of);
				RuntimeCall::Session(pallet_session::Call::set_keys { keys, proof })
			},
			Self::Bond => RuntimeCall::CollatorSelection(pallet_collator_selection::Call::register_as_candidate {}),
			Self::Unbond => RuntimeCall::CollatorSelection(pallet_collator_selection::Call::leave_intent {}),
		};
		Some(chain.send(who, call))
	}
}

fn firmware(call: pallet_firmware::Call<Runtime>) -> RuntimeCall {
	RuntimeCall::Firmware(call)
}

fn escrow(call: pallet_pod_bounty::Call<Runtime>) -> RuntimeCall {
	RuntimeCall::PodBounty(call)
}

fn address(number: u8) -> Address {
	world::account(number).into()
}

/// From 0 to some 250 units, in multiples of half the existential deposit. The highest value stands
/// for more than anybody has.
fn money(amount: u8) -> Balance {
	match amount {
		u8::MAX => Balance::MAX,
		_ => (EXISTENTIAL_DEPOSIT / 2 * Balance::from(amount % 16)) << (amount / 16),
	}
}

/// From 0 to a quarter of a million blocks.
fn time(blocks: u8) -> BlockNumber {
	BlockNumber::from(blocks % 64) << (blocks / 64 * 4)
}

fn text<Bound: frame_support::traits::Get<u32>>(len: usize) -> frame_support::BoundedVec<u8, Bound> {
	frame_support::BoundedVec::truncate_from(vec![b'a'; len])
}

fn register_fleet(model: u8, tree: u8, height: u8, alter: u8) -> RuntimeCall {
	let (count, tree) = &world::TREES[usize::from(tree) % world::TREES.len()];
	let mut cap = tree.cap(height.into()).to_vec();
	match alter {
		255 => cap.clear(),
		254 => cap.push([1; 32]),
		_ => {},
	}
	let count = if alter == 253 { 0 } else { *count };
	let cap = cap.try_into().expect("no level is wider than the largest cap");
	firmware(pallet_firmware::Call::register_fleet { model: model.into(), count, cap, manifest: Cid::raw(b"manifest") })
}

/// Every second version uses the suite with proofs.
fn release(model: u8, version: u8, security: u8) -> ReleaseStatement {
	let suite = if version % 2 == 0 { Suite::Plain } else { Suite::Zkcp };
	let sha256 = world::hash("payload", (model, version));
	ReleaseStatement {
		model: model.into(),
		version: Version::new(1, 0, version.into()),
		security_version: security.into(),
		payload: Cid::raw(&sha256),
		size: 1 + u64::from(version),
		sha256,
		digest: Digest { suite, bytes: sha256 },
	}
}

fn current_set(vendor: &AccountId) -> Option<KeySet> {
	let version = Vendors::<Runtime>::get(vendor)?.key_set_version;
	KeySets::<Runtime>::get(vendor, version)
}

/// Signatures by the keys at the places whose bits are set. With the highest bit set, they are for
/// another chain.
fn signatures<S: Statement>(set: &KeySet, statement: &S, signers: u8) -> Signatures {
	let mut genesis = Firmware::genesis_hash();
	genesis[0] ^= signers & 0x80;
	let signed = (0..7).filter(|place| signers >> place & 1 == 1).filter_map(|place| {
		let key = set.keys.get(usize::from(place)).or(set.keys.first())?;
		Some(IndexedSignature { key: place, signature: sign(world::release_signer(key)?, statement, &genesis) })
	});
	signed.collect::<Vec<_>>().try_into().expect("fewer than eight")
}

/// Rotates to a key set. With `version` 0 it follows the vendor's current one.
fn rotate(vendor: AccountId, set: u8, old_signers: u8, new_signers: u8, version: u8) -> Option<RuntimeCall> {
	let key_set = world::key_set(set);
	let next = Vendors::<Runtime>::get(&vendor)?.key_set_version.checked_add(1)?;
	let version = next.wrapping_add(version.into());
	let statement = KeySetStatement { vendor: vendor.clone(), version, key_set: key_set.clone() };
	let old_signatures = signatures(&current_set(&vendor)?, &statement, old_signers);
	let new_signatures = signatures(&key_set, &statement, new_signers);
	Some(firmware(pallet_firmware::Call::rotate_key_set { vendor, key_set, old_signatures, new_signatures }))
}

/// A vote. With `round` 0 it is for the current round.
fn attest(chain: &mut Chain, release: u8, round: u8, attester: u8, verdict: u8, forged: bool) -> Outcome {
	let release = release.into();
	let present = Rounds::<Runtime>::get(release).map(|round| round.phase(chain.number()));
	let number = match present {
		Some(Phase::Scheduled { number, .. } | Phase::Open { number, .. }) => number,
		None => 0,
	};
	let round = number.wrapping_add_signed(i32::from(round as i8));
	let verdict = [Verdict::Available, Verdict::Unreachable, Verdict::Mismatch][usize::from(verdict) % 3];
	let statement = VoteStatement { release, round: round ^ u32::from(forged), verdict };
	let attester = AttesterPair::from(world::attester(attester).pair());
	let signature = attester.sign(&statement.signing_bytes(&Firmware::genesis_hash()));
	let call = pallet_firmware::Call::<Runtime>::attest { attester: attester.public(), release, round, verdict, signature };
	let transaction =
		<Runtime as CreateAuthorizedTransaction<pallet_firmware::Call<Runtime>>>::create_authorized_transaction(call.into());
	chain.send_general(transaction)
}

/// The key behind a device's lock. It consists of numbers of 30 bits, so it is a key under every
/// suite.
fn lock_key(bounty: u64, device_index: u32) -> LockKey {
	let mut key: LockKey = world::hash("lock", (bounty, device_index));
	key.iter_mut().skip(3).step_by(4).for_each(|byte| *byte &= 0x3f);
	key
}

/// Adds the field's order to the first number of a key: another encoding of the same element.
fn spell_otherwise(key: &mut LockKey) {
	let (number, _) = key.split_first_chunk_mut().expect("a key has 32 bytes");
	*number = u32::from_le_bytes(*number).wrapping_add(0x7f00_0001).to_le_bytes();
}

/// Receipts of the devices from `first` on whose bits are set.
struct Batch {
	bounty: u64,
	first: u16,
	devices: u16,
	/// The number of blocks since the receipts expired. If it is 0 or negative, they are still
	/// valid.
	age: u8,
	replaces: Option<u8>,
	/// What is wrong with the receipts. Below 128 nothing is.
	flaw: u8,
}

fn reserve(chain: &mut Chain, who: &AccountId, batch: Batch) -> Option<Outcome> {
	let bounty = Bounties::<Runtime>::get(batch.bounty)?;
	let fleet = Fleets::<Runtime>::get(bounty.fleet)?;
	let (_, tree) = world::TREES.iter().find(|(count, tree)| *count == fleet.count && tree.root() == fleet.root)?;
	let valid_until = chain.number().saturating_add_signed(-i32::from(batch.age as i8));
	let indices = (0..16).filter(|bit| batch.devices >> bit & 1 == 1).map(|bit| u32::from(batch.first) + bit);
	let indices: Vec<u32> = indices.filter(|index| *index < fleet.count).collect();
	let receipt = |device_index: u32| {
		let signer = world::device(device_index);
		let lock = bounty.digest.suite.lock(&lock_key(batch.bounty, device_index)).expect("a key under every suite");
		let (digest, distributor) = (bounty.digest, who);
		let statement = ReceiptStatement { bounty: batch.bounty, device_index, digest, lock, distributor, valid_until };
		let signature = sign(signer, &statement, &Firmware::genesis_hash());
		let replaces = batch.replaces.map(u32::from);
		SubmittedReceipt { device_index, device_key: signer.public(), lock, valid_until, signature, replaces }
	};
	let mut receipts: Vec<_> = indices.iter().copied().map(receipt).collect();
	let mut proof = multiproof(tree, fleet.cap_height, &indices);
	spoil(&mut receipts, &mut proof, batch.flaw);

	let taken = |index: &u32| {
		let page = pallet_pod_bounty::page_of(*index);
		let paid = PaidPages::<Runtime>::get(batch.bounty, page).contains(*index);
		paid || ReservedPages::<Runtime>::get(batch.bounty, page).contains(*index)
	};
	let open = bounty.closing.is_none() && chain.number() < bounty.expires_at;
	let standing = Releases::<Runtime>::get(bounty.release).is_some_and(|release| release.yank.is_none());
	let honest = batch.flaw < 128 && valid_until >= chain.number() && batch.replaces.is_none();
	let free = !indices.is_empty() && !indices.iter().any(taken);
	let rich = Balances::reducible_balance(who, Preservation::Preserve, Fortitude::Polite) >= COMFORTABLE;
	let certain = open && standing && honest && free && rich;

	let receipts = receipts.try_into().expect("smaller than a batch may be");
	let proof = proof.try_into().expect("smaller than a proof may be");
	let outcome = chain.send(who, escrow(pallet_pod_bounty::Call::reserve { bounty: batch.bounty, receipts, proof }));
	assert!(!certain || !matches!(outcome, Ok(Err(_))), "an honest batch was refused: {outcome:?}");
	Some(outcome)
}

fn multiproof(tree: &FleetTree, cap_height: u8, indices: &[u32]) -> Vec<sp_core::H256> {
	let proof = tree.multiproof(cap_height.into(), indices).expect("the indices rise and are in the fleet");
	proof.into_iter().map(Into::into).collect()
}

fn spoil(receipts: &mut Vec<SubmittedReceipt>, proof: &mut Vec<sp_core::H256>, flaw: u8) {
	let Some(last) = receipts.last().cloned() else { return };
	let len = receipts.len();
	let place = usize::from(flaw / 16 % 8) % len;
	match flaw.checked_sub(128).map(|flaw| flaw % 12) {
		None => {},
		Some(0) => receipts[place].device_key = world::device(last.device_index + 1).public(),
		Some(1) => receipts[place].valid_until ^= 1,
		Some(2) => receipts[place].lock[0] ^= 1,
		Some(3) => receipts[place].device_key = DeviceKey::Ed25519([0; 32]),
		Some(4) => receipts[place].device_index = u32::MAX,
		Some(5) => receipts[place].replaces = Some(0),
		Some(6) => receipts.swap(0, len - 1),
		Some(7) => receipts.push(last),
		Some(8) => proof.truncate(proof.len().saturating_sub(1)),
		Some(9) => proof.push(Default::default()),
		Some(10) => proof.iter_mut().take(1).for_each(|hash| hash.0[0] ^= 1),
		Some(_) => proof.reverse(),
	}
}

/// Reveals the keys of the slots whose bits are set. Where a bit of `wrong` is set, the key is
/// wrong, and every second one of these has the same field elements in different bytes. The caller
/// is the reservation's distributor unless `stranger` is set.
fn claim(
	chain: &mut Chain,
	who: &AccountId,
	bounty: u64,
	reservation: u32,
	slots: u16,
	wrong: u16,
	stranger: bool,
) -> Option<Outcome> {
	let standing = Reservations::<Runtime>::get(bounty, reservation)?;
	let who = if stranger { who } else { &standing.distributor };
	let chosen = standing.slots.iter().take(16).enumerate().filter(|(bit, _)| slots >> bit & 1 == 1);
	let keys = chosen.map(|(bit, slot)| {
		let mut key = lock_key(bounty, slot.device_index);
		if wrong >> bit & 1 == 1 {
			match bit % 2 {
				0 => key[0] ^= 1,
				_ => spell_otherwise(&mut key),
			}
		}
		(slot.device_index, key)
	});
	let keys: Vec<_> = keys.collect();
	let known = Bounties::<Runtime>::get(bounty);
	let suite = known.as_ref().map_or(Suite::Plain, |bounty| bounty.digest.suite);
	let right = |(index, key): &(u32, LockKey)| {
		standing.slots.iter().any(|slot| slot.device_index == *index && Some(slot.lock) == suite.lock(key))
	};
	let closing = known.is_none_or(|bounty| bounty.closing.is_some());
	let certain = !closing && *who == standing.distributor && keys.iter().any(right);

	let keys = keys.try_into().expect("smaller than a batch may be");
	let outcome = chain.send(who, escrow(pallet_pod_bounty::Call::claim { bounty, reservation, keys }));
	assert!(!certain || !matches!(outcome, Ok(Err(_))), "a claim on a standing reservation failed: {outcome:?}");
	Some(outcome)
}
