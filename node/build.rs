//! Hands the version to the program, with the commit where a release names it.

use std::env;
use substrate_build_script_utils::generate_cargo_keys;

/// What a release build sets, to the commit's hash. Other builds name no commit: each new one would
/// have cargo compile the node once more.
const COMMIT: &str = "SUBSTRATE_CLI_GIT_COMMIT_HASH";

fn main() {
	println!("cargo:rerun-if-env-changed={COMMIT}");
	if env::var_os(COMMIT).is_none() {
		env::set_var(COMMIT, "");
	}
	generate_cargo_keys();
}
