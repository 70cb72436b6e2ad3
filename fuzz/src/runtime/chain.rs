//! Blocks and transactions.

use super::invariants;
use codec::Encode;
use frame_support::{
	dispatch::{DispatchClass, GetDispatchInfo},
	storage::transactional::with_transaction_opaque_err,
	traits::{fungible::Inspect, Get},
};
use sp_consensus_aura::{Slot, AURA_ENGINE_ID};
use sp_core::H256;
use sp_runtime::{
	generic::Era,
	traits::{DispatchTransaction, Header as _, TransactionExtension},
	transaction_validity::{InvalidTransaction, TransactionValidityError},
	Digest, DigestItem, DispatchResult, TransactionOutcome,
};
use std::sync::LazyLock;
use waybill_runtime::{
	configs::RuntimeBlockWeights, extension, slot::SlotDuration, AccountId, Balance, Balances, BlockNumber, Executive,
	Header, Runtime, RuntimeCall, RuntimeOrigin, Session, System, UncheckedExtrinsic, EXISTENTIAL_DEPOSIT,
};

/// The slot of block 0.
const FIRST_SLOT: u64 = 1_000;
/// The bytes of a transaction besides its call: address, signature and extension.
const ENVELOPE: usize = 120;

/// Whether to print blocks, calls and results.
static TRACE: LazyLock<bool> = LazyLock::new(|| std::env::var_os("WAYBILL_FUZZ_TRACE").is_some());

/// The outcome of a transaction: refused before dispatch, or dispatched.
pub type Outcome = Result<DispatchResult, TransactionValidityError>;

/// A chain whose latest block is not finished.
pub struct Chain {
	number: BlockNumber,
	issuance: Balance,
}

impl Chain {
	/// Starts the block after the latest one.
	pub fn resume() -> Self {
		let number = System::block_number() + 1;
		start(number);
		Self { number, issuance: Balances::total_issuance() }
	}

	/// The number of the current block.
	pub fn number(&self) -> BlockNumber {
		self.number
	}

	/// Finishes the current block and starts the one `blocks` later. The blocks in between would be
	/// empty, so they are left out.
	pub fn pass(&mut self, blocks: u32) {
		finish();
		self.issuance = invariants::block(self.number, self.issuance);
		self.number += blocks;
		start(self.number);
	}

	/// Finishes the current block.
	pub fn rest(self) {
		finish();
	}

	/// Signs a transaction as `who` and sends it.
	pub fn send(&mut self, who: &AccountId, call: RuntimeCall) -> Outcome {
		let extension = extension(System::account_nonce(who), Era::Immortal);
		let mut info = call.get_dispatch_info();
		if info.class == DispatchClass::Mandatory {
			return Err(InvalidTransaction::MandatoryValidation.into());
		}
		info.extension_weight = extension.weight(&call);
		if *TRACE {
			eprintln!("{who}: {call:?}");
		}
		let bytes = call.encode();
		let len = bytes.len() + ENVELOPE;
		let result = with_transaction_opaque_err(|| {
			System::note_extrinsic(bytes);
			let origin = RuntimeOrigin::signed(who.clone());
			match extension.dispatch_transaction(origin, call, &info, len, 0) {
				Ok(_) if !authors_can_be_paid() => TransactionOutcome::Rollback(Err(InvalidTransaction::Payment.into())),
				Ok(result) => {
					System::note_applied_extrinsic(&result, info);
					TransactionOutcome::Commit(Ok(result))
				},
				Err(invalid) => TransactionOutcome::Rollback(Err(invalid)),
			}
		})
		.expect("transactions of storage are not nested so deep");
		if *TRACE {
			eprintln!("\t{result:?}");
		}
		let result = result?;
		let post = result.as_ref().unwrap_or_else(|error| &error.post_info);
		let used = post.actual_weight.unwrap_or_else(|| info.total_weight());
		assert!(used.all_lte(info.total_weight()), "used {used}, declared {}", info.total_weight());
		Ok(result.map(|_| ()).map_err(|error| error.error))
	}

	/// Sends an unsigned transaction.
	pub fn send_general(&mut self, transaction: UncheckedExtrinsic) -> Outcome {
		if *TRACE {
			eprintln!("nobody: {:?}", transaction.function);
		}
		with_transaction_opaque_err(|| match Executive::apply_extrinsic(transaction) {
			Ok(result) => TransactionOutcome::Commit(Ok(result)),
			Err(invalid) => TransactionOutcome::Rollback(Err(invalid)),
		})
		.expect("transactions of storage are not nested so deep")
	}
}

fn start(number: BlockNumber) {
	if *TRACE {
		eprintln!("block {number}");
	}
	let slot = FIRST_SLOT + u64::from(number);
	// Block 0 is the genesis. Statements are bound to its hash.
	let parent = if number == 1 { System::block_hash(0) } else { H256::from_low_u64_be(number.into()) };
	let digest = Digest { logs: vec![DigestItem::PreRuntime(AURA_ENGINE_ID, Slot::from(slot).encode())] };
	System::set_block_number(number - 1);
	Executive::initialize_block(&Header::new(number, H256::zero(), H256::zero(), parent, digest));
	let now = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now: slot * SlotDuration::get() });
	let set = Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(now));
	assert_eq!(set, Ok(Ok(())));
	Executive::inherents_applied();
}

/// Whether every author has an account. An account that purges its keys and leaves may still author
/// a block. Its reward then stays in the pot, and the SDK asserts that this never happens.
fn authors_can_be_paid() -> bool {
	let queued = pallet_session::QueuedKeys::<Runtime>::get().into_iter().map(|(author, _)| author);
	Session::validators().into_iter().chain(queued).all(|author| Balances::total_balance(&author) >= EXISTENTIAL_DEPOSIT)
}

fn finish() {
	let (weight, limits) = (System::block_weight(), RuntimeBlockWeights::get());
	for class in [DispatchClass::Normal, DispatchClass::Operational] {
		let most = limits.get(class).max_total.unwrap_or(limits.max_block);
		assert!(weight.get(class).all_lte(most), "{class:?} transactions fill {}", weight.get(class));
	}
	Executive::finalize_block();
}
