//! The size of what the chain stores of itself.

use crate::report::figure;
use anyhow::Context;

/// Prints the size of the runtime as it stands in the chain's state.
pub fn run() -> anyhow::Result<()> {
	let wasm =
		waybill_runtime::WASM_BINARY.context("the runtime was built without wasm: unset SKIP_WASM_BUILD and build again")?;
	figure("wasm_bytes", "compressed", wasm.len(), "B");
	Ok(())
}
