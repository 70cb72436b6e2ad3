//! Builds the runtime for the chain, as WebAssembly.
//!
//! This program runs the builder as a second process of itself, in order to change what the builder
//! prints. The builder names our sources by absolute paths. With these, another checkout that
//! shares the target directory would have cargo watch the sources of this checkout.

use std::{
	env,
	path::Path,
	process::{exit, Command, Stdio},
};

/// Marks the process that runs the builder.
const INNER: &str = "WAYBILL_BUILDS_WASM";
const WATCHED: &str = "cargo:rerun-if-changed=";

fn main() {
	if env::var_os(INNER).is_some() {
		return build();
	}
	let builder = Command::new(env::current_exe().expect("this program runs"))
		.env(INNER, "1")
		// Rustc itself compiles the chain's code, without the workspace's wrapper.
		.env_remove("RUSTC_WORKSPACE_WRAPPER")
		.stderr(Stdio::inherit())
		.output()
		.expect("this program can be run again");
	let package = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
	let checkout = Path::new(&package).parent().expect("the package is a folder of the workspace");
	for line in String::from_utf8_lossy(&builder.stdout).lines() {
		let watched = line.strip_prefix(WATCHED).and_then(|file| Path::new(file).strip_prefix(checkout).ok());
		match watched {
			// Cargo resolves the path from this package's folder.
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
