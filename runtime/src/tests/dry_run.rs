use super::chain::{signed, Chain};
use crate::{
	currency::EXISTENTIAL_DEPOSIT,
	dry_run::{dry_run, DryRun},
	AccountId, Balance, Balances, ProxyType, RuntimeCall, System, MILLIUNIT, UNIT,
};
use codec::Encode;
use frame_support::{
	assert_ok,
	storage::{transactional::with_transaction_unchecked, TransactionOutcome},
};
use sp_keyring::Sr25519Keyring::{self, Alice, Charlie, Dave, One};
use sp_runtime::{transaction_validity::InvalidTransaction, DispatchError, TokenError};
use waybill_primitives::view::Shortfall;

fn transfer(value: Balance) -> RuntimeCall {
	RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive { dest: Dave.to_account_id().into(), value })
}

/// The dry run of a call on the best block, whose state stays as it is.
fn tried(chain: &mut Chain, who: Sr25519Keyring, call: RuntimeCall) -> DryRun<AccountId, Balance> {
	let best = chain.best();
	let transaction = chain.with(|| signed(who, call));
	chain.with(|| with_transaction_unchecked(|| TransactionOutcome::Rollback(dry_run(transaction, best))))
}

fn free(chain: &mut Chain, who: Sr25519Keyring) -> Balance {
	chain.with(|| Balances::free_balance(who.to_account_id()))
}

const FINE: DryRun<AccountId, Balance> = DryRun { shortfall: None, outcome: Ok(Ok(())) };

#[test]
fn dry_run_should_foretell_the_outcome() {
	let mut chain = Chain::new("local_testnet");
	chain.author(vec![]);
	assert_eq!(tried(&mut chain, Charlie, transfer(MILLIUNIT)), FINE);
	let root_only = RuntimeCall::System(frame_system::Call::set_heap_pages { pages: 1 });
	let refused = DryRun { shortfall: None, outcome: Ok(Err(DispatchError::BadOrigin)) };
	assert_eq!(tried(&mut chain, Charlie, root_only), refused);
	// A block follows as if nothing had been tried.
	let before = chain.with(|| (System::block_number(), System::events().encode(), Balances::total_issuance()));
	assert_eq!(tried(&mut chain, Charlie, transfer(MILLIUNIT)), FINE);
	assert_eq!(chain.with(|| (System::block_number(), System::events().encode(), Balances::total_issuance())), before);
	chain.author(vec![(Charlie, transfer(MILLIUNIT))]);
}

#[test]
fn dry_run_should_say_how_much_is_needed() {
	let mut chain = Chain::new("local_testnet");
	chain.author(vec![]);
	// What a transfer takes besides its amount.
	let before = free(&mut chain, Charlie);
	chain.author(vec![(Charlie, transfer(MILLIUNIT))]);
	let has = free(&mut chain, Charlie);
	let fee = before - has - MILLIUNIT;

	let too_much = has + UNIT;
	let DryRun { shortfall, outcome } = tried(&mut chain, Charlie, transfer(too_much));
	assert_eq!(outcome, Ok(Err(DispatchError::Token(TokenError::FundsUnavailable))));
	let Shortfall { account, needs, has: spendable } = shortfall.unwrap();
	assert_eq!((account, spendable), (Charlie.to_account_id(), has - EXISTENTIAL_DEPOSIT));
	// A larger amount may take more bytes.
	assert!(needs > too_much && needs - too_much < 2 * fee, "{needs} takes a fee as {fee} is");

	// An account that cannot pay the fee.
	let all = pallet_balances::Call::transfer_all { dest: Dave.to_account_id().into(), keep_alive: false };
	chain.author(vec![(One, RuntimeCall::Balances(all))]);
	let DryRun { shortfall, outcome } = tried(&mut chain, One, transfer(MILLIUNIT));
	assert_eq!(outcome, Err(InvalidTransaction::Payment.into()));
	assert_eq!(shortfall, Some(Shortfall { account: One.to_account_id(), needs: fee + MILLIUNIT, has: 0 }));
	// The fee is not all that keeps the call from succeeding.
	let root_only = RuntimeCall::System(frame_system::Call::set_heap_pages { pages: 1 });
	assert_eq!(tried(&mut chain, One, root_only).shortfall, None);
}

#[test]
fn dry_run_should_happen_in_the_next_block() {
	let mut chain = Chain::new("local_testnet");
	chain.run_to(5);
	let best = chain.best();
	let transaction = chain.with(|| signed(Charlie, transfer(MILLIUNIT)));
	let number = chain.with(|| {
		with_transaction_unchecked(|| {
			assert_ok!(dry_run(transaction, best).outcome.unwrap());
			// Transactions whose era begins at the best block are checked against its hash.
			assert_eq!(System::block_hash(5), best);
			TransactionOutcome::Rollback(System::block_number())
		})
	});
	assert_eq!(number, 6);
}

#[test]
fn dry_run_of_a_proxys_transaction_should_be_that_of_its_call() {
	let mut chain = Chain::new("local_testnet");
	let delegate = RuntimeCall::Proxy(pallet_proxy::Call::add_proxy {
		delegate: Charlie.to_account_id().into(),
		proxy_type: ProxyType::Any,
		delay: 0,
	});
	chain.author(vec![(Alice, delegate)]);
	let by_proxy = |value: Balance| {
		RuntimeCall::Proxy(pallet_proxy::Call::proxy {
			real: Alice.to_account_id().into(),
			force_proxy_type: None,
			call: Box::new(transfer(value)),
		})
	};
	assert_eq!(tried(&mut chain, Charlie, by_proxy(MILLIUNIT)), FINE);
	let too_much = free(&mut chain, Alice) + UNIT;
	let DryRun { shortfall, outcome } = tried(&mut chain, Charlie, by_proxy(too_much));
	assert_eq!(outcome, Ok(Err(DispatchError::Token(TokenError::FundsUnavailable))));
	// The delegate pays the fee.
	assert_eq!(shortfall.map(|short| (short.account, short.needs)), Some((Alice.to_account_id(), too_much)));
	let stranger = tried(&mut chain, Dave, by_proxy(MILLIUNIT));
	assert!(matches!(stranger.outcome, Ok(Err(DispatchError::Module(_)))) && stranger.shortfall.is_none());
}
