//! Replaces `substrate-wasm-builder` where the runtime is executed natively.
//!
//! The runtime then has no WebAssembly, as with `SKIP_WASM_BUILD`, and neither wasm-opt nor the
//! rest of the builder is compiled.

/// The builder that the runtime's build script calls.
#[derive(Debug)]
pub struct WasmBuilder;

impl WasmBuilder {
	/// Records that the runtime has no WebAssembly.
	///
	/// # Panics
	/// If the file cannot be written, or outside of a build script, which has no folder for it.
	pub fn build_using_defaults() {
		let directory = std::env::var("OUT_DIR").expect("a build script has a directory to write to");
		let none = "pub const WASM_BINARY: Option<&[u8]> = None; pub const WASM_BINARY_BLOATY: Option<&[u8]> = None;";
		std::fs::write(std::path::Path::new(&directory).join("wasm_binary.rs"), none).expect("it can be written to");
	}
}
