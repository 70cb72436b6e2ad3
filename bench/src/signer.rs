//! Accounts that sign transactions.

use codec::Encode;
use sp_core::{sr25519, Pair, H256};
use sp_crypto_hashing::blake2_256;
use sp_runtime::{generic::Era, traits::IdentifyAccount, MultiAddress, MultiSigner};
use waybill_runtime::{extension, AccountId, Nonce, RuntimeCall, Signature, SignedPayload, UncheckedExtrinsic, VERSION};

/// An account with its key and its next nonce.
#[derive(Clone)]
pub struct Signer {
	pair: sr25519::Pair,
	genesis: H256,
	nonce: Nonce,
}

impl Signer {
	/// The account of a secret URI that has signed nothing yet.
	pub fn new(uri: &str, genesis: H256) -> Self {
		let pair = sr25519::Pair::from_string(uri, None).expect("the URIs of this program are valid");
		Self { pair, genesis, nonce: 0 }
	}

	/// An account of its own for each kind and number, which has signed nothing yet.
	pub fn numbered(kind: &str, number: u32, genesis: H256) -> Self {
		let seed = blake2_256(&(kind, number).encode());
		Self { pair: sr25519::Pair::from_seed(&seed), genesis, nonce: 0 }
	}

	/// The account.
	pub fn account(&self) -> AccountId {
		MultiSigner::from(self.pair.public()).into_account()
	}

	/// A transaction with this account's next nonce, encoded.
	pub fn sign(&mut self, call: impl Into<RuntimeCall>) -> Vec<u8> {
		let call = call.into();
		let extension = extension(self.nonce, Era::Immortal);
		let implicit =
			((), (), VERSION.spec_version, VERSION.transaction_version, self.genesis, self.genesis, (), (), (), None, ());
		let payload = SignedPayload::from_raw(call.clone(), extension.clone(), implicit);
		let signature = payload.using_encoded(|bytes| self.pair.sign(bytes));
		self.nonce += 1;
		let address = MultiAddress::Id(self.account());
		UncheckedExtrinsic::new_signed(call, address, Signature::Sr25519(signature), extension).encode()
	}
}
