//! The peer to compare with, Groth16, which is a program of its own.

use anyhow::{ensure, Context, Result};
use std::process::Command;

/// Its program, which `make bench` builds beside this one.
const PROGRAM: &str = "waybill-bench-groth16";

/// Measures it. Fails if its program is not there.
pub fn run() -> Result<()> {
	let program = std::env::current_exe()?.with_file_name(PROGRAM);
	let missing = || format!("{} is not there: `make bench` builds it", program.display());
	let status = Command::new(&program).status().with_context(missing)?;
	ensure!(status.success(), "{PROGRAM} failed: {status}");
	Ok(())
}
