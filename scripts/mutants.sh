#!/usr/bin/env bash
# Mutation tests of the pallets (.cargo/mutants.toml). Lists every change to the code that no test
# notices.
#
# Usage: mutants.sh CACHE_DIR [ARGUMENTS OF cargo mutants ...]
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${1:?usage: mutants.sh CACHE_DIR [ARGUMENTS OF cargo mutants ...]}
shift
version=27.1.0
if [ "$(cargo mutants --version 2>/dev/null)" != "cargo-mutants $version" ]; then
  printf 'mutants: installing cargo-mutants %s\n' "$version" >&2
  CARGO_TARGET_DIR=$cache/target-mutants cargo install --quiet --locked --root "$cache" --version "$version" cargo-mutants
fi
# Keep the builds of changed sources out of the directory that everything else shares.
export CARGO_TARGET_DIR=$cache/target-mutants CARGO_PROFILE_DEV_DEBUG=0
# Unoptimised property tests are slow, and a few cases suffice to notice a change.
export PROPTEST_CASES=${PROPTEST_CASES:-8}
exec cargo mutants --package pallet-firmware --package pallet-pod-bounty --package pallet-voters --output "$cache" "$@"
