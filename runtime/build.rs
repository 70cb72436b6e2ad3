//! Builds the runtime for the chain, as WebAssembly.
//!
//! The builder runs in a process of its own, this program once more, so that what it prints can be
//! changed: it names our sources by absolute paths, and another checkout that uses the same target
//! directory would have cargo watch the sources of this one.

use std::{
	env,
	path::Path,
	process::{exit, Command, Stdio},
};

/// Set where the builder is to run.
const INNER: &str = "WAYBILL_BUILDS_WASM";
const WATCHED: &str = "cargo:rerun-if-changed=";

fn main() {
	if env::var_os(INNER).is_some() {
		return build();
	}
	let builder = Command::new(env::current_exe().expect("this program runs"))
		.env(INNER, "1")
		// The chain's code is compiled by rustc itself, without what the workspace puts around it.
		.env_remove("RUSTC_WORKSPACE_WRAPPER")
		.stderr(Stdio::inherit())
		.output()
		.expect("this program can be run again");
	let package = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
	let checkout = Path::new(&package).parent().expect("the package is a folder of the workspace");
	for line in String::from_utf8_lossy(&builder.stdout).lines() {
		let watched = line.strip_prefix(WATCHED).and_then(|file| Path::new(file).strip_prefix(checkout).ok());
		match watched {
			// Cargo reads it from this package's folder.
			Some(file) => println!("{WATCHED}../{}", file.display()),
			None => println!("{line}"),
		}
	}
	if !builder.status.success() {
		exit(builder.status.code().unwrap_or(1));
	}
}

fn build() {
	#[cfg(all(feature = "std", feature = "metadata-hash"))]
	substrate_wasm_builder::WasmBuilder::init_with_defaults().enable_metadata_hash("UNIT", 12).build();

	#[cfg(all(feature = "std", not(feature = "metadata-hash")))]
	substrate_wasm_builder::WasmBuilder::build_using_defaults();
}
