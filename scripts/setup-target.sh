#!/usr/bin/env bash
# Provides what it takes to compile the device agent for another machine: Debian's cross compiler
# (ring has parts in C and assembly) and Rust's standard library.
# Safe to run again: does only what is missing.
#
# Usage: setup-target.sh TARGET
# For a target that is not listed here, install a C compiler and name the linker yourself
# (CARGO_TARGET_…_LINKER).
set -euo pipefail

target=${1:?usage: setup-target.sh TARGET}
say() { printf 'setup: %s\n' "$*" >&2; }

here=$(cd "$(dirname "$0")" && pwd)
case $target in
  aarch64-unknown-linux-gnu) "$here/setup-packages.sh" gcc-aarch64-linux-gnu libc6-dev-arm64-cross ;;
  armv7-unknown-linux-gnueabihf) "$here/setup-packages.sh" gcc-arm-linux-gnueabihf libc6-dev-armhf-cross ;;
esac

library=$(rustc --print sysroot)/lib/rustlib/$target/lib
has_library() { compgen -G "$library/libcore-*.rlib" >/dev/null; }
if ! has_library; then
  say "installing Rust's standard library for $target"
  rustup target add "$target" >&2 || true
  has_library || {
    say "rustc has no standard library for $target; install Rust with rustup, and run this again"
    exit 1
  }
fi
