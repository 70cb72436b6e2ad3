//! The runtime as nodes execute it.

use crate::world::World;
use anyhow::{anyhow, ensure, Context, Result};
use codec::{Decode, Encode};
use sc_executor::WasmExecutor;
use sp_core::traits::{CallContext, CodeExecutor, RuntimeCode, WrappedRuntimeCode};
use sp_externalities::Externalities;
use sp_runtime::{traits::Header as _, ApplyExtrinsicResult};
use waybill_runtime::{Header, System};

/// The runtime's wasm, compiled.
pub struct Wasm {
	executor: WasmExecutor,
	code: &'static [u8],
}

impl Wasm {
	/// The runtime of this build.
	pub fn new() -> Result<Self> {
		let code = waybill_runtime::WASM_BINARY
			.context("the runtime was built without wasm; unset SKIP_WASM_BUILD and build again")?;
		Ok(Self { executor: WasmExecutor::builder().build(), code })
	}

	/// Applies a transaction in the next block.
	pub fn apply(&self, world: &mut World, transaction: &[u8]) -> Result<()> {
		let number = world.with(System::block_number) + 1;
		self.apply_on(&mut world.externalities(), number, transaction)
	}

	/// Applies a transaction in the next block and takes back what it changed.
	pub fn apply_and_undo(&self, world: &mut World, transaction: &[u8]) -> Result<()> {
		let number = world.with(System::block_number) + 1;
		let mut state = world.externalities();
		state.storage_start_transaction();
		let applied = self.apply_on(&mut state, number, transaction);
		state.storage_rollback_transaction().map_err(|()| anyhow!("the transaction was ended by another"))?;
		applied
	}

	fn apply_on(&self, state: &mut dyn Externalities, number: u32, transaction: &[u8]) -> Result<()> {
		let header =
			Header::new(number, Default::default(), Default::default(), Default::default(), Default::default()).encode();
		self.call(state, "Core_initialize_block", &header)?;
		let result = self.call(state, "BlockBuilder_apply_extrinsic", transaction)?;
		let result = ApplyExtrinsicResult::decode(&mut &result[..])?;
		ensure!(matches!(result, Ok(Ok(()))), "a transaction failed: {result:?}");
		Ok(())
	}

	fn call(&self, state: &mut dyn Externalities, method: &str, data: &[u8]) -> Result<Vec<u8>> {
		let code_fetcher = WrappedRuntimeCode(self.code.into());
		let code = RuntimeCode { code_fetcher: &code_fetcher, heap_pages: None, hash: vec![0; 32] };
		let context = CallContext::Onchain { import: false };
		let (result, _) = self.executor.call(state, &code, method, data, context);
		result.map_err(|error| anyhow!("{method}: {error}"))
	}
}
