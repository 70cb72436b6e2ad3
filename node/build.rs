//! Passes the version to the program. A release also passes its commit.

use std::env;
use substrate_build_script_utils::generate_cargo_keys;

/// A release build sets this to its commit's hash. Other builds name no commit: otherwise cargo
/// would compile the node again after each one.
const COMMIT: &str = "SUBSTRATE_CLI_GIT_COMMIT_HASH";

fn main() {
	println!("cargo:rerun-if-env-changed={COMMIT}");
	if env::var_os(COMMIT).is_none() {
		env::set_var(COMMIT, "");
	}
	generate_cargo_keys();
}
