//! Trying a transaction, so its sender pays no fee for one that would fail.

use crate::{AccountId, Balance, Balances, Executive, Hash, Runtime, RuntimeCall, RuntimeEvent, System, UncheckedExtrinsic};
use alloc::vec::Vec;
use codec::{Codec, Decode, Encode};
use frame_support::{
	storage::{transactional::with_transaction_unchecked, TransactionOutcome},
	traits::{
		fungible::{Inspect, Mutate},
		tokens::{Fortitude, Preservation},
	},
};
use scale_info::TypeInfo;
use sp_runtime::{generic::Preamble, traits::StaticLookup, ApplyExtrinsicResult, DispatchResult};
use waybill_primitives::view::Shortfall;

/// What would become of a transaction.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct DryRun<AccountId, Balance> {
	/// The account that has too little, if with more money the transaction would succeed.
	pub shortfall: Option<Shortfall<AccountId, Balance>>,
	/// How it would end. Last, because clients decode errors by the metadata.
	pub outcome: ApplyExtrinsicResult,
}

sp_api::decl_runtime_apis! {
	/// Tries transactions on the state after a block.
	pub trait TransactionDryRunApi<AccountId, Balance>
	where
		AccountId: Codec,
		Balance: Codec,
	{
		/// What would become of a transaction if it came first in the block after `block_hash`, the
		/// block on whose state this is called.
		///
		/// If the transaction makes a call in another account's name, the outcome is that call's.
		/// Callers must discard the changes to the state, as `state_call` does.
		fn dry_run(transaction: Block::Extrinsic, block_hash: Block::Hash) -> DryRun<AccountId, Balance>;
	}
}

/// More than any transaction takes, and little enough that no sum of balances overflows.
const PLENTY: Balance = Balance::MAX / 8;

/// See [`TransactionDryRunApi`].
pub fn dry_run(transaction: UncheckedExtrinsic, block_hash: Hash) -> DryRun<AccountId, Balance> {
	let next = System::block_number().saturating_add(1);
	System::reset_events();
	System::initialize(&next, &block_hash, &Default::default());
	System::note_finished_initialize();
	let payers = payers(&transaction);
	let outcome = rolled_back(|| apply(transaction.clone()));
	let shortfall = match outcome {
		Ok(Ok(())) => None,
		_ => rolled_back(|| shortfall(transaction, payers)),
	};
	DryRun { shortfall, outcome }
}

fn apply(transaction: UncheckedExtrinsic) -> ApplyExtrinsicResult {
	Ok(Executive::apply_extrinsic(transaction)?.and_then(|()| made_by_proxy()))
}

/// The outcome of the last call that the block made by proxy. The proxy pallet reports it only in an
/// event.
fn made_by_proxy() -> DispatchResult {
	let outcomes = System::read_events_no_consensus().filter_map(|record| match record.event {
		RuntimeEvent::Proxy(pallet_proxy::Event::<Runtime>::ProxyExecuted { result }) => Some(result),
		_ => None,
	});
	outcomes.last().unwrap_or(Ok(()))
}

/// The accounts from which a transaction takes money: its sender, and the one in whose name it
/// makes its call.
fn payers(transaction: &UncheckedExtrinsic) -> Vec<AccountId> {
	type Lookup = <Runtime as frame_system::Config>::Lookup;
	let sender = match &transaction.preamble {
		Preamble::Signed(address, ..) => Some(address.clone()),
		Preamble::Bare(_) | Preamble::General(..) => None,
	};
	let real = match &transaction.function {
		RuntimeCall::Proxy(pallet_proxy::Call::proxy { real, .. }) => Some(real.clone()),
		_ => None,
	};
	sender.into_iter().chain(real).filter_map(|address| Lookup::lookup(address).ok()).collect()
}

/// The first payer that has less than the transaction takes from it when all have plenty. `None` if
/// money does not make the transaction succeed.
fn shortfall(transaction: UncheckedExtrinsic, payers: Vec<AccountId>) -> Option<Shortfall<AccountId, Balance>> {
	let spendable = |who: &AccountId| Balances::reducible_balance(who, Preservation::Preserve, Fortitude::Polite);
	let before: Vec<_> = payers
		.into_iter()
		.map(|account| {
			let has = spendable(&account);
			Balances::mint_into(&account, PLENTY).ok()?;
			let plenty = spendable(&account);
			Some((account, has, plenty))
		})
		.collect::<Option<_>>()?;
	apply(transaction).ok()?.ok()?;
	before.into_iter().find_map(|(account, has, plenty)| {
		let needs = plenty.saturating_sub(spendable(&account));
		(needs > has).then_some(Shortfall { account, needs, has })
	})
}

/// The result of `work`, whose changes to the state are undone.
fn rolled_back<R>(work: impl FnOnce() -> R) -> R {
	with_transaction_unchecked(|| TransactionOutcome::Rollback(work()))
}
