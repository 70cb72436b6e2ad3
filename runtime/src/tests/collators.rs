//! Helpers for collators and root.

use super::chain::Chain;
use crate::{AccountId, Grandpa, RuntimeCall, Session, SessionKeys};
use codec::Encode;
use sp_consensus_grandpa::AuthorityId;
use sp_keyring::Sr25519Keyring::{self, Alice};

/// Generates new session keys for an account, with their proof, and registers them.
pub fn set_new_keys(chain: &mut Chain, who: Sr25519Keyring) -> SessionKeys {
	let generated = chain.with(|| SessionKeys::generate(&who.to_account_id().encode(), None));
	let keys = generated.keys.clone();
	chain.author(vec![(
		who,
		RuntimeCall::Session(pallet_session::Call::set_keys { keys: generated.keys, proof: generated.proof.encode() }),
	)]);
	keys
}

/// Generates new session keys for an account, registers them and bonds the account.
pub fn join(chain: &mut Chain, who: Sr25519Keyring) -> SessionKeys {
	let keys = set_new_keys(chain, who);
	chain.author(vec![(who, RuntimeCall::CollatorSelection(pallet_collator_selection::Call::register_as_candidate {}))]);
	keys
}

/// Appoints a collator, which must have session keys.
pub fn appoint(chain: &mut Chain, who: Sr25519Keyring) {
	let call = pallet_collator_selection::Call::add_invulnerable { who: who.to_account_id() };
	chain.author(root(RuntimeCall::CollatorSelection(call)));
	chain.with(|| assert!(appointed().contains(&who.to_account_id())));
}

/// Ends an appointment.
pub fn dismiss(chain: &mut Chain, who: Sr25519Keyring) {
	let call = pallet_collator_selection::Call::remove_invulnerable { who: who.to_account_id() };
	chain.author(root(RuntimeCall::CollatorSelection(call)));
	chain.with(|| assert!(!appointed().contains(&who.to_account_id())));
}

/// The accounts of these keyrings, sorted.
pub fn accounts(keyrings: &[Sr25519Keyring]) -> Vec<AccountId> {
	let mut accounts: Vec<_> = keyrings.iter().map(|keyring| keyring.to_account_id()).collect();
	accounts.sort();
	accounts
}

/// The collators of the session, sorted.
pub fn validators() -> Vec<AccountId> {
	let mut validators = Session::validators();
	validators.sort();
	validators
}

/// The keys that vote for finality.
pub fn voters() -> Vec<AuthorityId> {
	Grandpa::grandpa_authorities().into_iter().map(|(key, _)| key).collect()
}

/// The appointed collators, sorted.
pub fn appointed() -> Vec<AccountId> {
	crate::session::appointed()
}

/// A call by root, for [`Chain::author`].
pub fn root(call: RuntimeCall) -> Vec<(Sr25519Keyring, RuntimeCall)> {
	vec![(Alice, RuntimeCall::Sudo(pallet_sudo::Call::sudo { call: Box::new(call) }))]
}
