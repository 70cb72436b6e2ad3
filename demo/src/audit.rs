//! Whether the sums add up: compares every event that moves money, from the first block on, with
//! the balances at the end.

use crate::chain::{Chain, Event};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use subxt::utils::AccountId32;

/// The account that gets the fees and pays the block authors, by the name of its pallet: 32 bytes
/// with zeros at the end.
const AUTHORS_POT: [u8; 32] = *b"modlwb/autho\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// What the blocks say about money.
#[derive(Default)]
pub struct Audit {
	/// The last block that was read.
	pub until: u64,
	/// The money of each bounty.
	pub bounties: BTreeMap<u64, Bounty>,
	/// The money of each account.
	pub accounts: BTreeMap<AccountId32, Account>,
	/// The deposits of reservations that were burnt.
	pub burnt: u128,
	/// All fees that were paid.
	pub fees: u128,
}

/// A bounty's money.
#[derive(Default)]
pub struct Bounty {
	/// The vendor that opened it.
	pub vendor: Option<AccountId32>,
	/// Its release.
	pub release: u64,
	/// What was promised: devices times reward.
	pub promised: u128,
	/// What was paid, by distributor: devices and amount.
	pub paid: BTreeMap<AccountId32, (u32, u128)>,
	/// What went back to the vendor.
	pub refunded: Option<u128>,
	/// Whether it was removed.
	pub closed: bool,
}

/// An account's money.
#[derive(Clone, Default)]
pub struct Account {
	/// Transfers to it, except its share of the fees.
	pub received: u128,
	/// Its share of the fees, for blocks that it authored.
	pub authored: u128,
	/// Transfers from it.
	pub sent: u128,
	/// The fees it paid.
	pub fees: u128,
	/// Rewards that it was paid as a distributor.
	pub earned: u128,
	/// Devices that it was paid for.
	pub devices: u32,
	/// Rewards that it paid as a vendor.
	pub spent: u128,
	/// Deposits that it lost.
	pub burnt: u128,
}

/// A sum that was checked.
pub struct Check {
	/// The sum, in words.
	pub words: String,
	/// Whether it holds.
	pub holds: bool,
}

impl Bounty {
	/// The amount that was paid in all.
	pub fn paid(&self) -> u128 {
		self.paid.values().map(|(_, amount)| amount).sum()
	}

	/// All devices that were paid for.
	pub fn devices(&self) -> u32 {
		self.paid.values().map(|(devices, _)| devices).sum()
	}
}

impl Audit {
	/// Reads all blocks up to this one.
	pub async fn read(chain: &Chain, until: u64) -> Result<Self> {
		let mut audit = Self { until, ..Self::default() };
		for number in 1..=until {
			for event in chain.events(number).await? {
				audit.take(event).with_context(|| format!("block {number}"))?;
			}
		}
		Ok(audit)
	}

	fn take(&mut self, event: Event) -> Result<()> {
		match event {
			Event::Transfer(transfer) => {
				self.account(&transfer.from).sent += transfer.amount;
				let account = self.account(&transfer.to);
				match transfer.from.0 == AUTHORS_POT {
					true => account.authored += transfer.amount,
					false => account.received += transfer.amount,
				}
			},
			Event::Fee(fee) => {
				self.account(&fee.who).fees += fee.actual_fee;
				self.fees += fee.actual_fee;
			},
			Event::Opened(opened) => {
				let bounty = self.bounties.entry(opened.bounty).or_default();
				bounty.vendor = Some(opened.vendor);
				bounty.release = opened.release;
				bounty.promised = opened.reward * u128::from(opened.devices);
			},
			Event::Paid(paid) => {
				let bounty = self.bounties.entry(paid.bounty).or_default();
				let (devices, amount) = bounty.paid.entry(paid.distributor).or_default();
				*devices += paid.devices;
				*amount += paid.amount;
				let vendor = bounty.vendor;
				let vendor =
					vendor.with_context(|| format!("a payment for bounty {}, which was never opened", paid.bounty))?;
				self.account(&vendor).spent += paid.amount;
				let distributor = self.account(&paid.distributor);
				distributor.earned += paid.amount;
				distributor.devices += paid.devices;
			},
			Event::Closing(closing) => {
				self.bounties.entry(closing.bounty).or_default().refunded = Some(closing.refunded);
			},
			Event::Closed(closed) => self.bounties.entry(closed.bounty).or_default().closed = true,
			Event::Burnt(burnt) => {
				self.account(&burnt.distributor).burnt += burnt.amount;
				self.burnt += burnt.amount;
			},
		}
		Ok(())
	}

	fn account(&mut self, account: &AccountId32) -> &mut Account {
		self.accounts.entry(*account).or_default()
	}

	/// What the blocks say about an account.
	pub fn of(&self, account: &AccountId32) -> Account {
		self.accounts.get(account).cloned().unwrap_or_default()
	}

	/// Compares what the blocks say with the chain's state after the last of them.
	pub fn checks(&self, state: &State) -> Vec<Check> {
		let mut checks = Vec::new();
		for (id, bounty) in &self.bounties {
			let (promised, paid, refunded) = (bounty.promised, bounty.paid(), bounty.refunded.unwrap_or_default());
			checks.push(Check {
				words: format!("bounty {id}: promised {promised} = paid {paid} + refunded {refunded}"),
				holds: bounty.closed && promised == paid + refunded,
			});
		}
		for (name, account, balance) in &state.balances {
			let Account { received, authored, sent, fees, earned, spent, burnt, .. } = self.of(account);
			checks.push(Check {
				words: format!(
					"{name}: received {received} + earned {earned} + authored {authored} = sent {sent} + spent {spent} + fees {fees} + burnt {burnt} + \
					 balance {balance}"
				),
				holds: received + earned + authored == sent + spent + fees + burnt + balance,
			});
		}
		let (before, after) = state.issuance;
		checks.push(Check {
			words: format!("all money: {before} at first = {after} now + {} burnt", self.burnt),
			holds: before == after + self.burnt,
		});
		checks
	}
}

/// The chain's state after the last block that was read.
pub struct State {
	/// The balances, held money included, of accounts that had nothing at first.
	pub balances: Vec<(String, AccountId32, u128)>,
	/// All money at the beginning, and all money now.
	pub issuance: (u128, u128),
}

impl State {
	/// Reads it.
	pub async fn read(chain: &Chain, at: u64, accounts: &[&crate::account::Account]) -> Result<Self> {
		let mut balances = Vec::new();
		for account in accounts {
			let balance = chain.balance(&account.address, at).await?;
			balances.push((account.name.clone(), account.address, balance));
		}
		Ok(Self { balances, issuance: (chain.issuance(0).await?, chain.issuance(at).await?) })
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::chain::{Burnt, Closed, Closing, Fee, Opened, Paid, Transfer};

	fn account(seed: u8) -> AccountId32 {
		AccountId32([seed; 32])
	}

	/// A bounty for 3 devices at 10 each, two of which are paid. The distributor loses a deposit of
	/// 2.
	fn audit() -> Audit {
		let (vendor, distributor) = (account(1), account(2));
		let mut audit = Audit::default();
		for event in [
			Event::Transfer(Transfer { from: account(9), to: vendor, amount: 100 }),
			Event::Transfer(Transfer { from: account(9), to: distributor, amount: 50 }),
			Event::Opened(Opened { bounty: 0, vendor, release: 0, devices: 3, reward: 10 }),
			Event::Fee(Fee { who: vendor, actual_fee: 1 }),
			Event::Transfer(Transfer { from: AccountId32(AUTHORS_POT), to: distributor, amount: 3 }),
			Event::Paid(Paid { bounty: 0, distributor, devices: 2, amount: 20 }),
			Event::Burnt(Burnt { distributor, amount: 2 }),
			Event::Closing(Closing { bounty: 0, refunded: 10 }),
			Event::Closed(Closed { bounty: 0 }),
		] {
			audit.take(event).unwrap();
		}
		audit
	}

	fn state(vendor: u128, distributor: u128, issuance: u128) -> State {
		let balances = vec![("vendor".into(), account(1), vendor), ("distributor".into(), account(2), distributor)];
		State { balances, issuance: (1_000, issuance) }
	}

	fn wrong(audit: &Audit, state: &State) -> usize {
		audit.checks(state).iter().filter(|check| !check.holds).count()
	}

	#[test]
	fn sums_should_add_up_when_balances_agree_with_the_events() {
		assert_eq!(wrong(&audit(), &state(79, 71, 998)), 0);
	}

	#[test]
	fn a_single_unit_too_many_should_be_seen() {
		assert_eq!(wrong(&audit(), &state(80, 71, 998)), 1);
		assert_eq!(wrong(&audit(), &state(79, 70, 998)), 1);
		assert_eq!(wrong(&audit(), &state(79, 71, 999)), 1);
	}

	#[test]
	fn bounties_should_be_wrong_while_they_are_open() {
		let mut audit = audit();
		audit.take(Event::Opened(Opened { bounty: 1, vendor: account(1), release: 0, devices: 1, reward: 1 })).unwrap();
		assert_eq!(wrong(&audit, &state(79, 71, 998)), 1);
	}

	#[test]
	fn payments_for_unknown_bounties_should_be_refused() {
		let paid = Paid { bounty: 7, distributor: account(2), devices: 1, amount: 1 };
		assert!(Audit::default().take(Event::Paid(paid)).is_err());
	}
}
