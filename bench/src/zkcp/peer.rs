//! The peer to compare with, Groth16, which is a program of its own.

use anyhow::{ensure, Result};
use std::path::PathBuf;

/// Its program, which `make bench` builds beside this one.
const PROGRAM: &str = "waybill-bench-groth16";

/// Where it is. Looked up before anything is measured, so a missing program is found at once.
pub fn program() -> Result<PathBuf> {
	let program = std::env::current_exe()?.with_file_name(PROGRAM);
	ensure!(program.is_file(), "{} is missing; run `make bench`, which builds it", program.display());
	Ok(program)
}
