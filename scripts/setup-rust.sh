#!/usr/bin/env bash
# Provides a Rust toolchain that can build the runtime (target wasm32v1-none, with its standard
# library). Uses rustup if it can fetch the target, and Debian's packages otherwise.
# Safe to run again: does only what is missing.
#
# Usage: setup-rust.sh CACHE_DIR
# Leaves links to the chosen tools in CACHE_DIR/rust/bin, which the Makefile puts first in PATH.
set -euo pipefail

cache=${1:?usage: setup-rust.sh CACHE_DIR}
bin=$cache/rust/bin
target=wasm32v1-none
say() { printf 'setup: %s\n' "$*" >&2; }

has_target() { # RUSTC
  local lib
  lib=$("$1" --print sysroot)/lib/rustlib/$target/lib
  compgen -G "$lib/libcore-*.rlib" >/dev/null && compgen -G "$lib/liballoc-*.rlib" >/dev/null &&
    compgen -G "$lib/libcompiler_builtins-*.rlib" >/dev/null
}

link_tools() { # DIRECTORY
  mkdir -p "$bin"
  local tool
  for tool in cargo rustc rustdoc rustfmt cargo-fmt cargo-clippy clippy-driver; do
    if [ -x "$1/$tool" ]; then ln -sf "$1/$tool" "$bin/$tool"; fi
  done
}

if [ -x "$bin/rustc" ] && has_target "$bin/rustc"; then exit 0; fi

if command -v rustup >/dev/null && timeout 300 rustup target add $target >/dev/null 2>&1 &&
  timeout 300 rustup component add rust-src clippy rustfmt >/dev/null 2>&1; then
  say "using rustup's toolchain"
  link_tools "$(dirname "$(rustup which rustc)")"
  exit 0
fi

say "rustup cannot add $target here; using Debian's packages"
"$(dirname "$0")/setup-packages.sh" rustc-web cargo-web rust-web-src rust-web-llvm rust-web-clippy rustfmt-web lld-22
link_tools /usr/bin
export PATH=$bin:$PATH
if has_target rustc; then exit 0; fi

say "building the standard library for $target from Debian's sources"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
printf '[package]\nname = "stdlib"\nversion = "0.0.0"\nedition = "2021"\n' >"$work/Cargo.toml"
printf '#![no_std]\nextern crate alloc;\n' >"$work/src/lib.rs"
# The link-time optimisation of substrate-wasm-builder needs embedded bitcode.
(cd "$work" && env -u CARGO_BUILD_TARGET RUSTFLAGS='-C embed-bitcode=yes' RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$work/target" \
  cargo build --quiet --release --target $target \
  -Z build-std=core,alloc,compiler_builtins -Z build-std-features=compiler-builtins-mem)
lib=$(rustc --print sysroot)/lib/rustlib/$target/lib
if [ -w "$(rustc --print sysroot)/lib/rustlib" ]; then sudo=; else sudo=sudo; fi
$sudo mkdir -p "$lib"
for crate in core alloc compiler_builtins; do
  $sudo cp "$work/target/$target/release/deps/lib$crate"-*.rlib "$lib/"
done
has_target rustc || { say "the standard library for $target did not build; see above"; exit 1; }
