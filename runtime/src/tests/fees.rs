use super::chain::{signed, Chain};
use crate::{configs::AuthorsPot, AccountId, Balance, Balances, RuntimeCall, EXISTENTIAL_DEPOSIT, MILLIUNIT};
use frame_support::traits::TypedGet;
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave};

fn transfer(value: Balance) -> RuntimeCall {
	RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive { dest: Dave.to_account_id().into(), value })
}

#[test]
fn fees_should_go_to_the_authors() {
	let mut chain = Chain::new("local_testnet");
	let state = |chain: &mut Chain| {
		let free = |who: AccountId| Balances::free_balance(who);
		chain.with(|| {
			let authors = [Alice, Bob].map(|who| free(who.to_account_id())).into_iter().sum::<Balance>();
			(free(Charlie.to_account_id()), authors, free(AuthorsPot::get()), Balances::total_issuance())
		})
	};
	let (charlie, authors, pot, issuance) = state(&mut chain);
	chain.author(vec![(Charlie, transfer(MILLIUNIT))]);
	let (charlie_after, _, pot_after, issuance_after) = state(&mut chain);
	let fee = charlie - charlie_after - MILLIUNIT;
	assert!(fee > 0 && fee < MILLIUNIT, "{fee}");
	assert_eq!(pot_after, pot + fee);
	assert_eq!(issuance_after, issuance);

	// Each block's author gets half of what is in the pot.
	chain.author(vec![]);
	let (_, authors_after, pot_after, _) = state(&mut chain);
	assert_eq!(authors_after - authors, fee / 2);
	assert_eq!(pot_after, EXISTENTIAL_DEPOSIT + fee - fee / 2);
	chain.run_to(60);
	assert!(state(&mut chain).2 <= EXISTENTIAL_DEPOSIT + 1);
}

#[test]
fn transaction_should_be_refused_when_its_sender_cannot_pay_the_fee() {
	let mut chain = Chain::new("local_testnet");
	let poor = Sr25519Keyring::One;
	chain
		.with(|| Balances::force_set_balance(crate::RuntimeOrigin::root(), poor.to_account_id().into(), EXISTENTIAL_DEPOSIT))
		.unwrap();
	let transaction = chain.with(|| signed(poor, transfer(1)));
	let results = chain.author_if(|_| true, vec![transaction]);
	assert_eq!(results, [Err(sp_runtime::transaction_validity::InvalidTransaction::Payment.into())]);
}
