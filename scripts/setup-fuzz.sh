#!/usr/bin/env bash
# Builds cargo-fuzz from crates.io. Safe to run again: does nothing when this version is there.
#
# Usage: setup-fuzz.sh CACHE_DIR
# Leaves the program in CACHE_DIR/bin/cargo-fuzz.
set -euo pipefail

cache=${1:?usage: setup-fuzz.sh CACHE_DIR}
version=0.13.2
say() { printf 'setup: %s\n' "$*" >&2; }

mkdir -p "$cache/bin"
bin=$(cd "$cache/bin" && pwd)
if [ -x "$bin/cargo-fuzz" ] && [ "$("$bin/cargo-fuzz" --version 2>/dev/null)" = "cargo-fuzz $version" ]; then exit 0; fi

say "building cargo-fuzz $version (about a minute)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CARGO_TARGET_DIR=$work/target cargo install --quiet --locked --version "$version" --root "$work" cargo-fuzz
mv "$work/bin/cargo-fuzz" "$bin/cargo-fuzz"
