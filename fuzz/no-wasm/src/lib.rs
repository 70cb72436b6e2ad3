//! Takes the place of `substrate-wasm-builder` where the runtime is executed natively: the runtime has no WebAssembly then, as with
//! `SKIP_WASM_BUILD`, and neither wasm-opt nor the rest of the builder is compiled.

/// What the runtime's build script calls.
#[derive(Debug)]
pub struct WasmBuilder;

impl WasmBuilder {
	/// Tells the runtime that there is no WebAssembly.
	///
	/// # Panics
	/// If it cannot be written; only build scripts have a place for it.
	pub fn build_using_defaults() {
		let directory = std::env::var("OUT_DIR").expect("a build script has a directory to write to");
		let none = "pub const WASM_BINARY: Option<&[u8]> = None; pub const WASM_BINARY_BLOATY: Option<&[u8]> = None;";
		std::fs::write(std::path::Path::new(&directory).join("wasm_binary.rs"), none).expect("it can be written to");
	}
}
