//! The summary of the demonstration.

use crate::{
	account::Account,
	audit::{Audit, Check},
	distributors::Proved,
};
use std::fmt;

const UNIT: u128 = 1_000_000_000_000;
const DECIMALS: usize = 12;

/// What the devices have installed.
pub struct Installed {
	/// The version.
	pub version: String,
	/// How many devices had it installed, byte for byte, after its bounty.
	pub devices: usize,
	/// The number of all devices.
	pub total: usize,
}

/// What a distributor's proofs cost.
pub struct Proofs {
	/// The distributor.
	pub name: String,
	/// What it cost to make them.
	pub proved: Proved,
	/// How many devices have checked them.
	pub verified: usize,
	/// The median time to fetch and check them, in milliseconds.
	pub median_ms: Option<u64>,
}

/// What happened to the cheat.
pub struct Cheated {
	/// Its account.
	pub account: Account,
	/// How many devices refused its offer.
	pub refused: usize,
	/// The number of all devices.
	pub devices: usize,
	/// How many receipts it got.
	pub receipts: usize,
	/// The reason that devices gave.
	pub words: String,
}

/// Everything that the demonstration shows, and whether it held.
pub struct Summary<'a> {
	/// The releases that were delivered.
	pub installed: Vec<Installed>,
	/// How many devices have followed the vendor to its new release key.
	pub followed: usize,
	/// The error by which the chain refused a lower security version.
	pub refusal: String,
	/// How many devices refused the older release.
	pub refused: Installed,
	/// How many devices kept the first release in their other slot.
	pub kept: usize,
	/// What the blocks say about money.
	pub audit: &'a Audit,
	/// The sums.
	pub checks: Vec<Check>,
	/// The vendor.
	pub vendor: &'a Account,
	/// The distributors.
	pub distributors: Vec<&'a Account>,
	/// What proofs cost each of them.
	pub proofs: Vec<Proofs>,
	/// The distributor that cheated.
	pub cheated: Cheated,
	/// How long everything took, in seconds.
	pub seconds: u64,
}

/// An amount in UNIT with all its decimals, so that columns line up.
struct Units(u128);

impl fmt::Display for Units {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.pad(&format!("{}.{:0DECIMALS$}", self.0 / UNIT, self.0 % UNIT))
	}
}

impl Summary<'_> {
	/// Whether everything held.
	pub fn holds(&self) -> bool {
		let delivered = self.installed.iter().chain([&self.refused]).all(|row| row.devices == row.total);
		let all = self.refused.total;
		// A device whose receipt lapses checks another offer.
		let proved = self.proofs.iter().map(|proofs| proofs.verified).sum::<usize>() >= all;
		delivered
			&& proved && self.followed == all
			&& self.kept == all
			&& self.cheat_got_nothing()
			&& self.checks.iter().all(|check| check.holds)
	}

	fn cheat_got_nothing(&self) -> bool {
		let Cheated { account, refused, devices, receipts, .. } = &self.cheated;
		refused == devices && *receipts == 0 && self.audit.of(&account.address).earned == 0
	}
}

impl fmt::Display for Summary<'_> {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		writeln!(f, "\nDevices")?;
		for row in &self.installed {
			writeln!(f, "  on {:<8} {} of {}", row.version, row.devices, row.total)?;
		}
		let Installed { version, devices, total } = &self.refused;
		writeln!(f, "  {} of {total} have followed the vendor to its new release key", self.followed)?;
		writeln!(f, "  {} of {total} keep {version} in their other slot", self.kept)?;
		writeln!(
			f,
			"  {devices} of {total} stay on the newer version when {version} is served again, and refuse it when asked"
		)?;
		writeln!(f, "  the chain refused a lower security version ({})", self.refusal)?;

		writeln!(
			f,
			"\nDistributors    devices {:>18} {:>18} {:>18} {:>18}",
			"earned (UNIT)", "for blocks", "fees", "deposits lost"
		)?;
		for account in &self.distributors {
			let row = self.audit.of(&account.address);
			let (earned, authored) = (Units(row.earned), Units(row.authored));
			let (fees, burnt) = (Units(row.fees), Units(row.burnt));
			writeln!(f, "  {:<13} {:>7} {earned:>18} {authored:>18} {fees:>18} {burnt:>18}", account.name, row.devices)?;
		}

		let Cheated { account, refused, devices, receipts, words } = &self.cheated;
		let earned = Units(self.audit.of(&account.address).earned);
		writeln!(f, "  {:<13} {:>7} {earned:>18}", account.name, 0)?;
		writeln!(
			f,
			"    {refused} of {devices} devices refused its tampered image before they signed anything ({receipts} receipts):"
		)?;
		writeln!(f, "    {words}")?;

		writeln!(f, "\nProofs          data (s)  locks (s)      bytes  checked by      median (ms, with fetching)")?;
		for proofs in &self.proofs {
			let Proved { data_seconds, lock_seconds, bytes } = proofs.proved;
			let middle = proofs.median_ms.map_or_else(|| "-".into(), |middle| middle.to_string());
			let (name, verified) = (&proofs.name, proofs.verified);
			writeln!(
				f,
				"  {name:<13} {data_seconds:>8.2} {lock_seconds:>10.2} {bytes:>10} {verified:>11} devices  {middle}"
			)?;
		}

		writeln!(f, "\nVendor          devices {:>19} {:>19} {:>19}", "promised (UNIT)", "paid", "refunded")?;
		let mut refunded = 0;
		for (id, bounty) in &self.audit.bounties {
			let back = bounty.refunded.unwrap_or_default();
			refunded += back;
			let (promised, paid) = (Units(bounty.promised), Units(bounty.paid()));
			let name = format!("bounty {id}");
			writeln!(f, "  {name:<13} {:>7} {promised:>19} {paid:>19} {:>19}", bounty.devices(), Units(back))?;
		}
		let fees = self.audit.of(&self.vendor.address).fees;
		writeln!(f, "  refunded {} UNIT in all, fees {} UNIT", Units(refunded), Units(fees))?;
		writeln!(f, "\nFees of all transactions: {} UNIT, which went to the block authors", Units(self.audit.fees))?;

		writeln!(
			f,
			"\nSums, in the smallest unit, from the events of blocks 1 to {} and the balances after them",
			self.audit.until
		)?;
		for check in &self.checks {
			writeln!(f, "  {}  {}", if check.holds { "ok   " } else { "WRONG" }, check.words)?;
		}
		match self.checks.iter().filter(|check| !check.holds).count() {
			0 => writeln!(f, "The sums add up.")?,
			wrong => writeln!(f, "{wrong} of {} sums do NOT add up.", self.checks.len())?,
		}
		write!(f, "\n{} after {} s", if self.holds() { "Everything held" } else { "NOT everything held" }, self.seconds)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use subxt::utils::AccountId32;

	fn account() -> Account {
		Account { name: "one".into(), file: "/nowhere".into(), address: AccountId32([7; 32]) }
	}

	fn summary<'a>(audit: &'a Audit, account: &'a Account, devices: usize, holds: bool) -> Summary<'a> {
		let row = |devices| Installed { version: "1.0.0".into(), devices, total: 25 };
		Summary {
			installed: vec![row(devices)],
			followed: devices,
			refusal: "Firmware.SecurityVersionTooLow".into(),
			refused: row(25),
			kept: 25,
			audit,
			checks: vec![Check { words: "1 = 1".into(), holds }],
			vendor: account,
			distributors: vec![account],
			proofs: vec![Proofs {
				name: "one".into(),
				proved: Proved { data_seconds: 1.0, lock_seconds: 0.5, bytes: 9 },
				verified: 25,
				median_ms: Some(7),
			}],
			cheated: Cheated { account: account.clone(), refused: 25, devices: 25, receipts: 0, words: "no".into() },
			seconds: 1,
		}
	}

	#[test]
	fn summary_should_hold_only_when_all_of_it_does() {
		let (audit, account) = (Audit::default(), account());
		let good = summary(&audit, &account, 25, true);
		assert!(good.holds());
		assert!(good.to_string().contains("The sums add up."));
		assert!(!summary(&audit, &account, 24, true).holds());
		let mut cheated = summary(&audit, &account, 25, true);
		cheated.cheated.receipts = 1;
		assert!(!cheated.holds());
		cheated.cheated = Cheated { refused: 24, receipts: 0, ..cheated.cheated };
		assert!(!cheated.holds());
		let bad = summary(&audit, &account, 25, false);
		assert!(!bad.holds());
		assert!(bad.to_string().contains("1 of 1 sums do NOT add up."));
	}

	#[test]
	fn amounts_should_show_every_decimal() {
		assert_eq!(Units(UNIT + 1).to_string(), "1.000000000001");
		assert_eq!(format!("{:>16}", Units(25)), "  0.000000000025");
	}
}
