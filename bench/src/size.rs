//! The size of the runtime that the chain stores.

use crate::{measures::WASM_BYTES, report::Report};
use anyhow::Context;

/// Prints the size of the runtime as it stands in the chain's state.
pub fn run(report: &mut Report) -> anyhow::Result<()> {
	let wasm =
		waybill_runtime::WASM_BINARY.context("the runtime was built without wasm; unset SKIP_WASM_BUILD and build again")?;
	report.figure(&WASM_BYTES, "compressed", wasm.len());
	Ok(())
}
