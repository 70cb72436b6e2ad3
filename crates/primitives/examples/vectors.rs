//! Writes the test vectors in `vectors/`: `cargo run --example vectors -p waybill-primitives`.
//!
//! `tests/vectors.rs` checks the files; `vectors/README.md` describes every field.

#[path = "../tests/generate/mod.rs"]
mod generate;

fn main() -> std::io::Result<()> {
	// Read at run time: another checkout may have compiled this program.
	let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs this");
	let folder = std::path::Path::new(&package).join("vectors");
	for (name, text) in generate::all() {
		std::fs::write(folder.join(name), text)?;
		println!("{name}");
	}
	Ok(())
}
