//! A chain from a genesis preset, made block by block.

use crate::{
	genesis_config_presets::get_preset, session::SessionLength, slot::SlotDuration, AccountId, Executive, Hash, Header,
	Runtime, RuntimeCall, RuntimeEvent, RuntimeGenesisConfig, SignedPayload, System, UncheckedExtrinsic,
};
use codec::{Decode, Encode};
use frame_support::{
	storage::{transactional::with_transaction_unchecked, TransactionOutcome},
	traits::Get,
};
use serde_json::Value;
use sp_consensus_aura::{Slot, AURA_ENGINE_ID};
use sp_core::offchain::{testing::TestTransactionPoolExt, TransactionPoolExt};
use sp_io::TestExternalities;
use sp_keyring::Sr25519Keyring;
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use sp_runtime::{
	generic::Era, traits::Header as _, ApplyExtrinsicResult, BuildStorage, Digest, DigestItem, MultiSignature,
};

/// The genesis configuration of a preset: the default with the preset's values applied.
pub fn genesis_config(preset: &str) -> RuntimeGenesisConfig {
	let mut config = serde_json::to_value(RuntimeGenesisConfig::default()).unwrap();
	merge(&mut config, serde_json::from_slice(&get_preset(&preset.into()).unwrap()).unwrap());
	serde_json::from_value(config).unwrap()
}

fn merge(base: &mut Value, patch: Value) {
	match (base, patch) {
		(Value::Object(base), Value::Object(patch)) => {
			for (key, value) in patch {
				merge(base.entry(key).or_insert(Value::Null), value);
			}
		},
		(base, patch) => *base = patch,
	}
}

/// A chain and the hash of its best block.
pub struct Chain {
	ext: TestExternalities,
	best: Hash,
}

impl Chain {
	/// A chain at its genesis, with an empty keystore.
	pub fn new(preset: &str) -> Self {
		Self::from_config(&genesis_config(preset))
	}

	/// A chain with this configuration at its genesis, with an empty keystore.
	pub fn from_config(config: &RuntimeGenesisConfig) -> Self {
		let mut ext = TestExternalities::new(config.build_storage().unwrap());
		ext.register_extension(KeystoreExt::new(MemoryKeystore::new()));
		let best = ext.execute_with(|| System::block_hash(0));
		Self { ext, best }
	}

	/// The hash of the best block.
	pub const fn best(&self) -> Hash {
		self.best
	}

	/// The transactions that off-chain work on the state after the best block sends.
	pub fn sent_by<R>(&mut self, work: impl FnOnce() -> R) -> Vec<UncheckedExtrinsic> {
		let (pool, state) = TestTransactionPoolExt::new();
		self.ext.register_extension(TransactionPoolExt::new(pool));
		self.ext.execute_with(work);
		let sent = std::mem::take(&mut state.write().transactions);
		sent.iter().map(|bytes| UncheckedExtrinsic::decode(&mut &bytes[..]).unwrap()).collect()
	}

	/// Runs `work` on the state after the best block.
	pub fn with<R>(&mut self, work: impl FnOnce() -> R) -> R {
		self.ext.execute_with(work)
	}

	/// Makes a block with a transaction by each of these accounts. All must succeed. The first
	/// block of a session takes no transactions, so it is left empty.
	pub fn author(&mut self, calls: Vec<(Sr25519Keyring, RuntimeCall)>) {
		if !calls.is_empty() && self.with(|| (System::block_number() + 1).is_multiple_of(SessionLength::get())) {
			self.author(vec![]);
		}
		let transactions = self.with(|| calls.iter().cloned().map(|(who, call)| signed(who, call)).collect());
		for (result, (_, call)) in self.author_if(|_| true, transactions).into_iter().zip(calls) {
			assert_eq!(result, Ok(Ok(())), "{call:?}");
		}
	}

	/// Makes empty blocks up to block `number`.
	pub fn run_to(&mut self, number: u32) {
		while self.with(System::block_number) < number {
			self.author(vec![]);
		}
	}

	/// Makes the next block in the next slot whose author is accepted by `may_author`, which gets
	/// the author's place among all authors.
	pub fn author_if(
		&mut self,
		may_author: impl Fn(u64) -> bool,
		transactions: Vec<UncheckedExtrinsic>,
	) -> Vec<ApplyExtrinsicResult> {
		let parent = self.best;
		let (best, results) = self.ext.execute_with(|| {
			let authors = pallet_aura::Authorities::<Runtime>::decode_len().unwrap() as u64;
			let mut slot = pallet_aura::CurrentSlot::<Runtime>::get().max(1_000.into()) + 1;
			while !may_author(*slot % authors) {
				slot = slot + 1;
			}
			let digest = Digest { logs: vec![DigestItem::PreRuntime(AURA_ENGINE_ID, Slot::encode(&slot))] };
			let number = System::block_number() + 1;
			Executive::initialize_block(&Header::new(number, Hash::zero(), Hash::zero(), parent, digest));
			let now = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now: *slot * SlotDuration::get() });
			Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(now)).unwrap().unwrap();
			let results = transactions.into_iter().map(apply).collect();
			let best = Executive::finalize_block().hash();
			#[cfg(feature = "try-runtime")]
			check_state();
			(best, results)
		});
		self.best = best;
		results
	}
}

/// Applies a transaction as block authors do: one that is not valid leaves no trace.
fn apply(transaction: UncheckedExtrinsic) -> ApplyExtrinsicResult {
	with_transaction_unchecked(|| match Executive::apply_extrinsic(transaction) {
		Ok(outcome) => TransactionOutcome::Commit(Ok(outcome)),
		Err(invalid) => TransactionOutcome::Rollback(Err(invalid)),
	})
}

/// Checks the invariants of the pallets' state, unless a migration is running.
#[cfg(feature = "try-runtime")]
pub fn check_state() {
	use frame_support::{
		migrations::MultiStepMigrator,
		traits::{TryState, TryStateSelect},
	};
	if !crate::Migrations::ongoing() {
		crate::AllPalletsWithSystem::try_state(System::block_number(), TryStateSelect::All).unwrap();
	}
}

/// The events of the best block.
pub fn events() -> Vec<RuntimeEvent> {
	System::events().into_iter().map(|record| record.event).collect()
}

/// A transaction signed as a wallet does it.
pub fn signed(who: Sr25519Keyring, call: RuntimeCall) -> UncheckedExtrinsic {
	let account = who.to_account_id();
	let extension = crate::extension(System::account_nonce(&account), Era::Immortal);
	let payload = SignedPayload::new(call, extension).unwrap();
	let signature = payload.using_encoded(|bytes| who.sign(bytes));
	let (call, extension, _) = payload.deconstruct();
	UncheckedExtrinsic::new_signed(call, AccountId::into(account), MultiSignature::Sr25519(signature), extension)
}
