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

case $target in
  aarch64-unknown-linux-gnu) wanted=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross) ;;
  armv7-unknown-linux-gnueabihf) wanted=(gcc-arm-linux-gnueabihf libc6-dev-armhf-cross) ;;
  *) wanted=() ;;
esac
packages=()
for package in "${wanted[@]}"; do
  dpkg -s "$package" >/dev/null 2>&1 || packages+=("$package")
done
if [ ${#packages[@]} -gt 0 ]; then
  say "installing ${packages[*]}"
  if [ "$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi
  $sudo apt-get update -qq
  $sudo apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

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
