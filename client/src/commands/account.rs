//! `waybill account …`

use super::{Address, Done};
use crate::{context::Context, error::Result};
use clap::Subcommand;
use serde::Serialize;
use std::fmt;
use subxt::utils::MultiAddress;
use waybill_chain::{api, AccountId, Amount, Patience};

/// The commands about accounts.
#[derive(Subcommand, Debug)]
pub enum Command {
	/// Show an account's balance, and what is on hold and why
	Balance {
		/// The account [default: the one that signs]
		address: Option<Address>,
	},
	/// Send money to another account
	Transfer {
		/// The account that gets it
		to: Address,
		/// How much, in UNIT, such as 1.5
		amount: Amount,
	},
}

#[derive(Serialize)]
struct BalanceReport {
	address: Address,
	free: Amount,
	held: Amount,
	holds: Vec<HoldReport>,
	nonce: u32,
}

#[derive(Serialize)]
struct HoldReport {
	reason: String,
	amount: Amount,
}

impl fmt::Display for BalanceReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		writeln!(f, "{}", self.address)?;
		writeln!(f, "  free     {}", self.free)?;
		writeln!(f, "  on hold  {}", self.held)?;
		self.holds.iter().try_for_each(|hold| writeln!(f, "    {}  {}", hold.reason, hold.amount))
	}
}

#[derive(Serialize)]
struct TransferReport {
	from: Address,
	to: Address,
	amount: Amount,
}

impl fmt::Display for TransferReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "sent {} to {}", self.amount, self.to)
	}
}

/// Runs a command.
pub async fn run(command: Command, ctx: &Context) -> Result<()> {
	match command {
		Command::Balance { address } => {
			let account = match address {
				Some(Address(account)) => account,
				None => ctx.account()?.id(),
			};
			balance(account, ctx).await
		},
		Command::Transfer { to, amount } => transfer(to, amount, ctx).await,
	}
}

async fn balance(account: AccountId, ctx: &Context) -> Result<()> {
	let view = ctx.chain(Patience::Brief).await?.finalized().await?;
	let info = view.storage(api::storage().system().account(), (account,)).await?;
	let holds = view.storage(api::storage().balances().holds(), (account,)).await?;
	let holds = holds.map(|holds| holds.0).unwrap_or_default().into_iter();
	let holds: Vec<_> =
		holds.map(|hold| HoldReport { reason: reason(&format!("{:?}", hold.id)), amount: Amount(hold.amount) }).collect();
	let (free, held, nonce) = info.map_or((0, 0, 0), |info| (info.data.free, info.data.reserved, info.nonce));
	let address = Address(account);
	ctx.output.report(&BalanceReport { address, free: Amount(free), held: Amount(held), holds, nonce });
	Ok(())
}

/// Turns the derived form `PodBounty(Reward)` into that of the chain's other names.
fn reason(derived: &str) -> String {
	derived.replace('(', ".").replace(')', "")
}

async fn transfer(to: Address, amount: Amount, ctx: &Context) -> Result<()> {
	let account = ctx.account()?;
	let chain = ctx.chain(Patience::Brief).await?;
	let call = api::transactions().balances().transfer_keep_alive(MultiAddress::Id(to.0), amount.0);
	let shown = ctx.progress.spinner("sending");
	let included = chain.submit(&account, &call, ctx.config.wait.into()).await?;
	drop(shown);
	let report = TransferReport { from: Address(account.id()), to, amount };
	ctx.output.report(&Done::new(report, included.receipt()));
	Ok(())
}

#[cfg(test)]
mod tests {
	#[test]
	fn hold_reasons_should_be_named_as_the_chain_does() {
		assert_eq!(super::reason("PodBounty(Reward)"), "PodBounty.Reward");
	}
}
