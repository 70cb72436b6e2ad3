//! Who authors blocks, and who votes in finality.

use crate::{account::Account, chain::Chain};
use anyhow::{bail, ensure, Result};
use std::{
	collections::{BTreeMap, BTreeSet},
	time::Duration,
};
use subxt::utils::AccountId32;
use tokio::time::{sleep, Instant};

const PATIENCE: Duration = Duration::from_secs(240);

/// Reads final blocks from `from` on until each of these accounts has authored one. Returns the
/// first block of each.
pub async fn seen(chain: &Chain, from: u64, wanted: &[&Account]) -> Result<BTreeMap<AccountId32, u64>> {
	let deadline = Instant::now() + PATIENCE;
	let (mut next, mut first) = (from.max(1), BTreeMap::new());
	loop {
		let finalized = chain.finalized().await?;
		while next <= finalized {
			if let Some(author) = chain.author(next).await? {
				first.entry(author).or_insert(next);
			}
			next += 1;
		}
		let missing: Vec<_> = wanted.iter().filter(|account| !first.contains_key(&account.address)).collect();
		if missing.is_empty() {
			return Ok(first);
		}
		if Instant::now() > deadline {
			bail!("{} has authored no block up to block {finalized}", missing[0].name);
		}
		sleep(Duration::from_millis(250)).await;
	}
}

/// Fails if one of these accounts votes in finality. Returns the number of accounts that do.
pub async fn without_vote(chain: &Chain, accounts: &[&Account]) -> Result<usize> {
	let voters: BTreeSet<AccountId32> = chain.voters().await?;
	for account in accounts {
		ensure!(!voters.contains(&account.address), "{} votes in finality, though it is not appointed", account.name);
	}
	Ok(voters.len())
}
