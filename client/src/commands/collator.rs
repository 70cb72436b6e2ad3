//! `waybill collator …`: joining and leaving the block authors.

use super::Address;
use crate::{
	context::Context,
	error::{Error, Kind, OrFail, Result},
};
use clap::Subcommand;
use codec::{DecodeAll, Encode};
use serde::{Deserialize, Serialize};
use std::fmt;
use subxt::{rpcs::client::rpc_params, tx::Payload};
use waybill_chain::{api, Account, Amount, Chain, DatedBlock, Included, Patience, TxReport, View};

use api::runtime_types::waybill_runtime::session::SessionKeys;

/// The commands about block authors.
///
/// Anyone can bond and author blocks. Votes for finality and on releases stay with the appointed
/// collators.
#[derive(Subcommand, Debug)]
pub enum Command {
	/// Join the block authors with the node that --node names
	///
	/// The node makes new session keys and proves that it has them. The chain registers them, and
	/// the account bonds. The node must be your own, run with --validator, and answer unsafe RPC
	/// methods on this address. It authors from one of the next sessions on.
	///
	/// If the account is already a candidate with a lower bond, this raises the bond. So you can
	/// run the command again if it stopped half-way.
	Join {
		/// How much to bond, in UNIT [default: the least that the chain takes]
		#[arg(long)]
		bond: Option<Amount>,
	},
	/// Leave the block authors; the bond comes back at once, and authoring ends with a session
	Leave,
	/// Show the block authors, and whether the account is one of them
	Status {
		/// The account [default: the one that signs]
		address: Option<Address>,
	},
}

/// Runs a command.
pub async fn run(command: Command, ctx: &Context) -> Result<()> {
	match command {
		Command::Join { bond } => join(bond, ctx).await,
		Command::Leave => leave(ctx).await,
		Command::Status { address } => status(address, ctx).await,
	}
}

/// What a node answers to `author_rotateKeysWithOwner`.
#[derive(Deserialize)]
struct NewKeys {
	keys: String,
	#[serde(default)]
	proof: Option<String>,
}

#[derive(Serialize)]
struct JoinReport {
	collator: Address,
	/// The keys that the node made; `None` if the account was already a candidate.
	session_keys: Option<String>,
	bond: Amount,
	fee: Amount,
	transactions: Vec<TxReport>,
}

/// What is left to do to make an account a candidate with its bond.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Left {
	/// Everything: it is not a candidate. It bonds this amount.
	Join(Amount),
	/// Only to raise its bond to this amount.
	Raise(Amount),
	/// Nothing: it has bonded this amount.
	Nothing(Amount),
}

impl Left {
	/// What is left for an account that has bonded `bonded` (`None` if it is not a candidate) and
	/// should bond `bond`.
	fn of(bonded: Option<Amount>, bond: Amount) -> Self {
		match bonded {
			None => Self::Join(bond),
			Some(bonded) if bonded < bond => Self::Raise(bond),
			Some(bonded) => Self::Nothing(bonded),
		}
	}
}

impl fmt::Display for JoinReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		if self.transactions.is_empty() {
			write!(f, "{} is already a candidate and has bonded {}; ", self.collator, self.bond)?;
			return write!(f, "`waybill collator leave` ends that");
		}
		writeln!(
			f,
			"{} has bonded {} and will author in one of the next sessions (fee {})",
			self.collator, self.bond, self.fee
		)?;
		write!(f, "`waybill collator status` shows when")
	}
}

async fn join(bond: Option<Amount>, ctx: &Context) -> Result<()> {
	let account = ctx.account()?;
	let chain = ctx.chain(Patience::Brief).await?;
	let view = chain.best().await?;
	let least = Amount(read(&view, api::storage().collator_selection().candidacy_bond()).await?.unwrap_or_default());
	let bond = bond.unwrap_or(least);
	if bond < least {
		return Err(Error::usage(format!("--bond is too low; the chain takes bonds of {least} and more")));
	}
	let bonded = candidates(&view).await?.into_iter().find(|(who, _)| *who == account.id()).map(|(_, bonded)| bonded);

	let left = Left::of(bonded, bond);
	let mut joining = Joining { sent: Vec::new(), session_keys: None };
	let joined = joining.carry_out(left, least, &chain, &account, ctx).await;
	let Joining { sent, session_keys } = joining;
	let is_begun = session_keys.is_some() || !sent.is_empty();
	let bond = match left {
		Left::Join(bond) | Left::Raise(bond) | Left::Nothing(bond) => bond,
	};
	let report =
		JoinReport { collator: Address(account.id()), session_keys, bond, fee: fees(&sent), transactions: reports(&sent) };
	match joined {
		Ok(()) => ctx.output.report(&report),
		Err(error) if is_begun => return Err(error.after(&report)),
		Err(error) => return Err(error),
	}
	Ok(())
}

/// What was done to make an account a candidate.
struct Joining {
	sent: Vec<Included>,
	/// The keys that the node made.
	session_keys: Option<String>,
}

impl Joining {
	/// Does what is left. After an error, what was done before is on record.
	async fn carry_out(&mut self, left: Left, least: Amount, chain: &Chain, account: &Account, ctx: &Context) -> Result<()> {
		let raise = |bond: Amount| api::transactions().collator_selection().update_bond(bond.0);
		match left {
			Left::Join(bond) => {
				let shown = ctx.progress.spinner("asking the node for new session keys");
				let (made, keys, proof) = new_keys(chain, account).await?;
				self.session_keys = Some(made);
				shown.say("registering the session keys");
				self.sent.push(submit(chain, account, &api::transactions().session().set_keys(keys, proof), ctx).await?);
				shown.say("bonding");
				let register = api::transactions().collator_selection().register_as_candidate();
				self.sent.push(submit(chain, account, &register, ctx).await?);
				if bond > least {
					self.sent.push(submit(chain, account, &raise(bond), ctx).await?);
				}
			},
			Left::Raise(bond) => {
				let _shown = ctx.progress.spinner("raising the bond");
				self.sent.push(submit(chain, account, &raise(bond), ctx).await?);
			},
			Left::Nothing(_) => {},
		}
		Ok(())
	}
}

/// New session keys of the node, with its proof that it has them.
async fn new_keys(chain: &Chain, account: &Account) -> Result<(String, SessionKeys, Vec<u8>)> {
	let owner = format!("0x{}", hex::encode(account.id().encode()));
	let answer: NewKeys =
		chain.raw().request("author_rotateKeysWithOwner", rpc_params![owner]).await.or_fail(Kind::Failure, || {
			format!("the node at {} refused to make session keys; allow its unsafe RPC methods", chain.url())
		})?;
	let wrong = || {
		Error::new(Kind::Failure, format!("the node at {} answered with session keys of a different runtime", chain.url()))
	};
	let bytes = |text: &str| hex::decode(text.trim_start_matches("0x")).map_err(|_| wrong());
	let keys = SessionKeys::decode_all(&mut bytes(&answer.keys)?.as_slice()).map_err(|_| wrong())?;
	let proof = answer.proof.as_deref().ok_or_else(wrong).and_then(bytes)?;
	Ok((answer.keys, keys, proof))
}

#[derive(Serialize)]
struct LeaveReport {
	collator: Address,
	fee: Amount,
	transactions: Vec<TxReport>,
}

impl fmt::Display for LeaveReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "{} leaves the block authors, its bond is free (fee {})", self.collator, self.fee)
	}
}

async fn leave(ctx: &Context) -> Result<()> {
	let account = ctx.account()?;
	let chain = ctx.chain(Patience::Brief).await?;
	let shown = ctx.progress.spinner("leaving");
	let view = chain.best().await?;
	let is_candidate = candidates(&view).await?.iter().any(|(who, _)| *who == account.id());
	let has_keys = view.storage(api::storage().session().next_keys(), (account.id(),)).await?.is_some();
	if !is_candidate && !has_keys {
		return Err(Error::not_found(format!("{} is not a candidate; there is nothing to leave", account.id())));
	}
	let mut sent = Vec::new();
	let report =
		|sent: &[Included]| LeaveReport { collator: Address(account.id()), fee: fees(sent), transactions: reports(sent) };
	// An account that stopped half-way before still has keys to give back.
	if is_candidate {
		sent.push(submit(&chain, &account, &api::transactions().collator_selection().leave_intent(), ctx).await?);
	}
	if has_keys {
		match submit(&chain, &account, &api::transactions().session().purge_keys(), ctx).await {
			Ok(included) => sent.push(included),
			Err(error) if sent.is_empty() => return Err(error),
			// What was done before must not be lost.
			Err(error) => return Err(error.after(&report(&sent))),
		}
	}
	drop(shown);
	ctx.output.report(&report(&sent));
	Ok(())
}

#[derive(Serialize)]
struct StatusReport {
	collator: Address,
	standing: Standing,
	/// Whether it is among the authors of this session.
	authoring: bool,
	/// Whether its session keys are registered.
	session_keys: bool,
	bond: Option<Amount>,
	/// `None` if it never authored.
	last_authored: Option<DatedBlock>,
	session: u32,
	authors: Vec<Address>,
	appointed: Vec<Address>,
	candidates: Vec<CandidateReport>,
	least_bond: Amount,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
	Appointed,
	Candidate,
	None,
}

#[derive(Serialize)]
struct CandidateReport {
	collator: Address,
	bond: Amount,
}

impl fmt::Display for StatusReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let standing = match self.standing {
			Standing::Appointed => "appointed",
			Standing::Candidate => "a candidate",
			Standing::None => "not a candidate",
		};
		let authoring = if self.authoring { "authors" } else { "does not author" };
		writeln!(f, "{} is {standing} and {authoring} in session {}", self.collator, self.session)?;
		match self.last_authored {
			Some(block) => writeln!(f, "  last authored  {block}")?,
			None => writeln!(f, "  never authored")?,
		}
		if let Some(bond) = self.bond {
			writeln!(f, "  bond           {bond}")?;
		}
		writeln!(f, "  authors")?;
		self.authors.iter().try_for_each(|author| writeln!(f, "    {author}"))?;
		writeln!(f, "  candidates (the least bond is {})", self.least_bond)?;
		self.candidates.iter().try_for_each(|candidate| writeln!(f, "    {}  {}", candidate.collator, candidate.bond))
	}
}

async fn status(address: Option<Address>, ctx: &Context) -> Result<()> {
	let collator = match address {
		Some(address) => address,
		None => Address(ctx.account()?.id()),
	};
	let view = ctx.chain(Patience::Brief).await?.finalized().await?;
	let authors = read(&view, api::storage().session().validators()).await?.unwrap_or_default();
	let appointed =
		read(&view, api::storage().collator_selection().invulnerables()).await?.map(|list| list.0).unwrap_or_default();
	let candidates = candidates(&view).await?;
	let bond = candidates.iter().find(|(who, _)| *who == collator.0).map(|(_, bond)| *bond);
	let standing = match (appointed.contains(&collator.0), bond) {
		(true, _) => Standing::Appointed,
		(false, Some(_)) => Standing::Candidate,
		(false, None) => Standing::None,
	};
	let last = view.storage(api::storage().collator_selection().last_authored_block(), (collator.0,)).await?;
	let keys = view.storage(api::storage().session().next_keys(), (collator.0,)).await?;
	let calendar = view.calendar().await?;
	let report = StatusReport {
		standing,
		authoring: authors.contains(&collator.0),
		session_keys: keys.is_some(),
		bond,
		// The chain gives a new candidate a block in the future, before which it cannot be idle.
		last_authored: last.filter(|block| *block > 0 && calendar.is_past(*block)).map(|block| calendar.date(block)),
		session: read(&view, api::storage().session().current_index()).await?.unwrap_or_default(),
		authors: authors.into_iter().map(Address).collect(),
		appointed: appointed.into_iter().map(Address).collect(),
		candidates: candidates.into_iter().map(|(who, bond)| CandidateReport { collator: Address(who), bond }).collect(),
		least_bond: Amount(read(&view, api::storage().collator_selection().candidacy_bond()).await?.unwrap_or_default()),
		collator,
	};
	ctx.output.report(&report);
	Ok(())
}

async fn candidates(view: &View) -> Result<Vec<(waybill_chain::AccountId, Amount)>> {
	let list = read(view, api::storage().collator_selection().candidate_list()).await?;
	let list = list.map(|list| list.0).unwrap_or_default();
	Ok(list.into_iter().map(|candidate| (candidate.who, Amount(candidate.deposit))).collect())
}

/// A plain storage value.
async fn read<A: subxt::storage::Address<KeyParts = ()>>(view: &View, address: A) -> Result<Option<A::Value>> {
	Ok(view.storage(address, ()).await?)
}

async fn submit<C: Payload>(chain: &Chain, account: &Account, call: &C, ctx: &Context) -> Result<Included> {
	Ok(chain.submit(account, call, ctx.config.wait.into()).await?)
}

fn fees(sent: &[Included]) -> Amount {
	Amount(sent.iter().fold(0, |sum: u128, included| sum.saturating_add(included.fee.0)))
}

fn reports(sent: &[Included]) -> Vec<TxReport> {
	sent.iter().map(Included::receipt).collect()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn join_should_carry_on_where_it_stopped_when_it_is_run_again() {
		assert_eq!(Left::of(None, Amount(150)), Left::Join(Amount(150)));
		assert_eq!(Left::of(Some(Amount(100)), Amount(150)), Left::Raise(Amount(150)));
		assert_eq!(Left::of(Some(Amount(150)), Amount(150)), Left::Nothing(Amount(150)));
		assert_eq!(Left::of(Some(Amount(150)), Amount(100)), Left::Nothing(Amount(150)));
	}
}
