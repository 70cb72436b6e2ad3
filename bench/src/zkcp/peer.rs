//! The peer to compare with, Groth16, which is a program of its own.

use anyhow::{ensure, Result};
use std::process::Command;

/// Its program, which `make bench` builds beside this one.
const PROGRAM: &str = "waybill-bench-groth16";

/// Measures it, if its program is there.
pub fn run() -> Result<()> {
	let program = std::env::current_exe()?.with_file_name(PROGRAM);
	if !program.exists() {
		eprintln!("bench: {} is not there: `make bench` builds it", program.display());
		return Ok(());
	}
	let status = Command::new(program).status()?;
	ensure!(status.success(), "{PROGRAM} failed: {status}");
	Ok(())
}
