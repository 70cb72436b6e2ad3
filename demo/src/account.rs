//! The accounts of the demonstration. They are fresh, and funded from the local chain's well-known
//! ones.

use crate::waybill::{text, Waybill};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use subxt::utils::AccountId32;

/// A fresh account.
#[derive(Clone)]
pub struct Account {
	/// Its name in the summary.
	pub name: String,
	/// Its key file.
	pub file: PathBuf,
	/// Its address.
	pub address: AccountId32,
}

#[derive(Deserialize)]
struct KeyReport {
	address: String,
}

impl Account {
	/// Makes a key file.
	pub async fn new(waybill: &Waybill, name: &str, folder: &Path) -> Result<Self> {
		let file = folder.join(format!("{name}.key"));
		let report: KeyReport = waybill.ask(&["key", "generate", "--account-key", text(&file)?]).await?;
		let address = report.address.parse().ok().with_context(|| format!("not an address: {}", report.address))?;
		Ok(Self { name: name.into(), file, address })
	}

	/// Sends money to it, in UNIT, from one of the accounts that every local chain has.
	pub async fn fund(&self, waybill: &Waybill, from: &str, amount: &str) -> Result<()> {
		waybill.tell(&["--account", from, "account", "transfer", &self.address.to_string(), amount]).await
	}

	/// The arguments that make this account sign and pay.
	pub fn signs<'a>(&'a self, arguments: &[&'a str]) -> Result<Vec<&'a str>> {
		Ok([&["--account-file", text(&self.file)?], arguments].concat())
	}
}
